"""Runs a model made elsewhere in its own runtime, in a process of its own: what it answers there is what a page must answer."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.importers.imported_model import Foreign

_PATIENCE = 600
"""Seconds after which a model that does not answer is given up."""


_RUNTIMES = {
    "Keras 3 model": "keras3",
    "tf-keras model": "keras2",
    "trusted Keras model": "keras",
    "SavedModel": "saved_model",
}
_LARGE = ((100 * 2**20, 8), (20 * 2**20, 16))
"""Bytes of a model from which on so many pictures must do: the comparison shall not take longer than loading the model."""
_PICTURES = 64


@dataclass(frozen=True)
class Source:
    """A model's own files, and what runs them: `keras3`, `keras2`, `keras` (whichever can), `saved_model`."""

    runtime: str
    path: str
    trust: bool = False
    signature: str | None = None


def source_of(path: Path, foreign: Foreign, *, trust: bool, signature: str | None = None) -> Source | None:
    """How the model at `path`, read as `foreign`, is run by itself; None where Pagesight cannot."""
    runtime = _RUNTIMES.get(foreign.kind)
    return None if runtime is None else Source(runtime, str(path.resolve()), trust, signature)


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


class Original:
    """A process that has begun to load the model; it is asked once."""

    def __init__(self, source: Source, scratch: Path) -> None:
        self._folder = scratch
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pagesight.importers.original_runner", json.dumps(asdict(source))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=scratch,
        )

    def ask(self, inputs: NDArray[np.float32]) -> Answered:
        """Its answers to `inputs`, `[n, side, side, channels]` in its own range. Raises NotRun."""
        np.save(self._folder / "inputs.npy", inputs)
        try:
            out, _ = self._process.communicate(b"go\n", timeout=_PATIENCE)
        except subprocess.TimeoutExpired as cause:
            raise NotRun(f"it did not answer within {_PATIENCE} seconds") from cause
        lines = out.decode(errors="replace").splitlines()
        try:
            result = json.loads(lines[-1])
        except (IndexError, ValueError) as cause:
            raise NotRun(f"its process ended with code {self._process.returncode}") from cause
        if "error" in result:
            raise NotRun(result["error"])
        return Answered(result["runtime"], np.load(self._folder / "scores.npy", allow_pickle=False))

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


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
            result.close()


def compared(ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[float, float]:
    """Share of pictures with the same first answer, and the largest difference of a probability."""
    return float((ours.argmax(1) == theirs.argmax(1)).mean()), float(np.abs(ours - theirs).max())
