"""A static server for one bundle: right types, caching and isolation headers, this machine only."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pagesight.errors import BundleError

_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".bin": "application/octet-stream",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-cache",  # asked again, answered 304: a new bundle is seen at once
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | _TYPES
    protocol_version = "HTTP/1.1"
    timeout = 30

    def __init__(self, *args: Any, extra: Mapping[str, bytes], **more: Any) -> None:
        self._extra = extra
        super().__init__(*args, **more)

    def do_GET(self) -> None:
        data = self._extra.get(self.path.lstrip("/"))
        if data is None:
            super().do_GET()
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing: the terminal is for people."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no event."""


def _bound(folder: Path, port: int, extra: Mapping[str, bytes]) -> _Server:
    if not (folder / "index.html").is_file():
        raise BundleError(f"{folder} holds no page", fix="give the folder that `pagesight build` wrote")
    try:
        return _Server(("127.0.0.1", port), partial(_Handler, directory=str(folder), extra=extra))
    except OSError as cause:
        raise BundleError(
            f"port {port} cannot be used: {cause.strerror}", fix="pass another --port, or 0 for any free one"
        ) from cause


@contextlib.contextmanager
def serving(folder: Path, *, port: int = 0, extra: Mapping[str, bytes] | None = None) -> Iterator[str]:
    """Serve `folder` while the block runs and yield its address, `http://localhost:PORT/`; `extra` adds paths from memory.

    Port 0 takes any free one. Raises BundleError when the folder holds no page or the port is taken.
    """
    server = _bound(folder, port, extra or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
