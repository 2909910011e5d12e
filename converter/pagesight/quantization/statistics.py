"""What reaches each layer: means and covariances of its inputs, from pictures or, where there are none, from synthetic ones."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.artifacts import Dataset
from pagesight.contract import Input
from pagesight.errors import QuantizeError
from pagesight.graph.layers import Floats, Layer
from pagesight.graph.model import GraphModel, Runner
from pagesight.pictures.model_inputs import model_inputs_in, model_inputs_of
from pagesight.synthetic.dead_leaves import leaves
from pagesight.synthetic.natural_noise import natural_noise

_PICTURES = 64
_BATCH = 8
_PLACES = (16, 64)
"""Places sampled in each picture's feature map: at least and at most."""
_FIELDS_PER_INPUT = 8
"""How many receptive fields a covariance is made from, for each of its inputs."""
_LARGEST = 1152
"""Kernels with more inputs than this get no covariance: it would cost more than it gives."""


@dataclass(frozen=True)
class Moments:
    """The receptive field of a layer's outputs: its mean, and its covariance where that is small enough.

    `[inputs]` and `[inputs, inputs]`; for a depthwise layer `[h·w, channels]` and `[channels, h·w, h·w]`.
    `covariance` is the variance `[inputs]` alone for wide layers. `peak` is the largest magnitude in each channel, `[channels]`.
    """

    mean: Floats
    covariance: Floats
    peak: Floats


def calibration_inputs(options: Input, pictures: Dataset | Path | None) -> NDArray[np.uint8]:
    """Model inputs to calibrate on: evenly from the train side, never from those that measure; every other picture of a folder.

    Without pictures, synthetic ones. Raises QuantizeError for a folder without a picture that can be read.
    """
    if isinstance(pictures, Path):
        return folder_inputs(options, pictures)[0]
    train = pictures.on("train") if pictures else []
    if pictures is None or not train:
        return leaves(options, natural_noise(options, _PICTURES))
    chosen = [train[i] for i in np.unique(np.linspace(0, len(train) - 1, _PICTURES).astype(int))]
    with TemporaryDirectory() as scratch:
        return np.array(model_inputs_of(pictures, chosen, options, Path(scratch) / "squares.npy"))


def folder_inputs(options: Input, folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Model inputs from a folder without labels: those to calibrate on, and those to measure with; a single picture does both."""
    inputs = model_inputs_in(folder, options, 4 * _PICTURES)
    if not len(inputs):
        raise QuantizeError(f"{folder} holds no picture that can be read", fix="pass --calibrate with a folder of pictures")
    return inputs[::2][:_PICTURES], inputs[1::2] if len(inputs) > 1 else inputs


def moments_of(model: GraphModel, layers: list[Layer], inputs: NDArray[Any]) -> dict[str, Moments]:
    """Moments of what each layer of the float model reads, by the layer's name."""
    order = sorted({layer.source for layer in layers})
    sums = {layer.name: _Sum(layer) for layer in layers}
    with (
        Runner(model, order, often=False) as run,
        progress.task("calibrating", len(inputs)) as advance,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for start in range(0, len(inputs), _BATCH):
            batch = inputs[start : start + _BATCH]
            maps = dict(zip(order, run(batch), strict=True))
            list(pool.map(lambda layer, maps=maps: sums[layer.name].add(maps[layer.source]), layers))
            advance(len(batch))
    return {name: total.moments() for name, total in sums.items()}


class _Sum:
    """Adds up receptive fields of one layer."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._random = np.random.default_rng(0)
        self._count = 0
        self._mean: Any = 0.0
        self._square: Any = 0.0
        self._peak: Any = 0.0

    def add(self, source: Floats) -> None:
        result = fields(self._layer, source, self._random)
        self._count += len(result)
        peak = np.maximum(source.max(0), -source.min(0))
        while peak.ndim > 1:  # one axis after the other, which takes a third of the time of all at once
            peak = peak.max(0)
        self._peak = np.maximum(self._peak, peak)
        self._mean = self._mean + result.sum(0, dtype=np.float64)
        if self._layer.kind == "depthwise":
            by_channel = np.ascontiguousarray(result.transpose(2, 1, 0))
            self._square = self._square + by_channel @ by_channel.transpose(0, 2, 1)
        elif result.shape[1] <= _LARGEST:
            self._square = self._square + result.T @ result
        else:
            self._square = self._square + np.einsum("pk,pk->k", result, result)

    def moments(self) -> Moments:
        mean, second = self._mean / self._count, self._square / self._count
        if self._layer.kind == "depthwise":
            outer = mean.T[:, :, None] * mean.T[:, None, :]
        else:
            outer = mean**2 if second.ndim == 1 else np.outer(mean, mean)
        return Moments(mean.astype(np.float32), (second - outer).astype(np.float32), self._peak)


def fields(layer: Layer, source: Floats, random: np.random.Generator) -> Floats:
    """Receptive fields at random places: `[places, inputs]`, or `[places, h·w, channels]` for a depthwise layer."""
    if layer.kind == "product":
        return source.reshape(-1, source.shape[-1])
    height, width = layer.shape[:2]
    (rows, above), (columns, before) = (_windows(layer, axis, source.shape[1 + axis]) for axis in (0, 1))
    inputs = height * width * (1 if layer.kind == "depthwise" else source.shape[-1])
    fewest, most = _PLACES
    places = min(rows * columns, most, max(fewest, _FIELDS_PER_INPUT * inputs // _PICTURES))
    chosen = np.stack([random.permutation(rows * columns)[:places] for _ in source])
    top, left = chosen // columns * layer.stride[0] - above, chosen % columns * layer.stride[1] - before
    i = top[:, :, None, None] + np.arange(height)[None, None, :, None] * layer.dilation[0]
    j = left[:, :, None, None] + np.arange(width)[None, None, None, :] * layer.dilation[1]
    inside = (i >= 0) & (i < source.shape[1]) & (j >= 0) & (j < source.shape[2])
    result = source[np.arange(len(source))[:, None, None, None], np.where(inside, i, 0), np.where(inside, j, 0)]
    if not inside.all():
        result[~inside] = 0
    if layer.kind == "depthwise":
        return np.asarray(result.reshape(-1, height * width, source.shape[-1]))
    return np.asarray(result.reshape(-1, height * width * source.shape[-1]))


def _windows(layer: Layer, axis: int, size: int) -> tuple[int, int]:
    """How many windows a layer has along the height (0) or the width (1) of its source, and the padding before the first."""
    reach, stride = (layer.shape[axis] - 1) * layer.dilation[axis] + 1, layer.stride[axis]
    if not layer.same:
        return (size - reach) // stride + 1, 0
    count = -(-size // stride)
    return count, max(0, (count - 1) * stride + reach - size) // 2
