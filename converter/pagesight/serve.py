"""A static server for one bundle, as a good host would be: right types, gzip, ranges, caching and isolation headers."""

import contextlib
import gzip
import io
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from pagesight.errors import BundleError

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".bin": "application/octet-stream",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
_HEADERS = {
    "Cache-Control": "no-cache",  # asked again, answered 304: a new bundle is seen at once
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_CORS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""What lets apps on other origins load the bundle: for trying, where a host would be told to send it."""
_PACKED_ALREADY = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".zip", ".gz")
_HANDSHAKE_SECONDS = 10
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_HERE = {"localhost", socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"}


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | _TYPES
    protocol_version = "HTTP/1.1"
    # A header and its body go out together; else a body waits up to 40 ms for the browser to acknowledge the header.
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 30
    server: "_Server"

    def __init__(self, *args: Any, extra: Mapping[str, bytes], cors: bool, host: str, **more: Any) -> None:
        self._extra = extra
        self._cors = cors
        self._host = host.lower()
        super().__init__(*args, **more)

    def send_head(self) -> BinaryIO | None:
        """Send status and headers; the body to send, or None where there is none."""
        if not self._is_meant():
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "This server has another name")
            return None
        data = self._extra.get(self.path.lstrip("/"))
        if data is not None:
            return self._send(data, {"Content-Type": "application/octet-stream"})
        path = Path(self.translate_path(self.path))
        try:
            if path.is_dir():
                if not self.path.partition("?")[0].endswith("/"):
                    return super().send_head()  # redirects to the folder, which relative addresses need
                path /= "index.html"
            found = path.is_file() and path.resolve().is_relative_to(Path(self.directory).resolve())
        except OSError:  # longer than any name of a file
            found = False
        if not found:
            self.send_error(HTTPStatus.NOT_FOUND, "There is no such file")
            return None
        return self._send_file(path)

    def _is_meant(self) -> bool:
        """Whether the request names this machine: a page elsewhere can make its own name lead here, and would read what is served.

        An address in numbers is no name that anyone could turn.
        """
        try:
            asked = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        except ValueError:  # half an address
            return False
        return asked in _HERE | {self._host, ""} or asked.endswith(".localhost") or _is_address(asked)

    def _send_file(self, path: Path) -> BinaryIO | None:
        """One file: whole, packed, a part of it, or the word that the browser's copy is still good."""
        facts = path.stat()
        may_pack = path.suffix.lower() not in _PACKED_ALREADY
        tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
        headers = {"Content-Type": self.guess_type(path), "ETag": tag, "Last-Modified": formatdate(facts.st_mtime, usegmt=True)}
        headers |= {"Vary": "Accept-Encoding"} if may_pack else {}
        if tag in self.headers.get("If-None-Match", ""):
            return self._send(b"", headers, HTTPStatus.NOT_MODIFIED)
        part = _RANGE.fullmatch(self.headers.get("Range", ""))
        if part and any(part.groups()) and self.headers.get("If-Range", tag) == tag:
            return self._send_part(path.read_bytes(), part, headers)
        headers["Accept-Ranges"] = "bytes"
        if may_pack and re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", self.headers.get("Accept-Encoding", "")):
            return self._send(self.server.packed(path, tag), headers | {"Content-Encoding": "gzip"})
        return self._send(path.read_bytes(), headers)

    def _send_part(self, whole: bytes, part: re.Match[str], headers: dict[str, str]) -> BinaryIO | None:
        first, last = part.groups()
        start = int(first) if first else max(0, len(whole) - int(last))
        end = min(int(last) + 1, len(whole)) if first and last else len(whole)
        if start >= end:
            refused = {"Content-Range": f"bytes */{len(whole)}"}
            return self._send(b"", headers | refused, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        given = {"Content-Range": f"bytes {start}-{end - 1}/{len(whole)}"}
        return self._send(whole[start:end], headers | given, HTTPStatus.PARTIAL_CONTENT)

    def _send(self, body: bytes, headers: Mapping[str, str], status: HTTPStatus = HTTPStatus.OK) -> BinaryIO:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def end_headers(self) -> None:
        for name, value in (_HEADERS | (_CORS if self._cors else {})).items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing: the terminal is for people."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: Any, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._packed: dict[tuple[Path, str], bytes] = {}
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the request's own thread: a client that dawdles over its handshake holds up nobody else."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_HANDSHAKE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def packed(self, path: Path, tag: str) -> bytes:
        """The file's bytes after gzip, made once for each version of it."""
        if (path, tag) not in self._packed:
            self._packed[path, tag] = gzip.compress(path.read_bytes(), 6, mtime=0)
        return self._packed[path, tag]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no event."""


def _bound(folder: Path, host: str, port: int, handler: Any, tls: ssl.SSLContext | None) -> _Server:
    if not (folder / "index.html").is_file():
        raise BundleError(f"{folder} holds no page", fix="give the folder that `pagesight build` wrote")
    # 'localhost' is two addresses; the page is looked for at this one first where names are resolved the usual way.
    bound = "127.0.0.1" if host == "localhost" else host
    try:
        return _Server(bound, port, handler, tls)
    except OSError as cause:
        raise BundleError(
            f"{host}:{port} cannot be used: {cause.strerror}",
            fix="pass another --port, or 0 for any free one" + ("" if host == "localhost" else ", and a --host of this machine"),
        ) from cause


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    host: str = "localhost",
    port: int = 0,
    extra: Mapping[str, bytes] | None = None,
    cors: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """Serve `folder` while the block runs and yield its address, `http://HOST:PORT/`; `extra` adds paths from memory.

    With `cors` pages of other origins may read the files; with `tls` the address is `https://`.

    Port 0 takes any free one. Raises BundleError when the folder holds no page or the port is taken.
    """
    handler = partial(_Handler, directory=str(folder), extra=extra or {}, cors=cors, host=host)
    server = _bound(folder, host, port, handler, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
