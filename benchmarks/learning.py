"""What trainings were measured, kept in docs/benchmarks run by run, so that a long measurement can be made in pieces; and told."""

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.browser import tables

INTO = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"
WAYS = {
    "guide": "Keras' guide: frozen at 1e-4, then all at 1e-5, 10 epochs each",
    "plain": "everything at once, Adam 1e-3, cosine, 10 epochs",
    "ours": "`pagesight train`",
}
_KEY = ("page", "way", "weights", "backbone", "pictures", "classes", "size", "until", "a_class", "seed")

Run = Mapping[str, Any]


def keep(name: str, run: Run, into: Path = INTO) -> None:
    """Put `run` into `into`/`name`.json, in the place of one with the same settings, and write the tables again."""
    path = into / f"{name}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    own = run | {"load": round(os.getloadavg()[0], 1)} if hasattr(os, "getloadavg") else run
    runs = sorted([r for r in known if _key(r) != _key(run)] + [own], key=_key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    write(into)


def write(into: Path = INTO) -> None:
    """training.md of what has been measured so far."""
    parts = ["# Training"]
    for name, part in (("training", training), ("few", few), ("unrelated", unrelated), ("scaling", scaling)):
        path = into / f"{name}.json"
        if path.is_file():
            parts.append(part(json.loads(path.read_text(encoding="utf-8"))))
    (into / "training.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def training(runs: Sequence[Run]) -> str:
    """Three ways to fine-tune, and the ratio that is aimed at."""
    by_way = {way: [r for r in runs if r["way"] == way] for way in WAYS}
    rows = []
    for way, mine in by_way.items():
        if mine:
            times = (_reached(mine, name) for name in ("seconds_to_98%", "seconds_to_99%", "cpu_to_99%", "cpu"))
            right = [r["accuracy"] for r in mine]
            rows.append((WAYS[way], *times, f"{statistics.mean(right):.2%} ({min(right):.2%} – {max(right):.2%})", str(len(mine))))
    first = runs[0]
    words = (
        f"{first['backbone']} from {_human(first['weights'])}, tested on the pictures of people who were not trained on "
        f"({first['train']} pictures to train, {first['n']} to test with); the same split and seeds for each way. The clock runs "
        "from the pictures on disk and stands still while the test side is measured after an epoch. "
        f"Machine's load {_loads(runs)}: processor seconds say more than the clock. All ways use deterministic kernels."
    )
    head = ("", "seconds to 98 %", "to 99 %", "processor seconds to 99 %", "to the end", "accuracy in the end", "n")
    parts = ["## Three ways to fine-tune (`make bench-train`)", words, tables.table(head, rows)]
    if by_way["plain"] and by_way["ours"]:
        parts.append(_bars(by_way["ours"], by_way["plain"]))
    return "\n\n".join(parts)


def _bars(ours: Sequence[Run], plain: Sequence[Run]) -> str:
    """What is aimed at; a run that never came to 99 % counts with all its time, so that the ratio is smaller still."""
    spent = [statistics.mean(r["cpu_to_99%"] or r["cpu"] for r in runs) for runs in (ours, plain)]
    never = sum(r["cpu_to_99%"] is None for r in plain)
    ratio, ends = spent[0] / spent[1], [statistics.mean(r["accuracy"] for r in runs) for runs in (ours, plain)]
    most = f"at most {ratio:.2f}: {never} of {len(plain)} did not get there" if never else f"{ratio:.2f}"
    rows = [
        ("processor seconds to 99 %: ours to everything at once", most, "≤ 0.50", "yes" if ratio <= 0.5 else "no"),
        ("accuracy in the end: ours, and everything at once", f"{ends[0]:.2%}, {ends[1]:.2%}", "≥ 99.30%, and not below it"),
    ]
    rows[1] = (*rows[1], "yes" if ends[0] >= max(0.993, ends[1]) else "no")
    return tables.table(("", "measured", "aim", "met"), rows)


def few(runs: Sequence[Run]) -> str:
    """Accuracy by pictures a class and first weights."""
    rows = []
    for (backbone, weights, each), some in groupby(runs, key=lambda r: (r["backbone"], r["weights"], r["a_class"])):
        mine = list(some)
        right = [r["accuracy"] for r in mine]
        settings = (f"{backbone} from {_human(weights)}", str(each))
        spread = f"{min(right):.1%} – {max(right):.1%}"
        summary = (f"{statistics.mean(right):.1%}", spread, f"{statistics.mean(r['seconds'] for r in mine):.0f}", str(len(mine)))
        rows.append((*settings, *summary))
    words = (
        f"Accuracy on {runs[0]['n']} photographs of people who were in no training, of these weights or of the starter's; none of "
        "the pictures is held back to validate by. The starter has seen photographs of the same ten signs by other people: its "
        f"rows do not tell how a new kind of picture is learned. Machine's load {_loads(runs)}."
    )
    head = ("", "pictures a class", "mean accuracy", "lowest – highest", "seconds", "seeds")
    return f"## Few pictures (`make bench-few`)\n\n{words}\n\n{tables.table(head, rows)}"


def unrelated(runs: Sequence[Run]) -> str:
    """Who is let in, and who is turned away."""
    rows = [
        (
            r["page"],
            f"{r['accuracy']:.1%}",
            f"{r['ece']:.3f}",
            f"{r['accepted']:.1%}",
            f"{r['false_accepts']:.1%}",
            f"{r['at']['accepted']:.1%}",
            f"{r['auroc']:.3f}",
        )
        for r in runs
    ]
    words = (
        f"{runs[0]['hands']} photographs of hands of people who were in no training, and {runs[0]['crops']} crops of "
        f"{runs[0]['photographs']} photographs of anything else, of which no model has seen one; asked as the page does it."
    )
    head = ("page", "accuracy", "ECE", "hands accepted", "others accepted", "hands accepted at 1 % of the others", "AUROC")
    return f"## Other things (`benchmarks/unrelated.py`)\n\n{words}\n\n{tables.table(head, rows)}"


def scaling(runs: Sequence[Run]) -> str:
    """Seconds by stage and memory, by pictures and classes."""
    stages = ("scan", "train", "export", "quantize", "bundle")
    rows = [
        (
            f"{r['pictures']:,}",
            f"{r['classes']:,}",
            r["size"],
            *(f"{r[s]:.0f}" if s in r else "" for s in stages),
            f"{r['seconds']:.0f}",
            f"{1000 * r['seconds'] / r['pictures']:.1f}",
            f"{r['peak_mb']:,}",
        )
        for r in runs
    ]
    words = (
        "One `pagesight build` of drawn photographs, one epoch from random weights, without a browser; seconds. Memory is the "
        f"largest resident set, MB, as the kernel counted it. Machine's load {_loads(runs)}."
    )
    head = ("pictures", "classes", "pixels", *stages, "all", "ms a picture", "memory")
    return f"## Many pictures (`make bench-scale`)\n\n{words}\n\n{tables.table(head, rows)}"


def _key(run: Run) -> tuple[Any, ...]:
    return tuple((isinstance(value, str), value) for value in (run.get(name, "") for name in _KEY))


def _reached(runs: Sequence[Run], name: str) -> str:
    """The mean of the runs that got there, and how many did where not all."""
    values = [r[name] for r in runs if r[name] is not None]
    if not values:
        return "never"
    return f"{statistics.mean(values):.1f}" + (f" ({len(values)} of {len(runs)})" if len(values) < len(runs) else "")


def _human(weights: str) -> str:
    return "ImageNet's weights" if weights.endswith("no_top.h5") or weights == "imagenet" else f"the {weights}"


def _loads(runs: Sequence[Run]) -> str:
    loads = [r["load"] for r in runs if "load" in r]
    return f"{min(loads)} to {max(loads)}" if loads else "unknown"
