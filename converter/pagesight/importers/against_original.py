"""What was read of a model made elsewhere against the original's own answers: whoever differs gets no page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import input_ranges, last_layer, original
from pagesight.records.adopted import OriginalComparison

_FARTHEST = 1e-3
"""Probabilities may differ so much from the original's: kernels add up in another order, and networks are deep."""
_FARTHEST_QUANTIZED = 0.1
"""The same where the original's own runtime rounds every feature map to 8 bits, which is its doing and not a way of reading it.

Judged, not derived: a bound of the worst case would let anything through, since every layer may double the error of those before.
Networks of five layers that were read rightly were 0.018 to 0.092 from the interpreter (six of them, 64 pictures each; the most
where the last layer is sharp), a published one of emotions 0.015; where the scale of one feature map was wrong, 0.35 to 0.74. So a
sharp network may be refused though it was read rightly. What lies below is in report.json, and on the result line.
"""
REPORT = "export the model as a SavedModel with `model.export(…)` and give that, or report this model"


def against_original(
    running: original.Running | None,
    inputs: NDArray[np.uint8],
    ours: NDArray[np.float32],
    *,
    input_range: str,
    reading: last_layer.Reading,
    labels: Sequence[str],
    quantized: bool = False,
    encoded: bool = False,
) -> tuple[OriginalComparison, NDArray[np.float32] | None]:
    """What adopted.json says of the original, and its probabilities `[n, labels]`; None where it could not be run.

    `inputs` are uint8 `[n, side, side, channels]`, `ours` the probabilities of what was read. With `quantized` the original rounds
    feature maps, too; one that is `encoded` decodes files itself. Raises AdoptError where the original answers otherwise.
    """
    tf = tensorflow()
    if running is None:
        return _not_compared("Pagesight has no runtime for it"), None
    try:
        pixels = tf.constant(inputs.astype(np.float32))
        answered = running.ask(np.asarray(pixels if encoded else input_ranges.scaled(pixels, input_range)))
        expected = np.asarray(reading.probabilities(tf.constant(answered.scores)))
    except (original.NotRun, tf.errors.OpError) as cause:
        return _not_compared(str(cause)), None
    if expected.shape != ours.shape:
        raise AdoptError(
            f"the original has {expected.shape[1]} outputs in {answered.runtime}, the converted model {ours.shape[1]}",
            fix=REPORT,
        )
    agreement, difference = original.compared(ours, expected)
    if not difference <= (_FARTHEST_QUANTIZED if quantized else _FARTHEST):
        worst = int(np.abs(ours - expected).max(1).argmax())
        theirs, read = (f"{labels[int(p.argmax())]!r} ({p.max():.1%})" for p in (expected[worst], ours[worst]))
        raise AdoptError(
            f"the converted model differs from {answered.runtime}: on picture {worst + 1} the original "
            f"predicts {theirs}, the page would predict {read}; probabilities differ by up to {difference:.2g} "
            f"on {len(inputs)} pictures",
            fix=REPORT,
        )
    return OriginalComparison(answered.runtime, len(inputs), agreement, difference), expected


def _not_compared(why: str) -> OriginalComparison:
    progress.note(f"not compared with the original: {why}")
    return OriginalComparison(why_not=why)
