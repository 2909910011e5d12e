"""Pagesight's page and its peers side by side, in one run: JSON, a Markdown table and charts.

python -m benchmarks.browser [INTO] [--n 15] [--turns 100] [--only tfjs,…] [--frames 10000] [--no-slow] [--no-wide] [--no-camera]
                             [--minutes 8] [--fresh]

A run that is cut short, by --minutes or otherwise, goes on where it stopped when it is asked for the same again.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from pagesight import manifest
from pagesight.browser import discovery, tabs

from . import CACHE, HERE, ROOT, arena, charts, endurance, models, native, sites, steps, tables, visits

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
    parser.add_argument("--no-slow", dest="slow", action="store_false", help="leave out slow 4G")
    parser.add_argument("--no-wide", dest="wide", action="store_false", help="leave out α 1.0 at 224 px")
    parser.add_argument("--no-camera", dest="camera", action="store_false")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; the same command goes on")
    parser.add_argument("--fresh", action="store_true", help="measure all again")
    given = parser.parse_args()
    executable = discovery.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser to measure in\n  fix: {discovery.HOW_TO_GET}\n")
    os.environ["PATH"] = sites.with_node()["PATH"]
    sites.install_peers()
    chosen, exports = (
        [way for way in ways if not given.only or way.name in given.only.split(",")] for ways in (sites.WAYS, sites.EXPORTS)
    )
    result: dict[str, Any] = {"n": given.n, "turns": given.turns, "command": "make bench", "machine": _machine()}
    result["warm"] = {}
    result["titles"] = {way.name: way.title for way in (*sites.WAYS, *sites.EXPORTS)} | _TITLES
    digits = models.digits()
    result["pictures"] = len(digits.dataset.on("test")) if digits.dataset else 0
    missing: dict[str, str] = {}
    made = _assembled(chosen, digits, missing)
    cold = made | _assembled(exports, models.teachable_export(), missing)
    warm = [(digits, made)] + ([(models.wide(), _assembled(chosen, models.wide(), missing))] if given.wide else [])
    with tabs.launched(executable) as browser:
        result["machine"]["browser"] = f"Chromium {browser.version}"
        networks = visits.NETWORKS if given.slow else visits.NETWORKS[:-1]
        if given.fresh:
            shutil.rmtree(CACHE / "steps", ignore_errors=True)
        step = steps.Steps(CACHE / "steps", _key(given, result, [model for model, _ in warm]), given.minutes)
        result["machine"]["load"] = step("the machine's load", _load)
        try:
            visited = visits.visit_all(browser, cold, given.n, networks, step)
            result["first_visits"] = {way.name: row.to_json() for way, row in visited.items()}
            result["first_visits"] |= {name: visits.Visits(why_not=why).to_json() for name, why in missing.items()}
            _write(result, given.into)
            for model, ways in warm:
                asked = {way: site for way, site in ways.items() if way is not sites.SHIPPED}
                latencies = step(f"warm, {model.name}", partial(arena.latencies, browser, model, asked, given.turns))
                latencies |= step(f"no browser, {model.name}", partial(native.latencies, model, given.turns))
                result["warm"][model.name] = latencies | {name: {"why_not": why} for name, why in missing.items()}
                _write(result, given.into)
            if given.frames:
                memory = partial(endurance.memory, browser, made[sites.OURS], given.frames)
                result["memory"] = step(f"memory over {given.frames} frames", memory)
        except steps.OutOfTimeError as cause:
            parser.exit(3, f"the minutes are over before '{cause}': the same command goes on from there\n")
    if given.camera and sites.SHIPPED in made:
        result["camera"] = endurance.camera(made[sites.SHIPPED])
    _write(result, given.into)


def _key(given: argparse.Namespace, result: dict[str, Any], compared: list[models.Model]) -> dict[str, Any]:
    """What each result depends on: what was asked for, this machine, the versions, the page and the bench itself."""
    machine = {k: v for k, v in result["machine"].items() if not k.startswith("load")}
    bundles = {model.name: manifest.sha256_file(model.bundle / manifest.FILE_NAME) for model in compared}
    code = {path.name: manifest.sha256_file(path) for path in sorted([*HERE.glob("*.py"), *HERE.glob("pages/*.js")])}
    return {"turns": given.turns, "only": given.only, "machine": machine, "bundles": bundles, "code": code}


def _assembled(ways: Any, model: models.Model, missing: dict[str, str]) -> dict[sites.Way, Path]:
    """The folder of each way that can be made for `model`; `missing` gets why another cannot."""
    made = {}
    for way in ways:
        try:
            made[way] = sites.assemble(way, model, sites.site_of(way, model))
        except FileNotFoundError as cause:
            missing[way.name] = f"{Path(cause.filename).name} could not be made"
    return made


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


def _write(result: dict[str, Any], into: Path) -> None:
    """What there is so far, so that a run that is cut short is not lost."""
    result["machine"]["load_after"] = _load()
    into.mkdir(parents=True, exist_ok=True)
    (into / "browser.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    tables.write(into)
    titles, ran = result["titles"], {k: v for k, v in result["first_visits"].items() if not v["why_not"]}
    charts.bars(
        "Bytes to the first answer", "kB, gzip", {titles[k]: v["bytes"]["gzip"] / 1000 for k, v in ran.items()}, into / "bytes.svg"
    )
    network = visits.NETWORKS[1].name
    times = {titles[k]: v["milliseconds"][network]["median"] for k, v in ran.items()}
    charts.bars(f"Time to the first answer at {network}", "ms", times, into / "first-answer.svg")


if __name__ == "__main__":
    main()
