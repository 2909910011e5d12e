"""Pagesight's page and its peers side by side, in one run: JSON, a Markdown table and charts.

python -m benchmarks.browser [INTO] [--n 15] [--turns 100] [--only tfjs,…] [--frames 10000] [--no-wide] [--no-camera]
"""

import argparse
import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

from pagesight import _browser

from . import HERE, ROOT, arena, charts, endurance, models, native, sites, tables, visits

_TITLES = {
    "tflite-float32": "TensorFlow Lite (XNNPACK), no browser, one thread, float32",
    "tflite-int8": "TensorFlow Lite (XNNPACK), no browser, one thread, int8",
    "tensorflow": "TensorFlow, no browser, one thread, float32",
}


def main() -> None:
    """Measure everything that is asked for and write it below INTO."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("into", type=Path, nargs="?", default=ROOT / "docs" / "benchmarks")
    parser.add_argument("--n", type=int, default=15, help="first visits of each page on each network")
    parser.add_argument("--turns", type=int, default=100, help="warm turns of each")
    parser.add_argument("--only", help="these ways alone, by name")
    parser.add_argument("--frames", type=int, default=0, help="look at memory over so many frames")
    parser.add_argument("--no-wide", dest="wide", action="store_false", help="leave out α 1.0 at 224 px")
    parser.add_argument("--no-camera", dest="camera", action="store_false")
    given = parser.parse_args()
    executable = _browser.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser to measure in\n  fix: {_browser.HOW_TO_GET}\n")
    os.environ["PATH"] = sites.with_node()["PATH"]
    sites.install_peers()
    chosen = [way for way in sites.WAYS if not given.only or way.name in given.only.split(",")]
    found: dict[str, Any] = {"n": given.n, "turns": given.turns, "command": "make bench", "machine": _machine()}
    found["titles"] = {way.name: way.title for way in (*sites.WAYS, *sites.EXPORTS)} | _TITLES
    digits = models.digits()
    found["pictures"] = len(digits.dataset.on("test")) if digits.dataset else 0
    made = _assembled(chosen, digits)
    cold = made | (_assembled(sites.EXPORTS, models.teachable_export()) if not given.only else {})
    warm = [(digits, made)] + ([(models.wide(), _assembled(chosen, models.wide()))] if given.wide else [])
    with _browser.launched(executable) as browser:
        found["machine"]["browser"] = f"Chromium {browser.version}"
        found["first_visits"] = {way.name: v.to_json() for way, v in visits.visit_all(browser, cold, given.n).items()}
        found["warm"] = {}
        for model, ways in warm:
            asked = {way: site for way, site in ways.items() if way is not sites.SHIPPED}
            found["warm"][model.name] = arena.latencies(browser, model, asked, given.turns)
        if given.frames:
            found["memory"] = endurance.memory(browser, made[sites.OURS], given.frames)
    for model, _ in warm:
        found["warm"][model.name] |= native.latencies(model, given.turns)
    if given.camera and sites.SHIPPED in made:
        found["camera"] = endurance.camera(made[sites.SHIPPED])
    found["machine"]["load_after"] = _load()
    _write(found, given.into)


def _assembled(ways: Any, model: models.Model) -> dict[sites.Way, Path]:
    """The folder of each way that can be made for `model`."""
    return {way: sites.assemble(way, model, sites.site_of(way, model)) for way in ways}


def _machine() -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in ("pagesight", "tensorflowjs", "playwright")}
    lock = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if cpuinfo.is_file()
        else []
    )
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load": _load(),
        "versions": versions | lock,
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _write(found: dict[str, Any], into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    (into / "browser.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (into / "README.md").write_text(tables.report(found), encoding="utf-8")
    titles, ran = found["titles"], {k: v for k, v in found["first_visits"].items() if not v["why_not"]}
    charts.bars(
        "Bytes to the first answer", "kB, gzip", {titles[k]: v["bytes"]["gzip"] / 1000 for k, v in ran.items()}, into / "bytes.svg"
    )
    network = visits.NETWORKS[1].name
    times = {titles[k]: v["milliseconds"][network]["median"] for k, v in ran.items()}
    charts.bars(f"Time to the first answer at {network}", "ms", times, into / "first-answer.svg")


if __name__ == "__main__":
    main()
