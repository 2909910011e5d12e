"""The part of an ONNX graph that only computes constants, such as the shapes that PyTorch writes out: done here, in NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.importers.onnx_nodes import Call

_MAX_NUMBERS = 2**28
_CODES = {0: np.uint8, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16}
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
    if call.has("value_floats"):
        return np.asarray(call.numbers("value_floats"), np.float32)
    if not call.has("value_ints"):
        raise ValueError("it holds neither numbers nor an array of them")
    return np.asarray(call.ints("value_ints"), np.int64)


def _axes(call: Call, arrays: list[Any]) -> list[int]:
    return [int(a) for a in np.asarray(arrays[1]).reshape(-1)] if len(arrays) > 1 and arrays[1] is not None else call.ints("axes")


def _unsqueezed(call: Call, arrays: list[Any]) -> Any:
    result = arrays[0]
    axes = _axes(call, arrays)
    for axis in sorted(a % (result.ndim + len(axes)) for a in axes):
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


def code_type(call: Call, zero: NDArray[Any] | None) -> Any:
    """The type of the whole numbers that a QuantizeLinear makes: its zero point's, else the one it names."""
    return zero.dtype if zero is not None else _CODES[call.integer("output_dtype")]


def _scales(call: Call, arrays: list[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scale and zero point of a QuantizeLinear or DequantizeLinear, laid out for what it reads."""
    scale = np.asarray(arrays[1], np.float64)
    zero = np.zeros(()) if len(arrays) < 3 or arrays[2] is None else np.asarray(arrays[2], np.float64)
    if call.integer("block_size"):
        raise ValueError("it has a scale for each block")
    if scale.size == 1:
        return scale.reshape(()), zero.reshape(())
    shape = [1] * arrays[0].ndim
    shape[call.integer("axis", 1)] = scale.size
    return scale.reshape(shape), np.broadcast_to(zero, scale.shape).reshape(shape)


def _dequantized(call: Call, arrays: list[Any]) -> Any:
    scale, zero = _scales(call, arrays)
    return ((arrays[0] - zero) * scale).astype(np.float32)


def _quantized(call: Call, arrays: list[Any]) -> Any:
    scale, zero = _scales(call, arrays)
    codes = np.iinfo(code_type(call, arrays[2] if len(arrays) > 2 else None))
    return np.clip(np.rint(arrays[0] / scale) + zero, codes.min, codes.max).astype(codes.dtype)


def _product(call: Call, arrays: list[Any]) -> Any:
    axes = _axes(call, arrays)
    if not axes and call.integer("noop_with_empty_axes"):
        return arrays[0]
    return np.prod(arrays[0], tuple(axes) or None, keepdims=bool(call.integer("keepdims", 1)))


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
    "ReduceProd": _product,
    "ConstantOfShape": _filled,
    "DequantizeLinear": _dequantized,
    "QuantizeLinear": _quantized,
}
