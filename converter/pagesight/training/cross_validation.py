"""What a head on the features that training starts from says of pictures it never saw: each is asked once, in rounds."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.artifacts import SIDES, Dataset
from pagesight.metrics import wilson
from pagesight.pictures.split import units_of
from pagesight.records.training import BySplit, CrossValidated
from pagesight.training import loop
from pagesight.training.head import solve_head
from pagesight.training.predictor import Predictor

_FEW = 30
"""Pictures of the smallest class below which few are left to test on."""
_FOLDS = 5
_MOST = 3000
"""Pictures by which ways to split are compared, evenly chosen where there are more."""


@dataclass(frozen=True)
class _Features:
    """Row i tells of picture i: its embedding `[n, d]`, its label `[n]`."""

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]
    seed: int

    def accuracy(self, together: Sequence[object], folds: int) -> CrossValidated | None:
        """Accuracy over all pictures in `folds` rounds, those of equal names in `together` in one; None where one class is left."""
        from sklearn.model_selection import StratifiedGroupKFold

        right, n = 0, len(self.labels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class in fewer groups than folds
            cut = StratifiedGroupKFold(folds, shuffle=True, random_state=self.seed)
            for learned, asked in cut.split(self.embeddings, self.labels, together):
                if len(set(self.labels[learned])) < 2:
                    return None
                kernel, bias = solve_head(self.embeddings[learned], self.labels[learned], self.seed)
                predicted = np.unique(self.labels[learned])[(self.embeddings[asked] @ kernel + bias).argmax(1)]
                right += int((predicted == self.labels[asked]).sum())
        return CrossValidated(n, folds, right / n, wilson(right, n))


def has_few(labels: NDArray[np.int64]) -> bool:
    """Whether a class of `labels` `[n]` has too few pictures for a test side that says much."""
    return int(np.bincount(labels).min()) < _FEW


def cross_validated(
    predictor: Predictor, learned: NDArray[np.float32], splits: loop.Splits, dataset: Dataset, seed: int
) -> tuple[CrossValidated | None, BySplit | None]:
    """Accuracies by cross-validation, of the head on the features that training starts from; fine-tuning usually adds to them.

    `learned` `[n, d]` are the embeddings of the train side, of which the head is made too.

    cross_validated   where a class has few pictures: over all pictures, groups kept together
    by_split          where pictures have groups: the same by "group", and by "random", which lets a group be in several folds

    Each is None where it does not apply, or where there is too little to cut into folds. Equal bytes are never in two folds.
    """
    labels = np.concatenate([splits[side][1] for side in SIDES])
    few, grouped = has_few(labels), dataset.facts.split == "group"
    every = 1 if few else -(-len(labels) // _MOST)
    pictures = [picture for side in SIDES for picture in dataset.on(side)[::every]]
    labels = np.concatenate([splits[side][1][::every] for side in SIDES])
    units = units_of(pictures)
    folds = min(_FOLDS, int(np.bincount(labels).min()), len(np.unique(units)))
    if not (few or grouped) or folds < 2:
        return None, None
    with progress.task("cross-validating"):
        ood = [predictor.embeddings(splits[side][0][::every]) for side in SIDES[1:] if len(splits[side][1])]
        features = _Features(np.concatenate([learned[::every], *ood]), labels, seed)
        by_group = features.accuracy(units.tolist(), folds)
        by_random = features.accuracy([picture.sha256 for picture in pictures], folds) if grouped else None
    compared = BySplit(by_group, by_random) if by_group and by_random else None
    return by_group if few else None, compared
