"""The squares of a dataset's pictures, in a file that is read as if it were memory."""

import contextlib
import mmap
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pagesight import pixels, progress
from pagesight.artifacts import Dataset, Picture
from pagesight.contract import Input
from pagesight.pictures.in_flight import Room

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
    """The squares of at most `most` pictures in `folder`, evenly from all that can be read: uint8 `[n, side, side, channels]`."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    inputs = []
    for path in files[:: max(1, len(files) // most)]:
        with contextlib.suppress(pixels.UnreadablePicture):
            inputs.append(pixels.read_model_input(path.read_bytes(), options))
    return np.array(inputs[:most], np.uint8).reshape(-1, options.side, options.side, options.channels)


def _reserve(file: Path) -> None:
    """Take the disk space at once: a full disk is then an OSError here, not a signal at the first write to the map."""
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
