"""A real Chromium, a plain static server, and bundles for it to open."""

import functools
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import assembly
import pytest
from colors import READY
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from tests.conftest import INSTALLED

from pagesight.browser.discovery import HOW_TO_GET_EACH, Browser

PATIENCE = 60_000
"""Milliseconds after which what a page should do is given up. Other work may slow the machine; no test passes by waiting."""
expect.set_options(timeout=PATIENCE)
FAKE_CAMERA = ("--use-fake-device-for-media-stream=device-count=2,fps=60", "--use-fake-ui-for-media-stream")


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript", ".wasm": "application/wasm"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        pass

    def end_headers(self) -> None:
        # As static hosts do: keep, but ask before using it again.
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()


@dataclass
class Site:
    """A folder served under http; stop() takes the server away, as a network failure does."""

    root: Path
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(self.root)))
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], Site]]:
    sites: list[Site] = []

    def start(root: Path) -> Site:
        sites.append(Site(root))
        return sites[-1]

    yield start
    for site in sites:
        site.stop()


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Assemble a bundle in a folder of its own."""
    if not (assembly.BUILT / "static" / "page.js").is_file():
        pytest.fail("the page is not built: run `make page` (npm ci && npm run build in web_template)")
    count = iter(range(100))

    def make(**options: Any) -> Path:
        return assembly.assemble(tmp_path / f"bundle{next(count)}", **options)

    return make


@pytest.fixture(scope="session")
def browsers() -> dict[str, Browser]:
    """Those of this machine, by engine."""
    return {browser.engine: browser for browser in INSTALLED}


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def engine(request: pytest.FixtureRequest, browsers: dict[str, Browser]) -> Browser:
    """Each engine but Chromium's; skipped where this machine has none."""
    if request.param not in browsers:
        pytest.skip(HOW_TO_GET_EACH[request.param])
    return browsers[request.param]


def chromium_path() -> str | None:
    """This machine's Chromium; None where Playwright is to look for its own."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("CHROME") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Chromium]]:
    """Starts a Chromium with flags of one's own."""
    chromium = chromium_path()
    with sync_playwright() as playwright:

        def start(*flags: str) -> Chromium:
            # --no-sandbox: tests may run as root in a container, where Chromium refuses to start otherwise.
            return playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *flags])

        yield start


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Chromium]) -> Iterator[Chromium]:
    browser = launch(*FAKE_CAMERA, "--host-resolver-rules=MAP classroom.test 127.0.0.1")
    yield browser
    browser.close()


@dataclass
class Watched:
    """A page, and what it should not have done."""

    page: Page
    complaints: list[str]
    foreign: list[str]


@pytest.fixture
def context(browser: Chromium) -> Iterator[BrowserContext]:
    context = browser.new_context(service_workers="allow")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Watched:
    """A page whose console and requests are watched."""
    return watch(context)


def complains(message: ConsoleMessage) -> bool:
    """Whether a line of the console is one that a page should not have caused."""
    # Where answers take long, as on a busy machine, the page asks for a graphics card; Chromium itself says where there is none.
    return message.type in {"error", "warning"} and message.text != "No available adapters."


def watch(context: BrowserContext) -> Watched:
    """Open a page and keep what it complains of and asks elsewhere for."""
    watched = Watched(context.new_page(), [], [])
    watched.page.on("console", lambda message: watched.complaints.append(message.text) if complains(message) else None)
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    context.on("request", lambda request: watched.foreign.append(request.url) if "//localhost:" not in request.url else None)
    return watched


def before_worker(page: Page, code: str) -> None:
    """From now on the worker that the page carries begins with `code`, as if the browser were another."""
    page.add_init_script(
        f"""const Own = Blob;
        globalThis.Blob = class extends Own {{
          constructor(parts, how) {{  // workers of the bundle's files are bytes
            super(typeof parts[0] === "string" && how?.type === "text/javascript" ? [{json.dumps(code)}, ...parts] : parts, how);
          }}
        }};"""
    )


@pytest.fixture
def blank(context: Any, serve: Callable[[Path], Any]) -> Callable[..., Page]:
    """Opens a page without content beside the bundle, as an app of one's own would be."""

    def open_blank(bundle: Path, host: str = "localhost", *, policy: str = "", before: str = "") -> Page:
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
        blank = f'<!doctype html>{meta}<link rel="icon" href="data:,"><title>app</title>'
        (bundle / "blank.html").write_text(blank, encoding="utf-8")
        page: Page = context.new_page()
        if before:
            before_worker(page, before)
        page.goto(f"http://{host}:{serve(bundle).port}/blank.html")
        return page

    return open_blank


@pytest.fixture
def visit(watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]) -> Callable[..., Page]:
    """Opens a bundle's page; `before` may set the page up."""

    def open_page(
        before: Callable[[Page], None] | None = None, *, ready: bool = True, bundle: Path | None = None, **options: Any
    ) -> Page:
        page: Page = watched.page
        if before:
            before(page)
        page.goto(serve(bundle or make_bundle(**options)).url)
        if ready:
            page.wait_for_selector(READY)
        return page

    return open_page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that open a browser are not among the quick ones."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
