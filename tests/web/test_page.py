"""The page: what its visitors see and hear."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colors import BLUE, READY, RED, png, shows
from PIL import Image
from playwright.sync_api import Page, expect

HOSTILE = ("<script>alert(1)</script>", '"quoted" & \\back', "مرحبا بالعالم")
DROP = """({ kind, bytes }) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
  const target = document.querySelector("#stage");
  if (kind === "paste") document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
  else for (const type of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_samples_answer_on_click_without_a_complaint_or_a_foreign_request(visit: Callable[..., Page], watched: Any) -> None:
    page = visit()
    for sample in ("red", "green", "blue"):
        page.get_by_role("button", name=f"Sample picture: {sample}").click()
        shows(page, sample)
        expect(page.locator("#live")).to_contain_text(f"{sample}, ")
    assert re.fullmatch(r"Classified in [\d.]+ ms, [\d.]+ ms of that in the model", page.locator("#timing").inner_text())
    expect(page.locator(".bar")).to_have_count(3)
    assert watched.complaints == []
    assert [url for url in watched.foreign if not url.startswith("blob:")] == []


def test_a_sample_that_comes_late_takes_no_other_pictures_place_and_one_that_is_missing_is_not_offered(
    visit: Callable[..., Page], make_bundle: Callable[..., Path]
) -> None:
    bundle = make_bundle()
    (bundle / "samples" / "1.jpg").unlink()
    page = visit(bundle=bundle)
    expect(page.locator(".sample")).to_have_count(2)
    held: list[Any] = []
    page.route("**/samples/0.jpg", lambda route: held.append(route))  # noqa: PLW0108 - playwright cannot mark a method of a list
    page.get_by_role("button", name="Sample picture: red").click()
    page.get_by_role("button", name="Sample picture: blue").click()
    shows(page, "blue")
    page.evaluate(
        """() => {
          window.said = [];
          const look = () => said.push(document.querySelector("#label").textContent);
          new MutationObserver(look).observe(document.querySelector("#label"), { childList: true });
        }"""
    )
    with page.expect_response("**/samples/0.jpg"):
        held[0].continue_()
    page.set_input_files("#file", [png((30, 200, 30))])
    shows(page, "green")
    assert "red" not in page.evaluate("said")


def test_pictures_are_chosen_dropped_and_pasted(visit: Callable[..., Page]) -> None:
    page = visit()
    page.set_input_files("#file", [RED])
    shows(page, "red")
    page.evaluate(DROP, {"kind": "drop", "bytes": list(BLUE["buffer"])})
    shows(page, "blue")
    page.evaluate(DROP, {"kind": "paste", "bytes": list(RED["buffer"])})
    shows(page, "red")


def test_a_picture_that_comes_before_the_model_is_answered_once_when_it_arrives(visit: Callable[..., Page]) -> None:
    held: list[Any] = []

    def freeze(route: Any) -> None:
        held.append(route)

    def hold_model(page: Page) -> None:
        page.route("**/model.json", freeze)

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
    held[0].continue_()
    shows(page, "blue")
    page.wait_for_selector(READY)
    assert page.evaluate("said") == ["blue"]


def test_an_unsure_answer_says_so(visit: Callable[..., Page]) -> None:
    page = visit(threshold=0.9)
    page.set_input_files("#file", [png((150, 110, 100))])
    shows(page, "Probably red")
    expect(page.locator("#detail")).to_have_text("but not sure enough to say")
    # No number says more than the statement does.
    assert "%" not in page.locator("#answer").inner_text()
    # Less than half speaks for it: not even probably.
    page.set_input_files("#file", [png((120, 110, 100))])
    shows(page, "Perhaps red")
    # Several pictures are no answer to what was on the stage.
    page.set_input_files("#file", [png((120, 110, 100)), png((150, 110, 100))])
    expect(page.locator("#batch-rows tr td:nth-child(2)")).to_have_text(["Perhaps red", "Probably red"])
    expect(page.locator("#stage")).to_have_attribute("data-state", "empty")
    expect(page.locator("#answer")).to_have_attribute("data-state", "idle")


def test_what_is_no_picture_is_said_by_name_and_the_page_goes_on(visit: Callable[..., Page]) -> None:
    page = visit()
    page.set_input_files("#file", [{"name": "<b>notes.txt", "mimeType": "text/plain", "buffer": b"words"}])
    expect(page.locator("#message")).to_contain_text("“<b>notes.txt” could not be read")
    page.set_input_files("#file", [RED])
    shows(page, "red")


def test_what_went_wrong_is_forgiven_and_the_table_stays_with_its_model(visit: Callable[..., Page]) -> None:
    page = visit()
    wrong = [{"name": "t.jpg", "mimeType": "image/jpeg", "buffer": b"words"}]
    page.set_input_files("#file", wrong)
    expect(page.locator("#answer")).to_have_attribute("data-state", "error")
    page.set_input_files("#file", [RED, BLUE])
    expect(page.locator("#batch-heading")).to_have_text("2 pictures")
    expect(page.locator("#message")).not_to_contain_text("not a picture")
    expect(page.locator("#answer")).to_have_attribute("data-state", "idle")
    page.set_input_files("#file", wrong)
    expect(page.locator("#answer")).to_have_attribute("data-state", "error")
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.locator("#answer")).to_have_attribute("data-state", "idle")
    expect(page.locator("#batch")).to_be_hidden()
    page.get_by_role("button", name="Recognize", exact=True).click()
    expect(page.locator("#batch")).to_be_visible()


