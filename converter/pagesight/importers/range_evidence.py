"""What a model's first layers tell about the pixels it takes: they are run, not read, so that any way of writing them will do."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Input
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import structure
from pagesight.importers.imported_model import Foreign

RANGES = ("0..1", "-1..1", "0..255", "caffe", "torch")
_PLAIN = ("0..255", "0..1", "-1..1")
_BGR_MEANS = (103.939, 116.779, 123.68)
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_USUAL_MEAN, _MEAN_SPREAD = 0.45, 0.17
_USUAL_DEVIATION, _DEVIATION_SPREAD = 0.22, 0.4
"""Collections of photographs: mean of a pixel (1 is white), and its deviation with the spread of its logarithm."""
_RARE = 2.0
"""What caffe and torch cost more than the others: few are trained so from outside of the graph."""


def scaled(image: Any, name: str) -> Any:
    """Pixels 0..255 as a model of the range `name` takes them; inside the graph, with ops that every TF.js backend has.

    caffe: BGR minus ImageNet's means. torch: 0..1, minus ImageNet's means, by its deviations.
    """
    tf = tensorflow()
    if name == "0..1":
        return image * (1 / 255)
    if name == "-1..1":
        return image * (1 / 127.5) - 1.0
    if name == "caffe":
        swap = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3)
        return tf.nn.bias_add(tf.nn.conv2d(image, swap, 1, "VALID"), -np.array(_BGR_MEANS, np.float32))
    if name == "torch":
        scale = 1 / (255 * np.array(_DEVIATIONS, np.float32))
        return image * scale - np.array(_MEANS, np.float32) / np.array(_DEVIATIONS, np.float32)
    return image


def _cost(mean: float, deviation: float) -> float:
    """How unusual pictures of this mean and deviation are (of 0..1), in squared deviations."""
    return ((mean - _USUAL_MEAN) / _MEAN_SPREAD) ** 2 + (
        math.log(max(deviation, 1e-9) / _USUAL_DEVIATION) / _DEVIATION_SPREAD
    ) ** 2


@dataclass(frozen=True)
class Front:
    """The first layers of a model, run by themselves: what the first kernel reads, and what the first batch norm reads and knows."""

    run: Any
    input: Input
    has_statistics: bool

    @classmethod
    def of(cls, foreign: Foreign, options: Input) -> "Front | None":
        """The front of `foreign`; None where no kernel is found in its graph."""
        tf = tensorflow()
        found: dict[str, bool] = {}

        def front(image: Any) -> list[Any]:
            x = tf.identity(image)
            foreign.call(x)
            source = structure.first_reading(x)
            if source is None:
                return []
            norm = structure.first_norm(x)
            found["statistics"] = norm is not None
            return [source, *(norm or ())]

        spec = tf.TensorSpec([None, options.side, options.side, options.channels], tf.float32)
        function = tf.function(front, autograph=False).get_concrete_function(spec)
        return cls(function, options, found["statistics"]) if found else None

    def scaling_costs(self) -> Mapping[str, float]:
        """How badly each plain range explains the scaling inside the graph; nothing where there is none.

        What a kernel reads of black, white and colors is 0..1, -1..1 or 0..255 of the right range, or its zero and its length are
        the mean and the deviation of some collection of photographs.
        """
        whole = self._ends("0..255")
        if whole is None or (np.allclose(whole[0], 0, atol=1e-3) and np.allclose(whole[1], 255, rtol=1e-5)):
            return {}
        costs = {}
        for name in _PLAIN:
            ends = self._ends(name)
            costs[name] = math.inf if ends is None else float(np.mean([_interval_cost(*e) for e in zip(*ends, strict=True)]))
        return costs

    def _ends(self, name: str) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """For each channel that the first kernel reads: its values for black and for white, of uniform pictures in range `name`."""
        side, channels = self.input.side, self.input.channels
        pictures = np.stack([np.full((side, side, channels), v, np.float32) for v in (0, 255)])
        values = np.asarray(self.run(scaled(tensorflow().constant(pictures), name))[0])
        if values.ndim == 4:
            middle = values[:, values.shape[1] // 2, values.shape[2] // 2]
        elif values.ndim == 2 and values.shape[1] % channels == 0:
            middle = values.reshape(2, -1, channels)[:, values.shape[1] // channels // 2]
        else:
            return None
        return middle[0], middle[1]

    def norm_costs(self, names: tuple[str, ...], pictures: Any = None) -> Mapping[str, float]:
        """How badly each range explains what the first batch norm has learned.

        Pictures of many brightnesses and contrasts are tried in each range; what counts is how far their statistics are from the
        learned ones, and how unusual such pictures are. `pictures` of the model's own kind, where there are any, are not varied.
        """
        from pagesight.quantization.statistics import natural_noise

        given = natural_noise(self.input, 4) if pictures is None else pictures[:16]
        given = np.asarray(given, np.float32)
        return {name: self._norm_cost(name, given, varied=pictures is None) + _RARE * (name in ("caffe", "torch")) for name in names}

    def _norm_cost(self, name: str, pictures: NDArray[Any], *, varied: bool) -> float:
        mean, deviation = float(pictures.mean()) / 255, float(pictures.std()) / 255
        noise = (pictures / 255 - mean) / deviation
        learned = [np.asarray(t).ravel() for t in self.run(scaled(tensorflow().constant(pictures), name))[2:]]
        if not varied:
            return _distance(self._statistics(noise * deviation + mean, name), *learned)
        given = self._linear(noise, deviation, name)
        means, deviations = (np.linspace(0.1, 0.95, 18), np.geomspace(0.06, 0.5, 16))
        if given is None:
            means, deviations = means[::4], deviations[::4]
        return min(
            _distance(given(m, d) if given else self._statistics(noise * d + m, name), *learned) + _cost(m, d)
            for m in means
            for d in deviations
        )

    def _statistics(self, images: NDArray[Any], name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean and variance, by channel, of what the first batch norm reads of images of 0..1; unclipped, for clipping changes them."""
        read = np.asarray(self.run(scaled(tensorflow().constant(images * 255, "float32"), name))[1])
        axes = tuple(range(read.ndim - 1))
        return read.mean(axes), read.var(axes)

    def _linear(self, noise: NDArray[Any], deviation: float, name: str) -> Callable[[float, float], Any] | None:
        """The statistics for any mean and deviation, worked out from three; None where the first layers are not linear."""
        black, white = (self._statistics(np.full_like(noise[:1], v), name)[0] for v in (0, 1))
        mean, variance = self._statistics(noise * deviation + 0.5, name)
        offset = (mean - (black + white) / 2) / deviation

        def at(m: float, d: float) -> tuple[NDArray[Any], NDArray[Any]]:
            return black + m * (white - black) + d * offset, variance * (d / deviation) ** 2

        tried, worked_out = self._statistics(noise * deviation / 2 + 0.3, name), at(0.3, deviation / 2)
        close = all(np.allclose(a, b, rtol=0.1, atol=0.1 * np.abs(a).max()) for a, b in zip(tried, worked_out, strict=True))
        return at if close else None


def _interval_cost(black: float, white: float) -> float:
    low, length = min(black, white), abs(white - black)
    if length < 1e-9:
        return math.inf
    zero = -low / length
    canonical = (
        (abs(length - 1) < 0.03 and -0.05 < zero < 1.05)
        or (abs(length - 2) < 0.06 and abs(zero - 0.5) < 0.1)
        or (abs(length / 255 - 1) < 0.03 and -0.05 < zero < 1.05)
    )
    mean = zero if white > black else 1 - zero
    return 0.0 if canonical else _cost(mean, 1 / length)


def _distance(given: tuple[NDArray[Any], NDArray[Any]], mean: NDArray[Any], variance: NDArray[Any]) -> float:
    """How far the statistics of `given` are from what a batch norm has learned: squared deviations, the median of its channels."""
    if np.allclose(mean, 0) and np.allclose(variance, 1):
        return math.inf  # it never learned
    alive = variance > 1e-3 * variance.max()
    spread = np.log((given[1] + 1e-9) / (variance + 1e-9))[alive] / 0.7
    shift = np.clip((given[0] - mean) / np.sqrt(variance + 1e-9), -10, 10)[alive] / 0.5
    return float(np.median(spread**2) + np.median(shift**2)) * 2
