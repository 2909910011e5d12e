"""Channels brought to like ranges by moving scale from a layer to the next (Nagel et al. 2019, arXiv:1906.04721, section 4.1).

A channel of one layer is multiplied by s, and what the next layer makes of it divided by s; behind ReLU, or nothing, that changes
no answer. Behind ReLU6 it moves the channel's clip to 6/s of what it was: so only channels that stay clear of the clip on the
calibration pictures are scaled, and they grow no further than leaves them clear of it still.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pagesight.graph.layers import Floats, Layer
from pagesight.graph.model import GraphModel
from pagesight.graph.nodes import Nodes, source
from pagesight.quantization.statistics import Moments

_LETS_THROUGH = {"Add": 2, "AddV2": 2, "Relu": 1, "Pad": 1, "MaxPool": 1, "AvgPool": 1}
"""Ops whose output scales with their first so many inputs."""
_ROUNDS = 3
_CLIP = 6.0
_NEAR = 0.98
_SHRINK = 1 / 64
_MARGINS = {True: (1.5, 0.3), False: (3.0, 0.5)}
"""By how much a channel may exceed its peak on real pictures, or on noise, and the least peak that is believed."""


@dataclass(frozen=True)
class Group:
    """Layers that write and read the same channels, through additions or without: all must scale them alike."""

    writers: tuple[Layer, ...]
    readers: tuple[Layer, ...]

    @property
    def clipped(self) -> bool:
        """Whether ReLU6 stands behind the writer."""
        return any(layer.activation == "Relu6" for layer in self.writers)


def equalized(
    model: GraphModel, layers: list[Layer], moments: dict[str, Moments], real: bool
) -> tuple[GraphModel, dict[str, Moments]]:
    """The model with evened ranges, and the moments its layers then see. `real`: the moments were measured on pictures."""
    weights, seen = dict(model.weights), dict(moments)
    result = [(group, np.ones(weights[group.writers[0].bias or ""].size, np.float32)) for group in groups_of(model, layers)]
    for _ in range(_ROUNDS):
        for group, so_far in result:
            ratio = _outgoing(group.readers, weights) / _incoming(group.writers, weights)
            peak = np.max([moments[layer.name].peak for layer in group.readers], axis=0)
            wanted = _allowed(group, so_far * np.sqrt(ratio), peak, _MARGINS[real])
            _move(group, weights, (wanted / so_far).astype(np.float32))
            so_far[:] = wanted
    for group, factor in result:
        seen |= {layer.name: _scaled(layer, moments[layer.name], factor) for layer in group.readers}
    return GraphModel(model.document, weights), seen


def groups_of(model: GraphModel, layers: list[Layer]) -> list[Group]:
    """Every group whose channels nobody else reads or writes, in the order of the first layer."""
    nodes = model.nodes
    root = _same_channels(nodes)
    inputs = {name: node.get("input", []) for name, node in nodes.items()}
    writers = [layer for layer in layers if layer.bias in inputs[layer.name] and layer.activation in ("", "Relu", "Relu6")]
    spoilt = {root(name.split(":")[0]) for name in model.output_names().values()} | _spoilt(nodes, root, layers, writers)
    result = []
    for channels in dict.fromkeys(root(layer.name) for layer in layers):
        wrote = tuple(layer for layer in writers if root(layer.name) == channels)
        reads = tuple(layer for layer in layers if root(layer.source) == channels)
        group = Group(wrote, reads)
        widths = {model.weights[layer.bias or ""].size for layer in wrote} | {_width(layer) for layer in reads}
        if wrote and reads and len(widths) == 1 and channels not in spoilt and (len(wrote) == 1 or not group.clipped):
            result.append(group)
    return result


def _width(reader: Layer) -> int:
    """How many channels a layer reads: not all that its writer made, where a network pads them or adds a map of one."""
    return reader.shape[2] if len(reader.shape) == 4 else reader.shape[1 if reader.transposed else 0]


def _same_channels(nodes: Nodes) -> Callable[[str], str]:
    """A name for the channels of each tensor, the same for tensors whose channels scale together."""
    from scipy.cluster.hierarchy import DisjointSet

    together = DisjointSet({*nodes, *(source(i) for node in nodes.values() for i in node.get("input", []))})
    for name, node in nodes.items():
        for reference in node.get("input", [])[: _LETS_THROUGH.get(node["op"], 0)]:
            together.merge(name, source(reference))

    def root(reference: str) -> str:
        return str(together[source(reference)])

    return root


def _spoilt(nodes: Nodes, root: Callable[[str], str], layers: list[Layer], writers: list[Layer]) -> set[str]:
    """Channels that others write, too, or that are read in another way than by the layers."""
    sources, wrote = {layer.name: layer.source for layer in layers}, {layer.name for layer in writers}
    result = {root(name) for name, n in nodes.items() if name not in wrote and n["op"] not in _LETS_THROUGH}
    for name, node in nodes.items():
        for place, reference in enumerate(node.get("input", [])):
            by_layer = place == 0 and sources.get(name) == reference
            if not by_layer and place >= _LETS_THROUGH.get(node["op"], 0):
                result.add(root(reference))
    return result


def _incoming(writers: tuple[Layer, ...], weights: dict[str, Floats]) -> Floats:
    """How large each channel's weights are in the layers that write it, on average."""
    return _together([np.abs(layer.rows(weights[layer.kernel])).max(0) for layer in writers])


