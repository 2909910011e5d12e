"""What can be said of a class with few pictures: each is asked once, of a head that never saw it."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from pagesight import _fit, progress
from pagesight._statistics import wilson
from pagesight.artifacts import SIDES

_FEW = 30
"""Pictures of the smallest class below which few are left to test on."""
_FOLDS = 5


def cross_validated(answers: _fit.Answers, sides: _fit.Sides, groups: Sequence[str], seed: int) -> dict[str, Any] | None:
    """Accuracy by cross-validation over all pictures, of the head on the features that training starts from.

    `groups` of the pictures of train, validation and test, in this order; a group is never in two folds. It is measured before the
    whole network is trained, which usually adds to it. None where every class has pictures enough.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = np.concatenate([sides[side][1] for side in SIDES])
    least = int(np.bincount(labels).min())
    folds = min(_FOLDS, least, len(set(groups)))
    if least >= _FEW or folds < 2:
        return None
    right = 0
    with progress.task("cross-validating"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class in fewer groups than folds
        features = np.concatenate([answers.embeddings(sides[side][0]) for side in SIDES if len(sides[side][1])])
        for learnt, asked in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(features, labels, groups):
            if len(set(labels[learnt])) < 2:
                return None
            kernel, bias = _fit.solved(features[learnt], labels[learnt], seed)
            said = np.unique(labels[learnt])[(features[asked] @ kernel + bias).argmax(1)]
            right += int((said == labels[asked]).sum())
    n = len(labels)
    return {"n": n, "folds": folds, "value": right / n, "interval95": wilson(right, n)}
