"""What the stages hand on: each artifact is a folder on disk and a frozen view of it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pagesight import manifest, records
from pagesight.contract import Contract
from pagesight.errors import OutputError, ScanError
from pagesight.records.adopted import Adopted
from pagesight.records.pictures import SIDES, DatasetFacts, DatasetSummary, Picture, Side
from pagesight.records.quantization import QuantizationFacts
from pagesight.records.report import Report
from pagesight.records.search import SearchFacts
from pagesight.records.training import TrainingFacts

__all__ = [
    "NO_CLASS",
    "ORIGINAL_ANSWERS",
    "SIDES",
    "Artifact",
    "Bundle",
    "Dataset",
    "Origin",
    "Picture",
    "SavedModel",
    "Search",
    "Side",
    "TrainedModel",
    "VerifiedBundle",
    "WebModel",
]

if TYPE_CHECKING:  # `--help` must be quick
    import numpy as np
    from numpy.typing import NDArray

_SCAN_AGAIN = "put it back, or scan the pictures again (`build` does by itself); what was finished is kept"
ORIGINAL_ANSWERS = "original.npz"
"""Beside adopted.json: the pictures that the original was compared on, and its probabilities for them."""
NO_CLASS = -1
"""The label of a picture of no class."""


@dataclass(frozen=True)
class Artifact:
    """A finished output folder; `manifest.json` in it says what it was made from."""

    STAGES: ClassVar[tuple[str, ...]] = ()
    COMMAND: ClassVar[str] = ""
    """What a person calls the stage that writes it."""
    path: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """The artifact that a stage wrote to `path`. Raises OutputError when there is none."""
        result = manifest.read(path)
        if result is None or result.get("stage") not in cls.STAGES:
            raise OutputError(f"{path} was not written by `pagesight {cls.COMMAND}`", fix="give the folder that it wrote")
        return cls(path)


@dataclass(frozen=True)
class Dataset(Artifact):
    """Pictures that were read whole, with labels and sides. They stay where they are, below `roots` and `facts["tops"]`."""

    roots: tuple[Path, ...]

    STAGES: ClassVar[tuple[str, ...]] = ("scan",)
    COMMAND: ClassVar[str] = "scan"

    @classmethod
    def open(cls, path: Path) -> Self:
        """The dataset that `scan` wrote to `path`. Raises OutputError when there is none."""
        result = manifest.read(path)
        if result is None or result.get("stage") not in cls.STAGES:
            raise OutputError(f"{path} was not written by `pagesight scan`", fix="give the folder that it wrote")
        roots = result["key"]["roots"]
        assert isinstance(roots, list)
        return cls(path, tuple(path / str(root) for root in roots))

    @cached_property
    def facts(self) -> DatasetFacts:
        """dataset.json: labels, counts, how it was split, duplicates, and every picture."""
        return records.read(DatasetFacts, self.path / "dataset.json")

    @property
    def summary(self) -> DatasetSummary:
        """What is told of it without its pictures."""
        facts, sha256 = self.facts, manifest.sha256_file(self.path / "dataset.json")
        return DatasetSummary(len(facts.pictures), len(facts.labels), facts.skipped, facts.split, facts.groups, sha256)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; a picture's `label` is an index into them."""
        return self.facts.labels

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, sorted by path."""
        return self.facts.pictures

    @property
    def has_own_sides(self) -> bool:
        """True where the pictures came with a test side of their own: it stays the test side, whatever else is done."""
        return bool(self.facts.split == "given")

    def on(self, side: Side) -> list[Picture]:
        """The pictures of one side, sorted by path."""
        return [p for p in self.pictures if p.side == side]

    def unknown_on(self, side: Side) -> list[Picture]:
        """The pictures of other things on one side, sorted by path; none where none were given."""
        return [p for p in self.facts.unknown if p.side == side]

    def read_bytes(self, picture: Picture) -> bytes:
        """The file's bytes, as they were scanned. Raises ScanError where they are so no longer."""
        folder = self.roots[picture.root] / str(self.facts.tops[picture.root])
        try:
            data = (folder / picture.path).read_bytes()
        except OSError as cause:
            raise ScanError(f"{picture.path} can no longer be read: {cause.strerror}", fix=_SCAN_AGAIN) from cause
        if hashlib.sha256(data).hexdigest() != picture.sha256:
            manifest.mark_stale(self.path)
            raise ScanError(f"{picture.path} is not the file that was scanned", fix=_SCAN_AGAIN)
        return data


