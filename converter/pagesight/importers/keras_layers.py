"""The Keras layers that a stranger's file may name, each with the settings that count; everything else is refused unread."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pagesight.errors import AdoptError, first_line
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.importers import keras_blocks
from pagesight.importers.keras_calls import Call
from pagesight.json_values import JsonObject

_CONV = "kernel_size strides padding data_format dilation_rate activation use_bias"
_SETTINGS = {
    "Conv2D": f"filters groups {_CONV}",
    "DepthwiseConv2D": f"depth_multiplier {_CONV}",
    "SeparableConv2D": f"filters depth_multiplier {_CONV}",
    "Conv2DTranspose": f"filters output_padding {_CONV}",
    "Dense": "units activation use_bias",
    "BatchNormalization": "axis momentum epsilon center scale",
    "LayerNormalization": "axis epsilon center scale",
    "GroupNormalization": "groups axis epsilon center scale",
    "Activation": "activation",
    "ReLU": "max_value negative_slope threshold",
    "LeakyReLU": "alpha",
    "PReLU": "shared_axes",
    "ELU": "alpha",
    "ThresholdedReLU": "theta",
    "Softmax": "axis",
    "Flatten": "data_format",
    "Reshape": "target_shape",
    "Permute": "dims",
    "ZeroPadding2D": "padding data_format",
    "Cropping2D": "cropping data_format",
    "UpSampling2D": "size data_format interpolation",
    "MaxPooling2D": "pool_size strides padding data_format",
    "AveragePooling2D": "pool_size strides padding data_format",
    "GlobalAveragePooling2D": "data_format keepdims",
    "GlobalMaxPooling2D": "data_format keepdims",
    "Add": "",
    "Subtract": "",
    "Multiply": "",
    "Average": "",
    "Maximum": "",
    "Minimum": "",
    "Concatenate": "axis",
    "Rescaling": "scale offset",
    "Normalization": "axis mean variance invert",
    "Resizing": "height width interpolation crop_to_aspect_ratio",
    "CenterCrop": "height width",
    "LayerScale": "",
    "UnitNormalization": "axis",
    "RandomCrop": "height width",
    "MultiHeadAttention": "num_heads key_dim value_dim use_bias",
}
_ONLY_IN_TRAINING = frozenset(
    [
        "Dropout",
        "SpatialDropout2D",
        "GaussianNoise",
        "GaussianDropout",
        "AlphaDropout",
        "ActivityRegularization",
        "StochasticDepth",
        "RandomFlip",
        "RandomRotation",
        "RandomZoom",
        "RandomTranslation",
        "RandomContrast",
        "RandomBrightness",
        "RandomHeight",
        "RandomWidth",
        "RandomColorJitter",
        "RandomGrayscale",
        "RandomHue",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "RandomPerspective",
        "RandomGaussianBlur",
        "RandomErasing",
        "RandomColorDegeneration",
    ]
)
"""Layers that let everything through when the model answers."""
_OTHER_NAMES = {"Convolution2D": "Conv2D", "MaxPool2D": "MaxPooling2D", "AvgPool2D": "AveragePooling2D", "Swish": "Activation"}
_ACTIVATIONS = frozenset(
    [
        "linear",
        "relu",
        "relu6",
        "softmax",
        "sigmoid",
        "tanh",
        "elu",
        "selu",
        "gelu",
        "swish",
        "silu",
        "hard_sigmoid",
        "hard_silu",
        "hard_swish",
        "leaky_relu",
        "softplus",
        "softsign",
        "exponential",
        "mish",
    ]
)
_TRUST = "replace the layer by a stock one, or pass --trust if you know who made the file"
EXPORT = "export the model as a SavedModel with `model.export(…)`, and give that"
"""What to do where a Keras file cannot be rebuilt: a SavedModel has the graph itself."""
_LARGEST = 10_000_000
_DRAWN = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")
"""Weights that would be drawn at random, only to be replaced by the file's: that takes time, and TensorFlow keeps the memory."""


def known(class_name: str) -> bool:
    """True for a layer that may be built."""
    return _OTHER_NAMES.get(class_name, class_name) in _SETTINGS or class_name in _ONLY_IN_TRAINING


def make(class_name: str, config: JsonObject, name: str, flavour: str) -> Any:
    """A fresh tf-keras layer for the class and settings a file names; `flavour` is 'keras3', 'keras2' or 'tfjs'.

    Initialisers, regularizers and constraints are left out: they only matter while a model learns. Raises AdoptError for a class,
    a setting or an activation that is not on the list.
    """
    tk = keras()
    trainable: dict[str, str | bool] = {"name": name, "trainable": config.get("trainable") is not False}
    # Keras 3's RandomCrop lets everything through, where Keras 2's resizes
    if class_name in _ONLY_IN_TRAINING or (class_name == "RandomCrop" and flavour == "keras3"):
        return tk.layers.Activation("linear", **trainable)
    class_name = _OTHER_NAMES.get(class_name, class_name)
    _refuse_rounded(config, name)
    if class_name not in _SETTINGS:
        raise AdoptError(f"the layer {name} is a {class_name}, whose code would have to be run", fix=_TRUST)
    used = [key for key in _SETTINGS[class_name].split() if key in config]
    settings: keras_blocks.Settings = {key: _plain(config[key], name, key) for key in used}
    if class_name == "LeakyReLU" and "negative_slope" in config:  # Keras 3's name for alpha
        settings["alpha"] = _plain(config["negative_slope"], name, "negative_slope")
    if settings.get("data_format") == "channels_first":
        raise AdoptError(f"the layer {name} wants channels first", fix="build the model with data_format='channels_last'")
    if "activation" in settings:
        settings["activation"] = activation(config["activation"], name, flavour)
    try:
        layer = _made(class_name, settings, trainable)
    except (TypeError, ValueError, OverflowError) as cause:
        raise AdoptError(f"the layer {name} cannot be built: {first_line(cause)}", fix=EXPORT) from cause
    for initializer in filter(partial(hasattr, layer), _DRAWN):
        setattr(layer, initializer, tk.initializers.Zeros())
    return layer


