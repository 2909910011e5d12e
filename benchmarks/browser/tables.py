"""What was measured as Markdown, for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_BARS = (
    ("page", "bytes", "teachable-webgl", 1 / 4, "bytes, gzip: the page to a Teachable Machine page with the same weights"),
    ("page", "bytes", "teachable-export", 1 / 6, "bytes, gzip: the page to a Teachable Machine page with its own export"),
    ("page", "bytes", "onnx-float32", 1 / 8, "bytes, gzip: the page to ONNX Runtime Web, float32"),
    ("page", "bytes", "litert-float32", 1 / 8, "bytes, gzip: the page to LiteRT.js, float32"),
    ("page", "localhost", "tfjs", 0.35, "first answer on localhost: the page to the TF.js page"),
    ("page", "10 Mbit/s, 40 ms", "tfjs", 0.40, "first answer at 10 Mbit/s: the page to the TF.js page"),
    ("pagesight", "localhost", "tfjs", 0.35, "first answer on localhost: our module to the TF.js page"),
    ("pagesight", "10 Mbit/s, 40 ms", "tfjs", 0.40, "first answer at 10 Mbit/s: our module to the TF.js page"),
    ("page", "10 Mbit/s, 40 ms", "litert-int8", 1 / 6, "first answer at 10 Mbit/s: the page to LiteRT.js, int8"),
    ("page", "10 Mbit/s, 40 ms", "onnx-float32", 1 / 6, "first answer at 10 Mbit/s: the page to ONNX Runtime Web, float32"),
    ("page", "10 Mbit/s, 40 ms", "teachable-export", 1 / 6, "first answer at 10 Mbit/s: the page to Teachable Machine's export"),
    ("pagesight", "infer", "tfjs", 0.65, "inference alone, α 0.25: ours to TF.js"),
    ("pagesight", "infer", "litert-float32", 1.05, "inference alone, α 0.25: ours to LiteRT.js, float32"),
    ("pagesight", "wide infer", "tfjs", 0.75, "inference alone, α 1.0: ours to TF.js"),
    ("pagesight", "answer", "teachable", 0.5, "JPEG to answer, α 0.25: ours to the Teachable Machine page, on WASM"),
)


def write(into: Path) -> None:
    """README.md of what has been measured so far: browser.json, conversion.json and curves.json, where they lie in `into`."""
    parts = ["# Side by side"]
    for name, part in (("browser", report), ("conversion", conversion), ("curves", curves)):
        path = into / f"{name}.json"
        if path.is_file():
            parts.append(part(json.loads(path.read_text(encoding="utf-8"))))
    (into / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def conversion(result: Mapping[str, Any]) -> str:
    """Seconds of whole processes, and their ratio to the stock converter's."""
    rows = [
        (f"{backbone}: {way}", *(f"{row[k]:.2f}" for k in ("wall", "ratio", "cpu", "cpu_ratio")), str(len(row["all"])))
        for backbone, ways in result["backbones"].items()
        for way, row in ways.items()
    ]
    words = (
        "A SavedModel to TF.js files, whole processes, imports included (compiled once, as pip does it), taking turns; machine's "
        f"load {result['load']}."
    )
    return f"## Conversion (`make bench-convert`)\n\n{words}\n\n" + table(
        ("", "seconds", "ratio", "processor seconds", "ratio", "n"), rows
    )


def curves(result: Mapping[str, Any]) -> str:
    """The three curves with the exponent of a power law and the straight line that fit best."""
    rows = []
    for name, curve in result.items():
        line = curve["line"]
        rows.append((name, f"{curve['exponent']:.2f}", f"{line['fixed']:,.3g} + {line['each']:,.3g}·x", f"{line['r2']:.1%}"))
    pictures = "\n\n".join(_picture(f"curve-{name}", name) for name in result)
    head = ("", "exponent", "straight line", "variance explained")
    return f"## How it grows (`make bench-curves`)\n\n{table(head, rows)}\n\n{pictures}"


