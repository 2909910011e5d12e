"""Promises of adopt: whatever made the model, the same answers come out of the same pictures."""

import json
import shutil
import tarfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pagesight import manifest
from pagesight.adopt import Adoption, adopt
from pagesight.artifacts import SavedModel
from pagesight.browser import discovery
from pagesight.bundle import bundle
from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import door, last_layer, shards
from pagesight.options import Bundling, Quantization, Verification
from pagesight.quantize import quantize
from pagesight.verify import verify

from . import foreign_models as foreign
from . import tolerance

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras warns on saving .h5, TensorFlow on everything
LABELS = Adoption(labels=foreign.LABELS)


def answers(saved: SavedModel, images: Any) -> dict[str, Any]:
    """What the SavedModel's signature gives."""
    loaded = tensorflow().saved_model.load(str(saved.path / "saved_model"))
    return {k: v.numpy() for k, v in loaded.signatures["serving_default"](image=tensorflow().constant(images)).items()}


def same_answers(saved: SavedModel, expected: Any, images: Any) -> None:
    result = answers(saved, images)["probabilities"]
    # The deepest of these models has the 28 layers of a MobileNet, whose longest sums are of 256 products.
    close = tolerance.of_softmax(tolerance.of_sum(256, tolerance.spread(expected), layers=28))
    assert np.abs(result - expected).max() <= close
    assert np.ptp(result, axis=0).max() > 1e-3, "all pictures get the same answer: the test proves nothing"


@pytest.mark.parametrize("flavour", ["keras2", "keras3"])
@pytest.mark.parametrize("ending", [".h5", ".keras", ""])
def test_a_small_keras_model_answers_as_before(flavour: str, ending: str, tmp_path: Path) -> None:
    model = foreign.tiny(flavour)
    saved = adopt(foreign.saved(model, tmp_path / f"m{ending}"), LABELS, tmp_path / "out")
    images = foreign.noise(16)
    same_answers(saved, np.asarray(model(images)), images)
    assert saved.contract.labels == ("ant", "bee", "cat")
    assert saved.contract.input.side == 16
    assert answers(saved, images)["embedding"].shape == (8, 4)
    assert answers(saved, images)["features"].shape == (8, 7, 7, 4)


def caffe(x: Any) -> Any:
    """BGR minus ImageNet's means."""
    return x[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)


APPLICATIONS: list[tuple[str, str, dict[str, Any], Callable[[Any], Any]]] = [
    ("keras2", "MobileNetV2", {"alpha": 0.35}, lambda x: x / 127.5 - 1),
    ("keras3", "MobileNet", {"alpha": 0.25}, lambda x: x / 127.5 - 1),
    ("keras2", "MobileNetV3Small", {}, lambda x: x),
    ("keras3", "MobileNetV3Small", {}, lambda x: x),
    ("keras2", "EfficientNetB0", {}, lambda x: x),
    ("keras3", "EfficientNetB0", {}, lambda x: x),
    ("keras2", "ResNet50", {}, caffe),
    ("keras3", "VGG16", {}, caffe),
]
"""Both Kerases where they write a network differently; MobileNet of Keras 2 is among the sources below."""


@pytest.mark.slow
@pytest.mark.parametrize(("flavour", "family", "options", "scale"), APPLICATIONS, ids=[f"{a[1]} of {a[0]}" for a in APPLICATIONS])
def test_known_networks_get_the_pixels_they_were_made_for(
    flavour: str, family: str, options: dict[str, Any], scale: Callable[[Any], Any], tmp_path: Path
) -> None:
    side = 64
    model = foreign.application(flavour, family, side, scale, **options)
    saved = adopt(foreign.saved(model, tmp_path / "m.h5"), LABELS, tmp_path / "out")
    images = foreign.noise(side)
    result = answers(saved, images)
    expected = np.asarray(model(scale(images), training=False))
    assert np.abs(result["probabilities"] - expected).max() <= tolerance.of_keras(model, expected)
    assert result["embedding"].ndim == 2
    # VGG16 knows where it saw what to the end: no place of its map can be asked alone.
    assert ("features" in result) == (family != "VGG16")


