"""Every file read whole once, many at a time, within bounded memory and time: its hash and format, or why it is skipped."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pagesight import pixels, progress
from pagesight.artifacts import Side
from pagesight.decoders import Header, UnreadablePicture, UnreadFormat
from pagesight.pictures.in_flight import Room

_EMPTY_RATIO = 500
"""Unpacked bytes for each byte of a file beyond which a large picture shows next to nothing."""
_EMPTY_PIXELS = 4_000_000
_SMALL = 2_000_000
"""Bytes up to which a file is read in one go."""
_MOST_EMPTY_PIXELS = 1_000_000_000
"""Pixels of such pictures that are decoded in one scan, so that a folder of bombs does not take hours."""


@dataclass(frozen=True)
class Candidate:
    """A file that may be a picture: where it lies, what it shows, and which side, clip and frame it comes from, if any."""

    path: str
    label: str
    side: Side | None = None
    root: int = 0
    clip: str = ""
    frame: int = 0


@dataclass(frozen=True)
class Read:
    """A candidate after reading: its hash and format, or why it was skipped."""

    file: Candidate
    sha256: str = ""
    format: str = ""
    why_skipped: str = ""
    fix_for: str = ""
    """The format that is not read here, where that is why."""


class _NearlyEmptyError(UnreadablePicture):
    """A large picture of few bytes: read last, when it is known how many there are."""

    def __init__(self, header: Header) -> None:
        super().__init__(f"claims {header.width}×{header.height} pixels in {header.length:,} bytes, as too many pictures here do")
        self.pixels = header.width * header.height


def read_all(roots: Sequence[Path], candidates: Sequence[Candidate]) -> list[Read]:
    """Read every candidate; the result is in their order, and the same on any machine."""
    room = Room()

    @contextlib.contextmanager
    def admit(header: Header) -> Iterator[None]:
        if header.width * header.height > _EMPTY_PIXELS and header.unpacked > _EMPTY_RATIO * header.length:
            raise _NearlyEmptyError(header)
        with room.admit(header):
            yield

    def read(one: Candidate) -> Read | tuple[Candidate, _NearlyEmptyError]:
        try:
            return _read_one(roots[one.root], one, admit)
        except _NearlyEmptyError as cause:
            return one, cause

    with progress.task("reading pictures", len(candidates)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        results: list[Read] = []
        left = _MOST_EMPTY_PIXELS
        for result in pool.map(read, candidates):
            if isinstance(result, tuple):
                one, cause = result
                left -= cause.pixels
                result = _read_one(roots[one.root], one, room.admit) if left >= 0 else Read(one, why_skipped=str(cause))  # noqa: PLW2901
            results.append(result)
            advance()
    return results


def _read_one(root: Path, one: Candidate, admit: pixels.Admit) -> Read:
    if (shown := os.fsencode(one.path).decode("utf-8", "replace")) != one.path:
        return Read(replace(one, path=shown), why_skipped="has a name that is not UTF-8")
    path = root / one.path
    try:
        if not path.is_file():
            return Read(one, why_skipped="is not a file" if path.exists() else "is a link to nothing")
        sha256, kind = _examine(path, admit)
        return Read(one, sha256, kind)
    except OSError as cause:
        return Read(one, why_skipped=f"cannot be opened ({cause.strerror})")
    except _NearlyEmptyError:
        raise
    except UnreadFormat as cause:
        return Read(one, why_skipped=str(cause), fix_for=cause.format)
    except UnreadablePicture as cause:
        return Read(one, why_skipped=str(cause))


def _examine(path: Path, admit: pixels.Admit) -> tuple[str, str]:
    """Hash and format of a picture's file. Raises what `pixels.check` raises."""
    name = path.name
    if path.stat().st_size <= _SMALL:
        data = path.read_bytes()
        kind = pixels.check(data, name, admit)
        return hashlib.sha256(data).hexdigest(), kind
    with path.open("rb") as file:
        kind = pixels.check(file, name, admit)
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest(), kind
