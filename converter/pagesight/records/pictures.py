"""dataset.json: the pictures that were found, their classes, groups and sides."""

from dataclasses import field
from typing import Literal

from pagesight.records.codec import record

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")
Split = Literal["given", "group", "random"]


@record
class Picture:
    """One picture: its path below its root, its class index (-1: of no class), its group and the side it was put on."""

    path: str
    label: int
    group: str
    side: Side
    sha256: str
    root: int = 0
    """The place it lies in, an index into `Dataset.roots`."""


@record
class Duplicates:
    """Pictures with equal bytes."""

    extra: int
    """How many are one too many."""
    across_classes: tuple[tuple[str, ...], ...]
    """Paths of equal pictures that stand in more than one class."""


@record
class DatasetFacts:
    """dataset.json: what `scan` found."""

    labels: tuple[str, ...]
    """Class names; a picture's `label` is an index into them."""
    counts: dict[Side, tuple[int, ...]]
    """Pictures of each class, by side."""
    skipped: int
    """Files that could not be read."""
    split: Split
    """How sides were chosen: as the pictures came, whole groups, or at random."""
    groups: int | None
    """How many groups there are, where pictures were grouped."""
    duplicates: Duplicates
    pictures: tuple[Picture, ...]
    """All, sorted by path."""
    layout: str = "class folders"
    """Where labels were found, in words."""
    formats: dict[str, int] = field(default_factory=dict)
    """Pictures of each format, such as JPEG."""
    leaked: int = 0
    """Pictures that were to be learned from, but are also on the side that measures: left out."""
    tops: tuple[str, ...] = (".",)
    """For each root, the folder below it that holds its pictures."""
    unknown: tuple[Picture, ...] = ()
    """Pictures of no class, below their own root."""


@record
class DatasetSummary:
    """What is told of a dataset without its pictures."""

    pictures: int
    classes: int
    skipped: int
    split: Split
    groups: int | None
    sha256: str
    """Of dataset.json."""
