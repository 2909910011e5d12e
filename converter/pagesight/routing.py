"""What a server of pages and code that answers some paths of it say to each other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol


@dataclass(frozen=True)
class Asked:
    """A request that Routes may answer: `length` bytes follow, which `read` gives (raises ConnectionError when fewer came)."""

    method: str
    path: str
    query: Mapping[str, str]
    host: str
    port: int
    token: str
    client: str
    is_local: bool
    length: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Answer:
    """What is sent back; a body that is an iterator is sent piece by piece until it ends or nobody listens."""

    body: bytes | Iterator[bytes]
    type: str
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


class Routes(Protocol):
    """Paths that are answered by code instead of a file."""

    def __call__(self, asked: Asked) -> Answer | None:
        """The answer; None for what is no path of these."""

    def cookie(self, asked: Asked) -> str | None:
        """A cookie to send with every answer to this client, or None."""


class ToHttps(BaseHTTPRequestHandler):
    """For browsers that were given the address without its `https://`."""

    timeout = 10

    def do_GET(self) -> None:
        """Send the browser to the same address by https."""
        host = self.headers.get("Host", "")
        self.send_response(HTTPStatus.PERMANENT_REDIRECT if host else HTTPStatus.BAD_REQUEST)
        self.send_header("Location", f"https://{host}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing: the terminal is for people."""
