"""ONNX's convolutions and poolings as TensorFlow's, whose borders are laid out in other ways."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pagesight.importers.onnx_nodes import Call, Value

_MAP = 4


def _pads(call: Call, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> list[list[int]]:
    """Before and after, for height and width."""
    shape, how = call.value(0).shape, call.text("auto_pad", "NOTSET")
    if how in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        for n, k, s, d in zip(shape[2:], kernel, strides, dilations, strict=True):
            whole = max(0, (math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n)
            less, more = whole // 2, whole - whole // 2
            found.append([less, more] if how == "SAME_UPPER" else [more, less])
        return found
    pads = call.ints("pads", [0, 0, 0, 0])
    return [[pads[0], pads[2]], [pads[1], pads[3]]]


def _spatial(call: Call, kernel: Sequence[int]) -> tuple[list[int], list[int], list[list[int]], list[int]]:
    """Strides, dilations, pads, and height and width of what comes out."""
    strides, dilations = call.ints("strides", [1, 1]), call.ints("dilations", [1, 1])
    if len(call.value(0).shape) != _MAP or len(kernel) != 2:
        raise ValueError("it does not read maps of two dimensions")
    pads = _pads(call, kernel, strides, dilations)
    rounding = math.ceil if call.integer("ceil_mode") else math.floor
    sizes = []
    for i, n in enumerate(call.value(0).shape[2:]):
        reach = (kernel[i] - 1) * dilations[i] + 1
        size = rounding((n + sum(pads[i]) - reach) / strides[i]) + 1
        if rounding is math.ceil and (size - 1) * strides[i] >= n + pads[i][0]:
            size -= 1  # a window that begins beyond the border is none
        if size < 1:
            raise ValueError("nothing is left of the map")
        sizes.append(size)
        pads[i][1] = max(pads[i][1], (size - 1) * strides[i] + reach - n - pads[i][0])
    return strides, dilations, pads, sizes


def _padding(call: Call, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Any) -> bytes | None:
    """SAME or VALID where TensorFlow pads as asked; None where it does not."""
    if not np.any(pads):
        return b"VALID"
    for n, k, s, d, (before, after) in zip(call.value(0).shape[2:], kernel, strides, dilations, pads, strict=True):
        whole = max(0, (math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n)
        if [before, after] != [whole // 2, whole - whole // 2]:
            return None
    return b"SAME"


def convolution(call: Call) -> list[Value]:
    """Conv, of any grouping and padding."""
    kernel, groups = call.constant(1), call.integer("group", 1)
    if kernel is None or kernel.ndim != _MAP or kernel.shape[1] * groups != call.value(0).shape[1] or kernel.shape[0] % groups:
        raise ValueError("its kernel does not fit its picture")
    strides, dilations, pads, sizes = _spatial(call, kernel.shape[2:])
    x, padding = call.value(0).node, _padding(call, kernel.shape[2:], strides, dilations, pads)
    if padding is None:
        x, padding = call.g.pad(x, [[0, 0], *pads, [0, 0]]), b"VALID"
    if groups > 1 and kernel.shape[1] == 1:
        multiplier = kernel.shape[0] // groups
        laid = kernel.reshape(groups, multiplier, *kernel.shape[2:]).transpose(2, 3, 0, 1)
        x = call.g.convolution(x, laid, strides, padding, dilations, depthwise=True)
    else:
        laid, width = kernel.transpose(2, 3, 1, 0), kernel.shape[0] // groups
        parts = [x] if groups == 1 else call.g.split(x, [kernel.shape[1]] * groups, 3)
        made = [
            call.g.convolution(part, laid[..., i * width : (i + 1) * width], strides, padding, dilations, depthwise=False)
            for i, part in enumerate(parts)
        ]
        x = made[0] if groups == 1 else call.g.concat(made, 3)
    bias = call.constant(2)
    x = x if bias is None else call.g.bias(x, bias)
    return [Value((1, kernel.shape[0], *sizes), x)]


def pool(call: Call) -> list[Value]:
    """MaxPool and AveragePool, borders counted or not."""
    kernel, is_max = call.ints("kernel_shape"), call.node.op_type == "MaxPool"
    strides, dilations, pads, sizes = _spatial(call, kernel)
    if dilations != [1, 1]:
        raise ValueError("it is dilated")
    x, shape = call.value(0).node, (1, call.value(0).shape[1], *sizes)
    padding = _padding(call, kernel, strides, dilations, pads)
    with_borders = not is_max and call.integer("count_include_pad") and np.any(pads)
    if padding is not None and not with_borders:
        return [Value(shape, call.g.pool("MaxPool" if is_max else "AvgPool", x, kernel, strides, padding))]
    borders = [[0, 0], *pads, [0, 0]]
    padded = call.g.pad(x, borders, float(np.finfo(np.float32).min) if is_max else 0.0)
    pooled = call.g.pool("MaxPool" if is_max else "AvgPool", padded, kernel, strides, b"VALID")
    if not is_max:
        told = _pads(call, kernel, strides, dilations)
        counted = told if with_borders else [[0, 0], [0, 0]]
        counts = _windows(list(zip(call.value(0).shape[2:], kernel, strides, pads, counted, sizes, strict=True)))
        pooled = call.g.binary("Mul", pooled, call.g.const((math.prod(kernel) / counts)[None, :, :, None].astype(np.float32)))
    return [Value(shape, pooled)]


def _windows(rows: Sequence[tuple[int, int, int, list[int], list[int], int]]) -> Any:
    """How many places each window of an average counts."""
    counts = []
    for n, k, s, (before, _), (more, after), size in rows:
        starts = np.arange(size) * s - before
        counts.append(np.minimum(starts + k, n + after) - np.maximum(starts, -more))
    return np.maximum(np.outer(*counts), 1)
