"""The measurements as SVG, readable on light and dark pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_OURS, _PEER, _INK = "#1c7d54", "#9aa39d", "#6b746e"
_AXES = {
    "latency": ("Latency by work", "million multiply-adds", "milliseconds, inference alone"),
    "bytes": ("Bundle by classes", "classes", "bytes after gzip"),
    "build": ("Build by pictures", "pictures", "seconds"),
}


def bars(title: str, unit: str, values: Mapping[str, float], into: Path) -> None:
    """One horizontal bar a way, ours in color, the value at its end."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(values) + 0.9))
    names = list(values)[::-1]
    drawn = axes.barh(names, [values[n] for n in names], color=[_OURS if n.startswith("Pagesight") else _PEER for n in names])
    axes.bar_label(drawn, [f"{values[n]:,.1f}" if values[n] < 100 else f"{values[n]:,.0f}" for n in names], padding=4, color=_INK)
    axes.set_xlim(0, 1.12 * max(values.values()))
    axes.set_title(f"{title}, {unit}", loc="left", color=_INK)
    _write(figure, axes, into)


def curves(result: Mapping[str, Any], into: Path) -> None:
    """One chart for each curve: the points, the straight line through them, and the fitted exponent."""
    pyplot = _pyplot()
    for name, curve in result.items():
        title, x_label, y_label = _AXES[name]
        x, y = ([point[key] for point in curve["points"]] for key in ("x", "y"))
        line = curve["line"]
        figure, axes = pyplot.subplots(figsize=(6, 4))
        axes.plot([0, max(x)], [line["fixed"], line["fixed"] + line["each"] * max(x)], color=_PEER)
        axes.scatter(x, y, color=_OURS, zorder=3)
        axes.set_xlabel(x_label, color=_INK)
        axes.set_ylabel(y_label, color=_INK)
        axes.set_ylim(0, None)
        axes.set_title(f"{title}: exponent {curve['exponent']:.2f}, line explains {line['r2']:.1%}", loc="left", color=_INK)
        _write(figure, axes, into / f"curve-{name}.svg")


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "pagesight"  # the same values give the same file
    from matplotlib import pyplot

    return pyplot


def _write(figure: Any, axes: Any, into: Path) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_INK)
    axes.tick_params(colors=_INK)
    figure.savefig(into, transparent=True, bbox_inches="tight", metadata={"Date": None})
    _pyplot().close(figure)
