"""The order of the stages, and what they share: the one place that knows it."""

import difflib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from pagesight import backbones, languages, locks, manifest, progress
from pagesight.adopt import Adoption, adopt
from pagesight.artifacts import Artifact, Bundle, Dataset, Origin, SavedModel, Search, TrainedModel, WebModel
from pagesight.browser import discovery
from pagesight.browser.latency import latency
from pagesight.bundle import bundle
from pagesight.choose import choose
from pagesight.compare import Entry, untrained
from pagesight.compare import compare as known_networks
from pagesight.errors import OptionError, PagesightError
from pagesight.export import export
from pagesight.graph import memory
from pagesight.options import (
    AUTO,
    FORMATS,
    MODES,
    STAGES,
    STRATEGIES,
    Build,
    Bundling,
    Quantization,
    Scanning,
    Verification,
    paths_read,
)
from pagesight.page.npm import Package
from pagesight.page.render import hosting_of, theme_key
from pagesight.pictures.sources import Photos, sources
from pagesight.quantize import quantize
from pagesight.scan import scan
from pagesight.search import search
from pagesight.train import train
from pagesight.verify import verify


def build(photos: Photos, into: str | Path, *, force: bool = False, **options: Any) -> Bundle:
    """From pictures to a verified page in `into`; `options` are the fields of `options.Build`.

    `photos` is a folder of class folders, an archive, an address, or several of them (see `scan`).

    Stages whose inputs did not change are not run again; their outputs wait in a hidden folder beside `into`. An interrupted build
    leaves the last good `into` in place and goes on where it stopped. Raises PagesightError; `force` replaces a foreign folder, and
    reads all pictures again. Where this machine has no browser, what is returned is a Bundle and no VerifiedBundle.
    """
    finished = build_until("verify", photos, into, force=force, **options)
    assert isinstance(finished, Bundle)
    return finished


def build_until(stage: str, photos: Photos, into: str | Path, *, force: bool = False, **options: Any) -> Artifact:
    """`build`, stopped after `stage` (one of STAGES); returns that stage's artifact. Only 'verify' writes `into`."""
    how = _checked(options, stage)
    into = Path(into)
    manifest.refuse_overlap(into, *(place.given for place in sources(photos)), *paths_read(asdict(how)))
    manifest.check_overwritable(into, force=force)
    seconds: dict[str, float] = {}
    last: Artifact | None = None
    with locks.exclusive_lock(into):
        for name in STAGES[: STAGES.index(stage) + 1]:
            if name == "train" and how.search is not None:
                how = _searched(into, how)
            start = time.perf_counter()
            last = _steps(photos, into, how, force=force)[name]()
            memory.release_memory()  # stages ask for much, and the next for other things
            seconds[name] = round(time.perf_counter() - start, 2)
    if isinstance(last, Bundle) and stage == "verify":
        last = last.with_report(seconds=seconds)
    assert last is not None
    return last


_TESTING = Scanning(min_pictures=3, test=0.5, validation=0.3)
"""A model made elsewhere learns no more: few pictures tell how to round it, some how sure it may be, most how often it is right."""


def convert(
    model: str | Path,
    into: str | Path,
    options: Adoption,
    quantization: Quantization,
    pictures: Path | None = None,
    *,
    calibrate: Path | None = None,
    test: Path | None = None,
    bundling: Bundling = Bundling(),  # noqa: B008 - frozen
    force: bool = False,
) -> Bundle:
    """From a model made elsewhere (file, folder, archive, TF-Hub address) to a verified page in `into`.

    `pictures` (a folder) are asked in the browser, those in `calibrate` tell how to round; without them, noise and drawn
    pictures with the statistics of photographs serve. `test` (a folder of class folders) tells how often the model is right, how
    sure it may be, and where need be which input range it was trained on.
    """
    into = Path(into)
    read = {"model": model, "photos": pictures, "calibrate": calibrate, "test": test, **asdict(options), **asdict(bundling)}
    manifest.refuse_overlap(into, *paths_read(read))
    manifest.check_overwritable(into, force=force)
    work = into.parent / f".{into.name}.build"
    with locks.exclusive_lock(into):
        how = replace(options, name=options.name or into.resolve().name, compare=True)
        tested = None if test is None else scan(test, _TESTING, work / "scan")
        saved = adopt(model, how, work / "adopt", pictures or calibrate, tested)
        web = quantize(saved, quantization, work / "quantize", tested if calibrate is None else calibrate)
        page = bundle(web, bundling, work / "bundle", Origin(dataset=tested, adopted=saved))
        return verify(page, Verification(), into, pictures or tested)


