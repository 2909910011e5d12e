"""How to learn, chosen by cross-validation: which backbone, how regular a head, and whether the upper part learns too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import calibration, progress
from pagesight.pixels import Pixels
from pagesight.training.head import DISCRIMINANT, LOGISTIC, LinearHeads, Method
from pagesight.training.predictor import Predictor
from pagesight.training.upper_part import UpperPart

Rows = NDArray[np.int64]
_NOTHING_TO_GAIN = 0.985
"""Cross-validated accuracy of the frozen network from which its upper part is not tried."""
_CHEAP = 100_000_000
"""Multiply-adds of a network that is cheap enough to learn as a whole."""
_MOST_BYTES = 2_000_000_000
"""What the pictures of such a network may take while it learns; of more pictures its upper part learns alone."""
UPPER = 16
"""The upper part of larger networks: what lies above the maps of a sixteenth of the side."""
_UNEVEN = 2
"""Times as many pictures as the smallest class that the largest has, from which it is asked whether rare ones should count more."""
_BALANCES = (0.5, 1.0)
"""How far the weights of classes make up for their numbers: 1 in full."""


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
    method: Method
    out_of_fold: OutOfFold
    heads: LinearHeads = field(repr=False)
    embeddings: NDArray[np.float32] = field(repr=False)
    """Of each picture by the frozen network, `[n, d]`."""
    upper: UpperPart | None = field(default=None, repr=False)
    balance: float = 0.0
    """How far rare classes count more: 0 not at all, 1 until all classes count the same."""


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

    def weights(self, rows: Rows, balance: float) -> NDArray[np.float64]:
        """How much each row counts `[m]`, 1 in the mean of those that have a class: `balance` as in Recipe."""
        counts = np.bincount(self.labels[rows[rows < len(self.labels)]], minlength=self.classes)
        by_class = np.maximum(counts, 1.0) ** -balance
        by_class *= counts.sum() / (by_class @ counts)
        return np.where(rows < len(self.labels), by_class[self.labels[np.minimum(rows, len(self.labels) - 1)]], 1.0)

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
    nothing = OutOfFold(np.zeros((len(task.labels), task.classes)), folds)
    with progress.task("cross-validating"):
        return _balanced(_best_head(Recipe(candidate, "frozen", LOGISTIC[0], nothing, heads, plain), task), task)


def _best_head(recipe: Recipe, task: Task) -> Recipe:
    """`recipe` with the method that serves its features best, in its folds.

    How regular a head is cross-entropy decides, of which few pictures say more; which of the two ways to make one, accuracy: the
    probabilities of a logistic regression may be better where its answers are not. A discriminant analysis has no use for pictures
    of no class: they are not alike.
    """
    best = []
    for methods in (LOGISTIC, () if task.ood else DISCRIMINANT):
        tried = [_asked(replace(recipe, method=method), task, recipe.out_of_fold.folds) for method in methods]
        best += sorted(tried, key=lambda one: _cross_entropy(one.out_of_fold.logits, task.labels))[:1]
    return max(best, key=lambda one: one.out_of_fold.right(task.labels).mean())


def _asked(recipe: Recipe, task: Task, folds: Rows) -> Recipe:
    return replace(recipe, out_of_fold=asked_again(recipe, task, folds))


def _balanced(recipe: Recipe, task: Task) -> Recipe:
    """`recipe` with rare classes counting as much more as their recall asks for, while accuracy stays within one standard error.

    The mean recall of the classes decides: overall accuracy hides a class that is hardly ever answered.
    """
    counts = np.bincount(task.labels, minlength=task.classes)
    if counts.max() <= _UNEVEN * counts.min():
        return recipe
    folds = recipe.out_of_fold.folds
    tried = [recipe, *(_asked(replace(recipe, balance=balance), task, folds) for balance in _BALANCES)]
    fair = [one for one in tried if _within_an_error(recipe.out_of_fold, one.out_of_fold, task.labels)]
    return max(fair, key=lambda one: _mean_recall(one.out_of_fold, task))  # the first of equals, so none where none helps


def _mean_recall(out_of_fold: OutOfFold, task: Task) -> float:
    right = out_of_fold.right(task.labels)
    return float(np.mean([right[task.labels == label].mean() for label in range(task.classes)]))


def _within_an_error(best: OutOfFold, other: OutOfFold, labels: Rows) -> bool:
    """Whether `other` is right as often as `best`, but for one standard error of the difference."""
    difference = best.right(labels).astype(float) - other.right(labels)
    return bool(difference.mean() <= difference.std() / np.sqrt(len(labels)))


def half_learned(recipe: Recipe, task: Task) -> tuple[int, OutOfFold]:
    """How many pictures half of each class are, and what heads say in the same folds that learn from that half alone."""
    order = np.random.default_rng(task.seed).permutation(len(task.labels))
    kept = np.zeros(len(order), bool)
    for label in range(task.classes):
        kept[order[task.labels[order] == label][::2]] = True
    return int(kept.sum()), asked_again(recipe, task, recipe.out_of_fold.folds, kept)


def asked_again(recipe: Recipe, task: Task, folds: Rows, kept: NDArray[np.bool_] | None = None) -> OutOfFold:
    """The head on frozen features that `recipe` has or begins with, cross-validated by `folds`.

    It is learned from `kept` `[n]` alone, where that is given.
    """
    logits, plain = np.zeros((len(task.labels), task.classes)), recipe.embeddings
    for fold in range(int(folds.max()) + 1):
        rows = task.learned(folds, fold)
        if kept is not None:
            rows = rows[(rows >= len(kept)) | kept[np.minimum(rows, len(kept) - 1)]]
        kernel, bias = _solved(recipe, task, rows)
        asked = np.flatnonzero(folds == fold)
        logits[asked] = plain[asked] @ kernel + bias
    return OutOfFold(logits, folds)


def _solved(recipe: Recipe, task: Task, rows: Rows) -> Any:
    """A head on `rows` and on their mirror images, each for half."""
    both = np.concatenate([rows, rows + len(task.labels) + task.ood])
    weights = np.tile(task.weights(rows, recipe.balance) / 2, 2)
    return recipe.heads.solve(both, np.tile(task.targets(rows), (2, 1)), recipe.method, weights)


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
        raise ValueError("a class with only one group of pictures")
    tried = [frozen(candidate, task, folds) for candidate in candidates]
    chosen = _preferred(tried, task.labels, prefer)
    if chosen.out_of_fold.right(task.labels).mean() < _NOTHING_TO_GAIN:
        for recipe in _tunable(tried, chosen):
            tuned = _fine_tuned(recipe, task, chosen)
            if tuned is not None:
                tried.append(tuned)
                chosen = tuned
    return chosen, tried


def _preferred(tried: Sequence[Recipe], labels: Rows, prefer: str) -> Recipe:
    if prefer == "accurate":
        return max(tried, key=lambda r: r.out_of_fold.right(labels).mean())
    return smallest_of_the_best(tried, labels)


def smallest_of_the_best(tried: Sequence[Recipe], labels: Rows) -> Recipe:
    """Of the networks within one standard error of the best the smallest; of its sizes the one that is right most often."""
    best = max(tried, key=lambda r: r.out_of_fold.right(labels).mean())
    close = [r for r in tried if _within_an_error(best.out_of_fold, r.out_of_fold, labels)]
    return min(close, key=lambda r: (r.candidate.size, -r.out_of_fold.right(labels).mean(), r.candidate.work))


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
    recipe = replace(recipe, method=LOGISTIC[-1])  # right more often on features that were tuned
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
    """Train the upper part on `rows` from a solved head, and solve the head anew for what came out of it."""
    targets, weights = task.targets(rows), task.weights(rows, recipe.balance)

    def solved(embeddings: NDArray[np.float32]) -> Any:
        both, halved = np.arange(len(embeddings)), np.tile(weights / 2, 2)
        return LinearHeads(embeddings).solve(both, np.tile(targets, (2, 1)), recipe.method, halved)

    upper.fit(rows, targets, _solved(recipe, task, rows), weights)
    upper.solve_head(rows, solved)


def refit(recipe: Recipe, tried: Sequence[Recipe], task: Task, prefer: str) -> Recipe:
    """Train the network of `recipe` by it on every picture, and return the recipe by which it was.

    That is another of `tried`, the best on frozen features (by `prefer`, as in `choose`), where fine-tuning comes to nothing this
    time: a network that does not know the pictures that it learned from as well as others did that had not seen them.
    """
    rows = task.learned(np.zeros(len(task.labels), np.int64), -1)
    if recipe.upper is not None:
        _fit(recipe.upper, recipe, task, rows)
        known = recipe.upper.logits(np.arange(len(task.labels))).argmax(1) == task.labels
        if known.mean() >= recipe.out_of_fold.right(task.labels).mean():
            return recipe
        recipe.upper.reset()
        recipe = _preferred([one for one in tried if one.upper is None], task.labels, prefer)
    head = _solved(recipe, task, rows)
    recipe.candidate.model.get_layer("head").set_weights(list(head))
    return recipe


def part_for(work: int, numbers: int) -> int:
    """How much of a network of `work` multiply-adds may learn: all of one that is cheap, the upper part of others.

    `numbers` are those of all its pictures: where all may learn, each is kept as float16 as it is, mirrored and in one more view.
    """
    return 1 if work <= _CHEAP and 3 * 2 * numbers <= _MOST_BYTES else UPPER
