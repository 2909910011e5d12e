"""Networks side by side for people: a table for a terminal, a chart as SVG, and both as one HTML file."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pagesight.compare import BYTES_PER_WEIGHT, Entry
from pagesight.console.html import aligned, counted, rendered, sheet, standalone

_LETTER, _PANEL, _GAP, _ROW, _TOP = 7.6, 250, 24, 30, 44
"""Pixels: a letter of a name, a panel with its value labels, the space after it, a row, the heads above the rows."""
_LABELS = 56
_SHADES = {"float32": "strong", "float16": "mid", "uint8": "light"}
_CHART = """<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ alt }}">
{% for panel in panels %}<text class="head" x="{{ panel.x }}" y="14">{{ panel.title }}</text>
{% for tick in panel.ticks %}<line x1="{{ tick.x }}" x2="{{ tick.x }}" y1="{{ top }}" y2="{{ bottom }}"/>
<text class="middle" x="{{ tick.x }}" y="{{ top - 8 }}">{{ tick.text }}</text>
{% endfor %}{% endfor %}
{% for row in rows %}<text class="name end" x="{{ names - 16 }}" y="{{ row.y + 4 }}">{{ row.name }}</text>
{% for mark in row.marks %}{% if mark.start is not none %}
<line class="way" x1="{{ mark.start }}" x2="{{ mark.x }}" y1="{{ row.y }}" y2="{{ row.y }}"/>
{% endif %}{% if mark.shade %}
<circle class="{{ mark.shade }}" cx="{{ mark.x }}" cy="{{ row.y }}" r="6"><title>{{ mark.title }}</title></circle>
{% endif %}{% if mark.text %}<text x="{{ mark.x + 11 }}" y="{{ row.y + 4 }}">{{ mark.text }}</text>
{% endif %}{% endfor %}{% endfor %}
</svg>"""
_BODY = """<h1>Networks side by side</h1>
<p>As published, with their 1000 classes. A step to the right in the chart is the same factor everywhere.</p>
<figure tabindex="0">{{ chart | safe }}
<figcaption>Megabytes of the exported model: one byte per weight (uint8), two (float16), four (float32).
{% if timed %}Milliseconds: one warm picture, median, in {{ timed }} on this machine.{% endif %}</figcaption></figure>
<div class="scroll" tabindex="0" role="group" aria-label="Networks">
<table><thead><tr>{% for head in heads %}<th>{{ head }}{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% for reason in reasons %}<p class="soft">{{ reason }}</p>
{% endfor %}"""
_HEADS = ("network", "px", "parameters", "MB", "multiply-adds", "ms", *(f"{d} bytes" for d in BYTES_PER_WEIGHT))


@dataclass(frozen=True)
class _Mark:
    """A dot, `start` to its left from where a line leads to it, and its text; positions in pixels."""

    start: float | None
    x: float
    shade: str
    title: str
    text: str


@dataclass(frozen=True)
class _Tick:
    x: float
    text: str


@dataclass(frozen=True)
class _ChartRow:
    name: str
    y: int
    marks: list[_Mark] = field(default_factory=list)


def as_table(entries: Sequence[Entry]) -> str:
    """Aligned columns; below them why there are no milliseconds, where there are none."""
    return "\n".join([*aligned([_HEADS, *(_cells(e) for e in entries)], 1), *_reasons(entries)]) + "\n"


def as_html(entries: Sequence[Entry]) -> str:
    """One file with the chart and the table."""
    context = {
        "chart": _chart(entries),
        "heads": _HEADS,
        "rows": [_cells(e) for e in entries],
        "reasons": _reasons(entries),
        "timed": next((e.browser for e in entries if e.browser), None),
    }
    return sheet("Networks side by side", rendered(_BODY, context))


def as_svg(entries: Sequence[Entry]) -> str:
    """The chart as a file of its own."""
    return standalone(_chart(entries))


def _cells(entry: Entry) -> tuple[str, ...]:
    counts = (f"{entry.parameters:,}", f"{entry.megabytes:,}", f"{entry.multiply_adds:,}", _milliseconds(entry))
    return (entry.name, str(entry.side), *counts, *(f"{n:,}" for n in entry.exported.values()))


def _milliseconds(entry: Entry) -> str:
    ms = entry.milliseconds
    return "–" if ms is None else f"{ms:.1f}" if ms < 100 else f"{ms:,.0f}"


def _reasons(entries: Sequence[Entry]) -> list[str]:
    result: dict[str, list[str]] = {}
    for entry in entries:
        if entry.why_not:
            result.setdefault(entry.why_not, []).append(entry.name)
    return [f"– no milliseconds{'' if len(n) == len(entries) else ' for ' + ', '.join(n)}: {why}" for why, n in result.items()]


def _chart(entries: Sequence[Entry]) -> str:
    """Dots on logarithmic scales: networks differ by hundreds of times."""

    def sizes(entry: Entry) -> list[tuple[float, str, str]]:
        return [(entry.exported[dtype] / 1e6, shade, dtype) for dtype, shade in _SHADES.items()]

    def times(entry: Entry) -> list[tuple[float, str, str]]:
        return [(entry.milliseconds, "strong", "ms")] if entry.milliseconds else []

    panels: list[tuple[str, Callable[[Entry], list[tuple[float, str, str]]], str]] = [
        ("megabytes, exported", sizes, ""),
        ("multiply-adds", lambda e: [(e.multiply_adds, "strong", "multiply-adds")], ""),
    ]
    if any(e.milliseconds for e in entries):
        panels.append(("milliseconds in the browser", times, " ms"))
    rows = [_ChartRow(e.name, _TOP + _ROW * i + _ROW // 2) for i, e in enumerate(entries)]
    drawn, names = [], round(_LETTER * max(len(e.name) for e in entries)) + 24
    for number, (title, values, unit) in enumerate(panels):
        x = names + number * (_PANEL + _GAP)
        scale = _Scale([v for e in entries for v, _, _ in values(e)], x, _PANEL - _LABELS)
        drawn.append({"title": title, "x": x, "ticks": scale.ticks()})
        for row, entry in zip(rows, entries, strict=True):
            row.marks.extend(_marks(entry, values(entry), scale, unit))
    bottom = _TOP + _ROW * len(entries)
    summary = "; ".join(f"{e.name} {e.megabytes:g} MB, {counted(e.multiply_adds)} multiply-adds" for e in entries)
    return rendered(
        _CHART,
        {
            "width": names + len(panels) * (_PANEL + _GAP) - _GAP,
            "height": bottom + 4,
            "alt": f"{', '.join(title for title, _, _ in panels)} of each network: {summary}.",
            "top": _TOP,
            "bottom": bottom,
            "names": names,
            "panels": drawn,
            "rows": rows,
        },
    )


def _marks(entry: Entry, values: list[tuple[float, str, str]], scale: "_Scale", unit: str) -> list[_Mark]:
    if not values:
        return [_Mark(None, scale.left - 11, "", "", "–")]
    least, most = min(values)[0], max(values)[0]
    marks = [
        _Mark(
            None,
            scale.at(value),
            shade,
            f"{entry.name}: {counted(value)}{unit or ' ' + what}",
            (counted(value) if value >= 1 else f"{value:.2g}") if value == most else "",
        )
        for value, shade, what in values
    ]
    return [replace(marks[0], start=scale.at(least) if least < most else scale.left), *marks[1:]]


class _Scale:
    """Powers of ten around some values, `width` pixels from `left` on."""

    def __init__(self, values: list[float], left: int, width: int) -> None:
        self.left, self._width = left, width
        self._low = math.floor(math.log10(min(values)) + 1e-9)
        self._high = max(math.ceil(math.log10(max(values)) - 1e-9), self._low + 1)

    def at(self, value: float) -> float:
        return round(self.left + self._width * (math.log10(value) - self._low) / (self._high - self._low), 1)

    def ticks(self) -> list[_Tick]:
        powers = range(self._low, self._high + 1)
        return [_Tick(self.at(10.0**p), counted(10.0**p) if p >= 0 else f"{10.0**p:g}") for p in powers]
