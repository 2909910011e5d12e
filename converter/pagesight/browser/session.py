"""Opens a finished page in a real browser and asks it pictures: the page as it is served, and the single file as it is opened."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import progress
from pagesight.browser import discovery
from pagesight.errors import VerifyError
from pagesight.graph import memory
from pagesight.manifest import Json
from pagesight.serve import serving

_BATCH = 16
_PHOTOS = ".pagesight-photos"
_ANSWER = """async (classifier, file) => {
  const [square, prediction] = [await classifier.square(file), await classifier.predict(file)];
  const hash = await crypto.subtle.digest("SHA-256", square.data);
  return {
    probabilities: Array.from(prediction.probabilities),
    square: Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    backend: classifier.backend,
  };
}"""
_ASK = f"""async ([paths, alone]) => {{
  const base = document.baseURI;
  const late = (_, reject) => setTimeout(reject, 300_000, new Error("the page did not load its model"));
  globalThis.asked ??= Promise.resolve(alone && Promise.race([globalThis.classifier, new Promise(late)]))
    .then((own) => own && own.dispose())
    .then(() => import(new URL("pagesight.js", base).href))
    .then((module) => module.load(new URL("./", base).href));
  const answers = [];
  for (const path of paths) {{
    const file = new File([await (await fetch(new URL(path, base))).blob()], "picture");
    answers.push(await ({_ANSWER})(await globalThis.asked, file));
  }}
  return answers;
}}"""
_KEEP_CLASSIFIER = """globalThis.classifier = new Promise((resolve, reject) => {
  document.addEventListener("pagesight-ready", ({ detail }) => resolve(detail));
  document.addEventListener("pagesight-failure", ({ detail }) => reject(detail));
  addEventListener("error", ({ error }) => reject(error));
});"""
_ASK_SINGLE_FILE = f"""async ([input, from, to]) => {{
  const answers = [];
  for (const file of [...input.files].slice(from, to)) answers.push(await ({_ANSWER})(await globalThis.classifier, file));
  return answers;
}}"""

Pictures = Sequence[tuple[str, bytes]]
"""Names and file bytes."""


@dataclass(frozen=True)
class Answers:
    """What the browser said: one row per picture."""

    browser: str
    backend: str
    squares: list[str]
    """SHA-256, in hex, of the pixels that the model saw."""
    probabilities: Any
    """float64 [pictures, classes]"""


def ask_page(folder: Path, pictures: Pictures, executable: Path) -> Answers:
    """Serve `folder`, open its page and send every picture through its public module. Raises VerifyError where it complains.

    The page and the module each load the model: at once, or a large one after the other.
    """
    paths = [f"{_PHOTOS}/{i}" for i in range(len(pictures))]
    extra = {path: data for path, (_, data) in zip(paths, pictures, strict=True)}
    alone = memory.is_large(folder / "model")

    def work() -> Answers:
        with serving(folder, extra=extra) as address, _opened(executable, address) as (page, browser):
            ask = partial(page.evaluate, _ASK)
            return _asked(browser, len(paths), lambda start, end: ask([paths[start:end], alone]))

    return _in_own_thread(work)


def ask_single_file(file: Path, pictures: Pictures, executable: Path) -> Answers:
    """Open `file` as a double click does and send every picture to its classifier. Raises VerifyError where it complains."""

    def work() -> Answers:
        with tempfile.TemporaryDirectory() as folder, _opened(executable, file.resolve().as_uri()) as (page, browser):
            for number, (_, data) in enumerate(pictures):
                (Path(folder) / f"{number:06d}").write_bytes(data)
            chosen = page.evaluate_handle("Object.assign(document.createElement('input'), { type: 'file', multiple: true })")
            chosen.as_element().set_input_files(sorted(Path(folder).iterdir()))
            return _asked(browser, len(pictures), lambda start, end: page.evaluate(_ASK_SINGLE_FILE, [chosen, start, end]))

    return _in_own_thread(work)


def _in_own_thread(work: Callable[[], Answers]) -> Answers:
    """A notebook's event loop would forbid playwright's plain calls in this one."""
    with ThreadPoolExecutor(1) as own_thread:
        return own_thread.submit(copy_context().run, work).result()


@contextlib.contextmanager
def _opened(executable: Path, address: str) -> Iterator[tuple[Any, str]]:
    """Yield the page at `address` and the browser's name; console errors and foreign requests end in a VerifyError."""
    from playwright.sync_api import Error

    complaints: list[str] = []
    try:
        with discovery.launched(executable) as browser:
            page = browser.new_page()
            page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda e: complaints.append(str(e)))
            page.on("request", lambda r: None if _is_own(r.url, address) else complaints.append(f"asked for {r.url}"))
            page.add_init_script(_KEEP_CLASSIFIER)
            page.goto(address)
            yield page, f"Chromium {browser.version.split('.')[0]}"
    except Error as cause:
        predicted = complaints[0] if complaints else cause.message.splitlines()[0]
        raise VerifyError(f"the browser could not run the page: {predicted}", fix="run `pagesight doctor`") from cause
    if complaints:
        raise VerifyError(
            f"the page complains in the browser: {complaints[0]}", fix="run `pagesight serve` and look at its console"
        )


def _asked(browser: str, count: int, ask: Callable[[int, int], list[Json]]) -> Answers:
    rows: list[dict[str, Any]] = []
    with progress.task("asking the browser", count) as advance:
        for start in range(0, count, _BATCH):
            rows += ask(start, min(start + _BATCH, count))
            advance(min(_BATCH, count - start))
    probabilities = np.array([r["probabilities"] for r in rows], np.float64)
    return Answers(browser, rows[0]["backend"], [r["square"] for r in rows], probabilities)


def _is_own(url: str, address: str) -> bool:
    return url.startswith((address, "blob:", "data:"))
