"""A trained model to TF.js files: `pagesight convert` against the stock converter, whole processes taking turns, imports included.

python -m benchmarks.conversion [INTO] [--n 5]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pagesight.artifacts import SavedModel

from .browser import CACHE, ROOT, models, stock


def ours(saved: Path, into: Path, *more: str) -> None:
    """`pagesight convert`, as people run it."""
    subprocess.run(
        [sys.executable, "-m", "pagesight", "convert", saved, "-o", into, "--quiet", *more], check=True, capture_output=True
    )


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "pagesight convert (a byte a weight, rounded with care)": ours,
    "pagesight convert --quantize naive-uint8": lambda saved, into: ours(saved, into, "--quantize", "naive-uint8"),
    "tensorflowjs_converter --quantize_uint8=*": lambda saved, into: stock.convert(saved / "saved_model", into),
}


def seconds(saved: SavedModel, n: int) -> dict[str, list[float]]:
    """Wall seconds of each way, `n` times; the first round warms the disk's cache and is thrown away."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(n + 1):
            for number, (name, way) in enumerate(WAYS.items()):
                started = time.perf_counter()
                way(saved.path, Path(scratch) / f"{turn}-{number}")
                if turn:
                    found[name].append(round(time.perf_counter() - started, 2))
    return found


def main() -> None:
    """Print a table, and write conversion.json below INTO."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("into", type=Path, nargs="?", default=ROOT / "docs" / "benchmarks")
    parser.add_argument("--n", type=int, default=5)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for backbone in ("mobilenet_v1_025_128", "mobilenet_v1_100_224"):
        made = models.untrained(backbone, models.DIGITS, CACHE / "curves" / backbone)
        times = seconds(SavedModel.open(made / "export"), given.n)
        medians = {name: statistics.median(values) for name, values in times.items()}
        stock_median = medians["tensorflowjs_converter --quantize_uint8=*"]
        found[backbone] = {
            name: {"median": m, "ratio": round(m / stock_median, 3), "all": times[name]} for name, m in medians.items()
        }
        for name, row in found[backbone].items():
            print(f"{backbone:22} {name:56} {row['median']:6.2f} s  {row['ratio']:.3f}", flush=True)
    given.into.mkdir(parents=True, exist_ok=True)
    (given.into / "conversion.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
