"""The examples, as they stand in examples/: a page of ten lines, an element, a Vite app."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pagesight import exporters
from pagesight.adopt import Adoption, adopt
from pagesight.options import Quantization
from pagesight.page.npm import Package, write_package
from pagesight.quantize import quantize

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests import foreign_models as foreign  # noqa: E402

EXAMPLES = ROOT / "examples"
PEERS = ROOT / "build" / "peers"


def _installed(example: str) -> Path:
    folder = EXAMPLES / example
    if not (folder / "node_modules").is_dir():
        pytest.skip(f"examples/{example} is not installed: run `make examples`")
    return folder


@pytest.fixture
def site(make_bundle: Callable[..., Path], tmp_path: Path) -> Path:
    """The plain examples in a folder below a site's root, with a bundle beside them."""
    below = tmp_path / "site" / "some where" / "below"
    shutil.copytree(EXAMPLES / "plain", below)
    make_bundle().rename(below / "page")
    return below


def _visit(watched: Any, url: str) -> Page:
    page: Page = watched.page
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(url)
    return page


def _quiet(watched: Any) -> None:
    assert watched.complaints == []
    assert [url for url in watched.foreign if not url.startswith(("blob:", "data:"))] == []


def test_ten_lines_of_html_answer_a_picture_below_a_sites_root(site: Path, serve: Callable[[Path], Any], watched: Any) -> None:
    assert len((site / "index.html").read_text(encoding="utf-8").split("<script")[1].splitlines()) <= 10
    page = _visit(watched, serve(site.parents[1]).url + "some%20where/below/")
    page.set_input_files("input", site / "page" / "samples" / "2.jpg")
    expect(page.locator("output")).to_have_text("blue: 99 %")
    _quiet(watched)


@pytest.mark.parametrize("other_origin", [False, True], ids=["same origin", "other origin"])
def test_the_element_answers_pictures_and_the_camera_on_any_origin(
    site: Path, serve: Callable[[Path], Any], watched: Any, *, other_origin: bool
) -> None:
    html = site / "element.html"
    if other_origin:
        away = serve(site).url
        html.write_text(html.read_text(encoding="utf-8").replace("./page/", f"{away}page/"), encoding="utf-8")
    page = _visit(watched, serve(site.parents[1]).url + "some%20where/below/element.html")
    element = page.locator("pagesight-classifier")
    element.locator("input").set_input_files(site / "page" / "samples" / "1.jpg")
    expect(element.locator("output")).to_have_text("green 97%")
    expect(page.locator("pre")).to_contain_text("green 0.97")
    element.get_by_role("button", name="Use camera").click()
    expect(element.locator("video")).to_be_visible()
    element.evaluate("(e) => { window.frames = 0; e.addEventListener('answer', () => void window.frames++); }")
    page.wait_for_function("() => window.frames > 5")
    element.get_by_role("button", name="Use camera").click()
    expect(element.locator("video")).to_be_hidden()
    _quiet(watched)


def test_a_vite_app_finds_the_packages_files(
    make_bundle: Callable[..., Path], serve: Callable[[Path], Any], watched: Any, tmp_path: Path
) -> None:
    example = _installed("vite")
    app = tmp_path / "examples" / "vite"
    shutil.copytree(example, app, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (app / "node_modules").mkdir()
    for installed in (example / "node_modules").iterdir():
        if installed.name != "my-classifier":
            (app / "node_modules" / installed.name).symlink_to(installed, target_is_directory=installed.is_dir())
    page_folder = tmp_path / "dist" / "page"
    page_folder.parent.mkdir()
    make_bundle().rename(page_folder)
    write_package(page_folder, Package.parse("my-classifier"), "Tells apart red, green, blue.")
    shutil.copytree(page_folder, app / "node_modules" / "my-classifier")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(["npm", "run", "--silent", "build"], cwd=app, check=True, capture_output=True, env=os.environ | {"PATH": path})
    page = _visit(watched, serve(app / "dist").url)
    page.set_input_files("input:enabled", page_folder / "samples" / "2.jpg")
    expect(page.locator("li")).to_have_text(["blue: 99.0 %", "green: 0.7 %", "red: 0.4 %"])
    _quiet(watched)


@pytest.mark.filterwarnings("ignore")  # Keras warns on saving .h5
def test_a_p5_sketch_answers_the_camera_by_ml5(serve: Callable[[Path], Any], watched: Any, tmp_path: Path) -> None:
    libraries = [PEERS / "p5.min.js", PEERS / "ml5.min.js"]
    if missing := [path.name for path in libraries if not path.is_file()]:
        pytest.skip(f"no {', '.join(missing)} in build/peers: `make peers` fetches them")
    sketch = tmp_path / "sketch"
    shutil.copytree(EXAMPLES / "p5-ml5", sketch)
    for library in libraries:
        shutil.copy(library, sketch)
    source = foreign.saved(foreign.tiny(side=32), tmp_path / "model.h5")
    web = quantize(adopt(source, Adoption(labels="ant,bee,cat"), tmp_path / "adopt"), Quantization(), tmp_path / "web")
    exporters.write_also(web, ("layers",), sketch / "page")
    page = _visit(watched, serve(sketch).url)
    expect(page.locator("p")).to_have_text(re.compile(r"(ant|bee|cat): \d+ %"))
    assert [url for url in watched.foreign if not url.startswith(("blob:", "data:"))] == []
