"""ONNX's ops as TensorFlow's. What has four dimensions is kept with the channels last, whatever ONNX calls its axes."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from pagesight.importers import onnx_windows
from pagesight.importers.onnx_folding import code_type
from pagesight.importers.onnx_nodes import Call, Value

_MAP = 4
_LAST = (0, 3, 1, 2)
"""Where each of ONNX's axes of a map is kept: batch, channels, height, width."""
_FLOATS = (1, 10, 11, 16)
_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def _axis(axis: int, rank: int) -> int:
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis < rank:
        raise ValueError(f"it has no axis {axis}")
    return _LAST[axis] if rank == _MAP else axis


def _as_given(call: Call, value: Value) -> str:
    """A computed tensor with its axes in ONNX's order."""
    if value.constant is not None:
        return str(call.g.const(np.asarray(value.constant, np.float32)))
    if len(value.shape) == _MAP and (value.shape[2] > 1 or value.shape[3] > 1):
        return str(call.g.transpose(value.node, _TO_FIRST))
    return str(call.g.reshape(value.node, [-1, *value.shape[1:]])) if len(value.shape) == _MAP else value.node


def _kept(call: Call, node: str, shape: Sequence[int]) -> Value:
    """A tensor in ONNX's order as it is kept."""
    if len(shape) == _MAP:
        node = call.g.transpose(node, _TO_LAST)
    return Value(shape, node)


def _like(call: Call, node: str) -> list[Value]:
    return [Value(call.value(0).shape, node)]


def _unary(op: str) -> Callable[[Call], list[Value]]:
    return lambda call: _like(call, call.g.unary(op, call.value(0).node))


def _binary(op: str) -> Callable[[Call], list[Value]]:
    def make(call: Call) -> list[Value]:
        parts = [call.value(i) for i in range(len(call.node.input))]
        shape = np.broadcast_shapes(*(p.shape for p in parts))
        if any(p.constant is None and len(p.shape) != len(shape) and len(p.shape) > 0 for p in parts):
            raise ValueError("it joins tensors of different rank")
        node = call.float_node(0, len(shape))
        for i in range(1, len(parts)):
            node = call.g.binary(op, node, call.float_node(i, len(shape)))
        return [Value(shape, node)]

    return make


def _global(op: str) -> Callable[[Call], list[Value]]:
    def make(call: Call) -> list[Value]:
        shape = call.value(0).shape
        if len(shape) != _MAP:
            raise ValueError("it does not read maps")
        return [Value((*shape[:2], 1, 1), call.g.reduce(op, call.value(0).node, [1, 2], keep=True))]

    return make


def _reduction(op: str) -> Callable[[Call], list[Value]]:
    def make(call: Call) -> list[Value]:
        value, told = call.value(0), call.constant(1)
        rank = len(value.shape)
        axes = [int(a) for a in told] if told is not None else call.ints("axes")
        if not axes and call.integer("noop_with_empty_axes"):
            return [value]
        axes = axes or list(range(rank))
        axes = sorted(a + rank if a < 0 else a for a in axes)
        shape = tuple(1 if i in axes else n for i, n in enumerate(value.shape))
        node = call.g.reduce(op, value.node, [_axis(a, rank) for a in axes], keep=True)
        if call.integer("keepdims", 1):
            return [Value(shape, node)]
        left = [n for i, n in enumerate(shape) if i not in axes]
        return [_kept(call, call.g.reshape(_as_given(call, Value(shape, node)), [-1, *left[1:]]), left)]

    return make


def _batch_norm(call: Call) -> list[Value]:
    if call.integer("training_mode"):
        raise ValueError("it reads the statistics of the pictures at hand, as in training")
    scale, offset, mean, variance = (np.asarray(call.constant(i), np.float64) for i in range(1, 5))
    factor = scale / np.sqrt(variance + call.number("epsilon", 1e-5))
    if len(call.value(0).shape) == _MAP:
        parts = [call.g.const(a.astype(np.float32)) for a in (scale, offset, mean, variance)]
        how = {"epsilon": call.number("epsilon", 1e-5), "is_training": False, "data_format": b"NHWC"}
        return _like(call, call.g.add("FusedBatchNormV3", call.value(0).node, *parts, T=("type", 1), U=("type", 1), **how))
    of_channels = (-1, *(1 for _ in call.value(0).shape[2:]))  # they are not the last dimension of what has more than two
    by, shift = (call.g.const(a.astype(np.float32).reshape(of_channels)) for a in (factor, offset - mean * factor))
    return _like(call, call.g.binary("AddV2", call.g.binary("Mul", call.value(0).node, by), shift))


