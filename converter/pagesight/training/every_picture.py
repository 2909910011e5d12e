"""Learning from every picture: how is chosen by cross-validation, and what it is worth is what models say that had not seen one."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagesight import calibration, progress
from pagesight.artifacts import Dataset, Picture, TrainedModel
from pagesight.contract import Input
from pagesight.errors import TrainError
from pagesight.graph.network_costs import cost_of
from pagesight.graph.tensorflow import keras
from pagesight.metrics import better_than_guessing, wilson
from pagesight.options import Training
from pagesight.pictures.model_inputs import model_inputs_of
from pagesight.pixels import Pixels
from pagesight.records.training import (
    BySplit,
    Choice,
    CrossValidated,
    DecisionFacts,
    LearnedFromHalf,
    TestAccuracy,
    TrainingFacts,
    Tried,
    Weights,
)
from pagesight.synthetic import out_of_distribution
from pagesight.training import network, selection
from pagesight.training.candidates import Start
from pagesight.training.folds import folds_of
from pagesight.training.predictor import Predictor

MOST = 100
"""Pictures of the smallest class up to which none is kept aside: beyond, a test side costs little and says as much."""
_MOST_OF_ALL = 10_000
"""Pictures up to which all are learned from, however few one class has."""
_MOST_WORK = 200_000
"""Pictures times classes up to which all are learned from: a head is solved many times, and each time takes as long as that."""
_MAX_OOD = 500
"""Pictures of no class that are learned from, or decided by."""
_SOME = 600
"""Pictures by which a network is chosen that will be trained on many."""
_HALVED = 8
"""Pictures of the smallest class from which half of them are enough to learn from in every fold."""
_LARGEST_TRAINED = 192
"""Pixels a side up to which a network is trained on many pictures: beyond, that takes longer than people wait."""


def learns_from_every(dataset: Dataset, options: Training, start: Start) -> bool:
    """Whether no picture is kept aside: where they are few, and training is not told in detail how to go about it."""
    few = are_few(np.bincount([p.label for p in dataset.pictures]))
    left_open = options.schedule is None and not options.epochs and options.strategy == "none" and not options.tensorboard
    own_split = dataset.facts.split not in ("random", "group")
    return few and left_open and not own_split and start.weights.kind in ("imagenet", "file", "auto")


def are_few(counts: NDArray[np.int64]) -> bool:
    """Whether pictures, so many of each class `[classes]`, are few: a class is small, and all together are soon learned from."""
    total = int(counts.sum())
    return bool(counts.min() <= MOST and total <= _MOST_OF_ALL and total * len(counts) <= _MOST_WORK)


def learn(dataset: Dataset, options: Training, starts: list[Start], work: Path, into: Path) -> TrainingFacts:
    """Choose among `starts` and ways to learn, train on every picture, write weights and out-of-fold answers into `into`.

    Returns what training.json holds. Raises TrainError where the pictures cannot be cut into folds.
    """
    pictures = dataset.pictures
    labels = np.array([p.label for p in pictures], np.int64)
    ood = _evenly(dataset.unknown_on("train"))
    task = selection.Task(labels, len(dataset.labels), lambda most: folds_of(pictures, most, options.seed), len(ood), options.seed)
    keras().utils.set_random_seed(options.seed)
    inputs: dict[int, Pixels] = {}
    candidates = [_candidate(start, dataset, [*pictures, *ood], inputs, work) for start in starts]
    try:
        chosen, tried = selection.choose(candidates, task, options.prefer)
    except ValueError as cause:
        raise TrainError(
            f"the pictures cannot be cross-validated: there is {cause}",
            fix="add pictures from other groups, or group by something finer",
        ) from cause
    with progress.task("training on every picture"):
        chosen = selection.refit(chosen, tried, task, options.prefer)
    decided = _decided(chosen, dataset, labels, options)
    model = chosen.candidate.model
    head = model.get_layer("head")
    head.set_weights([weights / np.float32(decided.temperature) for weights in head.get_weights()])
    network.save_weights(model, into / TrainedModel.WEIGHTS_FILE)
    out_of_fold = chosen.out_of_fold
    probabilities = calibration.softmax(out_of_fold.logits / decided.temperature).astype(np.float32)
    np.savez(into / TrainedModel.OUT_OF_FOLD_FILE, probabilities=probabilities, folds=out_of_fold.folds)
    start = next(s for s in starts if s.backbone.name == chosen.candidate.name)
    return TrainingFacts(
        backbone=start.backbone.name,
        weights=Weights("imagenet" if start.weights.kind == "auto" else start.weights.kind),
        labels=dataset.labels,
        decision=decided,
        dataset=dataset.summary,
        accuracy=_accuracy(out_of_fold, labels, _by_split(chosen, task, dataset)),
        choice=Choice(
            chosen.kind,
            chosen.method.strength,
            _why(chosen, tried, labels),
            tuple(_row(r, labels) for r in tried),
            chosen.balance,
            _half(chosen, task),
            chosen.method.name,
        ),
    )


def _candidate(
    start: Start, dataset: Dataset, pictures: list[Picture], inputs: dict[int, Pixels], work: Path
) -> selection.Candidate:
    """A network with its pictures; those of one side are read once."""
    side = start.backbone.side
    with progress.task("starting TensorFlow"):
        model, _ = network.build(start.backbone, len(dataset.labels), start.weights)
    if side not in inputs:
        inputs[side] = model_inputs_of(dataset, pictures, Input(side), work / f"every-{side}.npy")
    cost = cost_of(model)
    part = selection.part_for(cost.multiply_adds, inputs[side].size)
    return selection.Candidate(start.backbone.name, model, inputs[side], cost.parameters, cost.multiply_adds, part)


def _evenly(pictures: list[Picture]) -> list[Picture]:
    return pictures[:: -(-len(pictures) // _MAX_OOD) or 1]


def _decided(chosen: selection.Recipe, dataset: Dataset, labels: NDArray[np.int64], options: Training) -> DecisionFacts:
    """Temperature and threshold from out-of-fold answers, and from pictures of other things: those given, else drawn ones."""
    given = _evenly(dataset.unknown_on("validation"))
    side = Input(int(chosen.candidate.inputs.shape[1]))
    known = calibration.softmax(chosen.out_of_fold.logits)
    if given:
        others = np.stack(_inputs(dataset, given, side))
    elif calibration.needs_ood(known, labels, options.false_accepts):
        others = out_of_distribution.drawn(side, options.seed + 1, one_in=1 if options.false_accepts is not None else 4)
    else:
        others = np.zeros((0, side.side, side.side, 3), np.uint8)
    answers = Predictor.of(chosen.candidate.model).probabilities(others) if len(others) else known[:0]
    decision = calibration.decide(known, labels, answers, options.false_accepts)
    asked_for = calibration.FALSE_ACCEPTS if options.false_accepts is None else options.false_accepts
    return DecisionFacts(decision.temperature, decision.threshold, asked_for, len(others), bool(given))


def _inputs(dataset: Dataset, pictures: list[Picture], side: Input) -> list[Pixels]:
    from pagesight import pixels

    return [pixels.read_model_input(dataset.read_bytes(p), side) for p in pictures]


def _accuracy(out_of_fold: selection.OutOfFold, labels: NDArray[np.int64], by_split: BySplit | None) -> TestAccuracy:
    right, n = int(out_of_fold.right(labels).sum()), len(labels)
    p_value = better_than_guessing(right, labels)
    return TestAccuracy(n, right / n, wilson(right, n), by_split=by_split, folds=out_of_fold.rounds, p_value=p_value)


def _by_split(chosen: selection.Recipe, task: selection.Task, dataset: Dataset) -> BySplit | None:
    """Where pictures have groups: accuracy of a head on frozen features with whole groups apart, and with pictures at random."""
    if dataset.facts.split != "group":
        return None
    loose = folds_of([replace(p, group=p.sha256) for p in dataset.pictures], 5, task.seed)
    tight = task.folds(5)
    if loose is None or tight is None:
        return None
    result = []
    for folds in (tight, loose):
        right = selection.asked_again(chosen, task, folds).right(task.labels)
        n = len(right)
        result.append(CrossValidated(n, int(folds.max()) + 1, float(right.mean()), wilson(int(right.sum()), n)))
    return BySplit(*result)


def _row(recipe: selection.Recipe, labels: NDArray[np.int64]) -> Tried:
    candidate, accuracy = recipe.candidate, float(recipe.out_of_fold.right(labels).mean())
    return Tried(candidate.name, recipe.kind, accuracy, candidate.size, candidate.work)


def _half(chosen: selection.Recipe, task: selection.Task) -> LearnedFromHalf | None:
    """Two points of the learning curve, and what it says of as many pictures again."""
    if chosen.upper is not None or np.bincount(task.labels).min() < _HALVED:
        return None
    pictures, half = selection.half_learned(chosen, task)
    gained = chosen.out_of_fold.right(task.labels).astype(float) - half.right(task.labels)
    wrong, wrong_of_half = (1 - one.right(task.labels).mean() for one in (chosen.out_of_fold, half))
    evident = gained.mean() > 2 * gained.std() / np.sqrt(len(gained))
    gain = wrong - wrong**2 / wrong_of_half if evident else 0.0
    return LearnedFromHalf(pictures, float(1 - wrong_of_half), float(gain))


def _why(chosen: selection.Recipe, tried: list[selection.Recipe], labels: NDArray[np.int64]) -> str:
    """What was taken and what was given up, in a sentence."""
    share = {id(recipe): recipe.out_of_fold.right(labels).mean() for recipe in tried}
    rest = [recipe for recipe in tried if recipe is not chosen]
    others = ", ".join(f"{r.candidate.name} {r.kind} {share[id(r)]:.1%}" for r in rest)
    kind = f"{chosen.kind}, rare classes counting more" if chosen.balance else chosen.kind
    return f"{chosen.candidate.name}, {kind}: {share[id(chosen)]:.1%} by cross-validation" + (
        f", against {others}" if others else ""
    )


def best_of_some(dataset: Dataset, options: Training, offered: list[Start]) -> Start:
    """The network to train on many pictures: chosen among `offered` by heads on their frozen features, on some of the pictures."""
    if len(offered) == 1:
        return offered[0]
    offered = [start for start in offered if start.backbone.side <= _LARGEST_TRAINED]
    some = dataset.on("train")[:: -(-len(dataset.on("train")) // _SOME) or 1]
    labels = np.array([p.label for p in some], np.int64)
    task = selection.Task(labels, len(dataset.labels), lambda most: folds_of(some, most, options.seed), seed=options.seed)
    folds = task.folds(5)
    if len(offered) == 1 or folds is None or len(set(labels)) < len(dataset.labels):
        return offered[-1]
    inputs: dict[int, Pixels] = {}
    with tempfile.TemporaryDirectory() as work:
        tried = [selection.frozen(_candidate(start, dataset, some, inputs, Path(work)), task, folds) for start in offered]
    chosen = selection.smallest_of_the_best(tried, labels)
    return next(start for start in offered if start.backbone.name == chosen.candidate.name)
