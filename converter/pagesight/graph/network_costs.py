"""What a Keras network costs in a page, before anything is converted."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What a network takes in the page: numbers to fetch, and products with an addition each for one picture."""

    parameters: int
    multiply_adds: int


def cost_of(model: Any) -> Cost:
    """What a Keras model, with other models inside or without, costs once its batch norms are folded into biases."""
    layers = list(_leaves(model))
    norms = [layer for layer in layers if type(layer).__name__ == "BatchNormalization"]
    folded = sum(math.prod(w.shape) for layer in norms for w in layer.weights)
    kept = int(model.count_params()) - folded + sum(int(layer.output_shape[-1]) for layer in norms)
    return Cost(kept, sum(_multiply_adds(layer) for layer in layers))


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _multiply_adds(layer: Any) -> int:
    """Products with an addition each for one picture, by the layer's kernel and the places it is applied to."""
    kind = type(layer).__name__
    if kind == "Dense":
        return int(math.prod(layer.kernel.shape))
    if kind not in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return 0
    places = math.prod(int(n) for n in layer.output_shape[1:3])
    kernels = [w for w in layer.weights if len(w.shape) == 4]
    return int(places * sum(math.prod(k.shape) for k in kernels))
