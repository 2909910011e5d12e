"""Which grid each kernel gets: `uint8` spends a little more than a byte a weight where that buys the most."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pagesight._graph import GraphModel
from pagesight._quantization.calibration import Moments
from pagesight._quantization.layers import Floats, Layer
from pagesight._quantization.rounding import Grid, mean_shift, output_variance, rounded
from pagesight._tfjs import Coded

_EXTRA_BYTES = 0.035
"""What `uint8` may take beyond one byte for every float, as a share."""
_BYTE, _WIDE, _BIAS = 256, 4096, 65536
"""Levels of a kernel, of one that earned two bytes, and of a bias."""


@dataclass(frozen=True)
class Stored:
    """What is written: `weights` as they will be read, `coded` as they lie on disk, and a line on each layer."""

    weights: dict[str, Floats]
    coded: dict[str, Coded]
    layers: list[dict[str, Any]]


def within_a_byte(model: GraphModel, layers: list[Layer], moments: dict[str, Moments]) -> Stored:
    """Kernels on 256 levels per tensor, the most sensitive small ones on 4096, biases corrected on 65536."""
    levels = dict.fromkeys((layer.name for layer in layers), _BYTE)
    for name in _worth_two_bytes(model, layers, moments):
        levels[name] = _WIDE
    return stored(model, layers, moments, levels)


def stored(
    model: GraphModel, layers: list[Layer], moments: dict[str, Moments], levels: dict[str, int], bias_levels: int = _BIAS
) -> Stored:
    """Every layer rounded on so many levels, its bias corrected; matrices outside the layers take a byte a value, vectors two."""
    weights, coded, lines = {}, {}, []
    for layer in layers:
        kernel, known = model.weights[layer.kernel], moments[layer.name]
        grid = Grid.spanning(kernel, levels[layer.name])
        done = rounded(layer, kernel, grid, known)
        weights[layer.kernel], coded[layer.kernel] = done, grid.coded(done)
        if layer.bias:
            exact = model.weights[layer.bias] - mean_shift(layer, done - kernel, known)
            weights[layer.bias], coded[layer.bias] = _on(Grid.spanning(exact, bias_levels), exact)
        lines.append(_line(layer, kernel, done, levels[layer.name], known))
    for name, value in model.weights.items():
        if name not in coded and value.dtype == np.float32 and value.size > 1:
            wide = value.ndim < 2  # a scale or an offset of channels, small and dear
            weights[name], coded[name] = _on(Grid.spanning(value, _BIAS if wide else _BYTE), value)
    return Stored(weights, coded, lines)


def _on(grid: Grid, values: Floats) -> tuple[Floats, Coded]:
    return grid.nearest(values).astype(np.float32), grid.coded(values)


def _worth_two_bytes(model: GraphModel, layers: list[Layer], moments: dict[str, Moments]) -> list[str]:
    """Names of the layers that lose the most per byte, as many as the extra bytes allow."""
    floats = sum(value.size for value in model.weights.values() if value.dtype == np.float32)
    left = _EXTRA_BYTES * floats - sum(v.size for v in model.weights.values() if v.dtype == np.float32 and v.ndim == 1)
    ranked = []
    for layer in layers:
        kernel = model.weights[layer.kernel]
        error = Grid.spanning(kernel, _BYTE).nearest(kernel).astype(np.float32) - kernel
        ranked.append((_noise(layer, kernel, error, moments[layer.name]) / kernel.size, kernel.size, layer.name))
    chosen = []
    for _, size, name in sorted(ranked, reverse=True):
        if size <= left:
            chosen.append(name)
            left -= size
    return chosen


def _noise(layer: Layer, kernel: Floats, error: Floats, moments: Moments) -> float:
    """The error's variance as a share of the signal's, averaged over the outputs; outputs that never vary hardly count."""
    signal = output_variance(layer, kernel, moments)
    return float(np.mean(output_variance(layer, error, moments) / (signal + 1e-3 * signal.mean() + 1e-30)))


def _line(layer: Layer, kernel: Floats, done: Floats, levels: int, moments: Moments) -> dict[str, Any]:
    noise = _noise(layer, kernel, done - kernel, moments)
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.shape),
        "levels": levels,
        "bytes": kernel.size * (1 if levels <= 256 else 2),
        "signal_to_noise_db": round(-10 * float(np.log10(max(noise, 1e-12))), 1),
    }
