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
from pagesight.synthetic.natural_noise import natural_noise

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
    return ((mean - _USUAL_MEAN) / _MEAN_SPREAD) ** 2 + (math.log(max(deviation, 1e-9) / _USUAL_DEVIATION) / _DEVIATION_SPREAD) ** 2


@dataclass(frozen=True)
class Front:
    """The first layers of a model, run by themselves.

    `steps` gives the picture and what each op makes of it up to the first kernel, `run` what the first batch norm reads and knows.
    """

    steps: Any
    run: Any
    input: Input
    has_statistics: bool

    @classmethod
    def of(cls, foreign: Foreign, options: Input) -> "Front":
        """The front of `foreign`."""
        tf = tensorflow()
        spec = tf.TensorSpec([None, options.side, options.side, options.channels], tf.float32)
        found: dict[str, bool] = {}

        def steps(image: Any) -> list[Any]:
            x = tf.identity(image)
            foreign.call(x)
            return [x, *structure.before_first_kernel(x)]

        def norm(image: Any) -> list[Any]:
            x = tf.identity(image)
            foreign.call(x)
            result = structure.first_norm(x)
            found["statistics"] = result is not None
            return [x] if result is None else list(result)

        run_steps, run = (tf.function(f, autograph=False).get_concrete_function(spec) for f in (steps, norm))
        return cls(run_steps, run, options, found["statistics"])

    def scaling_costs(self) -> Mapping[str, float]:
        """How badly each plain range explains the scaling inside the graph; nothing where there is none.

        What becomes of black and white on the way to the first kernel is 0..1, -1..1 or 0..255 somewhere, in the right range, or
        its zero and its length are the mean and the deviation of some collection of photographs.
        """
        costs = dict.fromkeys(_PLAIN, math.inf)
        scales = False
        for name in _PLAIN:
            image, *steps = self._steps(name)
            for ends in steps:
                if np.allclose(ends, image[:, :1], rtol=1e-5, atol=1e-6):
                    continue  # the picture itself, perhaps with its channels in another order
                scales = True
                costs[name] = min(costs[name], float(np.mean([_interval_cost(*e) for e in ends.T])))
        return costs if scales else {}

    def _steps(self, name: str) -> list[NDArray[Any]]:
        """`[2, channels]`: black and white in range `name`, and what each op up to the first kernel makes of a middle pixel."""
        side, channels = self.input.side, self.input.channels
        pictures = np.stack([np.full((side, side, channels), v, np.float32) for v in (0, 255)])
        values = [np.asarray(v) for v in self.steps(scaled(tensorflow().constant(pictures), name))]
        return [m for m in (_middle(v, channels) for v in values) if m is not None]

    def norm_costs(self, names: tuple[str, ...], pictures: Any = None) -> Mapping[str, float]:
        """How badly each range explains what the first batch norm has learned.

        Pictures of many brightnesses and contrasts are tried in each range; what counts is how far their statistics are from the
        learned ones, and how unusual such pictures are. `pictures` of the model's own kind, where there are any, are not varied.
        """
        given = natural_noise(self.input, 4) if pictures is None else pictures[:16]
        given = np.asarray(given, np.float32)
        return {
            name: self._norm_cost(name, given, varied=pictures is None) + _RARE * (name in ("caffe", "torch")) for name in names
        }

    def _norm_cost(self, name: str, pictures: NDArray[Any], *, varied: bool) -> float:
        mean, deviation = float(pictures.mean()) / 255, float(pictures.std()) / 255
        noise = (pictures / 255 - mean) / deviation
        learned = [np.asarray(t).ravel() for t in self.run(scaled(tensorflow().constant(pictures), name))[1:]]
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
        """Mean and variance, by channel, of what the first batch norm reads of images of 0..1, and a little beyond."""
        read = np.asarray(self.run(scaled(tensorflow().constant(images * 255, "float32"), name))[0])
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


def _middle(values: NDArray[Any], channels: int) -> NDArray[Any] | None:
    """The pixel in the middle of maps `[2, h, w, c]`, or of rows `[2, h·w·c]`; None for anything else."""
    if values.ndim == 4 and len(values) == 2 and values.shape[3] <= 4:
        return np.asarray(values[:, values.shape[1] // 2, values.shape[2] // 2])
    if values.ndim == 2 and len(values) == 2 and values.shape[1] % channels == 0:
        return np.asarray(values.reshape(2, -1, channels)[:, values.shape[1] // channels // 2])
    return None


def _interval_cost(black: float, white: float) -> float:
    low, length = min(black, white), abs(white - black)
    if length < 1e-9:
        return math.inf
    zero = -low / length
    from_zero_or_around_it = abs(zero) < 0.02 or 0.2 < zero < 0.8
    canonical = (abs(length - 2) < 0.06 and abs(zero - 0.5) < 0.1) or (
        from_zero_or_around_it and (abs(length - 1) < 0.03 or abs(length / 255 - 1) < 0.03)
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
