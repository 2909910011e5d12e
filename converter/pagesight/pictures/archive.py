"""Archives are hostile until read: nothing escapes the folder, nothing grows beyond what was agreed."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from pagesight import progress
from pagesight.errors import ScanError

MAX_BYTES = 64 * 1024**3
MAX_FILES = 2_000_000
MAX_RATIO = 200
"""Pictures do not compress; an archive that grows more than this is a bomb."""


def extract_zip(archive: Path, into: Path) -> None:
    """Unpack `archive` below `into`. Raises ScanError for a damaged or hostile archive; symbolic links are left out."""
    try:
        with zipfile.ZipFile(archive) as source:
            entries = [e for e in source.infolist() if not e.is_dir()]
            _refuse_hostile(archive, entries)
            with progress.task("unpacking", len(entries)) as advance:
                for entry in entries:
                    if not stat.S_ISLNK(entry.external_attr >> 16):
                        _extract(source, entry, into / PurePosixPath(entry.filename))
                    advance()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as cause:
        raise ScanError(
            f"{archive} is not a zip archive that can be read: {cause}",
            fix="give a folder of class folders, or a zip archive (without a password) of one",
        ) from cause


def _refuse_hostile(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
            raise ScanError(
                f"{archive} wants to write outside its folder ({entry.filename}); it was not unpacked",
                fix="make the archive again from the folder of class folders",
            )
    grown = sum(e.file_size for e in entries)
    packed = max(1, archive.stat().st_size)
    if grown > MAX_BYTES or len(entries) > MAX_FILES or (grown > 100_000_000 and grown / packed > MAX_RATIO):
        raise ScanError(
            f"{archive} would grow from {packed:,} to {grown:,} bytes; it was not unpacked",
            fix="unpack it yourself and give the folder, if you trust it",
        )


def _extract(source: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open(entry) as packed, target.open("wb") as file:  # zipfile stops at the size that was declared
        shutil.copyfileobj(packed, file)
