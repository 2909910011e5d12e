"""How well training does with few pictures a class: the accuracy on people who are in no training, over several seeds.

    python -m benchmarks.few PHOTOS [--counts 5,20] [--seeds 5] [--weights starter,FILE] [--backbone NAME] [--group-by REGEX]

Every fifth group, in the order of their names, is the test side, whatever the seed: the same that the shipped starter has never
seen. From the others each seed draws so many pictures of each class; they are the whole train side, and there is none to validate
by. Weights that end in .h5 are ImageNet's; those called starter have seen photographs of the same kind, though of other people,
and say nothing of how a class new to them is learned.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import learning

from pagesight import records
from pagesight.artifacts import SIDES, Dataset
from pagesight.graph.tensorflow import keras
from pagesight.options import Scanning, Training
from pagesight.scan import scan
from pagesight.train import train

EVERY = 5
"""Of so many groups one is kept for testing: the same groups as in models/train_starter.py."""


def drawn(whole: Dataset, each: int, seed: int, into: Path) -> Dataset:
    """`each` pictures a class of `whole` to train on, and all those of the kept groups to test on."""
    kept = set(sorted({p.group for p in whole.pictures})[::EVERY])
    by_label = defaultdict(list)
    for picture in whole.pictures:
        if picture.group not in kept:
            by_label[picture.label].append(picture)
    chance = np.random.default_rng(seed)
    chosen = {one[i].path for one in by_label.values() for i in chance.permutation(len(one))[:each]}
    pictures = [
        replace(p, side="test" if p.group in kept else "train") for p in whole.pictures if p.group in kept or p.path in chosen
    ]
    counts = {
        side: tuple(sum(p.side == side and p.label == i for p in pictures) for i in range(len(whole.labels))) for side in SIDES
    }
    into.mkdir()
    groups = len({p.group for p in pictures})
    records.write(into / "dataset.json", replace(whole.facts, counts=counts, groups=groups, pictures=tuple(pictures)))
    return Dataset(into, whole.roots)


def run(whole: Dataset, each: int, options: Training, scratch: Path) -> dict[str, Any]:
    """One training: how long it took, how well it reads the kept groups."""
    dataset = drawn(whole, each, options.seed, scratch / f"drawn-{each}-{options.seed}")
    began = time.perf_counter()
    trained = train(dataset, options, scratch / "trained")
    keras().backend.clear_session()
    return {
        "backbone": options.backbone,
        "weights": Path(options.weights).name,
        "a_class": each,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - began, 1),
        "accuracy": trained.facts.accuracy.float_,
        "n": trained.facts.accuracy.n,
    }


def main() -> None:
    """Print one line of JSON per run, then the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--counts", default="5,20")
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--backbone", default=Training.backbone)
    parser.add_argument("--group-by", default=r"signer\d+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed: each run is kept, so that many can be done in pieces")
    given = parser.parse_args()
    for weights in given.weights.split(","):
        for each in map(int, given.counts.split(",")):
            result = []
            with tempfile.TemporaryDirectory() as scratch:
                whole = scan(given.photos, Scanning(group_by=given.group_by), Path(scratch) / "scan")
                for seed in range(given.first, given.first + given.seeds):
                    options = Training(backbone=given.backbone, weights=weights, seed=seed)
                    result.append(run(whole, each, options, Path(scratch)))
                    learning.keep("few", result[-1])
                    sys.stdout.write(json.dumps(result[-1]) + "\n")
                    sys.stdout.flush()
            right = [one["accuracy"] for one in result]
            sys.stdout.write(
                f"{Path(weights).name}, {each} a class: mean {statistics.mean(right):.1%}, {min(right):.1%} to {max(right):.1%}, "
                f"n = {result[0]['n']} pictures, {len(result)} seeds, "
                f"{statistics.mean(one['seconds'] for one in result):.0f} s each\n"
            )


if __name__ == "__main__":
    main()
