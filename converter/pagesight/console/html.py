"""What `inspect` and `compare` share for people: one file of HTML that asks nothing of the network, plain tables, round ticks."""

import math
from collections.abc import Mapping, Sequence

_COLORS = """
svg, main {
  --ink: #1a1d1b; --soft: #565b57; --line: #d9d6cc; --bad: #a3271f; --strong: #0f6b5c; --middle: #5fa79a; --light: #b3d8cf
}
@media (prefers-color-scheme: dark) { svg, main {
  --ink: #f0f1ee; --soft: #aab1ac; --line: #343a37; --bad: #ff9d94; --strong: #58cdb4; --middle: #338271; --light: #1f4a41
} }
text { font: 12px system-ui, sans-serif; fill: var(--soft) }
text.head { font-size: 13px; font-weight: 600; fill: var(--ink) } text.name { font-size: 13px; fill: var(--ink) }
.end { text-anchor: end } .middle { text-anchor: middle }
line { stroke: var(--line) } line.axis { stroke: var(--soft) } line.limit { stroke: var(--bad); stroke-dasharray: 4 3 }
.strong { fill: var(--strong) } .mid { fill: var(--middle) } .light { fill: var(--light) } .bad { fill: var(--bad) }
line.way { stroke: var(--light); stroke-width: 3; stroke-linecap: round }
"""
_SHEET = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>{{ colors | safe }}
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: clamp(1rem, 3vw, 2.5rem) }
body { background: #f6f5f1 }
main { color: var(--ink) }
h1 { margin: 0; font-size: clamp(1.5rem, 1rem + 2vw, 2.25rem); letter-spacing: -.02em; line-height: 1.2; overflow-wrap: anywhere }
h1 + p { margin-top: .25rem; color: var(--soft) }
figure, .scroll { margin: 1.25rem 0; padding: clamp(1rem, 2.5vw, 1.75rem) }
figure, .scroll { border: 1px solid var(--line); border-radius: 1rem; background: #fff }
svg { display: block; width: 100%; height: auto } figcaption { margin-top: .75rem } figcaption, .soft { color: var(--soft) }
@media (prefers-color-scheme: dark) { body { background: #121413 } figure, .scroll { background: #1c1f1d } }
@media (max-width: 40rem) { figure { overflow-x: auto } svg { min-width: 40rem } }
@media print { body { padding: 0; background: #fff } figure, .scroll { padding: 0; border: 0; overflow: visible }
tr { break-inside: avoid } }
.scroll { overflow-x: auto } :focus-visible { outline: 3px solid var(--strong); outline-offset: 2px }
table { border-collapse: collapse; width: 100%; font-size: .8125rem; font-variant-numeric: tabular-nums }
th, td { text-align: right; white-space: nowrap; padding: .25rem .5rem; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 600; vertical-align: bottom }
th:first-child, td:first-child, .left { text-align: left } th:first-child, td:first-child { padding-left: 0 }
tbody tr:last-child td { border-bottom: 0 }
</style></head><body><main>
{{ body | safe }}</main></body></html>
"""


def rendered(template: str, context: Mapping[str, object]) -> str:  # open: what a template names
    """`template` with every value escaped that is no markup of ours."""
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(template).render(context)


def sheet(title: str, body: str) -> str:
    """One HTML file around `body`, which is markup already; it follows the reader's light or dark."""
    return rendered(_SHEET, {"title": title, "body": body, "colors": _COLORS}) + "\n"


def standalone(svg: str) -> str:
    """An inline `<svg>` as a file of its own, with the colors that a sheet would give it."""
    head, rest = svg.split(">", 1)
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{_COLORS}</style>{rest}\n'


def aligned(lines: Sequence[tuple[str, ...]], left: int) -> list[str]:
    """Rows of cells as lines of text: the first `left` columns begin together, the others end together."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    ]


def round_ticks(most: float) -> list[float]:
    """0 and up to four round numbers, the last of them at `most` or above it."""
    if most <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(most / 4))
    step = next(power * f for f in (1, 2, 2.5, 5, 10) if power * f * 4 >= most)
    return [step * i for i in range(math.ceil(most / step) + 1)]


def counted(number: float) -> str:
    """Three digits with the unit's letter: 4.25 M, 138 M, 569 M, 15.5 G, 820 k."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{_three(number / size)}{letter}"
    return _three(number)


def _three(number: float) -> str:
    return f"{number:.0f}" if number >= 99.95 else f"{number:.3g}"
