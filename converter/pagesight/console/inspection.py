"""An Inspection as text for a terminal and as one HTML file with a drawing: bytes, work and rounding error, layer by layer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pagesight.console.html import aligned, counted, rendered, round_ticks, sheet
from pagesight.graph.layer_costs import Row
from pagesight.inspect import SMALL_SIGNAL_DB, Inspection

_BODY = """<h1>{{ name }}</h1>
<p>{{ "{:,}".format(parameters) }} parameters, {{ "{:,}".format(bytes) }} bytes,
{{ "{:,}".format(multiply_adds) }} multiply-adds for a picture.</p>
{% if warnings %}<h2>Worth knowing</h2><ul>{% for line in warnings %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
<figure tabindex="0"><svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ alt }}">
{% for panel in panels %}<text class="head" x="0" y="{{ panel.top - 14 }}">{{ panel.title }}</text>
{% for tick in panel.ticks %}
<line{% if not tick.value %} class="axis"{% endif %} x1="{{ left }}" x2="{{ width }}" y1="{{ tick.y }}" y2="{{ tick.y }}"/>
<text class="end" x="{{ left - 6 }}" y="{{ tick.y + 4 }}">{{ tick.text }}</text>
{% endfor %}{% if panel.limit %}
<line class="limit" x1="{{ left }}" x2="{{ width }}" y1="{{ panel.limit }}" y2="{{ panel.limit }}"/>{% endif %}
{% for mark in panel.marks %}{% if panel.dots %}
<circle class="{{ mark.shade }}" cx="{{ mark.x + step / 2 }}" cy="{{ mark.y }}" r="{{ radius }}">
{% else %}
<rect class="{{ mark.shade }}" x="{{ mark.x + step * 0.14 }}" y="{{ mark.y }}" width="{{ bar }}" height="{{ mark.height }}">
{% endif %}
<title>{{ mark.title }}</title>{% if panel.dots %}</circle>{% else %}</rect>{% endif %}
{% endfor %}{% endfor %}
</svg><figcaption>Each layer from the picture, on the left, to the answer; point at one for its name.
{% if noisy %}Signal to noise is that of its rounding: {{ small }} dB, the dashed line, is an error of a tenth.{% endif %}
</figcaption></figure>
<div class="scroll" tabindex="0" role="group" aria-label="Layers">
<table><thead><tr><th>layer<th class="left">op<th>output<th>parameters<th>type<th>bytes<th>multiply-adds
{%- if noisy %}<th>SNR, dB{% endif %}</tr></thead><tbody>
{% for row in layers %}<tr><td>{{ row.name }}<td class="left">{{ row.op }}<td>{{ row.shape }}<td>{{ "{:,}".format(row.parameters) }}
<td>{{ row.dtype }}<td>{{ "{:,}".format(row.bytes) }}<td>{{ "{:,}".format(row.multiply_adds) }}
{%- if noisy %}<td>{% if row.signal_to_noise_db is not none %}{{ row.signal_to_noise_db }}{% endif %}{% endif %}</tr>
{% endfor %}</tbody></table></div>
"""
_WIDTH, _LEFT, _HIGH, _SPACE = 960, 52, 110, 44
"""Pixels: the drawing, its column of numbers, a panel, and the space above it for its title."""
_MOST_DB = 60.0


@dataclass(frozen=True)
class _Mark:
    """A bar or a dot; positions in pixels."""

    x: float
    y: float
    height: float
    shade: str
    title: str


@dataclass(frozen=True)
class _Tick:
    value: float
    y: float
    text: str


@dataclass(frozen=True)
class _Panel:
    """One of the drawings, one above the other; at `limit` stands a dashed line."""

    top: int
    title: str
    ticks: list[_Tick]
    marks: list[_Mark]
    dots: bool
    limit: float | None


def as_html(result: Inspection) -> str:
    """One file that asks nothing of the network."""
    layers = [row for row in result.layers if row.op != "Const"]
    step = _step(layers)
    noisy = any(row.signal_to_noise_db is not None for row in layers)
    panels = [_panel(0, "bytes", [row.bytes for row in layers], layers)]
    panels.append(_panel(1, "multiply-adds", [row.multiply_adds for row in layers], layers))
    if noisy:
        panels.append(_panel(2, "signal to noise, dB", [row.signal_to_noise_db for row in layers], layers, most=_MOST_DB))
    context = {
        **{key: getattr(result, key) for key in ("name", "parameters", "bytes", "multiply_adds", "warnings")},
        "layers": [{**asdict(row), "shape": _shape(row)} for row in result.layers],
        "panels": panels,
        "alt": f"Bytes{', multiply-adds and signal to noise' if noisy else ' and multiply-adds'} of {len(layers)} layers.",
        "width": _WIDTH,
        "height": (_HIGH + _SPACE) * len(panels) + 8,
        "left": _LEFT,
        "step": round(step, 3),
        "bar": round(step * 0.72, 2),
        "radius": max(2, min(5, round(step * 0.3))),
        "noisy": noisy,
        "small": f"{SMALL_SIGNAL_DB:g}",
    }
    return sheet(f"{result.name}: what is inside", rendered(_BODY, context))


def _step(layers: list[Row]) -> float:
    return (_WIDTH - _LEFT) / max(len(layers), 1)


def _panel(number: int, title: str, values: Sequence[float | None], layers: list[Row], *, most: float | None = None) -> _Panel:
    """One panel of the drawing: bars, or dots on a scale that ends at `most`."""
    ticks = round_ticks(most or max((v for v in values if v is not None), default=0))
    top = _SPACE + number * (_HIGH + _SPACE)

    def at(value: float) -> float:
        return round(top + _HIGH * (1 - min(max(value / ticks[-1], 0), 1)), 1)

    marks = [
        _Mark(
            round(_LEFT + i * _step(layers), 2),
            at(value),
            round(top + _HIGH - at(value), 1),
            "bad" if most and value < SMALL_SIGNAL_DB else "strong",
            f"{row.name}: {value:,} {title}",
        )
        for i, (row, value) in enumerate(zip(layers, values, strict=True))
        if value is not None
    ]
    shown = [_Tick(tick, at(tick), counted(tick) if tick else "0") for tick in ticks]
    return _Panel(top, title, shown, marks, dots=most is not None, limit=at(SMALL_SIGNAL_DB) if most else None)


def as_table(result: Inspection) -> str:
    """Aligned columns, sums and warnings."""
    head = ("layer", "op", "output", "parameters", "type", "bytes", "multiply-adds", "SNR dB")
    lines = [head, *(_cells(row) for row in result.layers)]
    lines.append(("sum", "", "", f"{result.parameters:,}", "", f"{result.bytes:,}", f"{result.multiply_adds:,}", ""))
    return "\n".join([result.name, *aligned(lines, 3), *(f"! {line}" for line in result.warnings)]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    noise = "" if row.signal_to_noise_db is None else f"{row.signal_to_noise_db:.1f}"
    return row.name, row.op, _shape(row), f"{row.parameters:,}", row.dtype, f"{row.bytes:,}", f"{row.multiply_adds:,}", noise


def _shape(row: Row) -> str:
    return "×".join(str(n or "?") for n in row.shape)
