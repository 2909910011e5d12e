"""The part of report.json that report.html shows: metrics by class, confusion, calibration, mistakes, findings."""

from typing import Literal

from pagesight.records.codec import record
from pagesight.records.training import BySplit, CrossValidated, Interval

Severity = Literal["serious", "warning", "note"]


@record
class Accuracy:
    """Share of correct answers; None where there are no pictures."""

    n: int
    right: int
    value: float | None
    interval95: Interval


@record
class Accuracies:
    """The stored model's accuracy on each side, and what cross-validation estimated."""

    test: Accuracy
    validation: Accuracy
    test_without_near_duplicates: Accuracy | None
    """None where no test picture has a near-duplicate on another side."""
    cross_validated: CrossValidated | None = None
    by_split: BySplit | None = None


@record
class Scores:
    """Precision, recall and F1, each 0..1, averaged over classes."""

    precision: float
    recall: float
    f1: float


@record
class ClassScores:
    """The same for one class, with the number of its test pictures."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@record
class ByClass:
    """Scores of every class, and their averages: plain, and weighted by support."""

    classes: tuple[ClassScores, ...]
    macro: Scores
    weighted: Scores


@record
class Confused:
    """Test pictures of `meant` that were answered with `said`."""

    meant: str
    said: str
    pictures: int


@record
class Confusion:
    """The confusion matrix `[meant][said]`, None for very many classes, and its largest cells off the diagonal."""

    confusion: tuple[tuple[int, ...], ...] | None
    confused: tuple[Confused, ...]


@record
class Calibration:
    """Temperature scaling, and the expected calibration error on the test side before and after it."""

    bins: int
    fitted_on: int
    temperature: float
    ece_before: float
    ece_after: float


@record
class Accepted:
    """Shares (0..1) of correct, wrong and all answers at or above a threshold, and the accuracy among those."""

    right: float | None
    wrong: float | None
    all: float | None
    accuracy: float | None


@record
class DecisionInPage:
    """The decision that the page applies."""

    temperature: float
    threshold: float
    test: Accepted


@record
class ProposedDecision:
    """The decision that validation proposes."""

    accepts_of_right: float
    temperature: float
    threshold: float
    test: Accepted


@record
class OperatingPoint:
    """The threshold for a share of false accepts, and the share of known pictures that it accepts."""

    false_accepts: float
    threshold: float
    accepted: float


@record
class OutOfDistribution:
    """How well the top probability tells pictures of the classes from `n` pictures of no class."""

    n: int
    auroc: float | None
    false_accepts: float | None
    """Share (0..1) of them that the threshold accepts."""
    at: OperatingPoint | None


@record
class Mistake:
    """One wrong answer on the test side; `file` and `heat_map` are paths in the bundle."""

    picture: str
    meant: str
    said: str
    probability: float
    probability_of_meant: float
    file: str
    heat_map: str | None


@record
class FindingFacts:
    """Something to know about the pictures, and what to do about it."""

    kind: str
    severity: Severity
    what: str
    fix: str
    count: int
    """Pictures it is about."""
    pictures: tuple[str, ...]
    """The most telling of them."""


@record
class EvaluationFacts:
    """Everything that report.html says in numbers."""

    accuracy: Accuracies
    classes: tuple[ClassScores, ...]
    macro: Scores
    weighted: Scores
    confusion: tuple[tuple[int, ...], ...] | None
    """`[meant][said]`; None for very many classes."""
    confused: tuple[Confused, ...]
    """The largest cells off the diagonal."""
    calibration: Calibration
    decision: ProposedDecision
    decision_in_page: DecisionInPage
    unknown: OutOfDistribution | None
    mistakes: tuple[Mistake, ...] = ()
    """The surest first."""
    findings: tuple[FindingFacts, ...] = ()
    """The serious first."""
