"""A Search to a choice: bytes and milliseconds of each backbone, told from real pages, and the best within bounds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import manifest, progress
from pagesight.artifacts import Bundle, Search
from pagesight.browser import discovery
from pagesight.browser.latency import latency
from pagesight.errors import TrainError
from pagesight.options import Choosing


def choose(search: Search, pages: Sequence[Callable[[], Bundle]], options: Choosing, into: Path) -> Search:
    """Write search.json again with bytes, milliseconds and the choice; `pages` give a bundle of each of those that `search` kept.

    Bytes are the whole page after gzip, without samples: the page's own are those of the first bundle, a model's go with its
    parameters. Milliseconds a picture lie on the line, by multiply-adds, between those that the first and the last bundle took in
    a browser of this machine; None without one.
    Of all that fit, the smallest is taken whose accuracy is within one standard error of the best (Breiman et al. 1984).
    Raises TrainError where none fits; nothing is written then.
    """
    browser = discovery.find()
    if options.max_ms is not None and browser is None:
        raise TrainError("--max-ms needs a browser to measure in, and none was found", fix=discovery.HOW_TO_GET)
    names = search.facts["measured"] if browser is not None else search.facts["measured"][:1]
    bundles = {name: page() for name, page in zip(names, pages, strict=False)}
    key = {
        "options": asdict(options),
        "search": manifest.files_sha256(search.path),
        "pages": [manifest.files_sha256(bundle.path) for bundle in bundles.values()],
        "browser": discovery.identity(browser) if browser is not None else None,
    }
    if manifest.is_fresh(into, "choose", key):
        progress.stage("choose", fresh=True)
        return Search(into)
    progress.stage("choose")
    with manifest.atomic_output_dir(into, "choose", key) as temporary:
        measured = {}
        if browser is not None:
            with progress.task("measuring in the browser", len(bundles)) as advance:
                for name, bundle in bundles.items():
                    measured[name] = latency(bundle, browser).milliseconds
                    advance(1, name)
        tried = _summary(search.facts["tried"], next(iter(bundles.items())), measured)
        chosen = _best([t for t in tried if t["accuracy"] is not None], options)
        facts = {"chosen": chosen, "measured": names, "max_bytes": options.max_bytes, "max_ms": options.max_ms}
        manifest.write_json(temporary / "search.json", facts | {"tried": tried})
    progress.note(f"of {len(tried)} backbones, {chosen} is the smallest of the best within bounds")
    return Search(into)


def _summary(tried: list[dict[str, Any]], smallest: tuple[str, Bundle], measured: Mapping[str, float]) -> list[dict[str, Any]]:
    """What was tried, with `bytes` and `ms` of each; `measured` milliseconds by name, that with the least work first."""
    work = {t["backbone"]: t["multiply_adds"] for t in tried}
    at = [work[name] for name in measured]
    name, bundle = smallest
    parameters = next(t["parameters"] for t in tried if t["backbone"] == name)
    model = bundle.report["quantization"]["gzip_bytes"]
    rest = bundle.report["bytes"]["total_gzip"] - model
    rows = []
    for one in tried:
        able = one["accuracy"] is not None
        rows.append(
            one
            | {
                "bytes": round(rest + model * one["parameters"] / parameters) if able else None,
                "ms": round(float(np.interp(one["multiply_adds"], at, list(measured.values()))), 2) if able and measured else None,
            }
        )
    return rows


def _best(able: list[dict[str, Any]], options: Choosing) -> str:
    fits = [
        t
        for t in able
        if (options.max_bytes is None or t["bytes"] <= options.max_bytes) and (options.max_ms is None or t["ms"] <= options.max_ms)
    ]
    if not fits:
        least = min(able, key=lambda t: t["bytes"])
        took = f"{least['bytes']:,} bytes" + (f" and {least['ms']:g} ms" if least["ms"] else "")
        raise TrainError(f"no backbone fits: the smallest, {least['backbone']}, takes {took}", fix="raise --max-bytes or --max-ms")
    best = max(fits, key=lambda t: t["accuracy"])
    error = math.sqrt(best["accuracy"] * (1 - best["accuracy"]) / best["pictures"])
    near = [t for t in fits if t["accuracy"] >= best["accuracy"] - error]
    return str(min(near, key=lambda t: (t["bytes"] * t["multiply_adds"], t["backbone"]))["backbone"])
