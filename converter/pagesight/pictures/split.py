"""Train, validation and test sides: stratified, deterministic for a seed, and disjoint by group and by equal bytes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pagesight.artifacts import Picture, Side
from pagesight.errors import ScanError
from pagesight.options import Scanning


def split(pictures: Sequence[Picture], options: Scanning) -> list[Side]:
    """The side of each picture. Raises ScanError when the groups cannot fill three sides."""
    units = _units(pictures)
    sides = _by_group(pictures, units, options) if options.group_by else _by_picture(pictures, units, options)
    for side in ("train", "test"):
        missing = {p.label for p in pictures} - {p.label for p, s in zip(pictures, sides, strict=True) if s == side}
        if missing:
            raise ScanError(
                f"the groups leave a class without pictures on the {side} side",
                fix="group by something finer, add pictures from more groups, or leave --group-by out",
            )
    return sides


def as_given(pictures: Sequence[Picture], given: Sequence[Side | None], options: Scanning) -> list[Side] | None:
    """The sides that pictures came with; None where all came for training, or without a side.

    What was given for validation measures where nothing was given for testing. Where nothing is left for validation, a part of what
    is to be learned from is taken. Raises ScanError where a class would have nothing to be learned from.
    """
    measured: Side = "test" if "test" in given else "validation"
    if measured not in given:
        return None
    sides: list[Side] = ["test" if side == measured else side or "train" for side in given]
    learned = [row for row, side in enumerate(sides) if side == "train"]
    missing = {p.label for p in pictures} - {pictures[row].label for row in learned}
    if missing:
        first = next(p for p in pictures if p.label in missing)
        raise ScanError(
            f"a class has pictures to be tested on, but none to be learned from, such as {first.path}",
            fix="put a part of its pictures on the train side, or remove it",
        )
    if "validation" not in sides:
        inner = [pictures[row] for row in learned]
        units = _units(inner)
        share = replace(options, test=0.0)
        drawn = _validation_by_group(inner, units, share) if options.group_by else _by_picture(inner, units, share)
        for row, side in zip(learned, drawn, strict=True):
            sides[row] = side
    return sides


def _validation_by_group(pictures: Sequence[Picture], units: Sequence[int], options: Scanning) -> list[Side]:
    if len(set(units)) < 2:
        return ["train"] * len(pictures)
    rows = np.arange(len(pictures))
    chosen = set(_fold(rows, np.array([p.label for p in pictures]), np.array(units), options.validation, options.seed).tolist())
    return ["validation" if row in chosen else "train" for row in rows.tolist()]


def _units(pictures: Sequence[Picture]) -> list[int]:
    """A number per picture; pictures with equal numbers (same group or same bytes, transitively) must stay together."""
    from scipy.cluster.hierarchy import DisjointSet

    together = DisjointSet(range(len(pictures)))
    first: dict[tuple[str, str], int] = {}
    for i, picture in enumerate(pictures):
        for tie in (("group", picture.group), ("bytes", picture.sha256)):
            together.merge(i, first.setdefault(tie, i))
    number = {i: min(unit) for unit in together.subsets() for i in unit}
    return [number[i] for i in range(len(pictures))]


def _by_picture(pictures: Sequence[Picture], units: Sequence[int], options: Scanning) -> list[Side]:
    """Cut every class's shuffled pictures in the wished shares, with at least one on each side."""
    side_of: dict[int, Side] = {}
    units_of: dict[int, set[int]] = defaultdict(set)
    for unit, picture in zip(units, pictures, strict=True):
        units_of[picture.label].add(unit)
    for label in sorted(units_of):
        own = sorted(units_of[label] - side_of.keys())
        np.random.default_rng([options.seed, label]).shuffle(own)
        tests = min(max(1, round(len(own) * options.test)), max(1, len(own) - 2)) if options.test else 0
        validations = min(max(1, round(len(own) * options.validation)), max(0, len(own) - tests - 1))
        for i, unit in enumerate(own):
            side_of[unit] = "test" if i < tests else "validation" if i < tests + validations else "train"
    return [side_of[u] for u in units]


def _by_group(pictures: Sequence[Picture], units: Sequence[int], options: Scanning) -> list[Side]:
    if not any(p.group != p.sha256 for p in pictures):
        raise ScanError(
            f"--group-by {options.group_by!r} matches no picture's path, such as {pictures[0].path}",
            fix="give an expression that matches the part that names the group",
        )
    if len(Counter(units)) < 3:
        raise ScanError(
            f"--group-by finds {len(Counter(units))} group(s); three sides need at least three",
            fix="group by something finer, or leave --group-by out",
        )
    labels = np.array([p.label for p in pictures])
    groups = np.array(units)
    splits = np.full(len(pictures), "train", dtype=object)
    everything = np.arange(len(pictures))
    test = _fold(everything, labels, groups, options.test, options.seed)
    rest = np.setdiff1d(everything, test)
    validation = _fold(rest, labels, groups, options.validation / (1 - options.test), options.seed + 1)
    splits[test], splits[validation] = "test", "validation"
    return list(splits)


def _fold(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """About `share` of `rows`, whole groups, classes in proportion (scikit-learn's StratifiedGroupKFold)."""
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(max(2, round(1 / share)), len(np.unique(groups[rows])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class in fewer groups than folds: checked by the caller
        chosen = next(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(rows, labels[rows], groups[rows]))
    return np.asarray(rows[chosen[1]])
