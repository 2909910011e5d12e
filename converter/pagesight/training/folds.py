"""Pictures cut into folds for cross-validation: classes in proportion, groups and equal bytes in one fold."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagesight.artifacts import Picture

Rows = NDArray[np.int64]


def folds_of(pictures: Sequence[Picture], most: int, seed: int) -> Rows | None:
    """The fold of each picture, 0 to at most `most` - 1; every class has pictures outside of each fold.

    None where that cannot be: a class whose pictures all belong together.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = np.array([p.label for p in pictures], np.int64)
    units = _units(pictures)
    fewest = min(len(np.unique(units[labels == label])) for label in np.unique(labels))
    for count in range(min(most, fewest), 1, -1):
        folds = np.zeros(len(pictures), np.int64)
        cut = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class in fewer groups than folds: looked at below
            for fold, (_, asked) in enumerate(cut.split(labels, labels, units)):
                folds[asked] = fold
        if all(len(set(labels[folds != fold])) == len(set(labels)) for fold in range(count)):
            return folds
    return None


def _units(pictures: Sequence[Picture]) -> Rows:
    """A number per picture; equal for those of one group or of equal bytes, transitively."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    names: dict[tuple[str, str], int] = {}
    ties = [names.setdefault(tie, len(names)) for p in pictures for tie in (("group", p.group), ("bytes", p.sha256))]
    count = len(pictures)
    rows = np.repeat(np.arange(count), 2)
    matrix = coo_matrix((np.ones(len(ties)), (rows, count + np.array(ties))), shape=(count + len(names),) * 2)
    return np.asarray(connected_components(matrix, directed=False)[1][:count], np.int64)
