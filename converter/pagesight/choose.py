"""A Search to a choice: bytes and milliseconds of each backbone, told from one real page, and the best within bounds."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pagesight import manifest, progress
from pagesight.artifacts import Bundle, Search
from pagesight.browser import discovery
from pagesight.browser.latency import latency
from pagesight.errors import TrainError
from pagesight.options import Choosing


def choose(search: Search, page: Callable[[], Bundle], options: Choosing, into: Path) -> Search:
    """Write search.json again with bytes, milliseconds and the choice; `page` gives the bundle of the one that `search` kept.

    Bytes are the whole page after gzip, without samples: the page's own are those of `page`, a model's go with its parameters.
    Milliseconds a picture go with the multiply-adds, from those that `page` took in a browser of this machine; None without one.
    Of all that fit, the smallest is taken whose accuracy is within one standard error of the best (Breiman et al. 1984).
    Raises TrainError where none fits; nothing is written then.
    """
    browser = discovery.find()
    if options.max_ms is not None and browser is None:
        raise TrainError("--max-ms needs a browser to measure in, and none was found", fix=discovery.HOW_TO_GET)
    key = {
        "options": asdict(options),
        "search": manifest.sha256_json((manifest.read(search.path) or {}).get("files")),
        "browser": browser is not None,
    }
    if manifest.is_fresh(into, "choose", key):
        progress.stage("choose", fresh=True)
        return Search(into)
    bundle = page()
    progress.stage("choose")
    with manifest.atomic_output_dir(into, "choose", key) as temporary:
        measured = None
        if browser is not None:
            with progress.task("measuring one in the browser"):
                measured = latency(bundle, browser).milliseconds
        tried = _summary(search.facts, bundle.report, measured)
        chosen = _best([t for t in tried if t["accuracy"] is not None], options)
        facts = {"chosen": chosen, "measured": search.facts["measured"], "max_bytes": options.max_bytes, "max_ms": options.max_ms}
        manifest.write_json(temporary / "search.json", facts | {"tried": tried})
    progress.note(f"of {len(tried)} backbones, {chosen} is the smallest of the best within bounds")
    return Search(into)


def _summary(facts: dict[str, Any], report: dict[str, Any], measured: float | None) -> list[dict[str, Any]]:
    """What was tried, with `bytes` and `ms` of each."""
    kept = next(t for t in facts["tried"] if t["backbone"] == facts["measured"])
    model = report["quantization"]["gzip_bytes"]
    rest = report["bytes"]["total_gzip"] - model
    rows = []
    for one in facts["tried"]:
        able = one["accuracy"] is not None
        rows.append(
            one
            | {
                "bytes": round(rest + model * one["parameters"] / kept["parameters"]) if able else None,
                "ms": round(measured * one["multiply_adds"] / kept["multiply_adds"], 2) if able and measured else None,
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
