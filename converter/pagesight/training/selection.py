"""How to learn, chosen by cross-validation: which backbone, how regular a head, and whether the upper part learns too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import calibration, progress
from pagesight.pixels import Pixels
from pagesight.training.head import REGULARIZATIONS, LinearHeads
from pagesight.training.predictor import Predictor
from pagesight.training.upper_part import UpperPart

Rows = NDArray[np.int64]
_NOTHING_TO_GAIN = 0.985
"""Cross-validated accuracy of the frozen network from which its upper part is not tried."""
_CHEAP = 100_000_000
"""Multiply-adds of a network that is cheap enough to learn as a whole."""
UPPER = 16
"""The upper part of larger networks: what lies above the maps of a sixteenth of the side."""


@dataclass(frozen=True)
class OutOfFold:
    """What models that had not seen a picture say of it: logits `[n, classes]`, and the fold of each picture `[n]`."""

    logits: NDArray[np.float64]
    folds: Rows

    @property
    def rounds(self) -> int:
        """How many models were asked."""
        return int(self.folds.max()) + 1

    def right(self, labels: Rows) -> NDArray[np.bool_]:
        """Which of the pictures are answered rightly."""
        return np.asarray(self.logits.argmax(1) == labels)


@dataclass(frozen=True)
class Candidate:
    """A network to learn with; `model` as `network.build` makes it, `size` its parameters and `work` its multiply-adds."""

    name: str
    model: Any
    inputs: Pixels
    size: int
    work: int
    part: int | None = None
    """Where its upper part begins, if it may learn: 1 is the whole network."""


@dataclass(frozen=True)
class Recipe:
    """One way to learn, with what it said out of fold. `kind` is "frozen" or "fine-tuned"."""

    candidate: Candidate
    kind: str
    regularization: float
    out_of_fold: OutOfFold
    heads: LinearHeads = field(repr=False)
    embeddings: NDArray[np.float32] = field(repr=False)
    """Of each picture by the frozen network, `[n, d]`."""
    upper: UpperPart | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Task:
    """What is learned: labels `[n]` of the pictures, and rows beyond them, of no class, that are learned from and never asked."""

    labels: Rows
    classes: int
    folds: Callable[[int], Rows | None]
    """The fold of each picture, for so many folds."""
    ood: int = 0
    seed: int = 0

    def targets(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities `[m, classes]`: one class each, all alike where a picture is of none."""
        none = rows >= len(self.labels)
        own = np.eye(self.classes)[self.labels[np.where(none, 0, rows)]]
        return np.where(none[:, None], 1 / self.classes, own)

    def learned(self, folds: Rows, fold: int) -> Rows:
        """The rows outside of a fold, those of no class among them; all for a fold that there is not."""
        return np.concatenate([np.flatnonzero(folds != fold), len(self.labels) + np.arange(self.ood)])


def frozen(candidate: Candidate, task: Task, folds: Rows) -> Recipe:
    """The best head on what the frozen network says of each picture and of its mirror image."""
    predictor = Predictor.of(candidate.model)
    with progress.task(f"looking at the pictures with {candidate.name}"):
        plain = predictor.embeddings(candidate.inputs)
        mirrored = predictor.embeddings(candidate.inputs[:, :, ::-1])
    heads = LinearHeads(np.concatenate([plain, mirrored]))
    with progress.task("cross-validating"):
        tried = [_head_out_of_fold(heads, plain, task, folds, regularization) for regularization in REGULARIZATIONS]
    best = int(np.argmin([_cross_entropy(one.logits, task.labels) for one in tried]))
    return Recipe(candidate, "frozen", REGULARIZATIONS[best], tried[best], heads, plain)


def asked_again(recipe: Recipe, task: Task, folds: Rows) -> OutOfFold:
    """The head on frozen features that `recipe` has or begins with, cross-validated by other folds."""
    return _head_out_of_fold(recipe.heads, recipe.embeddings, task, folds, recipe.regularization)


def _head_out_of_fold(heads: LinearHeads, plain: NDArray[np.float32], task: Task, folds: Rows, regularization: float) -> OutOfFold:
    logits = np.zeros((len(task.labels), task.classes))
    for fold in range(int(folds.max()) + 1):
        kernel, bias = _solved(heads, task, task.learned(folds, fold), regularization)
        asked = np.flatnonzero(folds == fold)
        logits[asked] = plain[asked] @ kernel + bias
    return OutOfFold(logits, folds)


