"""How long, how fast and how much of a network is trained: chosen by where its weights began and how many pictures there are."""

import logging
import math
from dataclasses import replace

from pagesight.options import Schedule, Training

_log = logging.getLogger(__name__)

FULL = Schedule()
"""Every layer learns."""
BRIEF = Schedule(epochs=4, learning_rate=4e-3, freeze=8)
"""Where pictures are many: fewer epochs at a higher rate, with the layers frozen that tell edges and textures."""
GENTLE = Schedule(epochs=6, learning_rate=5e-4, freeze=16, freeze_batch_norm=True, ood=0.5)
"""Where the weights have seen pictures of this kind: they keep what they know; what is left to learn is what is no class."""

BRIEF_FROM = 50
"""Pictures a class, in the mean, from which training is brief; weights that begin at random take longer."""
GENTLE_FROM = 0.9
"""Validation accuracy of a head on the starter's frozen features from which training is gentle."""
FEW_BELOW = 10
"""Pictures a class, in the mean, below which an epoch has FEW_STEPS: there is time enough, and the accuracy keeps rising."""
FEW_STEPS = 72
_WARM_UP = 0.1


def choose_schedule(options: Training, first_weights: str, head_accuracy: float, images_per_class: float) -> Schedule:
    """The schedule for `images_per_class` pictures on the train side, in the mean; `options.epochs` overrides its epochs.

    `first_weights` is the kind of weights that training begins with, `head_accuracy` (0..1) what a head alone reaches on the
    validation side. A TF-Hub module hides its layers, so that none can be frozen.
    """
    if options.schedule is not None:
        _log.info("the schedule that was given is used")
        return replace(options.schedule, epochs=options.epochs or options.schedule.epochs)
    if first_weights == "starter" and head_accuracy >= GENTLE_FROM:
        chosen, why = GENTLE, f"a head on the starter's features already reaches {head_accuracy:.1%} (from {GENTLE_FROM:.0%} on)"
    elif not options.epochs and images_per_class >= BRIEF_FROM and first_weights not in ("random", "hub"):
        chosen, why = BRIEF, f"there are {images_per_class:.0f} pictures a class (from {BRIEF_FROM} on)"
    else:
        chosen, why = FULL, f"{images_per_class:.0f} pictures a class and {first_weights} weights give no reason to freeze layers"
    if not options.epochs and images_per_class < FEW_BELOW:
        chosen = replace(chosen, steps=FEW_STEPS)
    chosen = replace(chosen, epochs=options.epochs or chosen.epochs)
    _log.info("training schedule: %s, because %s", chosen, why)
    return chosen


def learning_rate(schedule: Schedule, step: int, total: int) -> float:
    """The rate at `step` of `total`: a linear warm-up, then a cosine to nothing (Loshchilov and Hutter 2017)."""
    warm = max(1, int(total * _WARM_UP))
    if step < warm:
        return schedule.learning_rate * (step + 1) / warm
    return schedule.learning_rate * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2
