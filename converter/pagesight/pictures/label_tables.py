"""Labels from a CSV or TSV file beside the pictures: which column names the file, which the label, and which file a row means."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pagesight.artifacts import Side
from pagesight.errors import ScanError
from pagesight.pictures.layout import Layout, PictureFinder, are, counted, one_label_each, side_in, side_named
from pagesight.pictures.tree import Tree, shown

SUFFIXES = (".csv", ".tsv")
_MAX_BYTES = 64 * 1024**2
"""What is read of it takes about eight times as much memory."""
_FILE_COLUMNS = (
    *("filename", "file", "filepath", "path", "image", "imagename", "imagefile", "imagefilename", "imagepath", "imageid", "img"),
    *("imgname", "imgpath", "imgid", "picture", "photo", "name", "fname", "fn", "id", "uuid"),
)
_LABEL_COLUMNS = (
    *("label", "class", "category", "target", "labels", "classes", "classname", "labelname", "categoryname", "species", "breed"),
    *("tag", "y", "diagnosis", "classid", "labelid"),
)
_SIDE_COLUMNS = ("split", "set", "subset", "partition", "usage", "datasplit", "dataset", "fold")
_MAX_CELLS = 20_000_000
_PROBED_ROWS = 200
_FLAGS = frozenset({"0", "1", "0.0", "1.0", "true", "false"})


@dataclass(frozen=True)
class Columns:
    """Names of columns, where a person gave them."""

    file: str | None = None
    label: str | None = None
    side: str | None = None


@dataclass(frozen=True)
class _Table:
    """A table of text: `name` is what it is called in sentences, `folder` where it lies below the tree's root."""

    name: str
    folder: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def column(self, at: int) -> list[str]:
        return [row[at] for row in self.rows]

    def named(self, names: Sequence[str]) -> list[int]:
        """The columns whose names are in `names`, in the order of `names`."""
        plain = [_plain(name) for name in self.header]
        return [plain.index(name) for name in names if name in plain]


def from_tables(tree: Tree, columns: Columns, given: Path | None = None) -> Layout | None:
    """The pictures that the tables beside them name; None where no table names any.

    `given` is the one table to read. Raises ScanError where a table cannot be read, or is not clear about the column of labels.
    """
    tables = [_read(given, tree)] if given else [_read(tree.root / path, tree) for path in _candidates(tree)]
    found: list[tuple[str, str, Side | None]] = []
    notes: list[str] = []
    used: list[str] = []
    files = PictureFinder(tree)
    unclear: ScanError | None = None
    for table in tables:
        try:
            rows, missing = _labels_in(table, files, columns, must=given is not None)
        except ScanError as cause:
            if given or len(tables) == 1:
                raise
            unclear = unclear or cause
            continue
        if rows:
            used.append(table.name)
            found += rows
            notes += missing
    if not found:
        if unclear:
            raise unclear
        return None
    source = " and ".join(used[:3]) if len(used) < 4 else f"{used[0]} and {len(used) - 1} more tables"
    pictures, several = one_label_each(found, source)
    left = len(tree.pictures) - len({path for path, *_ in found})
    if left:
        notes.append(f"{are(left, 'picture')} left out: not listed in {source}")
    return Layout(f"labels from {source}", pictures, (*notes, *several))


def _candidates(tree: Tree) -> list[str]:
    """Tables at the top, and in folders named after a side."""
    sides = [folder for folder in tree.top_folders if side_named(folder)]
    inside = [f for f in tree.files if f.lower().endswith(SUFFIXES) and f.count("/") == 1 and f.split("/")[0] in sides]
    return [*tree.beside(*SUFFIXES), *inside]


def _read(path: Path, tree: Tree) -> _Table:
    name = shown(path.relative_to(tree.root).as_posix() if path.is_relative_to(tree.root) else str(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ScanError(f"{name} is larger than {_MAX_BYTES >> 20} MiB", fix="keep only the columns with file names and labels")
        text = _text(path.read_bytes())
        csv.field_size_limit(1 << 20)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, path), skipinitialspace=True)
        rows = [tuple(cell.strip() for cell in line) for line in lines]
    except OSError as cause:
        raise ScanError(f"{name} cannot be read: {cause.strerror}", fix="give a CSV file with --labels-csv") from cause
    except csv.Error as cause:
        raise ScanError(f"{name} is not a table that can be read: {cause}", fix="save it again as CSV, in UTF-8") from cause
    rows = [row for row in rows if any(row)]
    width = len(rows[0]) if rows else 0
    if width * len(rows) > _MAX_CELLS:
        raise ScanError(
            f"{name} has {width:,} columns in {len(rows):,} rows", fix="keep only the columns with file names and labels"
        )
    rows = [row[:width] + ("",) * (width - len(row)) for row in rows]
    folder = path.parent.relative_to(tree.root).as_posix() if path.is_relative_to(tree.root) else ""
    return _Table(name, "" if folder == "." else folder, rows[0] if rows else (), rows[1:])


