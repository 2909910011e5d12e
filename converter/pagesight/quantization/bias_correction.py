"""Biases corrected layer after layer: each also makes good what the rounded layers before its own have changed.

Rounding a kernel shifts the mean of its outputs, which `plans` takes off by the inputs of the float model. Behind clips and
through many layers the inputs of the rounded model differ from those; so they are looked at again (Nagel et al. 2019,
arXiv:1906.04721, appendix D).
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.graph.layers import Floats, Layer
from pagesight.graph.model import GraphModel, PartialRunner, static_shapes
from pagesight.quantization.bit_allocation import BIAS_LEVELS, Stored
from pagesight.quantization.rounding import Grid, mean_shift
from pagesight.quantization.statistics import Moments, fields

_ROOM = 1 << 30
"""Bytes that the maps between layers may take; a network with larger ones keeps the biases it has."""
_WEIGHTS = 32_000_000
"""Bytes of float weights up to which biases are settled: each step hands all of them to TensorFlow."""
_BATCH = 16
"""Pictures that TensorFlow has under way: what lies between the maps is held for so many alone."""
_MAPS = 3
"""So many of the largest maps are in use at once, or less."""


def settled(model: GraphModel, moments: dict[str, Moments], layers: list[Layer], plan: Stored, inputs: NDArray[Any]) -> Stored:
    """`plan`, made from `model` and `moments`, with other biases; `inputs` are the pictures that the moments were measured on."""
    if sum(weight.nbytes for weight in model.weights.values()) >= _WEIGHTS:
        return plan
    if _MAPS * _largest(model, layers) * len(inputs) > _ROOM:
        return plan
    coded, weights = dict(plan.coded), {**model.weights, **plan.weights}
    parts = [inputs[start : start + _BATCH] for start in range(0, len(inputs), _BATCH)]
    known: list[dict[str, Floats]] = [{} for _ in parts]
    with PartialRunner(model) as bench, progress.task("correcting the biases", len(layers)) as advance:
        for number, layer in enumerate(layers):
            for part, maps in zip(parts, known, strict=True):
                if layer.source not in maps:
                    maps[layer.source] = bench(layer.source, part, weights, maps)
            if layer.bias:
                before, after = moments[layer.name], _mean(layer, [maps[layer.source] for maps in known])
                shift = mean_shift(layer, weights[layer.kernel], replace(before, mean=after))
                exact = model.weights[layer.bias] + mean_shift(layer, model.weights[layer.kernel], before) - shift
                coded[layer.bias] = Grid.spanning(exact, BIAS_LEVELS).coded(exact)
                weights[layer.bias] = coded[layer.bias].values()
            _, needed = bench.leads_to((later.source for later in layers[number + 1 :]), set(known[0]))
            known = [{name: value for name, value in maps.items() if name in needed} for maps in known]
            advance(1)
    return replace(plan, coded=coded)


def _largest(model: GraphModel, layers: list[Layer]) -> int:
    """Bytes of the largest map that a layer reads, for one picture."""
    shapes = static_shapes(model, sorted({layer.source for layer in layers})).values()
    return max((4 * int(np.prod([size or 1 for size in shape[1:]])) for shape in shapes), default=0)


def _mean(layer: Layer, sources: list[Floats]) -> Floats:
    """The mean of the receptive fields at the places where the moments were measured."""
    random = np.random.default_rng(0)
    total, count = 0.0, 0
    for source in sources:
        result = fields(layer, source, random)
        total, count = total + result.sum(0, dtype=np.float64), count + len(result)
    return np.asarray(total / count, np.float32)
