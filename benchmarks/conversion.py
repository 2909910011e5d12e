"""A trained model to TF.js files: `pagesight convert` against the stock converter, whole processes taking turns, imports included.

python -m benchmarks.conversion [INTO] [--n 5]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pagesight.artifacts import SavedModel

from .browser import CACHE, ROOT, models, stock, tables


def ours(saved: Path, into: Path, *more: str) -> None:
    """`pagesight convert`, as people run it."""
    subprocess.run(
        [sys.executable, "-m", "pagesight", "convert", saved, "-o", into, "--quiet", *more], check=True, capture_output=True
    )


_STOCK = "tensorflowjs_converter --quantize_uint8=*"
WAYS: dict[str, Callable[[Path, Path], None]] = {
    "pagesight convert (a byte a weight, rounded with care)": ours,
    "pagesight convert --quantize naive-uint8": lambda saved, into: ours(saved, into, "--quantize", "naive-uint8"),
    _STOCK: lambda saved, into: stock.convert(saved / "saved_model", into),
}


def seconds(saved: SavedModel, n: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of each way, `n` times; the first round warms the disk's cache and is thrown away."""
    result: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(n + 1):
            for number, (name, way) in enumerate(WAYS.items()):
                started, used = time.perf_counter(), _processor_seconds()
                way(saved.path, Path(scratch) / f"{turn}-{number}")
                if turn:
                    result[name].append((round(time.perf_counter() - started, 2), round(_processor_seconds() - used, 2)))
    return result


def _processor_seconds() -> float:
    """Of all processes that were started and have ended: what a busy machine does not stretch."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print a table, and write conversion.json below INTO."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("into", type=Path, nargs="?", default=ROOT / "docs" / "benchmarks")
    parser.add_argument("--n", type=int, default=5)
    given = parser.parse_args()
    # All of it compiled once, in the round that is thrown away: as it is where packages were installed.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(CACHE / "bytecode")
    result: dict[str, Any] = {}
    for backbone in ("mobilenet_v1_025_128", "mobilenet_v1_100_224"):
        made = models.untrained(backbone, models.DIGITS, CACHE / "curves" / backbone)
        times = seconds(SavedModel.open(made / "export"), given.n)
        middle = {name: [statistics.median(kind) for kind in zip(*rows, strict=True)] for name, rows in times.items()}
        stock_wall, stock_cpu = middle[_STOCK]
        result[backbone] = {
            name: {
                "wall": wall,
                "ratio": round(wall / stock_wall, 3),
                "cpu": cpu,
                "cpu_ratio": round(cpu / stock_cpu, 3),
                "all": times[name],
            }
            for name, (wall, cpu) in middle.items()
        }
        for name, row in result[backbone].items():
            print(f"{backbone:22} {name:56} {row['wall']:6.2f} s {row['ratio']:.3f}  {row['cpu']:6.2f} s of processor", flush=True)
        _write(result, given.into)


def _write(result: dict[str, Any], into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    whole = {"load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown", "backbones": result}
    (into / "conversion.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    tables.write(into)


if __name__ == "__main__":
    main()
