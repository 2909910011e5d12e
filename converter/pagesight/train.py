"""A Dataset to a TrainedModel: the head first, then the layers below it, judged once on the test side."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import backbones, calibration, manifest, progress
from pagesight.artifacts import NO_CLASS, SIDES, Dataset, Side, TrainedModel
from pagesight.contract import Input
from pagesight.errors import TrainError
from pagesight.graph.tensorflow import keras
from pagesight.metrics import wilson
from pagesight.options import Training
from pagesight.pictures.model_inputs import squares_of
from pagesight.pixels import Pixels
from pagesight.synthetic import out_of_distribution
from pagesight.training import loop, network
from pagesight.training.checkpoint import Checkpoint
from pagesight.training.cross_validation import cross_validated, has_few
from pagesight.training.distribution import Distribution, distributed

_STRANGERS = 2000
"""Pictures of other things that training looks at, of each side."""


def train(dataset: Dataset, how: Training, into: Path) -> TrainedModel:
    """Fine-tune a backbone on the train side, choose by the validation side, measure on the test side.

    Writes the weights and training.json. The same dataset, options, versions and machine give the same bytes.
    Raises TrainError when weights cannot be had, or the test accuracy is below `how.min_accuracy`, and OutputError where another
    process trains into the same folder; nothing is written then.
    """
    backbone = backbones.named(how.backbone)
    weights = network.parse_weights(how.weights, backbone)
    key = {
        "options": asdict(replace(how, tensorboard=None)) | {"weights": network.identity(weights, backbone)},
        "dataset": manifest.sha256_file(dataset.path / "dataset.json"),
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tf-keras", "pillow", "scikit-learn"),
    }
    if manifest.is_fresh(into, "train", key):
        progress.stage("train", fresh=True)
        return TrainedModel(into)
    progress.stage("train")
    with manifest.alone(into), distributed(how.strategy) as distribution, tempfile.TemporaryDirectory() as scratch:
        distribution.agree(manifest.sha256_json(_what_is_learnt(key)))
        own = into if distribution.rank == 0 else Path(scratch) / into.name  # the chief alone writes what stays
        _train(dataset, how, (own, key), distribution)
    return TrainedModel(into)


def _train(dataset: Dataset, how: Training, output: tuple[Path, dict[str, Any]], distribution: Distribution) -> None:
    """What one worker does for the folder and the key in `output`."""
    into, key = output
    backbone = backbones.named(how.backbone)
    checkpoint = Checkpoint(into, _what_is_learnt(key))
    with manifest.whole_folder(into, "train", key) as temporary:
        with progress.task("starting TensorFlow"), distribution.scope():
            keras().utils.set_random_seed(how.seed)
            model, used = network.build(backbone, len(dataset.labels), network.parse_weights(how.weights, backbone))
        sides = _sides(dataset, Input(backbone.side), checkpoint.make_folder(), how.seed)
        checkpoint.content = distribution.from_chief(checkpoint.content)
        answers = loop.Answers.of(model, distribution)
        with progress.task("looking at the pictures with the frozen backbone"):
            features = answers.embeddings(sides["train"][0])
        first = model.get_weights()
        loop.fit_head(model, features, sides["train"][1], how.seed)
        head_accuracy, a_class = answers.judged(*sides["validation"])[1], len(features) / len(dataset.labels)
        history = loop.fine_tune(model, answers, sides, loop.suited(how, used.kind, head_accuracy, a_class), checkpoint)
        decision = _decided(model, answers, sides, dataset, how)
        facts = _facts(answers, sides["test"], dataset, how, used) | {"decision": decision, "history": history}
        if facts["accuracy"]["float"] < how.min_accuracy:
            raise TrainError(
                f"the accuracy on {facts['accuracy']['n']} pictures kept for testing is {facts['accuracy']['float']:.1%}, "
                f"below {how.min_accuracy:.1%}",
                fix="add pictures, train longer (--epochs), take a larger --backbone, or lower --min-accuracy",
            )
        with _as_it_began(model, first):
            facts["accuracy"] |= cross_validated(answers, features, sides, dataset, how.seed)
        model.save_weights(temporary / TrainedModel.WEIGHTS_FILE)
        manifest.write_json(temporary / "training.json", facts)
    checkpoint.remove()


@contextlib.contextmanager
def _as_it_began(model: Any, first: list[Any]) -> Iterator[None]:
    """While the block runs, `model` has the weights `first` again."""
    learnt = model.get_weights()
    model.set_weights(first)
    yield
    model.set_weights(learnt)


def _what_is_learnt(key: dict[str, Any]) -> dict[str, Any]:
    """The key without its bar: a run that fell short of one is not trained again for a lower one."""
    return key | {"options": {k: v for k, v in key["options"].items() if k != "min_accuracy"}}


def _sides(dataset: Dataset, how: Input, work: Path, seed: int) -> loop.Sides:
    """Squares and labels of each side, mapped from disk; and pictures of other things, to learn and to decide by.

    Only what is learnt from may be decoded coarsely where it is large: what is chosen and measured by is what the page will see.
    Where pictures are few, all are measured by.
    """
    sides: loop.Sides = {}
    few = has_few(np.array([p.label for side in SIDES for p in dataset.on(side)]))
    for side in SIDES:
        pictures = dataset.on(side)
        squares = squares_of(dataset, pictures, how, work / f"{side}.npy", exact=few or side != "train")
        sides[side] = squares, np.array([p.label for p in pictures], np.int64)
    real = _strangers(dataset, "train", how, work)
    learnt = np.concatenate([out_of_distribution.drawn(how, seed), real])
    decides = _strangers(dataset, "validation", how, work)
    return sides | {name: (s, np.full(len(s), NO_CLASS)) for name, s in (("others", learnt), ("decides", decides))}


def _strangers(dataset: Dataset, side: Side, how: Input, work: Path) -> Pixels:
    """Squares of the pictures of other things on one side, evenly chosen where there are many."""
    pictures = dataset.unknown_on(side)
    chosen = pictures[:: -(-len(pictures) // _STRANGERS) or 1]
    return squares_of(dataset, chosen, how, work / f"unknown-{side}.npy", exact=side != "train")


def _decided(model: Any, answers: loop.Answers, sides: loop.Sides, dataset: Dataset, how: Training) -> dict[str, Any]:
    """Temperature and threshold, set on the validation side; the head is changed so that the model answers as scaled.

    Where there are no pictures of other things to decide by, drawn ones take their place.
    """
    squares, labels = sides["validation"]
    others = sides["decides"][0]
    if not len(others):
        others = out_of_distribution.drawn(Input(squares.shape[1]), how.seed + 1)
    known = answers.probabilities(squares) if len(labels) else np.zeros((0, len(dataset.labels)), np.float32)
    decision = calibration.decide(known, labels, answers.probabilities(others), how.false_accepts)
    head = model.get_layer("head")
    head.set_weights([weights / np.float32(decision.temperature) for weights in head.get_weights()])
    given = bool(dataset.unknown_on("validation"))
    return asdict(decision) | {"false_accepts": how.false_accepts, "others": len(others), "others_given": given}


def _facts(answers: loop.Answers, test: tuple[Any, Any], dataset: Dataset, how: Training, used: network.Weights) -> dict[str, Any]:
    squares, labels = test
    right = int((answers.probabilities(squares).argmax(1) == labels).sum())
    return {
        "backbone": how.backbone,
        "weights": {"kind": used.kind, "source": used.source if used.kind == "hub" else ""},
        "labels": list(dataset.labels),
        "dataset": {
            "pictures": len(dataset.pictures),
            "classes": len(dataset.labels),
            "skipped": dataset.facts["skipped"],
            "split": dataset.facts["split"],
            "groups": dataset.facts["groups"],
            "sha256": manifest.sha256_file(dataset.path / "dataset.json"),
        },
        "accuracy": {"n": len(labels), "float": right / len(labels), "interval95": wilson(right, len(labels))},
    }
