"""One thing to know about the pictures or the classes."""

from dataclasses import dataclass
from typing import Any, Literal

from pagesight.report.image_statistics import Seen

Severity = Literal["serious", "warning", "note"]
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

    def to_json(self, seen: Seen) -> dict[str, Any]:
        """The finding for report.json: paths below the folder of pictures, at most MAX_LISTED of them."""
        listed = [seen.pictures[row].path for row in self.rows[:MAX_LISTED]]
        facts = {"kind": self.kind, "severity": self.severity, "what": self.what, "fix": self.fix}
        return {**facts, "count": len(self.rows), "pictures": listed}
