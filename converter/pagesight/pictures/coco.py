"""Labels from a COCO file: a picture belongs to the one category that all of its annotations name."""

import json
import re
from pathlib import PurePosixPath
from typing import TypedDict, cast

from pagesight.artifacts import Side
from pagesight.errors import ScanError
from pagesight.pictures.layout import Layout, PictureFinder, are, one_label_each, side_in, side_named
from pagesight.pictures.tree import Tree, shown

_MAX_BYTES = 64 * 1024**2
"""What is read of it takes about eight times as much memory."""
_KEYS = frozenset({"images", "annotations", "categories"})


class _Category(TypedDict):
    id: int
    name: str


class _Image(TypedDict):
    id: int
    file_name: str


class _Annotation(TypedDict):
    image_id: int
    category_id: int


class _Coco(TypedDict):
    """What of a COCO file is read; only that the lists are there is known before."""

    categories: list[_Category]
    images: list[_Image]
    annotations: list[_Annotation]


def from_coco(tree: Tree, *, is_sure: bool = True) -> Layout | None:
    """The pictures of COCO files at the top, in `annotations/` or in folders named after a side; None where there are none.

    Raises ScanError for a file that is too large to be read, unless it is not sure that labels are to come from one.
    """
    found: list[tuple[str, str, Side | None]] = []
    used: list[str] = []
    finder = PictureFinder(tree)
    for path in _candidates(tree):
        document = _read(tree, path, is_sure=is_sure)
        if document is not None and (pairs := _labels_in(document, path, finder)):
            found += pairs
            used.append(shown(path))
    if not found:
        return None
    source = " and ".join(used[:3])
    pictures, notes = one_label_each(found, source)
    left = len(tree.pictures) - len({path for path, *_ in found})
    if left:
        notes.append(f"{are(left, 'picture')} left out: without an annotation in {source}")
    return Layout(f"categories of {source}", pictures, tuple(notes))


def _candidates(tree: Tree) -> list[str]:
    def is_place(folder: str) -> bool:
        return folder in ("", ".") or side_named(folder) is not None or folder.lower() in ("annotations", "labels")

    return [f for f in tree.files if f.lower().endswith(".json") and is_place(str(PurePosixPath(f).parent))]


def _read(tree: Tree, path: str, *, is_sure: bool) -> _Coco | None:
    """The COCO document in a file; None where it is something else."""
    file = tree.root / path
    try:
        if file.stat().st_size > _MAX_BYTES and not is_sure:
            return None
        if file.stat().st_size > _MAX_BYTES:
            raise ScanError(f"{shown(path)} is larger than {_MAX_BYTES >> 20} MiB", fix="give a CSV file with --labels-csv instead")
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not document.keys() >= _KEYS:
        return None
    return cast("_Coco", document) if all(isinstance(document[key], list) for key in _KEYS) else None


def _labels_in(document: _Coco, path: str, finder: PictureFinder) -> list[tuple[str, str, Side | None]]:
    folder = str(PurePosixPath(path).parent).removeprefix(".")
    side = side_named(folder) or side_in(re.sub(r"\d", "", PurePosixPath(path).stem))
    try:
        names = {c["id"]: str(c["name"]) for c in document["categories"]}
        files = {i["id"]: str(i["file_name"]) for i in document["images"]}
        pairs = {(a["image_id"], a["category_id"]) for a in document["annotations"]}
        found = []
        for image, category in sorted(pairs):
            picture = finder.find(files[image], folder, side)
            if picture is not None:
                found.append((picture, names[category], side or side_named(picture.split("/")[0])))
    except (KeyError, TypeError) as cause:
        raise ScanError(
            f"{shown(path)} is not the COCO file that it looks like: {type(cause).__name__} {cause}",
            fix="export it again, or give a CSV file with --labels-csv",
        ) from cause
    return found
