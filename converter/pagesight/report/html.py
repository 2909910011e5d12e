"""report.html: the evaluation for people, static, without a script, readable on a phone and by a screen reader."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import metrics
from pagesight.artifacts import SIDES, Origin
from pagesight.contract import Contract
from pagesight.records.evaluation import EvaluationFacts
from pagesight.records.search import SearchFacts, Tried
from pagesight.report import plots
from pagesight.report.evaluation import Evaluation
from pagesight.report.finding import TITLES
from pagesight.report.findings import FEW
from pagesight.report.image_statistics import Seen

CSP = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
_HERE = Path(__file__).resolve().parent
_STYLES = ("report.css", "report.data.css")
_READABLE_MATRIX = 26
"""Classes up to which the confusion matrix is shown whole; beyond, the most frequent confusions."""


_CHARTED = 50
"""Answers from which confidence is drawn: a chart of a handful looks as if it knew more than it does."""


@dataclass(frozen=True)
class Summary:
    """Everything that the page tells."""

    contract: Contract
    origin: Origin
    seen: Seen
    evaluated: Evaluation
    evaluation: EvaluationFacts
    thumbs: list[list[dict[str, str]]]
    """Thumbs of each finding."""


def write(into: Path, summary: Summary) -> None:
    """Write report.html and its styles into `into`; style.css, beside them, is the page's."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"pct": _percent, "between": _between, "chance": _chance, "code": _code}
    html = environment.get_template("report.html.j2").render(_context(summary))
    (into / "report.html").write_text(html + "\n", encoding="utf-8")
    for name in _STYLES:
        shutil.copyfile(_HERE / name, into / name)


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{share:.{digits}%}"


def _between(low_high: list[float]) -> str:
    low, high = (f"{share:.1%}" for share in low_high)
    return f"between {low} and {high}"


def _chance(probability: float) -> str:
    """In percent, and never quite certain."""
    return "over 99.9%" if probability > 0.9994 else "under 0.1%" if probability < 0.0005 else f"{probability:.1%}"


def _code(text: str) -> Any:
    """`text` escaped, with what stands between backticks as code."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def _context(summary: Summary) -> Mapping[str, object]:  # open: what a template names
    contract, evaluated, evaluation = summary.contract, summary.evaluated, summary.evaluation
    counts = _counts(summary.seen, len(contract.labels))
    trained = summary.origin.trained.facts if summary.origin.trained else None
    history = trained.history if trained else ()
    dataset = summary.origin.dataset
    sure, right = evaluated.after.max(1), evaluated.after.argmax(1) == evaluated.labels
    draws = len(evaluated.labels) >= _CHARTED
    ood = None if evaluated.unknown is None else evaluated.unknown.max(1)
    matrix = evaluation.confusion if len(contract.labels) <= _READABLE_MATRIX else None
    return {
        "title": contract.title,
        "language": contract.language,
        "labels": contract.labels,
        "csp": CSP,
        "e": evaluation,
        "titles": TITLES,
        "findings": list(zip(evaluation.findings, summary.thumbs, strict=True)),
        "counts": [
            {"label": name, **dict(zip(SIDES, row, strict=True))} for name, row in zip(contract.labels, counts, strict=True)
        ],
        "totals": dict(zip(SIDES, (sum(column) for column in zip(*counts, strict=True)), strict=True)),
        "few": FEW,
        "is_few": min(sum(row) for row in counts) < FEW,
        "split": dataset.facts.split if dataset else "random",
        "groups": dataset.facts.groups if dataset else None,
        "set_by": trained.decision if trained else None,
        "crossed": trained.accuracy if trained and summary.seen.folds is not None else None,
        "choice": trained.choice if trained else None,
        "side": contract.input.side,
        "matrix": None if matrix is None else _shaded(matrix),
        "history": history,
        "draws": draws,
        "draws_from": _CHARTED,
        "search": _searched(summary.origin),
        "curves": plots.learning_curves(history),
        "before": plots.reliability(metrics.reliability(evaluated.before, evaluated.labels), "before") if draws else None,
        "after": plots.reliability(metrics.reliability(evaluated.after, evaluated.labels), "after") if draws else None,
        "decision": plots.decision(sure[right], sure[~right], ood, evaluated.threshold) if draws else None,
    }


@dataclass(frozen=True)
class _Searched:
    """What was tried before the backbone was chosen, smallest first, and charts of it."""

    facts: SearchFacts
    tried: list[Tried]
    charts: list[plots.Plot]


def _searched(origin: Origin) -> _Searched | None:
    if origin.search is None:
        return None
    facts = origin.search.facts
    tried = sorted(facts.tried, key=lambda t: (t.bytes is None, t.bytes, t.multiply_adds))
    charts = plots.trade_offs(tried, str(facts.chosen), facts.max_bytes, facts.max_ms)
    return _Searched(facts, tried, charts)


def _counts(seen: Seen, classes: int) -> list[list[int]]:
    """Pictures by class (rows) and side (columns, in the order of SIDES)."""
    splits = np.array([SIDES.index(p.side) for p in seen.pictures])
    return np.bincount(seen.labels * len(SIDES) + splits, minlength=classes * len(SIDES)).reshape(classes, -1).tolist()


def _shaded(matrix: Sequence[Sequence[int]]) -> list[list[dict[str, int]]]:
    """Each cell with its share of the row in tenths, at least one where it is not empty: how dark it is."""
    return [[{"n": n, "shade": -(-10 * n // max(1, sum(row)))} for n in row] for row in matrix]
