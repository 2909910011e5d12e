"""A plain WebDriver client (https://www.w3.org/TR/webdriver2/), and WebKitGTK's MiniBrowser on a screen that nobody sees."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pagesight.browser import page_calls
from pagesight.json_values import JsonObject

_START_SECONDS = 30
_SCRIPT_MS = 600_000


class DriverError(Exception):
    """The driver, or the page's code, failed; the message is theirs."""


class Session:
    """One window of one browser."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._path = ""
        self.version = ""

    def start(self, capabilities: JsonObject) -> None:
        """Open the browser. Raises DriverError."""
        value = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._path = f"/session/{value['sessionId']}"
        self.version = value["capabilities"].get("browserVersion", "")
        self.command("POST", "/timeouts", {"script": _SCRIPT_MS, "pageLoad": 60_000})

    def goto(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        self.command("POST", "/url", {"url": address})

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """What a JavaScript function, async or not, gives; values cross as JSON. Raises DriverError with what it throws."""
        answer = self.command("POST", "/execute/async", {"script": page_calls.for_web_driver(function), "args": list(arguments)})
        if "error" in answer:
            raise DriverError(answer["error"])
        return answer["value"]

    def command(self, method: str, path: str, body: Any = None) -> Any:
        """Any command of the session, by its path below /session/ID."""
        return self._ask(method, self._path + path, body)

    def wait_until_up(self, driver: "subprocess.Popen[bytes]") -> None:
        """Return when the driver answers. Raises DriverError when it ends, or does not within half a minute."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and driver.poll() is None:
            with contextlib.suppress(DriverError):
                self._ask("GET", "/status", None)
                return
            time.sleep(0.05)
        raise DriverError("the browser's driver did not start")

    def _ask(self, method: str, path: str, body: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SCRIPT_MS / 1000 + 30)
        try:
            data = json.dumps(body or {}) if method == "POST" else None
            connection.request(method, path, data, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as cause:
            raise DriverError(f"the browser or its driver does not answer: {str(cause) or type(cause).__name__}") from cause
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value and "message" in value:
            raise DriverError(f"{value['error']}: {value['message']}".rstrip(": "))
        return value


@contextlib.contextmanager
def webkit(executable: Path, *flags: str) -> Iterator[Session]:
    """Yield a window of WebKitGTK's MiniBrowser with a fresh profile. Raises DriverError where it cannot be started."""
    with _screen() as display:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11"}
        command = ["WebKitWebDriver", f"--port={port}"]
        driver = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        session = Session(port)
        try:
            session.wait_until_up(driver)
            options = {"binary": str(executable), "args": ["--automation", *flags]}
            session.start({"browserName": "MiniBrowser", "webkitgtk:browserOptions": options})
            yield session
        finally:
            with contextlib.suppress(DriverError):
                session.command("DELETE", "")
            driver.terminate()
            driver.wait()


@contextlib.contextmanager
def _screen() -> Iterator[str]:
    """Yield the name of an X display of our own."""
    readable, writable = os.pipe()
    command = ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[writable], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writable)
    try:
        with os.fdopen(readable) as pipe:  # to the end of the line: Xvfb dies of a pipe that is closed before
            number = pipe.readline().strip()
        if not number:
            raise DriverError("Xvfb did not start")
        yield f":{number}"
    finally:
        screen.terminate()
        screen.wait()
