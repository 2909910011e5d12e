"""The page as one file: opened from a disk, with no server, it does what the page does and asks for nothing."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import pagesight
from pagesight.page.single_file import write_single_file


def _png(color: tuple[int, int, int]) -> dict[str, Any]:
    target = io.BytesIO()
    Image.new("RGB", (80, 60), color).save(target, "PNG")
    return {"name": "picture.png", "mimeType": "image/png", "buffer": target.getvalue()}


@pytest.fixture
def single(watched: Any, make_bundle: Callable[..., Path], tmp_path: Path) -> Page:
    """The file alone, in a folder whose name has a space, opened as a double click does."""
    bundle = make_bundle()
    alone = tmp_path / "my pages #1" / "colors.html"
    alone.parent.mkdir()
    write_single_file(bundle, "colors").rename(alone)
    page: Page = watched.page
    page.goto(alone.as_uri())
    page.wait_for_selector("html[data-ready]")
    return page


def _asks_for_nothing(watched: Any) -> None:
    own = watched.page.url
    assert [url for url in watched.foreign if not url.startswith(("blob:", "data:", own))] == []
    assert watched.complaints == []


def test_it_answers_pictures_samples_and_the_camera_and_shows_where_it_looked(single: Page, watched: Any) -> None:
    single.set_input_files("#file", [_png((230, 20, 20))])
    expect(single.locator("#label")).to_have_text("red")
    single.get_by_role("button", name="Where it looked").click()
    expect(single.locator("#heat")).to_be_visible()
    single.get_by_role("button", name="Sample picture: blue").click()
    expect(single.locator("#label")).to_have_text("blue")
    assert single.locator(".sample img").first.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 64
    single.get_by_role("button", name="Use camera").click()
    expect(single.locator("#rate")).to_contain_text("per second")
    expect(single.locator("#fact-accuracy")).to_contain_text("99.3%")
    expect(single.get_by_text("pagesight serve")).to_be_hidden()
    # No pill keeps a place for what never comes.
    assert single.locator("#offline").bounding_box() is None
    _asks_for_nothing(watched)


def test_new_classes_are_taught_and_the_model_comes_as_a_bundle(single: Page, watched: Any) -> None:
    single.get_by_role("button", name="Teach", exact=True).click()
    single.get_by_role("button", name="My own classes").click()
    for number, (name, color) in enumerate({"sun": (240, 220, 40), "plum": (120, 30, 110)}.items(), 1):
        field = single.get_by_label(f"Name of class {number}", exact=True)
        field.fill(name)
        field.press("Enter")
        with single.expect_file_chooser() as chooser:
            single.get_by_role("button", name=f"Add pictures of {name}", exact=True).click()
        chooser.value.set_files([_png((color[0] - shade, color[1], color[2])) for shade in range(6)])
    expect(single.locator(".class-count")).to_have_text(["6 pictures"] * 2)
    single.get_by_role("button", name=re.compile("^Train")).click()
    expect(single.locator(".outcome .teach-status")).to_have_text("Trained.")
    single.set_input_files("#file", [_png((121, 31, 110))])
    expect(single.locator("#label")).to_have_text("plum")
    with single.expect_download() as download:
        single.get_by_role("button", name="Download for a web host").click()
    names = zipfile.ZipFile(download.value.path()).namelist()
    assert {"index.html", "page.js", "teach.js", "single.js", "sw.js", "contract.json", "model/taught-head.bin"} <= set(names)
    _asks_for_nothing(watched)
    single.reload()
    single.get_by_role("button", name="Teach", exact=True).click()
    expect(single.locator(".class-count")).to_have_text(["6 pictures"] * 2)


def test_its_policy_names_the_hash_of_its_script_and_allows_no_request(single: Page) -> None:
    policy = single.locator("meta[http-equiv]").get_attribute("content") or ""
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[\w+/=]{44}' 'wasm-unsafe-eval';", policy)
    assert "connect-src" not in policy
    assert "unsafe-inline" not in policy


def test_a_notebook_shows_the_page_in_a_frame_that_cannot_reach_the_notebook(
    make_bundle: Callable[..., Path], serve: Callable[[Path], Any], watched: Any, tmp_path: Path
) -> None:
    shown = pagesight.Bundle(make_bundle())._repr_html_()
    notebook = tmp_path / "notebook"
    notebook.mkdir()
    (notebook / "index.html").write_text(f'<!doctype html><link rel="icon" href="data:,">{shown}', encoding="utf-8")
    watched.page.goto(serve(notebook).url)
    frame = watched.page.frame_locator("iframe")
    frame.locator("#file").set_input_files([_png((230, 20, 20))])
    expect(frame.locator("#label")).to_have_text("red")
    frame.get_by_role("button", name="Teach", exact=True).click()
    expect(frame.get_by_role("heading", name="Teach it your own classes")).to_be_visible()
    assert frame.locator("html").evaluate("() => origin") == "null"
    assert watched.complaints == []
    # What is no whole page is shown as any other object.
    assert pagesight.Bundle(tmp_path)._repr_html_() is None