def report(result: Mapping[str, Any]) -> str:
    """First visits, warm latencies, ratios, camera and memory."""
    machine = result["machine"]
    measured = (
        f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['system']}, {machine['browser']}, with "
        f"{result['n']} first visits and {result['turns']} warm turns of each, taking turns. "
        f"The machine's load was {machine['load']} at the start and {machine['load_after']} at the end. "
        "Ratios travel between machines, times do not."
    )
    parts = [
        measured,
        f"To repeat: `{result['command']}`. Versions: {', '.join(f'{k} {v}' for k, v in machine['versions'].items())}.",
        "## First visit, MobileNetV1 0.25 at 128 px",
        "From navigation to the answer to one picture, in a fresh profile, every byte counted, headers too. Milliseconds, medians.",
        first_visits(result["first_visits"], result["titles"]),
        *(
            _picture(name, text)
            for name, text in (("bytes", "Bytes to the first answer"), ("first-answer", "Time to the first answer"))
        ),
        *(part for model in result["warm"] for part in _warm_part(model, result)),
        "## Ratios",
        ratios(result),
        _endurance(result),
    ]
    return "\n\n".join(part for part in parts if part)


def first_visits(visits: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Bytes and times of each way, or why there are none."""
    networks = list(dict.fromkeys(name for visit in visits.values() for name in visit["milliseconds"]))
    rows = []
    for name, visit in visits.items():
        if visit["why_not"]:
            rows.append((titles[name], f"does not run: {visit['why_not']}", *[""] * (len(networks) + 1)))
            continue
        sizes = (f"{visit['bytes'][coding] / 1000:,.0f}" for coding in ("gzip", "brotli"))
        times = (f"{visit['milliseconds'][n]['median']:,.0f}" if n in visit["milliseconds"] else "" for n in networks)
        rows.append((titles[name], *sizes, *times))
    return table(("", "kB, gzip", "kB, brotli", *networks), rows)


def warm(ways: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Latencies, accuracy and agreement of each way."""
    rows = []
    for name, way in ways.items():
        if way.get("why_not"):
            rows.append((titles.get(name, name), f"does not run: {way['why_not']}", "", "", ""))
            continue
        times = (f"{way[k]['median']:.2f} ({way[k]['p95']:.2f})" if k in way else "" for k in ("infer", "answer"))
        shares = (f"{way[k]:.2%}" if k in way else "" for k in ("accuracy", "agreement"))
        rows.append((titles.get(name, name), *times, *shares))
    return table(("", "inference alone", "JPEG to answer", "accuracy", "agrees with float"), rows)


def ratios(result: Mapping[str, Any]) -> str:
    """Ours against each peer, and what is aimed at."""
    rows = []
    for ours, what, peer, bar, words in _BARS:
        pair = [_value(result, what, name) for name in (ours, peer)]
        if None not in pair:
            ratio = pair[0] / pair[1]
            rows.append((words, f"{ratio:.3f}", f"≤ {bar:.3f}", "yes" if ratio <= bar else "no"))
    return table(("", "ratio", "aim", "met"), rows)


def _value(result: Mapping[str, Any], what: str, name: str) -> float | None:
    if what.endswith(("infer", "answer")):
        models = list(result["warm"])
        ways = result["warm"][models[1 if what.startswith("wide") else 0]] if len(models) > what.startswith("wide") else {}
        value = ways.get(name, {}).get(what.rsplit(maxsplit=1)[-1])
        return value["median"] if value else None
    visit = result["first_visits"].get(name, {"why_not": "not measured"})
    if visit["why_not"]:
        return None
    return visit["bytes"]["gzip"] if what == "bytes" else visit["milliseconds"].get(what, {}).get("median")


def _warm_part(model: str, result: Mapping[str, Any]) -> Sequence[str]:
    ways = result["warm"][model]
    trained = any("accuracy" in way for way in ways.values())
    words = "Milliseconds: median (95th percentile). " + ("" if trained else "Random weights: good for latency only. ")
    pictures = f"Accuracy and agreement on {result['pictures']} pictures that no model saw." if trained else ""
    return (f"## Warm, MobileNetV1 {model}", words + pictures, warm(ways, result["titles"]))


def _endurance(result: Mapping[str, Any]) -> str:
    parts = []
    if camera := result.get("camera"):
        parts.append(
            f"## Camera\n\nThe page answered {camera['answered_per_second']} of {camera['shown_per_second']} frames a second; "
            f"{camera['dropped']:.1%} were dropped."
        )
    if memory := result.get("memory"):
        rows = [(f"{r['frames']:,}", str(r["tensors"]), f"{r['bytes']:,}", str(r["resident_mb"] or "")) for r in memory]
        parts.append("## Memory\n\n" + table(("frames", "tensors", "their bytes", "renderer, MB"), rows))
    return "\n\n".join(parts)


def _picture(name: str, text: str) -> str:
    return f"![{text}]({name}.svg)"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table: the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
