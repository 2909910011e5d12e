"""Who may write: locks of the system, which end with the process that holds them, however it ends."""

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pagesight import progress
from pagesight.errors import OutputError

_MAY_ASK = 0x1000
"""PROCESS_QUERY_LIMITED_INFORMATION, of Windows."""


@contextlib.contextmanager
def exclusive_lock(into: Path) -> Iterator[None]:
    """While the block runs, no other process on this machine builds `into`. Raises OutputError where one does.

    The lock is a hidden file beside `into`, which goes with it. A file system without locks lets several builds go on, and a note
    says so.
    """
    with contextlib.suppress(OSError):  # what cannot be written is said by the stage that writes
        into.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(into.parent, os.W_OK | os.X_OK):
        yield
        return
    path = into.parent / f".{into.name}.lock"
    opened = _locked(path)
    if opened is None:
        raise OutputError(f"{into} is being built by another process", fix="wait until it is done, or name another folder with -o")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no file that is open, and the next build none of it
            path.unlink(missing_ok=True)  # still locked: whoever opened it before finds it gone, and begins anew
        os.close(opened)


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock of `path`; None where another process does."""
    while True:
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            free = _take(opened)
        except OSError as cause:
            free = True
            progress.note(f"{path.parent} has no locks ({cause.strerror}): do not build the same page twice at once")
        if free and _lies_at(opened, path):
            return opened
        os.close(opened)
        if not free:
            return None


def _take(opened: int) -> bool:
    """Lock an open file; False where it is locked already. Raises OSError where the file system has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _lies_at(opened: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`: the process that held its lock may have removed it."""
    try:
        return os.path.samestat(os.fstat(opened), path.stat())
    except FileNotFoundError:
        return False


def is_abandoned(folder: Path, pid: int) -> bool:
    """Whether the process that writes `folder` is gone.

    While it runs it holds a lock on the folder: a number alone would say little where containers share a disk, in each of which
    the first process is number 1. Where folders have no locks, the number must do; and for an empty folder, which may be so new
    that it has no lock yet.
    """
    try:
        own = claim(folder)
    except OSError:
        return not _runs(pid)
    if own is None:
        return False
    try:
        return any(folder.iterdir()) or not _runs(pid)
    except OSError:  # another process has just removed it
        return False
    finally:
        os.close(own)


def claim(folder: Path) -> int | None:
    """A descriptor that holds a lock on `folder`; None where another process does. Raises OSError where folders have no locks."""
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, "folders have no locks")
    opened = os.open(folder, os.O_RDONLY)
    try:
        if _take(opened):
            return opened
    except OSError:
        os.close(opened)
        raise
    os.close(opened)
    return None


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        process = kernel.OpenProcess(_MAY_ASK, False, pid)
        return bool(process and kernel.CloseHandle(process))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
