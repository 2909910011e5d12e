"""The part of an ONNX graph that only computes constants, such as the shapes that PyTorch writes out: done here, in NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.importers.onnx_nodes import Call

_MAX_NUMBERS = 2**28
_CASTS = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float32, 11: np.float32}


def folded(call: Call) -> NDArray[Any] | None:
    """What a node gives that reads constants alone (or only a shape); None for one that depends on the picture."""
    kind = call.node.op_type
    if kind == "Constant":
        return _constant(call)
    if kind == "Shape":
        shape = np.asarray(call.value(0).shape, np.int64)
        return shape[call.integer("start", 0) : call.integer("end", len(shape)) if call.has("end") else None]
    if kind not in _FOLDS or any(v is not None and v.constant is None for v in call.given):
        return None
    arrays = [None if v is None else v.constant for v in call.given]
    result = np.asarray(_FOLDS[kind](call, arrays))
    if result.size > _MAX_NUMBERS:
        raise ValueError(f"it would give {result.size:,} numbers")
    return result.astype(np.float32) if result.dtype.kind == "f" else result


def _constant(call: Call) -> NDArray[Any] | None:
    if call.has("value"):
        return call.tensor("value")
    for name, read in (("value_int", call.integer), ("value_float", call.number)):
        if call.has(name):
            return np.asarray(read(name))
    return np.asarray(call.ints("value_ints"), np.int64)


def _axes(call: Call, arrays: list[Any]) -> list[int]:
    return [int(a) for a in np.asarray(arrays[1]).reshape(-1)] if len(arrays) > 1 and arrays[1] is not None else call.ints("axes")


def _unsqueezed(call: Call, arrays: list[Any]) -> Any:
    result = arrays[0]
    for axis in sorted(_axes(call, arrays)):
        result = np.expand_dims(result, axis)
    return result


def _sliced(call: Call, arrays: list[Any]) -> Any:
    if call.has("starts"):
        starts, ends, axes, steps = call.ints("starts"), call.ints("ends"), call.ints("axes"), []
    else:
        starts, ends = (np.asarray(a).reshape(-1).tolist() for a in arrays[1:3])
        axes, steps = ([] if len(arrays) <= i or arrays[i] is None else np.asarray(arrays[i]).reshape(-1).tolist() for i in (3, 4))
    axes, steps = axes or list(range(len(starts))), steps or [1] * len(starts)
    where = [slice(None)] * arrays[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        where[int(axis)] = slice(int(start), int(end) if abs(end) < 2**31 else None, int(step))
    return arrays[0][tuple(where)]


def _filled(call: Call, arrays: list[Any]) -> Any:
    shape = [int(n) for n in arrays[0]]
    if np.prod(shape, dtype=np.float64) > _MAX_NUMBERS:
        raise ValueError(f"it would give {shape} numbers")
    value = call.tensor("value")
    return np.full(shape, np.float32(0) if value is None else value.reshape(-1)[0])


def _dequantized(call: Call, arrays: list[Any]) -> Any:
    value, scale = arrays[0], np.asarray(arrays[1], np.float64)
    zero = np.zeros(()) if len(arrays) < 3 or arrays[2] is None else np.asarray(arrays[2], np.float64)
    shape = [1] * value.ndim
    if scale.size > 1:
        shape[call.integer("axis", 1)] = scale.size
        scale, zero = scale.reshape(shape), np.broadcast_to(zero, scale.shape).reshape(shape)
    return ((value - zero) * scale).astype(np.float32)


def _divided(_: Call, a: list[Any]) -> Any:
    return a[0] / a[1] if np.asarray(a[0]).dtype.kind == "f" else a[0] // a[1]


_FOLDS: dict[str, Callable[[Call, list[Any]], Any]] = {
    "Identity": lambda _, a: a[0],
    "Cast": lambda c, a: a[0].astype(_CASTS[c.integer("to")]),
    "Gather": lambda c, a: np.take(a[0], a[1].astype(np.int64), c.integer("axis")),
    "Concat": lambda c, a: np.concatenate(a, c.integer("axis")),
    "Unsqueeze": _unsqueezed,
    "Squeeze": lambda c, a: np.squeeze(a[0], tuple(_axes(c, a)) or None),
    "Reshape": lambda _, a: a[0].reshape([int(n) for n in a[1]]),
    "Transpose": lambda c, a: a[0].transpose(c.ints("perm") or None),
    "Slice": _sliced,
    "Add": lambda _, a: a[0] + a[1],
    "Sub": lambda _, a: a[0] - a[1],
    "Mul": lambda _, a: a[0] * a[1],
    "Div": _divided,
    "Neg": lambda _, a: -a[0],
    "Sqrt": lambda _, a: np.sqrt(a[0]),
    "Floor": lambda _, a: np.floor(a[0]),
    "Ceil": lambda _, a: np.ceil(a[0]),
    "Equal": lambda _, a: np.equal(a[0], a[1]),
    "Where": lambda _, a: np.where(a[0], a[1], a[2]),
    "ReduceProd": lambda _, a: np.prod(a[0], keepdims=True),
    "ConstantOfShape": _filled,
    "DequantizeLinear": _dequantized,
}
