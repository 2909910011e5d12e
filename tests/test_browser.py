"""Promises about the browser that pages are verified in: the newest is found, and another version is told from it."""

import os
from pathlib import Path

import pytest

from pagesight.browser import discovery


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name == "nt", reason="runs a shell script")
def test_the_newest_of_playwrights_browsers_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for revision in (999, 1187, 87):
        script(tmp_path / f"chromium-{revision}" / "chrome-linux" / "chrome", "")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROME", raising=False)
    monkeypatch.setattr(discovery, "_CHROMIUM_PLACES", ())
    assert discovery.find() == tmp_path / "chromium-1187" / "chrome-linux" / "chrome"


@pytest.mark.skipif(os.name == "nt", reason="runs a shell script")
def test_a_browser_is_another_once_it_was_updated(tmp_path: Path) -> None:
    browser = script(tmp_path / "chrome", "echo Chromium 156.0.1")
    assert discovery.identity(browser) == "Chromium 156.0.1"
    script(browser, "exit 1")
    silent = discovery.identity(browser)
    script(browser, "exit 2 # updated")
    assert silent != discovery.identity(browser)
