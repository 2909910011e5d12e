"""search.json: the backbones that were tried, and the one that was chosen."""

from pagesight.records.codec import record
from pagesight.records.training import Weights


@record
class Tried:
    """One backbone, by a head on its frozen features; None where it could not be tried, and `why_not` says why."""

    backbone: str
    human: str
    """Its name for people."""
    why_not: str | None = None
    weights: Weights | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    """For one picture."""
    accuracy: float | None = None
    """On the validation side, 0..1."""
    pictures: int | None = None
    """Pictures that the accuracy was measured on."""
    bytes: int | None = None
    """Of its whole page after gzip, samples aside, extrapolated from the page that was built."""
    ms: float | None = None
    """Milliseconds for a picture in a browser of this machine, between those of the pages that were measured."""


@record
class SearchFacts:
    """search.json."""

    measured: tuple[str, ...]
    """The backbones whose pages were built and measured, that with the least work first."""
    tried: tuple[Tried, ...]
    chosen: str | None = None
    max_bytes: int | None = None
    max_ms: float | None = None
