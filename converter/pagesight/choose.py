"""A Search to a choice: bytes and milliseconds of each backbone, told from real pages, and the best within bounds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from pagesight import manifest, progress, records
from pagesight.artifacts import Bundle, Search
from pagesight.browser import discovery
from pagesight.browser.latency import latency
from pagesight.errors import TrainError
from pagesight.options import Choosing
from pagesight.records.search import SearchFacts, Tried


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
    names = search.facts.measured if browser is not None else search.facts.measured[:1]
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
        tried = _summary(search.facts.tried, next(iter(bundles.items())), measured)
        chosen = _best([t for t in tried if t.accuracy is not None], options)
        records.write(temporary / "search.json", SearchFacts(tuple(names), tuple(tried), chosen, options.max_bytes, options.max_ms))
    progress.note(
        f"of {len(tried)} backbones, {chosen} was chosen: the smallest that is about as good as the best within the limits"
    )
    return Search(into)


def _summary(tried: Sequence[Tried], smallest: tuple[str, Bundle], measured: Mapping[str, float]) -> list[Tried]:
    """What was tried, with `bytes` and `ms` of each; `measured` milliseconds by name, that with the least work first."""
    by_name = {t.backbone: t for t in tried}
    at = [_known(by_name[name].multiply_adds) for name in measured]
    name, bundle = smallest
    model = bundle.report.quantization.gzip_bytes
    rest = bundle.report.bytes.total_gzip - model
    rows = []
    for one in tried:
        if one.accuracy is None:
            rows.append(one)
            continue
        share = _known(one.parameters) / _known(by_name[name].parameters)
        ms = round(float(np.interp(_known(one.multiply_adds), at, list(measured.values()))), 2) if measured else None
        rows.append(replace(one, bytes=round(rest + model * share), ms=ms))
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
