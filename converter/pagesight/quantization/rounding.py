"""From float kernels to codes on a uniform grid: to the nearest, or so that errors cancel on the calibration pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.graph.layers import Floats, Layer
from pagesight.graph.tensorflowjs import Coded
from pagesight.quantization.statistics import Moments

_DAMPING = 0.01
_BLOCK = 32
"""Rows that are rounded between two products of large matrices."""
_PART = 1 << 22
"""Numbers that are worked on at a time, where a copy of all would be too much."""


@dataclass(frozen=True)
class Grid:
    """The values `(code + lowest) * step` for codes 0..levels-1; zero is one of them."""

    step: float
    lowest: int
    levels: int

    @classmethod
    def spanning(cls, values: Floats, levels: int) -> "Grid":
        """The finest grid of so many levels that holds zero and every value, with a step of six digits."""
        low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
        step = float(f"{max(high - low, 1e-30) / (levels - 1):.6g}")
        return cls(step, round(low / step), levels)

    def nearest(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """`values` moved to the grid."""
        return self._clipped(np.round(values / self.step)) * self.step

    def moved(self, values: Floats) -> Floats:
        """`nearest` in float32, a part after the other: a network may have a hundred million weights in one kernel."""
        done = np.empty_like(values)
        for part in _parts(values):
            done[part] = self.nearest(values[part])
        return done

    def coded(self, values: NDArray[np.floating]) -> Coded:
        """`values`, which lie on the grid, in the stock format's own terms."""
        codes = np.empty(values.shape, np.uint8 if self.levels <= 256 else np.uint16)
        for part in _parts(values):
            codes[part] = self._clipped(np.round(values[part] / self.step)) - self.lowest
        return Coded(codes, self.step, self.lowest * self.step)

    def _clipped(self, numbers: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.clip(numbers, self.lowest, self.lowest + self.levels - 1)


def _parts(values: NDArray[Any]) -> list[slice]:
    """Slices of the first axis that hold some millions of numbers each."""
    step = max(1, _PART * len(values) // max(values.size, 1))
    return [slice(start, start + step) for start in range(0, len(values), step)]


def rounded(layer: Layer, kernel: Floats, grid: Grid, moments: Moments) -> Floats:
    """`kernel` on `grid`, to the nearest value or so that errors cancel.

    Where the covariance of the inputs is known, each row's error is made good by the rows still to come, in the order of falling
    variance (GPTQ, Frantar et al. 2022, arXiv:2210.17323).
    """
    if moments.covariance.ndim == 1:
        return grid.moved(kernel)
    rows, covariance = layer.rows(kernel).astype(np.float64), moments.covariance.astype(np.float64)
    if layer.kind == "depthwise":
        by_channel = rows.reshape(len(rows), len(covariance), -1).transpose(1, 0, 2)
        done = _compensated(by_channel, grid, covariance).transpose(1, 0, 2).reshape(rows.shape)
    else:
        order = np.argsort(-np.diag(covariance), kind="stable")
        done = np.empty_like(rows)
        done[order] = _compensated(rows[None, order], grid, covariance[None][:, order][:, :, order])[0]
    return layer.unrows(done.astype(np.float32))


def _compensated(rows: NDArray[np.float64], grid: Grid, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round `[groups, inputs, outputs]` row after row; `covariance` is `[groups, inputs, inputs]`.

    Each row is moved by what makes good the errors before it: (U' e)_i = 0 where the covariance is U U', U upper triangular
    (Babai's nearest plane, in which GPTQ has been recognized: Chen et al. 2025, arXiv:2507.18553). Errors before a block of rows
    are taken into account by one product for the whole block.
    """
    factor = _factor(covariance).transpose(0, 2, 1)
    done, error = np.empty_like(rows), np.empty_like(rows)
    for start in range(0, rows.shape[1], _BLOCK):
        block = range(start, min(start + _BLOCK, rows.shape[1]))
        before = factor[:, start : block.stop, :start] @ error[:, :start]
        for i in block:
            owed = before[:, i - start] + (factor[:, i, None, start:i] @ error[:, start:i])[:, 0]
            done[:, i] = grid.nearest(rows[:, i] + owed / factor[:, i, i, None])
            error[:, i] = rows[:, i] - done[:, i]
    return done


def _factor(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper triangular U with U U' = covariance, `[groups, inputs, inputs]`; damped as far as dead or constant inputs need it."""
    size = covariance.shape[1]
    mean = np.trace(covariance, axis1=1, axis2=2) / size
    for damping in (_DAMPING, 10 * _DAMPING, 100 * _DAMPING):
        damped = covariance + np.eye(size) * (damping * mean + 1e-12)[:, None, None]
        try:
            return np.linalg.cholesky(damped[:, ::-1, ::-1])[:, ::-1, ::-1]
        except np.linalg.LinAlgError:
            continue
    return np.broadcast_to(np.eye(size), covariance.shape)  # nothing to compensate by: plain rounding


def mean_shift(layer: Layer, error: Floats, moments: Moments) -> Floats:
    """What `error` in the kernel adds to each output on average, `[out]`; the bias takes it off (Nagel et al. 2019, 4.2)."""
    rows = layer.rows(error)
    if layer.kind == "depthwise":
        means = np.repeat(moments.mean, rows.shape[1] // moments.mean.shape[1], axis=1)
        return np.asarray((rows * means).sum(0))
    return np.asarray(moments.mean @ rows)


def output_variance(layer: Layer, kernel: Floats, moments: Moments) -> Floats:
    """The variance of each output, `[out]`, that `kernel` (or an error in it) gives on the calibration pictures."""
    rows, covariance = layer.rows(kernel), moments.covariance
    if layer.kind == "depthwise":
        by_channel = rows.reshape(rows.shape[0], covariance.shape[0], -1)
        return np.asarray(np.einsum("kcm,ckj,jcm->cm", by_channel, covariance, by_channel)).reshape(-1)
    if covariance.ndim == 1:
        return np.asarray(sum(covariance[part] @ rows[part] ** 2 for part in _parts(rows)))
    return np.asarray(((covariance @ rows) * rows).sum(0))
