"""Archives are hostile until read: nothing escapes the folder, nothing grows beyond what was agreed, every fault is a sentence."""

import contextlib
import errno
import lzma
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pagesight import progress
from pagesight.errors import PagesightError, first_line

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
    OSError,
)
"""What zipfile and tarfile raise on bytes that are not what they claim."""
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
_NAME_IS_UTF8 = 0x800
_MAX_HEADER = 1024**2
"""Bytes of a name, or of other facts of a member, that are read of a tar archive; systems allow names of 4,096."""


@dataclass(frozen=True)
class Rules:
    """What an archive of one kind may hold, and what is said of one that holds something else."""

    error: type[PagesightError]
    damaged: str
    """The sentence for an archive that cannot be read, with `{archive}` and `{cause}`; then what to do."""
    damaged_fix: str
    not_archive: str
    """The sentence for a file that is no archive, with `{archive}`; then what to do."""
    not_archive_fix: str
    again: str
    """What to do about an archive that holds what it must not."""
    member_again: str
    """What to do where one member is missing or too large."""
    max_bytes: int
    """Of all files, unpacked."""
    max_files: int
    skip_links: bool = False
    """Leave links out, where otherwise the archive is refused."""
    max_ratio: int = 200
    free_bytes: int = 64 * 1024**2
    """Below this an archive may grow by any factor."""

    def damage(self, archive: Path, cause: BaseException) -> PagesightError:
        """The error for an archive that cannot be read."""
        return self.error(self.damaged.format(archive=archive, cause=first_line(cause).rstrip(".")), fix=self.damaged_fix)

    def explodes(self, grown: int, packed: int) -> bool:
        """True where unpacking makes of `packed` bytes more than pictures or weights ever do."""
        return grown > self.free_bytes and grown > self.max_ratio * max(1, packed)


@dataclass(frozen=True)
class _Entry:
    """A file in an archive: its name there, the way it goes below the folder, its unpacked size."""

    name: str
    path: PurePosixPath
    size: int
    is_special: bool
    """A link or a device."""


def unpack(archive: Path, into: Path, rules: Rules) -> None:
    """Unpack a `.zip`, `.tar` or `.tar.gz` below `into`, whatever it is called.

    Names are taken as Windows (with backslashes) and macOS (UTF-8 that does not say so) write them. Raises `rules.error` for an
    archive that is damaged, grows too much, or wants to write outside of `into`.
    """
    with _damage_is_said(archive, rules):
        if zipfile.is_zipfile(archive):
            _unzip(archive, into, rules)
        elif _is_tar(archive):
            _untar(archive, into, rules)
        else:
            raise rules.error(rules.not_archive.format(archive=archive), fix=rules.not_archive_fix)


def member_names(archive: Path, rules: Rules) -> list[str]:
    """The names of all members of a zip archive, as it gives them. Raises `rules.error` where it is damaged."""
    with _damage_is_said(archive, rules), zipfile.ZipFile(archive) as source:
        return source.namelist()


def read_member(archive: Path, name: str, limit: int, rules: Rules) -> bytes:
    """The bytes of one member of a zip archive, at most `limit`. Raises `rules.error` where there is none or it is larger."""
    with _member(archive, name, limit, rules) as packed:
        return packed.read(limit)


def write_member(archive: Path, name: str, limit: int, into: Path, rules: Rules) -> None:
    """Write one member of a zip archive to the file `into`, with the limits of `read_member`."""
    with _member(archive, name, limit, rules) as packed:
        _write(packed, into)


@contextlib.contextmanager
def _damage_is_said(archive: Path, rules: Rules) -> Iterator[None]:
    """Turns what the standard library raises on damaged archives into a sentence; a full disk stays what it is."""
    try:
        yield
    except _DAMAGE as cause:
        if isinstance(cause, OSError) and cause.errno in _OF_THE_DISK:
            raise
        raise rules.damage(archive, cause) from cause


@contextlib.contextmanager
def _member(archive: Path, name: str, limit: int, rules: Rules) -> Iterator[IO[bytes]]:
    with _damage_is_said(archive, rules), zipfile.ZipFile(archive) as source:
        if name not in source.namelist():
            raise rules.error(f"{archive} has no {name} in it", fix=rules.member_again)
        entry = source.getinfo(name)
        if entry.file_size > limit or rules.explodes(entry.file_size, entry.compress_size):
            raise rules.error(
                f"{name} in {archive} would grow from {entry.compress_size:,} to {entry.file_size:,} bytes; it was not unpacked",
                fix=rules.member_again,
            )
        with source.open(entry) as packed:
            yield packed


