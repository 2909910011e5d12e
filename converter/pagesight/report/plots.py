"""Matplotlib's figures as inline SVG that takes its colors from the page, needs no inline style, and is the same every time."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.metrics import Reliability
from pagesight.records.search import Tried
from pagesight.records.training import Epoch

_INK, _SOFT, _LINE, _ACCENT, _WARN, _BAD = (f"#00000{i}" for i in range(1, 7))
"""Stand-ins: each is replaced by the class of a color that report.data.css defines, light and dark."""
_CLASSES = {_INK: "ink", _SOFT: "soft", _LINE: "line", _ACCENT: "accent", _WARN: "warn", _BAD: "bad"}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pagesight",
    "font.size": 11,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": _LINE,
    "grid.linewidth": 0.7,
    "xtick.color": _LINE,
    "xtick.labelcolor": _SOFT,
    "ytick.color": _LINE,
    "ytick.labelcolor": _SOFT,
    "text.color": _INK,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "lines.linewidth": 2.2,
    "lines.solid_capstyle": "round",
    "figure.constrained_layout.use": True,
}
_WIDTH, _HEIGHT = 5.0, 3.4


@dataclass(frozen=True)
class Plot:
    """A figure as markup, and what it shows in a sentence."""

    svg: str
    alt: str


def learning_curves(history: Sequence[Epoch]) -> list[Plot]:
    """Loss of train and validation, and accuracy on validation, by epoch; nothing where there was no epoch."""
    if not history:
        return []
    epochs = np.arange(1, len(history) + 1)
    losses, accuracies = _finite(e.validation_loss for e in history), _finite(e.validation_accuracy for e in history)
    own = _finite(e.loss for e in history)
    with _figure("loss") as loss:
        loss.axes.plot(epochs, own, color=_SOFT, marker="o", markersize=4, linestyle="--", label="training (smoothed labels)")
        if np.isfinite(losses).any():
            loss.axes.plot(epochs, losses, color=_ACCENT, marker="o", markersize=5, label="validation")
        loss.axes.set(xlabel="epoch", ylabel="loss (cross-entropy, nats)", ylim=(0, None))
        _whole_epochs(loss.axes, epochs)
        loss.axes.legend()
    summary = f"training from {own[0]:.2f} to {own[-1]:.2f}"
    if np.isfinite(losses).all():
        summary += f", validation from {losses[0]:.2f} to {losses[-1]:.2f}"
    plots = [loss.plot(f"Loss by epoch: {summary}.")]
    if np.isfinite(accuracies).any():
        with _figure("accuracy") as accuracy:
            accuracy.axes.plot(epochs, accuracies * 100, color=_ACCENT, marker="o", markersize=5)
            accuracy.axes.set(xlabel="epoch", ylabel="validation accuracy (%)")
            accuracy.axes.set_ylim(max(0.0, np.nanmin(accuracies) * 100 - 5), min(100.5, np.nanmax(accuracies) * 100 + 5))
            _whole_epochs(accuracy.axes, epochs)
        plots.append(accuracy.plot(f"Validation accuracy by epoch, from {accuracies[0]:.1%} to {accuracies[-1]:.1%}."))
    return plots


def _finite(column: Iterable[float]) -> NDArray[np.float64]:
    values = np.array(list(column), np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _whole_epochs(axes: Any, epochs: NDArray[Any]) -> None:
    axes.set_xticks(epochs[:: max(1, len(epochs) // 8)])
    axes.set_xlim(0.7, len(epochs) + 0.3)


def reliability(result: Reliability, name: str) -> Plot:
    """The reliability diagram: bars of accuracy by probability, gaps to the diagonal, and how many answers each stands for."""
    bins = len(result.counts)
    left, width = np.arange(bins) / bins, 1 / bins
    some = result.counts > 0
    with _figure(f"reliability-{name}", height=4.2, rows=(3, 1)) as figure:
        top, low = figure.axes, figure.lower
        top.plot([0, 1], [0, 1], color=_SOFT, linestyle=(0, (3, 3)), linewidth=1.4)
        top.bar(left[some], result.accuracy[some], width * 0.9, align="edge", color=_ACCENT, alpha=0.6, linewidth=0)
        gaps = {"color": _BAD, "linewidth": 2.6, "solid_capstyle": "butt"}
        for at, predicted, is_right in zip(left[some] + width * 0.45, result.confidence[some], result.accuracy[some], strict=True):
            top.plot([at, at], sorted([predicted, is_right]), **gaps)
        top.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
        top.tick_params(labelbottom=False)
        low.bar(left, result.counts, width * 0.9, align="edge", color=_SOFT, linewidth=0)
        low.set(xlim=(0, 1), xlabel="confidence", ylabel="predictions")
        low.yaxis.get_major_locator().set_params(nbins=3, integer=True)
    return figure.plot(
        f"Reliability diagram: accuracy in {int(some.sum())} bins of probability against the diagonal; "
        f"expected calibration error {result.ece:.3f}."
    )


def decision(right: NDArray[Any], wrong: NDArray[Any], unknown: NDArray[Any] | None, threshold: float) -> Plot:
    """The share of right, wrong and (where measured) unknown pictures that are accepted, by threshold.

    Input   their top probabilities `[n]`.
    """
    at = np.linspace(0, 1, 201)
    kinds = [("correct", right, _ACCENT, "-"), ("wrong", wrong, _BAD, "--"), ("out-of-distribution", unknown, _WARN, ":")]
    with _figure("decision") as figure:
        for label, values, color, style in kinds:
            if values is not None and len(values):
                share = 1 - np.searchsorted(np.sort(values), at, side="left") / len(values)
                figure.axes.plot(at, share * 100, color=color, linestyle=style, label=label)
        figure.axes.axvline(threshold, color=_INK, linewidth=1.2)
        figure.axes.set(xlim=(0, 1), ylim=(0, 102), xlabel="threshold on the probability", ylabel="accepted (%)")
        figure.axes.legend(loc="lower left")
    return figure.plot(f"Accepted share of right answers and of mistakes by threshold; the chosen threshold is {threshold:.2f}.")


def trade_offs(tried: Sequence[Tried], chosen: str, max_bytes: int | None, max_ms: float | None) -> list[Plot]:
    """Validation accuracy by size, and by time where that was measured, of backbones that were tried; the chosen one is marked."""
    plots = []
    for name, unit, label, most in (
        ("bytes", 1000, "page after gzip (KB)", max_bytes),
        ("ms", 1, "latency (ms)", max_ms),
    ):
        some = [(t, float(getattr(t, name)), float(t.accuracy) * 100) for t in tried if t.accuracy is not None and getattr(t, name)]
        if not some:
            continue
        with _figure(f"trade-off-{name}") as figure:
            figure.axes.scatter([x / unit for _, x, _ in some], [y for *_, y in some], color=_SOFT, s=36)
            _, x, y = next(one for one in some if one[0].backbone == chosen)
            figure.axes.scatter([x / unit], [y], color=_ACCENT, s=110, label="chosen")
            if most is not None:
                figure.axes.axvline(most / unit, color=_BAD, linestyle="--", linewidth=1.4, label="limit")
            figure.axes.set(xlabel=label, ylabel="validation accuracy (%)", xlim=(0, None))
            figure.axes.legend(loc="lower right")
        plots.append(figure.plot(f"Validation accuracy by {label}, {len(some)} backbones; {chosen} is marked, at {y:.1f}%."))
    return plots


class _Figure:
    """One figure being drawn; `plot` gives it once the block has ended."""

    def __init__(self, name: str, figure: Any, rows: tuple[int, ...]) -> None:
        self._name = name
        grid = figure.add_gridspec(len(rows), 1, height_ratios=rows)
        self.axes: Any = figure.add_subplot(grid[0])
        self.lower: Any = figure.add_subplot(grid[1]) if len(rows) > 1 else None
        self.markup = ""

    def plot(self, alt: str) -> Plot:
        return Plot(_inline(self.markup, self._name), alt)


@contextmanager
def _figure(name: str, height: float = _HEIGHT, rows: tuple[int, ...] = (1,)) -> Iterator[_Figure]:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    theirs: Any = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(("backend", "interactive", "toolbar"))}
    style: Any = theirs | _STYLE
    with mpl.rc_context(style):  # a person's matplotlibrc changes no report
        figure = Figure(figsize=(_WIDTH, height))
        drawn = _Figure(name, figure, rows)
        yield drawn
        FigureCanvasSVG(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        drawn.markup = out.getvalue()


def _inline(svg: str, name: str) -> str:
    """Matplotlib's document as an element for HTML: no ids but those referred to, and no style but classes and attributes."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>|<!--.*?-->|<defs>\s*</defs>", "", svg, flags=re.DOTALL)
    wanted = set(re.findall(r'(?:url\(#|href="#)([\w.-]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in wanted else "", svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    svg = re.sub(r'style="([^"]*)"', lambda m: _attributes(m[1]), svg)
    svg = re.sub(r"^<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", r'<svg class="plot" \1 aria-hidden="true" focusable="false">', svg)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def _attributes(style: str) -> str:
    """`fill: #000004; opacity: 0.5` as `class="fill-accent" opacity="0.5"`; the page's own font is used."""
    classes, ood = [], []
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        key, value = (part.strip() for part in declaration.split(":", 1))
        if value in _CLASSES:
            classes.append(f"{key}-{_CLASSES[value]}")
        elif key == "font":  # a shorthand such as 11px 'DejaVu Sans', sans-serif
            ood.append(f'font-size="{value.split()[0]}"')
        elif key != "font-family":
            ood.append(f'{key}="{value}"')
    return " ".join(([f'class="{" ".join(classes)}"'] if classes else []) + ood)
