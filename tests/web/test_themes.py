"""Themes and logos: the page in a user's own looks, and what is refused."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from test_access import RED

from pagesight.errors import PagesightError

EXAMPLE = Path(__file__).parents[2] / "docs" / "example-theme"
EXTENDS = '{% extends "pagesight/index.html.j2" %}'
HOSTILE = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 8 8" onload="alert(1)">
<script>alert(2)</script><foreignObject><b/></foreignObject><style>@import url(https://x.test/a.css)</style>
<a href="javascript:alert(3)"><path d="M0 0h8"/></a><image href="https://x.test/p.png"/><use xlink:href="#k"/>
<rect id="k" width="8" height="8" fill="url(https://x.test/#f)" stroke="#f00"/></svg>"""


@pytest.fixture
def theme(tmp_path: Path) -> Callable[..., str]:
    """A theme folder of these files."""

    def make(**files: str) -> str:
        (tmp_path / "theme").mkdir()
        for name, text in files.items():
            (tmp_path / "theme" / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return str(tmp_path / "theme")

    return make


def test_the_example_theme_changes_blocks_and_styles_and_the_page_works(
    serve: Callable[[Path], Any], make_bundle: Callable[..., Path], watched: Any
) -> None:
    page: Page = watched.page
    page.goto(serve(make_bundle(looks={"theme": str(EXAMPLE)})).url)
    page.wait_for_selector("html[data-ready]")
    expect(page.locator(".school")).to_be_visible()
    expect(page.locator("footer")).to_contain_text("It was taught 3 classes.")
    assert page.locator("footer img").evaluate("(image) => image.naturalWidth") > 0
    assert page.locator("#camera").evaluate("(button) => getComputedStyle(button).backgroundColor") == "rgb(18, 60, 105)"
    page.set_input_files("#file", [RED])
    expect(page.locator("#label")).to_have_text("red")
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("files", "predicted", "fix"),
    [
        ({"index__html__j2": EXTENDS + "{% block heder %}{% endblock %}"}, "block 'heder'", "did you mean 'header'?"),
        ({"index__html__j2": EXTENDS + "\n{% block card %}{{ oops"}, "line 2", "fix it"),
        ({"index__html__j2": EXTENDS + "{% block footer %}{{ nobody }}{% endblock %}"}, "'nobody' is undefined", "fix it"),
        ({"index__html__j2": EXTENDS + "{% block answer %}{% endblock %}"}, "#message-action", "super()"),
        ({"index__html__j2": "<p>mine</p>"}, "does not extend the page", EXTENDS),
        ({"index__html__j2": EXTENDS + "{% block footer %}{{ ''.__class__.__mro__ }}{% endblock %}"}, "unsafe", "fix it"),
        ({"theme__css": "", "styles__css": ""}, "has no use for", "did you mean theme.css?"),
        ({"notes__md": ""}, "holds neither", "extends"),
    ],
)
def test_a_theme_that_does_not_fit_is_refused_with_its_fix(
    make_bundle: Callable[..., Path], theme: Callable[..., str], files: dict[str, str], predicted: str, fix: str
) -> None:
    with pytest.raises(PagesightError) as caught:
        make_bundle(looks={"theme": theme(**files)})
    assert predicted in caught.value.what
    assert fix in caught.value.fix


def test_a_logo_is_shown_made_the_icon_and_cleaned_of_all_that_runs_or_fetches(
    serve: Callable[[Path], Any], make_bundle: Callable[..., Path], watched: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.svg").write_text(HOSTILE, encoding="utf-8")
    bundle = make_bundle(looks={"logo": str(tmp_path / "mine.svg")})
    written = (bundle / "logo.svg").read_text(encoding="utf-8")
    for danger in ("script", "onload", "x.test", "foreignObject", "javascript"):
        assert danger not in written
    assert 'stroke="#f00"' in written
    assert not (bundle / "icon.svg").exists()
    page: Page = watched.page
    page.goto(serve(bundle).url)
    page.wait_for_selector("html[data-ready]")
    assert page.locator(".logo").evaluate("(image) => image.naturalWidth") > 0
    assert page.locator("link[rel=icon]").get_attribute("href") == "logo.svg"
    expect(page.locator("#offline")).to_be_visible()
    assert watched.complaints == []


def test_a_png_logo_comes_without_its_metadata_and_in_the_sizes_of_icons(make_bundle: Callable[..., Path], tmp_path: Path) -> None:
    image, note = Image.new("RGB", (300, 100), (10, 90, 70)), Image.Exif()
    note[0x010E] = "where I live"
    target = io.BytesIO()
    image.save(target, "PNG", exif=note)
    (tmp_path / "mine.png").write_bytes(target.getvalue())
    bundle = make_bundle(looks={"logo": str(tmp_path / "mine.png")})
    assert b"where I live" not in (bundle / "logo.png").read_bytes()
    with Image.open(bundle / "icon-192.png") as icon:
        assert icon.size == (192, 192)


@pytest.mark.parametrize(("name", "data"), [("a.svg", b"<html/>"), ("a.svg", b"<svg"), ("a.png", b"no"), ("a.gif", b"GIF89a")])
def test_a_file_that_is_no_logo_is_refused(make_bundle: Callable[..., Path], tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PagesightError) as caught:
        make_bundle(looks={"logo": str(tmp_path / name)})
    assert "give an .svg or .png file" in caught.value.fix
