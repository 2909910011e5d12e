"""Pictures to a Dataset: every file read whole once, labelled as its folder is laid out, and put on one side of the split."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from pagesight import decoders, manifest, progress, records
from pagesight.artifacts import NO_CLASS, SIDES, Dataset, Picture
from pagesight.errors import OptionError, ScanError
from pagesight.json_values import JsonObject
from pagesight.options import Scanning
from pagesight.pictures import classes, clips
from pagesight.pictures.label_tables import Columns
from pagesight.pictures.layout import Layout, are, counted, measures
from pagesight.pictures.layouts import layout_of
from pagesight.pictures.reading import Candidate, Read, read_all
from pagesight.pictures.sources import Photos, Source, class_name, sources
from pagesight.pictures.split import as_given, split
from pagesight.pictures.tree import Tree
from pagesight.records.pictures import DatasetFacts, Duplicates

_FRAMES = "frames"


def scan(photos: Photos, options: Scanning, into: Path, *, force: bool = False) -> Dataset:
    """Read pictures and write dataset.json and skipped.csv.

    `photos` is a folder, an archive, an address (or several of them, whose classes of one name become one), laid out as
    `pictures.layouts` knows: a folder per class, sides of a split, a table of labels, COCO. Labels are in natural order, or as
    `options.label` has them. A picture that cannot be read is skipped and listed. Sides that pictures come with are kept; else
    the split is stratified and deterministic for a seed; pictures with equal bytes, and all pictures of one group, share a side.
    Where no file's name, size or times changed, the last output holds; with `force`, all are read again.
    Raises ScanError when there is nothing to learn from; nothing is written then.
    """
    _check_expression(options.group_by)
    places = sources(photos)
    unknown_root = _unknown_root(options)
    key = {
        "options": asdict(options),
        "sources": [place.fingerprint() for place in places],
        "roots": _roots(places, unknown_root),
        "unknown": unknown_root and Source(unknown_root, 0, is_alone=True).fingerprint(),
        "table": _fingerprint_of_table(options),
        **_versions(),
    }
    if not force and manifest.is_fresh(into, "scan", key):
        progress.stage("scan", fresh=True)
        return Dataset.open(into)
    progress.stage("scan")
    with manifest.atomic_output_dir(into, "scan", key) as temporary:
        roots = [place.fetch(temporary) for place in places]
        found = [_laid_out(place, root, options) for place, root in zip(places, roots, strict=True)]
        called = " and ".join(place.called for place in places)
        read = _read(found, temporary, options)
        facts = _dataset(read, found, called, options)
        ood = _ood(unknown_root, len(places) + 1, {r.sha256 for r in read}, options) if unknown_root else []
        tops = [tree.root.relative_to(root).as_posix() for (tree, _), root in zip(found, roots, strict=True)]
        _write(temporary, into, read, replace(facts, tops=(*tops, ".", "."), unknown=tuple(ood)))
    return Dataset.open(into)


def _check_expression(group_by: str | None) -> None:
    try:
        re.compile(group_by or "")
    except re.error as cause:
        raise OptionError(
            f"--group-by {group_by!r} is not a valid regular expression: {cause}",
            fix=r"correct it, as in --group-by 'person\d+', or escape special characters with a backslash",
        ) from cause


def _roots(places: Sequence[Source], unknown_root: Path | None) -> list[str]:
    """Every place that pictures may lie in, as the dataset names it: its own folders relative to itself."""
    return [*(str(place.root(Path())) for place in places), _FRAMES, str(unknown_root or _FRAMES)]


def _fingerprint_of_table(options: Scanning) -> str | None:
    table = options.labels_csv
    if table is None or table == "none":
        return None
    if not Path(table).is_file():
        raise ScanError(f"{table} is not a file", fix="give --labels-csv a CSV or TSV file, or leave it out")
    return manifest.sha256_file(Path(table))


def _laid_out(place: Source, root: Path, options: Scanning) -> tuple[Tree, Layout]:
    """The folder of a place that holds its pictures, and its layout, told to whoever watches."""
    tree = Tree.read(root)
    if not place.is_alone and tree.loose and not tree.counts:  # pictures of one class, that is named after their place
        label = class_name(Path(place.called))
        layout = Layout.of_one_class(tree, label)
    else:
        columns = Columns(options.file_column, options.label_column, options.side_column)
        tree, layout = layout_of(tree, place.called, columns, options.labels_csv)
    for note in layout.notes:
        progress.note(note)
    if layout.kind != "class folders":
        progress.note(f"{place.called}: {layout.told()}")
    for label in layout.empty:
        progress.note(f"{label} is empty: no class is made of it")
    return tree, layout


def _read(found: Sequence[tuple[Tree, Layout]], temporary: Path, options: Scanning) -> list[Read]:
    """All pictures of all places, read; clips taken apart where frames are asked for."""
    names, _ = classes.renamed([p.label for _, layout in found for p in layout.pictures], options.label)
    candidates = [
        Candidate(p.path, names[p.label], p.side, root) for root, (_, layout) in enumerate(found) for p in layout.pictures
    ]
    roots = [*(tree.root for tree, _ in found), temporary / _FRAMES]
    skipped: list[Read] = []
    if options.every_frames:
        candidates, skipped = clips.take_frames(roots, candidates, options.every_frames, temporary / _FRAMES, len(found))
    return [*read_all(roots, candidates), *skipped]


def _unknown_root(options: Scanning) -> Path | None:
    if options.unknown is None:
        return None
    if not Path(options.unknown).is_dir():
        raise ScanError(f"{options.unknown} is not a folder", fix="give --unknown a folder with pictures of other things")
    return Path(options.unknown).resolve()


def _ood(folder: Path, root: int, known: set[str], options: Scanning) -> list[Picture]:
    """Pictures of other things, each once and none that a class has too: a third for each side, groups kept together."""
    read = [r for r in read_all([folder], [Candidate(p, "") for p in Tree.read(folder).pictures]) if not r.why_skipped]
    good = {r.sha256: r for r in reversed(read) if r.sha256 not in known}
    if len(good) < len(SIDES):
        raise ScanError(
            f"{folder} holds {len(good)} pictures of other things that can be read; at least {len(SIDES)} are needed",
            fix="add pictures of what the camera may see besides your classes; a hundred are a good start",
        )
    groups = {r.sha256: _group(r, options, {}) for r in good.values()}
    if len(set(groups.values())) < len(SIDES):
        groups = {sha256: sha256 for sha256 in good}
    order = np.random.default_rng([options.seed, len(good)]).permutation(sorted(set(groups.values())))
    side_of = {group: SIDES[i % len(SIDES)] for i, group in enumerate(order.tolist())}
    pictures = [Picture(r.file.path, NO_CLASS, groups[s], side_of[groups[s]], s, root) for s, r in good.items()]
    return sorted(pictures, key=lambda p: p.path)


def _versions() -> JsonObject:
    return {"versions": manifest.versions("pillow", "scikit-learn", "pi-heif", "av", "imagecodecs")}


def _dataset(read: Sequence[Read], found: Sequence[tuple[Tree, Layout]], called: str, options: Scanning) -> DatasetFacts:
    good = sorted((r for r in read if not r.why_skipped), key=lambda r: (r.file.path, r.file.root))
    skipped = [r for r in read if r.why_skipped]
    if options.strict and skipped:
        raise ScanError(
            f"{skipped[0].file.path} {skipped[0].why_skipped}" + (f", and {len(skipped) - 1} more" if len(skipped) > 1 else ""),
            fix="remove or replace the file, or leave --strict out to skip such files",
        )
    _, labels = classes.renamed([p.label for _, layout in found for p in layout.pictures], options.label)
    _refuse_few(labels, Counter(r.file.label for r in good), called, found[0][1].kind if len(found) == 1 else "", options)
    of_clips = clips.groups(good)
    good, leaked = _without_leaks(good, {r.file: _group(r, options, of_clips) for r in good})
    number = {label: i for i, label in enumerate(labels)}
    pictures = [
        Picture(r.file.path, number[r.file.label], _group(r, options, of_clips), "train", r.sha256, r.file.root) for r in good
    ]
    given = as_given(pictures, [r.file.side for r in good], options)
    pictures = [replace(p, side=side) for p, side in zip(pictures, given or split(pictures, options), strict=True)]
    cells = Counter((p.side, p.label) for p in pictures)
    return DatasetFacts(
        layout=found[0][1].kind if len(found) == 1 else "several places",
        labels=tuple(labels),
        counts={side: tuple(cells[side, i] for i in range(len(labels))) for side in SIDES},
        skipped=len(skipped),
        leaked=leaked,
        formats=dict(sorted(Counter(r.format for r in good).items())),
        split="given" if given else "group" if options.group_by else "random",
        groups=len({p.group for p in pictures}) if options.group_by else None,
        duplicates=_duplicates(pictures),
        pictures=tuple(pictures),
    )


def _refuse_few(labels: Sequence[str], counts: Counter[str], called: str, kind: str, options: Scanning) -> None:
    if len(labels) < 2:
        raise ScanError(
            f"{called} holds one class, {labels[0]!r}; at least two are needed", fix="add a folder with pictures of something else"
        )
    for label in labels:
        if counts[label] < options.min_pictures:
            place = Path(called) / label if kind == "class folders" and not options.label else f"the class {label!r} of {called}"
            raise ScanError(
                f"{place} holds {counted(counts[label], 'picture')} that can be read; at least {options.min_pictures} are needed",
                fix=f"add pictures, or pass --min-pictures {max(counts[label], 3)}"
                if counts[label]
                else "add pictures, or remove the folder",
            )


def _without_leaks(good: Sequence[Read], group_of: dict[Candidate, str]) -> tuple[list[Read], int]:
    """Without the pictures whose very bytes, or whose group, are on a side farther from what is learned; and how many these are.

    Test before validation before train: what measures must not have been learned from, nor have chosen anything.
    """
    farthest: dict[tuple[str, str], int] = defaultdict(int)
    ties = {r.file: (("bytes", r.sha256), ("group", group_of[r.file])) for r in good}
    for r in good:
        for tie in ties[r.file]:
            farthest[tie] = max(farthest[tie], measures(r.file.side))
    kept = [r for r in good if measures(r.file.side) == max(farthest[tie] for tie in ties[r.file])]
    return kept, len(good) - len(kept)


def _group(one: Read, options: Scanning, of_clips: dict[Candidate, str]) -> str:
    """The group a picture belongs to: what the expression matches in its path, else its clip, else the picture's own bytes."""
    match = re.search(options.group_by, one.file.path) if options.group_by is not None else None
    if match:
        return next((group for group in match.groups() if group is not None), match.group(0))
    return of_clips.get(one.file, one.sha256)


