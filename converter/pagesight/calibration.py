"""When to believe an answer: the temperature that makes probabilities honest, and the threshold below which it is not sure."""

import logging

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.contract import Decision

_log = logging.getLogger(__name__)

Floats = NDArray[np.float32] | NDArray[np.float64]
Labels = NDArray[np.int64]

ACCEPTED = 0.96
"""Share of right answers that the threshold accepts, unless somebody says how much of other things it may accept."""
FALSE_ACCEPTS = 0.01
"""Share of pictures of other things that may be accepted where nobody says another."""
_DOUBT = 10
"""Right answers that weigh as much as the chance to guess: the lowest of few answers says little of the lowest to come."""
_SURE_ENOUGH = 0.9
"""Where right answers are surer than this, the threshold stays here: new pictures are answered a little less surely."""
_PRIOR = 0.1
"""Scale of the Laplace prior on the logarithm of the temperature: without clear evidence the most probable one is exactly 1, as the
lasso leaves out what does not matter (Tibshirani 1996)."""
_TINY = 1e-12


def decide(known: Floats, labels: Labels, ood: Floats, false_accepts: float | None) -> Decision:
    """The decision for probabilities `known` `[n, classes]` of pictures with `labels` and `ood` `[m, classes]` of other things.

    After scaling, the threshold refuses about 4 % of the right answers, and with them as many mistakes as it can. Where it is high
    anyway it rises further, until it accepts the share `false_accepts` of `ood` at most: at no cost in right answers beyond those
    where that is None (then it is 0.01), and at any cost where somebody asked for it.
    """
    temperature = fitted_temperature(known, labels)
    affordable = affordable_threshold(scaled(known, temperature), labels)
    against = 0.0
    if len(ood):
        against = threshold_against(scaled(ood, temperature), FALSE_ACCEPTS if false_accepts is None else false_accepts)
    if false_accepts is None and len(labels):
        against = min(against, affordable)
    usual = min(affordable, _SURE_ENOUGH)
    why = f"refuses most of {len(ood)} pictures of other things" if against > usual else "costs few right answers"
    _log.info(
        "temperature %.3g, fitted to %d pictures; threshold %.4f, which %s", temperature, len(labels), max(usual, against), why
    )
    if false_accepts is not None and against > usual:
        progress.note(_price(scaled(known, temperature), labels, scaled(ood, temperature), against))
    return Decision(temperature, max(usual, against))


def _price(known: Floats, labels: Labels, ood: Floats, threshold: float) -> str:
    """What a threshold that somebody asked for does to right answers, and to other things; the page counts in float32."""
    right = known.max(1)[known.argmax(1) == labels] if len(labels) else np.zeros(0)
    taken, accepted = (int((np.asarray(p, np.float32) >= threshold).sum()) for p in (right, ood.max(1)))
    return (
        f"the threshold {threshold:.4g} accepts {accepted} of {len(ood)} pictures of other things "
        f"and refuses {len(right) - taken} of {len(right)} right answers"
    )


def affordable_threshold(probabilities: Floats, labels: Labels) -> float:
    """The threshold that costs few of the right answers to come, by those to pictures with `labels` `[n]`; 0.5 without any.

    It lies between the chance to guess and the quantile of what right answers were sure of: the nearer to this, the more there are.
    """
    right = int((np.asarray(probabilities).argmax(1) == labels).sum()) if len(labels) else 0
    if not right:
        return 0.5
    guess = 1 / np.asarray(probabilities).shape[1]
    return float(round(guess + (threshold_for(probabilities, labels, ACCEPTED) - guess) * right / (right + _DOUBT), 4))


def needs_ood(known: Floats, labels: Labels, false_accepts: float | None) -> bool:
    """Whether pictures of other things can change what `decide` says of the probabilities `known` `[n, classes]`."""
    return (
        false_accepts is not None or affordable_threshold(scaled(known, fitted_temperature(known, labels)), labels) > _SURE_ENOUGH
    )


def softmax(logits: Floats) -> NDArray[np.float64]:
    """Probabilities `[n, classes]` of logits `[n, classes]`."""
    powers = np.exp(np.asarray(logits, np.float64) - np.max(logits, axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def scaled(probabilities: Floats, temperature: float) -> NDArray[np.float64]:
    """softmax(logits / temperature), from the probabilities that the logits gave: a power of them, made to sum to 1 again."""
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def fitted_temperature(probabilities: Floats, labels: Labels) -> float:
    """The temperature in 0.05..20 that is most probable (Guo et al. 2017); above 1, the model was too sure of itself.

    The true class counts (n + 1) / (n + 2) and the others share the rest, as in Platt 1999: without a mistake among few pictures
    the likelihood alone would have the model be sure of everything. For the same reason temperatures near 1 count as more
    probable before any picture is looked at: few pictures leave it at 1, many move it.
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
        prior = abs(log_temperature) / (_PRIOR * len(labels))
        return float((most + np.log(np.exp(cold - most[:, None]).sum(1)) - meant / temperature).mean()) + prior

    result = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(result.x)) if result.fun < loss(0.0) - _TINY else 1.0


def threshold_against(unknown: Floats, false_accepts: float) -> float:
    """The lowest threshold on the top probability that accepts the share `false_accepts` of `unknown` `[m, classes]` at most.

    It is 1 where more than that are answered with certainty: no threshold refuses those, and one above 1 would refuse everything.
    """
    descending = np.sort(np.asarray(unknown, np.float64).max(1))[::-1]
    last = descending[min(int(len(descending) * false_accepts), len(descending) - 1)]
    return min(1.0, float(np.ceil((last + 1e-6) * 1e4) / 1e4))  # up, so that none is let in by rounding


def threshold_for(probabilities: Floats, labels: Labels, accepted: float) -> float:
    """The highest threshold on the top probability that still accepts the share `accepted` of right answers; 0.5 without any."""
    predicted = np.asarray(probabilities, np.float64)
    sure = np.sort(predicted.max(1, initial=0)[predicted.argmax(1) == labels]) if len(labels) else np.zeros(0)
    if not len(sure):
        return 0.5
    last = sure[int(np.floor(len(sure) * (1 - accepted) + 1e-9))]
    return float(np.floor(last * 1e4) / 1e4)  # down, so that none is lost to rounding
