"""Pictures to a Dataset: every file read whole once, labelled by its folder, and put on one side of the split."""

import csv
import hashlib
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import manifest, pixels, progress, records
from pagesight.artifacts import NO_CLASS, SIDES, Dataset, Picture
from pagesight.errors import OptionError, ScanError
from pagesight.options import Scanning
from pagesight.pictures import archive, remote
from pagesight.pictures.split import split
from pagesight.records.pictures import DatasetFacts, Duplicates

_NOISE = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"})


@dataclass(frozen=True)
class _Read:
    """One file after reading: its hash, or why it was skipped."""

    path: str
    label: str
    sha256: str
    why_skipped: str = ""


def scan(photos: str | Path, options: Scanning, into: Path) -> Dataset:
    """Read a folder of class folders, a `.zip` of one, or an address of one, and write dataset.json and skipped.csv.

    Labels are the folders' names (NFC), in natural order. A picture that cannot be read is skipped and listed. The split is
    stratified and deterministic for a seed; pictures with equal bytes, and all pictures of one group, share a side.
    Raises ScanError when there is nothing to learn from; nothing is written then.
    """
    _check_expression(options.group_by)
    photos = remote.located(photos)
    if isinstance(photos, Path) and not photos.exists():
        raise ScanError(f"{photos} does not exist", fix="give the folder that holds one folder of pictures per class")
    unknown_root = _unknown_root(options)
    key = {
        "options": asdict(options),
        "source": _fingerprint(photos),
        "root": str(_root(photos, into)),
        "unknown_root": unknown_root and str(unknown_root),
        "unknown": unknown_root and _fingerprint(unknown_root),
        **_versions(),
    }
    if manifest.is_fresh(into, "scan", key):
        progress.stage("scan", fresh=True)
        return Dataset(into, _root(photos, into), unknown_root)
    progress.stage("scan")
    with manifest.atomic_output_dir(into, "scan", key) as temporary:
        if isinstance(photos, str):
            remote.copy(photos, temporary / "pictures")
        elif photos.is_file():
            archive.extract(photos, temporary / "pictures")
        root = _root(photos, temporary)
        top = _top(root)
        read = _read_all(top, photos)
        facts = _dataset(read, _class_folders(top), photos, options)
        ood = _ood(unknown_root, {r.sha256 for r in read}, options) if unknown_root else []
        _write(temporary, into, read, replace(facts, top=top.relative_to(root).as_posix(), unknown=tuple(ood)))
    return Dataset(into, _root(photos, into), unknown_root)


def _check_expression(group_by: str | None) -> None:
    try:
        re.compile(group_by or "")
    except re.error as cause:
        raise OptionError(
            f"--group-by {group_by!r} is no regular expression: {cause}",
            fix=r"mend it, such as --group-by 'person\d+', or put a backslash before a sign that means itself",
        ) from cause


def _root(photos: str | Path, into: Path) -> Path:
    """Where the pictures lie: in the folder that was given, or in the output when it was an archive or an address."""
    return (into / "pictures" if isinstance(photos, str) or photos.is_file() else photos).resolve()


def _unknown_root(options: Scanning) -> Path | None:
    if options.unknown is None:
        return None
    if not Path(options.unknown).is_dir():
        raise ScanError(f"{options.unknown} is no folder", fix="give --unknown a folder with pictures of other things")
    return Path(options.unknown).resolve()


def _ood(root: Path, known: set[str], options: Scanning) -> list[Picture]:
    """Pictures of other things, each once and none that a class has too: a third for each side, groups kept together."""
    with progress.task("reading pictures of other things"), ThreadPoolExecutor(os.cpu_count()) as pool:
        read = [r for r in pool.map(lambda path: _read_one(root, os.path.relpath(path, root)), _walk(root)) if not r.why_skipped]
    good = {r.sha256: r for r in reversed(read) if r.sha256 not in known}
    if len(good) < len(SIDES):
        raise ScanError(
            f"{root} holds {len(good)} pictures of other things that can be read; at least {len(SIDES)} are needed",
            fix="add pictures of what the camera may see beside your classes; a hundred are a good start",
        )
    groups = {r.sha256: _group(r, options) for r in good.values()}
    if len(set(groups.values())) < len(SIDES):
        groups = {sha256: sha256 for sha256 in good}
    order = np.random.default_rng([options.seed, len(good)]).permutation(sorted(set(groups.values())))
    side_of = {group: SIDES[i % len(SIDES)] for i, group in enumerate(order.tolist())}
    pictures = [Picture(r.path, NO_CLASS, groups[s], side_of[groups[s]], s) for s, r in good.items()]
    return sorted(pictures, key=lambda p: p.path)


