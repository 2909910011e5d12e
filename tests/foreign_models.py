"""Models of every kind that Pagesight adopts, made on the spot with random weights and batch norms that have seen pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pagesight.contract import Input
from pagesight.graph.tensorflow import keras
from pagesight.importers.keras_files import keras3
from pagesight.synthetic.natural_noise import natural_noise

LABELS = "ant,bee,cat"


def library(flavour: str) -> Any:
    """Keras 2 (`keras2`) or Keras 3, seeded."""
    result = keras() if flavour == "keras2" else keras3()
    result.utils.set_random_seed(0)
    return result


def noise(side: int, channels: int = 3, count: int = 8) -> Any:
    return natural_noise(Input(side, channels), count).astype(np.float32)


def seasoned(model: Any, side: int, channels: int = 3, scale: Callable[[Any], Any] = lambda x: x) -> Any:
    """`model` with random scales and offsets in its batch norms, and statistics of pictures that went through `scale`."""
    random = np.random.default_rng(0)
    norms = list(_norms(model))
    for norm in norms:
        gamma, beta, *statistics = norm.get_weights()
        norm.set_weights([random.uniform(0.7, 1.3, gamma.shape), random.normal(0, 0.3, beta.shape), *statistics])
        norm.momentum, norm.kept = 0.0, norm.momentum
    if norms:
        model(scale(noise(side, channels, 64)), training=True)  # fewer leave tiny variances, which blow rounding up
    for norm in norms:
        norm.momentum = norm.kept
    return model


def _norms(layer: Any) -> Any:
    if type(layer).__name__ == "BatchNormalization":
        yield layer
    for inner in getattr(layer, "layers", []):
        yield from _norms(inner)


def application(flavour: str, family: str, side: int = 32, scale: Callable[[Any], Any] = lambda x: x, **options: Any) -> Any:
    """A network of Keras Applications with three classes, whose batch norms have seen pictures that went through `scale`."""
    options = {"weights": None, "input_shape": (side, side, 3), "classes": 3, **options}
    return seasoned(getattr(library(flavour).applications, family)(**options), side, scale=scale)


def transfer(flavour: str, side: int = 32) -> Any:
    """What tutorials make: augmentation, scaling, a MobileNet inside, pooling, dropout and a softmax."""
    k = library(flavour)
    body = k.applications.MobileNet(weights=None, input_shape=(side, side, 3), alpha=0.25, include_top=False)
    layers = [
        k.layers.RandomFlip(),
        k.layers.Rescaling(1 / 127.5, -1),
        body,
        k.layers.GlobalAveragePooling2D(),
        k.layers.Dropout(0.2),
    ]
    model = k.Sequential([k.layers.Input((side, side, 3)), *layers, k.layers.Dense(3, activation="softmax")])
    return seasoned(model, side)


def tiny(
    flavour: str = "keras2", *, activation: str | None = "softmax", side: int = 16, channels: int = 3, classes: int = 3
) -> Any:
    """Two layers of weights, for tests that are not about networks."""
    k = library(flavour)
    image = k.Input((side, side, channels))
    x = k.layers.Conv2D(4, 3, strides=2, activation="relu", bias_initializer="random_normal", name="conv")(
        k.layers.Rescaling(1 / 255, name="scale")(image)
    )
    x = k.layers.GlobalAveragePooling2D(name="pool")(x)
    return k.Model(
        image, k.layers.Dense(classes, activation=activation, bias_initializer="random_normal", name="head")(x), name="tiny"
    )


def saved(model: Any, path: Path) -> Path:
    """`model` written as the ending of `path` says; without one, as a SavedModel folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        model.save(path)
    elif hasattr(model, "export") and type(model).__module__.startswith("keras"):
        model.export(path, verbose=False)
    else:
        model.save(path, save_format="tf")
    return path