def _duplicates(pictures: Sequence[Picture]) -> Duplicates:
    """Pictures with equal bytes: how many are one too many, and those that stand in more than one class."""
    same: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        same[picture.sha256].append(picture)
    across = [tuple(p.path for p in group) for group in same.values() if len({p.label for p in group}) > 1]
    return Duplicates(sum(len(g) - 1 for g in same.values()), tuple(across))


def _write(folder: Path, into: Path, read: Sequence[Read], facts: DatasetFacts) -> None:
    records.write(folder / "dataset.json", facts)
    with (folder / "skipped.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "reason"])
        rows.writerows([r.file.path, r.why_skipped] for r in read if r.why_skipped)
    for kind, number in sorted(Counter(r.fix_for for r in read if r.fix_for).items()):
        files = "video" if kind == "video" else f"{kind} file"
        progress.note(f"{are(number, files)} left out: {decoders.FIXES[kind]}")
    damaged = [r for r in read if r.why_skipped and not r.fix_for]
    if damaged:
        progress.note(
            f"{counted(len(damaged), 'file')} skipped, listed in {into / 'skipped.csv'}; "
            f"the first: {damaged[0].file.path} {damaged[0].why_skipped}"
        )
    inexact = {kind: n for kind, n in facts.formats.items() if kind not in decoders.EXACT}
    for kind, number in inexact.items():
        progress.note(
            f"{are(number, f'{kind} picture')} used, but left out of the comparison with the "
            "browser, which decodes them in its own way or not at all"
        )
    if facts.leaked:
        progress.note(f"{are(facts.leaked, 'picture')} left out of training: also in validation or test, or in a group that is")
    if facts.duplicates.across_classes:
        pair = facts.duplicates.across_classes[0]
        progress.note(f"the same picture stands in more than one class: {', '.join(pair)}")