def _clip(call: Call) -> list[Value]:
    if call.has("min") or call.has("max"):
        low, high = (call.number(n) if call.has(n) else None for n in ("min", "max"))
    else:
        low, high = (None if (v := call.constant(i)) is None else float(v.reshape(-1)[0]) for i in (1, 2))
    bounds = (-math.inf if low is None else low, math.inf if high is None else high)
    return _like(call, call.g.clipped(call.value(0).node, *bounds))


def _quantize(call: Call) -> list[Value]:
    """The reals behind the codes, within what the codes can say: quantizers leave out activations that this does as well."""
    scale, zero = call.constant(1), call.constant(2)
    if scale is None or scale.size != 1:
        raise ValueError("it rounds each channel by a scale of its own")
    codes = np.iinfo(code_type(call, zero))
    step, at = float(scale.reshape(())), 0.0 if zero is None else float(zero.reshape(()))
    return _like(call, call.g.clipped(call.value(0).node, (codes.min - at) * step, (codes.max - at) * step, slack=step))


def _cast(call: Call) -> list[Value]:
    if call.integer("to") not in _FLOATS:
        raise ValueError("it makes other numbers than floats of what is computed")
    return _same(call)


def _elu(call: Call) -> list[Value]:
    x, alpha = call.value(0).node, call.number("alpha", 1.0)
    if alpha == 1:
        return _like(call, call.g.unary("Elu", x))
    below = call.g.unary("Elu", call.g.binary("Minimum", x, call.g.const(np.float32(0))))
    return _like(
        call, call.g.binary("AddV2", call.g.unary("Relu", x), call.g.binary("Mul", below, call.g.const(np.float32(alpha))))
    )


def _hard_sigmoid(call: Call, alpha: float, beta: float) -> str:
    x = call.g.binary("Mul", call.value(0).node, call.g.const(np.float32(alpha)))
    x = call.g.unary("Relu", call.g.binary("AddV2", x, call.g.const(np.float32(beta))))
    return str(call.g.binary("Minimum", x, call.g.const(np.float32(1))))


def _hard_swish(call: Call) -> list[Value]:
    return _like(call, call.g.binary("Mul", call.value(0).node, _hard_sigmoid(call, 1 / 6, 0.5)))


def _prelu(call: Call) -> list[Value]:
    x, rank = call.value(0).node, len(call.value(0).shape)
    below = call.g.binary("Minimum", x, call.g.const(np.float32(0)))
    return _like(call, call.g.binary("AddV2", call.g.unary("Relu", x), call.g.binary("Mul", below, call.float_node(1, rank))))


def _gelu(call: Call) -> list[Value]:
    x = call.value(0).node
    if call.text("approximate", "none") == "tanh":
        raise ValueError("its approximation by tanh is not read")
    gate = call.g.unary("Erf", call.g.binary("Mul", x, call.g.const(np.float32(math.sqrt(0.5)))))
    half = call.g.binary("Mul", x, call.g.const(np.float32(0.5)))
    return _like(call, call.g.binary("Mul", half, call.g.binary("AddV2", gate, call.g.const(np.float32(1)))))


def _softmax(call: Call) -> list[Value]:
    value, op = call.value(0), call.node.op_type
    rank = len(value.shape)
    axis = call.integer("axis", -1 if call.opset >= 13 else 1)
    axis = axis + rank if axis < 0 else axis
    if axis == 0 or math.prod(value.shape[axis + 1 :]) > 1:
        raise ValueError("it is not over the last axis")
    if rank == 2:
        return _like(call, call.g.unary(op, value.node))
    made = call.g.unary(op, call.g.reshape(_as_given(call, value), [-1, math.prod(value.shape[axis:])]))
    return [_kept(call, call.g.reshape(made, [-1, *value.shape[1:]]), value.shape)]


def _reshaped(call: Call, shape: Sequence[int]) -> list[Value]:
    value = call.value(0)
    if math.prod(shape) != math.prod(value.shape):
        raise ValueError(f"{list(value.shape)} does not become {list(shape)}")
    if tuple(shape) == value.shape:
        return [value]
    if not shape or shape[0] != 1:
        raise ValueError("it moves the batch")
    return [_kept(call, call.g.reshape(_as_given(call, value), [-1, *shape[1:]]), shape)]


