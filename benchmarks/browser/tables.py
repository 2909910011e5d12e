"""What was measured as Markdown, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

_BARS = (
    ("page", "bytes", "teachable-webgl", 1 / 4, "bytes, gzip: the page against a Teachable Machine page with the same weights"),
    ("page", "bytes", "teachable-export", 1 / 6, "… with Teachable Machine's own export"),
    ("page", "bytes", "onnx-float32", 1 / 8, "… against ONNX Runtime Web, float32"),
    ("page", "bytes", "litert-float32", 1 / 8, "… against LiteRT.js, float32"),
    ("page", "localhost", "tfjs", 0.35, "first answer on localhost: the page against the one people write today"),
    ("page", "10 Mbit/s, 40 ms", "tfjs", 0.40, "first answer at 10 Mbit/s: the same"),
    ("page", "10 Mbit/s, 40 ms", "litert-int8", 1 / 6, "… against LiteRT.js, int8"),
    ("page", "10 Mbit/s, 40 ms", "onnx-float32", 1 / 6, "… against ONNX Runtime Web, float32"),
    ("page", "10 Mbit/s, 40 ms", "teachable-export", 1 / 6, "… against a Teachable Machine page with its own export"),
    ("pagesight", "infer", "tfjs", 0.65, "inference alone, α 0.25: against TF.js"),
    ("pagesight", "infer", "litert-float32", 1.05, "… against LiteRT.js, float32"),
    ("pagesight", "wide infer", "tfjs", 0.75, "inference alone, α 1.0: against TF.js"),
    ("pagesight", "answer", "teachable", 0.5, "picture to answer: against the Teachable Machine page, on WASM"),
)


def report(found: Mapping[str, Any]) -> str:
    """The whole Markdown file."""
    machine = found["machine"]
    measured = (
        f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['system']}, {machine['browser']}, with "
        f"{found['n']} first visits and {found['turns']} warm turns of each, taking turns. "
        f"The machine's load was {machine['load']} at the start and {machine['load_after']} at the end. "
        "Ratios travel between machines, times do not."
    )
    parts = [
        "# Side by side",
        measured,
        f"To repeat: `{found['command']}`. Versions: {', '.join(f'{k} {v}' for k, v in machine['versions'].items())}.",
        "## First visit, MobileNetV1 0.25 at 128 px",
        "From navigation to the answer to one picture, in a fresh profile, every byte counted, headers too. Milliseconds, medians.",
        first_visits(found["first_visits"], found["titles"]),
        *(
            _picture(name, text)
            for name, text in (("bytes", "Bytes to the first answer"), ("first-answer", "Time to the first answer"))
        ),
        *(part for model in found["warm"] for part in _warm_part(model, found)),
        "## Ratios",
        ratios(found),
        _endurance(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


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
    return _table(("", "kB, gzip", "kB, brotli", *networks), rows)


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
    return _table(("", "inference alone", "JPEG to answer", "accuracy", "agrees with float"), rows)


def ratios(found: Mapping[str, Any]) -> str:
    """Ours against each peer, and what is aimed at."""
    rows = []
    for ours, what, peer, bar, words in _BARS:
        pair = [_value(found, what, name) for name in (ours, peer)]
        if None not in pair:
            ratio = pair[0] / pair[1]
            rows.append((words, f"{ratio:.3f}", f"≤ {bar:.3f}", "yes" if ratio <= bar else "no"))
    return _table(("", "ratio", "aim", "met"), rows)


def _value(found: Mapping[str, Any], what: str, name: str) -> float | None:
    if what.endswith(("infer", "answer")):
        models = list(found["warm"])
        ways = found["warm"][models[1 if what.startswith("wide") else 0]] if len(models) > what.startswith("wide") else {}
        value = ways.get(name, {}).get(what.rsplit(maxsplit=1)[-1])
        return value["median"] if value else None
    visit = found["first_visits"].get(name, {"why_not": "not measured"})
    if visit["why_not"]:
        return None
    return visit["bytes"]["gzip"] if what == "bytes" else visit["milliseconds"].get(what, {}).get("median")


def _warm_part(model: str, found: Mapping[str, Any]) -> Sequence[str]:
    ways = found["warm"][model]
    trained = any("accuracy" in way for way in ways.values())
    words = "Milliseconds: median (95th percentile). " + ("" if trained else "Random weights: good for latency only. ")
    pictures = f"Accuracy and agreement on {found['pictures']} pictures that no model saw." if trained else ""
    return (f"## Warm, MobileNetV1 {model}", words + pictures, warm(ways, found["titles"]))


def _endurance(found: Mapping[str, Any]) -> str:
    parts = []
    if camera := found.get("camera"):
        parts.append(
            f"## Camera\n\nThe page answered {camera['answered_per_second']} of {camera['shown_per_second']} frames a second; "
            f"{camera['dropped']:.1%} were dropped."
        )
    if memory := found.get("memory"):
        rows = [(f"{r['frames']:,}", str(r["tensors"]), f"{r['bytes']:,}", str(r["resident_mb"] or "")) for r in memory]
        parts.append("## Memory\n\n" + _table(("frames", "tensors", "their bytes", "renderer, MB"), rows))
    return "\n\n".join(parts)


def _picture(name: str, text: str) -> str:
    return f"![{text}]({name}.svg)"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
