"""report.json: what was measured of a page; null where something was not."""

from dataclasses import field

from pagesight.records.adopted import InputTaken, OriginalComparison
from pagesight.records.codec import record
from pagesight.records.evaluation import EvaluationFacts
from pagesight.records.pictures import DatasetSummary
from pagesight.records.quantization import Storage
from pagesight.records.search import SearchFacts
from pagesight.records.training import Choice, Interval, Weights


@record
class ReportedAccuracy:
    """Accuracy on `n` pictures that the model never learned from; shares 0..1."""

    n: int | None = None
    float_: float | None = None
    """Of the float model, in Python."""
    exported: float | None = None
    """Of the model as stored in the page."""
    interval95: Interval | None = None
    """Wilson score interval of `exported`; of `float`, where that is not known."""
    folds: int | None = None
    """Rounds of cross-validation; null where `n` pictures were kept aside."""
    p_value: float | None = None
    """Chance to be right as often by always answering the most frequent class."""


@record
class Parity:
    """Browser against Python, on the same files."""

    browser: str
    backend: str
    pictures: int
    squares_equal: int
    """Pictures whose model input is equal bit for bit."""
    top1_agreement: float
    """Share (0..1) of pictures with the same first answer."""
    max_abs_diff: float
    """Largest difference of a probability."""
    max_square_diff: int = 0
    """Largest difference (of 255) of a pixel in a model input; above 0 only where an engine is known to round."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Pictures that were not compared, by format: browsers decode these in their own way, or not at all."""
    single_file: "Parity | None" = None
    """The same of the page in one HTML file, opened from the disk."""
    engines: "tuple[Parity, ...]" = ()
    """Each browser by itself, where several were asked: above stand their names, and the least equal of their numbers."""


@record
class Sizes:
    """Bytes by kind; samples and report are left aside, what only graphics cards need counts alone."""

    page: int
    runtime: int
    model: int
    total: int
    total_gzip: int
    """Sum over files, each compressed by itself."""
    gpu_gzip: int


@record
class Report:
    """report.json."""

    name: str
    quantization: Storage
    bytes: Sizes
    accuracy: ReportedAccuracy = ReportedAccuracy()
    dataset: DatasetSummary | None = None
    backbone: str | None = None
    weights: Weights | None = None
    choice: Choice | None = None
    parity: Parity | None = None
    seconds: dict[str, float | None] | None = None
    """By stage; null in the bundle, so that builds are reproducible."""
    search: SearchFacts | None = None
    evaluation: EvaluationFacts | None = None
    original: OriginalComparison | None = None
    """For a model made elsewhere: how far it is from the original in its own runtime."""
    input: InputTaken | None = None
