"""A Bundle to a VerifiedBundle: the real page in a real browser, asked the same pictures as Python."""

import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagesight import decoders, manifest, pixels, progress, records
from pagesight.artifacts import Bundle, Dataset, VerifiedBundle, sha256_of
from pagesight.browser import discovery
from pagesight.browser.discovery import Browser
from pagesight.browser.session import Answers, Pictures, ask_page, ask_single_file
from pagesight.errors import VerifyError
from pagesight.graph import memory
from pagesight.graph.model import GraphModel, Runner
from pagesight.options import Verification
from pagesight.page import single_file
from pagesight.pictures.model_inputs import evenly, pictures_in
from pagesight.records.report import Parity
from pagesight.synthetic.natural_noise import natural_noise

_NOISE_PICTURES = 16
_ROUNDING = 1e-5
"""A softmax in float32 may sum to a little more than 1."""


def verify(bundle: Bundle, options: Verification, into: Path | None = None, pictures: Dataset | Path | None = None) -> Bundle:
    """Check every file's hash, then compare browsers of several engines with Python on the same file bytes.

    `pictures`: a dataset (its test side is asked), a folder, or None for the bundle's own samples; at most
    `options.max_pictures` are asked. With `into` the bundle is copied there with the result in its report.json; without it nothing
    is written. The bars are those of `options`; the pixels the model sees must be equal bit for bit, but for what
    an engine is known to round (docs/browsers.md).
    Returns a VerifiedBundle; where this machine has no browser, a plain Bundle whose report says `"parity": null`.
    Raises VerifyError where the bars are not met, or where a browser is required, or named in `options`, and not on this machine.
    """
    browsers = _browsers(options)
    if isinstance(pictures, Path) and not pictures.is_dir():
        raise VerifyError(f"{pictures} is not a folder of pictures", fix="pass --photos with a folder of pictures")
    key = {
        "bundle": manifest.sha256_json(_listed(bundle.path)),
        "options": _options(options),
        "pictures": sha256_of(pictures),
        "browsers": [discovery.identity(browser.executable) for browser in browsers],
    }
    kind = VerifiedBundle if browsers else Bundle
    if into is not None and manifest.is_fresh(into, "verify", key):
        progress.stage("verify", fresh=True)
        return kind(into)
    progress.stage("verify")
    _check_files(bundle.path)
    parity = None
    if browsers:
        asked, left_out = _comparable(_asked(bundle, options, pictures))
        parity = replace(_parity(bundle, asked or list(_asked(bundle, options, None)), browsers, options), left_out=left_out)
    else:
        progress.note(f"not verified in a browser: none was found; {discovery.HOW_TO_GET}")
    if into is None:
        return kind(bundle.path).with_report(parity=parity)
    with manifest.atomic_output_dir(into, "verify", key) as temporary:
        shutil.copytree(
            bundle.path, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(manifest.FILE_NAME, manifest.SIGNATURE)
        )
        records.write(temporary / "report.json", replace(bundle.report, parity=parity))
        if file := single_file.find(bundle.path):  # the numbers just measured belong on its card, too
            single_file.write_single_file(temporary, file.stem)
    return kind(into)


def _browsers(options: Verification) -> list[Browser]:
    """Those to ask: the engines that are named, or every one that is found."""
    if not options.browsers:
        found = discovery.find_all()
        if not found and options.require_browser:
            raise VerifyError("no browser was found on this machine", fix=discovery.HOW_TO_GET)
        return found
    named = {engine: discovery.find_engine(engine) for engine in discovery.ENGINES if engine in options.browsers}
    missing = [engine for engine, browser in named.items() if browser is None]
    if missing:
        raise VerifyError(
            f"no browser with the engine {missing[0]} was found on this machine", fix=discovery.HOW_TO_GET_EACH[missing[0]]
        )
    return [browser for browser in named.values() if browser]


def _options(options: Verification) -> dict[str, float]:
    return {"min_agreement": options.min_agreement, "max_abs_diff": options.max_abs_diff, "max_pictures": options.max_pictures}


