"""Promises about the browser that pages are verified in: the newest is found, and another version is told from it."""

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pagesight.browser import discovery, tabs, webdriver


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


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n<html>", b"HTTP/1.1 200 OK\r\n\r\n[]", b"nothing\r\n"])
def test_a_driver_that_breaks_down_is_an_error_of_the_driver(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reply() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(tabs.DriverError, match="does not answer"):
            webdriver.Session(server.getsockname()[1]).command("GET", "/url")
        thread.join()


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_a_page_that_never_answers_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabs, "_LATE_MS", 1)
    browser = next(b for b in discovery.find_all() if b.engine == "chromium")

    def ask() -> None:
        with tabs.opened(browser) as tab:
            assert tab.evaluate("(n) => n + 1", 1) == 2
            tab.evaluate("() => new Promise(() => {})")

    # Other tests of this process may have a loop of playwright's, which allows one in each thread.
    with ThreadPoolExecutor(1) as own_thread, pytest.raises(tabs.DriverError, match="the page gave no answer"):
        own_thread.submit(ask).result()
