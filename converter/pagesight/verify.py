"""A Bundle to a VerifiedBundle: the real page in a real browser, asked the same pictures as Python."""

import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagesight import decoders, manifest, pixels, progress, records
from pagesight.artifacts import Bundle, Dataset, VerifiedBundle, sha256_of
from pagesight.browser import discovery
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
    """Check every file's hash, then compare browser and Python on the same file bytes.

    `pictures`: a dataset (its test side is asked), a folder, or None for the bundle's own samples; at most
    `options.max_pictures` are asked. With `into` the bundle is copied there with the result in its report.json; without it nothing
    is written. The bars are those of `options`; the pixels the model sees must be equal bit for bit.
    Returns a VerifiedBundle; where this machine has no browser, a plain Bundle whose report says `"parity": null`.
    Raises VerifyError where the bars are not met, or where a browser is required and there is none.
    """
    browser = discovery.find()
    if browser is None and options.require_browser:
        raise VerifyError("no browser was found on this machine", fix=discovery.HOW_TO_GET)
    if isinstance(pictures, Path) and not pictures.is_dir():
        raise VerifyError(f"{pictures} is no folder of pictures", fix="pass --photos with a folder of pictures")
    key = {
        "bundle": manifest.sha256_json(_listed(bundle.path)),
        "options": _options(options),
        "pictures": sha256_of(pictures),
        "browser": discovery.identity(browser) if browser is not None else None,
    }
    kind = Bundle if browser is None else VerifiedBundle
    if into is not None and manifest.is_fresh(into, "verify", key):
        progress.stage("verify", fresh=True)
        return kind(into)
    progress.stage("verify")
    _check_files(bundle.path)
    parity = None
    if browser is None:
        progress.note(f"not verified in a browser: none was found; {discovery.HOW_TO_GET}")
    else:
        asked, left_out = _comparable(_asked(bundle, options, pictures))
        parity = replace(_parity(bundle, asked or list(_asked(bundle, options, None)), browser, options), left_out=left_out)
    if into is None:
        return kind(bundle.path).with_report(parity=parity)
    with manifest.atomic_output_dir(into, "verify", key) as temporary:
        shutil.copytree(bundle.path, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(manifest.FILE_NAME))
        records.write(temporary / "report.json", replace(bundle.report, parity=parity))
        if file := single_file.find(bundle.path):  # the numbers just measured belong on its card, too
            single_file.write_single_file(temporary, file.stem)
    return kind(into)


def _options(options: Verification) -> dict[str, float]:
    return {"min_agreement": options.min_agreement, "max_abs_diff": options.max_abs_diff, "max_pictures": options.max_pictures}


def _listed(folder: Path) -> dict[str, manifest.FileFacts]:
    """The files that a bundle's manifest lists."""
    result = manifest.read(folder)
    if result is None:
        raise VerifyError(f"{folder} is no bundle: it has no manifest.json", fix="give the folder that `pagesight build` wrote")
    return dict(result["files"])


def _check_files(folder: Path) -> None:
    listed, present = _listed(folder), manifest.list_files(folder)
    for name, facts in listed.items():
        if name not in present:
            raise VerifyError(f"{folder / name} is missing", fix="build the bundle again")
        if present[name] != facts:
            raise VerifyError(f"{folder / name} is not the file that was built", fix="build the bundle again")
    foreign = sorted(present.keys() - listed.keys())
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


def _parity(bundle: Bundle, pictures: Pictures, browser: Path, options: Verification) -> Parity:
    contract = bundle.contract
    inputs = np.stack([pixels.read_model_input(data, contract.input) for _, data in pictures])
    if memory.is_large((bundle.path / contract.model_path).parent):
        memory.use_system_allocator()
    with progress.task("asking Python"):
        model = GraphModel.read(bundle.path / contract.model_path)
        with Runner(model, [contract.outputs.probabilities]) as runner:
            expected = runner(inputs)[0]
        del model
    memory.release_memory()
    result = _compared(pictures, inputs, expected, ask_page(bundle.path, pictures, browser), options)
    file = single_file.find(bundle.path)
    if file is not None:
        progress.note(f"asking {file.name} as well, opened from the disk")
        alone = _compared(pictures, inputs, expected, ask_single_file(file, pictures, browser), options)
        result = replace(result, single_file=alone)
    return result


def _compared(pictures: Pictures, inputs: Any, expected: Any, answers: Answers, options: Verification) -> Parity:
    """What report.json says of browser against Python; `squares` and `expected` are Python's."""
    same_square = [hashlib.sha256(s.tobytes()).hexdigest() == result for s, result in zip(inputs, answers.squares, strict=True)]
    for who, rows in (("Python", expected), ("the browser", answers.probabilities)):
        _refuse_no_probabilities(who, np.asarray(rows))
    agreement = float((expected.argmax(1) == answers.probabilities.argmax(1)).mean())
    difference = float(np.abs(expected - answers.probabilities).max())
    _hold_to_bars(pictures, same_square, agreement, difference, options)
    return Parity(
        browser=answers.browser,
        backend=answers.backend,
        pictures=len(pictures),
        squares_equal=sum(same_square),
        top1_agreement=agreement,
        max_abs_diff=difference,
    )


def _refuse_no_probabilities(who: str, rows: NDArray[Any]) -> None:
    """Two sides may agree on numbers that are no probabilities: that is no proof of anything."""
    if not np.isfinite(rows).all() or rows.min() < -_ROUNDING or rows.max() > 1 + _ROUNDING:
        raise VerifyError(
            f"{who} answers with numbers that are no probabilities ({np.nanmin(rows):.3g} to {np.nanmax(rows):.3g})",
            fix="convert the model again; if it stays so, report it",
        )


def _hold_to_bars(pictures: Pictures, same_square: list[bool], agreement: float, difference: float, options: Verification) -> None:
    if not all(same_square):
        name = pictures[same_square.index(False)][0]
        raise VerifyError(
            f"the browser sees other pixels than Python in {same_square.count(False)} of {len(pictures)} pictures, first in {name}",
            fix="report the picture; until then leave it out",
        )
    if not agreement >= options.min_agreement:
        raise VerifyError(
            f"browser and Python give the same first answer on {agreement:.1%} of {len(pictures)} pictures, "
            f"not {options.min_agreement:.1%}",
            fix="try another browser or --quantize none, and report it",
        )
    if not difference <= options.max_abs_diff:
        raise VerifyError(
            f"a probability differs by {difference:.2g} between browser and Python, more than {options.max_abs_diff:g}",
            fix="try another browser or --quantize none, and report it",
        )