def hub_model(folder: Path) -> Any:
    """A tf-keras model with a hub layer, and the layer's own folder."""
    from pagesight.graph.tensorflow import hub, keras

    body = foreign.tiny("keras2", activation="relu", classes=6)
    body.save(folder / "body", save_format="tf")
    tk = keras()
    layer = hub().KerasLayer(str(folder / "body"), trainable=True)
    return tk.Sequential([tk.layers.Input((16, 16, 3)), layer, tk.layers.Dense(3, activation="softmax")])


def test_a_model_with_a_hub_layer_answers_as_before(tmp_path: Path) -> None:
    model = hub_model(tmp_path)
    images = foreign.noise(16)
    expected = np.asarray(model(images))
    for source in (tmp_path / "m.h5", tmp_path / "m"):
        same_answers(adopt(foreign.saved(model, source), LABELS, tmp_path / f"out{source.suffix}"), expected, images)


def test_a_tf_hub_address_is_taken_from_the_cache_and_an_archive_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    model, images = foreign.tiny(), foreign.noise(16)
    handle = "https://tfhub.dev/somebody/tiny/classification/1"
    inside = tmp_path / "cache" / hashlib.sha1(handle.encode()).hexdigest()
    foreign.saved(model, inside)
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as archive:
        archive.add(inside, ".")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    for number, source in enumerate((handle, tmp_path / "m.tar.gz")):
        same_answers(adopt(source, LABELS, tmp_path / f"out{number}"), np.asarray(model(images)), images)


@pytest.mark.shared
def test_a_teachable_machine_export_brings_labels_size_and_scaling(shared: Path, tmp_path: Path) -> None:
    source = shared / "peers" / "teachable-machine-tiny-image-model.zip"
    saved = adopt(source, Adoption(), tmp_path / "zip")
    assert saved.contract.labels == ("Class 1", "Class 2")
    assert (saved.contract.input.side, saved.contract.input.channels, saved.contract.input.crop) == (96, 1, "center-square")
    with zipfile.ZipFile(source) as archive:
        archive.extractall(tmp_path / "folder")
    again = adopt(tmp_path / "folder", Adoption(), tmp_path / "again")
    images = foreign.noise(96, 1)
    assert np.array_equal(answers(saved, images)["probabilities"], answers(again, images)["probabilities"])
    with pytest.raises(AdoptError, match=r"takes pixels in -1\.\.1"):
        adopt(source, Adoption(input_range="0..1"), tmp_path / "wrong")


def layers_model(model: Any, folder: Path) -> Path:
    from pagesight.graph.tensorflowjs import _tensorflowjs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _tensorflowjs().converters.save_keras_model(model, str(folder))
    return folder


def graph_model(model: Any, work: Path) -> Path:
    saved = adopt(foreign.saved(model, work / "m.h5"), LABELS, work / "adopted")
    return quantize(saved, Quantization(mode="none"), work / "web").path / "model" / "model.json"


def test_a_tfjs_layers_model_and_a_graph_model_answer_as_before(tmp_path: Path) -> None:
    model, images = foreign.tiny(), foreign.noise(16)
    layers = adopt(layers_model(model, tmp_path / "layers"), LABELS, tmp_path / "a")
    same_answers(layers, np.asarray(model(images)), images)
    path = graph_model(model, tmp_path / "work")
    contract = json.loads((path.parents[1] / "contract.json").read_text(encoding="utf-8"))
    contract["decision"]["threshold"] = 0.83
    manifest.write_json(path.parents[1] / "contract.json", contract)
    again = adopt(path, Adoption(), tmp_path / "b")  # our contract names the labels
    same_answers(again, np.asarray(model(images)), images)
    assert again.contract.decision.threshold == 0.83
    alone = shutil.copytree(path.parent, tmp_path / "alone")
    same_answers(adopt(alone, LABELS, tmp_path / "c"), np.asarray(model(images)), images)


