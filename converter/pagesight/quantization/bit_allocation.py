"""Which grid each kernel gets: `uint8` spends a little more than a byte a weight where that buys the most."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pagesight.graph.layers import Floats, Layer
from pagesight.graph.model import GraphModel
from pagesight.graph.tensorflowjs import Coded
from pagesight.quantization.rounding import Grid, mean_shift, output_variance, rounded
from pagesight.quantization.statistics import Moments
from pagesight.records.quantization import LayerStorage

_log = logging.getLogger(__name__)

_EXTRA_BYTES = 0.039
"""What `uint8` may take beyond one byte for every float, as a share."""
_BYTE, _WIDE, BIAS_LEVELS = 256, 4096, 65536
"""Levels of a kernel, of one that earned two bytes, and of a bias."""
_LARGE = 1 << 22
"""Numbers in a kernel from which on one model is planned after the other."""
_SHARES = (1.0, 0.8, 0.64, 0.5, 0.4, 0.32, 0.2, 0.1)
_WORTHWHILE = 0.1
"""Shares of a kernel's range that a grid may span, and the gain that makes it worth cutting off more."""


Candidate = tuple[GraphModel, dict[str, Moments]]
"""A model, and what its layers see."""


@dataclass(frozen=True)
class Stored:
    """What is written: the weights as they lie on disk, and a line on each layer."""

    coded: dict[str, Coded]
    layers: list[LayerStorage]

    @property
    def weights(self) -> dict[str, Floats]:
        """The weights as they will be read."""
        return {name: code.values() for name, code in self.coded.items()}

    @property
    def quantization_error(self) -> float:
        """The layers' noise, each as a share of its signal, added up."""
        return float(sum(10 ** (-line.signal_to_noise_db / 10) for line in self.layers))


def lowest_error(candidates: list[Candidate], layers: list[Layer]) -> tuple[Stored, Candidate]:
    """The plan of the first model, unless another that answers alike has a third less noise; and that model."""
    large = any(np.prod(layer.shape) >= _LARGE for layer in layers)
    with ThreadPoolExecutor(1 if large else os.cpu_count()) as pool:  # what is worked with has the size of the kernel, many times
        plans = pool.map(lambda candidate: quantize_uint8(candidate[0], layers, candidate[1]), candidates)
        first, *others = zip(plans, candidates, strict=True)
    best = min(others, key=lambda result: result[0].quantization_error, default=first)
    errors = (first[0].quantization_error, best[0].quantization_error)
    chosen = best if errors[1] < errors[0] * 2 / 3 else first
    kind = "equalized" if chosen is not first else "original"
    _log.info("weights of the %s channels are rounded: error %.3g as they are, %.3g equalized", kind, *errors)
    return chosen


def quantize_uint8(model: GraphModel, layers: list[Layer], moments: dict[str, Moments]) -> Stored:
    """Kernels on 256 levels per tensor, the most sensitive small ones on 4096, biases corrected on 65536."""
    result = {layer.name: _fitting(layer, model.weights[layer.kernel], _BYTE, moments[layer.name]) for layer in layers}
    grids = {name: grid for name, (grid, _) in result.items()}
    for layer in _worth_two_bytes(model, layers, {name: quantization_error for name, (_, quantization_error) in result.items()}):
        grids[layer.name], _ = _fitting(layer, model.weights[layer.kernel], _WIDE, moments[layer.name])
    return stored(model, layers, moments, grids)


def _fitting(layer: Layer, kernel: Floats, levels: int, moments: Moments) -> tuple[Grid, float]:
    """The grid with the least noise, and that noise: far values of channels that hardly vary may be cut off, for finer steps."""
    best, least = Grid.spanning(kernel, levels), float("inf")
    signal = output_variance(layer, kernel, moments)
    for share in _SHARES:
        grid = Grid.spanning(kernel.clip(kernel.min() * share, kernel.max() * share), levels)
        quantization_error = _quantization_error(layer, signal, grid.moved(kernel) - kernel, moments)
        if quantization_error < (1 - _WORTHWHILE) * least:
            best, least = grid, quantization_error
        elif quantization_error > 2 * least:
            break
    return best, least


def stored(
    model: GraphModel, layers: list[Layer], moments: dict[str, Moments], grids: dict[str, Grid], bias_levels: int = BIAS_LEVELS
) -> Stored:
    """Every layer rounded on its grid, its bias corrected; matrices outside the layers take a byte a value, vectors two."""
    coded, lines = {}, []
    for layer in layers:
        kernel, known = model.weights[layer.kernel], moments[layer.name]
        grid = grids[layer.name]
        done = rounded(layer, kernel, grid, known)
        coded[layer.kernel] = grid.coded(done)
        if layer.bias:
            exact = model.weights[layer.bias] - mean_shift(layer, done - kernel, known)
            coded[layer.bias] = Grid.spanning(exact, bias_levels).coded(exact)
        lines.append(_line(layer, kernel, done, grid.levels, known))
    for name, value in model.weights.items():
        if name not in coded and value.dtype == np.float32 and value.size > 1:
            wide = value.ndim < 2  # a scale or an offset of channels, small and dear
            coded[name] = Grid.spanning(value, BIAS_LEVELS if wide else _BYTE).coded(value)
    return Stored(coded, lines)


def _worth_two_bytes(model: GraphModel, layers: list[Layer], quantization_error: dict[str, float]) -> list[Layer]:
    """The layers that lose the most per byte, as many as the extra bytes allow."""
    floats = sum(value.size for value in model.weights.values() if value.dtype == np.float32)
    left = _EXTRA_BYTES * floats - sum(v.size for v in model.weights.values() if v.dtype == np.float32 and v.ndim == 1)
    ranked = [(quantization_error[layer.name] / model.weights[layer.kernel].size, layer) for layer in layers]
    chosen = []
    for _, layer in sorted(ranked, key=lambda pair: pair[0], reverse=True):
        size = model.weights[layer.kernel].size
        if size <= left:
            chosen.append(layer)
            left -= size
    return chosen


def _quantization_error(layer: Layer, signal: Floats, error: Floats, moments: Moments) -> float:
    """The error's variance as a share of the signal's, averaged over the outputs; outputs that never vary hardly count."""
    return float(np.mean(output_variance(layer, error, moments) / (signal + 1e-3 * signal.mean() + 1e-30)))


def _line(layer: Layer, kernel: Floats, done: Floats, levels: int, moments: Moments) -> LayerStorage:
    quantization_error = _quantization_error(layer, output_variance(layer, kernel, moments), done - kernel, moments)
    return LayerStorage(
        name=layer.name,
        kind=layer.kind,
        shape=tuple(layer.shape),
        levels=levels,
        bytes=kernel.size * (1 if levels <= 256 else 2),
        signal_to_noise_db=round(-10 * float(np.log10(max(quantization_error, 1e-12))), 1),
    )
