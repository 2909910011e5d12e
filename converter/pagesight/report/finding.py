"""One thing to know about the pictures or the classes."""

from dataclasses import dataclass

from pagesight.records.evaluation import FindingFacts, Severity
from pagesight.report.image_statistics import Seen

MAX_LISTED = 60
"""Paths that one finding lists; `count` is the whole number."""
TITLES = {
    "bursts": "Burst images leaked across splits",
    "class_missed": "A class that is missed",
    "imbalance": "Class imbalance",
    "larger_network": "A larger network is more accurate",
    "look_alike_classes": "Classes that look alike",
    "mislabel_suspects": "In the wrong folder?",
    "more_pictures": "More pictures would help",
    "near_duplicates": "Near-duplicates",
    "near_duplicates_across_sides": "Near-duplicates across splits",
    "same_picture_in_two_classes": "Same picture in two classes",
    "tiny": "Low resolution",
    "too_blurred": "Too blurry",
    "too_dark": "Too dark",
    "too_few": "Too few pictures",
}
"""The heading of each kind of finding in report.html."""


@dataclass(frozen=True)
class Finding:
    """One thing to know; `kind` is a key of TITLES, `rows` are the pictures it is about, the most telling first."""

    kind: str
    severity: Severity
    what: str
    fix: str
    rows: tuple[int, ...] = ()

    def facts(self, seen: Seen) -> FindingFacts:
        """The finding for report.json: paths below the folder of pictures, at most MAX_LISTED of them."""
        listed = tuple(seen.pictures[row].path for row in self.rows[:MAX_LISTED])
        return FindingFacts(self.kind, self.severity, self.what, self.fix, len(self.rows), listed)
