"""Nodes and tensors of an ONNX graph, as the ops are told about them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError
from pagesight.importers.graph_builder import GraphBuilder

AGAIN = "export it again with opset 11 to 21, weights inside the file"
_DTYPES = {
    1: "<f4", 2: "|u1", 3: "|i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "|b1", 10: "<f2", 11: "<f8", 12: "<u4", 13: "<u8",
}  # fmt: skip
_EXTERNAL, _FLOAT16 = 1, 10


class Value:
    """A tensor of the graph: a constant, or a node that computes it. `shape` is as ONNX has it, the batch as 1.

    What is computed with four dimensions is kept with the channels last.
    """

    def __init__(self, shape: Sequence[int], node: str = "", constant: NDArray[Any] | None = None) -> None:
        self.shape, self.node, self.constant = tuple(int(n) for n in shape), node, constant


class Call:
    """One node with what it reads."""

    def __init__(self, g: GraphBuilder, opset: int, node: Any, given: list[Value | None]) -> None:
        self.g, self.opset, self.node, self.given = g, opset, node, given
        self._attributes = {a.name: a for a in node.attribute}

    def value(self, index: int) -> Value:
        """An input that must be there."""
        found = self.given[index] if index < len(self.given) else None
        if found is None:
            raise ValueError(f"its input {index} is missing")
        return found

    def constant(self, index: int) -> NDArray[Any] | None:
        """An input that is a constant, where there is one."""
        found = self.given[index] if index < len(self.given) else None
        if found is None:
            return None
        if found.constant is None:
            raise ValueError(f"its input {index} is computed, where a constant is expected")
        return found.constant

    def ints(self, name: str, default: Sequence[int] = ()) -> list[int]:
        """An attribute that is a list of whole numbers."""
        return [int(n) for n in self._attributes[name].ints] if name in self._attributes else list(default)

    def numbers(self, name: str) -> list[float]:
        """An attribute that is a list of numbers."""
        return [float(n) for n in self._attributes[name].floats] if name in self._attributes else []

    def integer(self, name: str, default: int = 0) -> int:
        """An attribute that is a whole number."""
        return int(self._attributes[name].i) if name in self._attributes else default

    def number(self, name: str, default: float = 0.0) -> float:
        """An attribute that is a number."""
        return float(self._attributes[name].f) if name in self._attributes else default

    def text(self, name: str, default: str = "") -> str:
        """An attribute that is text."""
        return self._attributes[name].s.decode("utf-8", "replace") if name in self._attributes else default

    def tensor(self, name: str) -> NDArray[Any] | None:
        """An attribute that is an array."""
        return array_of(self._attributes[name].t) if name in self._attributes else None

    def has(self, name: str) -> bool:
        """True where the attribute is given."""
        return name in self._attributes

    def float_node(self, index: int, rank: int) -> str:
        """An input by its node, a constant laid out for an op of `rank` dimensions."""
        found = self.value(index)
        if found.constant is None:
            return found.node
        array = np.asarray(found.constant, np.float32)
        if rank == 4 and array.ndim:
            array = array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(0, 2, 3, 1)
        return str(self.g.const(array))


def array_of(tensor: Any) -> NDArray[Any]:
    """The numbers of a Tensor. Raises AdoptError for one that lies outside the file, or is not as large as it says."""
    if tensor.data_location == _EXTERNAL or tensor.external_data:
        raise AdoptError(f"the weight {tensor.name!r:.80} lies in another file", fix=AGAIN)
    if tensor.data_type not in _DTYPES:
        raise AdoptError(f"the weight {tensor.name!r:.80} has the type {tensor.data_type}, which is not supported", fix=AGAIN)
    dtype = np.dtype(_DTYPES[tensor.data_type])
    shape = [int(n) for n in tensor.dims]
    if any(n < 0 for n in shape):
        raise AdoptError(f"the weight {tensor.name!r:.80} has the invalid shape {shape}", fix=AGAIN)
    if tensor.raw_data:
        array = np.frombuffer(tensor.raw_data[: len(tensor.raw_data) // dtype.itemsize * dtype.itemsize], dtype)
    elif tensor.data_type == _FLOAT16:  # as bits
        array = np.asarray(tensor.int32_data, np.uint16).view(np.float16)
    else:
        fields = (tensor.float_data, tensor.double_data, tensor.int64_data, tensor.uint64_data, tensor.int32_data)
        array = np.asarray(next((f for f in fields if len(f)), []), dtype)
    if array.size != math.prod(shape):
        raise AdoptError(f"the weight {tensor.name!r:.80} of {shape} holds {array.size:,} numbers", fix=AGAIN)
    array = array.reshape(shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all() and array.size > 1:
        raise AdoptError(f"the weight {tensor.name!r:.80} contains NaN or infinity", fix="train the model again; it has diverged")
    return array.astype(np.float32) if array.dtype.kind == "f" else array