def _outgoing(readers: tuple[Layer, ...], weights: dict[str, Floats]) -> Floats:
    """How large the weights are with which each channel is read, on average."""
    largest = []
    for layer in readers:
        kernel = weights[layer.kernel]
        axes = (0, 1, 3) if kernel.ndim == 4 else (0 if layer.transposed else 1,)
        largest.append(np.abs(kernel).max(axes))
    return _together(largest)


def _together(ranges: list[Floats]) -> Floats:
    """The geometric mean of several layers' ranges, each relative to its largest."""
    return np.asarray(np.exp(np.mean([np.log(np.maximum(r / max(r.max(), 1e-30), 1e-9)) for r in ranges], axis=0)))


def _allowed(group: Group, ideal: Floats, peak: Floats, margins: tuple[float, float]) -> Floats:
    """The ideal scales relative to the channels that cannot move, held within what the clip allows."""
    if not group.clipped:
        return np.asarray(ideal / np.exp(np.log(ideal).mean()))
    fixed = peak >= _NEAR * _CLIP
    common = np.median(ideal[fixed]) if fixed.any() else np.exp(np.log(ideal).mean())
    margin, least = margins
    most = np.maximum(_CLIP / np.maximum(margin * peak, least), 1.0)
    return np.where(fixed, 1.0, np.clip(ideal / common, _SHRINK, most))


def _move(group: Group, weights: dict[str, Floats], factor: Floats) -> None:
    for layer in group.writers:
        bias = layer.bias or ""
        weights[layer.kernel] = layer.unrows(layer.rows(weights[layer.kernel]) * factor)
        weights[bias] = weights[bias] * factor
    for layer in group.readers:
        shape = (-1, 1) if len(layer.shape) == 4 or not layer.transposed else (-1,)
        weights[layer.kernel] = weights[layer.kernel] / factor.reshape(shape)


def _scaled(layer: Layer, moments: Moments, factor: Floats) -> Moments:
    if layer.kind == "depthwise":
        return Moments(moments.mean * factor, moments.covariance * (factor**2)[:, None, None], moments.peak * factor)
    each = np.tile(factor, moments.mean.size // factor.size).astype(np.float32)
    model_input = each**2 if moments.covariance.ndim == 1 else np.outer(each, each)
    return Moments(moments.mean * each, moments.covariance * model_input, moments.peak * factor)
