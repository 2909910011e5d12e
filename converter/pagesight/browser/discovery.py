"""Finds a Chromium on this machine and opens pages in it, headless."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
_QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)
_PATIENCE = 30.0
"""Seconds in which a browser must say its version."""
HOW_TO_GET = "install Chromium or Chrome, run `playwright install chromium`, or set CHROME to a browser's path"


def find() -> Path | None:
    """$CHROME, else an installed Chromium, Chrome or Edge, else Playwright's own; None where there is none."""
    value = os.environ.get("CHROME")
    if value:
        result = shutil.which(value)
        return Path(result) if result else None
    for name in _NAMES:
        if result := shutil.which(name):
            return Path(result)
    for place in _PLACES:
        if Path(place).is_file():
            return Path(place)
    return _playwrights_own()


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


@contextlib.contextmanager
def launched(executable: Path, *flags: str) -> Iterator[Any]:
    """Yield a running headless browser (playwright's Browser), with a fresh profile and no background traffic."""
    from playwright.sync_api import sync_playwright

    args = [*_QUIET, *flags]
    if sys.platform.startswith("linux") and os.geteuid() == 0:
        args.append("--no-sandbox")  # Chromium refuses to run as root otherwise
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(executable), args=args)
        try:
            yield browser
        finally:
            browser.close()
