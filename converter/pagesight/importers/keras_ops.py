"""Arithmetic between the layers of a Keras file: functions of a short list, called with their operands as they stand there."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from pagesight.graph.tensorflow import tensorflow
from pagesight.importers.keras_calls import Call
from pagesight.json_values import JsonObject

_SAME_ARGUMENT = {
    "x1": "x",
    "x2": "y",
    "a": "x",
    "b": "y",
    "input_tensor": "x",
    "input": "x",
    "inputs": "x",
    "images": "x",
    "image": "x",
    "tensor": "x",
    "t": "x",
    "features": "x",
    "logits": "x",
    "arrays": "xs",
    "values": "xs",
    "shape": "newshape",
    "keep_dims": "keepdims",
    "clip_value_min": "x_min",
    "clip_value_max": "x_max",
    "perm": "axes",
    "slice_spec": "key",
    "method": "interpolation",
}
"""Keras 3's, Keras 2's and TensorFlow's names for the same arguments."""
_WITHOUT_EFFECT = frozenset(["name", "trainable", "data_format", "antialias", "fill_mode", "fill_value", "half_pixel_centers"])
_DEFAULTS: Mapping[str, tuple[str | bool | None, ...]] = {
    "data_format": (None, "channels_last", "NHWC"),
    "antialias": (None, False),
    "half_pixel_centers": (None, True),
}
"""Arguments that are left out, where they are what our functions do anyway."""


class Unlike(ValueError):
    """An operation is called in a way that ours does not know."""


def known(function: str) -> bool:
    """True for an operation that can be repeated, named as Keras 2 (`math.multiply`) or Keras 3 (`Multiply`) does."""
    return _short(function) in _table()


def apply(function: str, call: Call, settings: JsonObject) -> Any:
    """What `function` gives for the arguments of `call`, and for the `settings` that Keras 3 keeps with the operation.

    Raises Unlike, TypeError or ValueError where it cannot be repeated.
    """
    given = {k: v for k, v in {**settings, **call.kwargs}.items() if not (k == "dtype" and _short(function) != "cast")}
    kwargs: dict[str, Any] = {}
    for key, value in given.items():
        if key in _WITHOUT_EFFECT:
            if key in _DEFAULTS and value not in _DEFAULTS[key]:
                raise Unlike(f"{key}={value}")
            continue
        kwargs[_SAME_ARGUMENT.get(key, key)] = value
    if _short(function) == "biasadd" and "value" in kwargs:
        kwargs["x"] = kwargs.pop("value")
    return _table()[_short(function)](*call.args, **kwargs)


def _short(function: str) -> str:
    return function.rsplit(".", 1)[-1].lower().replace("_", "")