def _listed(folder: Path) -> dict[str, manifest.FileFacts]:
    """The files that a bundle's manifest lists."""
    result = manifest.read(folder)
    if result is None:
        raise VerifyError(f"{folder} is not a bundle: it has no manifest.json", fix="give the folder that `pagesight build` wrote")
    return dict(result["files"])


def _check_files(folder: Path) -> None:
    listed, present = _listed(folder), manifest.list_files(folder)
    for name, facts in listed.items():
        if name not in present:
            raise VerifyError(f"{folder / name} is missing", fix="build the bundle again")
        if present[name] != facts:
            raise VerifyError(f"{folder / name} is not the file that was built", fix="build the bundle again")
    links = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink()}  # to folders, too
    foreign = sorted((present.keys() | links) - listed.keys())
    if foreign:
        raise VerifyError(f"{folder / foreign[0]} does not belong to the bundle", fix="remove it, or build the bundle again")


def _asked(bundle: Bundle, options: Verification, pictures: Dataset | Path | None) -> Iterator[tuple[str, bytes]]:
    if isinstance(pictures, Dataset):
        test = evenly(pictures.on("test"), options.max_pictures)
        yield from ((p.path, pictures.read_bytes(p)) for p in test)
        return
    folder = pictures or bundle.path / "samples"
    if pictures is None and not folder.is_dir():
        yield from _noise(bundle)
        return
    some = False
    for path, data in pictures_in(folder, options.max_pictures):
        some = True
        yield str(path), data
    if not some:
        raise VerifyError(f"{folder} holds no picture that can be read", fix="pass --photos with a folder of pictures")


def _comparable(asked: Iterator[tuple[str, bytes]]) -> tuple[list[tuple[str, bytes]], dict[str, int]]:
    """The pictures whose format browsers decode to the same pixels, and how many of others there are, by format."""
    kept: list[tuple[str, bytes]] = []
    others: Counter[str] = Counter()
    for name, data in asked:
        kind = decoders.sniff(data[: decoders.HEAD])
        if kind in decoders.EXACT:
            kept.append((name, data))
        else:
            others[kind] += 1
    for kind, number in sorted(others.items()):
        are = f"{number} {kind} picture{'s are' if number > 1 else ' is'}"
        progress.note(f"{are} left out of the comparison: browsers decode them in their own way, or not at all")
    return kept, dict(sorted(others.items()))


