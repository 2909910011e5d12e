"""The squares of a dataset's pictures, in a file that is read as if it were memory."""

import mmap
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from pagesight import decoders, pixels, progress
from pagesight.artifacts import Dataset, Picture
from pagesight.contract import Input
from pagesight.pictures.in_flight import Room

_T = TypeVar("_T")
_CHUNK = 2048
"""Pictures after which memory is released."""


def model_inputs_of(
    dataset: Dataset, pictures: Sequence[Picture], options: Input, file: Path, *, exact: bool = True
) -> pixels.Pixels:
    """Write the squares of `pictures` to `file` and map it: uint8 `[n, side, side, channels]`, in their order.

    Where they need not be `exact`, large JPEG files are read several times as fast (see `pixels.read_model_input`).
    """
    shape = (len(pictures), options.side, options.side, options.channels)
    if not pictures:  # an empty file cannot be mapped
        return np.zeros(shape, np.uint8)
    mapped = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    _reserve(file)
    room = Room()

    def read(index: int) -> None:
        mapped[index] = pixels.read_model_input(dataset.read_bytes(pictures[index]), options, exact=exact, admit=room.admit)

    with progress.task("preparing pictures", len(pictures)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(pictures), _CHUNK):
            for _ in pool.map(read, range(start, min(start + _CHUNK, len(pictures)))):
                advance()
            release(mapped)
    return mapped


def release(inputs: pixels.Pixels) -> None:
    """Let go of the memory that a map has taken so far; its content stays in the file, and is read again when it is asked for.

    The system would do so only when memory runs short: until then every square ever looked at counts as this process's.
    """
    owner = getattr(inputs, "_mmap", None)
    if owner is not None and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


def model_inputs_in(folder: Path, options: Input, most: int) -> pixels.Pixels:
    """Model inputs of at most `most` pictures in `folder`, as `pictures_in` chooses: uint8 `[n, side, side, channels]`."""
    inputs = [pixels.read_model_input(data, options) for _, data in pictures_in(folder, most)]
    return np.array(inputs, np.uint8).reshape(-1, options.side, options.side, options.channels)


def pictures_in(folder: Path, most: int) -> Iterator[tuple[Path, bytes]]:
    """Path and bytes of at most `most` pictures anywhere below `folder`, evenly from all by their paths.

    Files that cannot be read as pictures are passed over, and others take their places.
    """
    left = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    chosen: list[Path] = []
    while left and len(chosen) < most:
        some = set(evenly(left, most - len(chosen)))
        chosen += [p for p in some if _is_picture(p)]
        left = [p for p in left if p not in some]
    yield from ((path, path.read_bytes()) for path in sorted(chosen))


def evenly(items: Sequence[_T], most: int) -> list[_T]:
    """At most `most` of `items`, in their order, evenly from all: the first and the last are among them where two are."""
    if len(items) <= most:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, most).round().astype(int)]


def _is_picture(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            kind = decoders.sniff(opened.read(decoders.HEAD))
        if kind not in decoders.READABLE or file.stat().st_size > decoders.MAX_MEMORY:  # a film is not read whole to see that
            return False
        pixels.check(file.read_bytes())
    except (pixels.UnreadablePicture, OSError):
        return False
    return True


def _reserve(file: Path) -> None:
    """Take the disk space at once: a full disk is then an OSError here, not a signal at the first write to the map."""
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
