"""What Teach says before and after training, and the page that it makes: here, after a reload, as one file, and back."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE
from playwright.sync_api import Page, expect
from test_teach import COLORS, _add_pictures, _delete_all, _download, _open_teaching, _picture, _shows, _teach_colors, _train

# The tests of teaching have the fixture; it is one and the same here.
from test_teach import teaching as teaching  # noqa: PLC0414


def _names(page: Page, *names: str) -> None:
    page.get_by_role("button", name="My own classes").click()
    for number, name in enumerate(names, 1):
        field = page.get_by_label(f"Name of class {number}", exact=True)
        field.fill(name)
        field.press("Enter")


def test_uneven_and_few_and_equal_pictures_are_said_before_training(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _names(page, "sun", "sea")
    _add_pictures(page, "sun", [_picture(COLORS["sun"]) for _ in range(12)])
    _add_pictures(page, "sea", [_picture(COLORS["sea"])])
    said = page.locator(".advice li")
    expect(said.filter(has_text="“sea” has one picture. With 5 or more")).to_have_count(1)
    expect(said.filter(has_text="“sun” has 12 pictures and “sea” has 1: it will favor “sun”.")).to_have_count(1)
    _add_pictures(page, "sea", [_picture(COLORS["sea"])] * 5)
    expect(said.filter(has_text="The pictures of “sea” are all nearly the same.")).to_have_count(1)
    expect(said.filter(has_text="has one picture")).to_have_count(0)
    expect(said.filter(has_text="it will favor")).to_have_count(0)


def test_what_it_gets_wrong_is_counted_by_class_and_marked_on_the_pictures(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _names(page, "sun", "sea")
    _add_pictures(page, "sun", [_picture(COLORS["sun"]) for _ in range(9)] + [_picture(COLORS["sea"])])
    _add_pictures(page, "sea", [_picture(COLORS["sea"]) for _ in range(10)])
    expect(page.locator(".class-count")).to_have_text(["10 pictures"] * 2)
    _train(page)
    expect(page.locator(".per-class-share")).to_have_text(["9 of 10", "10 of 10"])
    expect(page.locator(".confusion-wrong")).to_have_text(["1"])
    wrong = page.locator(".thumb-misread")
    expect(wrong).to_have_count(1)
    expect(wrong.locator(".thumb-mark")).to_have_text("sea")
    expect(wrong.get_by_role("button", name="of sun – mistaken for sea")).to_have_count(1)


def test_after_training_the_page_is_the_taught_one_also_after_a_reload_until_someone_switches_back(
    teaching: Callable[..., Page], watched: Any
) -> None:
    page = teaching()
    _teach_colors(page)
    _train(page)
    page.get_by_role("button", name="Recognize", exact=True).click()

    def is_taught() -> None:
        expect(page.locator("h1")).to_have_text("Sun, sea, and plum")
        expect(page.locator(".brand .lead")).to_have_text("Recognizes sun, sea, plum.")
        expect(page.locator(".sample-label")).to_have_text(list(COLORS))
        expect(page.locator(".chip")).to_have_text(list(COLORS))
        expect(page.locator("#facts")).to_contain_text("18 pictures")
        expect(page.locator("#trust")).to_be_hidden()
        page.get_by_role("button", name="Your picture: sea").click()
        expect(page.locator("#label")).to_have_text("sea")
        expect(page.locator(".bar-label")).to_have_text(list(COLORS))

    is_taught()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    is_taught()
    page.get_by_role("button", name="Back to Colors").click()
    expect(page.locator("h1")).to_have_text("Colors")
    expect(page.locator(".sample-label")).to_have_text(["red", "green", "blue"])
    expect(page.locator("#facts")).to_contain_text("420 pictures")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("h1")).to_have_text("Colors")
    page.get_by_role("button", name="Use my classes").click()
    is_taught()
    assert watched.complaints == []


def test_a_class_of_none_of_these_comes_with_pictures(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _teach_colors(page)
    page.get_by_role("button", name="Add “none of these”").click()
    expect(page.locator(".class-count").nth(3)).to_have_text("24 pictures")
    expect(page.get_by_role("button", name="Add “none of these”")).to_be_hidden()
    expect(page.locator(".outcome .teach-status")).to_contain_text("ready-made pictures")
    _train(page)
    _shows(page, "plum", "plum")


def test_the_taught_page_comes_as_one_file_that_answers_alone_and_can_be_opened_again(
    teaching: Callable[..., Page], context: Any, tmp_path: Path
) -> None:
    page = teaching()
    _teach_colors(page)
    _train(page)
    page.get_by_label("Name of your page").fill("Holiday </script> colors")
    page.get_by_label("Name of your page").press("Enter")
    expect(page.locator("h1")).to_have_text("Holiday </script> colors")
    # As on plain http in a classroom.
    page.evaluate("Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })")
    data = _download(page, "Download as one file")
    path = tmp_path / "a folder" / "holiday.html"
    path.parent.mkdir()
    path.write_bytes(data)
    alone = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    alone.on("console", lambda message: complaints.append(message.text))
    alone.on("pageerror", lambda error: complaints.append(str(error)))
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(path.as_uri())
    alone.wait_for_selector("html[data-ready]")
    expect(alone.locator("h1")).to_have_text("Holiday </script> colors")
    for name, color in COLORS.items():
        alone.set_input_files("#file", [_picture(color)])
        expect(alone.locator("#label")).to_have_text(name)
    alone.get_by_role("button", name="Sample picture: sea").click()
    expect(alone.locator("#label")).to_have_text("sea")
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert complaints == []
    # It can be taught on, and saved once more, where it is.
    _open_teaching(alone)
    _teach_colors(alone, each=3)
    _train(alone)
    again = _download(alone, "Download as one file")
    assert len(again) > len(data) * 0.9
    _delete_all(page)
    expect(page.locator("h1")).to_have_text("Colors")
    page.set_input_files("#teach-zip", [{"name": "h.html", "mimeType": "text/html", "buffer": data}])
    expect(page.locator(".class-card")).to_have_count(3)
    _shows(page, "plum", "plum")


def test_several_files_are_merged_and_no_picture_comes_twice(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _teach_colors(page, each=3)
    pictures = _download(page, "Download the pictures")
    project = io.BytesIO()
    with zipfile.ZipFile(project, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"labels": ["sun", "moss"]}))
        for number, color in enumerate((COLORS["sun"], (40, 120, 40))):
            archive.writestr(f"samples/{number}_0.png", _picture(color)["buffer"])
    teachable = io.BytesIO()
    with zipfile.ZipFile(teachable, "w") as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr("moss-!-0.png", _picture((40, 120, 40))["buffer"])
    files = [
        {"name": "teachable.tm", "mimeType": "application/zip", "buffer": teachable.getvalue()},
        {"name": "pictures.zip", "mimeType": "application/zip", "buffer": pictures},
        {"name": "again.zip", "mimeType": "application/zip", "buffer": pictures},
        {"name": "project.zip", "mimeType": "application/zip", "buffer": project.getvalue()},
    ]
    page.set_input_files("#teach-zip", files)
    expect(page.locator(".keeping .teach-status")).to_have_text("3 pictures were added.")
    expect(page.locator(".class-count")).to_have_text(["4 pictures", "3 pictures", "3 pictures", "2 pictures"])


def test_deleting_everything_asks_and_can_be_called_off(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _teach_colors(page, each=2)
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_text("Delete all classes and pictures? This cannot be undone.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".class-card")).to_have_count(3)
    expect(page.get_by_role("button", name="Delete everything")).to_be_focused()
    # While it is trained, and with a picture that another tab has kept.
    page.evaluate(
        """async () => {
          const [{ name }] = (await indexedDB.databases()).filter(({ name }) => name.startsWith("pagesight-teach:"));
          window.base = await new Promise((resolve) => (indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result)));
          const examples = base.transaction("examples", "readwrite").objectStore("examples");
          await new Promise((resolve) => (examples.put({ classId: "another tab's" }).onsuccess = resolve));
          const press = (text) => [...document.querySelectorAll("button")].find((one) => one.textContent === text).click();
          for (const text of ["Train", "Delete everything", "Delete all"]) press(text);
        }"""
    )
    expect(page.locator(".class-card")).to_have_count(0)
    expect(page.locator(".outcome progress")).to_have_attribute("hidden", "")
    expect(page.locator("html.taught")).to_have_count(0)
    kept = page.evaluate(
        """() => Promise.all(["examples", "state"].map((store) => new Promise((resolve) =>
          (base.transaction(store).objectStore(store).count().onsuccess = ({ target }) => resolve(target.result)))))"""
    )
    assert kept == [0, 0]


@pytest.mark.parametrize("scheme", ["light"])
def test_on_a_phone_camera_answer_and_record_buttons_are_seen_together(
    browser: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path], scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(serve(make_bundle()).url)
    page.wait_for_selector("html[data-ready]")
    for name in ("Use camera", "Choose pictures"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("Drop a picture here")).to_be_hidden()
    page.get_by_role("button", name="Teach", exact=True).tap()
    page.get_by_role("button", name="My own classes").tap()
    for number in (1, 2):
        page.get_by_role("button", name=f"Hold to record Class {number}").tap()
        expect(page.locator(".class-count").nth(number - 1)).to_have_text(re.compile("^[1-9]"))
    # What the other model would say of the classes that are being recorded is not shown.
    expect(page.locator("#answer")).to_be_hidden()
    page.get_by_role("button", name="Train", exact=True).tap()
    expect(page.locator("#label")).to_be_visible()
    page.get_by_role("button", name="Hold to record Class 2").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.class-card:nth-child(2)').scrollIntoView({ block: 'end' })")
    for selector in ("#stage", "#label", ".class-card:nth-child(2) .button-record"):
        expect(page.locator(selector)).to_be_in_viewport(ratio=1)
    boxes = [page.locator(selector).bounding_box() for selector in ("#stage", "#answer")]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    context.close()
