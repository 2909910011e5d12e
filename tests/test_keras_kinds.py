"""Promises about Keras files: layers and arithmetic answer as they did, in both Kerases and in both kinds of file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagesight.adopt import Adoption, adopt
from pagesight.errors import AdoptError

from . import foreign_models as foreign
from .test_adopt import LABELS, answers, same_answers

pytestmark = pytest.mark.filterwarnings("ignore")
SIDE = 16


def ended(k: Any, image: Any, x: Any, activation: str | None = "softmax", classes: int = 3) -> Any:
    x = k.layers.Conv2D(4, 3, strides=2, activation="relu", bias_initializer="random_normal")(x)
    x = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(image, k.layers.Dense(classes, activation=activation, bias_initializer="random_normal")(x))


def normalized(k: Any, image: Any) -> Any:
    layer = k.layers.Normalization()
    layer.adapt(foreign.noise(SIDE))
    return layer(image)


def grouped(k: Any, image: Any) -> Any:
    x = k.layers.Conv2D(4, 3, padding="same", bias_initializer="random_normal")(k.layers.Rescaling(1 / 255)(image))
    return k.layers.Conv2D(6, 3, strides=2, groups=2, activation="relu", bias_initializer="random_normal")(x)


def attended(k: Any, image: Any) -> Any:
    x = k.layers.Conv2D(6, 4, strides=4)(k.layers.Rescaling(1 / 255)(image))
    tokens = k.layers.Reshape((16, 6))(x)
    attention = k.layers.MultiHeadAttention(2, 3, bias_initializer="random_normal")
    return k.layers.Reshape((4, 4, 6))(k.layers.LayerNormalization()(attention(tokens, tokens) + tokens))


def cropped(k: Any, image: Any) -> Any:
    return k.layers.UnitNormalization()(k.layers.RandomCrop(12, 12)(k.layers.Rescaling(1 / 255, 0.1)(image)))


def arithmetic(k: Any, image: Any) -> Any:
    x = 1.0 - k.layers.Rescaling(1 / 255)(image)
    return 2 / (1.5 + x) - x * (0.5 - x) + x**2


KINDS: dict[str, Callable[[Any, Any], Any]] = {
    "an adapted Normalization": normalized,
    "constants as first operands": arithmetic,
    "255 - x": lambda k, image: 255.0 - image,
    "a mean that is subtracted, colors flipped": lambda k, image: k.applications.resnet50.preprocess_input(image),
    "torch's preprocessing": lambda k, image: k.applications.densenet.preprocess_input(image),
    "Rescaling(1, -128)": lambda k, image: k.layers.Rescaling(1.0, -128.0)(image),
    "PReLU with shared axes": lambda k, image: k.layers.PReLU(shared_axes=[1, 2], alpha_initializer="random_normal")(
        k.layers.Conv2D(4, 3)(k.layers.Rescaling(1 / 255, -0.5)(image))
    ),
    "a grouped convolution": grouped,
    "attention": attended,
    "RandomCrop and UnitNormalization": cropped,
}
ENDINGS = {"keras2": ".h5", "keras3": ".keras"}


@pytest.mark.parametrize("flavour", ENDINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_layers_and_arithmetic_answer_as_in_keras(kind: str, flavour: str, tmp_path: Path) -> None:
    if "RandomCrop" in kind and flavour == "keras3":
        pytest.skip("Keras 3 lets RandomCrop through, but says that it had cropped")
    k = foreign.library(flavour)
    image = k.Input((SIDE, SIDE, 3))
    model = ended(k, image, KINDS[kind](k, image))
    head = model.layers[-1]
    images = foreign.noise(SIDE)
    weights, offsets = head.get_weights()
    scale = 4 / np.ptp(np.asarray(k.Model(model.inputs, head.input)(images)) @ weights)
    head.set_weights([scale * weights, offsets])  # so that answers differ between pictures, whatever the range
    saved = adopt(foreign.saved(model, tmp_path / f"m{ENDINGS[flavour]}"), LABELS, tmp_path / "out")
    same_answers(saved, np.asarray(model(images, training=False)), images)


def test_the_other_kinds_of_file_keep_them_too(tmp_path: Path) -> None:
    images = foreign.noise(SIDE)
    for flavour, ending in (("keras2", ".keras"), ("keras3", ".h5"), ("keras3", "")):
        k = foreign.library(flavour)
        image = k.Input((SIDE, SIDE, 3))
        x = k.layers.Activation("swish")(k.layers.Conv2D(4, 3)(1.0 - normalized(k, image)))
        model = ended(k, image, x)
        saved = adopt(foreign.saved(model, tmp_path / f"{flavour}{ending}"), LABELS, tmp_path / f"out-{flavour}{ending}")
        same_answers(saved, np.asarray(model(images)), images)


def test_several_sigmoids_stay_independent_and_small_logits_are_no_probabilities(tmp_path: Path) -> None:
    k, images = foreign.library("keras3"), foreign.noise(SIDE)
    image = k.Input((SIDE, SIDE, 3))
    several = ended(k, image, k.layers.Rescaling(1 / 255)(image), "sigmoid")
    saved = adopt(foreign.saved(several, tmp_path / "m.keras"), LABELS, tmp_path / "several")
    assert saved.contract.decision.kind == "multilabel"
    assert np.allclose(answers(saved, images)["probabilities"], several(images), atol=1e-5)
    one = ended(k, image, k.layers.Rescaling(1 / 255)(image), None, classes=1)
    one.layers[-1].set_weights([0.01 * one.layers[-1].get_weights()[0], np.array([0.45], np.float32)])
    saved = adopt(foreign.saved(one, tmp_path / "one.keras"), Adoption(labels="no,yes"), tmp_path / "one")
    assert np.allclose(answers(saved, images)["probabilities"][:, 1:], 1 / (1 + np.exp(-np.asarray(one(images)))), atol=1e-5)
    assert saved.contract.decision.kind == "single"


def test_a_frozen_network_inside_and_a_name_that_only_begins_like_one_decide_nothing(tmp_path: Path) -> None:
    k = foreign.library("keras3")
    body = k.applications.MobileNet(weights=None, input_shape=(32, 32, 3), alpha=0.25, include_top=False)
    foreign.seasoned(body, 32)
    body.trainable = False
    model = k.Sequential([k.Input((32, 32, 3)), body, k.layers.GlobalAveragePooling2D(), k.layers.Dense(3, activation="softmax")])
    source = foreign.saved(model, tmp_path / "m.keras")
    with pytest.raises(AdoptError, match="its network is frozen") as caught:
        adopt(source, LABELS, tmp_path / "out")
    assert "--input-range" in caught.value.fix
    adopt(source, Adoption(labels=foreign.LABELS, guess=True), tmp_path / "guessed")
    image = k.Input((SIDE, SIDE, 3))
    named = ended(k, image, image)
    named = k.Model(named.inputs, named.outputs, name="mobilenet_for_my_pets")
    with pytest.raises(AdoptError, match="its file does not say"):
        adopt(foreign.saved(named, tmp_path / "n.keras"), LABELS, tmp_path / "out")


def test_labels_are_read_from_every_list_in_use_and_must_differ(tmp_path: Path) -> None:
    from pagesight.importers.labels import read_labels

    lists = {
        "labels.txt": "0 cat\n1 dog\n",
        "dict.txt": "cat\ndog\n",
        "class_indices.json": '{"dog": 1, "cat": 0}',
        "imagenet_class_index.json": '{"0": ["n01", "cat"], "1": ["n02", "dog"]}',
        "labels.json": '["cat", "dog"]',
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_labels(str(tmp_path / name)) == ("cat", "dog"), name
    with pytest.raises(AdoptError, match="'cat' stands 2 times"):
        read_labels("cat,dog,cat")
