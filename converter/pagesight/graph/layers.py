"""The layers of a graph model whose kernels are constants: convolutions, depthwise convolutions and products."""

import base64
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.graph.model import GraphModel

Floats = NDArray[np.float32]

_CONVOLUTIONS = {"_FusedConv2D", "Conv2D"}
_DEPTHWISE = {"FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"}
_PRODUCTS = {"_FusedMatMul", "MatMul"}


@dataclass(frozen=True)
class Layer:
    """One node with a constant kernel. `source` is the tensor it reads; `bias` names the constant that is added, if any."""

    name: str
    kind: str
    """convolution, depthwise or product."""
    source: str
    kernel: str
    bias: str | None
    shape: tuple[int, ...]
    """The kernel's: `[h, w, in, out]`, `[h, w, channels, multiplier]` or `[in, out]`."""
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    same: bool = False
    transposed: bool = False
    activation: str = ""
    """What is fused behind the bias: Relu6, Relu and the like, or nothing."""

    def rows(self, kernel: Floats) -> Floats:
        """The kernel as a matrix: `[h·w·in, out]`, or `[h·w, channels·multiplier]` for a depthwise one."""
        if self.kind == "depthwise":
            return kernel.reshape(self.shape[0] * self.shape[1], -1)
        return kernel.T if self.transposed else kernel.reshape(-1, self.shape[-1])

    def unrows(self, rows: Floats) -> Floats:
        """The inverse of `rows`."""
        return rows.T.reshape(self.shape) if self.transposed else rows.reshape(self.shape)


def layers_of(model: GraphModel) -> list[Layer]:
    """The layers in the graph's order; a kernel that several nodes share is left out."""
    nodes = model.document["modelTopology"]["node"]
    by_name = {node["name"]: node for node in nodes}
    uses = Counter(i.split(":")[0] for node in nodes for i in node.get("input", []))
    result = []
    for node in nodes:
        kind = next((k for k, ops in _KINDS.items() if node["op"] in ops), None)
        if kind is None or uses[kernel := node["input"][1]] > 1 or kernel not in model.weights:
            continue
        result.append(_layer(node, kind, model, _bias(node, by_name, nodes, uses, model)))
    return result


_KINDS = {"convolution": _CONVOLUTIONS, "depthwise": _DEPTHWISE, "product": _PRODUCTS}


def _layer(node: dict[str, Any], kind: str, model: GraphModel, bias: str | None) -> Layer:
    attr, shape = node["attr"], model.weights[node["input"][1]].shape
    names = (node["name"], kind, node["input"][0], node["input"][1], bias, shape)
    activation = "".join(step for step in _fused(node) if step != "BiasAdd")
    if kind == "product":
        return Layer(*names, transposed=bool(attr.get("transpose_b", {}).get("b")), activation=activation)
    same = _text(attr["padding"]["s"]) == "SAME"
    return Layer(*names, _pair(attr, "strides"), _pair(attr, "dilations"), same, activation=activation)


def _fused(node: dict[str, Any]) -> list[str]:
    return [_text(step) for step in node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])]


def _pair(attr: dict[str, Any], key: str) -> tuple[int, int]:
    values = [int(i) for i in attr.get(key, {}).get("list", {}).get("i", [1, 1, 1, 1])]
    return values[1], values[2]


def _text(value: str) -> str:
    return base64.b64decode(value).decode()


def _bias(node: dict[str, Any], by_name: dict[str, Any], nodes: list[Any], uses: Counter[str], model: GraphModel) -> str | None:
    """The constant vector added to the layer's output: fused, or by the one node that reads it."""
    fused = _fused(node)
    if "BiasAdd" in fused:
        name = node["input"][2]
    elif not fused and uses[node["name"]] == 1:
        reader = next(n for n in nodes if node["name"] in n.get("input", []))
        if reader["op"] not in ("BiasAdd", "AddV2", "Add"):
            return None
        name = next((i for i in reader["input"] if i != node["name"]), "")
    else:
        return None
    value = model.weights.get(name)
    plain = value is not None and value.ndim == 1 and by_name[name]["op"] == "Const" and uses[name] == 1
    return name if plain else None