def _reshape(call: Call) -> list[Value]:
    value, told = call.value(0), call.constant(1)
    shape = [int(n) for n in (told if told is not None else call.ints("shape"))]
    shape = [value.shape[i] if n == 0 and not call.integer("allowzero") else n for i, n in enumerate(shape)]
    if shape.count(-1) == 1:
        shape[shape.index(-1)] = math.prod(value.shape) // -math.prod(shape)
    return _reshaped(call, shape)


def _flatten(call: Call) -> list[Value]:
    shape, axis = call.value(0).shape, call.integer("axis", 1)
    return _reshaped(call, [math.prod(shape[:axis]), math.prod(shape[axis:])])


def _squeeze(call: Call) -> list[Value]:
    shape, told = call.value(0).shape, call.constant(1)
    axes = [int(a) % len(shape) for a in (told if told is not None else call.ints("axes"))]
    axes = axes or [i for i, n in enumerate(shape) if n == 1 and i]
    return _reshaped(call, [n for i, n in enumerate(shape) if i not in axes])


def _unsqueeze(call: Call) -> list[Value]:
    shape, told = list(call.value(0).shape), call.constant(1)
    axes = [int(a) for a in (told if told is not None else call.ints("axes"))]
    rank = len(shape) + len(axes)
    for axis in sorted(a % rank for a in axes):
        shape.insert(axis, 1)
    return _reshaped(call, shape)


def _transpose(call: Call) -> list[Value]:
    value = call.value(0)
    order = call.ints("perm") or list(reversed(range(len(value.shape))))
    shape = [value.shape[i] for i in order]
    if order[0] != 0:
        raise ValueError("it moves the batch")
    if len(order) == _MAP:  # from what is kept to what is kept
        return [Value(shape, call.g.transpose(value.node, [_LAST[order[i]] for i in _TO_LAST]))]
    return [Value(shape, call.g.transpose(value.node, order))]


def _concat(call: Call) -> list[Value]:
    parts = [call.value(i) for i in range(len(call.node.input))]
    rank = len(parts[0].shape)
    axis = call.integer("axis") % rank
    if axis == 0 or any(p.constant is not None or len(p.shape) != rank for p in parts):
        raise ValueError("it joins other things than maps of one picture")
    shape = [sum(p.shape[i] for p in parts) if i == axis else n for i, n in enumerate(parts[0].shape)]
    return [Value(shape, call.g.concat([p.node for p in parts], _axis(axis, rank)))]


