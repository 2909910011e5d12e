"""Which numbers a model takes for a pixel: said by its files, seen in its graph, or told by what its first batch norm learned."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Input
from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import structure
from pagesight.importers.imported_model import Foreign

RANGES = ("0..1", "-1..1", "0..255", "caffe", "torch")
_BGR_MEANS = (103.939, 116.779, 123.68)
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_PUBLISHED = (
    ("mobilenetv3", "0..255"),
    ("efficientnet", "0..255"),
    ("convnext", "0..255"),
    ("regnet", "0..255"),
    ("mobilenet", "-1..1"),
    ("nasnet", "-1..1"),
    ("inception", "-1..1"),
    ("xception", "-1..1"),
    ("resnet50v2", "-1..1"),
    ("resnet101v2", "-1..1"),
    ("resnet152v2", "-1..1"),
    ("densenet", "torch"),
    ("vgg16", "caffe"),
    ("vgg19", "caffe"),
    ("resnet50", "caffe"),
    ("resnet101", "caffe"),
    ("resnet152", "caffe"),
)
"""Names of Keras Applications and the preprocessing they were trained with."""
_SURE = 2.0
_CLOSE = 1.0


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


@dataclass(frozen=True)
class Chosen:
    """A range, and how it is known."""

    name: str
    why: str


def choose(foreign: Foreign, value: str | None, options: Input) -> Chosen:
    """The range that `foreign` takes; `wish` is what the user said. Raises AdoptError where they contradict, or nothing tells."""
    if options.channels != 3 and value in ("caffe", "torch"):
        raise AdoptError(
            f"the input range {value} is for colour, the model takes grey pictures", fix="pass --input-range 0..1 or -1..1"
        )
    if foreign.input_range is not None:
        if value not in (None, foreign.input_range):
            raise AdoptError(f"a {foreign.kind} takes pixels in {foreign.input_range}, not {value}", fix="leave out --input-range")
        return Chosen(foreign.input_range, f"a {foreign.kind} takes it")
    front = _Front.of(foreign, options)
    inside = None if front is None else front.inside()
    if inside == "0..255" and value not in (None, inside):
        raise AdoptError(
            f"the model scales its pixels itself, from 0..255; it does not take {value}", fix="leave out --input-range"
        )
    if value is not None:
        return Chosen(value, "you said so")
    if inside is not None:
        return Chosen(inside, "the model scales pixels itself")
    published = _published(foreign)
    if published is not None and (options.channels == 3 or published == "-1..1"):
        return Chosen(published, "the network is known by its name")
    learned = None if front is None else front.learned(options)
    if learned is not None:
        return Chosen(learned, "its first batch norm has learned from such pixels")
    raise AdoptError(
        "the model does not tell which numbers it takes for pixels",
        fix="pass --input-range 0..1, -1..1 or 0..255, as it was trained",
    )


def _published(foreign: Foreign) -> str | None:
    names = [n.lower().replace("_", "").replace("-", "") for n in foreign.names]
    return next((r for key, r in _PUBLISHED for n in names if n.startswith(key)), None)


@dataclass(frozen=True)
class _Front:
    """The first kernel of a model, run by itself: what it reads, and what its batch norm expects of what it gives."""

    run: Any
    has_statistics: bool

    @classmethod
    def of(cls, foreign: Foreign, options: Input) -> "_Front | None":
        tf = tensorflow()
        result: dict[str, bool] = {}

        def front(image: Any) -> list[Any]:
            x = tf.identity(image)
            foreign.call(x)
            kernel = structure.first_kernel(x)
            if kernel is None:
                return []
            after = structure.statistics_after(kernel)
            result["statistics"] = after is not None
            return [kernel.inputs[0], *(after or ())]

        spec = tf.TensorSpec([None, options.side, options.side, options.channels], tf.float32)
        function = tf.function(front, autograph=False).get_concrete_function(spec)
        return cls(function, result["statistics"]) if result else None

    def inside(self) -> str | None:
        """The range that the model's own scaling tells; None where it has none."""
        shape = [1, *self.run.inputs[0].shape[1:]]
        dark, bright = (np.asarray(self.run(tensorflow().fill(shape, v))[0]) for v in (0.0, 255.0))
        slope = float(np.abs(bright - dark).max()) / 255
        if abs(slope - 1) < 1e-6 and not dark.any():
            return None
        if 0.5 <= 255 * slope <= 30:
            return "0..255"
        return "0..1" if 0.5 <= slope <= 30 else None

    def learned(self, options: Input) -> str | None:
        """The range under which pictures give the first batch norm the mean and variance that it has learned."""
        from pagesight.synthetic.natural_noise import natural_noise

        if not self.has_statistics:
            return None
        image = tensorflow().constant(natural_noise(options, 16), "float32")
        names = [n for n in RANGES if options.channels == 3 or n not in ("caffe", "torch")]
        off = {name: _distance(*(np.asarray(t) for t in self.run(scaled(image, name))[1:])) for name in names}
        best, second = sorted(off, key=lambda n: off[n])[:2]
        return best if off[best] < _CLOSE and off[second] > _SURE * off[best] else None


def _distance(given: NDArray[Any], mean: NDArray[Any], variance: NDArray[Any]) -> float:
    """How far the statistics of `given` are from what a batch norm has learned, averaged over its channels."""
    if np.allclose(mean, 0) and np.allclose(variance, 1):
        return float("inf")  # it never learned
    axes = tuple(range(given.ndim - 1))
    alive = variance > 1e-3 * variance.max()
    spread = np.abs(np.log((given.var(axes) + 1e-6) / (variance + 1e-6)))[alive]
    shift = np.minimum(np.abs(given.mean(axes) - mean) / np.sqrt(variance + 1e-6), 10)[alive]
    return float(np.median(spread) + np.median(shift))
