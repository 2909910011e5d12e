"""How time and bytes grow: latency with the work of the network, build time with the pictures, bytes with the classes.

python -m benchmarks.browser.curves [INTO] [--n 50] [--pictures 100,200,500,1000,2000] [--classes 2,10,30,100,300,1000]
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from pagesight.artifacts import Bundle
from pagesight.browser import discovery, tabs
from pagesight.compare import compare
from pagesight.options import Rendering
from pagesight.render import render

from . import CACHE, ROOT, charts, tables
from .host import hosting
from .models import DIGITS, untrained
from .summary import summary

BACKBONES = (
    "mobilenet_v1_025_128",
    "mobilenet_v1_025_224",
    "mobilenet_v1_050_160",
    "mobilenet_v1_050_224",
    "mobilenet_v1_075_192",
    "mobilenet_v1_075_224",
    "mobilenet_v1_100_192",
    "mobilenet_v1_100_224",
    "mobilenet_v2_035_128",
    "mobilenet_v2_050_160",
    "mobilenet_v2_100_224",
)
_TURN = """async (rounds) => {
  const { load } = await import(new URL("pagesight.js", document.baseURI).href);
  globalThis.classifier ??= await load(document.baseURI);
  const { side } = classifier.contract.input;
  const square = new ImageData(side, side);
  const found = [];
  for (let i = 0; i < rounds; i++) found.push((await classifier.predictProbabilities(square)).milliseconds);
  return found;
}"""


def latency(n: int) -> list[dict[str, float]]:
    """Milliseconds of inference alone by millions of multiply-adds; the networks take turns."""
    work = {entry.name: entry.multiply_adds / 1e6 for entry in compare(BACKBONES)}
    executable = discovery.find()
    assert executable is not None
    times: dict[str, list[float]] = {name: [] for name in BACKBONES}
    with tabs.launched(executable) as browser:
        for turn in range(4):
            for name in BACKBONES:
                folder = untrained(name, DIGITS, CACHE / "curves" / name) / "bundle"
                with hosting(folder) as host:
                    page = browser.new_page()
                    page.goto(host.address)
                    page.evaluate(_TURN, 5)
                    if turn:
                        times[name] += page.evaluate(_TURN, -(-n // 3))
                    page.close()
    return [{"name": name, "x": round(work[name], 2), "y": summary(times[name])["median"]} for name in BACKBONES]


def bundle_bytes(classes: list[int]) -> list[dict[str, float]]:
    """Bytes of the whole bundle after gzip by the number of classes, MobileNetV1 0.25 at 128 px."""
    rows = []
    for count in classes:
        labels = tuple(f"class {number}" for number in range(count))
        made = untrained("mobilenet_v1_025_128", labels, CACHE / "curves" / f"classes-{count}")
        rows.append({"x": count, "y": Bundle(made / "bundle").report.bytes.total_gzip})
    return rows


def build_seconds(pictures: list[int]) -> list[dict[str, float]]:
    """Seconds of `pagesight build` by the number of rendered pictures; drawing them is not counted."""
    rows = []
    for count in pictures:
        photos = CACHE / "curves" / f"hands-{count}"
        if not photos.is_dir():
            render(Rendering(per_class=count // 10), photos)
        into = CACHE / "curves" / f"built-{count}"
        for folder in (into, into.parent / f".{into.name}.build"):
            shutil.rmtree(folder, ignore_errors=True)
        started = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "pagesight",
            "build",
            photos,
            "-o",
            into,
            "--quiet",
            "--weights",
            "starter",
            "--group-by",
            r"signer\d+",
        ]
        subprocess.run(command, check=True, capture_output=True)
        rows.append({"x": count, "y": round(time.perf_counter() - started, 1)})
    return rows


def exponent(rows: list[dict[str, float]]) -> float:
    """The slope of log(y) over log(x): 1 is in proportion, less where a fixed part outweighs what grows."""
    x, y = (np.array([row[key] for row in rows], float) for key in ("x", "y"))
    return round(float(np.polyfit(np.log(x), np.log(y), 1)[0]), 3)


def line(rows: list[dict[str, float]]) -> dict[str, float]:
    """The straight line that fits best, y = fixed + each·x, and the share of the variance that it explains."""
    x, y = (np.array([row[key] for row in rows], float) for key in ("x", "y"))
    each, fixed = np.polyfit(x, y, 1)
    explained = 1 - float(((y - fixed - each * x) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    return {"fixed": round(float(fixed), 3), "each": round(float(each), 6), "r2": round(explained, 4)}


def main() -> None:
    """Measure what is asked for, write curves.json and one SVG for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("into", type=Path, nargs="?", default=ROOT / "docs" / "benchmarks")
    parser.add_argument("--n", type=int, default=50, help="inferences of each network; 0 leaves them out")
    parser.add_argument("--pictures", default="100,200,500,1000,2000")
    parser.add_argument("--classes", default="2,10,30,100,300,1000")
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    measured: dict[str, Any] = {
        "latency": latency(given.n) if given.n else [],
        "bytes": bundle_bytes([int(x) for x in given.classes.split(",") if x]),
        "build": build_seconds([int(x) for x in given.pictures.split(",") if x]),
    }
    result = {
        name: {"points": rows, "exponent": exponent(rows), "line": line(rows)} for name, rows in measured.items() if len(rows) > 1
    }
    (given.into / "curves.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    charts.curves(result, given.into)
    tables.write(given.into)


if __name__ == "__main__":
    main()
