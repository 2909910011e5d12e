"""Files of strangers are opened in a process of their own, which may read and compute and nothing else.

What comes back is plain: JSON and arrays of numbers, read here by rules that do not depend on the child's good will.
"""

import itertools
import json
import math
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pagesight import errors
from pagesight.errors import AdoptError, PagesightError
from pagesight.json_values import JsonObject
from pagesight.sandbox.child import ARRAYS, HANDED, Found

__all__ = ["Found", "Handed", "Job", "Limits", "guards", "start"]

_GIB = 1024**3
_MAX_JSON = 512 * 1024**2
_MAX_FILES = 100_000
_DTYPES = frozenset(["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"])
_MALFORMED = (LookupError, TypeError, ValueError, ArithmeticError, OSError)
_LAST_WORDS = 4096
"""Bytes of what a reader says on standard error that are looked at, its last."""
_DIFFERENT_FILE = "give another file, or save the model again"


@dataclass(frozen=True)
class Limits:
    """How much a task may use: bytes of `memory`, `seconds` of processor time, bytes of one file that it writes."""

    memory: int = int(1.5 * _GIB)
    seconds: int = 45
    file_bytes: int = 4 * _GIB

    @classmethod
    def for_path(cls, *paths: Path) -> "Limits":
        """Enough for a sound model in the files or folders `paths`: several copies of it, and ten megabytes a second."""
        size = sum(_size(path) for path in paths)
        return cls(memory=int(1.5 * _GIB) + 6 * size, seconds=45 + size // 10_000_000)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder, as far as they are looked at."""
    if path.is_file():
        return path.stat().st_size
    files = itertools.islice((Path(folder) / name for folder, _, names in os.walk(path) for name in names), _MAX_FILES)
    return sum(file.lstat().st_size for file in files)


@dataclass(frozen=True)
class Handed:
    """What came back: `facts` as JSON says them, `arrays` by name (not to be written to), and what the kernel held back."""

    facts: dict[str, Any]  # open: each reader has facts of its own
    arrays: dict[str, NDArray[Any]]
    guards: tuple[str, ...]


class Job:
    """A task under way; work that does not need its result can be done meanwhile."""

    def __init__(self, process: "subprocess.Popen[bytes]", said: BinaryIO, what: str, scratch: Path, limits: Limits) -> None:
        self._process, self._said, self._what, self._scratch, self._limits = process, said, what, scratch, limits
        self._is_late = self._is_over = False
        self._patience = threading.Timer(4.0 * limits.seconds, self._end)
        self._patience.daemon = True
        self._patience.start()

    def _end(self) -> None:
        self._is_late = True
        self._kill()

    def _kill(self) -> None:
        """End the process and all that it made: one of those could wait on, and change the result while it is read."""
        if self._is_over:  # its number may be another's by now
            return
        if os.name == "nt":
            self._process.kill()
            return
        with suppress(ProcessLookupError, PermissionError):  # macOS forbids it where all have ended
            os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the task: nobody wants its result any more."""
        self._patience.cancel()
        self._kill()
        self._process.wait()
        self._is_over = True
        self._said.close()

    def result(self) -> Handed:
        """Wait for the task. Raises what it raised (a PagesightError), and AdoptError where it used too much or broke down."""
        try:
            self._process.wait()
        finally:
            self._patience.cancel()
            self._kill()
            self._process.wait()
            self._is_over = True
            said = self._last_words()
        handed = _handed(self._scratch / HANDED)
        if self._process.returncode != 0 or handed is None:
            raise self._broken(said)
        if "error" in handed:
            try:
                error = _again(handed["error"])
            except _MALFORMED as cause:
                raise self._malformed() from cause
            raise error
        if handed.get("memory"):
            raise AdoptError(f"{self._what} takes more than {self._limits.memory / _GIB:.1f} GB to read", fix=_DIFFERENT_FILE)
        if "failure" in handed:
            error = AdoptError(f"{self._what} cannot be read ({handed['failure']})", fix=_DIFFERENT_FILE)
            error.add_note(str(handed.get("trace")))
            raise error
        try:
            arrays = dict(_arrays(handed["arrays"], self._scratch / ARRAYS))
            return Handed(dict(handed["facts"]), arrays, tuple(handed["guards"]))
        except _MALFORMED as cause:
            raise self._malformed() from cause

    def _last_words(self) -> bytes:
        with self._said as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_WORDS))
            return file.read(_LAST_WORDS)

    def _malformed(self) -> PagesightError:
        return AdoptError(f"{self._what} cannot be read: its reader returned no valid result", fix=_DIFFERENT_FILE)

    def _broken(self, said: bytes) -> PagesightError:
        code = self._process.returncode
        if self._is_late or code == -getattr(signal, "SIGXCPU", 24):
            return AdoptError(f"{self._what} takes more than {self._limits.seconds} seconds to read", fix=_DIFFERENT_FILE)
        if code == -getattr(signal, "SIGKILL", 9):
            return AdoptError(
                f"{self._what} was not read to the end: the system killed its reader, as it does where memory runs short",
                fix="close other programs, and run it again",
            )
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit code {code}"]
        if "MemoryError" in last[0] or "bad_alloc" in last[0]:
            return AdoptError(f"{self._what} takes more than {self._limits.memory / _GIB:.1f} GB to read", fix=_DIFFERENT_FILE)
        return AdoptError(f"{self._what} cannot be read: its reader crashed ({last[0][:160]})", fix=_DIFFERENT_FILE)


def start(function: str, arguments: JsonObject, scratch: Path, *, what: str, limits: Limits = Limits()) -> Job:
    """Begin `function` (`package.module:name`, of Pagesight's own) in a process of its own; it may write below `scratch` alone.

    It is called with `arguments` (which JSON must be able to say) and `scratch`, and returns a Found. `what` names the file in
    errors. The folder `scratch` must exist, be used by no other task, and stay as long as the arrays that are handed back.
    """
    environment = {
        **{k: v for k, v in os.environ.items() if k in _PASSED_ON or k.startswith(("LC_", "TF_"))},
        "PYTHONSAFEPATH": "1",  # else what lies in `scratch` would be imported (Python 3.11)
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OPENBLAS_NUM_THREADS": "1",  # a thread that was there before the guards would not be held by all of them
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TMPDIR": str(scratch),
    }
    said: Any = tempfile.TemporaryFile()  # noqa: SIM115 - the job reads it
    process = subprocess.Popen(
        [sys.executable, "-m", "pagesight.sandbox.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=said,
        env=environment,
        cwd=scratch,
        start_new_session=True,
    )
    assert process.stdin is not None
    task = {"function": function, "arguments": dict(arguments), "scratch": str(scratch.resolve()), "limits": asdict(limits)}
    process.stdin.write(json.dumps(task).encode())
    process.stdin.flush()
    process.stdin.close()
    process.stdin = None
    return Job(process, said, what, scratch, limits)


_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
    "PYTHONPYCACHEPREFIX",
    "PYTHONDONTWRITEBYTECODE",
    "TFHUB_CACHE_DIR",
)


def guards(scratch: Path) -> tuple[str, ...]:
    """What the kernel of this machine holds back from a task, in words."""
    return start("pagesight.sandbox.child:guards", {}, scratch, what="nothing").result().guards


def _opened(path: Path) -> BinaryIO:
    """A file that the child wrote. Raises OSError for a link, and for a pipe, which would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(f"{path} is no file")
    return file


def _handed(path: Path) -> dict[str, Any] | None:  # open: the child is not trusted to have written anything that is known
    try:
        with _opened(path) as file:
            found = json.loads(file.read(_MAX_JSON))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and {"facts", "error", "memory", "failure"} & found.keys() else None


def _again(error: Any) -> PagesightError:
    """The error that the child met, as its own class."""
    name, what, fix = (str(part) for part in error)
    kind = getattr(errors, name, AdoptError)
    return (kind if isinstance(kind, type) and issubclass(kind, PagesightError) else AdoptError)(what, fix=fix)


def _arrays(listed: Any, path: Path) -> list[tuple[str, NDArray[Any]]]:
    """The arrays in the file at `path`, mapped into memory; nothing is taken from beyond its end."""
    if not listed:
        return []
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        whole = np.memmap(file, np.uint8, "c", shape=(size,)) if size else np.zeros(0, np.uint8)
    found = []
    for name, dtype, shape, offset in listed:
        if dtype not in _DTYPES or not all(type(n) is int and n >= 0 for n in (*shape, offset)):
            raise AdoptError(f"the array {name!s:.80} has an unknown type", fix=_DIFFERENT_FILE)
        length = math.prod(shape) * np.dtype(dtype).itemsize
        if offset + length > size:
            raise AdoptError(f"the array {name!s:.80} is not there", fix=_DIFFERENT_FILE)
        found.append((str(name), np.asarray(whole[offset : offset + length]).view(dtype).reshape(shape)))
    return found
