"""The order of the stages, and what they share: the one place that knows it."""

import difflib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from pagesight import backbones, manifest
from pagesight.artifacts import Origin, VerifiedBundle
from pagesight.bundle import STAGES, bundle
from pagesight.errors import OptionError
from pagesight.export import export
from pagesight.options import MODES, Build
from pagesight.quantize import quantize
from pagesight.scan import scan
from pagesight.train import train
from pagesight.verify import verify


def build(photos: str | Path, into: str | Path, *, force: bool = False, **options: Any) -> VerifiedBundle:
    """From a folder (or .zip) of class folders to a verified page in `into`; `options` are the fields of `options.Build`.

    Stages whose inputs did not change are not run again; their outputs wait in a hidden folder beside `into`. An interrupted build
    leaves the last good `into` in place and goes on where it stopped. Raises PagesightError; `force` replaces a foreign folder.
    """
    how = _checked(options)
    photos, into = Path(photos), Path(into)
    manifest.refuse_foreign(into, force=force)
    work = into.parent / f".{into.name}.build"
    seconds: dict[str, float] = {}
    with _timed(seconds, "scan"):
        dataset = scan(photos, how.scanning(), work / "scan")
    with _timed(seconds, "train"):
        trained = train(dataset, how.training(), work / "train")
    with _timed(seconds, "export"):
        saved = export(trained, how.naming(into.resolve().name), work / "export")
    with _timed(seconds, "quantize"):
        web = quantize(saved, how.quantization(), work / "quantize", dataset)
    with _timed(seconds, "bundle"):
        page = bundle(web, how.bundling(), work / "bundle", Origin(dataset, trained))
    with _timed(seconds, "verify"):
        finished = verify(page, how.verification(), into, dataset)
    finished.report["seconds"] = {stage: round(seconds[stage], 2) for stage in STAGES}
    return finished


def forget(into: Path) -> None:
    """Remove what a build keeps beside `into` to be able to resume."""
    shutil.rmtree(into.parent / f".{into.name}.build", ignore_errors=True)


def _checked(options: dict[str, Any]) -> Build:
    """`options` as a Build, with names and choices checked before any work is done."""
    known = {f.name for f in fields(Build)}
    for name in options.keys() - known:
        near = difflib.get_close_matches(name, known, n=1)
        raise OptionError(
            f"there is no option {name!r}", fix=f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(sorted(known))}"
        )
    how = Build(**options)
    backbones.named(how.backbone)
    if how.quantize not in MODES:
        raise OptionError(f"there is no quantisation {how.quantize!r}", fix=f"choose one of {', '.join(MODES)}")
    return how


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
