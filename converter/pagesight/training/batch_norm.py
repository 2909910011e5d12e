"""Batch norms' running statistics as plain means over a window of batches, whatever momentum a backbone was built with."""

from collections.abc import Callable
from typing import Any

from pagesight.graph.tensorflow import keras, tensorflow

_NAMES = ("moving_mean", "moving_variance")


class Statistics:
    """The moving means and variances of all batch norms in a model.

    They are set to zero, grow by the layer's own update while the model runs in training mode, and are divided by
    1 - momentum^batches: the start at zero is then forgotten exactly, as in Adam (Kingma and Ba 2015, section 3). With a
    momentum of 0.99 or 0.999, made for hundreds of thousands of steps, they would otherwise lag behind a short training.
    """

    def __init__(self, model: Any, forward: Callable[[], Any]) -> None:
        """`forward` runs one fixed batch through `model` in training mode; used where a layer does not tell its momentum."""
        summary = _summary(model)
        moving = [v for v in model.non_trainable_variables if any(name in v.name for name in _NAMES) and summary.get(id(v), 0) < 1]
        summary |= _probed([v for v in moving if id(v) not in summary], forward)
        self._momentum = [(v, summary[id(v)]) for v in moving if id(v) in summary]

    def start(self) -> None:
        """Forget everything."""
        for variable, _ in self._momentum:
            variable.assign(tensorflow().zeros_like(variable))

    def finish(self, batches: int) -> None:
        """Make the statistics whole after so many batches since `start`."""
        for variable, momentum in self._momentum:
            variable.assign(variable / (1 - momentum**batches))


def _summary(model: Any) -> dict[int, float]:
    """The momentum of every moving variable of a Keras layer, by the variable's id; 1 (none moves) where the layer is held."""
    norms = [layer for layer in model.submodules if isinstance(layer, keras().layers.BatchNormalization)]
    return {
        id(v): float(layer.momentum) if layer.trainable else 1.0
        for layer in norms
        for v in (layer.moving_mean, layer.moving_variance)
    }


def _probed(variables: list[Any], forward: Callable[[], Any]) -> dict[int, float]:
    """Momenta found out: one batch moves 0 to (1 - m) b and 1 to m + (1 - m) b, so their difference is m.

    Layers that do not move at all keep their statistics and are left out.
    """
    if not variables:
        return {}
    before = [variable.numpy() for variable in variables]
    ends = []
    for begin in (0.0, 1.0):
        for variable in variables:
            variable.assign(tensorflow().fill(variable.shape, begin))
        forward()
        ends.append([variable.numpy() for variable in variables])
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    result = {id(v): round(float((high - low).mean()), 4) for v, low, high in zip(variables, *ends, strict=True)}
    return {key: momentum for key, momentum in result.items() if momentum < 1}
