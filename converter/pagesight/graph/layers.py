"""The layers of a graph model whose kernels are constants: convolutions, depthwise convolutions and products."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagesight.graph.model import GraphModel
from pagesight.graph.nodes import GraphNode, flag, pair, text, texts

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
    nodes = model.nodes
    uses = Counter(i.split(":")[0] for node in nodes.values() for i in node.get("input", []))
    result = []
    for node in nodes.values():
        kind = next((k for k, ops in _KINDS.items() if node["op"] in ops), None)
        if kind is None or uses[kernel := node["input"][1]] > 1 or kernel not in model.weights:
            continue
        result.append(_layer(node, kind, model, _bias(node, uses, model)))
    return result


_KINDS = {"convolution": _CONVOLUTIONS, "depthwise": _DEPTHWISE, "product": _PRODUCTS}


def _layer(node: GraphNode, kind: str, model: GraphModel, bias: str | None) -> Layer:
    attr, shape = node["attr"], model.weights[node["input"][1]].shape
    names = (node["name"], kind, node["input"][0], node["input"][1], bias, shape)
    activation = "".join(step for step in texts(attr, "fused_ops") if step != "BiasAdd")
    if kind == "product":
        return Layer(*names, transposed=flag(attr, "transpose_b"), activation=activation)
    same = text(attr, "padding") == "SAME"
    return Layer(*names, pair(attr, "strides"), pair(attr, "dilations"), same, activation=activation)


def _bias(node: GraphNode, uses: Counter[str], model: GraphModel) -> str | None:
    """The constant vector added to the layer's output: fused, or by the one node that reads it."""
    nodes, fused = model.nodes, texts(node["attr"], "fused_ops")
    if "BiasAdd" in fused:
        name = node["input"][2]
    elif not fused and uses[node["name"]] == 1:
        reader = next(n for n in nodes.values() if node["name"] in n.get("input", []))
        if reader["op"] not in ("BiasAdd", "AddV2", "Add"):
            return None
        name = next((i for i in reader["input"] if i != node["name"]), "")
    else:
        return None
    value = model.weights.get(name)
    plain = value is not None and value.ndim == 1 and nodes[name]["op"] == "Const" and uses[name] == 1
    return name if plain else None
