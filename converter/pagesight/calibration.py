"""When to believe an answer: the temperature that makes probabilities honest, and the threshold below which it is not sure."""

import logging

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Decision

_log = logging.getLogger(__name__)

Floats = NDArray[np.float32] | NDArray[np.float64]
Labels = NDArray[np.int64]

ACCEPTED = 0.98
"""Share of right answers that a threshold chosen without a look at other things accepts."""
_SURE_ENOUGH = 0.9
"""Where all right answers are surer than this, the threshold stays here: new pictures are answered a little less surely."""
_TINY = 1e-12


def decide(known: Floats, labels: Labels, ood: Floats, false_accepts: float) -> Decision:
    """The decision for probabilities `known` `[n, classes]` of pictures with `labels` and `ood` `[m, classes]` of other things.

    After scaling, the threshold accepts the share `false_accepts` of `ood` at most. Where that leaves room it rises until it
    would refuse more than 2 % of the right answers, so that things unlike those, and mistakes, are refused too.
    """
    temperature = fitted_temperature(known, labels)
    usual = min(threshold_for(scaled(known, temperature), labels, ACCEPTED), _SURE_ENOUGH)
    against = threshold_against(scaled(ood, temperature), false_accepts) if len(ood) else 0.0
    bound = f"accepts at most {false_accepts:.1%} of {len(ood)} pictures of other things"
    why = bound if against > usual else f"keeps about {ACCEPTED:.0%} of the right answers"
    _log.info(
        "temperature %.3g, fitted to %d pictures; threshold %.4f, which %s", temperature, len(labels), max(usual, against), why
    )
    return Decision(temperature, max(usual, against))


def scaled(probabilities: Floats, temperature: float) -> NDArray[np.float64]:
    """softmax(logits / temperature), from the probabilities that the logits gave: a power of them, made to sum to 1 again."""
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def fitted_temperature(probabilities: Floats, labels: Labels) -> float:
    """The temperature in 0.05..20 of the highest likelihood (Guo et al. 2017); above 1, the model was too sure of itself.

    The true class counts (n + 1) / (n + 2) and the others share the rest, as in Platt 1999: without a mistake among few pictures
    the likelihood alone would have the model be sure of everything.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels):
        return 1.0
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY))
    own = logits[np.arange(len(labels)), labels]
    rest = 1 / (len(labels) + 2)
    meant = own * (1 - rest) + (logits.sum(1) - own) * rest / max(1, logits.shape[1] - 1)

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        cold = logits / temperature
        most = cold.max(1)
        return float((most + np.log(np.exp(cold - most[:, None]).sum(1)) - meant / temperature).mean())

    result = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(result.x))


def threshold_against(unknown: Floats, false_accepts: float) -> float:
    """The lowest threshold on the top probability that accepts the share `false_accepts` of `unknown` `[m, classes]` at most."""
    descending = np.sort(np.asarray(unknown, np.float64).max(1))[::-1]
    last = descending[min(int(len(descending) * false_accepts), len(descending) - 1)]
    return float(np.ceil((last + 1e-6) * 1e4) / 1e4)  # up, so that none is let in by rounding


def threshold_for(probabilities: Floats, labels: Labels, accepted: float) -> float:
    """The highest threshold on the top probability that still accepts the share `accepted` of right answers; 0.5 without any."""
    predicted = np.asarray(probabilities, np.float64)
    sure = np.sort(predicted.max(1, initial=0)[predicted.argmax(1) == labels]) if len(labels) else np.zeros(0)
    if not len(sure):
        return 0.5
    last = sure[int(np.floor(len(sure) * (1 - accepted) + 1e-9))]
    return float(np.floor(last * 1e4) / 1e4)  # down, so that none is lost to rounding