def _solved(heads: LinearHeads, task: Task, rows: Rows, regularization: float) -> Any:
    """A head on `rows` and on their mirror images, each for half."""
    both = np.concatenate([rows, rows + len(task.labels) + task.ood])
    return heads.solve(both, np.tile(task.targets(rows), (2, 1)), regularization / 2)


def _cross_entropy(logits: NDArray[np.float64], labels: Rows) -> float:
    """Mean cross-entropy (nats) at the best temperature: what calibration will leave."""
    probabilities = calibration.scaled(calibration.softmax(logits), 1.0)
    scaled = calibration.scaled(probabilities, calibration.fitted_temperature(probabilities, labels))
    return float(-np.log(np.maximum(scaled[np.arange(len(labels)), labels], 1e-12)).mean())


def choose(candidates: Sequence[Candidate], task: Task, prefer: str) -> tuple[Recipe, list[Recipe]]:
    """The recipe to refit, and all that were tried to the end; the smallest network within one standard error of the best.

    The error is that of the difference between two that were asked the same pictures: what both answer alike says nothing about it.
    `prefer` "accurate" takes the best. Raises ValueError where the pictures cannot be cut into folds.
    """
    folds = task.folds(5)
    if folds is None:
        raise ValueError("a class whose pictures all belong together")
    tried = [frozen(candidate, task, folds) for candidate in candidates]
    best = max(tried, key=lambda r: r.out_of_fold.right(task.labels).mean())
    chosen = best if prefer == "accurate" else smallest_of_the_best(tried, task.labels)
    if chosen.out_of_fold.right(task.labels).mean() < _NOTHING_TO_GAIN:
        for recipe in _tunable(tried, chosen):
            tuned = _fine_tuned(recipe, task, chosen)
            if tuned is not None:
                tried.append(tuned)
                chosen = tuned
    return chosen, tried


def smallest_of_the_best(tried: Sequence[Recipe], labels: Rows) -> Recipe:
    """Of the networks within one standard error of the best the smallest; of its sizes the largest, which most often reads most."""
    best = max(tried, key=lambda r: r.out_of_fold.right(labels).mean())

    def close(recipe: Recipe) -> bool:
        difference = best.out_of_fold.right(labels).astype(float) - recipe.out_of_fold.right(labels)
        return bool(difference.mean() <= difference.std() / np.sqrt(len(labels)))

    return min(filter(close, tried), key=lambda r: (r.candidate.size, -r.candidate.work))


def _tunable(tried: Sequence[Recipe], chosen: Recipe) -> list[Recipe]:
    """The same network as was chosen, in the size that is cheapest to train, where one may learn."""
    same = [r for r in tried if r.candidate.size == chosen.candidate.size and r.candidate.part is not None]
    return sorted(same, key=lambda r: r.candidate.work)[:1]


def _fine_tuned(recipe: Recipe, task: Task, rival: Recipe) -> Recipe | None:
    """`recipe` with its upper part trained as well; None where it falls behind `rival` on the first of its folds."""
    folds = task.folds(3)
    if folds is None or recipe.candidate.part is None:
        return None
    upper = UpperPart(recipe.candidate.model, recipe.candidate.inputs, recipe.candidate.part, task.seed)
    logits = np.zeros((len(task.labels), task.classes))
    for fold in range(int(folds.max()) + 1):
        asked = np.flatnonzero(folds == fold)
        _fit(upper, recipe, task, task.learned(folds, fold))
        logits[asked] = upper.logits(asked)
        so_far = np.flatnonzero(folds <= fold)
        gained = (logits.argmax(1) == task.labels)[so_far].sum() - rival.out_of_fold.right(task.labels)[so_far].sum()
        if gained <= 0:
            upper.reset()
            return None
    return replace(recipe, kind="fine-tuned", out_of_fold=OutOfFold(logits, folds), upper=upper)


def _fit(upper: UpperPart, recipe: Recipe, task: Task, rows: Rows) -> None:
    upper.fit(rows, task.targets(rows), _solved(recipe.heads, task, rows, recipe.regularization))


def refit(recipe: Recipe, task: Task) -> None:
    """Train the network of `recipe` by it on every picture."""
    rows = task.learned(np.zeros(len(task.labels), np.int64), -1)
    if recipe.upper is not None:
        _fit(recipe.upper, recipe, task, rows)
    else:
        head = _solved(recipe.heads, task, rows, recipe.regularization)
        recipe.candidate.model.get_layer("head").set_weights(list(head))


def part_for(work: int) -> int:
    """How much of a network of `work` multiply-adds may learn: all of one that is cheap, the upper part of others."""
    return 1 if work <= _CHEAP else UPPER