def compare(names: Sequence[str], *, in_browser: bool = True) -> list[Entry]:
    """Published networks by name, with the milliseconds that a page of each takes for a picture in a browser of this machine.

    Raises OptionError for a name that is not known. What cannot be timed has no milliseconds, but a reason.
    """
    entries = known_networks(names)
    browser = discovery.find() if in_browser else None
    if browser is None:
        why = f"no browser was found; {discovery.HOW_TO_GET}" if in_browser else "not asked for (--no-browser)"
        return [replace(entry, why_not=why) for entry in entries]
    with progress.task("measuring in the browser", len(entries)) as advance:
        timed = []
        for entry in entries:
            timed.append(_timed(entry, browser))
            advance(1, entry.name)
    return timed


def _timed(entry: Entry, browser: Path) -> Entry:
    """`entry` with what a page of random weights takes; a byte a weight, for they are widened when they are read."""
    with tempfile.TemporaryDirectory() as scratch, progress.shown_by(progress.Reporter()):
        work = Path(scratch)
        try:
            web = quantize(untrained(entry.name, work / "adopt"), Quantization("naive-uint8"), work / "quantize")
            result = latency(bundle(web, Bundling(), work / "bundle"), browser)
        except PagesightError as cause:
            return replace(entry, why_not=cause.what)
    return replace(entry, milliseconds=round(result.milliseconds, 2), browser=result.browser)


def _steps(photos: Photos, into: Path, options: Build, *, force: bool) -> dict[str, Callable[[], Artifact]]:
    """The stages in their order; each reads what the one before it left in the work folder."""
    work = into.parent / f".{into.name}.build"
    naming = options.naming(into.resolve().name)

    def dataset() -> Dataset:
        return Dataset.open(work / "scan")

    return {
        "scan": lambda: scan(photos, options.scanning(), work / "scan", force=force),
        "train": lambda: train(dataset(), options.training(), work / "train"),
        "export": lambda: export(TrainedModel(work / "train"), naming, work / "export"),
        "quantize": lambda: quantize(SavedModel(work / "export"), options.quantization(), work / "quantize", dataset()),
        "bundle": lambda: bundle(
            WebModel(work / "quantize"),
            options.bundling(),
            work / "bundle",
            Origin(dataset(), TrainedModel(work / "train"), Search(work / "choose") if options.search else None),
        ),
        "verify": lambda: verify(Bundle(work / "bundle"), options.verification(), into, dataset()),
    }


def _searched(into: Path, options: Build) -> Build:
    """`options` with the backbone that a search chose; the pages that are measured for it are built on the way."""
    work = into.parent / f".{into.name}.build"
    dataset = Dataset.open(work / "scan")
    result = search(dataset, options.searching(), work / "search")

    def page(number: int) -> Bundle:
        """The page of one that was kept, as the chosen one's will be; all but the first are only timed."""
        place = work / f"search-{number}"
        saved = export(result.kept[number], options.naming(into.resolve().name), place / "export")
        stored, asked = (Quantization("naive-uint8"), None) if number else (options.quantization(), dataset)
        looks = Bundling(theme=options.theme, logo=options.logo)
        return bundle(quantize(saved, stored, place / "quantize", asked), looks, place / "bundle")

    pages = [partial(page, number) for number in range(len(result.kept))]
    chosen = choose(result, pages, options.choosing(), work / "choose")
    return replace(options, backbone=str(chosen.facts.chosen))


def _checked(options: dict[str, Any], stage: str) -> Build:  # open: whatever a caller of `build` named
    """`options` as a Build, with names and choices checked before any work is done."""
    known = {f.name for f in fields(Build)}
    for name in options.keys() - known:
        near = difflib.get_close_matches(name, known, n=1)
        raise OptionError(
            f"there is no option {name!r}",
            fix=f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(sorted(known))}",
        )
    if stage not in STAGES:
        raise OptionError(f"there is no stage {stage!r}", fix=f"choose one of {', '.join(STAGES)}")
    how = Build(**options)
    _check_choices(how)
    return how


def _check_choices(how: Build) -> None:
    """Raise OptionError for a name or a choice that there is not, and for options that do nothing together."""
    if how.max_ms is not None and how.search is None:
        raise OptionError(
            "--max-ms chooses between networks, and none are searched", fix="add --search all (search='all'), or leave it out"
        )
    for name in (how.backbone, *how.searching().backbones):
        if name != AUTO:
            backbones.named(name)
    for value in how.also:
        if value not in FORMATS:
            raise OptionError(f"there is no format {value!r}", fix=f"choose from {', '.join(FORMATS)}")
    if how.npm is not None:
        Package.parse(how.npm)
    languages.check(how.language)
    theme_key(how.bundling())
    hosting_of(how.bundling())
    if how.quantize not in MODES:
        raise OptionError(f"there is no quantization mode {how.quantize!r}", fix=f"choose one of {', '.join(MODES)}")
    if how.strategy not in STRATEGIES:
        raise OptionError(f"there is no strategy {how.strategy!r}", fix=f"choose one of {', '.join(STRATEGIES)}")
    if how.strategy == "multiworker":
        raise OptionError(
            "several machines train, but only one builds a page",
            fix="run `pagesight scan`, then `pagesight train --strategy multiworker` on every machine, then the other stages",
        )
