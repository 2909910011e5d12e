"""Whatever a visitor's browser lacks is said in words: the table in docs/browsers.md, row by row."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import assembly
import pytest
from conftest import PATIENCE, before_worker
from playwright.sync_api import Browser, Frame, Page, Route, expect

from pagesight.serve import serving

ROOT = Path(__file__).resolve().parents[2]
_TABLE = (ROOT / "docs" / "browsers.md").read_text(encoding="utf-8").partition("## Where something is missing")[2]
ROWS = {
    state.replace("`", ""): (reads, code.strip("` "))
    for state, reads, code in re.findall(r"^\| (.+?) \| (.+?) \| (.*?) ?\|$", _TABLE, flags=re.MULTILINE)
    if state not in {"state", "---"}
}
ELSEWHERE = {
    "Node": "test_load_says_in_node_that_it_is_for_browsers",
    "noise on canvases": "test_engines.test_a_browser_that_alters_pictures_is_named",
}
CODE = """async () => {
  const { load } = await import("./pagesight.js");
  try {
    const picture = await (await fetch("samples/2.jpg")).blob();
    await (await load()).classify(picture);
    return "";
  } catch (error) { return error.code; }
}"""
# What waits for seconds waits for a fiftieth of them: in these states there is nothing that could come late.
QUICK = "const later = setTimeout; window.setTimeout = (f, ms, ...rest) => later(f, ms >= 1000 ? ms / 50 : ms, ...rest);"
NO_SIMD = """WebAssembly.validate = () => false;
  WebAssembly.Module = function () { throw new WebAssembly.CompileError("invalid numeric opcode"); };"""
HANGING_WORKER = "window.Worker = class extends EventTarget { postMessage() {} terminate() {} };"


def _policy(page: Page, policy: str) -> None:
    """The host sends one more policy with the page."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, headers=response.headers | {"content-security-policy": policy})

    page.route(re.compile(r"/$"), answer)


def _framed(page: Page, how: str) -> None:
    page.route("**/around.html", lambda route: route.fulfill(body=f'<iframe src="./" {how}></iframe>', content_type="text/html"))


BEFORE: dict[str, Callable[[Page], object]] = {
    "no WebAssembly": lambda page: before_worker(page, "delete globalThis.WebAssembly;"),
    "a policy that forbids WebAssembly": lambda page: _policy(page, "script-src 'self' 'unsafe-inline' blob:"),
    "WebAssembly without SIMD": lambda page: before_worker(page, NO_SIMD),
    "no canvas in workers": lambda page: before_worker(page, "delete globalThis.OffscreenCanvas;"),
    "no Web Workers": lambda page: page.add_init_script("delete window.Worker;"),
    "a worker that hangs": lambda page: page.add_init_script(HANGING_WORKER + QUICK),
    "a changed file": lambda page: page.route("**/*.bin", lambda route: route.fulfill(body=b"else")),
    "a file that is missing": lambda page: page.route("**/*.bin", lambda route: route.fulfill(status=404)),
    "a server that hangs": lambda page: (page.add_init_script(QUICK), page.route("**/*.bin", lambda route: None)),
    "no page.js, or a changed one": lambda page: page.route("**/page.js*", lambda route: route.abort()),
    "a sandboxed frame": lambda page: _framed(page, 'sandbox="allow-scripts"'),
    "a policy that forbids inline scripts, as for extension pages": lambda page: _policy(
        page, "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'; worker-src 'self'"
    ),
    "no DecompressionStream": lambda page: before_worker(page, "delete globalThis.DecompressionStream;"),
    "no IndexedDB": lambda page: page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined });"),
    "an IndexedDB that hangs": lambda page: page.add_init_script(
        "Object.defineProperty(window, 'indexedDB', { value: { open: () => ({}) } });" + QUICK
    ),
    "a camera that neither starts nor fails": lambda page: page.add_init_script(
        "MediaDevices.prototype.getUserMedia = () => new Promise(() => {});" + QUICK
    ),
    'a frame without allow="camera"': lambda page: _framed(page, "allow=\"camera 'none'\""),
}
PRESSES = {
    "no canvas in workers": "Use camera",
    "no IndexedDB": "Teach",
    "an IndexedDB that hangs": "Teach",
    "a camera that neither starts nor fails": "Use camera",
    'a frame without allow="camera"': "Use camera",
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assembly.assemble(tmp_path_factory.mktemp("states") / "bundle")


@pytest.fixture(scope="module")
def address(bundle: Path) -> Iterator[str]:
    with serving(bundle) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(service_workers="block")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_every_row_of_the_table_is_tried() -> None:
    assert ROWS.keys() == BEFORE.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("state", BEFORE)
def test_what_is_missing_is_said_in_words(page: Page, address: str, state: str) -> None:
    reads, code = ROWS[state]
    BEFORE[state](page)
    framed = "frame" in state
    page.goto(f"{address}around.html" if framed else address)
    shown: Page | Frame = page.frames[1] if framed else page
    if state in PRESSES:
        shown.get_by_role("button", name=PRESSES[state], exact=True).click()
    expect(shown.get_by_text(reads).locator("visible=true").first).to_be_visible()
    if "script" in state or "page.js" in state or "sandbox" in state:
        expect(shown.get_by_text("Getting ready…")).to_be_hidden()
    if state == "no canvas in workers":  # and the camera does not stay on beside it
        expect(shown.get_by_role("button", name="Use camera")).to_be_visible()
    if code:
        assert page.evaluate(CODE) == code
    elif reads == "Ready":
        shown.get_by_role("button", name="Sample picture: blue").click()
        expect(shown.locator("#label")).to_have_text("blue")


def test_the_oldest_browsers_have_colors_without_light_dark_and_are_named_to_older_ones(page: Page, address: str) -> None:
    style = (assembly.BUILT / "static" / "style.css").read_text(encoding="utf-8")
    chosen = dict(re.findall(r"(--[\w-]+): ?light-dark\((.*?),", style))
    fallback = re.search(r"@supports not \(color: ?light-dark\(red,red\)\)\{:root\{(.*?)\}", style)
    assert fallback is not None
    assert "--ink" in chosen
    assert dict(pair.split(":") for pair in fallback[1].split(";")) == chosen
    before_worker(page, NO_SIMD)
    page.goto(address)
    package = json.loads((ROOT / "web_template" / "package.json").read_text(encoding="utf-8"))
    for version in (entry.rpartition(" ")[2] for entry in package["browserslist"]):
        expect(page.locator("#message-text")).to_contain_text(version)


def test_what_others_wrote_of_a_bundle_is_named_with_its_terms() -> None:
    notices = (assembly.BUILT / "static" / "THIRD_PARTY.txt").read_text(encoding="utf-8")
    package = json.loads((ROOT / "web_template" / "package.json").read_text(encoding="utf-8"))
    for name, version in package["dependencies"].items():
        assert name == "esbuild" or f"{name} {version} (" in notices
    for terms in ("Permission is hereby granted", "Apache License", "XNNPACK"):
        assert terms in notices


def test_load_says_in_node_that_it_is_for_browsers(bundle: Path) -> None:
    code = "const { load } = await import('./pagesight.js'); await load().catch((e) => console.log(e.code, e.message));"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["node", "--input-type=module", "-e", code]
    done = subprocess.run(
        command, cwd=bundle, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True, timeout=600
    )
    assert done.stdout.startswith("{1} {0}".format(*ROWS["Node"]))
