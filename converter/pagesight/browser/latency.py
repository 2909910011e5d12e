"""How long a page takes for one picture, in a browser of this machine."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pagesight.artifacts import Bundle
from pagesight.browser import tabs
from pagesight.browser.page_calls import function
from pagesight.errors import VerifyError
from pagesight.serve import serving

_WARM_UP, _TIMES, _AT_LEAST, _ENOUGH_MS = 5, 30, 5, 5000
"""Answers thrown away, answers timed; of a slow network fewer, once they have taken so long together."""


@dataclass(frozen=True)
class Latency:
    """The median time from a picture of the model's size to its answer, and in which browser."""

    milliseconds: float
    browser: str


def latency(bundle: Bundle, executable: Path) -> Latency:
    """Open the page and ask it one picture of noise again and again. Raises VerifyError when the page does not run."""
    with ThreadPoolExecutor(1) as own_thread:  # a notebook's event loop would forbid playwright's plain calls in this one
        return own_thread.submit(_measured, bundle, executable).result()


def _measured(bundle: Bundle, executable: Path) -> Latency:
    from playwright.sync_api import Error

    try:
        with serving(bundle.path) as address, tabs.launched(executable) as browser:
            page = browser.new_page()
            page.goto(address)
            options = {"warmUp": _WARM_UP, "times": _TIMES, "atLeast": _AT_LEAST, "enough": _ENOUGH_MS}
            took = page.evaluate(function("timeAnswers"), {"side": bundle.contract.input.side, **options})
            name = f"Chromium {browser.version.split('.')[0]}"
    except Error as cause:
        what = cause.message.splitlines()[0]
        raise VerifyError(f"the browser could not run the page: {what}", fix="run `pagesight doctor`") from cause
    return Latency(float(median(took)), name)
