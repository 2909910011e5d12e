"""Pictures cut into folds for cross-validation: classes in proportion, groups and equal bytes in one fold."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagesight.artifacts import Picture
from pagesight.pictures.split import units_of

Rows = NDArray[np.int64]


def folds_of(pictures: Sequence[Picture], most: int, seed: int) -> Rows | None:
    """The fold of each picture, 0 to at most `most` - 1; every class has pictures outside of each fold.

    None where that cannot be: a class whose pictures all belong together.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = np.array([p.label for p in pictures], np.int64)
    units = units_of(pictures)
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