def test_logits_get_a_softmax_and_one_score_two_sides(tmp_path: Path) -> None:
    images = foreign.noise(16)
    logits = foreign.tiny(activation=None)
    saved = adopt(foreign.saved(logits, tmp_path / "l.h5"), LABELS, tmp_path / "l")
    same_answers(saved, tensorflow().nn.softmax(logits(images)).numpy(), images)
    one = foreign.tiny(activation="sigmoid", classes=1)
    yes = np.asarray(one(images))
    both = adopt(foreign.saved(one, tmp_path / "s.h5"), Adoption(labels="no,yes"), tmp_path / "s")
    same_answers(both, np.concatenate([1 - yes, yes], 1), images)
    assert np.allclose(answers(both, images)["probabilities"].sum(1), 1, rtol=0, atol=tolerance.of_sum(2, 1))


def plain(tmp_path: Path, **options: Any) -> Path:
    """A model without scaling and without batch norms: nothing tells what it takes."""
    k = foreign.library("keras2")
    layers = [k.layers.Conv2D(2, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3, activation="softmax")]
    shape = options.get("shape", (16, 16, 3))
    return foreign.saved(k.Sequential([k.layers.Input(shape), *layers]), tmp_path / "plain.h5")


@pytest.mark.parametrize(
    ("shape", "options", "what", "fix"),
    [
        ((16, 16, 3), {"labels": "a,b"}, "gives 3 scores, but there are 2 labels", "3 names"),
        ((16, 16, 3), {}, "does not name its classes", "--labels"),
        ((16, 16, 3), {"labels": "a,b,c", "input_range": None}, "input range is ambiguous", "--guess"),
        ((16, 16, 3), {"labels": "a,,c"}, "empty name", "one name for each"),
        ((16, 16, 3), {"labels": "names.txt"}, "no labels file", "a,b,c"),
        ((16, 16, 3), {"labels": "a,b,c", "side": 32}, "takes pictures of 16 px, not 32", "--side"),
        ((16, 24, 3), {"labels": "a,b,c"}, "24×16", "squares"),
        ((None, None, 3), {"labels": "a,b,c"}, "any size", "--side 224"),
        ((16, 16, 4), {"labels": "a,b,c"}, "4 channels", "RGB or gray"),
        ((16, 16, 1), {"labels": "a,b,c", "input_range": "caffe"}, "for color", "0..1"),
        ((16, 16, 3), {"labels": "a,b,c", "crop": "left"}, "no crop 'left'", "center-square"),
        ((16, 16, 3), {"labels": "a,b,c", "input_range": "0..2"}, "no input range", "0..1"),
    ],
)
def test_what_is_not_told_or_does_not_fit_is_said_in_one_sentence(
    shape: tuple[int, ...], options: dict[str, Any], what: str, fix: str, tmp_path: Path
) -> None:
    source = plain(tmp_path, shape=shape)
    with pytest.raises(AdoptError) as caught:
        adopt(source, Adoption(**{"input_range": "0..1", **options}), tmp_path / "out")
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plain.h5"]


def test_a_range_that_contradicts_the_models_own_scaling_is_refused(tmp_path: Path) -> None:
    source = foreign.saved(foreign.tiny(), tmp_path / "m.h5")
    with pytest.raises(AdoptError, match="scales its pixels itself"):
        adopt(source, Adoption(labels=foreign.LABELS, input_range="0..1"), tmp_path / "out")


def test_a_first_batch_norm_tells_the_range(tmp_path: Path) -> None:
    k = foreign.library("keras2")
    layers = [k.layers.Conv2D(8, 3), k.layers.BatchNormalization(), k.layers.ReLU(), k.layers.GlobalAveragePooling2D()]
    model = k.Sequential([k.layers.Input((32, 32, 3)), *layers, k.layers.Dense(3, activation="softmax")])
    norm = model.layers[1]
    norm.momentum = 0.0
    images = foreign.noise(32, count=32)
    model(images / 127.5 - 1, training=True)
    norm.momentum = 0.99
    saved = adopt(foreign.saved(model, tmp_path / "m.h5"), LABELS, tmp_path / "out")
    same_answers(saved, np.asarray(model(images / 127.5 - 1, training=False)), images)


