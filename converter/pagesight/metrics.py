"""Numbers about answers: how often they are right, how well their probabilities are meant, and when to say 'not sure'."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.calibration import Floats, Labels, threshold_against
from pagesight.records.evaluation import Accepted, Accuracy, ByClass, ClassScores, OperatingPoint, OutOfDistribution, Scores

BINS = 15
"""Bins of the reliability diagram and of the ECE, as in Guo et al. 2017."""


def accuracy(labels: Labels, predicted: Labels) -> Accuracy:
    """Share of right answers with its 95 % Wilson interval; None where there are no pictures."""
    right, n = int((labels == predicted).sum()), len(labels)
    return Accuracy(n, right, right / n if n else None, wilson(right, n))


def better_than_guessing(right: int, labels: Labels) -> float:
    """The p-value of `right` right answers to pictures with `labels` `[n]`, if all were given the most frequent class.

    One-sided binomial test: the chance to be right as often, or more often, by answering without looking.
    """
    from scipy.stats import binomtest

    n = len(labels)
    return float(binomtest(right, n, np.bincount(labels).max() / n, "greater").pvalue) if n else 1.0


def confusion(labels: Labels, predicted: Labels, classes: int) -> NDArray[np.int64]:
    """Pictures counted by `[what was meant, what was said]`, `[classes, classes]` (scikit-learn's confusion_matrix)."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(labels, predicted, labels=np.arange(classes)), np.int64)


def per_class(labels: Labels, predicted: Labels, names: tuple[str, ...]) -> ByClass:
    """Precision, recall, F1 and support by class, with macro and weighted averages (scikit-learn's terms; 0 where undefined)."""
    from sklearn.metrics import precision_recall_fscore_support

    def scores(average: str | None) -> Any:
        return precision_recall_fscore_support(labels, predicted, labels=np.arange(len(names)), average=average, zero_division=0)

    def averaged(average: str) -> Scores:
        precision, recall, f1, _ = scores(average)
        return Scores(float(precision), float(recall), float(f1))

    rows = zip(names, *(column.tolist() for column in scores(None)), strict=True)
    return ByClass(tuple(ClassScores(*row) for row in rows), averaged("macro"), averaged("weighted"))


@dataclass(frozen=True)
class Reliability:
    """How often answers of a given probability are right, in bins of equal width; `ece` is their mean gap, weighted by count."""

    ece: float
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(probabilities: Floats, labels: Labels, bins: int = BINS) -> Reliability:
    """The expected calibration error of the top answers (Naeini et al. 2015; Guo et al. 2017) and the bins behind it.

    Input   probabilities `[n, classes]`, labels `[n]`. Bin b holds the answers with b/bins < probability <= (b+1)/bins.
    Output  ECE in 0..1; counts, mean probability and accuracy `[bins]`, 0 where a bin is empty.
    """
    predicted = np.asarray(probabilities, np.float64)
    top, right = predicted.max(1, initial=0), predicted.argmax(1) == labels
    bin_of = np.clip(np.ceil(top * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    least = np.maximum(counts, 1)
    confidence = np.bincount(bin_of, weights=top, minlength=bins) / least
    share = np.bincount(bin_of, weights=right, minlength=bins) / least
    ece = float((counts * np.abs(share - confidence)).sum() / max(1, len(labels)))
    return Reliability(ece, counts, confidence, share)


def accepted(probabilities: Floats, labels: Labels, threshold: float) -> Accepted:
    """Shares (0..1) of right and of wrong answers at or above the threshold, and the accuracy among those; None where none are."""
    predicted = np.asarray(probabilities, np.float64)
    right, taken = predicted.argmax(1) == labels, predicted.max(1, initial=0) >= threshold
    return Accepted(_share(taken[right]), _share(taken[~right]), _share(taken), _share(right[taken]))


def ood_metrics(known: Floats, unknown: Floats, threshold: float, false_accepts: float = 0.01) -> OutOfDistribution:
    """How well the top probability tells pictures of the classes from pictures of other things.

    Input   probabilities of both, `[n, classes]` and `[m, classes]`, scaled alike.
    Output  AUROC (Hendrycks and Gimpel 2017); the share of `unknown` accepted at `threshold`; the threshold that accepts at most
            the share `false_accepts` of them, and the share of `known` that it accepts.
    """
    from sklearn.metrics import roc_auc_score

    mine, other = (np.asarray(p, np.float64).max(1, initial=0) for p in (known, unknown))
    if not len(mine) or not len(other):
        return OutOfDistribution(len(other), None, None, None)
    truth = np.concatenate([np.ones(len(mine)), np.zeros(len(other))])
    strict = threshold_against(unknown, false_accepts)
    return OutOfDistribution(
        n=len(other),
        auroc=float(roc_auc_score(truth, np.concatenate([mine, other]))),
        false_accepts=float((other >= threshold).mean()),
        at=OperatingPoint(false_accepts, strict, float((mine >= strict).mean())),
    )


def _share(which: NDArray[np.bool_]) -> float | None:
    return float(which.mean()) if len(which) else None


_Z95 = 1.959963984540054


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of `right` out of `n`, low and high in 0..1 (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = right / n, _Z95**2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return 0.0 if right == 0 else center - half, 1.0 if right == n else center + half
