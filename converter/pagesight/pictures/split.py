"""Train, validation and test sides: stratified, deterministic for a seed, and disjoint by group and by equal bytes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pagesight.artifacts import Picture, Side
from pagesight.errors import ScanError
from pagesight.options import Scanning


def split(pictures: Sequence[Picture], options: Scanning) -> list[Side]:
    """The side of each picture. Raises ScanError when the groups cannot fill three sides."""
    units = units_of(pictures)
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
            f"a class has test pictures but no training pictures, such as {first.path}",
            fix="move some of its pictures to the train split, or remove it",
        )
    if "validation" not in sides:
        inner = [pictures[row] for row in learned]
        units = units_of(inner)
        share = replace(options, test=0.0)
        drawn = _validation_by_group(inner, units, share) if options.group_by else _by_picture(inner, units, share)
        for row, side in zip(learned, drawn, strict=True):
            sides[row] = side
    return sides


def _validation_by_group(pictures: Sequence[Picture], units: NDArray[np.int64], options: Scanning) -> list[Side]:
    if len(np.unique(units)) < 2:
        return ["train"] * len(pictures)
    rows = np.arange(len(pictures))
    chosen = set(_fold(rows, np.array([p.label for p in pictures]), units, options.validation, options.seed).tolist())
    return ["validation" if row in chosen else "train" for row in rows.tolist()]


def units_of(pictures: Sequence[Picture]) -> NDArray[np.int64]:
    """A number per picture `[n]`; equal for those that must stay together: of one group or of equal bytes, transitively."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    names: dict[tuple[str, str], int] = {}
    ties = [names.setdefault(tie, len(names)) for p in pictures for tie in (("group", p.group), ("bytes", p.sha256))]
    count = len(pictures)
    rows = np.repeat(np.arange(count), 2)
    matrix = coo_matrix((np.ones(len(ties)), (rows, count + np.array(ties))), shape=(count + len(names),) * 2)
    return np.asarray(connected_components(matrix, directed=False)[1][:count], np.int64)


def _by_picture(pictures: Sequence[Picture], units: NDArray[np.int64], options: Scanning) -> list[Side]:
    """Cut every class's shuffled pictures in the wished shares, with at least one on each side."""
    side_of: dict[int, Side] = {}
    own_units: dict[int, set[int]] = defaultdict(set)
    for unit, picture in zip(units.tolist(), pictures, strict=True):
        own_units[picture.label].add(unit)
    for label in sorted(own_units):
        own = sorted(own_units[label] - side_of.keys())
        np.random.default_rng([options.seed, label]).shuffle(own)
        tests = min(max(1, round(len(own) * options.test)), max(1, len(own) - 2)) if options.test else 0
        validations = min(max(1, round(len(own) * options.validation)), max(0, len(own) - tests - 1))
        for i, unit in enumerate(own):
            side_of[unit] = "test" if i < tests else "validation" if i < tests + validations else "train"
    return [side_of[u] for u in units.tolist()]


def _by_group(pictures: Sequence[Picture], units: NDArray[np.int64], options: Scanning) -> list[Side]:
    if not any(p.group != p.sha256 for p in pictures):
        raise ScanError(
            f"--group-by {options.group_by!r} matches no picture's path, such as {pictures[0].path}",
            fix="give an expression that matches the part that names the group",
        )
    if len(np.unique(units)) < 3:
        raise ScanError(
            f"--group-by finds {len(np.unique(units))} group(s); three sides need at least three",
            fix="group by something finer, or leave --group-by out",
        )
    labels = np.array([p.label for p in pictures])
    splits = np.full(len(pictures), "train", dtype=object)
    everything = np.arange(len(pictures))
    test = _fold(everything, labels, units, options.test, options.seed)
    rest = np.setdiff1d(everything, test)
    validation = _fold(rest, labels, units, options.validation / (1 - options.test), options.seed + 1)
    splits[test], splits[validation] = "test", "validation"
    return list(splits)


def _fold(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """About `share` of `rows`, whole groups, classes in proportion (scikit-learn's StratifiedGroupKFold)."""
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(max(2, round(1 / share)), len(np.unique(groups[rows])), int(np.unique(labels[rows], return_counts=True)[1].max()))
    if folds < 2:
        return rows[:0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class in fewer groups than folds: checked by the caller
        chosen = next(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(rows, labels[rows], groups[rows]))
    return np.asarray(rows[chosen[1]])