def test_how_answers_are_read_is_found_out_in_time_and_past_what_a_rounded_layer_clips() -> None:
    tf = tensorflow()
    with tf.Graph().as_default():
        logits = tf.matmul(tf.compat.v1.placeholder(tf.float32, [None, 4]), tf.eye(4))
        deep = logits
        for _ in range(60):  # each reads the one before twice: 2^60 ways
            deep = deep + deep
        kinds = {
            "logits": [deep, tf.minimum(tf.maximum(logits, -4.0), 3.9)],
            "softmax": [tf.minimum(tf.nn.softmax(logits), 1.5)],
            "mixed": [tf.minimum(tf.nn.relu(0.2 * logits + 0.5), 1.0), deep + tf.nn.softmax(logits)],
        }
        assert {kind: [last_layer.kind_of(t) for t in some] for kind, some in kinds.items()} == {
            kind: [kind] * len(some) for kind, some in kinds.items()
        }


def test_whole_numbers_that_are_stored_in_a_byte_are_rounded_as_tfjs_rounds_them(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(bytes([3]))
    how = {"dtype": "uint8", "min": 0.0, "scale": 0.33333333, "original_dtype": "int32"}
    weight = {"name": "a", "shape": [1], "dtype": "int32", "quantization": how}
    assert shards.read([{"paths": ["w"], "weights": [weight]}], tmp_path)["a"].tolist() == [1]


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    k = foreign.library("keras2")
    one, two = k.Input((8, 8, 3)), k.Input((8, 8, 3))
    x = k.layers.GlobalAveragePooling2D()(k.layers.Add()([one, two]))
    source = foreign.saved(k.Model([one, two], k.layers.Dense(3)(x)), tmp_path / "m.h5")
    with pytest.raises(AdoptError, match="takes 2 inputs"):
        adopt(source, LABELS, tmp_path / "out")


def test_an_op_that_tfjs_lacks_is_named_with_its_node(tmp_path: Path) -> None:
    tf = tensorflow()
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32)])
    def serve(image: Any) -> Any:
        return {"p": tf.math.lgamma(tf.reduce_mean(image, [1, 2]), name="my_gamma")}

    tf.saved_model.save(module, str(tmp_path / "m"), signatures=serve)
    with pytest.raises(AdoptError, match=r"no op Lgamma \(node '.*my_gamma'\)"):
        adopt(tmp_path / "m", LABELS, tmp_path / "out")


def test_adopting_the_same_model_again_does_nothing(tmp_path: Path) -> None:
    source = foreign.saved(foreign.tiny(), tmp_path / "m.h5")
    saved = adopt(source, LABELS, tmp_path / "out")
    before = {p: p.stat().st_ino for p in saved.path.rglob("*")}
    adopt(source, LABELS, tmp_path / "out")
    assert {p: p.stat().st_ino for p in saved.path.rglob("*")} == before


@pytest.mark.parametrize(
    "changed", ["saved_model.pb", "variables/variables.index", "model.json", "parts/w", "metadata.json", "../contract.json"]
)
def test_a_model_of_which_any_file_was_changed_is_another_one(changed: str, tmp_path: Path) -> None:
    folder = tmp_path / "page" / "m"
    for name in ("saved_model.pb", "variables/variables.index", "parts/w", "metadata.json", "../contract.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1", encoding="utf-8")
    (folder / "model.json").write_text(json.dumps({"weightsManifest": [{"paths": ["parts/w"], "weights": []}]}), encoding="utf-8")
    is_saved = changed.startswith(("saved", "variables"))
    places = [folder, folder / ("saved_model.pb" if is_saved else "model.json")]
    before = [{n: p.read_bytes() for n, p in door.files_of(place).items()} for place in places]
    (folder / changed).write_text('{"weightsManifest": []}', encoding="utf-8")
    assert all({n: p.read_bytes() for n, p in door.files_of(p).items()} != b for p, b in zip(places, before, strict=True))


def teachable_machine(folder: Path, *, channels: int, zipped: bool) -> tuple[Any, Path]:
    """A model with Teachable Machine's files around it, and what it answers to pixels."""
    k = foreign.library("keras2")
    layers = [k.layers.Conv2D(4, 3, activation="relu"), k.layers.GlobalAveragePooling2D(), k.layers.Dense(3, activation="softmax")]
    model = k.Sequential([k.layers.Input((16, 16, channels)), *layers])
    layers_model(model, folder / "m")
    (folder / "m" / "metadata.json").write_text(json.dumps({"labels": ["ant", "bee", "cat"], "imageSize": 16}), encoding="utf-8")
    if zipped:
        shutil.make_archive(str(folder / "m"), "zip", folder / "m")
    return lambda x, **_: model(x / 127.5 - 1), folder / ("m.zip" if zipped else "m")


