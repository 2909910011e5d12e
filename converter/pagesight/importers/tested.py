"""Labeled pictures for a model made elsewhere: which range it was trained on, how sure it may be, and how often it is right."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import calibration, metrics
from pagesight.artifacts import Dataset, Side
from pagesight.contract import Decision, Input
from pagesight.errors import AdoptError
from pagesight.options import Training
from pagesight.pictures.model_inputs import model_inputs_of
from pagesight.records.adopted import Tested
from pagesight.synthetic import dead_leaves, out_of_distribution
from pagesight.synthetic.natural_noise import natural_noise

_SMALLEST_ROOM = 64
"""Pixels of a side below which a drawn room shows nothing."""
_LEAD = 2.0
"""Deviations of a difference of two shares by which one range must be right more often than another."""


@dataclass(frozen=True)
class Labeled:
    """Pictures as the model sees them, uint8 `[n, side, side, channels]`, and columns of its answers."""

    inputs: NDArray[Any]
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, dataset: Dataset, sides: Sequence[Side], shape: Input, names: Sequence[str]) -> "Labeled":
        """The pictures of `sides`. Raises AdoptError for a folder whose name is no label of the model."""
        column = {name: i for i, name in enumerate(names)}
        missing = sorted(set(dataset.labels) - column.keys())
        if missing:
            raise AdoptError(
                f"the test pictures have a folder {missing[0]!r:.80} which is no label of the model",
                fix=f"name the folders as the labels: {', '.join(names)[:200]}",
            )
        pictures = [picture for side in sides for picture in dataset.on(side)]
        with tempfile.TemporaryDirectory() as scratch:
            inputs = np.array(model_inputs_of(dataset, pictures, shape, Path(scratch) / "inputs.npy"))
        return cls(inputs, np.array([column[dataset.labels[p.label]] for p in pictures], np.int64))


def clearly_best(answers: dict[str, NDArray[Any]], labels: NDArray[np.int64]) -> tuple[str, str] | None:
    """The key whose answers `[n, scores]` are right clearly more often than those of all others, and by how much; else None."""
    right = {name: _right(rows, labels) for name, rows in answers.items()}
    (best, first), (other, second) = sorted(right.items(), key=lambda item: -item[1])[:2]
    deviation = np.sqrt((first * (1 - first) + second * (1 - second) + 0.25 / len(labels)) / len(labels))
    if first - second < _LEAD * deviation:
        return None
    return best, f"{first:.0%} of {len(labels)} test pictures are answered correctly, with {other} {second:.0%}"


def _right(rows: NDArray[Any], labels: NDArray[np.int64]) -> float:
    if rows.shape[1] == 1:  # one score: its sign, or which side of a half it lies on
        return max(float(((rows[:, 0] > limit) == labels).mean()) for limit in (0.0, 0.5))
    return float((rows.argmax(1) == labels).mean())


def decide(ask: Callable[[NDArray[Any]], NDArray[Any]], labeled: Labeled, shape: Input) -> Decision:
    """Temperature and threshold from labeled pictures, and drawn ones of no class; `ask` gives probabilities `[n, labels]`."""
    can_be_rooms = shape.channels == 3 and shape.side >= _SMALLEST_ROOM
    others = out_of_distribution.drawn(shape, 0)[::2] if can_be_rooms else dead_leaves.leaves(shape, natural_noise(shape, 64))
    return calibration.decide(ask(labeled.inputs), labeled.labels, ask(others), Training.false_accepts)


def measure(ask: Callable[[NDArray[Any]], NDArray[Any]], labeled: Labeled) -> Tested:
    """The share of right answers, with its interval."""
    accuracy = metrics.accuracy(labeled.labels, np.asarray(ask(labeled.inputs).argmax(1), np.int64))
    return Tested(accuracy.n, accuracy.value, accuracy.interval95)
