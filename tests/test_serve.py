"""Promises of `pagesight serve`: what a good host sends, and nothing of what does not belong to the page."""

import contextlib
import gzip
import hashlib
import http.client
import re
import socket
import ssl
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pagesight.certificate import make_certificate
from pagesight.console.sharing import _address, _reached_by, qr_code, shared
from pagesight.errors import BundleError, OptionError
from pagesight.headers import WORKERS, Hosting, for_every_file, headers_file
from pagesight.page.single_file import single_file_text
from pagesight.serve import _is_loopback, serving

from .conftest import ROOT

Get = Callable[..., tuple[http.client.HTTPResponse, bytes]]
SCRIPT = b"export const answer = 42;\n" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pa ge"
    (folder / "model").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>", encoding="utf-8")
    (folder / "page.js").write_bytes(SCRIPT)
    (folder / "model" / "group1-shard1of1.bin").write_bytes(bytes(range(256)))
    for name in ("a.wasm", "contract.json", "manifest.webmanifest", "style.css", "icon.svg", "sample.jpg", "pagesight.d.ts"):
        (folder / name).write_bytes(b"x")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (folder / "leads-out").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def get(folder: Path) -> Iterator[Get]:
    with serving(folder) as address:
        host = urllib.parse.urlsplit(address).netloc

        def ask(path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
            with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as connection:
                connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
                response = connection.getresponse()
                return response, response.read()

        yield ask


def test_every_kind_of_file_has_its_type(get: Get) -> None:
    types = {
        path: get(f"/{path}")[0].headers.get_content_type() for path in ("", "page.js", "a.wasm", "contract.json", "style.css")
    }
    assert types == {
        "": "text/html", "page.js": "text/javascript", "a.wasm": "application/wasm", "contract.json": "application/json",
        "style.css": "text/css",
    }  # fmt: skip
    assert get("/manifest.webmanifest")[0].headers.get_content_type() == "application/manifest+json"
    assert get("/pagesight.d.ts")[0].headers.get_content_type() == "text/plain"


def test_a_browsers_copy_is_asked_for_and_found_good_until_the_file_changes(get: Get, folder: Path) -> None:
    first, _ = get("/page.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again, body = get("/page.js", If_None_Match=first.headers["ETag"])
    assert (again.status, body) == (304, b"")
    (folder / "page.js").write_bytes(b"changed")
    assert get("/page.js", If_None_Match=first.headers["ETag"])[1] == b"changed"


def test_scripts_come_packed_to_who_unpacks_and_pictures_as_they_are(get: Get) -> None:
    packed, body = get("/page.js", Accept_Encoding="gzip, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(body) == SCRIPT
    assert get("/page.js")[1] == get("/page.js", Accept_Encoding="gzip;q=0")[1] == SCRIPT
    assert "Content-Encoding" not in get("/sample.jpg", Accept_Encoding="gzip")[0].headers


@pytest.mark.parametrize(
    ("asked", "status", "body", "predicted"),
    [
        ("bytes=0-3", 206, bytes(range(4)), "bytes 0-3/256"),
        ("bytes=250-", 206, bytes(range(250, 256)), "bytes 250-255/256"),
        ("bytes=-2", 206, bytes([254, 255]), "bytes 254-255/256"),
        ("bytes=10-9999", 206, bytes(range(10, 256)), "bytes 10-255/256"),
        ("bytes=256-", 416, b"", "bytes */256"),
        (f"bytes=0-{'9' * 9000}", 200, bytes(range(256)), None),
        ("lines=1-2", 200, bytes(range(256)), None),
    ],
    ids=["first", "rest", "last", "more than there is", "beyond", "absurd", "not bytes"],
)
def test_a_part_of_a_file_is_given_as_asked(get: Get, asked: str, status: int, body: bytes, predicted: str | None) -> None:
    response, result = get("/model/group1-shard1of1.bin", Range=asked)
    assert (response.status, result, response.headers["Content-Range"]) == (status, body, predicted)


def test_head_says_what_get_would_and_sends_no_body(get: Get) -> None:
    response, body = get("/page.js", "HEAD")
    assert (response.status, response.headers["Content-Length"], body) == (200, str(len(SCRIPT)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/model/../../secret.txt",
        "//etc/passwd",
        "/leads-out",
        f"/{'long' * 9000}",
        "/model/",
    ],
)
def test_nothing_outside_of_the_page_is_given_and_no_folder_is_listed(get: Get, path: str) -> None:
    response, body = get(path)
    assert response.status == 404
    assert b"secret" not in body.replace(path.encode(), b"")


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("127.0.0.1:80", 200), ("[::1]", 200), ("evil.example", 421), ("[", 421)]
)
def test_only_who_asks_for_this_machine_is_answered(get: Get, host: str, status: int) -> None:
    assert get("/page.js", Host=host)[0].status == status


HOSTS = [
    pytest.param(Hosting(), id="as they are"),
    pytest.param(Hosting(cors=True), id="cors"),
    pytest.param(Hosting(embed_in=("https://example.org",), isolate=False), id="embedded"),
]


def _rules(text: str) -> dict[str, dict[str, str]]:
    """What a file of rules, as Netlify and Cloudflare read it, says for each path."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    return {path: dict(line.strip().split(": ", 1) for line in lines) for path, *lines in blocks}


@pytest.mark.parametrize("hosting", HOSTS)
def test_it_sends_the_headers_that_it_gives_to_hosts(folder: Path, hosting: Hosting) -> None:
    every, *workers = (rules := _rules(headers_file(hosting)))
    assert (every, workers) == ("/*", [f"/{name}" for name in WORKERS])
    ours = {"Content-Security-Policy", "Cache-Control", *for_every_file(Hosting(cors=True))}
    for name in WORKERS:
        (folder / name).write_bytes(SCRIPT)
    with serving(folder, hosting=hosting) as address:
        for path in ("", "page.js", "model/group1-shard1of1.bin", *WORKERS):
            with urllib.request.urlopen(address + path, timeout=60) as response:
                sent = {name: value for name, value in response.headers.items() if name in ours}
            assert sent == rules["/*"] | rules.get(f"/{path}", {})


def test_it_lets_nobody_else_read_or_frame_the_page_unless_that_is_asked_for() -> None:
    alone, shared, embedded = (_rules(headers_file(case.values[0]))["/*"] for case in HOSTS)  # type: ignore[arg-type]
    assert "Access-Control-Allow-Origin" not in alone.keys() | embedded.keys()
    assert alone["Cross-Origin-Resource-Policy"] == "same-origin"
    assert alone["Content-Security-Policy"] == shared["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert (shared["Access-Control-Allow-Origin"], shared["Cross-Origin-Resource-Policy"]) == ("*", "cross-origin")
    assert embedded["Content-Security-Policy"] == "frame-ancestors 'self' https://example.org"
    assert alone.keys() - embedded.keys() == {"Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy"}


def test_the_snippet_for_nginx_and_the_docs_say_the_same_headers() -> None:
    rules = _rules(headers_file(Hosting()))
    snippet = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    said = dict(re.findall(r"^ +add_header (\S+) +(.+) always;$", snippet, re.MULTILINE))
    policies = re.findall(r"set \$pagesight_policy (\".+\");", snippet)
    assert policies == [f'"{rules[path]["Content-Security-Policy"]}"' for path in ("/*", "/sw.js")]
    assert said == {name: f'"{value}"' for name, value in rules["/*"].items()} | {"Content-Security-Policy": "$pagesight_policy"}
    [names] = re.findall(r"/\(([a-z_|]+)\)\\\.js\$", snippet)
    assert [f"{name}.js" for name in names.split("|")] == list(WORKERS)
    docs = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([A-Z][\w-]+: .+?)` \|", docs, re.MULTILINE)) == {
        f"{name}: {value}" for rule in (*rules.values(), {"Access-Control-Allow-Origin": "*"}) for name, value in rule.items()
    }


def test_a_file_is_kept_for_ever_only_at_an_address_that_names_what_it_holds(get: Get) -> None:
    sha256 = hashlib.sha256(SCRIPT).hexdigest()
    kept = {
        version: get(f"/page.js?v={version}")[0].headers["Cache-Control"]
        for version in (sha256[:12], sha256, "0" * 12, "", sha256[:4])
    }
    assert list(kept.values()) == ["public, max-age=31536000, immutable"] * 2 + ["no-cache"] * 3
    assert get("/")[0].headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "origin",
    [
        "example.org",
        "https://example.org/page",
        "https://a b",
        "'none'",
        "https://example.org; script-src *",
        "",
        "http://[",
        "https://a:b",
    ],
)
def test_what_is_no_origin_may_frame_nothing(origin: str) -> None:
    with pytest.raises(OptionError, match="is no origin"):
        Hosting(embed_in=(origin,))


def test_a_taken_port_is_said_with_the_way_out(folder: Path) -> None:
    with serving(folder) as address:
        port = urllib.parse.urlsplit(address).port or 0
        with pytest.raises(BundleError, match=f"localhost:{port} cannot be used") as caught, serving(folder, port=port):
            pass
    assert caught.value.fix == "pass another --port, or 0 for any free one"


def test_another_address_of_this_machine_can_be_chosen(folder: Path) -> None:
    try:
        with serving(folder, host="::1") as address:
            assert address.startswith("http://[::1]:")
    except BundleError as error:
        pytest.skip(f"this machine has no IPv6: {error.what}")
    with pytest.raises(BundleError, match="cannot be used"), serving(folder, host="no.such.host.invalid"):
        pass


def test_a_folder_without_a_page_is_refused_by_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pagesight", "serve", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path} holds no page\n  fix: give the folder that `pagesight build` wrote\n"


def test_shared_it_answers_by_https_with_the_certificate_that_was_announced_and_a_code_to_scan(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shared(folder, host="127.0.0.1", port=0) as (address, own):
        said = capsys.readouterr().out
        assert address.startswith("https://127.0.0.1:")
        assert address in said
        assert qr_code(address) in said
        # Browsers on this machine need no certificate.
        assert own in said
        with urllib.request.urlopen(own, timeout=60) as response:
            assert response.read() == b"<!doctype html>"
        where = urllib.parse.urlsplit(address)
        certificate = ssl.get_server_certificate((where.hostname or "", where.port or 0))
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
        assert ":".join(re.findall("..", fingerprint.upper())) in said
        # Who trusts this certificate finds that it is this address's.
        trusting = ssl.create_default_context(cadata=certificate)
        with urllib.request.urlopen(address, context=trusting, timeout=60) as response:
            assert response.read() == b"<!doctype html>"
        # A client that never ends its handshake holds up nobody.
        with (
            socket.create_connection((where.hostname or "", where.port or 0), timeout=60),
            urllib.request.urlopen(f"{address}page.js", context=trusting, timeout=60) as response,
        ):
            assert response.read() == SCRIPT


def test_a_host_may_be_a_name_or_of_the_sixth_version() -> None:
    with pytest.raises(BundleError, match=r"nothing is known by the name no-such-host\.invalid"):
        _reached_by("no-such-host.invalid")
    assert _reached_by("::1") == (["::1"], "::")
    assert _address("::1", 8443) == "https://[::1]:8443/"
    named = make_certificate(["laptop.local", "::1"])
    assert named.fingerprint


def test_other_origins_read_it_when_that_is_asked_for_and_else_not(folder: Path) -> None:
    for cors, allowed in ((True, "*"), (False, None)):
        with (
            serving(folder, hosting=Hosting(cors=cors)) as address,
            urllib.request.urlopen(f"{address}page.js", timeout=60) as response,
        ):
            assert response.headers["Access-Control-Allow-Origin"] == allowed


def test_shared_under_a_name_it_answers_to_that_name(folder: Path) -> None:
    with serving(folder, host="127.0.0.1", names=["Room.Example"]) as address:
        where = urllib.parse.urlsplit(address)
        for name, status in (("room.example", 200), ("elsewhere.example", 421)):
            with contextlib.closing(http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)) as connection:
                connection.request("GET", "/", headers={"Host": f"{name}:{where.port}"})
                assert connection.getresponse().status == status


@pytest.mark.parametrize(
    "lines",
    ["GET http://[ HTTP/1.1", "POST / HTTP/1.1\r\nContent-Length: \xb2", "POST / HTTP/1.1\r\nContent-Length: " + "1" * 5000],
)
def test_a_request_that_cannot_be_read_is_refused_in_words(folder: Path, lines: str) -> None:
    with serving(folder) as address:
        where = urllib.parse.urlsplit(address)
        with contextlib.closing(socket.create_connection(("127.0.0.1", where.port or 0), timeout=60)) as connection:
            connection.sendall(f"{lines}\r\nHost: localhost\r\n\r\n".encode("latin-1"))
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 400 ")


def test_an_address_of_this_machine_is_known_in_either_version() -> None:
    assert [_is_loopback(a) for a in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1")] == [True, True, True, False]


@pytest.mark.parametrize("address", ["../secret.txt", "{outside}/secret.txt", "leads-out"])
def test_a_page_made_one_file_takes_nothing_from_outside_its_folder(folder: Path, address: str) -> None:
    named = address.format(outside=folder.parent)
    (folder / "index.html").write_text(f'<!doctype html><link rel="icon" href="{named}">', encoding="utf-8")
    with pytest.raises(BundleError, match="is not in its folder"):
        single_file_text(folder)
