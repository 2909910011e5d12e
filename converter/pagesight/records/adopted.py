"""adopted.json: how a model made elsewhere was read, and how it was compared with the original in its own runtime."""

from pagesight.records.codec import record
from pagesight.records.training import Interval


@record
class Difference:
    """How far answers are apart from the original's."""

    top1_agreement: float
    """Share (0..1) of pictures with the same first answer."""
    max_abs_diff: float
    """Largest difference of a probability."""


@record
class OriginalComparison:
    """The original in its own runtime against the same model as Pagesight read it, before its weights are rounded."""

    runtime: str | None = None
    """What ran the original; null where nothing did."""
    pictures: int = 0
    top1_agreement: float | None = None
    """Share (0..1) of pictures with the same first answer."""
    max_abs_diff: float | None = None
    """Largest difference of a probability."""
    why_not: str | None = None
    """Why it was not compared."""
    page: Difference | None = None
    """The same of the model as stored in the page."""


@record
class InputTaken:
    """What the model's pixels were taken for."""

    range: str
    why: str
    guessed: bool
    crop: str


@record
class Tested:
    """The float model on labeled pictures."""

    n: int
    float_: float | None
    """Share (0..1) of right answers."""
    interval95: Interval | None


@record
class Adopted:
    """adopted.json."""

    original: OriginalComparison
    input: InputTaken
    accuracy: Tested | None = None
