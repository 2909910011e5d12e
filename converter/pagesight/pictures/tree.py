"""The files below a folder that may be pictures, told apart from system litter and from what only lies beside them."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pagesight import decoders
from pagesight.errors import ScanError

_LITTER = frozenset(
    {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "__pycache__", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)


@dataclass(frozen=True)
class Tree:
    """A folder: `files` are all files below it, as paths with '/' in the order of a walk; `pictures` those that may be pictures.

    A file is taken for a picture by its name, or by its first bytes. What is neither (text, JSON, weights) counts nowhere.
    """

    root: Path
    files: tuple[str, ...]
    folders: frozenset[str]

    @classmethod
    def read(cls, root: Path) -> "Tree":
        """The tree below `root`. Raises ScanError for a folder that cannot be opened."""
        files: list[str] = []
        folders: set[str] = set()
        try:
            for path, is_folder in _walk(root):
                if is_folder:
                    folders.add(path)
                else:
                    files.append(path)
        except OSError as cause:
            raise ScanError(
                f"{cause.filename} cannot be opened: {cause.strerror}", fix="make it readable, or leave it out"
            ) from cause
        return cls(root, tuple(files), frozenset(folders))

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """Files that may be pictures or videos, of any format; sorted as they were walked."""
        return tuple(path for path in self.files if decoders.named(path) or _begins_as_picture(self.root / path))

    def below(self, prefix: str) -> "Tree":
        """The tree of a folder in this one; paths begin there."""
        if not prefix:
            return self
        top, _, rest = prefix.partition("/")
        files, folders, pictures = (inside.get(top, []) for inside in self._inside)
        inner = Tree(self.root / top, tuple(files), frozenset(folders))
        inner.__dict__["pictures"] = tuple(pictures)
        return inner.below(rest)

    @cached_property
    def _inside(self) -> tuple[dict[str, list[str]], ...]:
        """Files, folders and pictures below each folder directly in this one, as paths that begin there; sorted out once."""
        found: tuple[dict[str, list[str]], ...] = ({}, {}, {})
        for into, paths in zip(found, (self.files, self.folders, self.pictures), strict=True):
            for path in paths:
                top, _, rest = path.partition("/")
                if rest:
                    into.setdefault(top, []).append(rest)
        return found

    @cached_property
    def top_folders(self) -> tuple[str, ...]:
        """The folders directly in this one, sorted."""
        return tuple(sorted(f for f in self.folders if "/" not in f))

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """Pictures directly in this folder."""
        return tuple(p for p in self.pictures if "/" not in p)

    @cached_property
    def counts(self) -> Counter[str]:
        """Pictures below each folder directly in this one."""
        return Counter(p.split("/", 1)[0] for p in self.pictures if "/" in p)

    def beside(self, *suffixes: str) -> tuple[str, ...]:
        """Files directly in this folder whose names end with one of `suffixes`, in any case."""
        return tuple(f for f in self.files if "/" not in f and f.lower().endswith(suffixes))


def shown(name: str) -> str:
    """A path or a folder's name as text: composed (NFC), with a mark in place of bytes that are no UTF-8."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def stamp(status: os.stat_result) -> tuple[int, ...]:
    """Bytes and times of a file; a program may set back the time of its last change, but not st_ctime."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def stamps(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and the stamp of every file below `folder`: what tells whether something changed, cheaply."""
    for path, is_folder in _walk(folder):
        try:
            status = (folder / path).stat()
            yield os.fsencode(path).hex(), () if is_folder else stamp(status)
        except OSError:
            yield os.fsencode(path).hex(), (-1,)


def _walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Everything below `root`, sorted by folder, and whether it is a folder; links are followed, but no loop; no hidden files."""
    seen: set[tuple[int, int]] = set()

    def visit(folder: Path, prefix: str) -> Iterator[tuple[str, bool]]:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            if entry.name.startswith(".") or entry.name in _LITTER:
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:
                is_folder = False
            yield prefix + entry.name, is_folder
            if is_folder:
                yield from visit(Path(entry.path), f"{prefix}{entry.name}/")

    yield from visit(root, "")


def _begins_as_picture(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(decoders.sniff(file.read(decoders.HEAD)))
    except OSError:
        return False
