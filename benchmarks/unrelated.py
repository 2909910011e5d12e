"""What a page says of hands it never saw, and of photographs of anything else: who is let in, who is turned away.

    python -m benchmarks.unrelated PAGE HANDS OTHERS [--group-by REGEX] [--crops 40]

PAGE    a page of number hands, such as dist/hand-digits: its model is asked as the page runs it, with its threshold
HANDS   a folder of class folders; every fifth group in the order of their names, which no starter has seen, is asked
OTHERS  a folder of photographs without hands; square crops of 30 to 100 % of the shorter side are cut from each, for a seed
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import learning
from benchmarks.few import EVERY
from PIL import Image

from pagesight import metrics, pixels
from pagesight.artifacts import Bundle
from pagesight.contract import Input
from pagesight.graph.model import GraphModel, Runner
from pagesight.options import Scanning, Training
from pagesight.scan import scan


def crops(photographs: Path, each: int, options: Input) -> tuple[pixels.Pixels, int]:
    """Squares uint8 `[n, side, side, channels]` cut from every photograph, and how many photographs there were."""
    files = sorted(p for p in photographs.iterdir() if p.is_file())
    cut = []
    for number, path in enumerate(files):
        whole = pixels.decode(path.read_bytes())
        chance = np.random.default_rng(number)
        for _ in range(each):
            size = int(min(whole.size) * chance.uniform(0.3, 1))
            left, top = (int(chance.integers(0, room - size + 1)) for room in whole.size)
            part = whole.crop((left, top, left + size, top + size))
            cut.append(pixels.model_input(part.resize((160, 160), Image.Resampling.LANCZOS), options))
    return np.stack(cut), len(files)


def hands(folder: Path, group_by: str, options: Input) -> tuple[pixels.Pixels, np.ndarray]:
    """Squares and labels of the kept groups."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = scan(folder, Scanning(group_by=group_by), Path(scratch) / "scan")
        kept = set(sorted({p.group for p in whole.pictures})[::EVERY])
        mine = [p for p in whole.pictures if p.group in kept]
        inputs = np.stack([pixels.read_model_input(whole.read_bytes(p), options) for p in mine])
    return inputs, np.array([p.label for p in mine])


def main() -> None:
    """Print what was found as JSON, keep it, and write the tables of docs/benchmarks/training.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("hands", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--group-by", default=r"signer\d+")
    parser.add_argument("--crops", type=int, default=40)
    given = parser.parse_args()
    contract = Bundle.open(given.page).contract
    runner = Runner(GraphModel.read(given.page / contract.model_path), [contract.outputs.probabilities])
    inputs, labels = hands(given.hands, given.group_by, contract.input)
    strange, photographs = crops(given.others, given.crops, contract.input)
    known, unknown = (np.concatenate([runner(s[i : i + 256])[0] for i in range(0, len(s), 256)]) for s in (inputs, strange))
    threshold = contract.decision.threshold
    result: dict[str, Any] = {
        "page": contract.name,
        "hands": len(labels),
        "accuracy": float((known.argmax(1) == labels).mean()),
        "ece": metrics.reliability(known, labels).ece,
        "threshold": threshold,
        "accepted": float((known.max(1) >= threshold).mean()),
        "photographs": photographs,
        "crops": len(unknown),
        **metrics.ood_metrics(known, unknown, threshold, Training.false_accepts),
    }
    learning.keep("unrelated", result)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
