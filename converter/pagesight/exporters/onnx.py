"""A web model as an ONNX file: for ONNX Runtime and whatever else reads the format."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Contract
from pagesight.errors import BundleError
from pagesight.exporters.graph_walk import Node, nodes_towards, origin_of
from pagesight.graph.model import GraphModel
from pagesight.importers.onnx_proto import messages

_OPSET, _IR = 13, 7
_FLOAT, _INT64 = 1, 7
_MAP = 4
_TO_FIRST, _TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
_IMAGE, _PROBABILITIES = "image", "probabilities"
_SAME_NAME = ("Relu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softmax", "Sqrt", "Exp", "Abs", "Neg", "Erf", "Floor")
_BINARY = {
    **dict.fromkeys(("Add", "AddV2", "BiasAdd"), "Add"),
    "Sub": "Sub",
    "Mul": "Mul",
    "RealDiv": "Div",
    "Div": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
    "Pow": "Pow",
}


def write_onnx(model_json: Path, contract: Contract, into: Path) -> None:
    """Write model.onnx (opset 13) and labels.txt below `into`.

    Input   image: float32 `[batch, side, side, channels]`, 0..255, cropped and resized as contract.json says.
    Output  probabilities: float32 `[batch, classes]`, rows sum to 1; line i of labels.txt names column i.
    The weights are the page's own, written as float32. Raises BundleError, naming op and node, for what is not written.
    """
    model = GraphModel.read(model_json)
    shape = (contract.input.side, contract.input.side, contract.input.channels)
    written = _Writer(model, contract.outputs.probabilities).whole(shape, len(contract.labels))
    into.mkdir(parents=True, exist_ok=True)
    (into / "model.onnx").write_bytes(written.SerializeToString())
    (into / "labels.txt").write_text("".join(f"{label}\n" for label in contract.labels), encoding="utf-8")


class _Writer:
    """Tensors keep the graph's own order, channels last; around a window op they are turned, which runtimes take out again."""

    def __init__(self, model: GraphModel, output: str) -> None:
        self._model, self._output = model, output
        self._graph = messages().Graph(name="pagesight")
        self._names: dict[str, str] = {}
        self._channels: dict[str, int] = {}

    def whole(self, shape: Sequence[int], classes: int) -> Any:
        """The ONNX model."""
        for node in nodes_towards(self._model, self._output):
            step = self._STEPS.get(node.op)
            made = None if step is None else step(self, node)
            if made is None:
                raise BundleError(f"the op {node.op} (node {node.name!r}) cannot be exported to ONNX", fix="leave out --also onnx")
            self._names[node.name], self._channels[node.name] = made, int(node.shape[-1] or 0)
        self._add("Identity", [self._names[origin_of(self._model, self._output)]], output=_PROBABILITIES)
        for field, name, dims in (("input", _IMAGE, shape), ("output", _PROBABILITIES, [classes])):
            info = getattr(self._graph, field).add(name=name)
            info.type.tensor_type.elem_type = _FLOAT
            info.type.tensor_type.shape.dim.add(dim_param="batch")
            for n in dims:
                info.type.tensor_type.shape.dim.add(dim_value=n)
        result = messages().Model(ir_version=_IR, producer_name="pagesight", graph=self._graph)
        result.opset_import.add(domain="", version=_OPSET)
        return result

    def _add(self, op: str, inputs: Sequence[str], *, output: str = "", **attributes: Any) -> str:
        name = output or f"t{len(self._graph.node)}"
        node = self._graph.node.add(op_type=op, input=inputs, output=[name], name=f"{op}_{len(self._graph.node)}")
        for key, value in attributes.items():
            if isinstance(value, str):
                node.attribute.add(name=key, s=value.encode(), type=3)
            elif isinstance(value, float):
                node.attribute.add(name=key, f=value, type=1)
            elif isinstance(value, int):
                node.attribute.add(name=key, i=value, type=2)
            else:
                node.attribute.add(name=key, ints=[int(n) for n in value], type=7)
        return name

    def _constant(self, value: Any) -> str:
        value = np.asarray(value)
        kind, dtype = (_INT64, "<i8") if value.dtype.kind in "iu" else (_FLOAT, "<f4")
        name = f"w{len(self._graph.initializer)}"
        self._graph.initializer.add(name=name, dims=value.shape, data_type=kind, raw_data=value.astype(dtype).tobytes())
        return name

    def _inputs(self, node: Node) -> list[str]:
        """All inputs in their order, computed or constant."""
        computed = iter(node.inputs)
        count = len(node.inputs) + len(node.constants)
        return [self._constant(node.constants[i]) if i in node.constants else self._names[next(computed)] for i in range(count)]

    def _picture(self, node: Node) -> str:  # noqa: ARG002 - one signature for all steps
        return _IMAGE

    def _activated(self, op: str, x: str, slope: float) -> str | None:
        if op == "Relu6":
            return self._add("Clip", [x, self._constant(np.float32(0)), self._constant(np.float32(6))])
        if op == "LeakyRelu":
            return self._add("LeakyRelu", [x], alpha=slope)
        if op == "Softmax":
            return self._add("Softmax", [x], axis=-1)
        return self._add(op, [x]) if op in _SAME_NAME else None

    def _activation(self, node: Node) -> str | None:
        return self._activated(node.op, self._names[node.inputs[0]], node.number("alpha"))

    def _prelu(self, node: Node) -> str:
        return self._add("PRelu", self._inputs(node))

    def _rsqrt(self, node: Node) -> str:
        return self._add("Reciprocal", [self._add("Sqrt", [self._names[node.inputs[0]]])])

    def _binary(self, node: Node) -> str:
        return self._add(_BINARY[node.op], self._inputs(node))

    def _fused(self, node: Node, x: str) -> str | None:
        """What lies behind a product in the same node: a bias, then an activation."""
        made: str | None = x
        for step in node.texts("fused_ops"):
            if made is None or step == "NoOp":
                continue
            if step == "Prelu":
                made = self._add("PRelu", [made, self._constant(node.constants[len(node.constants)])])
            elif step == "BiasAdd":
                made = self._add("Add", [made, self._constant(node.constants[2].reshape(-1))])
            else:
                made = self._activated(step, made, node.number("leakyrelu_alpha"))
        return made

    def _window(self, node: Node, op: str, more: Sequence[str], **attributes: Any) -> str:
        padding = node.text("padding")
        if padding == "EXPLICIT":
            pads = node.attr["explicit_paddings"]["list"]["i"]
            attributes["pads"] = [int(pads[i]) for i in (2, 4, 3, 5)]
        elif padding == "SAME":
            attributes["auto_pad"] = "SAME_UPPER"
        turned = self._add("Transpose", [self._names[node.inputs[0]]], perm=_TO_FIRST)
        made = self._add(op, [turned, *more], strides=node.pair("strides"), **attributes)
        return self._add("Transpose", [made], perm=_TO_LAST)

    def _convolution(self, node: Node) -> str | None:
        kernel = node.constants.get(1)
        if kernel is None:
            return None
        height, width, each, count = kernel.shape
        if "epthwise" in node.op:
            group, laid = each, kernel.reshape(height, width, 1, each * count)
        else:
            group, laid = self._channels[node.inputs[0]] // each, kernel
        weight = self._constant(np.ascontiguousarray(laid.transpose(3, 2, 0, 1)))
        shape = {"kernel_shape": [height, width], "dilations": node.pair("dilations"), "group": group}
        return self._fused(node, self._window(node, "Conv", [weight], **shape))

    def _product(self, node: Node) -> str | None:
        matrix = node.constants.get(1)
        if matrix is None or node.flag("transpose_a"):
            return None
        laid: NDArray[Any] = matrix.T if node.flag("transpose_b") else matrix
        return self._fused(node, self._add("MatMul", [self._names[node.inputs[0]], self._constant(np.ascontiguousarray(laid))]))

    def _reduction(self, node: Node) -> str | None:
        axes = [int(a) for a in np.ravel(node.constants.get(1, ()))]
        if not axes or node.op not in ("Mean", "Max"):
            return None
        return self._add(f"Reduce{node.op}", [self._names[node.inputs[0]]], axes=axes, keepdims=int(node.flag("keep_dims")))

    def _pooling(self, node: Node) -> str:
        return self._window(node, "MaxPool" if node.op == "MaxPool" else "AveragePool", [], kernel_shape=node.pair("ksize"))

    def _padding(self, node: Node) -> str | None:
        pads = np.asarray(node.constants.get(1, ()))
        if pads.ndim != 2:
            return None
        fill = [self._constant(node.constants[2])] if 2 in node.constants else []
        return self._add("Pad", [self._names[node.inputs[0]], self._constant(pads.T.reshape(-1).astype(np.int64)), *fill])

    def _joined(self, node: Node) -> str | None:
        if len(node.constants) != 1:
            return None
        (axis,) = node.constants.values()
        return self._add("Concat", [self._names[name] for name in node.inputs], axis=int(axis))

    def _reshape(self, node: Node) -> str | None:
        if None in node.shape[1:]:
            return None
        return self._add("Reshape", [self._names[node.inputs[0]], self._constant(np.array([-1, *node.shape[1:]], np.int64))])

    _STEPS: ClassVar[dict[str, Callable[["_Writer", Node], str | None]]] = {
        "Placeholder": _picture,
        **dict.fromkeys((*_SAME_NAME, "Relu6", "LeakyRelu"), _activation),
        "Rsqrt": _rsqrt,
        "Prelu": _prelu,
        **dict.fromkeys(_BINARY, _binary),
        **dict.fromkeys(("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"), _convolution),
        **dict.fromkeys(("MatMul", "_FusedMatMul"), _product),
        **dict.fromkeys(("Mean", "Max"), _reduction),
        **dict.fromkeys(("MaxPool", "AvgPool"), _pooling),
        **dict.fromkeys(("Pad", "PadV2"), _padding),
        "ConcatV2": _joined,
        **dict.fromkeys(("Reshape", "Squeeze", "ExpandDims"), _reshape),
    }