def test_labels_are_data_and_never_markup(visit: Callable[..., Page], watched: Any) -> None:
    page = visit(labels=[*HOSTILE[:2], "x" * 200], title=HOSTILE[0])
    expect(page.locator("h1")).to_have_text(HOSTILE[0])
    page.set_input_files("#file", [RED])
    shows(page, HOSTILE[0])
    page.set_input_files("#file", [BLUE])
    shows(page, "x" * 200)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert watched.complaints == []


def test_right_to_left_labels_run_their_own_way(visit: Callable[..., Page]) -> None:
    page = visit(labels=[HOSTILE[2], "green", "blue"])
    page.set_input_files("#file", [RED])
    shows(page, HOSTILE[2])
    assert page.evaluate("getComputedStyle(document.querySelector('#label')).direction") == "rtl"


def test_the_card_shows_the_measured_numbers(visit: Callable[..., Page]) -> None:
    page = visit()
    card = page.locator(".card")
    for text in (
        "99.3%",
        "on 420 pictures",
        "from groups not used in training",
        "97.9% to 99.8%",
        "2,120 pictures",
        "432 kB",
        "uint8",
    ):
        expect(card).to_contain_text(text)
    expect(page.locator("#trust")).to_have_text("Checked in Chromium 156")


@pytest.mark.parametrize("report", [None, {"name": "x", "accuracy": None, "parity": None}], ids=["missing", "nulls"])
def test_what_was_not_measured_is_not_claimed(visit: Callable[..., Page], report: Any) -> None:
    page = visit(report=report)
    expect(page.locator("#trust")).to_have_text("Not verified in a browser")
    expect(page.locator("#fact-accuracy")).to_contain_text("not measured")


