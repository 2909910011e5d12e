"""Whole outputs or none: hashes, versions, and folders that appear in one step."""

import contextlib
import ctypes
import errno
import glob
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypedDict, cast

from pagesight import locks
from pagesight.errors import OutputError, PagesightError
from pagesight.json_values import JsonObject

_log = logging.getLogger(__name__)

FILE_NAME = "manifest.json"
SIGNATURE = "manifest.sig"
"""Made of the manifest when all is written, and so in none."""


class FileFacts(TypedDict):
    """One file, as a manifest and contract.json list it."""

    bytes: int
    sha256: str


class Manifest(TypedDict):
    """manifest.json: the stage that wrote the folder, what it was made from, and every other file in it."""

    format: int
    made_by: str
    stage: str
    key: JsonObject
    files: dict[str, FileFacts]


_FORMAT = 1
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """The SHA-256, in hex, of `value` as canonical JSON (sorted keys, no spaces)."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON with stable bytes: keys in the order given, UTF-8, final newline."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def list_files(folder: Path, *, leave_out: frozenset[str] = frozenset({FILE_NAME, SIGNATURE})) -> dict[str, FileFacts]:
    """`{relative path: {"bytes": n, "sha256": hex}}` of all files under `folder`, sorted by path."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    names = {p.relative_to(folder).as_posix(): p for p in paths}
    return {n: {"bytes": p.stat().st_size, "sha256": sha256_file(p)} for n, p in names.items() if n not in leave_out}


def versions(*packages: str) -> dict[str, str]:
    """Installed versions of `packages` and of Pagesight and Python, for the key of a stage's output."""
    result = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in ("pagesight", *packages):
        with contextlib.suppress(metadata.PackageNotFoundError):
            result[name] = metadata.version(name)
    return result


def read(folder: Path) -> Manifest | None:
    """The manifest of a stage's output, or None where there is none that can be read."""
    try:
        value = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("Manifest", value) if isinstance(value, dict) and value.get("format") == _FORMAT else None


def required(folder: Path) -> Manifest:
    """The manifest of a stage's output. Raises OutputError where there is none: what is made from it could never be told stale."""
    value = read(folder)
    if value is None:
        raise OutputError(
            f"{folder} holds no output of Pagesight: it has no manifest.json", fix="give the folder that a stage wrote"
        )
    return value


def files_sha256(folder: Path) -> str:
    """One SHA-256, in hex, for all files of a stage's output, as its manifest lists them. Raises OutputError where it has none."""
    return sha256_json(required(folder)["files"])


def write(folder: Path, stage: str, key: Mapping[str, object]) -> None:  # open: each stage has a key of its own
    """Write `folder`'s manifest: the stage, the key it was made from, and the hash of every other file in it."""
    write_json(
        folder / FILE_NAME,
        {"format": _FORMAT, "made_by": "pagesight", "stage": stage, "key": key, "files": list_files(folder)},
    )


def is_fresh(folder: Path, stage: str, key: Mapping[str, object]) -> bool:  # open: each stage has a key of its own
    """True where `folder` holds this stage's whole output for exactly this key, every file with its recorded hash."""
    why = _stale_because(read(folder), folder, stage, json.loads(json.dumps(key)))
    _log.info("%s: %s", stage, f"runs, because {why}" if why else f"kept, because {folder} was made from the same")
    return why is None


def _stale_because(result: Manifest | None, folder: Path, stage: str, key: Any) -> str | None:
    """Why `folder` is not this stage's whole output for `key`, or None where it is."""
    if not result or result.get("stage") != stage:
        return f"{folder} holds no output of it"
    before = result.get("key")
    if before != key:
        return f"{', '.join(_differing(before, key)) or 'what it is made from'} changed"
    return None if list_files(folder) == result.get("files") else f"files in {folder} were changed"