def hub_archive(folder: Path) -> tuple[Any, Path]:
    model = foreign.tiny("keras2")
    inside = foreign.saved(model, folder / "inside")
    with tarfile.open(folder / "m.tar.gz", "w:gz") as archive:
        archive.add(inside, ".")
    return model, folder / "m.tar.gz"


SOURCES: dict[str, Callable[[Path], tuple[Any, Path]]] = {
    "MobileNet, keras3 .keras": lambda d: (m := foreign.transfer("keras3"), foreign.saved(m, d / "m.keras")),
    "MobileNet, keras3 .h5": lambda d: (m := foreign.transfer("keras3"), foreign.saved(m, d / "m.h5")),
    "MobileNet, keras2 .keras": lambda d: (m := foreign.transfer("keras2"), foreign.saved(m, d / "m.keras")),
    "MobileNet, keras2 .h5": lambda d: (m := foreign.transfer("keras2"), foreign.saved(m, d / "m.h5")),
    "MobileNet, keras2 SavedModel": lambda d: (m := foreign.transfer("keras2"), foreign.saved(m, d / "m")),
    "keras3 SavedModel": lambda d: (m := foreign.tiny("keras3"), foreign.saved(m, d / "m")),
    "hub layer": lambda d: (m := hub_model(d), foreign.saved(m, d / "m.h5")),
    "TF-Hub archive": hub_archive,
    "Teachable Machine folder": lambda d: teachable_machine(d, channels=3, zipped=False),
    "Teachable Machine zip, gray": lambda d: teachable_machine(d, channels=1, zipped=True),
    "tfjs layers model": lambda d: (m := foreign.tiny("keras2"), layers_model(m, d / "m")),
    "tfjs graph model": lambda d: (m := foreign.tiny("keras2"), graph_model(m, d / "m")),
}


@pytest.mark.slow
@pytest.mark.skipif(discovery.find() is None, reason="no browser")
@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_ends_as_a_verified_page(kind: str, tmp_path: Path) -> None:
    model, source = SOURCES[kind](tmp_path / "source")
    saved = adopt(source, LABELS, tmp_path / "adopt")
    images = foreign.noise(saved.contract.input.side, saved.contract.input.channels)
    same_answers(saved, np.asarray(model(images, training=False)), images)
    verified = through_the_browser(saved, tmp_path)
    assert not {"report.html", "style.css"} & set(manifest.list_files(verified))
    if kind.startswith("MobileNet"):
        ops = Counter(n["op"] for n in json.loads((verified / "model" / "model.json").read_text())["modelTopology"]["node"])
        assert ops["_FusedConv2D"] == 14
        assert ops["FusedDepthwiseConv2dNative"] == 13
        assert not {"FusedBatchNormV3", "BiasAdd", "Relu6", "Conv2D", "DepthwiseConv2dNative"} & set(ops)


def through_the_browser(saved: SavedModel, tmp_path: Path) -> Path:
    """Quantise, bundle and verify on pictures of noise; the page's folder."""
    (tmp_path / "photos").mkdir()
    for number, image in enumerate(foreign.noise(80)):
        Image.fromarray(image.astype(np.uint8)).save(tmp_path / "photos" / f"{number}.png")
    web = quantize(saved, Quantization(mode="uint8"), tmp_path / "quantize")
    page = bundle(web, Bundling(), tmp_path / "bundle")
    verified = verify(page, Verification(require_browser=True), tmp_path / "page", tmp_path / "photos")
    assert verified.report.parity.top1_agreement == 1.0
    assert manifest.read(verified.path) is not None
    return verified.path


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_a_teachable_machine_export_ends_as_a_verified_page(shared: Path, tmp_path: Path) -> None:
    saved = adopt(shared / "peers" / "teachable-machine-tiny-image-model.zip", Adoption(), tmp_path / "adopt")
    assert (through_the_browser(saved, tmp_path) / "index.html").is_file()