def test_a_model_made_elsewhere_has_no_empty_facts_and_its_rounding_is_said_in_words(
    visit: Callable[..., Page], make_bundle: Callable[..., Path]
) -> None:
    quantization = {"mode": "auto", "float_bytes": 943360, "bytes": 238576, "top1_agreement": None}
    page = visit(bundle=make_bundle(backbone="", report={"dataset": None, "quantization": quantization}))
    expect(page.locator("#fact-quantization dd")).to_have_text("smallest without loss of accuracy239 kB instead of 943 kB")
    facts = page.locator(".fact:visible dt")
    expect(facts).to_have_text(["Accuracy", "Same answers in the browser", "Size", "Weights", "Runs on"])


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1366, 768), (1920, 1080)])
def test_the_buttons_stand_above_the_fold(visit: Callable[..., Page], width: int, height: int) -> None:
    page = visit(lambda page: page.set_viewport_size({"width": width, "height": height}))
    for button in ("Use camera", "Choose pictures", "Folder"):
        expect(page.get_by_role("button", name=button)).to_be_in_viewport(ratio=1)
    model_input = page.locator("#stage").bounding_box() or {}
    assert model_input["width"] == pytest.approx(model_input["height"], abs=1)


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 3840])
def test_nothing_is_cut_off_at_any_width(visit: Callable[..., Page], width: int) -> None:
    page = visit(lambda page: page.set_viewport_size({"width": width, "height": 800}))
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.get_by_role("button", name="Sample picture: red").click()
    shows(page, "red")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Chosen from below, it is seen all the same.
    expect(page.locator("#stage")).to_be_in_viewport(ratio=0.6)


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
    shows(page, "green")


def test_several_pictures_fill_a_table_and_a_csv(visit: Callable[..., Page], watched: Any) -> None:
    page = visit()
    odd = {**png((30, 200, 40)), "name": '=1+"1".png'}
    page.set_input_files(
        "#file",
        [{**RED, "name": "a.png"}, {**BLUE, "name": "b.png"}, odd, {"name": "c.png", "mimeType": "image/png", "buffer": b"no"}],
    )
    expect(page.locator("#batch-heading")).to_have_text("4 pictures")
    answers = page.locator("#batch-rows tr td:nth-child(2)")
    expect(answers).to_have_text(["red", "blue", "green", "not a picture"])
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    rows = list(csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == ["file", "answer", "blue", "green", "red"]
    assert [row[:2] for row in rows[1:]] == [["a.png", "red"], ["b.png", "blue"], ["'" + odd["name"], "green"], ["c.png", ""]]
    assert sum(map(float, rows[1][2:])) == pytest.approx(1, abs=1e-5)
    page.get_by_role("button", name="b.png").click()
    shows(page, "blue")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#batch")).to_be_hidden()
    assert watched.complaints == []


def test_a_folder_is_chosen_and_what_is_no_picture_in_it_is_left_out(visit: Callable[..., Page], tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    (folder / "second day").mkdir(parents=True)
    (folder / "red.png").write_bytes(RED["buffer"])
    (folder / "second day" / "blue.png").write_bytes(BLUE["buffer"])
    (folder / "notes.txt").write_text("words", encoding="utf-8")
    page = visit()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Folder").click()
    chooser.value.set_files(folder)
    expect(page.locator("#batch-heading")).to_have_text("2 pictures")
    answers = page.locator("#batch-rows tr")
    expect(answers.filter(has_text="red.png").locator("td").nth(1)).to_have_text("red")
    expect(answers.filter(has_text="blue.png").locator("td").nth(1)).to_have_text("blue")


def test_the_heat_map_lies_where_the_color_is(visit: Callable[..., Page]) -> None:
    page = visit()
    model_input = Image.new("RGB", (80, 80), (120, 120, 120))
    model_input.paste((255, 0, 0), (0, 0, 40, 40))
    target = io.BytesIO()
    model_input.save(target, "PNG")
    page.set_input_files("#file", [{"name": "x.png", "mimeType": "image/png", "buffer": target.getvalue()}])
    shows(page, "red")
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
    # The third row is sampled beside the edge, where both colors are blended.
    assert max(rows[2]) < 60
    assert max(rows[3]) < 10
    page.get_by_role("button", name="Where it looked").click()
    expect(page.locator("#heat")).to_be_hidden()


def test_the_code_of_the_page_is_small_and_teaching_adds_little(make_bundle: Callable[..., Path]) -> None:
    import gzip

    bundle = make_bundle()

    def packed(*names: str) -> int:
        return sum(len(gzip.compress((bundle / name).read_bytes(), 9, mtime=0)) for name in names)

    assert packed("index.html", "page.js") <= 48_000
    assert packed("teach.js", "teach_worker.js") <= 32_000
    assert packed("page.js") <= 26_000
