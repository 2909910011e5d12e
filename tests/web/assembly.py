"""A bundle put together from the built page and a tiny model, for tests of the page alone."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tiny_model
from PIL import Image

from pagesight.contract import Contract
from pagesight.options import Bundling
from pagesight.page.render import write_page

BUILT = Path(__file__).parents[2] / "build" / "web_template"
BACKBONE = "MobileNet V1, α 0.25, 128 × 128"
COLORS = {"red": (220, 30, 40), "green": (30, 180, 60), "blue": (40, 60, 220)}
REPORT: dict[str, Any] = {
    "name": "colors",
    "dataset": {"pictures": 2120, "classes": 3, "skipped": 4, "split": "group", "sha256": "0" * 64},
    "accuracy": {"n": 420, "float": 0.9952, "exported": 0.9929, "interval95": [0.979, 0.998]},
    "quantization": {"mode": "uint8", "float_bytes": 851728, "bytes": 219840, "top1_agreement": 0.998},
    "parity": {"browser": "Chromium 156", "backend": "wasm", "pictures": 420, "top1_agreement": 1.0, "max_abs_diff": 2e-6},
    "bytes": {"page": 41000, "runtime": 690000, "model": 270000, "total": 1010000, "total_gzip": 432000},
    "seconds": {},
}


def assemble(
    into: Path,
    *,
    labels: Sequence[str] = tiny_model.LABELS,
    title: str = "Colors",
    threshold: float = 0.5,
    report: dict[str, Any] | None = REPORT,
    model: Path | None = None,
    language: str = "en",
    looks: dict[str, str] | None = None,
    backbone: str = BACKBONE,
    **tiny: Any,
) -> Path:
    """Write a whole bundle into `into`; `model` is a folder of a model and its contract, else the tiny one is made.

    `looks` are a theme and a logo.
    """
    shutil.copytree(BUILT / "static", into)
    contract: dict[str, Any] = {
        "format": 1,
        "name": "colors",
        "title": title,
        "description": "Which color does a picture have most of? Answered on your own device.",
        "language": language,
        "labels": list(labels),
        "input": {"side": tiny_model.SIDE, "channels": 3, "crop": "center-square", "resize": "triangle", "range": [0, 255]},
        "outputs": tiny_model.OUTPUTS,
        "decision": {"temperature": 1.0, "threshold": threshold},
        "model": {"format": "tfjs-graph-model", "path": "model/model.json"},
    }
    if model:
        shutil.copytree(model, into / "model", ignore=shutil.ignore_patterns("contract.json"))
        contract |= json.loads((model / "contract.json").read_text(encoding="utf-8"))
        labels = contract["labels"]
    else:
        tiny_model.write(into / "model", labels=len(labels), **tiny)
    (into / "samples").mkdir()
    samples = []
    for number, (label, color) in enumerate(COLORS.items()):
        Image.new("RGB", (64, 64), color).save(into / "samples" / f"{number}.jpg")
        samples.append({"path": f"samples/{number}.jpg", "label": label})
    contract["samples"] = samples
    if report is not None:
        (into / "report.json").write_text(json.dumps(report), encoding="utf-8")
    seal(into, contract, backbone=backbone, **(looks or {}))
    return into


def seal(into: Path, contract: dict[str, Any], *, backbone: str = BACKBONE, **looks: str) -> None:
    """Write what depends on the other files: contract.json, index.html and manifest.json."""
    runtime = [p for p in _files(into) if p.suffix in {".js", ".wasm"} or p.is_relative_to(into / "model")]
    contract["files"] = {_name(into, path): published(path) for path in runtime}
    (into / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
    write_page(
        into,
        Contract.from_json(contract),
        contract["samples"],
        Bundling(**looks),
        backbone=backbone,
    )
    files = {_name(into, path): published(path) for path in _files(into)}
    (into / "manifest.json").write_text(json.dumps({"format": 1, "files": files}), encoding="utf-8")


def _files(into: Path) -> list[Path]:
    return sorted(path for path in into.rglob("*") if path.is_file() and path.name != "manifest.json")


def _name(into: Path, path: Path) -> str:
    return path.relative_to(into).as_posix()


def published(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
