"""What the page refuses, and what it cannot run in: said in words, with what to do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colors import READY, RED, shows
from conftest import PATIENCE
from playwright.sync_api import Browser, BrowserContext, Page, expect

from pagesight import languages


@pytest.mark.parametrize("path", ["model/group1-shard1of1.bin", "contract.json"])
def test_a_changed_file_is_refused_in_words(visit: Callable[..., Page], make_bundle: Callable[..., Path], path: str) -> None:
    bundle = make_bundle()
    (bundle / path).write_bytes((bundle / path).read_bytes() + b" ")
    page = visit(ready=False, bundle=bundle)
    expect(page.locator("#message")).to_contain_text(f"{path} is not the file that was published")
    expect(page.locator(".stage")).to_be_hidden()


def test_a_changed_page_script_is_said_in_the_markup(visit: Callable[..., Page], make_bundle: Callable[..., Path]) -> None:
    bundle = make_bundle()
    (bundle / "page.js").write_text((bundle / "page.js").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    page = visit(ready=False, bundle=bundle)
    expect(page.locator("html.not-started")).to_be_visible()
    expect(page.get_by_text("The page has not started.")).to_be_visible()
    expect(page.get_by_text("Getting ready…")).to_be_hidden()


@pytest.mark.parametrize("language", languages.known())
def test_a_page_opened_from_the_disk_says_at_once_what_to_do(
    watched: Any, visit: Callable[..., Page], make_bundle: Callable[..., Path], language: str
) -> None:
    bundle = make_bundle(language=language)
    page = watched.page
    # At once is without a timer: none runs off here.
    page.add_init_script("window.setTimeout = () => 0;")
    page.goto((bundle / "index.html").as_uri(), wait_until="commit")
    predicted = page.get_by_text("pagesight serve")
    expect(predicted).to_be_visible()
    expect(predicted).to_have_text(languages.catalogue(language)["markup"]["fromDisk"])
    assert "--single-file" in predicted.inner_text()
    for nothing in ("#answer", "#not-started", "#camera", ".mode"):
        expect(page.locator(nothing).first).to_be_hidden()
    # Its twin: served, it says nothing of this.
    visit(bundle=bundle)
    expect(page.get_by_text("pagesight serve")).to_be_hidden()


def test_without_javascript_the_page_says_what_it_needs(
    browser: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(serve(make_bundle()).url)
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator("#answer")).to_be_hidden()
    context.close()


def test_a_model_that_does_not_arrive_can_be_tried_again(visit: Callable[..., Page]) -> None:
    page = visit(lambda page: page.route("**/*.bin", lambda route: route.abort()), ready=False)
    expect(page.locator("#message")).to_contain_text("The model could not be loaded")
    page.unroute("**/*.bin")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(READY)


def test_the_content_security_policy_is_kept(context: BrowserContext, visit: Callable[..., Page]) -> None:
    context.add_init_script(
        "window.broken = []; addEventListener('securitypolicyviolation', (e) => broken.push(e.violatedDirective));"
    )
    page = visit()
    page.set_input_files("#file", [RED])
    shows(page, "red")
    assert page.evaluate("broken") == []


# Nothing tells a page that it was itself replaced, nor a browser that the service worker was; the last are for hosts and tools.
_NOT_THE_PAGES = {"index.html", "sw.js", "manifest.json", "_headers", "pagesight.d.ts", "report.json"}
_SETTLED = "html[data-ready], html.no-model, html.not-started"


def _tried(browser: Browser, address: str, asked: set[str]) -> str:
    """What comes of a first visit: an answer to a sample, or what it says in its place; `asked` gets every file it fetches."""
    context = browser.new_context(service_workers="block")  # nothing is left of the visits before
    context.set_default_timeout(PATIENCE)
    context.on("request", lambda request: asked.add(request.url.removeprefix(address).partition("?")[0]))
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready], html.no-model, html.not-started")
    if page.evaluate("document.documentElement.dataset.ready"):
        page.get_by_role("button", name="Sample picture: blue").click()
    said = page.locator("#message:visible, #not-started:visible, #label:text-is('blue')").first
    expect(said).to_contain_text(re.compile("blue|changed"))
    text = said.inner_text()
    context.close()
    return text


def _one_bit_else(path: Path) -> bytes:
    """Alter a file; what it was."""
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[len(altered) // 2] ^= 1
    path.write_bytes(altered)
    return whole


def test_whichever_file_is_altered_the_page_refuses_it_or_answers_as_before(
    browser: Browser, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    bundle = make_bundle()
    address = serve(bundle).url
    fetched: set[str] = set()
    assert _tried(browser, address, fetched) == "blue"
    files = {p.relative_to(bundle).as_posix(): p for p in bundle.rglob("*") if p.is_file() and p.stat().st_size}
    files = {name: path for name, path in files.items() if path.name not in _NOT_THE_PAGES}
    refused = set()
    for name in sorted(files.keys() & fetched):
        whole = _one_bit_else(files[name])
        if _tried(browser, address, set()) != "blue":
            refused.add(name)
        files[name].write_bytes(whole)
    assert refused == {"contract.json", "model/group1-shard1of1.bin", "model/model.json", "page.js", "samples/2.jpg"}
    # What a visit does not fetch has no effect on it: all of that at once.
    for name in files.keys() - fetched:
        _one_bit_else(files[name])
    assert _tried(browser, address, set()) == "blue"