@cache
def _table() -> Mapping[str, Callable[..., Any]]:
    tf = tensorflow()

    def binary(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
        return lambda x, y: function(_constant(x), _constant(y))

    def unary(function: Callable[[Any], Any]) -> Callable[..., Any]:
        return function

    def reduce(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, axis=None, keepdims=False: function(x, axis=axis, keepdims=bool(keepdims))

    divide = binary(tf.truediv)
    return {
        **dict.fromkeys(("add",), binary(tf.add)),
        **dict.fromkeys(("subtract", "sub"), binary(tf.subtract)),
        **dict.fromkeys(("multiply", "mul"), binary(tf.multiply)),
        **dict.fromkeys(("truediv", "truedivide", "divide", "realdiv"), divide),
        "pow": binary(tf.pow),
        "power": binary(tf.pow),
        "maximum": binary(tf.maximum),
        "minimum": binary(tf.minimum),
        "biasadd": lambda x, bias: tf.add(x, _constant(bias)),
        **dict.fromkeys(("negative", "neg"), unary(tf.negative)),
        **dict.fromkeys(("abs", "absolute"), unary(tf.abs)),
        "square": unary(tf.square),
        "sqrt": unary(tf.sqrt),
        "rsqrt": unary(tf.math.rsqrt),
        "exp": unary(tf.exp),
        "log": unary(tf.math.log),
        "relu": _relu,
        "relu6": unary(tf.nn.relu6),
        "sigmoid": unary(tf.sigmoid),
        "tanh": unary(tf.tanh),
        "softplus": unary(tf.math.softplus),
        **dict.fromkeys(("hardsigmoid",), unary(lambda x: tf.nn.relu6(x + 3.0) * (1 / 6))),
        **dict.fromkeys(("hardsilu", "hardswish"), unary(lambda x: x * tf.nn.relu6(x + 3.0) * (1 / 6))),
        **dict.fromkeys(("silu", "swish"), lambda x, beta=1.0: x * tf.sigmoid(x * beta)),
        "gelu": lambda x, approximate=False: _gelu(x, approximate=bool(approximate)),
        "softmax": lambda x, axis=-1: tf.nn.softmax(x, axis=axis),
        "clip": lambda x, x_min, x_max: tf.minimum(tf.maximum(x, x_min), x_max),
        "clipbyvalue": lambda x, x_min, x_max: tf.minimum(tf.maximum(x, x_min), x_max),
        **dict.fromkeys(("identity", "stopgradient"), unary(tf.identity)),
        "cast": _cast,
        **dict.fromkeys(("mean", "reducemean"), reduce(tf.reduce_mean)),
        **dict.fromkeys(("sum", "reducesum"), reduce(tf.reduce_sum)),
        **dict.fromkeys(("max", "amax", "reducemax"), reduce(tf.reduce_max)),
        **dict.fromkeys(("min", "amin", "reducemin"), reduce(tf.reduce_min)),
        **dict.fromkeys(("concat", "concatenate"), lambda xs, axis=-1: tf.concat([_constant(x) for x in xs], axis)),
        "stack": lambda xs, axis=0: tf.stack([_constant(x) for x in xs], axis),
        "reshape": lambda x, newshape: tf.reshape(x, [-1 if n is None else int(n) for n in newshape]),
        "transpose": lambda x, axes=None: tf.transpose(x, axes),
        "expanddims": tf.expand_dims,
        "squeeze": lambda x, axis=None: tf.squeeze(x, axis),
        "flip": lambda x, axis: tf.reverse(x, [axis] if isinstance(axis, int) else axis),
        "reverse": lambda x, axis: tf.reverse(x, [axis] if isinstance(axis, int) else axis),
        "matmul": tf.matmul,
        "getitem": _item,
        "resize": _resize,
        "rgbtograyscale": lambda x: tf.reduce_sum(x * np.array([0.2989, 0.5870, 0.1140], np.float32), -1, keepdims=True),
        "l2normalize": lambda x, axis=-1, epsilon=1e-12: (
            x * tf.math.rsqrt(tf.maximum(tf.reduce_sum(tf.square(x), axis=axis, keepdims=True), epsilon))
        ),
    }


def _constant(value: Any) -> Any:
    """Numbers and lists of numbers as float32; tensors as they are."""
    if isinstance(value, bool):
        raise Unlike("a truth value among numbers")
    return np.asarray(value, np.float32) if isinstance(value, (int, float, list)) else value


def _relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    tf = tensorflow()
    if threshold:
        raise Unlike("a threshold")
    result = tf.nn.leaky_relu(x, negative_slope) if negative_slope else tf.nn.relu(x)
    return result if max_value is None else tf.minimum(result, max_value)


def _gelu(x: Any, *, approximate: bool) -> Any:
    tf = tensorflow()
    if approximate:
        return 0.5 * x * (1.0 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + tf.math.erf(x * math.sqrt(0.5)))


def _cast(x: Any, dtype: Any = "float32") -> Any:
    if dtype not in ("float32", "float16", "bfloat16", "float64"):
        raise Unlike(f"a cast to {dtype}")
    return tensorflow().identity(x)


def _item(x: Any, key: Any) -> Any:
    return x[tuple(key)] if isinstance(key, list) else x[key]


def _resize(x: Any, size: Any, interpolation: str = "bilinear", **others: Any) -> Any:
    """As Keras and TensorFlow 2 resize: corners are no centers, nothing is smoothed."""
    if any(others.values()) or interpolation not in ("bilinear", "nearest"):
        raise Unlike(f"interpolation {interpolation} {others}")
    return tensorflow().image.resize(x, [int(n) for n in size], interpolation)