def _unzip(archive: Path, into: Path, rules: Rules) -> None:
    with zipfile.ZipFile(archive) as source:
        wanted = [(info, _entry(info)) for info in source.infolist()]
        wanted = [(info, entry) for info, entry in wanted if not _is_folder(info) and entry.path.parts[:1] != ("__MACOSX",)]
        _refuse(archive, [entry for _, entry in wanted], rules)
        with progress.task("unpacking", len(wanted)) as advance:
            for info, entry in wanted:
                if not entry.is_special:
                    with source.open(info) as packed:  # zipfile stops at the size that was declared
                        _write(packed, into / entry.path)
                advance()


def _is_folder(info: zipfile.ZipInfo) -> bool:
    """True for a folder's entry, also where Windows ends it with a backslash."""
    return info.is_dir() or (info.filename.endswith("\\") and info.file_size == 0)


def _entry(info: zipfile.ZipInfo) -> _Entry:
    name = info.filename
    if not info.flag_bits & _NAME_IS_UTF8:  # zipfile took the bytes for code page 437, as the format has it
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return _Entry(name, PurePosixPath(name.replace("\\", "/")), info.file_size, stat.S_ISLNK(info.external_attr >> 16))


class _BoundedHeader(tarfile.TarInfo):
    """A member of a tar archive whose name, link and other facts are not read where they claim to be as long as a book."""

    def _proc_member(self, source: tarfile.TarFile) -> tarfile.TarInfo:
        of_facts = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        if self.type in of_facts and self.size > _MAX_HEADER:
            raise tarfile.ReadError(f"a name or header of {self.size:,} bytes")
        return super()._proc_member(source)  # type: ignore[misc,no-any-return]  # read by tarfile itself


def _is_tar(archive: Path) -> bool:
    try:
        with tarfile.open(archive, tarinfo=_BoundedHeader):
            return True
    except tarfile.TarError:
        return False


def _untar(archive: Path, into: Path, rules: Rules) -> None:
    entries: list[_Entry] = []
    size = 0
    with tarfile.open(archive, tarinfo=_BoundedHeader) as source:
        for member in source:  # read one by one, so that an endless archive is noticed on the way
            if not member.isdir():
                entries.append(_Entry(member.name, PurePosixPath(member.name), member.size, not member.isreg()))
                size += member.size
                _refuse_name(archive, entries[-1], rules)
                _refuse_size(archive, size, len(entries), rules)
    with tarfile.open(archive, tarinfo=_BoundedHeader) as source, progress.task("unpacking", len(entries)) as advance:
        for member in source:
            packed = source.extractfile(member) if member.isreg() else None
            if packed is not None:
                _write(packed, into / PurePosixPath(member.name))
                advance()


def _refuse(archive: Path, entries: list[_Entry], rules: Rules) -> None:
    for entry in entries:
        _refuse_name(archive, entry, rules)
    _refuse_size(archive, sum(e.size for e in entries), len(entries), rules)


def _refuse_name(archive: Path, entry: _Entry, rules: Rules) -> None:
    shown = entry.name.encode("utf-8", "backslashreplace").decode()
    parts = entry.path.parts
    # On Windows a backslash parts folders, and a letter before a colon is a drive.
    is_outside = entry.path.is_absolute() or ".." in re.split(r"[/\\]", entry.name) or re.match(r"[/\\]*[A-Za-z]:", entry.name)
    if is_outside or (parts and parts[0].endswith(":")) or "\0" in entry.name:
        raise rules.error(
            f"{archive} wants to write outside its folder ({shown}); it was not unpacked",
            fix=rules.again,
        )
    if not parts:
        raise rules.error(
            f"{archive} holds a file without a name ({shown!r}); it was not unpacked",
            fix=rules.again,
        )
    if entry.is_special and not rules.skip_links:
        raise rules.error(
            f"{archive} holds a link or a device ({shown}); it was not unpacked", fix="make the archive again from plain files"
        )


def _refuse_size(archive: Path, grown: int, files: int, rules: Rules) -> None:
    packed = archive.stat().st_size
    if grown > rules.max_bytes or files > rules.max_files or rules.explodes(grown, packed):
        raise rules.error(
            f"{archive} would grow from {packed:,} bytes to {files:,} files of {grown:,} bytes; it was not unpacked",
            fix="unpack it yourself and give the folder, if you trust it",
        )


def _write(packed: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(packed, file)
