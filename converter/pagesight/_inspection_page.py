"""An Inspection as text for a terminal and as one HTML file with a drawing: bytes and rounding error, layer by layer."""

from pagesight._operations import Row
from pagesight.inspect import Inspection

_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ name }}: what is inside</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1a1a1a }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
svg { width: 100%; height: auto } figcaption { color: #555 }
</style></head><body><main>
<h1>{{ name }}</h1>
<p>{{ "{:,}".format(parameters) }} parameters, {{ "{:,}".format(bytes) }} bytes,
{{ "{:,}".format(multiply_adds) }} multiply-adds for a picture.</p>
{% if warnings %}<h2>Worth knowing</h2><ul>{% for line in warnings %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
<figure><svg viewBox="0 0 {{ width }} 220" role="img" aria-label="Bytes and signal to noise of each layer">
{% for bar in bars %}<rect x="{{ bar.x }}" y="{{ bar.y }}" width="{{ bar.width }}" height="{{ bar.height }}" fill="#2f6fab">
<title>{{ bar.title }}</title></rect>
{% endfor %}{% if line %}<polyline points="{{ line }}" fill="none" stroke="#b5371f" stroke-width="1.5"/>{% endif %}
</svg><figcaption>Bars: bytes of each layer, from the picture to the answer.{% if line %} Line: signal to noise of its rounding,
0 to 60 dB.{% endif %}</figcaption></figure>
<table><thead><tr><th>Layer<th>Op<th>Output<th>Parameters<th>Type<th>Bytes<th>Multiply-adds<th>Signal to noise</tr></thead><tbody>
{% for row in layers %}<tr><td>{{ row.name }}<td>{{ row.op }}<td>{{ row.shape | join("×") }}<td>{{ "{:,}".format(row.parameters) }}
<td>{{ row.dtype }}<td>{{ "{:,}".format(row.bytes) }}<td>{{ "{:,}".format(row.multiply_adds) }}
<td>{% if row.signal_to_noise_db is not none %}{{ row.signal_to_noise_db }} dB{% endif %}</tr>
{% endfor %}</tbody></table></main></body></html>
"""
_HEIGHT, _STEP = 200, 12


def as_html(found: Inspection) -> str:
    """One file that asks nothing of the network."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_TEMPLATE)
    largest = max((r.bytes for r in found.layers), default=1) or 1
    bars = [
        {
            "x": 4 + i * _STEP,
            "y": round(210 - _HEIGHT * row.bytes / largest, 1),
            "width": _STEP - 3,
            "height": round(_HEIGHT * row.bytes / largest, 1),
            "title": f"{row.name}: {row.bytes:,} bytes",
        }
        for i, row in enumerate(found.layers)
    ]
    points = [
        f"{4 + i * _STEP + _STEP / 2:.1f},{210 - _HEIGHT * min(max(row.signal_to_noise_db, 0), 60) / 60:.1f}"
        for i, row in enumerate(found.layers)
        if row.signal_to_noise_db is not None
    ]
    context = {
        **{key: getattr(found, key) for key in ("name", "layers", "parameters", "bytes", "multiply_adds", "warnings")},
        "bars": bars,
        "line": " ".join(points),
        "width": max(120, 8 + _STEP * len(found.layers)),
    }
    return template.render(context) + "\n"


def as_table(found: Inspection) -> str:
    """Aligned columns, sums and warnings."""
    head = ("layer", "op", "output", "parameters", "type", "bytes", "multiply-adds", "SNR dB")
    lines = [head, *(_cells(row) for row in found.layers)]
    lines.append(("sum", "", "", f"{found.parameters:,}", "", f"{found.bytes:,}", f"{found.multiply_adds:,}", ""))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = [
        "  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))) for line in lines
    ]
    return "\n".join([found.name, *(line.rstrip() for line in shown), *(f"! {line}" for line in found.warnings)]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    noise = "" if row.signal_to_noise_db is None else f"{row.signal_to_noise_db:.1f}"
    shape = "×".join(str(n or "?") for n in row.shape)
    return row.name, row.op, shape, f"{row.parameters:,}", row.dtype, f"{row.bytes:,}", f"{row.multiply_adds:,}", noise
