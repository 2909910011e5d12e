"""How far apart two right answers in float32 may lie: units in the last place, times the depth of what computed them.

Two kernels add the same products in other orders, with or without fused multiply-add, and four, eight or sixteen at a time, so
that no test may ask for equal bits, nor for as many digits as one processor happened to keep. What a sum of n products loses
grows as sqrt(n) units in the last place of its values (Higham and Mary 2019, https://doi.org/10.1137/18M1226312), and each layer
of a network adds to what the layers before it lost. A wrong weight, channel or padding is off by thousands of times as much.
"""

from collections.abc import Iterable, Mapping
from math import prod, sqrt
from typing import Any

UNIT = 2.0**-23
"""float32's unit in the last place of 1."""
_SUMS = {"Conv2D": 3, "_FusedConv2D": 3, "DepthwiseConv2dNative": 2, "FusedDepthwiseConv2dNative": 2, "MatMul": 1, "_FusedMatMul": 1}
"""Operations that add products, and how many of their kernel's axes one sum goes over."""


def of_sum(terms: float, size: float, layers: int = 1) -> float:
    """For values of at most `size` behind `layers` layers, each of which adds up `terms` products or fewer."""
    return layers * sqrt(terms) * UNIT * size


def of_graph(nodes: Iterable[Mapping[str, Any]], weights: Mapping[str, Any], size: float) -> float:
    """For outputs of at most `size` of a TF.js graph: all its convolutions and products, and the longest sum of any."""
    layers, terms = 0, 1
    for node in nodes:
        if node["op"] in _SUMS:
            shape = next(weights[name].shape for name in node["input"] if name in weights and weights[name].ndim > 1)
            layers += 1
            # A product's matrix may lie on its side.
            terms = max(terms, max(shape) if "MatMul" in node["op"] else prod(shape[: _SUMS[node["op"]]]))
    assert layers
    return of_sum(terms, size, layers)


def of_softmax(logits: float) -> float:
    """How far probabilities may lie apart whose logits lie `logits` apart: p (1 - p) times twice that, and p (1 - p) is at most 1/4."""
    return logits / 2
