"""The linear head: multinomial logistic regression on the features of a frozen backbone."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress


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
