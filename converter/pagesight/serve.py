"""A static server for one bundle, as a good host would be: right types, gzip, ranges, caching and isolation headers."""

import contextlib
import gzip
import hashlib
import io
import ipaddress
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email.message import Message
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

from pagesight.errors import BundleError
from pagesight.headers import ASK_AGAIN, Hosting, caching, for_every_file, policy
from pagesight.routing import Answer, Asked, Routes, ToHttps

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
_PACKED_ALREADY = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".zip", ".gz")
_HANDSHAKE_SECONDS = 10
_TLS_BEGINS = b"\x16"
"""The first byte of every TLS connection; that of plain HTTP is a letter."""
_MOST_CONNECTIONS = 300
_MOST_OF_ONE_CLIENT = 32
"""Connections at a time, where strangers can connect: a browser opens six."""
_MOST_UNREAD = 32_000_000
"""Bytes of a refused upload that are still read, so that its sender hears why."""
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

    def __init__(
        self, *args: Any, extra: Mapping[str, bytes], hosting: Hosting, names: set[str], routes: Routes | None = None, **more: Any
    ) -> None:
        self._extra = extra
        self._hosting = hosting
        self._caching, self._file = ASK_AGAIN, ""
        self._names = names
        self._routes = routes
        super().__init__(*args, **more)

    def parse_request(self) -> bool:
        """As its base class does; what no method could read, or is meant for another, is refused here."""
        if not super().parse_request():
            return False
        try:
            urlsplit(self.path)
            readable = _has_plain_length(self.headers)
        except ValueError:  # half an address
            self.path, readable = "/", False
        if not readable:
            self.send_error(HTTPStatus.BAD_REQUEST)
        elif not self._is_meant():
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "This server has another name")
        else:
            return True
        return False

    def do_GET(self) -> None:
        """Answer by code, or with a file."""
        if not self._answered():
            super().do_GET()

    def do_POST(self) -> None:
        """Answer by code alone."""
        if not self._answered():
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)

    def do_DELETE(self) -> None:
        """Answer by code alone."""
        self.do_POST()

    def _answered(self) -> bool:
        if self._routes is None:
            return False
        unread = int(self.headers.get("Content-Length", "0"))
        asked, taken = self._asked(unread), False

        def read() -> bytes:
            nonlocal taken
            taken = True
            data = self.rfile.read(unread)
            if len(data) < unread:
                raise ConnectionError("the upload was cut off")
            return data

        answer = self._routes(replace(asked, read=read))
        if answer is None:
            return False
        if not taken and unread:
            self._drain(unread)
        self._send_answer(answer)
        return True

    def _asked(self, length: int) -> Asked:
        where = urlsplit(self.path)
        client = str(self.client_address[0])
        host, _, port = self.headers.get("Host", "").rpartition(":")
        return Asked(
            method=self.command,
            path=where.path,
            query=dict(parse_qsl(where.query)),
            host=host if port.isdigit() else self.headers.get("Host", ""),
            port=self.server.server_port,
            token=self.headers.get("Authorization", "").removeprefix("Bearer "),
            client=client,
            is_local=_is_loopback(client),
            length=length,
            read=lambda: b"",
        )

    def _drain(self, length: int) -> None:
        """Read on past what was refused: a browser that is cut off while it sends never sees the answer."""
        left = min(length, _MOST_UNREAD)
        while left > 0 and (data := self.rfile.read(min(left, 1 << 16))):
            left -= len(data)
        self.close_connection |= length > _MOST_UNREAD

    def _send_answer(self, answer: Answer) -> None:
        headers = {"Content-Type": answer.type, **answer.headers}
        if isinstance(answer.body, bytes):
            self.wfile.write(self._send(answer.body, headers, answer.status).read())
            return
        self.close_connection = True
        self.send_response(answer.status)
        for name, value in (headers | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()
        for piece in answer.body:
            self.wfile.write(piece)
            self.wfile.flush()

    def send_head(self) -> BinaryIO | None:
        """Send status and headers; the body to send, or None where there is none."""
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
        return asked in _HERE | self._names | {""} or asked.endswith(".localhost") or _is_address(asked)

    def _send_file(self, path: Path) -> BinaryIO | None:
        """One file: whole, packed, a part of it, or the word that the browser's copy is still good."""
        facts = path.stat()
        may_pack = path.suffix.lower() not in _PACKED_ALREADY
        tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
        headers = {"Content-Type": self.guess_type(path), "ETag": tag, "Last-Modified": formatdate(facts.st_mtime, usegmt=True)}
        headers |= {"Vary": "Accept-Encoding"} if may_pack else {}
        version = dict(parse_qsl(urlsplit(self.path).query)).get("v", "")
        self._caching = caching(version, self.server.sha256(path, tag) if version else "")
        self._file = path.relative_to(self.directory).as_posix()
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
        of_this = {"Cache-Control": self._caching, "Content-Security-Policy": policy(self._file, self._hosting)}
        self._caching, self._file = ASK_AGAIN, ""  # a connection's next answer may be no file
        for name, value in (for_every_file(self._hosting) | of_this).items():
            self.send_header(name, value)
        # Headers are missing where a request was none.
        if self._routes is not None and hasattr(self, "headers") and (cookie := self._routes.cookie(self._asked(0))):
            self.send_header("Set-Cookie", cookie)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing: the terminal is for people."""


def _has_plain_length(headers: Message) -> bool:
    """Whether a body, where there is one, has a length in digits; what comes in pieces is not read."""
    return "Transfer-Encoding" not in headers and re.fullmatch("[0-9]{1,12}", headers.get("Content-Length", "0")) is not None


def _is_loopback(client: str) -> bool:
    address = ipaddress.ip_address(client)
    # A socket for both versions writes IPv4 addresses within those of the sixth.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class _Server(ThreadingHTTPServer):
    """With `tls` it speaks https to everybody, and plain http, on the same port, to browsers on this machine alone."""

    daemon_threads = True
    request_queue_size = 128
    """A class that scans a code at once; beyond it a connection is tried again only after a second or three."""

    def __init__(self, host: str, port: int, handler: Any, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._packed: dict[tuple[Path, str], bytes] = {}
        self._hashes: dict[tuple[Path, str], str] = {}
        self._connected: Counter[str] = Counter()
        self._counting = threading.Lock()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for it, unless there are too many connections: those of this machine are always taken."""
        client = client_address[0]
        if self._tls is not None and not _is_loopback(client):
            with self._counting:
                if self._connected[client] >= _MOST_OF_ONE_CLIENT or self._connected.total() >= _MOST_CONNECTIONS:
                    self.shutdown_request(request)
                    return
                self._connected[client] += 1
        try:
            super().process_request(request, client_address)
        except Exception:  # no thread could begin, and none will count it out
            self._count_out(client)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As its base class does, and count it out again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._count_out(client_address[0])

    def _count_out(self, client: str) -> None:
        with self._counting:
            self._connected[client] -= 1
            self._connected += Counter()  # forgets who has none

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the request's own thread: a client that dawdles over its handshake holds up nobody else."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_HANDSHAKE_SECONDS)
        if request.recv(1, socket.MSG_PEEK) == _TLS_BEGINS:
            with self._tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        elif _is_loopback(client_address[0]):
            super().finish_request(request, client_address)
        else:
            ToHttps(request, client_address, self)

    def sha256(self, path: Path, tag: str) -> str:
        """The hash of the file's bytes, read once for each version of it."""
        if (path, tag) not in self._hashes:
            self._hashes[path, tag] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[path, tag]

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
    names: Sequence[str] = (),
    port: int = 0,
    extra: Mapping[str, bytes] | None = None,
    hosting: Hosting = Hosting(),  # noqa: B008 - frozen
    tls: ssl.SSLContext | None = None,
    routes: Routes | None = None,
) -> Iterator[str]:
    """Serve `folder` while the block runs and yield its address, `http://HOST:PORT/`; `extra` adds paths from memory.

    `names` are those that it answers to beside `host`.

    `hosting` says what pages of other origins may do with the files; with `tls` the address is `https://`, and browsers on this
    machine may also use `http://localhost:PORT/`. `routes` are asked before the files are.

    Port 0 takes any free one. Raises BundleError when the folder holds no page or the port is taken.
    """
    called = {name.lower() for name in (host, *names)}
    handler = partial(_Handler, directory=str(folder), extra=extra or {}, hosting=hosting, names=called, routes=routes)
    server = _bound(folder, host, port, handler, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
