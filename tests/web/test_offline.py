"""Without a network, and when a new version comes: old or new, never a mixture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colors import BLUE, READY, RED, shows
from playwright.sync_api import Page, expect


def test_it_works_offline_after_the_first_visit(
    watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    site = serve(make_bundle())
    page: Page = watched.page
    page.goto(site.url)
    expect(page.locator("#offline")).to_be_visible()
    site.stop()
    page.goto(site.url)
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Sample picture: blue").click()
    shows(page, "blue")
    expect(page.locator("#offline")).to_be_visible()


def test_a_new_version_is_offered_and_replaces_the_old_as_a_whole(
    watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    old, new = make_bundle(title="Old"), make_bundle(title="New", labels=("one", "two", "three"))
    site = serve(old)
    page: Page = watched.page
    page.goto(site.url)
    expect(page.locator("#offline")).to_be_visible()
    old.rename(old.with_name("gone"))
    new.rename(old)
    page.reload()
    expect(page.locator("h1")).to_have_text("Old")
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("h1")).to_have_text("New")
    page.wait_for_selector(READY)
    page.set_input_files("#file", [RED])
    shows(page, "one")
    assert page.evaluate("caches.keys().then((keys) => keys.length)") == 1


@pytest.mark.parametrize("first", [("manifest.json", "index.html"), ("contract.json", "manifest.webmanifest")], ids=" ".join)
def test_a_new_version_comes_whole_or_not_at_all(
    watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path], first: tuple[str, ...]
) -> None:
    old, new = make_bundle(title="Old"), make_bundle(title="New", labels=("one", "two", "three"))
    site = serve(old.parent)
    page: Page = watched.page
    address = f"{site.url}{old.name}/"
    page.goto(address)
    expect(page.locator("#offline")).to_be_visible()
    # Half of a deployment: these are new, the rest still is the old version's.
    for name in first:
        assert (old / name).read_bytes() != (new / name).read_bytes()
        (old / name).write_bytes((new / name).read_bytes())
    for _ in range(2):
        page.goto(address)
        page.wait_for_selector(READY)
        page.set_input_files("#file", [RED])
        shows(page, "red")
        expect(page.locator("h1")).to_have_text("Old")
        expect(page.locator("#update")).to_be_hidden()
    site.stop()
    page.goto(address)
    page.wait_for_selector(READY)
    page.set_input_files("#file", [BLUE])
    shows(page, "blue")


def test_it_works_offline_where_the_report_was_left_out_and_keeps_none_of_its_pictures(
    watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    bundle = make_bundle()
    listed = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    for path in ("report.html", "report.css", "report/private.jpg", "also/model.tflite"):
        listed["files"][path] = {"bytes": 1, "sha256": "0" * 64}
    (bundle / "manifest.json").write_text(json.dumps(listed), encoding="utf-8")
    (bundle / "report").mkdir()
    (bundle / "report" / "private.jpg").write_bytes(b"?")
    page: Page = watched.page
    page.goto(serve(bundle).url)
    expect(page.locator("#offline")).to_be_visible()
    kept = page.evaluate(
        """async () => {
          const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
          return (await Promise.all(caches_.map((cache) => cache.keys()))).flat().map(({ url }) => url);
        }"""
    )
    assert len(kept) > 5
    assert [url for url in kept if "report/" in url or "report.html" in url] == []
