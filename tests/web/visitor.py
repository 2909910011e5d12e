"""A visitor's browser of any engine, driven as the product drives it: what a page is asked, and what is waited for."""

import base64
import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pagesight.browser import tabs
from pagesight.browser.discovery import Browser
from pagesight.browser.tabs import DriverError, Tab

CHOOSE = """([selector, files]) => {
  const input = selector ? document.querySelector(selector) : globalThis.chooser;
  const chosen = new DataTransfer();
  for (const file of files) {
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
    chosen.items.add(new File([bytes], "picture.png", { type: "image/png" }));
  }
  input.files = chosen.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}"""
PRESS = """(name) => {
  const said = (button) => button.getAttribute("aria-label") ?? button.textContent.replace(/\\s+/g, " ").trim();
  const buttons = [...document.querySelectorAll("button")];
  const found = buttons.find((button) => button.checkVisibility() && said(button).startsWith(name) && !button.disabled);
  if (!found) return false;
  found.click();
  return true;
}"""
KEEP_CHOOSER = "() => { HTMLInputElement.prototype.click = function () { globalThis.chooser = this; }; }"
PATIENCE = 60


class _Elsewhere:
    """A tab that lives in a thread of its own: playwright allows one of its loops in each."""

    def __init__(self, tab: Tab, thread: ThreadPoolExecutor) -> None:
        self.name = tab.name
        self._tab = tab
        self._thread = thread

    def goto(self, address: str) -> None:
        self._thread.submit(self._tab.goto, address).result()

    def evaluate(self, function: str, argument: Any = None) -> Any:
        return self._thread.submit(self._tab.evaluate, function, argument).result()

    def complaints(self) -> list[str]:
        return self._thread.submit(self._tab.complaints).result()

    def requests(self) -> list[str]:
        return self._thread.submit(self._tab.requests).result()


@contextlib.contextmanager
def opened(browser: Browser, *flags: str, preferences: tabs.Preferences | None = None) -> Iterator["Visitor"]:
    """Yield a visitor with an empty tab."""
    with ThreadPoolExecutor(1) as thread:
        manager = tabs.opened(browser, *flags, preferences=preferences)
        tab = thread.submit(manager.__enter__).result()
        try:
            yield Visitor(_Elsewhere(tab, thread), browser.engine)
        finally:
            thread.submit(manager.__exit__, None, None, None).result()


@dataclass
class Visitor:
    """One tab."""

    tab: Tab
    engine: str

    def visit(self, address: str, ready: str = "document.documentElement?.dataset.ready") -> None:
        """Open an address and wait until `ready`, an expression."""
        self.tab.goto(address)
        self.sees(ready)

    def sees(self, expression: str) -> Any:
        """Wait until a JavaScript expression is true; its value."""
        end = time.monotonic() + PATIENCE
        value: Any = None
        while time.monotonic() < end:
            try:
                value = self.tab.evaluate(f"() => {expression}")
            except DriverError as error:  # the page is being left
                value = error
            if value and not isinstance(value, DriverError):
                return value
            time.sleep(0.1)
        page = self.tab.evaluate("() => document.body?.innerText.slice(0, 800)")
        raise AssertionError(f"{self.tab.name} never saw {expression}; last {value!r}, and the page says {page!r}")

    def answers(self, label: str) -> None:
        """Wait for an answer."""
        self.sees(f"document.querySelector('#label')?.textContent === {json.dumps(label)}")

    def press(self, name: str) -> None:
        """Click the visible button whose name begins so, when there is one."""
        self.sees(f"({PRESS})({json.dumps(name)})")

    def choose_for(self, name: str, pictures: Sequence[bytes]) -> None:
        """Press a button that opens a chooser, which no driver can answer, and give it files."""
        self.tab.evaluate(KEEP_CHOOSER)
        self.press(name)
        self.choose("", pictures)

    def choose(self, selector: str, pictures: Sequence[bytes]) -> None:
        """Give files to an input, as a chooser does."""
        self.tab.evaluate(CHOOSE, [selector, [base64.b64encode(picture).decode() for picture in pictures]])
