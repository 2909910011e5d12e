"""What `inspect` and `compare` share for people: one file of HTML that asks nothing of the network, plain tables, round ticks."""

import math
from collections.abc import Mapping, Sequence

_COLORS = """
svg, main {
  --ink: #1b1b1f; --soft: #5c5f66; --line: #dfe1e6; --bad: #b5371f; --strong: #2f6fab; --middle: #7fa9d1; --light: #bcd3ea
}
@media (prefers-color-scheme: dark) { svg, main {
  --ink: #e8e8ea; --soft: #a3a7b0; --line: #3a3d45; --bad: #f08a72; --strong: #6aa9e6; --middle: #46729e; --light: #2d4a68
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
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem }
@media (prefers-color-scheme: dark) { body { background: #17181c } }
main { color: var(--ink) }
h1 { line-height: 1.2; overflow-wrap: anywhere }
figure { margin: 1.5rem 0 } svg { display: block; width: 100%; height: auto } figcaption, .soft { color: var(--soft) }
.scroll { overflow-x: auto }
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
