"""The page on real hosts: nginx with the snippet of the docs, below a site's root."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from assembly import published
from playwright.sync_api import Page, expect

from pagesight.headers import ASK_AGAIN, WORKERS, Hosting, for_every_file, policy
from pagesight.serve import serving

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
{user}
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        include {folder}/digits.conf;
    }}
}}
"""


@pytest.fixture
def nginx(make_bundle: Callable[..., Path], tmp_path: Path) -> Iterator[str]:
    """A real nginx that serves a bundle below /digits/; its address."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not program:
        pytest.skip("nginx is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    snippet = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    (tmp_path / "digits.conf").write_text(snippet.replace("/srv/www/digits/", f"{make_bundle()}/"), encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(SERVER.format(folder=tmp_path, port=port, user=user), encoding="utf-8")
    command = [program, "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.05)
    yield f"http://localhost:{port}/digits/"
    process.terminate()
    process.communicate(timeout=60)


def _head(url: str, **headers: str) -> Any:
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60).headers


def test_nginx_with_the_snippet_of_the_docs_serves_the_page_below_a_path(nginx: str, watched: Any) -> None:
    types = {path: _head(nginx + path).get_content_type() for path in ("", "page.js", "contract.json", "manifest.webmanifest")}
    assert types == {
        "": "text/html", "page.js": "text/javascript", "contract.json": "application/json",
        "manifest.webmanifest": "application/manifest+json",
    }  # fmt: skip
    wasm = _head(f"{nginx}tfjs-backend-wasm-simd.wasm", **{"Accept-Encoding": "gzip"})
    assert (wasm.get_content_type(), wasm["Content-Encoding"], wasm["Vary"]) == ("application/wasm", "gzip", "Accept-Encoding")
    assert wasm["Cache-Control"] == "no-cache"
    for path in ("", "tfjs-backend-wasm-simd.wasm", *WORKERS):
        if path != "worker_all.js":  # this model needs it not
            wanted = {**for_every_file(Hosting()), "Cache-Control": ASK_AGAIN, "Content-Security-Policy": policy(path, Hosting())}
            assert {name: _head(nginx + path)[name] for name in wanted} == wanted
    assert _head(f"{nginx}page.js")["ETag"]
    page: Page = watched.page
    page.goto(nginx)
    page.wait_for_selector("html[data-ready]")
    page.get_by_role("button", name="Sample picture: blue").click()
    expect(page.locator("#label")).to_have_text("blue")
    expect(page.locator("#offline")).to_be_visible()
    assert page.evaluate("crossOriginIsolated")
    assert watched.complaints == []


def test_workers_started_from_files_answer_under_the_policy_that_is_sent_with_them(
    make_bundle: Callable[..., Path], watched: Any
) -> None:
    bundle = make_bundle()
    index = bundle / "index.html"
    # As a host's own policy may have it: no worker from memory, which would keep to the page's policy instead.
    allowed, forbidden = " blob:; manifest-src", "; manifest-src"
    text = index.read_text(encoding="utf-8")
    assert allowed in text
    index.write_text(text.replace(allowed, forbidden), encoding="utf-8")
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["index.html"] = published(index)
    (bundle / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    page: Page = watched.page
    with serving(bundle) as address:
        page.goto(address)
        page.get_by_role("button", name="Sample picture: blue").click()
        expect(page.locator("#label")).to_have_text("blue")
        assert [worker.url for worker in page.workers] == [f"{address}worker.js"]
        expect(page.locator("#offline")).to_be_visible()


def test_the_workflow_for_github_pages_asks_for_what_the_command_line_knows() -> None:
    from pagesight import cli

    workflow = (ROOT / "docs" / "github-pages.yml").read_text(encoding="utf-8")
    [command] = re.findall(r"run: pagesight (.*)", workflow)
    name, *arguments = command.split()
    known = {flag for p in cli.pagesight.commands[name].params for flag in p.opts}
    assert {a for a in arguments if a.startswith("-")} <= known
    assert "path: dist/page" in workflow
