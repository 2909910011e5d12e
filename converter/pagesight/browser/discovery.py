"""Finds browsers on this machine, one of each engine: what draws and computes in a visitor's browser."""

import contextlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)

ENGINES = ("chromium", "firefox", "webkit")
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge")
_CHROMIUM_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
_FIREFOX = ("firefox-esr", "firefox")
_FIREFOX_PLACES = (
    "/Applications/Firefox.app/Contents/MacOS/firefox",
    "C:/Program Files/Mozilla Firefox/firefox.exe",
    "C:/Program Files (x86)/Mozilla Firefox/firefox.exe",
)
_MINI_BROWSERS = tuple(f"{place}/webkit2gtk-4.*/MiniBrowser" for place in ("usr/lib*/*", "usr/lib*", "usr/libexec"))
_PATIENCE = 30.0
"""Seconds in which a browser must say its version."""
HOW_TO_GET = "install Chromium or Chrome, run `playwright install chromium`, or set CHROME to a browser's path"
HOW_TO_GET_EACH = {
    "chromium": HOW_TO_GET,
    "firefox": "install Firefox (Debian, Ubuntu: `apt-get install firefox-esr`), or set FIREFOX to its path",
    "webkit": "on Linux `apt-get install webkit2gtk-driver xvfb`, or set WEBKIT to the path of WebKitGTK's MiniBrowser",
}


@dataclass(frozen=True)
class Browser:
    """An installed browser."""

    engine: str
    """One of ENGINES."""
    executable: Path


def find() -> Path | None:
    """$CHROME, else an installed Chromium, Chrome or Edge, else Playwright's own; None where there is none."""
    return _wished("CHROME", _CHROMIUM, _CHROMIUM_PLACES, _playwrights_own)


def find_engine(engine: str) -> Browser | None:
    """The browser of one of ENGINES; None where this machine has none, or lacks what drives it."""
    if engine == "chromium":
        executable = find()
    elif engine == "firefox":
        executable = _wished("FIREFOX", _FIREFOX, _FIREFOX_PLACES, lambda: None)
    else:
        driven = shutil.which("WebKitWebDriver") and shutil.which("Xvfb")
        executable = _wished("WEBKIT", (), (), _mini_browser) if driven else None
    return Browser(engine, executable) if executable else None


def find_all() -> list[Browser]:
    """One browser of each engine that this machine has, in the order of ENGINES."""
    return [browser for browser in map(find_engine, ENGINES) if browser]


def _wished(variable: str, names: tuple[str, ...], places: tuple[str, ...], otherwise: Callable[[], Path | None]) -> Path | None:
    result, why = _located(variable, names, places, otherwise)
    _log.info("browser of $%s: %s, because %s", variable, result or "none", why)
    return result


def _located(
    variable: str, names: tuple[str, ...], places: tuple[str, ...], otherwise: Callable[[], Path | None]
) -> tuple[Path | None, str]:
    """The browser, and why it is this one."""
    value = os.environ.get(variable)
    if value:
        result = shutil.which(value)
        return Path(result) if result else None, f"{variable} is {value}"
    for name in names:
        if result := shutil.which(name):
            return Path(result), f"{name} is on the path"
    for place in places:
        if Path(place).is_file():
            return Path(place), "it is installed there"
    own = otherwise()
    return own, "it came with what drives it" if own else "none is installed where such browsers are"


def _playwrights_own() -> Path | None:
    default = {"darwin": "~/Library/Caches/ms-playwright", "win32": "~/AppData/Local/ms-playwright"}
    root = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or default.get(sys.platform, "~/.cache/ms-playwright")).expanduser()
    patterns = ("chromium-*/chrome-*/chrome", "chromium-*/chrome-*/chrome.exe", "chromium-*/chrome-*/*.app/Contents/MacOS/*")
    result = [p for pattern in patterns for p in root.glob(pattern) if p.is_file()]
    return max(result, key=lambda p: (_revision(p.relative_to(root).parts[0]), p), default=None)


def _revision(folder: str) -> int:
    """1187 of "chromium-1187"; 0 of what bears no number."""
    number = folder.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def identity(executable: Path) -> str:
    """What tells one version of a browser from another: its name and version, else when its file was written."""
    if sys.platform != "win32":  # there, Chrome opens a window instead of an answer; but an update is another file
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True, timeout=_PATIENCE)
            if name := done.stdout.strip():
                return name
    facts = executable.stat()
    return f"{executable.name}, {facts.st_size} bytes of {facts.st_mtime_ns}"


def _mini_browser() -> Path | None:
    result = sorted(p for pattern in _MINI_BROWSERS for p in Path("/").glob(pattern) if p.is_file())
    return result[-1] if result else None
