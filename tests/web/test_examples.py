"""The examples, as they stand in examples/: a page of ten lines, an element, a Vite app."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import chromium_path
from playwright.sync_api import Browser, Page, expect

from pagesight import exporters
from pagesight.adopt import Adoption, adopt
from pagesight.browser.stock_tfjs import StockTfjs
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
    _npm(app, "run", "--silent", "build")
    page = _visit(watched, serve(app / "dist").url)
    page.set_input_files("input:enabled", page_folder / "samples" / "2.jpg")
    expect(page.locator("li")).to_have_text(["blue: 99.0 %", "green: 0.7 %", "red: 0.4 %"])
    _quiet(watched)


@pytest.fixture
def packed(make_bundle: Callable[..., Path], tmp_path: Path) -> Callable[[str], Path]:
    """Installs the packed page in an example that was installed itself."""

    def install(example: str) -> Path:
        if not os.environ.get("PAGESIGHT_EXAMPLES"):
            pytest.skip("frameworks are large: `make examples` installs them and runs this")
        app = _installed(example)
        bundle = make_bundle()
        write_package(bundle, Package.parse("my-classifier"), "Tells apart red, green, blue.")
        _npm(tmp_path, "pack", str(bundle))
        _npm(app, "install", "--no-save", "--offline", "--ignore-scripts", str(next(tmp_path.glob("*.tgz"))))
        shutil.copy(bundle / "samples" / "2.jpg", tmp_path / "blue.jpg")
        return app

    return install


def _npm(folder: Path, *command: str) -> None:
    done = subprocess.run(["npm", *command], cwd=folder, check=False, capture_output=True, text=True, env=_with_node())
    assert done.returncode == 0, done.stdout + done.stderr


def _with_node() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "NEXT_TELEMETRY_DISABLED": "1"}


def _answers(page: Page, blue: Path) -> None:
    """By the module or the hook, and by the element or the component."""
    own = page.get_by_label("Picture", exact=True)
    expect(own).to_be_enabled()
    own.set_input_files(blue)
    expect(page.locator("#answer")).to_have_text("blue: 99.0 %")
    page.locator("pagesight-classifier").locator("input").set_input_files(blue)
    expect(page.locator("#seen")).to_have_text("blue")


@pytest.mark.parametrize(
    ("example", "script", "built"),
    [("react-vite", "build", "dist"), ("next", "build", "out"), ("next", "build:webpack", "out")],
    ids=["React and Vite, strict types", "Next.js with Turbopack", "Next.js with webpack"],
)
def test_a_react_app_answers_by_the_hook_and_the_component(
    packed: Callable[[str], Path], serve: Callable[[Path], Any], watched: Any, tmp_path: Path, example: str, script: str, built: str
) -> None:
    app = packed(example)
    shutil.rmtree(app / built, ignore_errors=True)
    _npm(app, "run", script)
    _answers(_visit(watched, serve(app / built).url), tmp_path / "blue.jpg")
    _quiet(watched)


def test_a_sveltekit_app_is_rendered_on_the_server_and_answers_in_the_browser(
    packed: Callable[[str], Path], watched: Any, tmp_path: Path
) -> None:
    app = packed("svelte-kit")
    _npm(app, "run", "build")
    environment = _with_node() | {"PORT": "0", "HOST": "127.0.0.1"}
    with subprocess.Popen(["node", "build"], cwd=app, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split(" on ")[-1].strip().replace("127.0.0.1", "localhost")
            with urllib.request.urlopen(address, timeout=60) as response:
                assert b"<pagesight-classifier camera" in response.read()
            _answers(_visit(watched, address), tmp_path / "blue.jpg")
        finally:
            server.terminate()
    _quiet(watched)


def test_an_extension_of_manifest_3_answers_under_its_own_policy(
    make_bundle: Callable[..., Path], browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "extension"
    shutil.copytree(EXAMPLES / "extension", folder)
    make_bundle().rename(folder / "page")
    # Unpacked, an extension is called by its place.
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:32].translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))
    flags = ["--no-sandbox", f"--disable-extensions-except={folder}", f"--load-extension={folder}"]
    context = browser.browser_type.launch_persistent_context(
        tmp_path / "profile", executable_path=chromium_path(), args=flags, ignore_default_args=["--disable-extensions"]
    )
    try:
        page = context.new_page()
        page.goto(f"chrome-extension://{name}/popup.html")
        page.set_input_files("input:enabled", folder / "page" / "samples" / "2.jpg")
        expect(page.locator("#answer")).to_have_text("blue: 99.0 %")
    finally:
        context.close()


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
    exporters.write_also(web, ("layers",), sketch / "page", StockTfjs)
    page = _visit(watched, serve(sketch).url)
    expect(page.locator("p")).to_have_text(re.compile(r"(ant|bee|cat): \d+ %"))
    assert [url for url in watched.foreign if not url.startswith(("blob:", "data:"))] == []
