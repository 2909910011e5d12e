"""`auto`: the fewest compressed bytes that keep what the model knows."""

import gzip
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.graph.layers import Floats, Layer
from pagesight.graph.model import GraphModel
from pagesight.quantization.bit_allocation import Stored, quantize_uint8, stored
from pagesight.quantization.rounding import Grid, output_variance
from pagesight.quantization.statistics import Moments
from pagesight.records.quantization import Step

_log = logging.getLogger(__name__)

_LEVELS = (4096, 2896, 2048, 1448, 1024, 724, 512, 362, 256, 181, 128, 90, 64, 45, 32, 22, 16, 11, 8)
_BIAS_LEVELS = 2048
_PRICES = tuple(8e-8 * 1.225**i for i in range(36))
"""What a bit may cost: noise, as a share of a layer's signal."""


@dataclass(frozen=True)
class _Curve:
    """For one layer, the noise and the bits after compression that each grid gives."""

    layer: Layer
    grids: list[Grid]
    quantization_error: NDArray[np.float64]
    bits: NDArray[np.float64]

    def best(self, price: float) -> Grid:
        return self.grids[int(np.argmin(self.quantization_error + price * self.bits))]


Found = tuple[Stored, list[Step]]
"""A plan, and every step that was tried on the way to it."""
_STEPS_BACK = 2
"""The margin: steps between the plan taken and the last that the few pictures at hand find good enough."""
_FAR = 9
"""A search that loses too much before so many steps has met a model that amplifies noise: nothing is gained from it."""


def smallest_of(
    candidates: list[tuple[GraphModel, dict[str, Moments]]],
    layers: list[Layer],
    lost: Callable[[dict[str, Floats]], float],
    most: float,
    otherwise: Callable[[], Stored],
) -> Found:
    """The smallest plan for one of several models that answer alike; another where none gets beyond the first steps."""
    result = [smallest(model, layers, moments, lost, most) for model, moments in candidates]
    got_far = [plan for plan in result if len(plan[1]) >= _FAR]
    return min(got_far, key=lambda plan: compressed(plan[0])) if got_far else (otherwise(), result[0][1])


def smallest(
    model: GraphModel, layers: list[Layer], moments: dict[str, Moments], lost: Callable[[dict[str, Floats]], float], most: float
) -> Found:
    """The plan some steps before the last that loses no more than `most` (in the unit of `lost`), and every step tried.

    Each step divides bits between the layers as well as can be at one price of a bit (Shoham and Gersho 1988): a layer gets more
    levels as long as they lessen its noise by more than their bits cost. The steps back are a margin, for the pictures that
    judge are few. Where the first steps lose too much, it is `uint8`'s plan.
    """
    curves = [_curve(layer, model.weights[layer.kernel], moments[layer.name]) for layer in layers]
    plans, steps = [quantize_uint8(model, layers, moments)], []
    with progress.task("searching for the fewest bytes") as advance:
        for price in _PRICES:
            grids = {curve.layer.name: curve.best(price) for curve in curves}
            plan = stored(model, layers, moments, grids, _BIAS_LEVELS)
            step = Step(compressed(plan), round(lost(plan.weights), 3))
            steps.append(step)
            advance(1, f"{step.gzip_bytes / 1000:.0f} KB, {step.lost:.2f} points lost")
            if step.lost > most:
                _log.info("auto stops at %d bytes: %.3g points would be lost, %.3g may be", step.gzip_bytes, step.lost, most)
                break
            plans.append(plan)
    return plans[max(0, len(plans) - 1 - _STEPS_BACK)], steps


def compressed(plan: Stored) -> int:
    """Bytes of all codes, one after another, as gzip sends them."""
    return len(gzip.compress(b"".join(code.codes.tobytes() for code in plan.coded.values()), 9, mtime=0))


def _curve(layer: Layer, kernel: Floats, moments: Moments) -> _Curve:
    """Rounding errors are even and independent: their variance is a twelfth of the step squared."""
    grids = [Grid.spanning(kernel, levels) for levels in _LEVELS]
    signal = output_variance(layer, kernel, moments)
    heard = output_variance(layer, np.ones_like(kernel), _uncorrelated(layer, moments))
    gain = float(np.mean(heard / (signal + 1e-3 * signal.mean() + 1e-30)))
    bits = [_entropy(grid.coded(kernel).codes) * kernel.size for grid in grids]
    return _Curve(layer, grids, np.array([gain * grid.step**2 / 12 for grid in grids]), np.array(bits))


def _uncorrelated(layer: Layer, moments: Moments) -> Moments:
    covariance = moments.covariance
    if layer.kind == "depthwise":
        return replace(moments, covariance=covariance * np.eye(covariance.shape[1], dtype=np.float32))
    return moments if covariance.ndim == 1 else replace(moments, covariance=np.diag(covariance))


def _entropy(codes: NDArray[Any]) -> float:
    """Bits per code that an ideal coder needs."""
    counts = np.bincount(codes.reshape(-1))
    shares = counts[counts > 0] / codes.size
    return float(-(shares * np.log2(shares)).sum())
