"""Folders of small pictures, and what a scan makes of them."""

from collections import Counter
from pathlib import Path

import numpy as np

from pagesight.artifacts import Dataset
from pagesight.options import Scanning
from pagesight.progress import Reporter, shown_by
from pagesight.scan import scan

from .conftest import draw

LABELS = ("ants", "bees")
RANDOM = np.random.default_rng(5)


def pictures(folder: Path, kind: int, count: int = 8, start: int = 0) -> list[Path]:
    """`count` pictures of a kind in `folder`, each another."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start + n:04d}.jpg" for n in range(count)]
    for path in paths:
        draw(kind, RANDOM).save(path)
    return paths


def sides(dataset: Dataset) -> dict[str, Counter[str]]:
    """How many pictures of each class stand on each side."""
    return {
        side: Counter(dataset.labels[p.label] for p in dataset.pictures if p.side == side)
        for side in ("train", "validation", "test")
    }


class Notes(Reporter):
    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


def scanned(root: Path | list[Path], tmp_path: Path, **options: object) -> tuple[Dataset, list[str]]:
    notes = Notes()
    with shown_by(notes):
        dataset = scan(root, Scanning(**options), tmp_path / "out")  # type: ignore[arg-type]
    opened = Dataset.open(dataset.path)
    assert all(opened.read_bytes(p) for p in opened.pictures)
    return opened, notes.told
