"""The page: what its visitors see and hear, in every state."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import before_worker
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

READY = "html[data-ready]"
HOSTILE = ("<script>alert(1)</script>", '"quoted" & \\back', "مرحبا بالعالم")


def _png(colour: tuple[int, int, int]) -> dict[str, Any]:
    target = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(target, "PNG")
    return {"name": "picture.png", "mimeType": "image/png", "buffer": target.getvalue()}


RED, BLUE = _png((230, 20, 20)), _png((10, 20, 240))
DROP = """({ kind, bytes }) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
  const target = document.querySelector("#stage");
  if (kind === "paste") document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
  else for (const type of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


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


def _shows(page: Page, label: str) -> None:
    expect(page.locator("#label")).to_have_text(label)
    expect(page.locator("#result")).to_be_visible()


def test_samples_answer_on_click_without_a_complaint_or_a_foreign_request(visit: Callable[..., Page], watched: Any) -> None:
    page = visit()
    for sample in ("red", "green", "blue"):
        page.get_by_role("button", name=f"Sample picture: {sample}").click()
        _shows(page, sample)
        expect(page.locator("#live")).to_contain_text(f"{sample}, ")
    assert re.fullmatch(r"Answered in [\d.]+ ms, [\d.]+ ms of it in the model", page.locator("#timing").inner_text())
    expect(page.locator(".bar")).to_have_count(3)
    assert watched.complaints == []
    assert [url for url in watched.foreign if not url.startswith("blob:")] == []


def test_pictures_are_chosen_dropped_and_pasted(visit: Callable[..., Page]) -> None:
    page = visit()
    page.set_input_files("#file", [RED])
    _shows(page, "red")
    page.evaluate(DROP, {"kind": "drop", "bytes": list(BLUE["buffer"])})
    _shows(page, "blue")
    page.evaluate(DROP, {"kind": "paste", "bytes": list(RED["buffer"])})
    _shows(page, "red")


def test_a_picture_that_comes_before_the_model_is_answered_once_when_it_arrives(visit: Callable[..., Page]) -> None:
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    def hold_model(page: Page) -> None:
        page.route("**/model.json", hold)

    page = visit(hold_model, ready=False)
    page.set_input_files("#file", [RED])
    page.set_input_files("#file", [BLUE])
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#picture")).to_be_visible()
    page.evaluate(
        """() => {
          window.said = [];
          const say = () => said.push(document.querySelector("#label").textContent);
          new MutationObserver(say).observe(document.querySelector("#timing"), { childList: true });
        }"""
    )
    page.wait_for_timeout(200)
    held[0].continue_()
    _shows(page, "blue")
    page.wait_for_selector(READY)
    assert page.evaluate("said") == ["blue"]


def test_an_unsure_answer_says_so(visit: Callable[..., Page]) -> None:
    page = visit(threshold=0.9)
    page.set_input_files("#file", [_png((120, 110, 100))])
    _shows(page, "Not sure")
    expect(page.locator("#detail")).to_contain_text("closest is red")


def test_what_is_no_picture_is_said_by_name_and_the_page_goes_on(visit: Callable[..., Page]) -> None:
    page = visit()
    page.set_input_files("#file", [{"name": "<b>notes.txt", "mimeType": "text/plain", "buffer": b"words"}])
    expect(page.locator("#message")).to_contain_text("“<b>notes.txt” cannot be read")
    page.set_input_files("#file", [RED])
    _shows(page, "red")


def test_labels_are_data_and_never_markup(visit: Callable[..., Page], watched: Any) -> None:
    page = visit(labels=[*HOSTILE[:2], "x" * 200], title=HOSTILE[0])
    expect(page.locator("h1")).to_have_text(HOSTILE[0])
    page.set_input_files("#file", [RED])
    _shows(page, HOSTILE[0])
    page.set_input_files("#file", [BLUE])
    _shows(page, "x" * 200)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert watched.complaints == []


def test_right_to_left_labels_run_their_own_way(visit: Callable[..., Page]) -> None:
    page = visit(labels=[HOSTILE[2], "green", "blue"])
    page.set_input_files("#file", [RED])
    _shows(page, HOSTILE[2])
    assert page.evaluate("getComputedStyle(document.querySelector('#label')).direction") == "rtl"


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
    expect(page.get_by_text("The page has not started.")).to_be_visible(timeout=8000)


def test_without_javascript_the_page_says_what_it_needs(
    browser: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(serve(make_bundle()).url)
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator("#answer")).to_be_hidden()
    context.close()


def test_without_webassembly_the_page_says_what_it_needs(visit: Callable[..., Page]) -> None:
    page = visit(lambda page: before_worker(page, "delete globalThis.WebAssembly;"), ready=False)
    expect(page.locator("#message")).to_contain_text("WebAssembly is missing")


def test_a_browser_without_simd_is_told_to_be_too_old(visit: Callable[..., Page]) -> None:
    page = visit(lambda page: before_worker(page, "WebAssembly.validate = () => false;"), ready=False)
    expect(page.locator("#message")).to_contain_text("This browser is too old")
    expect(page.locator("#message")).to_contain_text("Safari 16.4")


def test_a_model_that_does_not_arrive_can_be_tried_again(visit: Callable[..., Page]) -> None:
    page = visit(lambda page: page.route("**/*.bin", lambda route: route.abort()), ready=False)
    expect(page.locator("#message")).to_contain_text("The model did not arrive")
    page.unroute("**/*.bin")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(READY)


def test_the_card_shows_the_measured_numbers(visit: Callable[..., Page]) -> None:
    page = visit()
    card = page.locator(".card")
    for text in ("99.3%", "on 420 pictures", "from groups it never saw", "97.9% to 99.8%", "2,120 pictures", "432 kB", "uint8"):
        expect(card).to_contain_text(text)
    expect(page.locator("#trust")).to_have_text("Checked in Chromium 156")


@pytest.mark.parametrize("report", [None, {"name": "x", "accuracy": None, "parity": None}], ids=["missing", "nulls"])
def test_what_was_not_measured_is_not_claimed(visit: Callable[..., Page], report: Any) -> None:
    page = visit(report=report)
    expect(page.locator("#trust")).to_have_text("Not verified in a browser")
    expect(page.locator("#fact-accuracy")).to_contain_text("not measured")


def test_the_camera_answers_stops_and_takes_a_picture(visit: Callable[..., Page], watched: Any) -> None:
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    # Chromium's fake camera is a green clock.
    _shows(page, "green")
    expect(page.locator("#rate")).to_have_text(re.compile(r"\d+ a second"))
    assert "matrix(-1" in page.evaluate("getComputedStyle(document.querySelector('#video')).transform")
    page.get_by_role("button", name="Take picture").click()
    expect(page.locator("#picture")).to_be_visible()
    _shows(page, "green")
    page.get_by_role("button", name="Use camera").click()
    expect(page.locator("#video")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#stage")).to_have_attribute("data-state", "empty")
    assert page.evaluate("document.querySelector('#video').srcObject") is None
    assert watched.complaints == []


def test_the_camera_is_answered_at_least_25_times_a_second(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    best = 0
    # Other work on the machine may slow one second down; the best of ten is what the page can do.
    for _ in range(10):
        page.wait_for_timeout(1000)
        best = max(best, int(re.sub(r"\D", "", page.locator("#rate").text_content() or "") or 0))
        if best >= 25:
            break
    assert best >= 25


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "The camera is blocked"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "The camera is busy"),
        ("OverconstrainedError", "The camera did not start"),
    ],
)
def test_a_camera_that_fails_is_explained(visit: Callable[..., Page], error: str, words: str) -> None:
    page = visit()
    page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{error}')); }}")
    page.get_by_role("button", name="Use camera").click()
    expect(page.locator("#message")).to_contain_text(words)
    page.set_input_files("#file", [RED])
    _shows(page, "red")


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
    _shows(page, "blue")
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
    _shows(page, "one")
    assert page.evaluate("caches.keys().then((keys) => keys.length)") == 1


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 3840])
def test_nothing_is_cut_off_at_any_width(visit: Callable[..., Page], width: int) -> None:
    page = visit(lambda page: page.set_viewport_size({"width": width, "height": 800}))
    page.set_input_files("#file", [RED])
    _shows(page, "red")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_everything_is_reached_by_keyboard(visit: Callable[..., Page]) -> None:
    page = visit()
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert reached[0] == "Skip to the picture"
    for name in ("Use camera", "Teach", "Choose pictures", "Folder", "Sample picture: red", "Classes 3"):
        assert name in reached
    page.get_by_role("button", name="Sample picture: green").focus()
    page.keyboard.press("Enter")
    _shows(page, "green")