def _versions() -> dict[str, Any]:
    return {"versions": manifest.versions("pillow", "scikit-learn")}


def _fingerprint(photos: str | Path) -> str:
    """A hash of the names, sizes and times below `photos`: cheap enough to ask on every run."""
    if isinstance(photos, str):
        return remote.fingerprint(photos)
    if photos.is_file():
        status = photos.stat()
        return manifest.sha256_json([photos.name, status.st_size, status.st_mtime_ns])
    rows = []
    for path in _walk(photos):
        try:
            status = Path(path).stat()
            rows.append([os.fsencode(path).hex(), status.st_size, status.st_mtime_ns])
        except OSError:
            rows.append([os.fsencode(path).hex(), -1, -1])
    return manifest.sha256_json(rows)


def _top(root: Path) -> Path:
    """Step into a lone folder that holds nothing but folders, as archives and downloads often have around the classes."""
    while root.is_dir():
        inside = [p for p in sorted(root.iterdir()) if not _is_noise(p.name)]
        if len(inside) != 1 or not inside[0].is_dir():
            break
        deeper = [p for p in inside[0].iterdir() if not _is_noise(p.name)]
        if not deeper or not all(p.is_dir() for p in deeper):
            break
        root = inside[0]
    return root


def _is_noise(name: str) -> bool:
    return name.startswith(".") or name in _NOISE


def _walk(folder: Path) -> Iterator[str]:
    """All files below `folder`, sorted, following links but no loop, without hidden files and system litter."""
    seen: set[tuple[int, int]] = set()

    def visit(path: str) -> Iterator[str]:
        status = Path(path).stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        for entry in sorted(os.scandir(path), key=lambda e: e.name):
            if _is_noise(entry.name):
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:
                is_folder = False
            if is_folder:
                yield from visit(entry.path)
            else:
                yield entry.path

    yield from visit(str(folder))


def _label(folder: str) -> str:
    """A folder's name as a label: composed (NFC), with a mark in place of bytes that are no UTF-8."""
    return unicodedata.normalize("NFC", os.fsencode(folder).decode("utf-8", "replace"))


def _class_folders(root: Path) -> set[str]:
    """The names of all class folders, also of those without a file."""
    return {_label(p.name) for p in root.iterdir() if p.is_dir() and not _is_noise(p.name)}


