"""Published networks side by side, before anything is trained: parameters, size on disk, multiply-adds, bytes per stored type."""

import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pagesight._tf import keras, tensorflow
from pagesight.errors import OptionError

BYTES_PER_WEIGHT = {"float32": 4, "float16": 2, "uint16": 2, "uint8": 1}
_APPLICATIONS = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "resnet50_v2": "ResNet50V2",
    "efficientnet_b0": "EfficientNetB0",
    "efficientnet_b1": "EfficientNetB1",
    "efficientnet_v2_b0": "EfficientNetV2B0",
    "densenet121": "DenseNet121",
    "xception": "Xception",
    "inception_v3": "InceptionV3",
    "nasnet_mobile": "NASNetMobile",
}
_SIDES = {"Xception": 299, "InceptionV3": 299, "EfficientNetB1": 240}
_BACKBONE = re.compile(r"mobilenet_(v1|v2|v3_small|v3_large)_(\d{3})_(\d+)")
_FAMILIES = {"v1": "MobileNet", "v2": "MobileNetV2", "v3_small": "MobileNetV3Small", "v3_large": "MobileNetV3Large"}


@dataclass(frozen=True)
class Entry:
    """One network with its 1000-class top. `megabytes` is its float32 file (MB of 10^6); `exported` bytes by stored type."""

    name: str
    side: int
    parameters: int
    megabytes: float
    multiply_adds: int
    exported: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Cost:
    """What a network takes in the page: numbers to fetch, and products with an addition each for one picture."""

    parameters: int
    multiply_adds: int


def compare(names: Sequence[str]) -> list[Entry]:
    """The networks called `names` (`vgg16`, `mobilenet_v1_100_224` …), as Keras Applications build them, without any weights.

    Raises OptionError, with the nearest name, for one that is not known.
    """
    return [_entry(name) for name in names]


def _entry(name: str) -> Entry:
    family, how, side = _known(name)
    tk, tf = keras(), tensorflow()
    with tf.Graph().as_default():  # variables of a graph take no memory until they are initialised
        tf.compat.v1.set_random_seed(0)  # deterministic TensorFlow builds no dropout without one
        model = getattr(tk.applications, family)(weights=None, input_shape=(side, side, 3), **how)
        parameters = int(model.count_params())
        cost = cost_of(model)
    exported = {dtype: cost.parameters * width for dtype, width in BYTES_PER_WEIGHT.items()}
    return Entry(name, side, parameters, round(parameters * 4 / 1e6, 1), cost.multiply_adds, exported)


def cost_of(model: Any) -> Cost:
    """What a Keras model, with other models inside or without, costs once its batch norms are folded into biases."""
    layers = list(_leaves(model))
    norms = [layer for layer in layers if type(layer).__name__ == "BatchNormalization"]
    folded = sum(math.prod(w.shape) for layer in norms for w in layer.weights)
    kept = int(model.count_params()) - folded + sum(int(layer.output_shape[-1]) for layer in norms)
    return Cost(kept, sum(_multiply_adds(layer) for layer in layers))


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _known(name: str) -> tuple[str, dict[str, Any], int]:
    match = _BACKBONE.fullmatch(name)
    if match is not None:
        return _FAMILIES[match[1]], {"alpha": int(match[2]) / 100}, int(match[3])
    if name in _APPLICATIONS:
        return _APPLICATIONS[name], {}, _SIDES.get(_APPLICATIONS[name], 224)
    near = difflib.get_close_matches(name, [*_APPLICATIONS, "mobilenet_v1_100_224", "mobilenet_v2_100_224"], n=2, cutoff=0.4)
    raise OptionError(
        f"there is no network called {name!r}",
        fix=f"did you mean {' or '.join(near)}?"
        if near
        else f"choose from {', '.join(_APPLICATIONS)}, or mobilenet_v1_100_224 and its like",
    )


def _multiply_adds(layer: Any) -> int:
    """Products with an addition each for one picture, by the layer's kernel and the places it is applied to."""
    kind = type(layer).__name__
    if kind == "Dense":
        return int(math.prod(layer.kernel.shape))
    if kind not in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return 0
    places = math.prod(int(n) for n in layer.output_shape[1:3])
    kernels = [w for w in layer.weights if len(w.shape) == 4]
    return int(places * sum(math.prod(k.shape) for k in kernels))


def as_table(entries: Sequence[Entry]) -> str:
    """Aligned columns."""
    head = ("network", "px", "parameters", "MB", "multiply-adds", *(f"{d} bytes" for d in BYTES_PER_WEIGHT))
    lines: list[tuple[str, ...]] = [head]
    lines += [_cells(e) for e in entries]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    rows = (
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))) for line in lines
    )
    return "\n".join(rows) + "\n"


def _cells(entry: Entry) -> tuple[str, ...]:
    counts = (f"{entry.parameters:,}", f"{entry.megabytes:,}", f"{entry.multiply_adds:,}")
    return (entry.name, str(entry.side), *counts, *(f"{n:,}" for n in entry.exported.values()))