def _noise(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    """Pictures to ask a model that came without any: noise with the statistics of photographs, as PNG files."""
    side = bundle.contract.input.side
    for number, pixel in enumerate(
        natural_noise(replace(bundle.contract.input, channels=3, side=side + side // 3), _NOISE_PICTURES)
    ):
        file = io.BytesIO()
        Image.fromarray(pixel).save(file, "PNG")
        yield f"noise {number}", file.getvalue()


def _parity(bundle: Bundle, pictures: Pictures, browsers: Sequence[Browser], options: Verification) -> Parity:
    contract = bundle.contract
    inputs = np.stack([pixels.read_model_input(data, contract.input) for _, data in pictures])
    if memory.is_large((bundle.path / contract.model_path).parent):
        memory.use_system_allocator()
    with progress.task("asking Python"):
        model = GraphModel.read(bundle.path / contract.model_path)
        with Runner(model, [contract.outputs.probabilities]) as runner:
            asked = _Asked(pictures, inputs, runner(inputs)[0])
        del model
    memory.release_memory()
    file = single_file.find(bundle.path)
    found = []
    for browser in browsers:
        result = _compared(asked, ask_page(bundle.path, pictures, asked.hashes, browser), browser, options)
        if file is not None:
            progress.note(f"asking {file.name} as well, opened from the disk")
            alone = _compared(asked, ask_single_file(file, pictures, asked.hashes, browser), browser, options)
            result = replace(result, single_file=alone)
        found.append(result)
    return _together(found)


def _together(found: Sequence[Parity]) -> Parity:
    """Several browsers in one: their names, and what any of them is worst at."""
    if len(found) == 1:
        return found[0]
    alone = [result.single_file for result in found if result.single_file]
    return Parity(
        browser=", ".join(result.browser for result in found),
        backend=found[0].backend,
        pictures=found[0].pictures,
        squares_equal=min(result.squares_equal for result in found),
        top1_agreement=min(result.top1_agreement for result in found),
        max_abs_diff=max(result.max_abs_diff for result in found),
        max_square_diff=max(result.max_square_diff for result in found),
        single_file=replace(_together(alone), engines=()) if alone else None,
        engines=tuple(found),
    )


def _refuse_no_probabilities(who: str, rows: NDArray[Any]) -> None:
    """Two sides may agree on numbers that are no probabilities: that is no proof of anything."""
    if not np.isfinite(rows).all() or rows.min() < -_ROUNDING or rows.max() > 1 + _ROUNDING:
        raise VerifyError(
            f"{who} answers with values that are not probabilities ({np.nanmin(rows):.3g} to {np.nanmax(rows):.3g})",
            fix="convert the model again; if it stays so, report it",
        )


@dataclass(frozen=True)
class _Asked:
    """The pictures, and what Python makes of them."""

    pictures: Pictures
    inputs: Any
    """uint8 [pictures, side, side, channels]"""
    expected: Any
    """[pictures, classes]"""

    @cached_property
    def hashes(self) -> list[str]:
        """SHA-256 of each input."""
        return [hashlib.sha256(pixel.tobytes()).hexdigest() for pixel in self.inputs]


def _compared(asked: _Asked, answers: Answers, browser: Browser, options: Verification) -> Parity:
    """What report.json says of one browser against Python."""
    apart = [
        0 if square is None else int(np.abs(python.ravel().astype(int) - square).max())
        for python, square in zip(asked.inputs, answers.squares, strict=True)
    ]
    allowed = [_rounded(data, browser.engine) for _, data in asked.pictures]
    for who, rows in (("Python", asked.expected), (answers.browser, answers.probabilities)):
        _refuse_no_probabilities(who, np.asarray(rows))
    agreement = float((asked.expected.argmax(1) == answers.probabilities.argmax(1)).mean())
    difference = float(np.abs(asked.expected - answers.probabilities).max())
    wrong = [name for (name, _), much, most in zip(asked.pictures, apart, allowed, strict=True) if much > most]
    if wrong:
        raise VerifyError(
            f"{answers.browser} sees different pixels from Python in {len(wrong)} of {len(apart)} pictures, first in {wrong[0]}",
            fix="report the picture; until then leave it out",
        )
    _hold_to_bars(answers.browser, len(apart), agreement, difference, options)
    return Parity(
        browser=answers.browser,
        backend=answers.backend,
        pictures=len(apart),
        squares_equal=apart.count(0),
        top1_agreement=agreement,
        max_abs_diff=difference,
        max_square_diff=max(apart),
    )


def _rounded(data: bytes, engine: str) -> int:
    """How far (of 255) an engine's pixels may be from the file's: WebKit multiplies a translucent lossless WebP by its alpha.

    Color · alpha is rounded there to 8 bits once, which moves what is laid on white by 1 at most.
    """
    return 1 if engine == "webkit" and data[:4] == b"RIFF" and data[8:12] == b"WEBP" and b"VP8L" in data[:64] else 0


def _hold_to_bars(browser: str, pictures: int, agreement: float, difference: float, options: Verification) -> None:
    if not agreement >= options.min_agreement:
        raise VerifyError(
            f"{browser} and Python agree on the top prediction for {agreement:.1%} of {pictures} pictures, "
            f"not {options.min_agreement:.1%}",
            fix="try another browser or --quantize none, and report it",
        )
    if not difference <= options.max_abs_diff:
        raise VerifyError(
            f"a probability differs by {difference:.2g} between {browser} and Python, more than {options.max_abs_diff:g}",
            fix="try another browser or --quantize none, and report it",
        )
