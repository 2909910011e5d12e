"""The linear head on the features of a frozen backbone: logistic regression, or discriminant analysis."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress

Floats = NDArray[np.float64]
Solution = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Kernel `[d, classes]` and bias `[classes]`: logits are features @ kernel + bias."""

_ITERATIONS = 60
_NEGLIGIBLE = 1e-8
_MARGIN = 5.0
"""Mean lead of the first answer over the second among the pictures that a discriminant analysis was made from, in nats. It says
nothing about its own scale; at this one most temperatures that pictures ask for are near 1, as they are for logistic regression."""


@dataclass(frozen=True)
class Method:
    """One way to make a head. `name` is "logistic" or "discriminant".

    logistic       multinomial logistic regression; `strength` is the inverse strength of its L2 penalty, as scikit-learn's C
    discriminant   linear discriminant analysis; `strength` 0..1 says how far the covariance within classes is shrunk to a multiple
                   of the identity (Ledoit and Wolf 2004). It learns what varies within every class alike, and so does not matter
    """

    name: str
    strength: float


LOGISTIC = tuple(Method("logistic", strength) for strength in (0.03, 0.3))
DISCRIMINANT = tuple(Method("discriminant", strength) for strength in (0.1, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98))


def fit_head(model: Any, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> None:
    """Set the head to scikit-learn's logistic regression of `labels` `[n]` on the frozen backbone's `features` `[n, d]`."""
    with progress.task("training the head"):
        model.get_layer("head").set_weights(solve_head(features, labels, seed))


def solve_head(features: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> list[NDArray[np.float32]]:
    """Kernel `[d, classes]` and bias `[classes]` of the logistic regression of `labels` `[n]` on `features` `[n, d]`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():  # more threads are slower here
        warnings.simplefilter("ignore", ConvergenceWarning)  # good enough to start from is good enough
        mean, scale = features.mean(0), features.std() + 1e-6
        result = LogisticRegression(C=0.01, max_iter=100, random_state=seed).fit((features - mean) / scale, labels)
    kernel = result.coef_.T / scale
    bias = result.intercept_ - mean @ kernel
    if len(result.classes_) == 2:  # scikit-learn gives one column for two classes
        kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    return [kernel.astype(np.float32), bias.astype(np.float32)]


class LinearHeads:
    """Heads on subsets of the same rows, as cross-validation asks for; `features` `[n, d]`.

    With an L2 penalty, or a covariance shrunk to the identity, the solution lies in the span of the rows (the representer theorem),
    so that where they are fewer than their columns all is solved there, exactly, in a fraction of the time. Standardized by one
    deviation for all columns: those of a network's last map have one unit.
    """

    def __init__(self, features: NDArray[np.float32]) -> None:
        self._mean, self._scale = features.mean(0, dtype=np.float64), float(features.std()) + 1e-6
        rows = (features - self._mean) / self._scale
        self._basis: Floats | None = None
        if len(rows) < rows.shape[1]:
            values, vectors = np.linalg.eigh(rows @ rows.T)
            kept = values > values.max() * _NEGLIGIBLE
            deviations = np.sqrt(values[kept])
            self._rows: Floats = vectors[:, kept] * deviations
            self._basis = rows.T @ (vectors[:, kept] / deviations)
        else:
            self._rows = rows

    def solve(self, which: NDArray[np.int64], targets: Floats, method: Method, weights: Floats | None = None) -> Solution:
        """The head on the rows `which` `[m]` with `targets` `[m, classes]`, probabilities that sum to 1, made by `method`.

        `weights` `[m]` say how much a row counts.
        """
        from threadpoolctl import threadpool_limits

        rows, counts = self._rows[which], np.ones(len(which)) if weights is None else weights
        with threadpool_limits(1):  # more threads are slower here, and change the last bit
            if method.name == "logistic":
                kernel, bias = _logistic(rows, targets, method.strength, counts)
            else:
                kernel, bias = _discriminant(rows, targets, method.strength, counts, len(self._mean))
        kernel = (kernel if self._basis is None else self._basis @ kernel) / self._scale
        return kernel.astype(np.float32), (bias - self._mean @ kernel).astype(np.float32)


def _logistic(rows: Floats, targets: Floats, strength: float, weights: Floats) -> tuple[Floats, Floats]:
    from scipy.optimize import minimize

    size, classes = rows.shape[1], targets.shape[1]
    counts = strength * weights

    def loss(parameters: Floats) -> tuple[float, Floats]:
        kernel, bias = parameters[classes:].reshape(size, classes), parameters[:classes]
        logits = rows @ kernel + bias
        highest = logits.max(1, keepdims=True)
        total = highest[:, 0] + np.log(np.exp(logits - highest).sum(1))
        error = counts[:, None] * (np.exp(logits - total[:, None]) - targets)
        value = float(counts @ (total - (targets * logits).sum(1))) + float((kernel**2).sum()) / 2
        return value, np.concatenate([error.sum(0), (rows.T @ error + kernel).ravel()])

    start = np.zeros(classes * (size + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}).x
    return found[classes:].reshape(size, classes), found[:classes]


def _discriminant(rows: Floats, targets: Floats, shrinkage: float, weights: Floats, columns: int) -> tuple[Floats, Floats]:
    """Fisher's, for classes that share one covariance; `columns` are those of the features, of which `rows` show what varies."""
    counts = weights[:, None] * targets
    total = np.maximum(counts.sum(0), _NEGLIGIBLE)
    means = (counts.T @ rows) / total[:, None]
    within = ((rows.T * weights) @ rows - (means.T * total) @ means) / total.sum()
    variance = np.trace(within) / columns
    shrunk = (1 - shrinkage) * within + (shrinkage * variance + _NEGLIGIBLE) * np.eye(len(within))
    centered = means - means.mean(0)
    kernel = np.linalg.solve(shrunk, centered.T)
    bias = -(centered / 2 + means.mean(0)) @ kernel
    ordered = np.sort(rows @ kernel + bias.diagonal(), axis=1)
    scale = _MARGIN / max(float(weights @ (ordered[:, -1] - ordered[:, -2])) / weights.sum(), _NEGLIGIBLE)
    return kernel * scale, bias.diagonal() * scale + np.log(total / total.sum())
