"""How a folder of pictures is laid out: where labels come from, and which side of the split each picture brings with it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from pagesight.errors import ScanError
from pagesight.pictures import coco, label_tables
from pagesight.pictures.label_tables import Columns
from pagesight.pictures.layout import Layout, Listed, are, counted, side_named
from pagesight.pictures.tree import Tree, shown

_WAYS = (
    "lay them out in one of three ways: a folder per class ({0}/cat/1.jpg); the same inside of {0}/train and {0}/test; "
    "or beside a table, {0}/labels.csv, with the columns filename and label"
)
_AS_TABLE = "none"


def layout_of(tree: Tree, called: str, columns: Columns, table: str | None = None) -> tuple[Tree, Layout]:
    """The part of `tree` that holds the pictures, and what its layout tells of them; `called` is what a person calls the folder.

    `table` is a CSV or TSV file that holds the labels, or "none" where tables are not to be read. Raises ScanError, which says
    what was seen, for a folder that is laid out in no way that is known.
    """
    if table is not None and table != _AS_TABLE:
        layout = label_tables.from_tables(tree, columns, Path(table).resolve())
        if layout is None:
            raise ScanError(
                f"no row of {table} names a picture of {called} and a label",
                fix="name the columns with --file-column and --label-column, or give the folder that its files are in",
            )
        return tree, layout
    while True:
        layout = _here(tree, called, columns, read_tables=table is None)
        if layout is not None:
            return tree, layout
        wrapped = _wrapped(tree)
        if wrapped is None:
            return tree, _class_folders(tree, called)
        tree = tree.below(wrapped)


def _here(tree: Tree, called: str, columns: Columns, *, read_tables: bool) -> Layout | None:
    """The layout of this very folder, where it has one that is more than a folder per class."""
    if layout := _page_samples(tree) or _project_samples(tree) or _split_folders(tree) or _split_class_folders(tree):
        return layout
    if not _has_class_folders(tree):
        return (label_tables.from_tables(tree, columns) if read_tables else None) or coco.from_coco(tree)
    if not read_tables:
        return None
    listed = label_tables.from_tables(tree, columns) or coco.from_coco(tree, is_sure=False)
    return _agreed(tree, called, listed) if listed else None


def _agreed(tree: Tree, called: str, listed: Layout) -> Layout | None:
    """Class folders with the sides that a table beside them gives, where its labels are theirs; None where it says nothing more.

    Raises ScanError where it lists half of the pictures and has another label for a tenth of those.
    """
    other = [p for p in listed.pictures if _key(p.label) != _key(shown(p.path.split("/")[0]))]
    if len(other) * 10 < len(listed.pictures):
        return _with_sides(_class_folders(tree, called), listed, other)
    if len(listed.pictures) * 2 < len(tree.pictures):
        return None
    raise ScanError(
        f"{called} has folders ({_some(tree.counts)}) and {listed.kind}, and the two do not agree: "
        f"{other[0].path} is {other[0].label!r} there",
        fix="pass --labels-csv FILE to learn from the table, or --labels-csv none to learn from the folders",
    )


def _with_sides(folders: Layout, listed: Layout, other: Sequence[Listed]) -> Layout | None:
    """Class folders, with the sides of a table that agrees with them but for `other`; None where there is nothing to add."""
    sides = {p.path: p.side for p in listed.pictures if p.side}
    if not sides and not other:
        return None
    notes = list(folders.notes)
    if other:
        notes.append(
            f"{are(len(other), 'picture')} of another class in {listed.kind.removeprefix('labels from ')} than in the folders, "
            f"which are believed, such as {other[0].path} ({other[0].label!r} there)"
        )
    pictures = tuple(Listed(p.path, p.label, sides.get(p.path)) for p in folders.pictures)
    kind = f"class folders, with sides from {listed.kind}" if sides else "class folders"
    return Layout(kind, pictures, tuple(notes), folders.empty)


def _wrapped(tree: Tree) -> str | None:
    """The one folder around everything, whatever lies beside it; None where this folder is the one that counts."""
    with_pictures = [folder for folder in tree.top_folders if tree.counts[folder]]
    if len(with_pictures) != 1:
        return None
    inner = tree.below(with_pictures[0])
    is_page = "contract.json" in inner.files
    return with_pictures[0] if is_page or (inner.counts and (len(inner.counts) > 1 or not inner.loose)) else None


def _has_class_folders(tree: Tree) -> bool:
    return len([f for f in tree.counts if side_named(f) is None]) > 1


def _class_folders(tree: Tree, called: str) -> Layout:
    """A folder per class: every picture below it belongs to it."""
    sides = [f for f in tree.counts if side_named(f)]
    if not tree.pictures:
        raise ScanError(f"{called} holds no pictures", fix=_WAYS.format(called))
    if not tree.counts:
        raise ScanError(f"{called} holds pictures but no class folders: {_seen(tree)}", fix=_WAYS.format(called))
    if len(sides) == len(tree.counts):
        raise ScanError(
            f"{called} holds the side{'s' if len(sides) > 1 else ''} {_some(sides)}, but no class folders in "
            f"{'them' if len(sides) > 1 else 'it'}, and no table of labels: {_seen(tree)}",
            fix=_WAYS.format(called),
        )
    if _is_boxes(tree):
        raise ScanError(
            f"{called} holds pictures with boxes for detection, not with classes: {_seen(tree)}",
            fix=_WAYS.format(called) + "; or export it for classification",
        )
    notes = []
    if tree.loose:
        notes.append(f"{are(len(tree.loose), 'picture')} left out: beside the class folders, such as {shown(tree.loose[0])}")
    pictures = tuple(Listed(p, shown(p.split("/", 1)[0])) for p in tree.pictures if "/" in p)
    return Layout("class folders", pictures, tuple(notes), _empty(tree))


def _is_boxes(tree: Tree) -> bool:
    """True for the folders that YOLO and Pascal VOC keep boxes in, which are no classes."""
    names = {folder.lower() for folder in tree.top_folders}
    return len(tree.counts) == 1 and bool(names & {"images", "jpegimages"}) and bool(names & {"labels", "annotations"})


def _split_folders(tree: Tree) -> Layout | None:
    """`train/cat/1.jpg` beside `test/cat/2.jpg`, under any of the usual names."""
    sides = {folder: side for folder in tree.top_folders if tree.counts[folder] and (side := side_named(folder))}
    with_classes = {folder: inner for folder in sides if len((inner := tree.below(folder)).counts) > 1}
    if "train" not in [sides[folder] for folder in with_classes] or len(sides) < 2:
        return None
    pictures = [
        Listed(f"{folder}/{p}", shown(p.split("/", 1)[0]), sides[folder])
        for folder, inner in with_classes.items()
        for p in inner.pictures
        if "/" in p
    ]
    used = {p.path for p in pictures}
    left = [p for p in tree.pictures if p not in used]
    notes = []
    if left:
        notes.append(f"{are(len(left), 'picture')} left out: in no class folder of a side, such as {shown(left[0])}")
    empty = {c for inner in with_classes.values() for c in _empty(inner)} - {p.label for p in pictures}
    return Layout("split folders", tuple(pictures), tuple(notes), tuple(sorted(empty)))


def _split_class_folders(tree: Tree) -> Layout | None:
    """`cat/train/1.jpg` beside `cat/test/2.jpg`."""
    inner = {folder: tree.below(folder) for folder in tree.counts if side_named(folder) is None}
    if len(inner) < 2 or not all(
        len(i.counts) > 1 and all(side_named(f) for f in i.counts) and any(side_named(f) == "train" for f in i.counts)
        for i in inner.values()
    ):
        return None
    pictures = [
        Listed(f"{folder}/{p}", shown(folder), side_named(p.split("/", 1)[0]))
        for folder, i in inner.items()
        for p in i.pictures
        if "/" in p
    ]
    return Layout("split in class folders", tuple(pictures), (), _empty(tree))


def _page_samples(tree: Tree) -> Layout | None:
    """A page that Pagesight made, or that was taught in a page: its samples, with the labels that its contract gives them."""
    if "contract.json" not in tree.files:
        return None
    try:
        samples = json.loads((tree.root / "contract.json").read_bytes()).get("samples", [])
        rows = {str(row["path"]): str(row["label"]) for row in samples}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    pictures = tuple(Listed(path, rows[path]) for path in tree.pictures if path in rows)
    return Layout("samples of a page", pictures) if pictures else None


def _project_samples(tree: Tree) -> Layout | None:
    """A project of GenAI Teachable Machine: `samples/CLASS_NUMBER.png`, with the names of the classes in metadata.json."""
    named = {p: match for p in tree.pictures if (match := re.fullmatch(r"samples/(\d+)_\d+\.\w+", p))}
    if not named or "metadata.json" not in tree.files:
        return None
    try:
        labels = json.loads((tree.root / "metadata.json").read_bytes())["labels"]
        return Layout("samples of a project", tuple(Listed(p, str(labels[int(match[1])])) for p, match in named.items()))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _empty(tree: Tree) -> tuple[str, ...]:
    """Folders that would be classes, had they a picture; those with other files in them are none."""
    filled = {f.split("/", 1)[0] for f in tree.files if "/" in f}
    return tuple(shown(folder) for folder in tree.top_folders if folder not in filled)


def _key(label: str) -> str:
    return label.casefold().replace(" ", "").replace("_", "").replace("-", "")


def _some(names: Sequence[str] | dict[str, int]) -> str:
    listed = [shown(name) for name in names]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


def _seen(tree: Tree) -> str:
    """What a person would see on opening the folder."""
    parts = [f"{shown(folder)}/ with {counted(tree.counts[folder], 'picture')}" for folder in tree.top_folders[:5]]
    if len(tree.top_folders) > 5:
        parts.append(f"{len(tree.top_folders) - 5} more folders")
    if tree.loose:
        parts.append(f"{counted(len(tree.loose), 'picture')} in no folder")
    tables = tree.beside(*label_tables.SUFFIXES, ".json")
    parts += [shown(name) for name in tables[:2]]
    return ", ".join(parts) or "nothing"
