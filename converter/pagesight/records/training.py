"""training.json: how to build a trained network again, and what was measured of it."""

from pagesight.records.codec import record
from pagesight.records.pictures import DatasetSummary

Interval = tuple[float, float]
"""A 95 % confidence interval, low and high, each 0..1."""


@record
class Weights:
    """Where training began: `kind` is imagenet, starter, random, file or hub, `source` the handle of a hub module."""

    kind: str
    source: str = ""


@record
class CrossValidated:
    """Accuracy over `folds` rounds, each of which asked pictures that the others were learned from."""

    n: int
    """Pictures that were asked."""
    folds: int
    value: float
    """Share of correct answers, 0..1."""
    interval95: Interval


@record
class BySplit:
    """The same accuracy with groups kept together, and with pictures split at random."""

    group: CrossValidated
    random: CrossValidated


@record
class TestAccuracy:
    """Accuracy of the float model on pictures that it never learned from."""

    __test__ = False  # pytest: not a test
    n: int
    float_: float
    """Share of correct answers, 0..1."""
    interval95: Interval
    cross_validated: CrossValidated | None = None
    by_split: BySplit | None = None
    folds: int | None = None
    """Rounds of the cross-validation that measured it, of the very recipe; the model itself has then learned from all pictures."""
    p_value: float = 0.0
    """Chance to be right as often by always answering the most frequent class."""


@record
class DecisionFacts:
    """Temperature and threshold, and what they were set by."""

    temperature: float = 1.0
    threshold: float = 0.5
    """The least probability (0..1) of an answer that is believed."""
    false_accepts: float | None = None
    """Share (0..1) of pictures of no class that may be believed."""
    ood: int = 0
    """Pictures of no class that the threshold was set by."""
    ood_given: bool = False
    """Whether these were given, not drawn."""


@record
class Epoch:
    """One epoch: losses in nats, accuracy 0..1; infinite and NaN where there were no validation pictures."""

    loss: float
    validation_loss: float
    validation_accuracy: float


@record
class Tried:
    """One way to learn that was cross-validated to the end. `kind` is "frozen" or "fine-tuned"."""

    backbone: str
    kind: str
    accuracy: float
    """Share of correct answers, 0..1."""
    parameters: int
    multiply_adds: int


@record
class LearnedFromHalf:
    """What half of the pictures are worth, cross-validated in the same folds as all: two points of the learning curve."""

    pictures: int
    accuracy: float
    """Share of correct answers, 0..1, to all pictures by models that learned from `pictures` of them at most."""
    expected_gain: float
    """What as many pictures again would add, 0..1, by a power law through half and all; 0 without clear evidence."""


@record
class Choice:
    """How was learned, and what was tried; `why` is a sentence for people."""

    kind: str
    regularization: float
    """Of a logistic head the inverse strength of its L2 penalty; of a discriminant one how far the covariance is shrunk, 0..1."""
    why: str
    tried: tuple[Tried, ...] = ()
    balance: float = 0.0
    """How far rare classes counted more: 0 not at all, 1 until all classes counted the same."""
    half: LearnedFromHalf | None = None
    """None where classes are too small to be halved, or where more than a head on frozen features was trained."""
    head: str = "logistic"
    """How the head was made: "logistic" regression or "discriminant" analysis."""


@record
class TrainingFacts:
    """training.json."""

    backbone: str
    weights: Weights
    labels: tuple[str, ...]
    decision: DecisionFacts = DecisionFacts()
    dataset: DatasetSummary | None = None
    accuracy: TestAccuracy | None = None
    history: tuple[Epoch, ...] = ()
    choice: Choice | None = None
