"""ONNX files: the protobuf read as data, and its graph, in which channels come first, turned once to channels last."""

import math
from pathlib import Path
from typing import Any

from pagesight.errors import AdoptError
from pagesight.importers import onnx_folding
from pagesight.importers.graph_builder import GraphBuilder
from pagesight.importers.onnx_nodes import AGAIN, Call, Value, array_of
from pagesight.importers.onnx_ops import OPS
from pagesight.importers.onnx_proto import messages
from pagesight.sandbox import Found

_FLOAT = 1
_FIRST_OPSET, _LAST_OPSET = 9, 23
_MAX_PROTO = 2**31 - 1
_COLORS = (1, 3)
_MAP = 4


def open_file(path: Path, side: int | None = None) -> Found:
    """The model in an `.onnx` file as a graph of TensorFlow's ops; `side` is its pictures', where left open. Raises AdoptError."""
    from google.protobuf.message import DecodeError

    if path.stat().st_size > _MAX_PROTO:
        raise AdoptError(f"{path} is larger than a protocol buffer can be", fix=AGAIN)
    try:
        model = messages().Model.FromString(path.read_bytes())
    except DecodeError as cause:
        raise AdoptError(f"{path} is damaged: it is no ONNX file", fix="copy or download it again") from cause
    if not model.graph.node or not model.opset_import:
        raise AdoptError(f"{path} holds no ONNX graph", fix="copy or download it again")
    return Reader(model, side).read()


class Reader:
    """Goes through the nodes in their order, which ONNX promises to be one in which they can be computed."""

    def __init__(self, model: Any, side: int | None) -> None:
        self._graph, self._side = model.graph, side
        self.opset = max((int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
        if not _FIRST_OPSET <= self.opset <= _LAST_OPSET:
            raise AdoptError(f"the model uses ONNX opset {self.opset}, which is not supported", fix=AGAIN)
        self.values: dict[str, Value] = {}

    def read(self) -> Found:
        """The graph that gives the model's one answer. Raises AdoptError."""
        for tensor in self._graph.initializer:
            value = array_of(tensor)
            self.values[tensor.name] = Value(value.shape, constant=value)
        inputs = [i for i in self._graph.input if i.name not in self.values]
        if len(inputs) != 1:
            raise AdoptError(f"the model takes {len(inputs)} inputs", fix="give a model that takes one picture and nothing else")
        self.values[inputs[0].name] = self._input(inputs[0])
        needed = self._needed()
        for node in self._graph.node:
            if needed & set(node.output):
                self._compute(node)
        answer = self._answer()
        quantized = any(node.op_type == "DequantizeLinear" for node in self._graph.node)
        node = self.g.transpose(answer.node, [0, 3, 1, 2]) if len(answer.shape) == _MAP else answer.node
        return self.g.finished(node, [-1, *answer.shape[1:]], kind="onnx", input_range=None, quantized=quantized)

    def _input(self, info: Any) -> Value:
        dims = [int(d.dim_value) or None for d in info.type.tensor_type.shape.dim]
        if len(dims) != 4 or info.type.tensor_type.elem_type != _FLOAT:
            raise AdoptError(f"the model takes {dims}, not pictures of float32", fix="export it for float32 pictures")
        first = dims[1] in _COLORS or (dims[1] is None and dims[3] not in _COLORS)
        height, width, channels = (dims[2], dims[3], dims[1]) if first else dims[1:]
        height, width = height or self._side, width or self._side
        if height is None or width is None:
            raise AdoptError("the model takes pictures of any size", fix="pass --side, for example --side 224")
        self.g = GraphBuilder([None, height, width, channels])
        if first:
            value = Value((1, channels or 3, height, width), self.g.image)
        else:  # what has channels last is kept with its second dimension last, like all others
            value = Value((1, height, width, channels or 3), self.g.transpose(self.g.image, [0, 2, 3, 1]))
        return value

    def _needed(self) -> set[str]:
        """Names of the tensors that the first answer is made from."""
        makers = {name: node for node in self._graph.node for name in node.output}
        queue, seen = [self._wanted()], set[str]()
        while queue:
            name = queue.pop()
            if name not in seen:
                seen.add(name)
                queue += list(makers[name].input) if name in makers else []
        return seen

    def _wanted(self) -> str:
        names = [o.name for o in self._graph.output]
        if len(names) > 1:
            raise AdoptError(f"the model has {len(names)} outputs ({', '.join(names):.120})", fix="export it with its scores alone")
        if not names:
            raise AdoptError("the model has no output", fix=AGAIN)
        return str(names[0])

    def _answer(self) -> Value:
        value = self.values.get(self._wanted())
        if value is None or value.constant is not None:
            raise AdoptError("the model's answer does not depend on the picture", fix=AGAIN)
        return value

    def _compute(self, node: Any) -> None:
        where = node.name or (node.output[0] if node.output else "")
        try:
            given = [self.values[name] if name else None for name in node.input]
        except KeyError as cause:
            raise AdoptError(f"the node {where!r:.120} reads {cause}, which is not there", fix=AGAIN) from cause
        call = Call(self.g, self.opset, node, given)
        try:
            made = self._made(call, where)
        except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError) as cause:
            reason = f"({node.op_type:.60}) cannot be read: {str(cause)[:120]}"
            raise AdoptError(f"the node {where!r:.120} {reason}", fix=AGAIN) from cause
        for name, value in zip(node.output, made, strict=False):
            if math.prod(value.shape) > 2**28:
                raise AdoptError(
                    f"the node {where!r:.120} would give {math.prod(value.shape):,} numbers", fix="give a smaller model"
                )
            self.values[name] = value

    def _made(self, call: Call, where: str) -> list[Value]:
        folded = onnx_folding.folded(call)
        if folded is not None:
            return [Value(folded.shape, constant=folded)]
        maker = OPS.get(call.node.op_type) if call.node.domain in ("", "ai.onnx") else None
        if maker is None:
            raise AdoptError(f"the ONNX op {call.node.op_type:.60} in the node {where!r:.120} is not supported", fix=AGAIN)
        return maker(call)
