"""Recording in Teach: by mouse, finger, pen, key and switch, class after class; hands-free; and what is taken back."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE
from playwright.sync_api import Browser, Page, expect

SEVERAL = re.compile(r"^([4-9]|\d\d) pictures")

TWENTY_FRAMES = """() => {
  window.framesPassed = false;
  const video = document.querySelector("#video");
  let left = 20;
  const next = () => (--left ? video.requestVideoFrameCallback(next) : (window.framesPassed = true));
  video.requestVideoFrameCallback(next);
}"""


@pytest.fixture
def recording(browser: Browser, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]) -> Any:
    """A page with two empty classes, on a device with a mouse and a touch screen."""
    context = browser.new_context(has_touch=True, viewport={"width": 1000, "height": 1000})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(serve(make_bundle()).url)
    page.wait_for_selector("html[data-ready]")
    page.get_by_role("button", name="Teach", exact=True).click()
    page.get_by_role("button", name="My own classes").click()
    yield page
    context.close()


def _count(page: Page, number: int) -> Any:
    return page.locator(".class-count").nth(number)


def _record(page: Page, number: int) -> Any:
    return page.get_by_role("button", name=f"Hold to record Class {number + 1}", exact=True)


def _by_mouse(page: Page, number: int) -> Callable[[], None]:
    _record(page, number).hover()
    page.mouse.down()
    return page.mouse.up


def _at(page: Page, number: int) -> dict[str, float]:
    _record(page, number).scroll_into_view_if_needed()
    box = _record(page, number).bounding_box()
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


def _by_touch(page: Page, number: int) -> Callable[[], None]:
    devtools = page.context.new_cdp_session(page)
    point = _at(page, number)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    # A finger strays.
    moved = {"x": point["x"] + 9, "y": point["y"] + 40}
    devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [moved]})
    return lambda: devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def _by_pen(page: Page, number: int) -> Callable[[], None]:
    devtools = page.context.new_cdp_session(page)
    pen = {**_at(page, number), "button": "left", "clickCount": 1, "pointerType": "pen"}
    devtools.send("Input.dispatchMouseEvent", {**pen, "type": "mousePressed"})
    return lambda: devtools.send("Input.dispatchMouseEvent", {**pen, "type": "mouseReleased"})


def _by_key(page: Page, number: int) -> Callable[[], None]:
    _record(page, number).focus()
    page.keyboard.down("Enter")
    return lambda: page.keyboard.up("Enter")


def _by_switch(page: Page, number: int) -> Callable[[], None]:
    button = page.locator(".button-record").nth(number)
    button.evaluate("(button) => button.click()")
    return lambda: button.evaluate("(button) => button.click()")


@pytest.mark.parametrize("hold", [_by_mouse, _by_touch, _by_pen, _by_key, _by_switch])
def test_every_class_is_recorded_for_as_long_as_its_button_is_held(
    recording: Page, hold: Callable[[Page, int], Callable[[], None]]
) -> None:
    page = recording
    for number in (0, 1, 0):
        before = int(_count(page, number).inner_text().split()[0])
        release = hold(page, number)
        expect(page.locator(".button-record").nth(number)).to_have_text(re.compile(r"^Recording… ([4-9]|\d\d+)$"))
        expect(page.locator("#told")).to_have_text(re.compile(r"^\d+$"))
        release()
        expect(_record(page, number)).to_have_text("Hold to record")
        expect(page.locator("#told")).to_be_hidden()
        taken = int(_count(page, number).inner_text().split()[0]) - before
        assert taken >= 4
        # It is over: nothing comes afterwards.
        page.evaluate(TWENTY_FRAMES)
        page.wait_for_function("() => window.framesPassed")
        assert int(_count(page, number).inner_text().split()[0]) == before + taken


def test_what_holds_one_class_is_not_let_go_by_another(recording: Page) -> None:
    page = recording
    _record(page, 0).focus()
    release = _by_mouse(page, 1)
    # The first button loses the focus, and a key goes up on it.
    page.locator(".button-record").first.dispatch_event("keyup", {"key": "Enter"})
    page.locator(".button-record").first.dispatch_event("blur")
    expect(_count(page, 1)).to_have_text(SEVERAL)
    release()
    expect(_count(page, 0)).to_have_text("0 pictures")


def test_a_short_press_takes_one_picture_and_the_last_take_is_undone(recording: Page) -> None:
    page = recording
    _by_mouse(page, 0)()
    expect(_count(page, 0)).to_have_text("1 picture")
    release = _by_mouse(page, 0)
    expect(_count(page, 0)).to_have_text(SEVERAL)
    release()
    expect(_record(page, 0)).to_have_text("Hold to record")
    page.get_by_role("button", name=re.compile("^Undo the last")).click()
    expect(_count(page, 0)).to_have_text("1 picture")
    expect(page.get_by_role("button", name=re.compile("^Undo the last"))).to_have_count(0)


def test_hands_free_counts_down_takes_its_pictures_and_can_be_called_off(recording: Page) -> None:
    page = recording
    page.get_by_text("Hands-free recording").click()
    page.get_by_label("Start after").select_option(label="3 sec")
    page.get_by_label("Take").select_option(label="5 pictures")
    page.get_by_label("One every").select_option(label="0.1 sec")
    page.get_by_role("button", name="Hands-free Class 2").click()
    expect(page.locator("#told")).to_have_text("3")
    page.get_by_role("button", name="Starts in 2… Class 2").click()
    expect(page.get_by_role("button", name="Hands-free Class 2")).to_be_visible()
    expect(page.locator("#told")).to_be_hidden()
    expect(_count(page, 1)).to_have_text("0 pictures")
    page.get_by_role("button", name="Hands-free Class 1").click()
    expect(_count(page, 0)).to_have_text("5 pictures")
    expect(page.get_by_role("button", name="Hands-free Class 1")).to_be_visible()
    # Who switches the camera off in a countdown does not want it on again.
    page.get_by_role("button", name="Hands-free Class 2").click()
    expect(page.locator("#told")).to_have_text("3")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Hands-free Class 2")).to_be_visible()
    expect(page.get_by_role("button", name="Use camera")).to_be_visible()
    expect(_count(page, 1)).to_have_text("0 pictures")
    # What one class records by itself ends where another begins to count down.
    page.get_by_label("Take").select_option(label="50 pictures")
    page.get_by_label("Start after").select_option(label="0 sec")
    page.get_by_role("button", name="Hands-free Class 1").click()
    expect(_count(page, 0)).not_to_have_text("5 pictures")
    page.get_by_label("Start after").select_option(label="3 sec")
    page.get_by_role("button", name="Hands-free Class 2").click()
    expect(page.get_by_role("button", name="Hands-free Class 1")).to_be_visible()
    page.get_by_role("button", name=re.compile("Starts in . Class 2|Starts in .… Class 2")).click()
    page.get_by_label("Take").select_option(label="5 pictures")
    kept = _count(page, 0).text_content() or ""
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.get_by_role("button", name="Teach", exact=True).click()
    page.get_by_text("Hands-free recording").click()
    expect(page.get_by_label("Take")).to_have_value("5")
    expect(_count(page, 0)).to_have_text(kept)
