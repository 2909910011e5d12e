"""A Search to a choice: bytes and milliseconds of each backbone, told from one real page, and the best within bounds."""

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from pagesight import manifest, progress, records
from pagesight.artifacts import Bundle, Search
from pagesight.browser import discovery
from pagesight.browser.latency import latency
from pagesight.errors import TrainError
from pagesight.options import Choosing
from pagesight.records.report import Report
from pagesight.records.search import SearchFacts, Tried


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
        chosen = _best([t for t in tried if t.accuracy is not None], options)
        facts = SearchFacts(search.facts.measured, tuple(tried), chosen, options.max_bytes, options.max_ms)
        records.write(temporary / "search.json", facts)
    progress.note(f"of {len(tried)} backbones, {chosen} is the smallest of the best within bounds")
    return Search(into)


def _summary(facts: SearchFacts, report: Report, measured: float | None) -> list[Tried]:
    """What was tried, with `bytes` and `ms` of each."""
    kept = next(t for t in facts.tried if t.backbone == facts.measured)
    model = report.quantization.gzip_bytes
    rest = report.bytes.total_gzip - model
    rows = []
    for one in facts.tried:
        if one.parameters is None or one.multiply_adds is None or not kept.parameters or not kept.multiply_adds:
            rows.append(one)
            continue
        ms = round(measured * one.multiply_adds / kept.multiply_adds, 2) if measured else None
        rows.append(replace(one, bytes=round(rest + model * one.parameters / kept.parameters), ms=ms))
    return rows


def _best(able: list[Tried], options: Choosing) -> str:
    fits = [
        t
        for t in able
        if (options.max_bytes is None or _known(t.bytes) <= options.max_bytes)
        and (options.max_ms is None or _known(t.ms) <= options.max_ms)
    ]
    if not fits:
        least = min(able, key=lambda t: _known(t.bytes))
        took = f"{least.bytes:,} bytes" + (f" and {least.ms:g} ms" if least.ms else "")
        raise TrainError(f"no backbone fits: the smallest, {least.backbone}, takes {took}", fix="raise --max-bytes or --max-ms")
    best = max(_known(t.accuracy) for t in fits)
    pictures = next(_known(t.pictures) for t in fits if t.accuracy == best)
    error = math.sqrt(best * (1 - best) / pictures)
    near = [t for t in fits if _known(t.accuracy) >= best - error]
    return min(near, key=lambda t: (_known(t.bytes) * _known(t.multiply_adds), t.backbone)).backbone


def _known(value: float | None) -> float:
    """A number that every backbone has which could be tried."""
    assert value is not None
    return value
