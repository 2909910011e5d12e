"""What the stages hand on: each artifact is a folder on disk and a frozen view of it."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pagesight import manifest
from pagesight.contract import Contract
from pagesight.errors import OutputError, ScanError

Side = Literal["train", "validation", "test"]
_SCAN_AGAIN = "put it back, or scan the pictures again (`build` does by itself); what was finished is kept"
SIDES: tuple[Side, ...] = ("train", "validation", "test")
NO_CLASS = -1
"""The label of a picture of another thing."""


@dataclass(frozen=True)
class Picture:
    """One picture: its path below its root, its class index (NO_CLASS: of another thing), its group and the side it was put on."""

    path: str
    label: int
    group: str
    side: Side
    sha256: str


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

    def _json(self, name: str) -> Any:
        return json.loads((self.path / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Dataset(Artifact):
    """Pictures that were read whole, with labels and sides. The pictures stay where they are, under `root`."""

    root: Path
    unknown_root: Path | None = None

    STAGES: ClassVar[tuple[str, ...]] = ("scan",)
    COMMAND: ClassVar[str] = "scan"

    @classmethod
    def open(cls, path: Path) -> Self:
        """The dataset that `scan` wrote to `path`. Raises OutputError when there is none."""
        result = manifest.read(path)
        if result is None or result.get("stage") not in cls.STAGES:
            raise OutputError(f"{path} was not written by `pagesight scan`", fix="give the folder that it wrote")
        unknown = result["key"]["unknown_root"]
        return cls(path, root=Path(result["key"]["root"]), unknown_root=Path(unknown) if unknown else None)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """dataset.json: labels, counts, how it was split, duplicates, and every picture."""
        return dict(self._json("dataset.json"))

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; a picture's `label` is an index into them."""
        return tuple(self.facts["labels"])

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, sorted by path."""
        return tuple(Picture(**p) for p in self.facts["pictures"])

    def on(self, side: Side) -> list[Picture]:
        """The pictures of one side, sorted by path."""
        return [p for p in self.pictures if p.side == side]

    def unknown_on(self, side: Side) -> list[Picture]:
        """The pictures of other things on one side, sorted by path; none where none were given."""
        return [Picture(**p) for p in self.facts["unknown"] if p["side"] == side]

    def read_bytes(self, picture: Picture) -> bytes:
        """The file's bytes, as they were scanned. Raises ScanError where they are so no longer."""
        known = self.root / str(self.facts["top"])
        folder = self.unknown_root if picture.label == NO_CLASS and self.unknown_root is not None else known
        try:
            data = (folder / picture.path).read_bytes()
        except OSError as cause:
            raise ScanError(f"{picture.path} can no longer be read: {cause.strerror}", fix=_SCAN_AGAIN) from cause
        if hashlib.sha256(data).hexdigest() != picture.sha256:
            raise ScanError(f"{picture.path} is not the file that was scanned", fix=_SCAN_AGAIN)
        return data


@dataclass(frozen=True)
class TrainedModel(Artifact):
    """Weights of backbone and head, and `training.json`: how to build the model again, history and accuracy."""

    WEIGHTS_FILE: ClassVar[str] = "model.weights.h5"
    STAGES: ClassVar[tuple[str, ...]] = ("train",)
    COMMAND: ClassVar[str] = "train"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """training.json."""
        return dict(self._json("training.json"))


@dataclass(frozen=True)
class Search(Artifact):
    """search.json: backbones that were tried; until one is chosen, with the weights of those with the least and the most work."""

    STAGES: ClassVar[tuple[str, ...]] = ("search", "choose")
    KEPT: ClassVar[str] = "kept-{}"
    """The folders of those weights, 0 that with the least work."""

    @property
    def kept(self) -> list[TrainedModel]:
        """The networks to be measured, in the order of `facts["measured"]`."""
        return [TrainedModel(self.path / self.KEPT.format(number)) for number in range(len(self.facts["measured"]))]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """search.json."""
        return dict(self._json("search.json"))


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
    def adopted(self) -> dict[str, Any]:
        """adopted.json: how a model made elsewhere was read, and how it was compared with the original in its own runtime."""
        return dict(self._json("adopted.json"))


@dataclass(frozen=True)
class WebModel(SavedModel):
    """`model/` in the stock TF.js graph-model format, contract.json and quantization.json."""

    STAGES: ClassVar[tuple[str, ...]] = ("quantize",)
    COMMAND: ClassVar[str] = "convert"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """quantization.json: mode, bytes, agreement with the float model."""
        return dict(self._json("quantization.json"))


@dataclass(frozen=True)
class Origin:
    """Where a web model came from, for the page's card and gallery; all None for a model made elsewhere."""

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

    @cached_property
    def contract(self) -> Contract:
        """What the model in the page takes and gives."""
        return Contract.read(self.path)

    @cached_property
    def report(self) -> dict[str, Any]:
        """report.json: what was measured; None where something was not."""
        return dict(self._json("report.json"))


@dataclass(frozen=True)
class VerifiedBundle(Bundle):
    """A bundle whose answers in a real browser were compared with Python's, within its bars."""

    STAGES: ClassVar[tuple[str, ...]] = ("verify",)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The page at `path`. Raises OutputError where it was never compared in a browser."""
        opened = super().open(path)
        if opened.report["parity"] is None:
            raise OutputError(f"{path} was not verified in a browser", fix="build it again where there is one (`pagesight doctor`)")
        return opened


def sha256_of(pictures: Dataset | Path | None) -> str | None:
    """What names pictures in a stage's key: those of a dataset, or all files of a folder; None for none."""
    if isinstance(pictures, Path):
        return manifest.sha256_json(manifest.list_files(pictures))
    return manifest.sha256_file(pictures.path / "dataset.json") if pictures else None
