"""Published networks side by side, before anything is trained: parameters, size on disk, multiply-adds, bytes per stored type."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pagesight import manifest
from pagesight.artifacts import SavedModel
from pagesight.contract import Contract, Input, Outputs
from pagesight.errors import OptionError
from pagesight.graph.network_costs import cost_of
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.json_values import JsonObject
from pagesight.synthetic.natural_noise import natural_noise
from pagesight.training.batch_norm import Statistics
from pagesight.training.efficientnet_lite import efficientnet_lite0

if TYPE_CHECKING:
    from tensorflow import Tensor

BYTES_PER_WEIGHT = {"float32": 4, "float16": 2, "uint16": 2, "uint8": 1}
_PARAMETERISED = ("mobilenet_v1_100_224", "mobilenet_v2_100_224", "efficientnet_lite0_224")
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
_LITE = re.compile(r"efficientnet_lite0_(\d+)")
_FAMILIES = {"v1": "MobileNet", "v2": "MobileNetV2", "v3_small": "MobileNetV3Small", "v3_large": "MobileNetV3Large"}


@dataclass(frozen=True)
class Entry:
    """One network with its 1000-class top. `megabytes` is its float32 file (MB of 10^6); `exported` bytes by stored type.

    `milliseconds` is the median of warm pictures in `browser`; None where it was not measured, and `why_not` says why.
    """

    name: str
    side: int
    parameters: int
    megabytes: float
    multiply_adds: int
    exported: dict[str, int]
    milliseconds: float | None = None
    browser: str | None = None
    why_not: str | None = None

    def to_json(self) -> JsonObject:
        """The same as plain JSON."""
        return asdict(self)


def compare(names: Sequence[str]) -> list[Entry]:
    """The networks called `names` (`vgg16`, `mobilenet_v1_100_224` …), as Keras Applications build them, without any weights.

    Raises OptionError, with the nearest name, for one that is not known.
    """
    return [_entry(name) for name in names]


def _entry(name: str) -> Entry:
    tf = tensorflow()
    with tf.Graph().as_default():  # variables of a graph take no memory until they are initialized
        tf.compat.v1.set_random_seed(0)  # deterministic TensorFlow builds no dropout without one
        model, side = _built(name)
        parameters = int(model.count_params())
        cost = cost_of(model)
    exported = {dtype: cost.parameters * width for dtype, width in BYTES_PER_WEIGHT.items()}
    return Entry(name, side, parameters, round(parameters * 4 / 1e6, 1), cost.multiply_adds, exported)


def _built(name: str) -> tuple[Any, int]:
    if (lite := _LITE.fullmatch(name)) is not None:
        body = efficientnet_lite0(int(lite[1]))
        pooled = keras().layers.GlobalAveragePooling2D()(body.output)
        return keras().Model(body.input, keras().layers.Dense(1000, activation="softmax")(pooled)), int(lite[1])
    family, options, side = _known(name)
    try:
        return getattr(keras().applications, family)(weights=None, input_shape=(side, side, 3), **options), side
    except ValueError as cause:
        raise OptionError(
            f"there is no network {name}: {str(cause).split(';')[0]}",
            fix="give a width and a side that the family has, as in mobilenet_v2_035_96",
        ) from cause


def untrained(name: str, into: Path) -> SavedModel:
    """The network called `name` with random weights, as `adopt` writes a model: good to be timed, its answers mean nothing.

    Its batch norms have seen noise: without that, signals fade to denormal numbers, which are slow.
    """
    tf, tk = tensorflow(), keras()
    tk.utils.set_random_seed(0)
    model, side = _built(name)
    shape = Input(side)
    inputs = natural_noise(shape, 4).astype(np.float32) / 127.5 - 1
    norms = Statistics(model, lambda: model(inputs, training=True))
    norms.start()
    model(inputs, training=True)
    norms.finish(1)

    def serve(image: Any) -> dict[str, "Tensor"]:
        return {"probabilities": model(image * (1 / 127.5) - 1.0, training=False)}

    spec = tf.TensorSpec([None, side, side, 3], tf.float32, name="image")
    with manifest.atomic_output_dir(into, "adopt", {"untrained": name}) as temporary:
        module = tf.Module()
        module.held = list(model.variables)
        signature = tf.function(serve, autograph=False).get_concrete_function(spec)
        tf.saved_model.save(module, str(temporary / "saved_model"), signatures=signature)
        labels = tuple(str(i) for i in range(int(model.output_shape[-1])))
        Contract(name, name, labels, shape, Outputs("probabilities")).write(temporary)
    tk.backend.clear_session()
    return SavedModel(into)


def _known(name: str) -> tuple[str, Mapping[str, float], int]:
    match = _BACKBONE.fullmatch(name)
    if match is not None:
        return _FAMILIES[match[1]], {"alpha": int(match[2]) / 100}, int(match[3])
    if name in _APPLICATIONS:
        return _APPLICATIONS[name], {}, _SIDES.get(_APPLICATIONS[name], 224)
    near = difflib.get_close_matches(name, [*_APPLICATIONS, *_PARAMETERISED], n=2, cutoff=0.4)
    raise OptionError(
        f"there is no network called {name!r}",
        fix=f"did you mean {' or '.join(near)}?"
        if near
        else f"choose from {', '.join(_APPLICATIONS)}, or mobilenet_v1_100_224 and its like",
    )
