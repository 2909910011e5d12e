"""Archives of models are hostile until read: nothing escapes the folder, nothing grows beyond what was agreed."""

import contextlib
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from pagesight.errors import AdoptError

MAX_BYTES = 4 * 1024**3
MAX_FILES = 10_000
_MAX_RATIO = 200
_FREE_BYTES = 64 * 1024**2
"""Below this an archive may grow by any factor: a model of zeros is small."""


def unpack(archive: Path, into: Path) -> None:
    """Unpack a `.zip`, `.tar` or `.tar.gz` below `into`. Raises AdoptError for a damaged or hostile one; links are refused."""
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, into)
        else:
            _untar(archive, into)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as cause:
        raise AdoptError(f"{archive} is damaged: {cause}", fix="copy or download it again") from cause


def read_member(archive: Path, name: str, limit: int) -> bytes:
    """The bytes of one member of a zip archive, at most `limit`. Raises AdoptError where there is none or it is larger."""
    with _member(archive, name, limit) as packed:
        return packed.read(limit)


def write_member(archive: Path, name: str, limit: int, into: Path) -> None:
    """Write one member of a zip archive to the file `into`, with the limits of `read_member`."""
    with _member(archive, name, limit) as packed:
        try:
            _write(packed, into)
        except OSError as cause:
            raise AdoptError(f"{into} cannot be written: {cause.strerror}", fix="make room on the disk") from cause


@contextlib.contextmanager
def _member(archive: Path, name: str, limit: int) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(archive) as source:
            if name not in source.namelist():
                raise AdoptError(f"{archive} has no {name} in it", fix="save the model again with `model.save(…)`")
            entry = source.getinfo(name)
            if entry.file_size > limit or _explodes(entry.file_size, entry.compress_size):
                raise AdoptError(
                    f"{name} in {archive} would grow from {entry.compress_size:,} to {entry.file_size:,} bytes; "
                    "it was not unpacked",
                    fix="save the model again with `model.save(…)`",
                )
            with source.open(entry) as packed:
                yield packed
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as cause:
        raise AdoptError(f"{archive} is damaged: {cause}", fix="copy or download it again") from cause


def _unzip(archive: Path, into: Path) -> None:
    with zipfile.ZipFile(archive) as source:
        entries = [e for e in source.infolist() if not e.is_dir() and not e.filename.startswith("__MACOSX/")]
        _refuse(archive, [(e.filename, e.file_size, stat.S_ISLNK(e.external_attr >> 16)) for e in entries])
        for entry in entries:
            with source.open(entry) as packed:
                _write(packed, into / PurePosixPath(entry.filename))


def _untar(archive: Path, into: Path) -> None:
    if not tarfile.is_tarfile(archive):
        raise AdoptError(f"{archive} is no archive that can be read", fix="give a .zip or a .tar.gz, or the folder itself")
    with tarfile.open(archive) as source:
        entries = []
        for entry in source:  # read one by one, so that an endless archive is noticed on the way
            if not entry.isdir():
                entries.append((entry.name, entry.size, not entry.isreg()))
                _refuse(archive, entries)
    with tarfile.open(archive) as source:
        for entry in source:
            packed = source.extractfile(entry) if entry.isreg() else None
            if packed is not None:
                _write(packed, into / PurePosixPath(entry.name))


def _refuse(archive: Path, entries: Iterable[tuple[str, int, bool]]) -> None:
    entries = list(entries)
    for name, _, special in entries[-1:] if len(entries) > 1 and archive.suffix != ".zip" else entries:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0].endswith(":") or "\0" in name:
            raise AdoptError(
                f"{archive} wants to write outside its folder ({name}); it was not unpacked",
                fix="make the archive again from the model's folder",
            )
        if special:
            raise AdoptError(
                f"{archive} holds a link or a device ({name}); it was not unpacked", fix="make the archive again from plain files"
            )
    grown, packed = sum(size for _, size, _ in entries), archive.stat().st_size
    if grown > MAX_BYTES or len(entries) > MAX_FILES or _explodes(grown, packed):
        raise AdoptError(
            f"{archive} would grow from {packed:,} bytes to {len(entries):,} files of {grown:,} bytes; it was not unpacked",
            fix="unpack it yourself and give the folder, if you trust it",
        )


def _explodes(grown: int, packed: int) -> bool:
    return grown > _FREE_BYTES and grown > _MAX_RATIO * max(1, packed)


def _write(packed: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(packed, file)