def _reseal(bundle: Path) -> None:
    """Publish a bundle's files anew, as if it had been built that way."""
    import assembly

    assembly.seal(bundle, json.loads((bundle / "contract.json").read_text(encoding="utf-8")))


def test_the_content_security_policy_is_kept(context: BrowserContext, visit: Callable[..., Page]) -> None:
    context.add_init_script(
        "window.broken = []; addEventListener('securitypolicyviolation', (e) => broken.push(e.violatedDirective));"
    )
    page = visit()
    page.set_input_files("#file", [RED])
    _shows(page, "red")
    assert page.evaluate("broken") == []


def test_several_pictures_fill_a_table_and_a_csv(visit: Callable[..., Page], watched: Any) -> None:
    page = visit()
    odd = {**_png((30, 200, 40)), "name": '=1+"1".png'}
    page.set_input_files(
        "#file",
        [{**RED, "name": "a.png"}, {**BLUE, "name": "b.png"}, odd, {"name": "c.png", "mimeType": "image/png", "buffer": b"no"}],
    )
    expect(page.locator("#batch-heading")).to_have_text("4 pictures")
    answers = page.locator("#batch-rows tr td:nth-child(3)")
    expect(answers).to_have_text(["red", "blue", "green", "not a picture"])
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    rows = list(csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == ["file", "answer", "blue", "green", "red"]
    assert [row[:2] for row in rows[1:]] == [["a.png", "red"], ["b.png", "blue"], ["'" + odd["name"], "green"], ["c.png", ""]]
    assert sum(map(float, rows[1][2:])) == pytest.approx(1, abs=1e-5)
    page.get_by_role("button", name="b.png").click()
    _shows(page, "blue")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#batch")).to_be_hidden()
    assert watched.complaints == []


def test_the_heat_map_lies_where_the_colour_is(visit: Callable[..., Page]) -> None:
    page = visit()
    square = Image.new("RGB", (80, 80), (120, 120, 120))
    square.paste((255, 0, 0), (0, 0, 40, 40))
    target = io.BytesIO()
    square.save(target, "PNG")
    page.set_input_files("#file", [{"name": "x.png", "mimeType": "image/png", "buffer": target.getvalue()}])
    _shows(page, "red")
    page.get_by_role("button", name="Where it looked").click()
    expect(page.locator("#heat")).to_be_visible()
    opacity = page.evaluate(
        """() => { const { width, height } = document.querySelector("#heat");
          const { data } = document.querySelector("#heat").getContext("2d").getImageData(0, 0, width, height);
          return { width, height, rows: [...data].filter((_, i) => i % 4 === 3) }; }"""
    )
    assert (opacity["width"], opacity["height"]) == (4, 4)
    rows = [opacity["rows"][i : i + 4] for i in range(0, 16, 4)]
    assert min(rows[y][x] for y in (0, 1) for x in (0, 1)) > 150
    # The third row is sampled beside the edge, where both colours are blended.
    assert max(rows[2]) < 60
    assert max(rows[3]) < 10
    page.get_by_role("button", name="Where it looked").click()
    expect(page.locator("#heat")).to_be_hidden()


def test_the_camera_rests_while_the_page_is_hidden(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    _shows(page, "green")
    page.evaluate("window.track = document.querySelector('#video').srcObject.getVideoTracks()[0]")
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    assert page.evaluate("[track.readyState, document.querySelector('#video').srcObject]") == ["ended", None]
    page.evaluate(hide, False)
    expect(page.locator("#video")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#video').srcObject?.active")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def test_the_code_of_the_page_is_small_and_teaching_adds_little(make_bundle: Callable[..., Path]) -> None:
    import gzip

    bundle = make_bundle()

    def packed(*names: str) -> int:
        return sum(len(gzip.compress((bundle / name).read_bytes(), 9, mtime=0)) for name in names)

    assert packed("index.html", "page.js", "style.css") <= 40_000
    assert packed("teach.js", "teach_worker.js") <= 25_000


def test_a_new_version_comes_whole_or_not_at_all(
    watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    old, new = make_bundle(title="Old"), make_bundle(title="New", labels=("one", "two", "three"))
    site = serve(old.parent)
    page: Page = watched.page
    address = f"{site.url}{old.name}/"
    page.goto(address)
    expect(page.locator("#offline")).to_be_visible()
    # Half of a deployment: the manifest and the page are new, the rest still is the old version's.
    for name in ("manifest.json", "index.html"):
        (old / name).write_bytes((new / name).read_bytes())
    for _ in range(2):
        page.goto(address)
        page.wait_for_selector(READY)
        page.set_input_files("#file", [RED])
        _shows(page, "red")
        expect(page.locator("h1")).to_have_text("Old")
        expect(page.locator("#update")).to_be_hidden()
    site.stop()
    page.goto(address)
    page.wait_for_selector(READY)
    page.set_input_files("#file", [BLUE])
    _shows(page, "blue")
