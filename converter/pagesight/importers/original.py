"""Runs a model made elsewhere in its own runtime, in a process of its own: what it answers there is what a page must answer."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pagesight import sandbox
from pagesight.errors import PagesightError
from pagesight.importers.imported_model import Foreign
from pagesight.importers.original_runner import INPUTS, Source

_MEMORY = 24 * 2**30
"""Bytes of address space: TensorFlow reserves far more than it uses."""
_SECONDS = 600
"""Of processor time."""


_RUNTIMES = {
    "Keras 3 model": "keras3",
    "tf-keras model": "keras2",
    "trusted Keras model": "keras",
    "SavedModel": "saved_model",
    "TFLite model": "tflite",
    "ONNX model": "onnx",
}
_LARGE = ((100 * 2**20, 8), (20 * 2**20, 16))
"""Bytes of a model from which on so many pictures must do: the comparison shall not take longer than loading the model."""
_PICTURES = 64


def source_of(path: Path, foreign: Foreign, *, trust: bool, signature: str | None = None) -> Source | None:
    """How the model at `path`, read as `foreign`, is run by itself; None where Pagesight cannot."""
    runtime = _RUNTIMES.get(foreign.kind)
    channels_first = foreign.size[0] in (1, 3) and foreign.size[2] not in (1, 3, None)
    return None if runtime is None else Source(runtime, str(path.resolve()), trust, signature, channels_first)


def pictures_for(path: Path) -> int:
    """How many pictures the model at `path` is compared on at most: fewer the larger it is."""
    size = path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return next((count for limit, count in _LARGE if size > limit), _PICTURES)


@dataclass(frozen=True)
class Answered:
    """What the original said."""

    runtime: str
    """For people: 'Keras 3.11', 'TensorFlow 2.21'."""
    scores: NDArray[np.float32]
    """`[n, scores]`, before softmax or sigmoid where the model has none."""


class NotRun(Exception):
    """The original could not be run; the reason is said in one clause."""


class NoRuntime(NotRun):
    """This machine has nothing to run it in."""


class Running(Protocol):
    """An original that has begun to load."""

    def ask(self, inputs: NDArray[np.float32]) -> Answered:
        """Its answers to `inputs`, `[n, side, side, channels]` in its own range. Raises NotRun."""


class Original:
    """A process that has begun to load the model; it is asked once."""

    def __init__(self, source: Source, scratch: Path) -> None:
        self._scratch = scratch
        self._job = sandbox.start(
            "pagesight.importers.original_runner:answers",
            asdict(source),
            scratch,
            what="the original",
            limits=sandbox.Limits(_MEMORY, _SECONDS),
        )

    def ask(self, inputs: NDArray[np.float32]) -> Answered:
        """Its answers to `inputs`, `[n, side, side, channels]` in its own range. Raises NotRun."""
        self._send(inputs)
        try:
            handed = self._job.result()
        except PagesightError as cause:
            raise NotRun(cause.what) from cause
        if "why_not" in handed.facts:
            raise NotRun(str(handed.facts["why_not"]))
        return Answered(str(handed.facts["runtime"]), np.asarray(handed.arrays["scores"], np.float32))

    def stop(self) -> None:
        """End the process where it was not asked, though the model may not even be loaded."""
        if not (self._scratch / INPUTS).exists():
            self._job.stop()

    def _send(self, inputs: NDArray[np.float32]) -> None:
        np.save(self._scratch / "unfinished.npy", inputs)
        (self._scratch / "unfinished.npy").rename(self._scratch / INPUTS)


@contextlib.contextmanager
def started(source: Source | None) -> Iterator["Original | None"]:
    """The original, loading while the block goes on; None where there is nothing to run."""
    if source is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as scratch:
        result = Original(source, Path(scratch))
        try:
            yield result
        finally:
            result.stop()


def compared(ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[float, float]:
    """Share of pictures with the same first answer, and the largest difference of a probability."""
    return float((ours.argmax(1) == theirs.argmax(1)).mean()), float(np.abs(ours - theirs).max())
