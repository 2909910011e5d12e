"""What is wrong with the pictures, why it matters, and the one thing to do about each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.records.evaluation import Severity
from pagesight.report import near_duplicates
from pagesight.report.class_findings import class_findings
from pagesight.report.finding import Finding
from pagesight.report.image_statistics import Seen

_ORDER: tuple[Severity, ...] = ("serious", "warning", "note")
FEW = 20
"""Pictures of a class for training below which its results hang on chance."""
_DARK = 40
_BLURRED = 0.015
_IMBALANCE = 5
"""Times as many pictures as another class that a class has, beyond which it is worth a warning."""
_SURE = 0.9
_OWN = 0.05
_BURST_DIFFERENCE = 14.0
_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def find(seen: Seen, pairs: near_duplicates.Pairs, labels: tuple[str, ...], side: int, *, grouped: bool) -> list[Finding]:
    """All findings, the serious first; `side` is the model's square in pixels, `grouped` says that groups were kept together."""
    result = [
        *_near_duplicates(seen, pairs, labels, grouped=grouped),
        *_bursts(seen, grouped=grouped),
        *_mislabelled(seen, labels),
        *_counts(seen, labels),
        *class_findings(seen, labels),
        *_image_statistics(seen, side),
    ]
    return ordered(result)


def ordered(result: Iterable[Finding]) -> list[Finding]:
    """The same, the serious first."""
    return sorted(result, key=lambda f: _ORDER.index(f.severity))


def leaked(seen: Seen, pairs: near_duplicates.Pairs) -> NDArray[np.int64]:
    """Rows of test pictures that have a near-duplicate among those that the model they were asked of learned from, sorted."""
    parts, either = seen.parts, np.concatenate([pairs, pairs[:, ::-1]])
    asked = np.isin(either[:, 0], seen.on("test")[2])
    return np.unique(either[asked & (parts[either[:, 0]] != parts[either[:, 1]])][:, 0])


def _near_duplicates(seen: Seen, pairs: near_duplicates.Pairs, labels: tuple[str, ...], *, grouped: bool) -> Iterator[Finding]:
    splits, classes = seen.parts, seen.labels
    families = near_duplicates.families(pairs)
    mixed = [f for f in families if len(set(classes[f].tolist())) > 1]
    across = [f for f in families if len(set(splits[f].tolist())) > 1]
    within = [f for f in families if len(set(splits[f].tolist())) == 1]
    if mixed:
        named = " and ".join(sorted({labels[c] for c in classes[mixed[0]]})[:2])
        yield Finding(
            "same_picture_in_two_classes",
            "serious",
            f"{_some(len(mixed), 'set of near-duplicates spans', 'sets of near-duplicates span')} more than one class; "
            f"the first in {named}. The model is trained on contradictory labels.",
            "Decide where each belongs and remove the other copy.",
            _flat(mixed),
        )
    if across:
        inflated = len(leaked(seen, pairs))
        tested = len(seen.on("test")[2])
        apart = "in another split" if seen.folds is None else "in another fold of the cross-validation"
        yield Finding(
            "near_duplicates_across_sides",
            "serious" if inflated else "warning",
            f"{_some(sum(map(len, across)), 'picture looks', 'pictures look')} the same as one {apart}. "
            + f"{inflated} of {tested} test pictures have near-duplicates in training: your test score is likely inflated."
            * bool(inflated),
            _group_advice(seen, pairs, grouped=grouped),
            _flat(across),
        )
    if within:
        extra = sum(len(f) - 1 for f in within)
        yield Finding(
            "near_duplicates",
            "note",
            f"{_some(extra, 'picture is a near-duplicate', 'pictures are near-duplicates')} of another in the same split. "
            "Duplicates add little to training and count more than once in the score.",
            "Keep one of each, or leave them: they do no harm as long as they stay in one split.",
            _flat(within),
        )


def _bursts(seen: Seen, *, grouped: bool) -> Iterator[Finding]:
    names = [_numbered(p.path) for p in seen.pictures]
    runs = list(near_duplicates.runs(names, seen.looks, _BURST_DIFFERENCE))
    parts = seen.parts
    split = [run for run in runs if len(set(parts[run].tolist())) > 1]
    if split:
        yield Finding(
            "bursts",
            "serious",
            f"{_some(len(split), 'burst', 'bursts')} ({sum(map(len, split))} pictures taken one after another) "
            f"{'is' if len(split) == 1 else 'are'} spread over training and test. Pictures of a burst are nearly alike: "
            "your test score is likely inflated.",
            _group_advice(seen, np.array([(a, b) for run in split for a, b in pairwise(run)]), grouped=grouped),
            _flat(split),
        )


def _numbered(path: str) -> tuple[str, int] | None:
    stem = str(PurePosixPath(path).with_suffix(""))
    match = _NUMBER.search(stem, stem.rfind("/") + 1)
    return (stem[: match.start()] + "#" + stem[match.end() :], int(match[1])) if match else None