def _text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _delimiter(text: str, path: Path) -> str:
    """The sign that parts the first line in most places; a tab in a .tsv."""
    first = text.split("\n", 1)[0]
    return "\t" if path.suffix.lower() == ".tsv" and "\t" in first else max(",;\t|", key=first.count)


def _labels_in(
    table: _Table, files: PictureFinder, columns: Columns, *, must: bool
) -> tuple[list[tuple[str, str, Side | None]], list[str]]:
    """The pictures that `table` names, with labels and sides, and what a person should know of the rows that name none."""
    named_side = side_in(table.name.rsplit("/", 1)[-1]) or side_named(table.folder)
    at = _file_column(table, files, columns, named_side)
    if at is None:
        if must:
            raise ScanError(
                f"no column of {table.name} names pictures that are there; its columns are {_listed(table.header)}",
                fix="name the column of file names with --file-column, and give the folder that these are in",
            )
        return [], []
    if at < 0:  # its first row names a picture, too: there is no header
        at = -at - 1
        header = tuple(f"column {i + 1}" for i in range(len(table.header)))
        table = _Table(table.name, table.folder, header, [table.header, *table.rows])
    side_at = _given(table, columns.side) if columns.side else _side_column(table, at)
    labels = _label_column(table, columns, at, side_at)
    found: list[tuple[str, str, Side | None]] = []
    missing: list[str] = []
    unlabelled = 0
    for row, label in zip(table.rows, labels, strict=True):
        side = (side_named(row[side_at]) if side_at is not None else None) or named_side
        path = files.find(row[at], table.folder, side) if row[at] else None
        if path is None:
            missing.append(row[at])
        elif not label:
            unlabelled += 1
        else:
            found.append((path, label, side or side_named(path.split("/")[0])))
    notes = []
    if missing and found:
        verb = "names" if len(missing) == 1 else "name"
        notes.append(f"{counted(len(missing), 'row')} of {table.name} {verb} no picture that is there, such as {missing[0]!r}")
    if unlabelled:
        verbs = "has no single label and is" if unlabelled == 1 else "have no single label and are"
        notes.append(f"{counted(unlabelled, 'row')} of {table.name} {verbs} left out")
    return found, notes


def _side_column(table: _Table, file_at: int) -> int | None:
    """The column that tells sides: of those named so the first whose values name some, else the first, which is no label either."""
    named = [at for at in table.named(_SIDE_COLUMNS) if at != file_at]
    return next((at for at in named if any(side_named(value) for value in table.column(at))), named[0] if named else None)


def _file_column(table: _Table, files: PictureFinder, columns: Columns, side: Side | None) -> int | None:
    """The column that names the pictures; -1 - column where there is no header; None where none does."""
    if columns.file:
        return _given(table, columns.file)
    probed = table.rows[:: max(1, len(table.rows) // _PROBED_ROWS)][:_PROBED_ROWS]

    def hits(at: int) -> int:
        return sum(files.find(row[at], table.folder, side) is not None for row in probed if row[at])

    best = [at for at in table.named(_FILE_COLUMNS) if hits(at)]
    if not best:
        best = [at for at in range(len(table.header)) if hits(at) * 2 >= max(1, len(probed))]
    if not best:
        return None
    at = max(best, key=hits)
    has_header = files.find(table.header[at], table.folder, side) is None
    return at if has_header else -at - 1


def _label_column(table: _Table, columns: Columns, file_at: int, side_at: int | None) -> list[str]:
    """The label of each row, "" where it has none or several."""
    if columns.label:
        return table.column(_given(table, columns.label))
    others = [at for at in range(len(table.header)) if at not in (file_at, side_at)]
    known = [at for at in table.named(_LABEL_COLUMNS) if at in others]
    if known:
        words = [at for at in known if not all(re.fullmatch(r"-?[\d.]*", value) for value in table.column(at))]
        return table.column((words or known)[0])
    flags = [at for at in others if all(value.lower() in _FLAGS for value in table.column(at))]
    if len(flags) >= 2 and len(flags) == len(others):
        return [_one_hot(table, row, flags) for row in table.rows]
    if len(others) == 1 and 2 <= len(set(table.column(others[0]))) <= max(2, len(table.rows) // 3):
        return table.column(others[0])
    raise ScanError(
        f"{table.name} names pictures, but not clearly their labels; its columns are {_listed(table.header)}",
        fix=f"name the column of the labels, such as --label-column {table.header[others[-1]] if others else 'label'!r}",
    )


def _one_hot(table: _Table, row: tuple[str, ...], flags: list[int]) -> str:
    on = [table.header[at] for at in flags if row[at].lower() in ("1", "1.0", "true")]
    return on[0] if len(on) == 1 else ""


def _given(table: _Table, name: str) -> int:
    if name in table.header:
        return table.header.index(name)
    raise ScanError(f"{table.name} has no column {name!r}", fix=f"choose one of {_listed(table.header)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(n) for n in names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "none"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
