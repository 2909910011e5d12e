"""How time and memory grow with the number of pictures: synthetic photographs of 640x480, scanned, trained and put into a page.

    python -m benchmarks.scaling [--counts 1000,10000] [--classes 10] [--size 640x480] [--until bundle] [--scratch DIR]

Each count is one `pagesight build` in a process of its own, one epoch from random weights, without a browser. Seconds are by stage,
from when the stage says that it begins; peak memory is the largest resident set of that process as the kernel counted it. Each run
is kept in docs/benchmarks/scaling.json; --svg draws the curve of all runs of ten classes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import learning
from PIL import Image, ImageDraw

from pagesight.options import STAGES

_WIDTH, _HEIGHT = 640, 480
"""Pixels for which the shapes are made; other sizes are scaled from them."""


def draw(folder: Path, classes: int, size: tuple[int, int], number: int) -> None:
    """Write picture `number`: a shape whose size and corners tell the class, on a cut of cloudy noise; every file differs."""
    rng = np.random.default_rng(number)
    label = number % classes
    clouds = Image.fromarray(rng.integers(40, 215, (24, 32, 3), np.uint8)).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
    middle = (float(rng.integers(200, 440)), float(rng.integers(180, 300)), 60.0 + 12 * (label % 10))
    hue = 360 * (label // 10) // max(1, classes // 10)
    ImageDraw.Draw(clouds).regular_polygon(middle, 3 + label % 10, int(rng.integers(360)), fill=f"hsl({hue}, 90%, 60%)")
    path = folder / f"class{label:04d}" / f"{number:06d}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    if size != clouds.size:
        clouds = clouds.resize(size)
    clouds.save(path, quality=80)


def pictures(folder: Path, count: int, classes: int, size: tuple[int, int]) -> None:
    """Draw what is not there yet."""
    there = {int(p.stem) for p in folder.rglob("*.jpg")}
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(draw, folder, classes, size), sorted(set(range(count)) - there), chunksize=64))


def stages(predicted: Iterator[str]) -> dict[str, float]:
    """Seconds of each stage, from the moments at which a build names them."""
    moments = [(line.strip(), time.perf_counter()) for line in predicted if line.strip() in STAGES]
    moments.append(("", time.perf_counter()))
    return {name: round(end - start, 1) for (name, start), (_, end) in pairwise(moments)}


def run(count: int, given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """One build of `count` pictures: seconds by stage, and the peak of its resident memory in MB."""
    folder = scratch / f"pictures-{given.classes}-{given.size}" / str(count)
    width, height = map(int, given.size.split("x"))
    pictures(folder, count, given.classes, (width, height))
    command = [
        sys.executable,
        "-m",
        "pagesight",
        "build",
        str(folder),
        "-o",
        str(scratch / f"page-{count}"),
        "--until",
        given.until,
    ]
    command += ["--weights", "random", "--epochs", "1", "--backbone", given.backbone]
    began = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        seconds = stages(process.stderr)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the build of {count} pictures failed")
    whole = time.perf_counter() - began
    return {
        "pictures": count,
        "classes": given.classes,
        "size": given.size,
        "until": given.until,
        "backbone": given.backbone,
        "seconds": round(whole, 1),
        **seconds,
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def curve(results: list[dict[str, Any]], file: Path) -> None:
    """Seconds and megabytes by pictures, both axes logarithmic, with a straight line of slope one for the eye."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams |= {"svg.hashsalt": "pagesight", "svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False}
    counts = [r["pictures"] for r in results]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for name in ("scan", "train", "bundle"):
        if all(name in r for r in results):
            left.loglog(counts, [r[name] for r in results], marker="o", label=name)
    slope = [results[-1]["seconds"] * n / counts[-1] for n in counts]
    left.loglog(counts, [r["seconds"] for r in results], marker="o", color="black", label="all stages")
    left.loglog(counts, slope, color="gray", linestyle=":", label="linear in pictures")
    left.set(xlabel=f"pictures of {results[0]['size'].replace('x', '×')}", ylabel="seconds", ylim=(1, results[-1]["seconds"] * 30))
    left.legend(frameon=False, fontsize="small", ncols=2, loc="upper left")
    right.semilogx(counts, [r["peak_mb"] for r in results], marker="o", color="black")
    right.axhline(2048, color="gray", linestyle=":")
    right.set(xlabel=f"pictures of {results[0]['size'].replace('x', '×')}", ylabel="peak resident memory (MB)", ylim=(0, 2300))
    figure.savefig(file, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Print one line of JSON per count, keep it, and draw the curve where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1000,10000", help="pictures of each run, 100000 being the longest promised")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--size", default=f"{_WIDTH}x{_HEIGHT}", help="pixels of a picture")
    parser.add_argument("--until", default="bundle", choices=STAGES)
    parser.add_argument("--backbone", default="mobilenet_v1_025_128")
    parser.add_argument("--scratch", type=Path, help="keep pictures and outputs here")
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for count in map(int, given.counts.split(",")):
            result = run(count, given, given.scratch or Path(temporary))
            learning.keep("scaling", result)
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
    if given.svg:
        known = json.loads((learning.INTO / "scaling.json").read_text(encoding="utf-8"))
        curve(
            [r for r in known if all(r[name] == getattr(given, name) for name in ("classes", "size", "until", "backbone"))],
            given.svg,
        )


if __name__ == "__main__":
    main()