def _read_all(root: Path, photos: str | Path) -> list[_Read]:
    """Every picture below `root`; `photos` is what the user calls it."""
    try:
        paths = [os.path.relpath(p, root) for p in _walk(root)]
    except OSError as cause:
        raise ScanError(f"{cause.filename} cannot be opened: {cause.strerror}", fix="make it readable, or leave it out") from cause
    loose = [p for p in paths if os.sep not in p]
    paths = [p for p in paths if os.sep in p]
    if loose and not paths:
        raise ScanError(
            f"{photos} holds pictures but no class folders",
            fix="put the pictures of each class into a folder named after the class",
        )
    if not paths:
        raise ScanError(f"{photos} holds no pictures", fix="give the folder that holds one folder of pictures per class")
    with progress.task("reading pictures", len(paths)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        read = []
        for one in pool.map(lambda path: _read_one(root, path), paths):
            read.append(one)
            advance()
    return read


def _read_one(root: Path, path: str) -> _Read:
    shown = os.fsencode(path).decode("utf-8", "replace")
    label = _label(path.split(os.sep, 1)[0])
    if shown != path:
        return _Read(shown, label, "", "has a name that is not UTF-8")
    posix = path.replace(os.sep, "/")
    full = root / path
    try:
        if not full.is_file():
            return _Read(posix, label, "", "is not a file" if full.exists() else "is a link to nothing")
        data = full.read_bytes()
        pixels.check(data)
    except OSError as cause:
        return _Read(posix, label, "", f"cannot be opened ({cause.strerror})")
    except pixels.UnreadablePicture as cause:
        return _Read(posix, label, "", str(cause))
    return _Read(posix, label, hashlib.sha256(data).hexdigest())


def _dataset(read: Sequence[_Read], folders: set[str], photos: str | Path, options: Scanning) -> DatasetFacts:
    good = [r for r in read if not r.why_skipped]
    skipped = [r for r in read if r.why_skipped]
    if options.strict and skipped:
        raise ScanError(
            f"{skipped[0].path} {skipped[0].why_skipped}" + (f", and {len(skipped) - 1} more" if len(skipped) > 1 else ""),
            fix="remove or replace the file, or leave --strict out to skip such files",
        )
    labels = sorted({r.label for r in read} | folders, key=_natural)
    counts = Counter(r.label for r in good)
    if len(labels) < 2:
        raise ScanError(
            f"{photos} holds one class, {labels[0]!r}; at least two are needed", fix="add a folder with pictures of something else"
        )
    for label in labels:
        if counts[label] < options.min_pictures:
            raise ScanError(
                f"{photos}{os.sep}{label} holds {counts[label]} picture{'s' if counts[label] != 1 else ''} that can be read; "
                f"at least {options.min_pictures} are needed",
                fix=f"add pictures, or pass --min-pictures {max(counts[label], 3)}"
                if counts[label]
                else "add pictures, or remove the folder",
            )
    number = {label: i for i, label in enumerate(labels)}
    pictures = [Picture(r.path, number[r.label], _group(r, options), "train", r.sha256) for r in good]
    splits = split(pictures, options)
    pictures = [replace(p, side=side) for p, side in zip(pictures, splits, strict=True)]
    cells = Counter((p.side, p.label) for p in pictures)
    return DatasetFacts(
        labels=tuple(labels),
        counts={side: tuple(cells[side, i] for i in range(len(labels))) for side in SIDES},
        skipped=len(skipped),
        split="group" if options.group_by else "random",
        groups=len({p.group for p in pictures}) if options.group_by else None,
        duplicates=_duplicates(pictures),
        pictures=tuple(pictures),
    )


def _group(one: _Read, options: Scanning) -> str:
    """The group a picture belongs to: what the expression matches in its path, else the picture's own bytes."""
    if options.group_by is None:
        return one.sha256
    match = re.search(options.group_by, one.path)
    return match.group(1 if match.re.groups else 0) if match else one.sha256


def _duplicates(pictures: Sequence[Picture]) -> Duplicates:
    """Pictures with equal bytes: how many are one too many, and those that stand in more than one class."""
    same: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        same[picture.sha256].append(picture)
    across = [tuple(p.path for p in group) for group in same.values() if len({p.label for p in group}) > 1]
    return Duplicates(sum(len(g) - 1 for g in same.values()), tuple(across))


def _natural(name: str) -> tuple[Any, ...]:
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part), name


def _write(folder: Path, into: Path, read: Sequence[_Read], facts: DatasetFacts) -> None:
    records.write(folder / "dataset.json", facts)
    with (folder / "skipped.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "reason"])
        rows.writerows([r.path, r.why_skipped] for r in read if r.why_skipped)
    skipped = facts.skipped
    if skipped:
        first = next(r for r in read if r.why_skipped)
        progress.note(
            f"{skipped} file{'s' if skipped > 1 else ''} skipped, listed in {into / 'skipped.csv'}; "
            f"the first: {first.path} {first.why_skipped}"
        )
    if facts.duplicates.across_classes:
        pair = facts.duplicates.across_classes[0]
        progress.note(f"the same picture stands in more than one class: {', '.join(pair)}")
