"""A Dataset to a Search: several backbones tried in short, each by a head on its frozen features, to see what size buys."""

import contextlib
import gc
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pagesight import backbones, manifest, progress, records
from pagesight.artifacts import Dataset, Picture, Search, TrainedModel
from pagesight.contract import Input
from pagesight.errors import TrainError
from pagesight.graph.network_costs import cost_of
from pagesight.graph.tensorflow import keras
from pagesight.options import Searching
from pagesight.pictures.model_inputs import model_inputs_of
from pagesight.records.search import SearchFacts, Tried
from pagesight.records.training import TrainingFacts, Weights
from pagesight.training import loop, network
from pagesight.training.head import fit_head
from pagesight.training.predictor import Predictor


def search(dataset: Dataset, options: Searching, into: Path) -> Search:
    """Try every backbone in `options` on some pictures; those with the least and the most work are kept, to be measured.

    Writes search.json: for each its parameters, multiply-adds and validation accuracy, or why it could not be tried.
    Raises TrainError when none could be; nothing is written then.
    """
    key = {
        "options": asdict(options),
        "weights": _identities(options),
        "dataset": manifest.sha256_file(dataset.path / "dataset.json"),
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tf-keras", "scikit-learn"),
    }
    if manifest.is_fresh(into, "search", key) and not _can_be_tried_now(Search(into), options):
        progress.stage("search", fresh=True)
        return Search(into)
    progress.stage("search")
    with (
        manifest.atomic_output_dir(into, "search", key) as temporary,
        progress.task("trying backbones", len(options.backbones)) as advance,
    ):
        tried = []
        for name in options.backbones:
            tried.append(_tried(dataset, backbones.named(name), options, temporary))
            advance(1, name)
        able = [t for t in tried if t.accuracy is not None]
        if not able:
            raise TrainError(f"none of {len(tried)} backbones could be tried: {tried[0].why_not}", fix="give other --weights")
        able.sort(key=lambda t: t.multiply_adds or 0)
        kept = [able[0], able[-1]] if len(able) > 1 else able
        for number, one in enumerate(kept):
            _keep(one, dataset, temporary / Search.KEPT.format(number), temporary)
        for one in able[1:-1]:
            (temporary / f"{one.backbone}.weights.h5").unlink()
        records.write(temporary / "search.json", SearchFacts(tuple(one.backbone for one in kept), tuple(tried)))
    return Search(into)


def _identities(options: Searching) -> list[dict[str, str]]:
    """What names the weights of each backbone; a file that all begin with is read once."""
    found: dict[network.Weights, dict[str, str]] = {}
    for backbone in map(backbones.named, options.backbones):
        with contextlib.suppress(TrainError):  # it is said where that backbone is tried
            weights = network.parse_weights(options.weights, backbone)
            if weights not in found:
                found[weights] = network.identity(weights, backbone)
    return list(found.values())


def _can_be_tried_now(before: Search, options: Searching) -> bool:
    """Whether the first backbone that could not be tried can be: its weights could not be downloaded then."""
    missing = next((one for one in before.facts.tried if one.why_not is not None), None)
    if missing is None:
        return False
    backbone = backbones.named(missing.backbone)
    try:
        network.build(backbone, 2, network.parse_weights(options.weights, backbone))
    except TrainError:
        return False
    return True


def _keep(one: Tried, dataset: Dataset, into: Path, weights: Path) -> None:
    """Make what was tried a TrainedModel in the folder `into`, only to be measured."""
    into.mkdir()
    (weights / f"{one.backbone}.weights.h5").rename(into / TrainedModel.WEIGHTS_FILE)
    records.write(into / "training.json", TrainingFacts(one.backbone, one.weights or Weights("random"), dataset.labels))


def _tried(dataset: Dataset, backbone: backbones.Backbone, options: Searching, into: Path) -> Tried:
    try:
        keras().utils.set_random_seed(options.seed)
        model, used = network.build(backbone, len(dataset.labels), network.parse_weights(options.weights, backbone))
    except TrainError as cause:
        return Tried(backbone.name, backbone.human, why_not=cause.what)
    some = {side: _some(dataset.on(side), options.pictures) for side in ("train", "validation")}
    if not some["validation"]:
        some["validation"] = some["train"]
    splits: loop.Splits = {}
    for side, pictures in some.items():
        inputs = model_inputs_of(dataset, pictures, Input(backbone.side), into / "squares.npy")
        splits[side] = np.array(inputs), np.array([p.label for p in pictures], np.int64)
    (into / "squares.npy").unlink()
    predictor = Predictor.of(model)
    fit_head(model, predictor.embeddings(splits["train"][0]), splits["train"][1], options.seed)
    accuracy = predictor.evaluate(*splits["validation"])[1]
    network.save_weights(model, into / f"{backbone.name}.weights.h5")
    cost = cost_of(model)
    del model, predictor
    keras().backend.clear_session()
    gc.collect()
    return Tried(
        backbone.name,
        backbone.human,
        weights=Weights(used.kind, used.source if used.kind == "hub" else ""),
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        accuracy=accuracy,
        pictures=len(some["validation"]),
    )


def _some(pictures: Sequence[Picture], most: int) -> list[Picture]:
    """At most so many, evenly from all classes: pictures are sorted by path, and so by class."""
    return list(pictures[:: -(-len(pictures) // most) or 1])
