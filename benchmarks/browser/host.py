"""A static host that compresses, as hosts do, and remembers what it sent and when."""

import contextlib
import gzip
import hashlib
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_BROTLI = "process.stdout.write(require('zlib').brotliCompressSync(require('fs').readFileSync(0)))"
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_LEFT_ALONE = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass
class Sent:
    """One answer: seconds since the epoch when its first byte went out, and its bytes on the wire, header included."""

    path: str
    at: float
    bytes: int


@dataclass
class Host:
    """A running host. `sent` grows with each answer."""

    root: Path
    sent: list[Sent] = field(default_factory=list)
    address: str = ""

    def until(self, moment: float) -> list[Sent]:
        """All answers that had begun by `moment`, seconds since the epoch."""
        return [answer for answer in self.sent if answer.at <= moment]

    def body(self, path: Path) -> tuple[bytes, str]:
        """The file as it goes over the wire, and its content coding ('' for none)."""
        if path.suffix in _LEFT_ALONE:
            return path.read_bytes(), ""
        return _gzipped(path, path.stat().st_mtime_ns), "gzip"

    def file(self, address_path: str) -> Path:
        """The file that answers a request."""
        path = self.root / address_path.split("?", maxsplit=1)[0].lstrip("/")
        return path / "index.html" if path.is_dir() else path


@cache
def _gzipped(path: Path, _changed: int) -> bytes:
    """A file packed once: no later visit waits for the compressor."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)


def brotli_bytes(path: Path, cache: Path) -> int:
    """Bytes of the file after brotli at its best (Node's), or as it is where hosts leave it alone; `cache` remembers."""
    data = path.read_bytes()
    if path.suffix in _LEFT_ALONE:
        return len(data)
    known = cache / hashlib.sha256(data).hexdigest()
    if not known.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(["node", "-e", _BROTLI], input=data, capture_output=True, check=True).stdout
        known.write_text(str(len(packed)))
    return int(known.read_text())


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # As static hosts do: a header and its body go out together, and neither waits for the browser to acknowledge what was before.
    disable_nagle_algorithm = True
    wbufsize = -1
    extensions_map = SimpleHTTPRequestHandler.extensions_map | _TYPES

    def __init__(self, *args: Any, host: Host, **more: Any) -> None:
        self._host = host
        super().__init__(*args, directory=str(host.root), **more)

    def do_GET(self) -> None:
        path = self._host.file(self.path)
        if not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body, coding = self._host.body(path)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        if coding:
            self.send_header("Content-Encoding", coding)
        header = sum(map(len, self._headers_buffer)) + 2
        self._host.sent.append(Sent(self.path, time.time(), header + len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no event."""


@contextlib.contextmanager
def hosting(root: Path) -> Iterator[Host]:
    """Serve `root` on this machine, gzipped."""
    host = Host(root)
    server = _Server(("127.0.0.1", 0), partial(_Handler, host=host))
    host.address = f"http://localhost:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
