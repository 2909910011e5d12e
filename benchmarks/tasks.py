"""Few pictures of real tasks: accuracy on pictures that nobody trained on, and whether what a build says of itself holds.

    python -m benchmarks.tasks DRAW --tasks trash,digits --counts 5,20 --seeds 0,1,2 --out few-pictures.json

DRAW is a script that draws pictures of a task, `python DRAW TASK COUNT SEED OUT`, with the test pictures beside it: those in
data/tasks/TASK/test, or for `digits` the subjects in data/hand-digits whose number is a multiple of five.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import pagesight
from pagesight import calibration, metrics, pixels, progress
from pagesight.graph.model import GraphModel, Runner


def test_pictures(draw: Path, task: str) -> list[Path]:
    """The files that no training may see; the folder of each is its class."""
    data = draw.parent / "data"
    if task != "digits":
        return sorted((data / "tasks" / task / "test").glob("*/*"))
    files = sorted((data / "hand-digits").glob("*/*"))
    return [f for f in files if int(re.findall(r"signer(\d+)", f.name)[0]) % 5 == 0]


def measure(page: pagesight.VerifiedBundle, pictures: list[Path]) -> dict[str, Any]:
    """What the page's model, as stored, says of `pictures`, against what its report says."""
    contract, report = page.contract, page.report
    inputs = np.stack([pixels.read_model_input(f.read_bytes(), contract.input) for f in pictures])
    labels = np.array([contract.labels.index(f.parent.name) for f in pictures])
    with Runner(GraphModel.read(page.path / contract.model_path), [contract.outputs.probabilities]) as runner:
        after = np.concatenate([runner(inputs[start : start + 64])[0] for start in range(0, len(inputs), 64)])
    before = calibration.scaled(after, 1 / contract.decision.temperature)
    right = after.argmax(1) == labels
    low, high = report.accuracy.interval95 or (0.0, 1.0)
    return {
        "accuracy": float(right.mean()),
        "reported": report.accuracy.float_,
        "within": bool(low <= right.mean() <= high),
        "ece_before": float(metrics.reliability(before, labels).ece),
        "ece_after": float(metrics.reliability(after, labels).ece),
        "refused": float((after.max(1)[right] < contract.decision.threshold).mean()),
        "backbone": report.backbone,
        "kind": report.choice.kind if report.choice else None,
        "bytes": report.bytes.total_gzip,
        "seconds": sum(s or 0 for s in (report.seconds or {}).values()),
    }


def run(draw: Path, task: str, count: int, seed: int, prefer: str) -> dict[str, Any]:
    """One build of `count` pictures a class, and what it is worth."""
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        subprocess.run([sys.executable, str(draw), task, str(count), str(seed), str(photos)], check=True)
        group = {"group_by": r"signer\d+"} if task == "digits" and count >= 100 else {}
        start = time.perf_counter()
        page = pagesight.build(photos, into=Path(scratch) / "page", min_pictures=3, prefer=prefer, min_accuracy=0.0, **group)
        wall = round(time.perf_counter() - start, 1)
        return {"task": task, "count": count, "seed": seed, "wall": wall} | measure(page, test_pictures(draw, task))


def means(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each count: means over tasks of means over seeds."""
    lines = []
    for count in sorted({r["count"] for r in rows}):
        some = [r for r in rows if r["count"] == count]
        by_task = {t: [r for r in some if r["task"] == t] for t in sorted({r["task"] for r in some})}

        def mean(name: str, by_task: dict[str, Any] = by_task) -> float:
            return float(np.mean([np.mean([r[name] for r in own]) for own in by_task.values()]))

        shares = ", ".join(f"{task} {np.mean([r['accuracy'] for r in own]):.1%}" for task, own in by_task.items())
        worse = sum(r["ece_after"] > r["ece_before"] + 1e-6 for r in some)  # probabilities are stored as float32
        lines.append(
            f"{count:4} a class: accuracy {mean('accuracy'):.1%} ({shares}), "
            f"ECE {mean('ece_before'):.3f} -> {mean('ece_after'):.3f} (worse in {worse} of {len(some)}), "
            f"right answers refused {mean('refused'):.1%} (most {max(r['refused'] for r in some):.1%}), "
            f"truth within the interval {mean('within'):.0%}, {mean('wall'):.0f} s"
        )
    return lines


def main() -> None:
    """Run what was asked for; results are added to the file as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("draw", type=Path)
    parser.add_argument("--tasks", default="trash,cats-dogs,cifar,digits")
    parser.add_argument("--counts", default="5,20")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--prefer", default="balanced")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for count in map(int, given.counts.split(",")):
        for task in given.tasks.split(","):
            for seed in map(int, given.seeds.split(",")):
                with progress.shown_by(progress.Reporter()):
                    rows.append(run(given.draw.resolve(), task, count, seed, given.prefer))
                print(json.dumps(rows[-1]), flush=True)
                if given.out:
                    given.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print("\n".join(means(rows)))


if __name__ == "__main__":
    main()
