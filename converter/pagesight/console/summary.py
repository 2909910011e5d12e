"""What a command prints at its end: a few lines for people."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pagesight.artifacts import Bundle
from pagesight.json_values import JsonValue
from pagesight.records.adopted import InputTaken, OriginalComparison
from pagesight.records.evaluation import FindingFacts
from pagesight.records.report import Parity, Report, ReportedAccuracy
from pagesight.records.training import TestAccuracy

_TOLD = 2
"""Findings that a command tells."""


def result_lines(value: "Bundle | Mapping[str, JsonValue | TestAccuracy | ReportedAccuracy]") -> list[str]:
    """The lines of a bundle, or of a JSON object with a line for each key that has a value."""
    if isinstance(value, Bundle):
        return _bundle_lines(str(value.path), value.report)
    width = max(len(k) for k in value) + 2
    return [f"{k.replace('_', ' '):{width}}{_text(v)}" for k, v in value.items() if v is not None]


def _text(value: Any) -> str:
    if isinstance(value, (TestAccuracy, ReportedAccuracy)):
        return _accuracy(value)
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_text(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _accuracy(accuracy: TestAccuracy | ReportedAccuracy, pictures: str = "never trained on") -> str:
    if accuracy.float_ is None or accuracy.interval95 is None:
        return "not measured: no pictures were held out"
    if accuracy.folds is not None:
        pictures = f"by {accuracy.folds}-fold cross-validation, final model trained on all"
    low, high = accuracy.interval95
    exported = getattr(accuracy, "exported", None)
    before = f", {accuracy.float_:.1%} before quantization" if exported is not None else ""
    share = accuracy.float_ if exported is None else exported
    return f"{share:.1%} on {accuracy.n} pictures {pictures} (95% confidence interval {low:.1%} to {high:.1%}){before}"


def _bundle_lines(folder: str, report: Report) -> list[str]:
    stored = report.quantization
    lines = [f"page      {folder}"]
    if report.accuracy.float_ is not None:
        grouped = report.dataset is not None and report.dataset.split == "group"
        of_groups = "of groups never trained on" if grouped else "never trained on"
        lines.append(f"accuracy  {_accuracy(report.accuracy, of_groups if report.original is None else 'given for testing')}")
    lines += _findings(report.evaluation.findings if report.evaluation else ())
    kept = stored.top1_agreement
    answers = f", {kept:.1%} top-1 agreement with the float model" if kept is not None else ""
    measured = f", measured by {stored.judged_by}" if stored.judged_by else ""
    two = f", two bytes per weight: one would move a probability by {stored.moved_by_a_byte:.1g}" if stored.moved_by_a_byte else ""
    lines.append(f"model     {stored.bytes:,} bytes, {stored.gzip_bytes:,} after gzip ({stored.mode}{measured}{two}){answers}")
    lines.append(f"size      {report.bytes.total_gzip:,} bytes after gzip, without samples")
    lines.append(f"verified  {_verified(report.parity, folder)}")
    if report.original is not None and report.input is not None:
        lines += _original(report.original, report.input)
    lines += _beside(Path(folder))
    return [*lines, f"look      pagesight serve {shlex.quote(folder)} --open"]


def _original(original: OriginalComparison, taken: InputTaken) -> list[str]:
    """What the model's pixels were taken for, and how far the page is from the original in its own runtime."""
    guessed = "input range guessed: " if taken.guessed else ""
    lines = [f"pixels    {guessed}{taken.range}, {taken.crop} ({taken.why})"]
    if original.runtime is None or original.page is None:
        return [*lines, f"original  not compared with the original: {original.why_not}"]
    answers = "same answers" if original.top1_agreement == 1 else f"{original.top1_agreement:.1%} same answers"
    line = f"original  {answers} on {original.pictures} pictures, probabilities within {original.max_abs_diff:.1g}"
    stored = f"as stored in the page {original.page.top1_agreement:.1%}, within {original.page.max_abs_diff:.1g}"
    return [*lines, f"{line} ({original.runtime}); {stored}"]


def _findings(findings: Sequence[FindingFacts]) -> list[str]:
    """The two worst in a line each, and how many more there are."""
    worst = [f for f in findings if f.severity != "note"][:_TOLD]
    lines = [f"{'' if i else 'finding':10}{f.what.split('. ')[0].rstrip('.')}" for i, f in enumerate(worst)]
    more = len(findings) - len(lines)
    return [*lines, f"{'':10}({more} more in report.html)"] if lines and more else lines


def _verified(parity: Parity | None, folder: str) -> str:
    if parity is None:
        from pagesight.browser import discovery

        fix = f"pagesight verify {shlex.quote(folder)}" if discovery.find() else discovery.HOW_TO_GET
        return f"not verified in a browser: {fix}"
    return (
        f"{parity.browser}, {parity.backend}: {parity.top1_agreement:.1%} same answers on "
        f"{parity.pictures} pictures, probabilities within {parity.max_abs_diff:.1g}"
    )


def _beside(folder: Path) -> list[str]:
    """What lies in the page's folder for other uses than to be served."""
    from pagesight.page import single_file

    file = single_file.find(folder)
    lines = [f"file      {file}: opens with a double click"] if file else []
    if (folder / "package.json").is_file():
        # Without a dot or a slash in front npm takes it for a repository's name.
        lines.append(f"package   npm pack {shlex.quote(str(folder if folder.is_absolute() else f'./{folder}'))}")
    return lines
