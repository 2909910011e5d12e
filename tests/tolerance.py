"""How far apart two right answers in float32 may lie: units in the last place, times the depth of what computed them.

Two kernels add the same products in other orders, with or without fused multiply-add, and four, eight or sixteen at a time, so
that no test may ask for equal bits, nor for as many digits as one processor happened to keep. What a sum of n products loses
grows as sqrt(n) units in the last place of its values (Higham and Mary 2019, https://doi.org/10.1137/18M1226312), and each layer
of a network adds to what the layers before it lost. A wrong weight, channel or padding is off by thousands of times as much.
"""

from collections.abc import Iterable, Mapping
from math import prod, sqrt
from typing import Any

import numpy as np

from pagesight.graph.model import GraphModel

UNIT = 2.0**-23
"""float32's unit in the last place of 1."""
_SUMS = {
    "Conv2D": 3,
    "_FusedConv2D": 3,
    "DepthwiseConv2dNative": 2,
    "FusedDepthwiseConv2dNative": 2,
    "MatMul": 1,
    "_FusedMatMul": 1,
}
"""Operations that add products, and how many of their kernel's axes one sum goes over."""


def of_sum(terms: float, size: float, layers: int = 1) -> float:
    """For values of at most `size` behind `layers` layers, each of which adds up `terms` products or fewer."""
    return layers * sqrt(terms) * UNIT * float(size)


def of_graph(nodes: Iterable[Mapping[str, Any]], weights: Mapping[str, Any], size: float) -> float:
    """For outputs of at most `size` of a TF.js graph: all its convolutions and products, and the longest sum of any."""
    graph = {node["name"]: node for node in nodes}
    layers, terms = 0, 1
    for node in graph.values():
        if node["op"] in _SUMS:
            shape = _kernel(node["input"][1], graph, weights).shape
            layers += 1
            # A product's matrix may lie on its side.
            terms = max(terms, max(shape) if "MatMul" in node["op"] else prod(shape[: _SUMS[node["op"]]]))
    assert layers
    return of_sum(terms, size, layers)


def _kernel(name: str, graph: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
    """The weights of this name, or those that the graph computes them from."""
    if name in weights:
        return weights[name]
    return max((_kernel(source, graph, weights) for source in graph[name]["input"]), key=lambda value: value.ndim)


def of_keras(model: Any, probabilities: Any) -> float:
    """For the probabilities of a Keras model with layers of weights, nested or not."""
    shapes = [tuple(value.shape) for value in model.weights if len(value.shape) > 1]
    sums = [prod(shape[:2] if len(shape) == 4 and shape[3] == 1 else shape[:-1]) for shape in shapes]
    return of_softmax(of_sum(max(sums), spread(probabilities), len(sums)))


def of_softmax(logits: float) -> float:
    """For probabilities whose logits lie `logits` apart: their slope, p (1 - p), is 1/4 at most, and two logits pull at it."""
    return logits / 2


def of_probabilities(nodes: Iterable[Mapping[str, Any]], weights: Mapping[str, Any], probabilities: Any) -> float:
    """For the probabilities of a TF.js graph; how far they lie apart says how large its logits are."""
    return of_softmax(of_graph(nodes, weights, spread(probabilities)))


def spread(probabilities: Any) -> float:
    """How far the logits of these probabilities lie apart at most, or 1."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    return max(1.0, float(np.ptp(logits, axis=-1).max()))


def of_model(model: GraphModel, probabilities: Any) -> float:
    """For the probabilities of a model that was read."""
    return of_probabilities(model.document["modelTopology"]["node"], model.weights, probabilities)
