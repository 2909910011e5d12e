"""What a person calls the pictures (folders, archives, addresses, several at once) and where they come to lie."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pagesight import manifest
from pagesight.errors import ScanError
from pagesight.pictures import archive, remote
from pagesight.pictures.tree import Tree, shown, stamp, stamps

Photos = str | Path | Sequence[str | Path]
"""A folder, an archive or an address; or several of them."""
_UNPACKED = "pictures"
_OF_A_CLASS = re.compile(r"[ _-]*samples([ _-]*\(?\d+\)?)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """One of the places that pictures come from: a folder or an archive (Path), or an address (str)."""

    given: str | Path
    number: int
    is_alone: bool

    @property
    def called(self) -> str:
        """What a person calls it."""
        return str(self.given)

    @property
    def is_unpacked(self) -> bool:
        """True where its pictures are copied into the dataset."""
        return isinstance(self.given, str) or self.given.is_file() or bool(self._class_archives())

    def root(self, dataset: Path) -> Path:
        """The folder of its pictures, where the dataset lies in `dataset`."""
        if isinstance(self.given, Path) and not self.is_unpacked:
            return self.given.resolve()
        return dataset / (_UNPACKED if self.is_alone else f"{_UNPACKED}/{self.number}")

    def fingerprint(self) -> str:
        """A hash of names, sizes and times: cheap enough to ask on every run."""
        if isinstance(self.given, str):
            return remote.fingerprint(self.given)
        if self.given.is_file():
            return manifest.sha256_json([self.given.name, *stamp(self.given.stat())])
        return manifest.sha256_json(list(stamps(self.given)))

    def fetch(self, dataset: Path) -> Path:
        """Copy or unpack it into the dataset, where it does not lie in a folder already; returns `root`. Raises ScanError."""
        root = self.root(dataset)
        if isinstance(self.given, str):
            remote.copy(self.given, root)
        elif self.given.is_file():
            archive.extract(self.given, root)
            _sort_flat_archive(self.given, root, is_alone=self.is_alone)
        else:
            packs = self._class_archives()
            shared = {name for name, count in Counter(map(class_name, packs)).items() if count > 1}
            for packed in packs:  # several of one class hold files of the same names
                name = class_name(packed)
                archive.extract(packed, root / name / packed.stem if name in shared else root / name)
        return root

    def _class_archives(self) -> list[Path]:
        """Archives of a class each, as Teachable Machine downloads samples, in a folder that holds no folders."""
        if isinstance(self.given, str) or not self.given.is_dir():
            return []
        inside = [p for p in sorted(self.given.iterdir()) if not p.name.startswith(".")]
        archives = [p for p in inside if p.suffix.lower() == ".zip" and p.is_file()]
        return archives if len(archives) > 1 and not any(p.is_dir() for p in inside) else []


def sources(photos: Photos) -> list[Source]:
    """What was given, one by one: a path, an address, a list of them, or several joined by '+' as in `old-page.zip+photos`.

    Raises ScanError for a path that is not there.
    """
    several = [photos] if isinstance(photos, str | Path) else list(photos)
    places: list[str | Path] = []
    for one in several:
        place = remote.located(one)
        parts = str(place).split("+") if isinstance(place, Path) and not place.exists() else []
        joined = [Path(part) for part in parts if part]
        places += joined if len(joined) > 1 and all(p.exists() for p in joined) else [place]
    for place in places:
        if isinstance(place, Path) and not place.exists():
            raise ScanError(f"{place} does not exist", fix="give the folder that holds one folder of pictures per class")
    return [Source(place, number, len(places) == 1) for number, place in enumerate(places)]


def class_name(archive_path: Path) -> str:
    """The class that an archive of one is named after: `Class 1-samples.zip` holds "Class 1"."""
    return _OF_A_CLASS.sub("", archive_path.stem) or archive_path.stem


def _sort_flat_archive(given: Path, root: Path, *, is_alone: bool) -> None:
    """Put the pictures of an archive without folders into some: Teachable Machine's project, or its samples of one class."""
    tree = Tree.read(root) if root.is_dir() else None
    if tree is None or tree.counts or not tree.loose:
        return
    is_project = given.suffix.lower() == ".tm" or all("-!-" in name for name in tree.loose)
    if not is_project and is_alone:
        return
    for name in tree.loose:
        label = _label_in_project(name) if is_project else class_name(given)
        folder = re.sub(r"[/\\]", "_", shown(label))
        if not folder.strip(". "):
            raise ScanError(f"{given} holds a class called {label!r}", fix="give the class a name, and save the project again")
        target = root / folder / name
        target.parent.mkdir(exist_ok=True)
        (root / name).rename(target)


def _label_in_project(name: str) -> str:
    """The class of a sample in Teachable Machine's project file, whose samples are called `Class 1-!-0.webp`."""
    stem = Path(name).stem
    return (stem.split("-!-")[0] if "-!-" in stem else re.sub(r"[ _-]*\d+$", "", stem)).strip() or stem
