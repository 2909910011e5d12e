"""A Dataset to a TrainedModel: the head first, then the layers below it, judged once on the test side."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from pagesight import calibration, locks, manifest, progress, records
from pagesight.artifacts import NO_CLASS, SIDES, Dataset, Side, TrainedModel
from pagesight.contract import Input
from pagesight.errors import TrainError
from pagesight.graph.tensorflow import keras
from pagesight.json_values import JsonObject
from pagesight.metrics import better_than_guessing, wilson
from pagesight.options import Training
from pagesight.pictures.model_inputs import model_inputs_of
from pagesight.pixels import Pixels
from pagesight.records.training import DecisionFacts, Epoch, TestAccuracy, TrainingFacts, Weights
from pagesight.synthetic import out_of_distribution
from pagesight.training import loop, network
from pagesight.training.candidates import Start, starts
from pagesight.training.checkpoint import Checkpoint
from pagesight.training.cross_validation import cross_validated, has_few
from pagesight.training.distribution import Distribution, distributed, writes_output
from pagesight.training.every_picture import best_of_some, learn, learns_from_every
from pagesight.training.head import fit_head
from pagesight.training.predictor import Predictor
from pagesight.training.schedule import choose_schedule

_ENOUGH = 20
"""Pictures from which an accuracy that may be that of guessing is an error: fewer cannot tell."""
_CHANCE = 0.05
_MAX_OOD = 2000
"""Pictures of other things that training looks at, of each side."""


class _Key(TypedDict):
    """What a training is made from: as long as it is the same, so are the weights."""

    options: JsonObject
    dataset: str
    versions: dict[str, str]


def train(dataset: Dataset, options: Training, into: Path) -> TrainedModel:
    """Learn from every picture where they are few; else fine-tune on the train side, and measure on the test side.

    Writes the weights and training.json, and out_of_fold.npz where no picture was kept aside: then all are learned from, and what
    that is worth is cross-validated. The same dataset, options, versions and machine give the same bytes.
    Raises TrainError when weights cannot be had, or the accuracy is below `options.min_accuracy`, or not better than guessing where
    that is None, and OutputError where another process trains into the same folder; nothing is written then.
    """
    offered = starts(options)
    key: _Key = {
        "options": asdict(replace(options, tensorboard=None))
        | {"weights": [network.identity(s.weights, s.backbone) | {"backbone": s.backbone.name} for s in offered]},
        "dataset": manifest.sha256_file(dataset.path / "dataset.json"),
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tf-keras", "pillow", "scikit-learn"),
    }
    if manifest.is_fresh(into, "train", key):
        progress.stage("train", fresh=True)
        return TrainedModel(into)
    progress.stage("train")
    lock = locks.exclusive_lock(into) if writes_output(options.strategy) else contextlib.nullcontext()
    with lock, distributed(options.strategy) as distribution, tempfile.TemporaryDirectory() as scratch:
        distribution.agree(manifest.sha256_json(_what_is_learned(key)))
        own = into if distribution.rank == 0 else Path(scratch) / into.name  # the chief alone writes what stays
        if learns_from_every(dataset, options, offered[0]):
            _learn(dataset, options, offered, _Output(own, key))
        else:
            _train(dataset, options, offered, _Output(own, key), distribution)
    return TrainedModel(into)


@dataclass(frozen=True)
class _Output:
    """Where a training goes, and what it is made from."""

    into: Path
    key: _Key


def _learn(dataset: Dataset, options: Training, offered: list[Start], output: _Output) -> None:
    """Train on every picture."""
    with manifest.atomic_output_dir(output.into, "train", output.key) as temporary, tempfile.TemporaryDirectory() as work:
        facts = learn(dataset, options, offered, Path(work), temporary)
        assert facts.accuracy is not None
        assert facts.choice is not None
        _check_accuracy(facts.accuracy, options)
        records.write(temporary / "training.json", facts)
    progress.note(facts.choice.why)


def _check_accuracy(accuracy: TestAccuracy, options: Training) -> None:
    """Raise TrainError where the accuracy is below the bar, or below what guessing gives."""
    measured = f"the accuracy on {accuracy.n} pictures {'by cross-validation' if accuracy.folds else 'kept for testing'} is"
    if options.min_accuracy is not None and accuracy.float_ < options.min_accuracy:
        raise TrainError(
            f"{measured} {accuracy.float_:.1%}, below {options.min_accuracy:.1%}",
            fix="add pictures, train longer (--epochs), take a larger --backbone, or lower --min-accuracy",
        )
    if options.min_accuracy is None and accuracy.n >= _ENOUGH and accuracy.p_value > _CHANCE:
        raise TrainError(
            f"{measured} {accuracy.float_:.1%}, no better than always predicting the largest class (p = {accuracy.p_value:.2g})",
            fix="check that the pictures are in the right folders and show what distinguishes the classes; "
            "--min-accuracy 0 builds the page anyway",
        )


def _train(dataset: Dataset, options: Training, offered: list[Start], output: _Output, distribution: Distribution) -> None:
    """What one worker does for the folder and the key in `output`."""
    start = best_of_some(dataset, options, offered)
    backbone = start.backbone
    checkpoint = Checkpoint(output.into, _what_is_learned(output.key))
    with manifest.atomic_output_dir(output.into, "train", output.key) as temporary:
        with progress.task("starting TensorFlow"), distribution.scope():
            keras().utils.set_random_seed(options.seed)
            model, used = network.build(backbone, len(dataset.labels), start.weights)
        splits = _splits(dataset, Input(backbone.side), checkpoint.make_folder(), options.seed)
        checkpoint.content = distribution.from_chief(checkpoint.content)
        predictor = Predictor.of(model, distribution)
        with progress.task("looking at the pictures with the frozen backbone"):
            features = predictor.embeddings(splits["train"][0])
        first = model.get_weights()
        fit_head(model, features, splits["train"][1], options.seed)
        head_accuracy, images_per_class = predictor.evaluate(*splits["validation"])[1], len(features) / len(dataset.labels)
        schedule = choose_schedule(options, used.kind, head_accuracy, images_per_class)
        run = loop.Run(options.seed, options.tensorboard, checkpoint)
        history = loop.fine_tune(model, predictor, splits, schedule, run)
        decision = _decided(model, predictor, splits, dataset, options)
        accuracy = _accuracy(predictor, splits["test"])
        _check_accuracy(accuracy, options)
        with _as_it_began(model, first):
            crossed, by_split = cross_validated(predictor, features, splits, dataset, options.seed)
        facts = TrainingFacts(
            backbone=backbone.name,
            weights=Weights(used.kind, used.source if used.kind == "hub" else ""),
            labels=dataset.labels,
            decision=decision,
            dataset=dataset.summary,
            accuracy=replace(accuracy, cross_validated=crossed, by_split=by_split),
            history=tuple(Epoch(**epoch) for epoch in history),
        )
        network.save_weights(model, temporary / TrainedModel.WEIGHTS_FILE)
        records.write(temporary / "training.json", facts)
    checkpoint.remove()


@contextlib.contextmanager
def _as_it_began(model: Any, first: list[Any]) -> Iterator[None]:
    """While the block runs, `model` has the weights `first` again."""
    learned = model.get_weights()
    model.set_weights(first)
    try:
        yield
    finally:
        model.set_weights(learned)


def _what_is_learned(key: _Key) -> _Key:
    """The key without its bar: a run that fell short of one is not trained again for a lower one."""
    return {**key, "options": {k: v for k, v in key["options"].items() if k != "min_accuracy"}}


def _splits(dataset: Dataset, options: Input, work: Path, seed: int) -> loop.Splits:
    """Squares and labels of each side, mapped from disk; and pictures of other things, to learn and to decide by.

    Only what is learned from may be decoded coarsely where it is large: what is chosen and measured by is what the page will see.
    Where pictures are few, all are measured by.
    """
    splits: loop.Splits = {}
    few = has_few(np.array([p.label for side in SIDES for p in dataset.on(side)]))
    for side in SIDES:
        pictures = dataset.on(side)
        inputs = model_inputs_of(dataset, pictures, options, work / f"{side}.npy", exact=few or side != "train")
        splits[side] = inputs, np.array([p.label for p in pictures], np.int64)
    real = _out_of_distribution(dataset, "train", options, work)
    learned = np.concatenate([out_of_distribution.drawn(options, seed), real])
    decides = _out_of_distribution(dataset, "validation", options, work)
    return splits | {name: (s, np.full(len(s), NO_CLASS)) for name, s in (("ood", learned), ("decides", decides))}


def _out_of_distribution(dataset: Dataset, side: Side, options: Input, work: Path) -> Pixels:
    """Squares of the pictures of other things on one side, evenly chosen where there are many."""
    pictures = dataset.unknown_on(side)
    chosen = pictures[:: -(-len(pictures) // _MAX_OOD) or 1]
    return model_inputs_of(dataset, chosen, options, work / f"unknown-{side}.npy", exact=side != "train")


def _decided(model: Any, predictor: Predictor, splits: loop.Splits, dataset: Dataset, options: Training) -> DecisionFacts:
    """Temperature and threshold, set on the validation side; the head is changed so that the model predictor as scaled.

    Where there are no pictures of other things to decide by, drawn ones take their place.
    """
    inputs, labels = splits["validation"]
    ood = splits["decides"][0]
    if not len(ood):
        ood = out_of_distribution.drawn(Input(inputs.shape[1]), options.seed + 1)
    known = predictor.probabilities(inputs) if len(labels) else np.zeros((0, len(dataset.labels)), np.float32)
    decision = calibration.decide(known, labels, predictor.probabilities(ood), options.false_accepts)
    head = model.get_layer("head")
    head.set_weights([weights / np.float32(decision.temperature) for weights in head.get_weights()])
    given = bool(dataset.unknown_on("validation"))
    false_accepts = calibration.FALSE_ACCEPTS if options.false_accepts is None else options.false_accepts
    return DecisionFacts(decision.temperature, decision.threshold, false_accepts, len(ood), given)


def _accuracy(predictor: Predictor, test: tuple[Any, Any]) -> TestAccuracy:
    inputs, labels = test
    right, n = int((predictor.probabilities(inputs).argmax(1) == labels).sum()), len(labels)
    return TestAccuracy(n, right / n, wilson(right, n), p_value=better_than_guessing(right, labels))
