"""Where a training stands after each epoch, kept beside the output, so that a killed run goes on and ends with the same bytes."""

import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import manifest

Arrays = Sequence[NDArray[Any]]


Losses = dict[str, float]
"""What an epoch ended with: `loss`, `validation_loss`, `validation_accuracy`."""


@dataclass
class Progress:
    """How training went so far, and when it was best."""

    history: list[Losses]
    best_loss: float
    waited: int
    """Epochs since it was best."""


@dataclass
class State:
    """All that the next epoch depends on, beside options and pictures."""

    epoch: int
    """Epochs done."""
    weights: Arrays
    optimizer: Arrays
    best: Arrays
    progress: Progress


class Checkpoint:
    """One file in a hidden work folder beside an output, replaced in one step; a file written for another key counts as none."""

    def __init__(self, into: Path, key: object) -> None:
        self._folder = into.parent / f".{into.name}.work"
        self._file = self._folder / "checkpoint.npz"
        self._key = manifest.sha256_json(key)

    def make_folder(self) -> Path:
        """Make the work folder, which may also hold scratch files; it stays until `remove`, for the next run to find."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def remove(self) -> None:
        """Remove the work folder and all in it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def content(self) -> bytes:
        """The file's bytes, none where there is not a file; set on a worker that goes on from another's."""
        return self._file.read_bytes() if self._file.exists() else b""

    @content.setter
    def content(self, content: bytes) -> None:
        if content != self.content:
            self._file.write_bytes(content)

    def save(self, state: State) -> None:
        """Replace the file by `state`."""
        named = {f"{kind}{i}": a for kind in ("weights", "optimizer", "best") for i, a in enumerate(getattr(state, kind))}
        facts = json.dumps({"key": self._key, "epoch": state.epoch, "progress": asdict(state.progress)})
        new = self._file.with_suffix(".new")
        with new.open("wb") as out:
            np.savez(out, json=np.array(facts), **named)
        new.replace(self._file)

    def load(self) -> State | None:
        """What was saved last for this key, if anything."""
        try:
            with np.load(self._file, allow_pickle=False) as saved:
                facts = json.loads(str(saved["json"]))
                if facts["key"] != self._key:
                    return None
                lists = {kind: _numbered(saved, kind) for kind in ("weights", "optimizer", "best")}
                progress = Progress(**facts["progress"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return State(epoch=facts["epoch"], progress=progress, **lists)


def _numbered(saved: Any, kind: str) -> Arrays:
    count = sum(name.startswith(kind) for name in saved.files)
    return [saved[f"{kind}{i}"] for i in range(count)]