@dataclass(frozen=True)
class TrainedModel(Artifact):
    """Weights of backbone and head, and `training.json`: how to build the model again, history and accuracy."""

    WEIGHTS_FILE: ClassVar[str] = "model.weights.h5"
    OUT_OF_FOLD_FILE: ClassVar[str] = "out_of_fold.npz"
    STAGES: ClassVar[tuple[str, ...]] = ("train",)
    COMMAND: ClassVar[str] = "train"

    @cached_property
    def facts(self) -> TrainingFacts:
        """training.json."""
        return records.read(TrainingFacts, self.path / "training.json")

    @cached_property
    def out_of_fold(self) -> "tuple[NDArray[np.float32], NDArray[np.int64]] | None":
        """Of each picture of the dataset, in its order, what a model that had not seen it says `[n, classes]`, and its fold `[n]`.

        None where pictures were kept aside instead.
        """
        file = self.path / self.OUT_OF_FOLD_FILE
        if not file.is_file():
            return None
        import numpy as np

        with np.load(file, allow_pickle=False) as saved:
            return saved["probabilities"], saved["folds"]


@dataclass(frozen=True)
class Search(Artifact):
    """search.json: backbones that were tried; until one is chosen, with the weights of those with the least and the most work."""

    STAGES: ClassVar[tuple[str, ...]] = ("search", "choose")
    KEPT: ClassVar[str] = "kept-{}"
    """The folders of those weights, 0 that with the least work."""

    @property
    def kept(self) -> list[TrainedModel]:
        """The networks to be measured, in the order of `facts.measured`."""
        return [TrainedModel(self.path / self.KEPT.format(number)) for number in range(len(self.facts.measured))]

    @cached_property
    def facts(self) -> SearchFacts:
        """search.json."""
        return records.read(SearchFacts, self.path / "search.json")


@dataclass(frozen=True)
class SavedModel(Artifact):
    """`saved_model/` with one signature (image in; probabilities, embedding, features out) and contract.json."""

    STAGES: ClassVar[tuple[str, ...]] = ("export", "adopt")
    COMMAND: ClassVar[str] = "export"

    @cached_property
    def contract(self) -> Contract:
        """What goes in and comes out."""
        return Contract.read(self.path)

    @cached_property
    def learned_from_all(self) -> bool:
        """Whether the model has learned from every picture of its dataset, so that none is left to measure its accuracy on."""
        return bool(manifest.required(self.path)["key"].get("learned_from_all"))

    @cached_property
    def adopted(self) -> Adopted:
        """adopted.json: how a model made elsewhere was read, and how it was compared with the original in its own runtime."""
        return records.read(Adopted, self.path / "adopted.json")


@dataclass(frozen=True)
class WebModel(SavedModel):
    """`model/` in the stock TF.js graph-model format, contract.json and quantization.json."""

    STAGES: ClassVar[tuple[str, ...]] = ("quantize",)
    COMMAND: ClassVar[str] = "convert"

    @cached_property
    def facts(self) -> QuantizationFacts:
        """quantization.json: mode, bytes, agreement with the float model."""
        return records.read(QuantizationFacts, self.path / "quantization.json")


@dataclass(frozen=True)
class Origin:
    """Where a web model came from, for the model card and gallery; all None for a model made elsewhere."""

    dataset: Dataset | None = None
    trained: TrainedModel | None = None
    search: Search | None = None
    """Where the backbone was chosen among several."""
    adopted: SavedModel | None = None
    """A model made elsewhere, as it was read."""


@dataclass(frozen=True)
class Bundle(Artifact):
    """The static page with everything it needs."""

    STAGES: ClassVar[tuple[str, ...]] = ("bundle", "verify")
    COMMAND: ClassVar[str] = "build"
    notebook_view: ClassVar[Callable[[Path], str | None] | None] = None
    """How notebooks show the page in a folder; `pagesight.page.notebook` provides it."""

    def _repr_html_(self) -> str | None:
        """The page itself, where a notebook shows the value of a cell."""
        view = type(self).notebook_view
        return view(self.path) if view else None

    @cached_property
    def contract(self) -> Contract:
        """What the model in the page takes and gives."""
        return Contract.read(self.path)

    @cached_property
    def report(self) -> Report:
        """report.json: what was measured; None where something was not."""
        return records.read(Report, self.path / "report.json")

    def with_report(self, **measured: Any) -> Self:
        """The same bundle, with fields of its report replaced in this view of it; nothing is written."""
        view = type(self)(self.path)
        view.__dict__["report"] = replace(self.report, **measured)
        return view


@dataclass(frozen=True)
class VerifiedBundle(Bundle):
    """A bundle whose answers in a real browser were compared with Python's, within its bars."""

    STAGES: ClassVar[tuple[str, ...]] = ("verify",)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The page at `path`. Raises OutputError where it was never compared in a browser."""
        opened = super().open(path)
        if opened.report.parity is None:
            raise OutputError(f"{path} was not verified in a browser", fix="build it again where there is one (`pagesight doctor`)")
        return opened


def sha256_of(pictures: Dataset | Path | None) -> str | None:
    """What names pictures in a stage's key: those of a dataset, or all files of a folder; None for none."""
    if isinstance(pictures, Path):
        return manifest.sha256_json(manifest.list_files(pictures))
    return manifest.sha256_file(pictures.path / "dataset.json") if pictures else None
