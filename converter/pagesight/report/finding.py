"""One thing to know about the pictures or the classes."""

from dataclasses import dataclass

from pagesight.records.evaluation import FindingFacts, Severity
from pagesight.report.image_statistics import Seen

MAX_LISTED = 60
"""Paths that one finding lists; `count` is the whole number."""


@dataclass(frozen=True)
class Finding:
    """One thing to know; `rows` are the pictures it is about, the most telling first."""

    kind: str
    severity: Severity
    what: str
    fix: str
    rows: tuple[int, ...] = ()

    def facts(self, seen: Seen) -> FindingFacts:
        """The finding for report.json: paths below the folder of pictures, at most MAX_LISTED of them."""
        listed = tuple(seen.pictures[row].path for row in self.rows[:MAX_LISTED])
        return FindingFacts(self.kind, self.severity, self.what, self.fix, len(self.rows), listed)
