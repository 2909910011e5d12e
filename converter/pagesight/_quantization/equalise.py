"""Channels brought to like ranges by moving scale from a layer to the next (Nagel et al. 2019, arXiv:1906.04721, section 4.1).

A channel of one layer is multiplied by s, and what the next layer makes of it divided by s; behind ReLU, or nothing, that changes
no answer. Behind ReLU6 it moves the channel's clip to 6/s of what it was: so only channels that stay clear of the clip on the
calibration pictures are scaled, and they grow no further than leaves them clear of it still.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from pagesight._graph import GraphModel
from pagesight._quantization.calibration import Moments
from pagesight._quantization.layers import Floats, Layer

_ROUNDS = 3
_CLIP = 6.0
_NEAR = 0.98
_SHRINK = 1 / 64
_MARGINS = {True: (1.5, 0.3), False: (3.0, 0.5)}
"""By how much a channel may exceed its peak on real pictures, or on noise, and the least peak that is believed."""


def equalised(
    model: GraphModel, layers: list[Layer], moments: dict[str, Moments], real: bool
) -> tuple[GraphModel, dict[str, Moments]]:
    """The model with evened ranges, and the moments its layers then see. `real`: the moments were measured on pictures."""
    weights, pairs = dict(model.weights), list(_pairs(model, layers))
    factors: dict[str, Floats] = {first.name: np.ones(weights[first.bias or ""].size, np.float32) for first, _ in pairs}
    for _ in range(_ROUNDS):
        for first, second in pairs:
            ratio = _outgoing(second, weights[second.kernel]) / _incoming(first, weights[first.kernel])
            so_far = factors[first.name]
            wanted = _allowed(first, so_far * np.sqrt(ratio), moments[second.name].peak, _MARGINS[real])
            _move(first, second, weights, (wanted / so_far).astype(np.float32))
            factors[first.name] = wanted
    seen = {**moments, **{second.name: _scaled(second, moments[second.name], factors[first.name]) for first, second in pairs}}
    return GraphModel(model.document, weights), seen


def _pairs(model: GraphModel, layers: list[Layer]) -> Iterator[tuple[Layer, Layer]]:
    """Layers whose output only one other layer reads."""
    nodes = model.document["modelTopology"]["node"]
    read = Counter(i.split(":")[0] for node in nodes for i in node.get("input", []))
    read.update(name.split(":")[0] for name in model.output_names().values())
    by_source = {layer.source: layer for layer in layers if read[layer.source] == 1}
    for layer in layers:
        if layer.name in by_source and layer.bias and layer.activation in ("", "Relu", "Relu6"):
            yield layer, by_source[layer.name]


def _incoming(layer: Layer, kernel: Floats) -> Floats:
    """The largest weight of each output of the first layer."""
    return np.asarray(np.maximum(np.abs(layer.rows(kernel)).max(0), 1e-9))


def _outgoing(layer: Layer, kernel: Floats) -> Floats:
    """The largest weight with which the second layer reads each channel."""
    axes = (0, 1, 3) if kernel.ndim == 4 else (0 if layer.transposed else 1,)
    return np.asarray(np.maximum(np.abs(kernel).max(axes), 1e-9))


def _allowed(layer: Layer, ideal: Floats, peak: Floats, margins: tuple[float, float]) -> Floats:
    """The ideal scales relative to the channels that cannot move, held within what the clip allows."""
    if layer.activation != "Relu6":
        return np.asarray(ideal / np.exp(np.log(ideal).mean()))
    fixed = peak >= _NEAR * _CLIP
    common = np.median(ideal[fixed]) if fixed.any() else np.exp(np.log(ideal).mean())
    margin, least = margins
    most = np.maximum(_CLIP / np.maximum(margin * peak, least), 1.0)
    return np.where(fixed, 1.0, np.clip(ideal / common, _SHRINK, most))


def _move(first: Layer, second: Layer, weights: dict[str, Floats], factor: Floats) -> None:
    bias = first.bias or ""
    weights[first.kernel] = first.unrows(first.rows(weights[first.kernel]) * factor)
    weights[bias] = weights[bias] * factor
    shape = (-1, 1) if len(second.shape) == 4 or not second.transposed else (-1,)
    weights[second.kernel] = weights[second.kernel] / factor.reshape(shape)


def _scaled(layer: Layer, moments: Moments, factor: Floats) -> Moments:
    if layer.kind == "depthwise":
        return Moments(moments.mean * factor, moments.covariance * (factor**2)[:, None, None], moments.peak * factor)
    each = np.tile(factor, moments.mean.size // factor.size).astype(np.float32)
    square = each**2 if moments.covariance.ndim == 1 else np.outer(each, each)
    return Moments(moments.mean * each, moments.covariance * square, moments.peak * factor)