def _group_advice(seen: Seen, pairs: near_duplicates.Pairs, *, grouped: bool) -> str:
    """How to keep look-alikes together: an expression of --group-by that the names allow, where there is one."""
    if grouped:
        return "Group by something coarser (`--group-by`), so that look-alikes share a group, or remove the copies."
    paths = [p.path for p in seen.pictures]
    for expression in (r"[^/]+(?=[-_. ]\d+\.\w+$)", r"[^/\d]+\d+(?=[-_. ])", r"/([^/]+)/"):
        groups = [m.group(m.re.groups) if (m := re.search(expression, path)) else None for path in paths]
        together = [groups[a] is not None and groups[a] == groups[b] for a, b in pairs.tolist()]
        if np.mean(together) >= 0.8 and 10 <= len(set(groups)) <= len(paths) / 2:
            return f"Build again with `--group-by '{expression}'`, which keeps them in one split, and trust that score instead."
    return (
        "Build again with `--group-by` and an expression for the part of the path that names the person, object or burst; "
        "if the paths have no such part, remove the duplicates."
    )


def _mislabelled(seen: Seen, labels: tuple[str, ...]) -> Iterator[Finding]:
    """Confident joint (Northcutt et al. 2021): surely another class, and surer than that class's own pictures are on average."""
    counts = np.maximum(np.bincount(seen.labels, minlength=len(labels)), 1)
    usual = np.bincount(seen.labels, weights=seen.own, minlength=len(labels)) / counts
    wrong = (seen.said != seen.labels) & (seen.sure >= np.maximum(_SURE, usual[seen.said])) & (seen.own <= _OWN)
    rows = np.flatnonzero(wrong)
    rows = rows[np.lexsort((rows, -np.round(seen.sure[rows], 4)))]
    if len(rows):
        first = rows[0]
        yield Finding(
            "mislabel_suspects",
            "warning",
            f"{_some(len(rows), 'picture', 'pictures')} may be in the wrong folder: the model is at least {_SURE:.0%} sure "
            f"of another class. It classifies the first, {seen.pictures[first].path}, as “{labels[seen.said[first]]}”.",
            "Review each one and move the mislabeled ones. Those labeled correctly are hard cases; add more pictures like them.",
            tuple(rows.tolist()),
        )


def _counts(seen: Seen, labels: tuple[str, ...]) -> Iterator[Finding]:
    train = np.array([p.side == "train" or seen.folds is not None for p in seen.pictures])
    trained = np.bincount(seen.labels[train], minlength=len(labels))
    counts = np.bincount(seen.labels, minlength=len(labels))
    few = [labels[i] for i in np.argsort(trained, kind="stable") if trained[i] < FEW]
    if few:
        yield Finding(
            "too_few",
            "warning",
            f"{_named(few)} {'has' if len(few) == 1 else 'have'} fewer than {FEW} pictures for training "
            f"(the fewest: {trained.min()}).",
            "Add pictures that differ: other people, other light, other backgrounds. A hundred per class is a good target.",
        )
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] > _IMBALANCE * max(1, counts[least]):
        yield Finding(
            "imbalance",
            "warning",
            f"“{labels[most]}” has {counts[most]} pictures, “{labels[least]}” only {counts[least]}. "
            "Models lean towards the larger class, and overall accuracy hides that: check recall and F1 by class.",
            f"Add pictures of “{labels[least]}”, or leave out some of “{labels[most]}”.",
        )


def _image_statistics(seen: Seen, side: int) -> Iterator[Finding]:
    looks = seen.looks
    dark = _sorted_rows(looks.brightness, looks.brightness < _DARK)
    if dark:
        yield Finding(
            "too_dark",
            "warning",
            f"{_some(len(dark), 'picture is', 'pictures are')} too dark to show much detail (mean gray below {_DARK} of 255).",
            "Retake them in better light, or remove them, unless the page will be used in such light.",
            dark,
        )
    lit = looks.brightness >= _DARK
    blurred = _sorted_rows(looks.sharpness, lit & (looks.sharpness < _BLURRED))
    if blurred:
        yield Finding(
            "too_blurred",
            "warning",
            f"{_some(len(blurred), 'picture is', 'pictures are')} blurred or nearly empty: "
            "there are no edges at the size the model sees.",
            "Take them again with a steady hand and focus, or remove them, unless the camera of the page will blur as well.",
            blurred,
        )
    tiny = _sorted_rows(looks.short_side, looks.short_side < side)
    if tiny:
        smallest = int(looks.short_side[tiny[0]])
        yield Finding(
            "tiny",
            "warning" if smallest < side / 2 else "note",
            f"{_some(len(tiny), 'picture is', 'pictures are')} smaller than the {side} × {side} px that the model sees "
            f"(the smallest {smallest} px): enlarged.",
            f"Use the original photographs if they are larger, or a `--backbone` whose input size is closer to {smallest} px.",
            tiny,
        )


def _sorted_rows(values: NDArray[Any], which: NDArray[np.bool_]) -> tuple[int, ...]:
    rows = np.flatnonzero(which)
    return tuple(rows[np.argsort(values[rows], kind="stable")].tolist())


def _some(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _named(names: Sequence[str]) -> str:
    quoted = [f"“{n}”" for n in names[:4]]
    return ", ".join(quoted) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _flat(families: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(row for family in families for row in family)
