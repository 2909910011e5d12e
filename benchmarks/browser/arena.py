"""Warm latency and answers: all ways in frames of one page, asked in turn, so that what disturbs one disturbs all."""

import contextlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import CACHE
from .host import hosting
from .models import Model
from .sites import Way
from .summary import summary

_PATIENCE = 180_000
_WARM_UP = 10
_FEW = 5
_ROUNDS_PER_CALL = 10

_FRAME = """(name) => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.name = name;
  frame.src = `${name}/index.html`;
  const look = () => {
    const { bench, failed } = frame.contentWindow;
    if (bench || failed) resolve(failed ?? "");
    else setTimeout(look, 20);
  };
  frame.onload = look;
  document.body.append(frame);
})"""
_ROUNDS = """async ([names, rounds, kind]) => {
  const bytes = await (await fetch("picture.jpg")).arrayBuffer();
  const pictures = Object.fromEntries(names.map((name) => [name, new frames[name].Blob([bytes], { type: "image/jpeg" })]));
  const found = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names.toSorted(() => Math.random() - 0.5)) {
      const { bench } = frames[name];
      const started = performance.now();
      const inside = kind === "infer" ? await bench.infer() : void (await bench.answer(pictures[name]));
      found[name].push(inside ?? performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return found;
}"""
_ANSWERS = """async ([name, paths]) => {
  const answers = [];
  const { bench, Blob } = frames[name];
  for (const path of paths) answers.push(await bench.answer(new Blob([await (await fetch(path)).arrayBuffer()])));
  return answers;
}"""


def latencies(browser: Any, model: Model, sites: Mapping[Way, Path], n: int) -> dict[str, dict[str, Any]]:
    """Medians and 95th percentiles of `n` turns by way, in milliseconds: `infer` the inference alone, `answer` from a JPEG file.

    A way that cannot run has `why_not` alone; a trained model's ways have `accuracy` and `agreement` with the float model too.
    """
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(hosting(_arena(model, sites))).address
        context = browser.new_context()
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        page.goto(address)
        result: dict[str, dict[str, Any]] = {}
        for way in sites:
            failed = page.evaluate(_FRAME, way.name)
            result[way.name] = {"why_not": failed} if failed else {}
        running = [way for way in sites if "why_not" not in result[way.name]]
        for webgl in (False, True):
            group = [way.name for way in running if way.webgl is webgl]
            for kind in ("infer", "answer") if group else ():
                print(f"warm, {model.name}: {kind} of {', '.join(group)}", file=sys.stderr, flush=True)
                for name, values in _turns(page, group, kind, n if not webgl else min(n, _FEW)).items():
                    result[name][kind] = summary(values)
        rows = json.loads((model.folder / "pictures.json").read_text(encoding="utf-8"))
        if rows:
            for way in (way for way in running if not way.webgl):
                result[way.name] |= _right(page.evaluate(_ANSWERS, [way.name, [row["path"] for row in rows]]), rows)
        return result


def _arena(model: Model, sites: Mapping[Way, Path]) -> Path:
    """A folder with every site below it and an empty page."""
    folder = CACHE / "sites" / model.folder.stem / "arena"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for way, site in sites.items():
        shutil.copytree(site, folder / way.name, copy_function=lambda a, b: Path(b).hardlink_to(a))
    (folder / "index.html").write_text("<!doctype html>\n<title>Arena</title>\n<link rel=icon href='data:,'>\n<body></body>\n")
    shutil.copy(model.folder / "picture.jpg", folder)
    if (model.folder / "pictures").is_dir():
        shutil.copytree(model.folder / "pictures", folder / "pictures")
    return folder


def _turns(page: Any, names: list[str], kind: str, n: int) -> dict[str, list[float]]:
    page.evaluate(_ROUNDS, [names, min(n, _WARM_UP), kind])
    result: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(-(-n // _ROUNDS_PER_CALL)):
        for name, values in page.evaluate(_ROUNDS, [names, min(n, _ROUNDS_PER_CALL), kind]).items():
            result[name] += values
    return result


def _right(answers: list[str], rows: list[dict[str, str]]) -> dict[str, float]:
    pairs = list(zip(answers, rows, strict=True))
    return {
        "accuracy": round(sum(answer == row["label"] for answer, row in pairs) / len(pairs), 4),
        "agreement": round(sum(answer == row["float"] for answer, row in pairs) / len(pairs), 4),
    }
