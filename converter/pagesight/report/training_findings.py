"""What training found out about how to become more accurate: more pictures, or a larger network."""

from collections.abc import Iterator

from pagesight.records.training import Choice, TrainingFacts
from pagesight.report.finding import Finding

_WORTH_TELLING = 0.02
"""Gain in accuracy (0..1) below which nobody need hear of it."""


def training_findings(trained: TrainingFacts) -> Iterator[Finding]:
    """Findings about the pictures as a whole, by what was cross-validated; none where nothing was."""
    choice = trained.choice
    if choice is None or trained.accuracy is None:
        return
    yield from _more_pictures(choice, trained.accuracy.float_, trained.accuracy.n, len(trained.labels))
    yield from _larger_network(choice, trained)


def _more_pictures(choice: Choice, accuracy: float, pictures: int, classes: int) -> Iterator[Finding]:
    half = choice.half
    if half is not None and half.expected_gain >= _WORTH_TELLING:
        yield Finding(
            "more_pictures",
            "warning",
            f"More pictures would help: trained on half of them the model classifies {half.accuracy:.1%} correctly, on all "
            f"{accuracy:.1%}; about {round(pictures / classes)} more per class should add another {100 * half.expected_gain:.0f} "
            "points. This is extrapolated from the cross-validation (a power law), not measured.",
            "Add pictures that differ from those you have, first of the classes that are mixed up most.",
        )


def _larger_network(choice: Choice, trained: TrainingFacts) -> Iterator[Finding]:
    if choice.kind != "frozen":  # tuned in fewer folds, and taken whatever a larger one was right
        return
    own = [one for one in choice.tried if (one.backbone, one.kind) == (trained.backbone, choice.kind)]
    larger = [one for one in choice.tried if own and one.kind == "frozen" and one.multiply_adds > own[0].multiply_adds]
    best = max(larger, key=lambda one: one.accuracy, default=None)
    if best is not None and best.accuracy - own[0].accuracy >= _WORTH_TELLING:
        yield Finding(
            "larger_network",
            "note",
            f"{best.backbone} classified {best.accuracy:.1%} correctly in the same cross-validation, {trained.backbone} "
            f"{own[0].accuracy:.1%}; the difference is within one standard error, and it takes "
            f"{best.multiply_adds / own[0].multiply_adds:.1f} times the multiply-adds.",
            "If accuracy matters more than speed and bytes, build with `--prefer accurate`.",
        )