def _split(call: Call) -> list[Value]:
    value, told = call.value(0), call.constant(1) if len(call.given) > 1 else None
    axis, count = call.integer("axis") % len(value.shape), len(call.node.output)
    even = [-(-value.shape[axis] // count)] * (count - 1)
    sizes = [int(n) for n in told] if told is not None else call.ints("split") or [*even, value.shape[axis] - sum(even)]
    if sum(sizes) != value.shape[axis] or len(sizes) != count:
        raise ValueError("its parts are not the whole")
    nodes = call.g.split(value.node, sizes, _axis(axis, len(value.shape)))
    shapes = [[size if i == axis else n for i, n in enumerate(value.shape)] for size in sizes]
    return [Value(shape, node) for shape, node in zip(shapes, nodes, strict=True)]


def _slice(call: Call) -> list[Value]:
    value, rank = call.value(0), len(call.value(0).shape)
    if call.has("starts"):
        starts, ends, axes = call.ints("starts"), call.ints("ends"), call.ints("axes")
    else:
        told = [call.constant(i) for i in range(1, 5)]
        starts, ends, axes, steps = ([] if t is None else [int(n) for n in t] for t in told)
        if any(step != 1 for step in steps):
            raise ValueError("it takes steps")
    begin, size = [0] * rank, [-1] * rank
    shape = list(value.shape)
    for start, end, axis in zip(starts, ends, axes or range(len(starts)), strict=True):
        first, last, _ = slice(start, end).indices(value.shape[axis])
        shape[axis] = last - first
        place = _axis(axis, rank)
        begin[place], size[place] = first, last - first
    if min(shape) < 1 or shape[0] != 1:
        raise ValueError("nothing is left")
    return [Value(shape, call.g.slice(value.node, begin, size))]


def _pad(call: Call) -> list[Value]:
    value, told = call.value(0), call.constant(1)
    pads, rank = [int(n) for n in (told if told is not None else call.ints("pads"))], len(value.shape)
    if call.text("mode", "constant") != "constant" or min(pads) < 0 or len(pads) != 2 * rank:
        raise ValueError("it pads in another way than by a constant")
    axes = call.constant(3)
    if axes is not None and [int(a) % rank for a in axes] != list(range(rank)):
        raise ValueError("it pads some axes alone")
    fill = call.constant(2)
    pairs = [[pads[i], pads[i + rank]] for i in range(rank)]
    laid = [pairs[i] for i in _TO_LAST] if rank == _MAP else pairs
    constant = float(fill.reshape(-1)[0]) if fill is not None and fill.size else call.number("value")
    return [Value([n + sum(p) for n, p in zip(value.shape, pairs, strict=True)], call.g.pad(value.node, laid, constant))]


def _gemm(call: Call) -> list[Value]:
    value, matrix = call.value(0), call.constant(1)
    if matrix is None or call.integer("transA") or len(value.shape) != 2:
        raise ValueError("it multiplies other things than rows by a matrix")
    matrix = (matrix.T if call.integer("transB") else matrix) * call.number("alpha", 1.0)
    x, bias = call.g.matmul(value.node, call.g.const(np.asarray(matrix, np.float32))), call.constant(2)
    if bias is not None:
        full = np.broadcast_to(bias.reshape(-1) * call.number("beta", 1.0), matrix.shape[1:])
        x = call.g.bias(x, full)
    return [Value((1, matrix.shape[1]), x)]


def _matmul(call: Call) -> list[Value]:
    value, matrix = call.value(0), call.value(1).constant
    if matrix is None or matrix.ndim != 2:
        raise ValueError("it multiplies by what is computed")
    shape = (*value.shape[:-1], matrix.shape[1])
    flat = _as_given(call, value) if len(value.shape) == 2 else call.g.reshape(_as_given(call, value), [-1, matrix.shape[0]])
    x = call.g.matmul(flat, call.g.const(np.asarray(matrix, np.float32)))
    return [Value(shape, x)] if len(shape) == 2 else [_kept(call, call.g.reshape(x, [-1, *shape[1:]]), shape)]


def _same(call: Call) -> list[Value]:
    return [call.value(0), *([call.value(0)] if len(call.node.output) > 1 else [])]


def _local_response(call: Call) -> list[Value]:
    size = call.integer("size")
    if not size % 2 or len(call.value(0).shape) != _MAP:
        raise ValueError("it reaches over an even number of channels, or not over maps")
    told = {"depth_radius": size // 2, "bias": call.number("bias", 1.0), "alpha": call.number("alpha", 1e-4) / size}
    return _like(call, call.g.add("LRN", call.value(0).node, T=("type", 1), beta=call.number("beta", 0.75), **told))


def _leaky(call: Call) -> list[Value]:
    return _like(call, call.g.add("LeakyRelu", call.value(0).node, T=("type", 1), alpha=call.number("alpha", 0.01)))


def _reciprocal(call: Call) -> list[Value]:
    return _like(call, call.g.binary("RealDiv", call.g.const(np.float32(1)), call.value(0).node))


OPS: dict[str, Callable[[Call], list[Value]]] = {
    "Conv": onnx_windows.convolution,
    "MaxPool": onnx_windows.pool,
    "AveragePool": onnx_windows.pool,
    "GlobalAveragePool": _global("Mean"),
    "GlobalMaxPool": _global("Max"),
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "HardSigmoid": lambda c: _like(c, _hard_sigmoid(c, c.number("alpha", 0.2), c.number("beta", 0.5))),
    "HardSwish": _hard_swish,
    "PRelu": _prelu,
    "LeakyRelu": _leaky,
    "Gelu": _gelu,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Pad": _pad,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Reciprocal": _reciprocal,
    "Cast": _cast,
    "LRN": _local_response,
    "Elu": _elu,
    "QuantizeLinear": _quantize,
    **dict.fromkeys(("Identity", "Dropout", "DequantizeLinear"), _same),
    **{name: _binary(op) for name, op in {"Add": "AddV2", "Sub": "Sub", "Mul": "Mul", "Div": "RealDiv", "Pow": "Pow"}.items()},
    **{name: _binary(op) for name, op in {"Max": "Maximum", "Min": "Minimum", "Sum": "AddV2"}.items()},
    **{name: _unary(name) for name in ("Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Sqrt", "Abs", "Neg", "Softplus", "Floor")},
    **{f"Reduce{name}": _reduction(name) for name in ("Mean", "Max", "Min", "Sum")},
}