def _made(class_name: str, settings: keras_blocks.Settings, common: dict[str, str | bool]) -> Any:
    ours = keras_blocks.blocks()
    groups = settings.get("groups")
    if class_name == "Conv2D" and isinstance(groups, int) and groups > 1:
        return ours["GroupedConv2D"](**settings, **common)
    return (ours.get(class_name) or getattr(keras().layers, class_name))(**settings, **common)


def _refuse_rounded(config: JsonObject, name: str) -> None:
    """Keras' own quantization rounds activations too, picture by picture: weights alone would answer otherwise."""
    policy = config.get("dtype")
    if isinstance(policy, Mapping) and "Quantized" in str(policy.get("class_name")):
        raise AdoptError(f"the layer {name} was quantized by Keras", fix="give the model as it was before `model.quantize(…)`")


def inputs_of(kind: str, call: Call) -> list[Any]:
    """What a layer is called with: one tensor, or the list of those that it joins; attention is called with several."""
    if kind == "MultiHeadAttention":
        order = ("query", "value", "key")
        if any(call.kwargs.get(k) not in (None, False) for k in call.kwargs.keys() - {*order, "training"}):
            raise AdoptError("an attention layer with a mask or with several outputs cannot be repeated", fix=EXPORT)
        named = [call.kwargs[k] for k in order[len(call.args) :] if call.kwargs.get(k) is not None]
        return [*call.args[: len(order)], *named]
    tensors = call.args[0] if call.args and isinstance(call.args[0], list) else list(call.args[:1])
    tensors = tensors or [v for k, v in call.kwargs.items() if k in ("inputs", "x", "input")]
    if not tensors:
        raise AdoptError(f"a {kind} is called without what it reads", fix=EXPORT)
    return [tensors[0] if len(tensors) == 1 else tensors]


def activation(value: Any, layer: str, flavour: str) -> str | Callable[[Any], Any]:
    """The function that a file's activation names; Keras 3 and Keras 2 mean different ones by 'hard_sigmoid'."""
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        value = value.get("config")
    if value is None:
        return "linear"
    name = {"hardSigmoid": "hard_sigmoid", "softMax": "softmax"}.get(str(value), value)
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        shown = value.get("class_name") if isinstance(value, Mapping) else value
        raise AdoptError(f"the layer {layer} has the activation {shown!s:.60}, whose code would have to be run", fix=_TRUST)
    if name == "hard_sigmoid" and flavour == "keras3":
        return _hard_sigmoid
    return _FUNCTIONS.get(name, name)


def _relu6(x: Any) -> Any:
    return tensorflow().nn.relu6(x)


def _hard_sigmoid(x: Any) -> Any:
    return tensorflow().nn.relu6(x + 3.0) * (1 / 6)


def _hard_swish(x: Any) -> Any:
    return x * _hard_sigmoid(x)


def _swish(x: Any) -> Any:
    return x * tensorflow().sigmoid(x)


def _leaky_relu(x: Any) -> Any:
    return tensorflow().nn.leaky_relu(x, 0.2)


def _mish(x: Any) -> Any:
    return x * tensorflow().tanh(tensorflow().math.softplus(x))


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "relu6": _relu6,
    "hard_silu": _hard_swish,
    "hard_swish": _hard_swish,
    "silu": _swish,
    "swish": _swish,
    "leaky_relu": _leaky_relu,
    "mish": _mish,
}


def _plain(value: Any, layer: str, key: str, depth: int = 0) -> Any:
    """`value` if it is made of numbers, short texts and short lists alone."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= _LARGEST:
        return value
    if isinstance(value, str) and len(value) < 64:
        return value
    if isinstance(value, list) and depth < 4 and len(value) <= 4096:
        return [_plain(v, layer, key, depth + 1) for v in value]
    if isinstance(value, Mapping) and key == "activation":
        return value
    raise AdoptError(f"the layer {layer} has a strange {key}: {value!s:.60}", fix=EXPORT)


def parameters(layer: Any, shape: tuple[int | None, ...]) -> int:
    """How many numbers `layer` will hold for an input of this shape; counted before any memory is taken."""
    kind, inputs = type(layer).__name__, int(shape[-1] or 1)
    area = math.prod(getattr(layer, "kernel_size", (0,)))
    counts: dict[str, Callable[[], int]] = {
        "Dense": lambda: inputs * int(layer.units),
        "PReLU": lambda: math.prod(int(n or 1) for axis, n in enumerate(shape) if axis and axis not in (layer.shared_axes or ())),
        "MultiHeadAttention": lambda: 2 * inputs * int(layer.heads) * (int(layer.key_dim) + int(layer.value_dim)),
        "DepthwiseConv2D": lambda: area * inputs * int(layer.depth_multiplier),
        "SeparableConv2D": lambda: (area + int(layer.filters)) * inputs * int(layer.depth_multiplier),
        "Conv2D": lambda: area * inputs * int(layer.filters),
        "Conv2DTranspose": lambda: area * inputs * int(layer.filters),
        "GroupedConv2D": lambda: area * inputs * int(layer.filters) // int(layer.groups),
        "LayerScale": lambda: inputs,
        **dict.fromkeys(("BatchNormalization", "LayerNormalization", "GroupNormalization", "Normalization"), lambda: inputs),
    }
    return int(counts[kind]()) if kind in counts else 0
