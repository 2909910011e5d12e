"""One pass over all pictures: what the model answers and what the pixels look like, a chunk at a time."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagesight import pixels, progress
from pagesight.artifacts import SIDES, Dataset, Picture
from pagesight.contract import Input
from pagesight.graph.model import Runner

_CHUNK = 256
"""Squares in memory at a time, times two: one chunk is read while the other is answered."""
THUMB = 16
_LOOKED_AT = 96
"""Pixels a side at which sharpness is measured, so that one bar holds for every model."""


@dataclass(frozen=True)
class Looks:
    """Row i tells of picture i.

    hash uint64: dHash of the square; thumb uint8 `[16, 16]`: the square in gray; brightness: mean gray, 0..255; sharpness: variance
    of the Laplacian over the variance of gray; short_side: pixels of the file's shorter side.
    """

    hash: NDArray[np.uint64]
    thumb: NDArray[np.uint8]
    brightness: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    short_side: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> "Looks":
        """Looks of many pictures: `appearance` and the shorter side of each."""
        types = (np.uint64, np.uint8, np.float32, np.float32, np.int64)
        return cls(*(np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)))

    @classmethod
    def joined(cls, parts: Sequence["Looks"]) -> "Looks":
        """Those of `parts`, one behind the other."""
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))


@dataclass(frozen=True)
class Seen:
    """All pictures after one pass; `held_out` are the rows of validation and test, and `probabilities` are theirs alone.

    said, sure `[n]`: the answer and its probability; own `[n]`: the probability of the picture's own class.
    """

    pictures: tuple[Picture, ...]
    labels: NDArray[np.int64]
    said: NDArray[np.int64]
    sure: NDArray[np.float32]
    own: NDArray[np.float32]
    looks: Looks
    held_out: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    folds: NDArray[np.int64] | None = None
    """Where no picture was kept aside: the fold `[n]` in which each was asked of a model that had not seen it."""

    @property
    def parts(self) -> NDArray[np.int64]:
        """The fold, or the side as its place in SIDES, of each picture `[n]`: what must have nothing in common."""
        return np.array([SIDES.index(p.side) for p in self.pictures], np.int64) if self.folds is None else self.folds

    def on(self, side: str) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Probabilities `[m, classes]`, labels `[m]` and rows `[m]` of validation or test; all are test where all have folds."""
        if self.folds is not None:
            rows = np.arange(len(self.labels) if side == "test" else 0)
            return self.probabilities[rows], self.labels[rows], rows
        which = np.array([self.pictures[row].side == side for row in self.held_out], bool)
        rows = self.held_out[which]
        return self.probabilities[which], self.labels[rows], rows


def image_statistics(dataset: Dataset, columns: Sequence[int], options: Input, runner: Runner) -> Seen:
    """Read every picture once and answer it; `columns[i]` is the model's column for the dataset's label i.

    Memory holds two chunks of squares, a few hundred bytes a picture, and the probabilities of validation and test.
    """
    pictures = dataset.pictures
    labels = np.array([columns[p.label] for p in pictures], np.int64)
    held_out = np.array([i for i, p in enumerate(pictures) if p.side != "train"], np.int64)
    kept: list[NDArray[np.float32]] = []
    answers: list[tuple[NDArray[Any], ...]] = []
    looks: list[Looks] = []  # small objects between large ones would keep the memory of these
    start = 0
    with progress.task("looking at every picture", len(pictures)) as advance:
        for chunk in _chunks(dataset, options):
            rows = np.arange(start, start := start + len(chunk))
            probabilities = runner(np.stack([model_input for model_input, _ in chunk]))[0]
            answers.append((probabilities.argmax(1), probabilities.max(1), probabilities[np.arange(len(rows)), labels[rows]]))
            kept.append(probabilities[np.isin(rows, held_out)])
            looks.append(Looks.of([look for _, look in chunk]))
            advance(len(rows))
    predicted, sure, own = (np.concatenate(column) for column in zip(*answers, strict=True))
    return Seen(pictures, labels, predicted, sure, own, Looks.joined(looks), held_out, np.concatenate(kept))


def as_out_of_fold(seen: Seen, answers: tuple[NDArray[Any], NDArray[np.int64]] | None) -> Seen:
    """`seen` with `answers`, probabilities `[n, classes]` and folds `[n]`, in place of what a model says that has learned all."""
    if answers is None:
        return seen
    probabilities, folds = answers
    own = probabilities[np.arange(len(folds)), seen.labels]
    predicted, sure, every = probabilities.argmax(1), probabilities.max(1), np.arange(len(folds))
    return replace(seen, said=predicted, sure=sure, own=own, probabilities=probabilities, held_out=every, folds=folds)


def read(dataset: Dataset, options: Input, picture: Picture) -> tuple[pixels.Pixels, int]:
    """The square that the model sees, and the shorter side of the file in pixels."""
    decoded = pixels.decode(dataset.read_bytes(picture))
    return pixels.model_input(decoded, options), min(decoded.size)


_One = tuple[pixels.Pixels, tuple[Any, ...]]


def _read_and_look(dataset: Dataset, options: Input, picture: Picture) -> _One:
    model_input, short_side = read(dataset, options, picture)
    return model_input, (*appearance(model_input), short_side)


def _chunks(dataset: Dataset, options: Input) -> Iterator[list[_One]]:
    pictures = dataset.pictures
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read_one = partial(_read_and_look, dataset, options)
        waiting = [pool.submit(read_one, p) for p in pictures[:_CHUNK]]
        for start in range(0, len(pictures), _CHUNK):
            done = [job.result() for job in waiting]
            waiting = [pool.submit(read_one, p) for p in pictures[start + _CHUNK : start + 2 * _CHUNK]]
            yield done


def appearance(model_input: pixels.Pixels) -> tuple[int, NDArray[np.uint8], float, float]:
    """Hash, thumb, brightness and sharpness (see Looks) of a uint8 square `[side, side, channels]`."""
    image = Image.fromarray(model_input[..., 0] if model_input.shape[-1] == 1 else model_input).convert("L")
    image = image.resize((_LOOKED_AT, _LOOKED_AT), Image.Resampling.BOX)
    gray = np.asarray(image, np.float32)
    middle = gray[1:-1, 1:-1]
    laplacian = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:] - 4 * middle
    thumb = np.asarray(image.resize((THUMB, THUMB), Image.Resampling.BOX))
    return _dhash(image), thumb, float(gray.mean()), float(laplacian.var() / max(gray.var(), 1))


def _dhash(gray: Image.Image) -> int:
    """The 64-bit difference hash (Krawetz 2013): does brightness rise to the right, 8 by 8 times?"""
    small = np.asarray(gray.resize((9, 8), Image.Resampling.BOX))
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")
