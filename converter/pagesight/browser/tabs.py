"""Opens one page in an installed browser of any engine: Playwright drives Chromium and Firefox, WebDriver WebKitGTK."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from pagesight.browser import page_calls
from pagesight.browser.discovery import Browser
from pagesight.browser.webdriver import DriverError, webkit

__all__ = ["DriverError", "Tab", "launched", "opened"]
_QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)
Preferences = dict[str, str | float | bool]
_FIREFOX: Preferences = {
    "datareporting.policy.dataSubmissionEnabled": False,
    "security.fileuri.strict_origin_policy": True,
}
"""Nothing is sent, and files are as far from each other as for every user: automation would relax that."""
_LATE_MS = 600_000
_TIMED = """async (argument) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(reject, MILLISECONDS, new Error("the page gave no answer in time"));
  });
  try { return await Promise.race([(FUNCTION)(argument), late]); } finally { clearTimeout(timer); }
}"""
"""Playwright waits for a promise for ever, WebDriver as long as this."""


class Tab(Protocol):
    """A page in a browser. What the page or the driver raises is a DriverError."""

    name: str
    """The browser and its version, as people say it: Chromium 156, WebKitGTK 2.50."""

    def goto(self, address: str) -> None:
        """Open an address."""

    def evaluate(self, function: str, argument: Any = None) -> Any:
        """What a JavaScript function of one argument, async or not, gives; values cross as JSON."""

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, as far as the driver tells them: WebKit's tells none."""

    def requests(self) -> list[str]:
        """What the page asked for, by address."""


@contextlib.contextmanager
def opened(browser: Browser, *flags: str, preferences: Preferences | None = None) -> Iterator[Tab]:
    """Yield an empty page in a fresh profile; `preferences` are Firefox's. Raises DriverError where the browser does not start."""
    if browser.engine == "webkit":
        with webkit(browser.executable, *flags) as session:
            yield _WebDriverTab(session)
        return
    with _playwright_errors(), _playwright(browser, *flags, preferences=preferences) as running:
        yield _PlaywrightTab(browser.engine, running)


@contextlib.contextmanager
def launched(executable: Path, *flags: str) -> Iterator[Any]:
    """Yield a running headless Chromium (playwright's Browser), with a fresh profile and no background traffic."""
    with _playwright(Browser("chromium", executable), *flags) as running:
        yield running


@contextlib.contextmanager
def _playwright(browser: Browser, *flags: str, preferences: Preferences | None = None) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = str(browser.executable)
        if browser.engine == "firefox":
            running = playwright.firefox.launch(
                channel="moz-firefox",
                executable_path=path,
                args=list(flags),
                firefox_user_prefs={**_FIREFOX, **(preferences or {})},
            )
        else:
            args = [*_QUIET, *flags]
            if sys.platform.startswith("linux") and os.geteuid() == 0:
                args.append("--no-sandbox")  # Chromium refuses to run as root otherwise
            running = playwright.chromium.launch(executable_path=path, args=args)
        try:
            yield running
        finally:
            running.close()


@contextlib.contextmanager
def _playwright_errors() -> Iterator[None]:
    from playwright.sync_api import Error

    try:
        yield
    except Error as cause:
        raise DriverError(cause.message.splitlines()[0]) from cause


class _PlaywrightTab:
    def __init__(self, engine: str, running: Any) -> None:
        self.name = f"{engine.capitalize()} {running.version.split('.')[0]}"
        self._page = running.new_page()
        self._complaints: list[str] = []
        self._requests: list[str] = []
        self._page.on("console", lambda m: self._complaints.append(m.text) if m.type in ("error", "warning") else None)
        self._page.on("pageerror", lambda e: self._complaints.append(str(e)))
        self._page.on("request", lambda r: self._requests.append(r.url))

    def goto(self, address: str) -> None:
        self._page.goto(address)

    def evaluate(self, function: str, argument: Any = None) -> Any:
        return self._page.evaluate(_TIMED.replace("MILLISECONDS", str(_LATE_MS)).replace("FUNCTION", function), argument)

    def complaints(self) -> list[str]:
        return self._complaints

    def requests(self) -> list[str]:
        return self._requests


class _WebDriverTab:
    def __init__(self, session: Any) -> None:
        self.name = f"WebKitGTK {'.'.join(session.version.split('.')[:2])}"
        self._session = session

    def goto(self, address: str) -> None:
        self._session.goto(address)

    def evaluate(self, function: str, argument: Any = None) -> Any:
        return self._session.evaluate(function, argument)

    def complaints(self) -> list[str]:
        return []

    def requests(self) -> list[str]:
        return list(self._session.evaluate(page_calls.function("listRequests")))
