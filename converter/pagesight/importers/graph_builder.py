"""Builds a graph of TensorFlow's ops as plain data, for readers of formats that are no TensorFlow graphs themselves."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import bare
from pagesight.importers.saved_model_signature import GRAPH
from pagesight.sandbox import Found

_FLOAT, _INT32 = 1, 3
_LARGE = 64
_FREE = (-math.inf, math.inf)
_WITHIN = {
    "Relu": (0.0, math.inf), "Relu6": (0.0, 6.0), "Sigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0), "LogSoftmax": (-math.inf, 0.0),
    "Tanh": (-1.0, 1.0),
}  # fmt: skip
"""Between what numbers an op's answers lie, whatever it is given."""
_STAYS = frozenset(["Reshape", "Transpose", "MaxPool", "AvgPool", "Mean", "Max", "Min", "Slice", "ResizeBilinear", "Identity"])
"""Ops whose answers lie between the numbers that their first input lies between."""


class GraphBuilder:
    """A graph with one picture as its input; tensors are known by the names of their nodes.

    Feature maps are NHWC. Float arrays of some size are handed over beside the graph, as variables are.
    """

    def __init__(self, shape: Sequence[int | None]) -> None:
        with bare("tensorflow"):
            from tensorflow.core.framework.graph_pb2 import GraphDef
        self._graph_def = GraphDef()
        self._graph_def.versions.producer = 1087
        self._arrays: dict[str, NDArray[Any]] = {}
        self._within: dict[str, tuple[float, float]] = {}
        self.image = "image"
        node = self._graph_def.node.add(name=self.image, op="Placeholder")
        node.attr["dtype"].type = _FLOAT
        for n in shape:
            node.attr["shape"].shape.dim.add().size = -1 if n is None else n
        self._shape = [-1 if n is None else n for n in shape]

    def const(self, value: Any) -> str:
        """A constant: floats as float32, everything else as int32."""
        array = np.asarray(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int32)
        name = f"const_{len(self._graph_def.node)}"
        if array.dtype == np.float32 and array.size > _LARGE:
            self._variable(name, array)
            return f"{name}/Read/ReadVariableOp"
        node = self._graph_def.node.add(name=name, op="Const")
        tensor = node.attr["value"].tensor
        node.attr["dtype"].type = tensor.dtype = _FLOAT if array.dtype == np.float32 else _INT32
        for n in array.shape:
            tensor.tensor_shape.dim.add().size = n
        tensor.tensor_shape.SetInParent()
        tensor.tensor_content = array.astype(array.dtype.newbyteorder("<")).tobytes()
        return name

    def _variable(self, name: str, array: NDArray[Any]) -> None:
        self._arrays[name] = array
        node = self._graph_def.node.add(name=name, op="VarHandleOp")
        node.attr["dtype"].type = _FLOAT
        for n in array.shape:
            node.attr["shape"].shape.dim.add().size = n
        node.attr["shared_name"].s = name.encode()
        read = self._graph_def.node.add(name=f"{name}/Read/ReadVariableOp", op="ReadVariableOp", input=[name])
        read.attr["dtype"].type = _FLOAT

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node of `op`; attributes by type: int, float, bool, bytes, list of int, or ('type', number)."""
        name = f"{op}_{len(self._graph_def.node)}"
        node = self._graph_def.node.add(name=name, op=op, input=list(inputs))
        for key, value in attributes.items():
            attr = node.attr[key]
            if isinstance(value, bool):
                attr.b = value
            elif isinstance(value, int):
                attr.i = value
            elif isinstance(value, float):
                attr.f = value
            elif isinstance(value, bytes):
                attr.s = value
            elif isinstance(value, tuple):
                attr.type = value[1]
            else:
                attr.list.i.extend(value)
                attr.list.SetInParent()
        self._within[name] = self._limits(op, inputs)
        return name

    def _limits(self, op: str, inputs: Sequence[str]) -> tuple[float, float]:
        """Between what numbers the answers of `op` lie, as far as is known."""
        if op in _STAYS:
            return self._within.get(inputs[0], _FREE)
        if op == "ConcatV2":
            lows, highs = zip(*(self._within.get(part, _FREE) for part in inputs[:-1]), strict=True)
            return min(lows), max(highs)
        return _WITHIN.get(op, _FREE)

    def known(self, x: str, low: float, high: float) -> str:
        """`x`, which never leaves `low`..`high`."""
        self._within[x] = (low, high)
        return x

    def clipped(self, x: str, low: float, high: float, slack: float = 0.0) -> str:
        """`x` kept within `low`..`high`: no op for a side that it does not pass by more than `slack` anyway."""
        least, most = self._within.get(x, _FREE)
        below, above = least < low - slack, most > high + slack
        if below and above and abs(low) <= slack / 2 and abs(high - 6) <= slack / 2:
            return self.unary("Relu6", x)
        if below:
            x = self.unary("Relu", x) if low == 0 else self.binary("Maximum", x, self.const(np.float32(low)))
        if above:
            x = self.binary("Minimum", x, self.const(np.float32(high)))
        return self.known(x, max(least, low), min(most, high)) if below or above else x

    def unary(self, op: str, x: str) -> str:
        """An op of one float tensor."""
        return self.add(op, x, T=("type", _FLOAT))

    def binary(self, op: str, a: str, b: str) -> str:
        """An op of two float tensors."""
        return self.add(op, a, b, T=("type", _FLOAT))

    def indexed(self, op: str, x: str, value: Any, key: str, **attributes: Any) -> str:
        """An op of a float tensor and a constant of int32, whose type is the attribute `key`."""
        return self.add(op, x, self.const(np.asarray(value, np.int32)), T=("type", _FLOAT), **{key: ("type", _INT32)}, **attributes)

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """The same numbers in another shape."""
        return self.indexed("Reshape", x, list(shape), "Tshape")

    def transpose(self, x: str, order: Sequence[int]) -> str:
        """Dimensions in another order; nothing where it is the same."""
        return x if list(order) == sorted(order) else self.indexed("Transpose", x, list(order), "Tperm")

    def reduce(self, op: str, x: str, axes: Sequence[int], *, keep: bool) -> str:
        """Mean, Sum, Max, Min or Prod over `axes`."""
        return self.indexed(op, x, list(axes), "Tidx", keep_dims=keep)

    def pad(self, x: str, pads: Sequence[Sequence[int]], value: float = 0.0) -> str:
        """Constant borders: before and after for each dimension."""
        if not np.any(pads):
            return x
        borders = self.const(np.asarray(pads, np.int32))
        if value == 0:
            return self.add("Pad", x, borders, T=("type", _FLOAT), Tpaddings=("type", _INT32))
        return self.add("PadV2", x, borders, self.const(np.float32(value)), T=("type", _FLOAT), Tpaddings=("type", _INT32))

    def concat(self, parts: Sequence[str], axis: int) -> str:
        """Parts side by side along `axis`."""
        return self.add("ConcatV2", *parts, self.const(axis), N=len(parts), T=("type", _FLOAT), Tidx=("type", _INT32))

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Parts of `sizes` along `axis`."""
        lengths = self.const(np.asarray(sizes, np.int32))
        types = {"T": ("type", _FLOAT), "Tlen": ("type", _INT32), "num_split": len(sizes)}
        name = self.add("SplitV", x, lengths, self.const(axis), **types)
        return [f"{name}:{i}" if i else name for i in range(len(sizes))]

    def slice(self, x: str, starts: Sequence[int], sizes: Sequence[int]) -> str:
        """A block of a tensor; size -1 goes to the end."""
        begin, size = (self.const(np.asarray(v, np.int32)) for v in (starts, sizes))
        return self.add("Slice", x, begin, size, T=("type", _FLOAT), Index=("type", _INT32))

    def convolution(
        self, x: str, kernel: NDArray[Any], strides: Sequence[int], padding: bytes, dilations: Sequence[int], *, depthwise: bool
    ) -> str:
        """A convolution of kernels `[h, w, in, out]`, or, depthwise, `[h, w, in, multiplier]`."""
        return self.add(
            "DepthwiseConv2dNative" if depthwise else "Conv2D",
            x,
            self.const(np.asarray(kernel, np.float32)),
            T=("type", _FLOAT),
            strides=[1, *strides, 1],
            padding=padding,
            dilations=[1, *dilations, 1],
            data_format=b"NHWC",
            explicit_paddings=[],
        )

    def bias(self, x: str, values: NDArray[Any]) -> str:
        """A number for each channel added."""
        return self.add("BiasAdd", x, self.const(np.asarray(values, np.float32)), T=("type", _FLOAT), data_format=b"NHWC")

    def pool(self, op: str, x: str, size: Sequence[int], strides: Sequence[int], padding: bytes) -> str:
        """MaxPool or AvgPool; borders count for nothing."""
        how = {"ksize": [1, *size, 1], "strides": [1, *strides, 1], "padding": padding, "data_format": b"NHWC"}
        return self.add(op, x, T=("type", _FLOAT), **how)

    def matmul(self, x: str, matrix: str) -> str:
        """Rows times a matrix."""
        return self.add("MatMul", x, matrix, T=("type", _FLOAT), transpose_a=False, transpose_b=False)

    def finished(self, answer: str, shape: Sequence[int], **facts: Any) -> Found:
        """The graph that gives `answer`, a tensor of `shape` (batch -1)."""
        if self._graph_def.ByteSize() > 2**31 - 1:
            raise AdoptError("the graph is larger than a protocol buffer can be", fix="give a smaller model")
        name = self.add("Identity", answer, T=("type", _FLOAT))
        image = {"name": "image", "tensor": f"{self.image}:0", "dtype": _FLOAT, "shape": self._shape}
        output = {"name": "default", "tensor": f"{name}:0", "dtype": _FLOAT, "shape": list(shape)}
        graph = np.frombuffer(self._graph_def.SerializeToString(), np.uint8)
        return Found({"inputs": [image], "outputs": [output], **facts}, {GRAPH: graph, **self._arrays})