def _differing(before: Any, now: Any, name: str = "") -> list[str]:
    """The entries of two keys that differ, by their names."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        return [line for n in names for line in _differing(before.get(n), now.get(n), f"{name}.{n}" if name else n)]
    return [] if before == now else [name]


def mark_stale(folder: Path) -> None:
    """See to it that `is_fresh` is not true of `folder` any more: what it was made from turned out to be something else."""
    with contextlib.suppress(OSError):  # a folder that may not be written is not one that is made again
        (folder / "stale").touch()


def check_overwritable(folder: Path, *, force: bool = False) -> None:
    """Raise OutputError when `folder` exists, is not empty and was not written by Pagesight; a file is never replaced."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder", fix="name another folder with -o")
    if force or not folder.exists():
        return
    result = read(folder)
    if any(folder.iterdir()) and not (result and result.get("made_by") == "pagesight"):
        raise OutputError(
            f"{folder} exists and was not made by Pagesight", fix="name another folder with -o, or pass --force to replace it"
        )


def refuse_overlap(into: Path, *sources: str | Path) -> None:
    """Raise OutputError where writing `into` would replace one of `sources`, or put the output among what is read next time."""
    written = into.resolve()
    for source in sources:
        if not os.path.exists(source):  # not Path.exists, which raises for a list longer than a file's name may be  # noqa: PTH110
            continue
        read = Path(source).resolve()
        if read.is_relative_to(written) or written.is_relative_to(read):
            what = f"would replace {source}" if read.is_relative_to(written) else f"is inside {source}"
            raise OutputError(f"{into} {what}; nothing was written", fix="name a folder beside it with -o")


@contextlib.contextmanager
def atomic_output_dir(
    into: Path,
    stage: str,
    key: Mapping[str, object],  # open: each stage has a key of its own
) -> Iterator[Path]:
    """Yield a temporary sibling of `into`; when the block ends well, add the manifest and put it in `into`'s place.

    The exchange is one system call where the kernel has it, so that a crash leaves either the old folder or the new one.
    Raises OutputError for a full disk or a folder that may not be written.
    """
    temporary: Path | None = None
    claim: int | None = None
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        _sweep(into)
        temporary = Path(tempfile.mkdtemp(prefix=_prefix(into), dir=into.parent))
        with contextlib.suppress(OSError):  # other processes then go by this one's number
            claim = locks.claim(temporary)
        temporary.chmod(0o755)
        yield temporary
        write(temporary, stage, key)
        _put_in_place(temporary, into)
    except PagesightError:
        raise
    except Exception as cause:
        explained = _explained(cause, into)
        if explained is None:
            raise
        raise explained from cause
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        if claim is not None:
            os.close(claim)


def _prefix(into: Path) -> str:
    return f".{into.name}.tmp-{os.getpid()}-"


def _sweep(into: Path) -> None:
    """Remove what killed processes left beside `into`; folders of processes that still run are not touched."""
    for left in into.parent.glob(f".{glob.escape(into.name)}.tmp-*-*"):
        pid = left.name.rsplit(".tmp-", 1)[1].split("-", 1)[0]
        if pid.isdigit() and locks.is_abandoned(left, int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _put_in_place(new: Path, into: Path) -> None:
    if not into.exists():
        new.rename(into)
    elif not _exchange(new, into):
        old = new.with_name(new.name + ".old")
        into.rename(old)
        new.rename(into)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(a: Path, b: Path) -> bool:
    """Swap two paths in one step (renameat2(2)); False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    return bool(libc.renameat2(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0)


def _explained(cause: Exception, into: Path) -> OutputError | None:
    """What a person should read when `into` cannot be written; None for an error of another kind."""
    if is_disk_full(cause):
        return OutputError(
            f"no space left on the disk that holds {into.parent}; nothing was replaced",
            fix="free some space, or name a folder on another disk with -o",
        )
    if not isinstance(cause, OSError):
        return None
    if cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"{cause.filename or into.parent} may not be written: {cause.strerror}", fix="name another folder with -o"
        )
    if cause.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(f"{cause.filename or into.parent} is not a folder", fix="name another folder with -o")
    return None


def is_disk_full(cause: BaseException) -> bool:
    """Whether an error says that a disk is full; TensorFlow and shutil.copytree tell it in the system's words alone."""
    numbers = (errno.ENOSPC, errno.EDQUOT)
    if isinstance(cause, OSError) and cause.errno is not None:
        return cause.errno in numbers
    return any(os.strerror(number) in str(cause) for number in numbers)
