"""What a layout tells: which files are pictures of what, and on which side of the split they already stand."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pagesight import decoders
from pagesight.artifacts import SIDES, Side
from pagesight.pictures.tree import Tree

_SIDES: dict[str, Side] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_YEAR = re.compile(r"[ _-]?\d{4}$")


@dataclass(frozen=True)
class Listed:
    """A file that a layout takes for a picture: its path below the tree's root, its label, and the side it brings, if any."""

    path: str
    label: str
    side: Side | None = None


@dataclass(frozen=True)
class Layout:
    """The pictures of a folder with their labels. `kind` says how they were found, `notes` what a person should know of it."""

    kind: str
    pictures: tuple[Listed, ...]
    notes: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    """Classes that hold no picture."""

    @classmethod
    def of_one_class(cls, tree: Tree, label: str) -> "Layout":
        """All pictures of a tree as those of one class."""
        return cls("one class", tuple(Listed(path, label) for path in tree.pictures))

    def told(self) -> str:
        """The layout in words: how labels were found, and how many pictures bring which side."""
        sides = Counter(p.side for p in self.pictures)
        shares = ", ".join(f"{sides[side]} {side}" for side in SIDES if sides[side])
        return self.kind + (f"; sides as they are: {shares}" if shares else "")


def measures(side: Side | None) -> int:
    """How far a side is from what is learned: 0 learned from, 1 chosen by, 2 measured on."""
    return {"validation": 1, "test": 2}.get(side or "train", 0)


def side_named(name: str) -> Side | None:
    """The side that a folder is named after, in any case, also with a year (`train2017`); None for any other name."""
    return _SIDES.get(_YEAR.sub("", name.strip().lower()))


def side_in(name: str) -> Side | None:
    """The side that a word in a file's name tells, such as `train_labels.csv` or `instances_val2017.json`; None without one."""
    found = {side for word in re.split(r"[^a-z]+", name.lower()) if (side := _SIDES.get(word))}
    return found.pop() if len(found) == 1 else None


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 picture", "2 pictures"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def are(number: int, noun: str) -> str:
    """A number with its noun and its verb: "1 picture is", "2 pictures are"."""
    return f"{counted(number, noun)} {'is' if number == 1 else 'are'}"


def one_label_each(found: Iterable[tuple[str, str, Side | None]], source: str) -> tuple[tuple[Listed, ...], list[str]]:
    """Pictures with exactly one label, and a note on those that have several; each picture once, sorted by path."""
    labels: dict[str, set[str]] = {}
    sides: dict[str, Side | None] = {}
    torn: list[str] = []
    for path, label, side in found:
        labels.setdefault(path, set()).add(label)
        if sides.get(path, side) != side:
            torn.append(path)
        sides[path] = max(sides.get(path, side), side, key=measures)
    several = sorted(path for path, of in labels.items() if len(of) > 1)
    notes = []
    if torn:
        notes.append(f"{are(len(set(torn)), 'picture')} on more than one side in {source}, such as {torn[0]}: not learned from")
    if several:
        pair = " and ".join(sorted(labels[several[0]])[:2])
        notes.append(
            f"{are(len(several), 'picture')} left out: with more than one label in {source}, such as {several[0]} ({pair})"
        )
    return tuple(Listed(path, next(iter(of)), sides[path]) for path, of in sorted(labels.items()) if len(of) == 1), notes


class PictureFinder:
    """The pictures of a tree, found by what a table or another list calls them."""

    def __init__(self, tree: Tree) -> None:
        """The pictures of `tree`, by name."""
        self._known: dict[tuple[str, str, Side | None], str | None] = {}
        # By the folder that a picture lies in and its name; the folder is None for those of a name in any folder.
        self._by_name: dict[tuple[str | None, str], list[str]] = defaultdict(list)
        self._by_stem: dict[tuple[str | None, str], list[str]] = defaultdict(list)
        for path in tree.pictures:
            folders, _, name = _composed(path).rpartition("/")
            for folder in (None, folders.rpartition("/")[2]):
                self._by_name[folder, name].append(path)
                self._by_stem[folder, PurePosixPath(name).stem].append(path)

    def find(self, value: str, folder: str, side: Side | None) -> str | None:
        """The picture that `value`, in a table that lies in `folder`, means; None where there is none, or more than one.

        The shorter of the two paths must be the end of the longer: tables name files from other folders, and of other machines.
        """
        key = value, folder, side
        if key not in self._known:
            self._known[key] = self._find(*key)
        return self._known[key]

    def _find(self, value: str, folder: str, side: Side | None) -> str | None:
        wanted = _composed(re.sub(r"^[A-Za-z]:", "", value.replace("\\", "/")).removeprefix("./").strip("/"))
        name = wanted.rsplit("/", 1)[-1]
        parts = wanted.split("/")
        is_known = (None, name) in self._by_name or decoders.named(name)
        pictures = self._by_name if is_known else self._by_stem  # `0a3f` for 0a3f.jpg
        folders = (None,) if len(parts) == 1 else (parts[-2], "")
        near = [path for within in folders for path in pictures.get((within, name), ())]
        fitting = [path for path in near if _agree(parts[:-1], _composed(path).split("/")[:-1])]
        if len(fitting) > 1:
            nearest = [p for p in fitting if _composed(p) == wanted] or [
                p for p in fitting if folder and p.startswith(folder + "/")
            ]
            fitting = nearest or [p for p in fitting if side and side_named(p.split("/")[0]) == side] or fitting
        return fitting[0] if len(fitting) == 1 else None


def _agree(one: list[str], other: list[str]) -> bool:
    """True where the shorter list of folders is the end of the longer."""
    shorter = min(len(one), len(other))
    return not shorter or one[-shorter:] == other[-shorter:]


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)
