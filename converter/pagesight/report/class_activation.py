"""Where in the picture an answer came from: class activation maps."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagesight import pixels
from pagesight.graph.model import GraphModel
from pagesight.graph.nodes import flag, resolve, source

_PASSED = {"Identity", "Softmax", "BiasAdd", "Reshape", "Squeeze", "AddV2", "Add"}
_PRODUCTS = {"MatMul", "_FusedMatMul", "Conv2D", "_FusedConv2D"}
_AT = (0.0, 0.35, 0.65, 0.85, 1.0)
_COLORS = ((13, 8, 65), (126, 3, 167), (225, 100, 98), (252, 175, 60), (240, 249, 33))
"""Colors of Matplotlib's 'plasma', which reads in gray and to the color-blind."""


def head_kernel(model: GraphModel, probabilities: str, classes: int) -> NDArray[np.float32] | None:
    """The kernel `[d, classes]` of the last dense layer, found backwards from the probabilities; None if there is none."""
    nodes = model.nodes
    node = nodes.get(source(probabilities))
    while node is not None and node["op"] in _PASSED:
        node = nodes.get(source(node["input"][0]))
    if node is None or node["op"] not in _PRODUCTS:
        return None
    kernel = model.weights.get(resolve(nodes, node["input"][1]))
    if kernel is None or flag(node.get("attr", {}), "transpose_b"):
        return None
    kernel = kernel.reshape(-1, kernel.shape[-1])
    return np.asarray(kernel, np.float32) if kernel.shape[1] == classes else None


def activation(features: NDArray[np.float32], kernel: NDArray[np.float32], column: int) -> NDArray[np.float32]:
    """The class activation map (Zhou et al. 2016) of a class, 0..1: features `[h, w, d]` · its column, where positive."""
    positive = np.maximum(features @ kernel[:, column], 0)
    return np.asarray(positive / max(float(positive.max()), 1e-9), np.float32)


def overlaid(model_input: pixels.Pixels, heat: NDArray[np.float32]) -> Image.Image:
    """The square in gray with the heat `[h, w]`, 0..1, laid over it in color."""
    gray = Image.fromarray(model_input[..., 0] if model_input.shape[-1] == 1 else model_input).convert("L")
    large = Image.fromarray((heat * 255).astype(np.uint8)).resize(gray.size, Image.Resampling.BICUBIC)
    share = np.asarray(large, np.float32)[..., None] / 255
    color = np.stack([np.interp(share[..., 0], _AT, channel) for channel in zip(*_COLORS, strict=True)], -1)
    mixed = np.asarray(gray, np.float32)[..., None] * (1 - 0.6 * share**0.5) + color * 0.6 * share**0.5
    return Image.fromarray(mixed.round().astype(np.uint8))
