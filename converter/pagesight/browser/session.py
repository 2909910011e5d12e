"""Opens a finished page in a real browser and asks it pictures: the page as it is served, and the single file as it is opened."""

import base64
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from pagesight import progress
from pagesight.browser import tabs
from pagesight.browser.discovery import Browser
from pagesight.browser.page_calls import function
from pagesight.errors import VerifyError
from pagesight.graph import memory
from pagesight.serve import serving

_BATCH = 16
_BATCH_BYTES = 8_000_000
_PHOTOS = ".pagesight-photos"


class _Row(TypedDict):
    """What the page says of one picture."""

    backend: str
    probabilities: list[float]
    square: list[int] | None


Pictures = Sequence[tuple[str, bytes]]
"""Names and file bytes."""


@dataclass(frozen=True)
class Answers:
    """What the browser said: one row per picture."""

    browser: str
    backend: str
    squares: list[Any]
    """The pixels that the model saw, uint8, flat; None where they have the expected hash."""
    probabilities: Any
    """float64 [pictures, classes]"""


def ask_page(folder: Path, pictures: Pictures, expected: Sequence[str], browser: Browser) -> Answers:
    """Serve `folder`, open its page and send every picture through its public module. Raises VerifyError where it complains.

    `expected` are the SHA-256 of the pixels that the model should see. The page and the module each load the model: at once, or a
    large one after the other.
    """
    paths = [f"{_PHOTOS}/{i}" for i in range(len(pictures))]
    extra = {path: data for path, (_, data) in zip(paths, pictures, strict=True)}
    alone, ask = memory.is_large(folder / "model"), function("askModule")

    def work() -> Answers:
        with serving(folder, extra=extra) as address:
            return _asked(
                browser,
                address,
                pictures,
                lambda tab, part: tab.evaluate(ask, [paths[part], expected[part], alone]),
            )

    return _in_own_thread(work)


def ask_single_file(file: Path, pictures: Pictures, expected: Sequence[str], browser: Browser) -> Answers:
    """Open `file` as a double click does and send every picture to its classifier. Raises VerifyError where it complains."""

    def ask(tab: tabs.Tab, part: slice) -> Any:
        files = [base64.b64encode(data).decode() for _, data in pictures[part]]
        return tab.evaluate(function("askPage"), [files, expected[part]])

    return _in_own_thread(partial(_asked, browser, file.resolve().as_uri(), pictures, ask))


def _in_own_thread(work: Callable[[], Answers]) -> Answers:
    """A notebook's event loop would forbid playwright's plain calls in this one."""
    with ThreadPoolExecutor(1) as own_thread:
        return own_thread.submit(copy_context().run, work).result()


def _asked(
    browser: Browser, address: str, pictures: Pictures, ask: Callable[[tabs.Tab, slice], Any], *, again: bool = False
) -> Answers:
    """Open the page and ask it; errors in its console and foreign requests end in a VerifyError.

    A browser that crashes is started once more: WebKitGTK's media library now and then does.
    """
    rows: list[_Row] = []
    complaints: list[str] = []
    name = browser.engine.capitalize()
    try:
        with tabs.opened(browser) as tab:
            name = tab.name
            tab.goto(address)
            tab.evaluate(function("keepClassifier"))
            try:
                with progress.task(f"asking {name}", len(pictures)) as advance:
                    for part in _batches(pictures):
                        rows += ask(tab, part)
                        advance(part.stop - part.start)
            finally:
                foreign = [url for url in tab.requests() if not _is_own(url, address)]
                complaints = [*tab.complaints(), *(f"asked for {url}" for url in foreign)]
    except tabs.DriverError as cause:
        if "page crash" in str(cause) and not again:
            progress.note(f"{name} crashed and is started once more")
            return _asked(browser, address, pictures, ask, again=True)
        said = complaints[0] if complaints else cause
        raise VerifyError(f"{name} could not run the page: {said}", fix="run `pagesight doctor`") from cause
    if complaints:
        raise VerifyError(
            f"the page reports an error in {name}: {complaints[0]}", fix="run `pagesight serve` and look at its console"
        )
    probabilities = np.array([r["probabilities"] for r in rows], np.float64)
    squares = [None if r["square"] is None else np.array(r["square"], np.uint8) for r in rows]
    return Answers(name, rows[0]["backend"], squares, probabilities)


def _batches(pictures: Pictures) -> Iterator[slice]:
    start, size = 0, 0
    for i, (_, data) in enumerate(pictures):
        if i > start and (i - start == _BATCH or size + len(data) > _BATCH_BYTES):
            yield slice(start, i)
            start, size = i, 0
        size += len(data)
    yield slice(start, len(pictures))


def _is_own(url: str, address: str) -> bool:
    return url.startswith((address, "blob:", "data:"))
