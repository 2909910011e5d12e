"""axe-core finds nothing in any state of the page, light or dark, wide or narrow."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colors import BLUE, RED, png
from conftest import PATIENCE
from playwright.sync_api import Browser, Page, expect

AXE = Path(__file__).parents[2] / "web_template" / "node_modules" / "axe-core" / "axe.min.js"
RUN = "() => axe.run().then(({ violations }) => violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`))"
# Transitions begin at the next frame at the latest, and what goes on without end is none.
AT_REST = """() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))).then(() =>
  Promise.allSettled(
    document.getAnimations()
      .filter((one) => one.effect.getComputedTiming().iterations !== Infinity && one.playState === "running")
      .map(({ finished }) => finished)))"""
LOOKS = [("light", 1280), ("dark", 320)]


def _add_pictures(page: Page, name: str, pictures: list[dict[str, Any]]) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=f"Add pictures of {name}").click()
    chooser.value.set_files(pictures)


def _check(page: Page, state: str) -> None:
    # Colors are measured as they are at rest.
    page.evaluate(AT_REST)
    assert page.evaluate(RUN) == [], state
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing_in_any_state(
    browser: Browser, serve: Callable[[Path], Any], make_bundle: Callable[..., Path], scheme: Any, width: int
) -> None:
    # The checker comes from outside of the page, past its content policy.
    context = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(path=AXE)
    page = context.new_page()
    page.route("**/*.bin", lambda route: route.abort())
    page.goto(serve(make_bundle(threshold=0.6)).url)
    expect(page.locator("#message")).to_contain_text("could not be loaded")
    _check(page, "no model")
    page.unroute("**/*.bin")
    held: list[Any] = []

    def freeze(route: Any) -> None:
        held.append(route)

    page.route("**/*.bin", freeze)
    page.reload()
    expect(page.locator("#progress")).to_be_visible()
    _check(page, "loading")
    for route in held:
        route.continue_()
    page.wait_for_selector("html[data-ready]")
    _check(page, "ready")
    page.set_input_files("#file", [RED])
    expect(page.locator("#label")).to_have_text("red")
    _check(page, "answer")
    page.get_by_role("button", name="Where it looked").click()
    expect(page.locator("#heat")).to_be_visible()
    _check(page, "heat map")
    page.set_input_files("#file", [png((120, 110, 100), "gray.png")])
    expect(page.locator("#label")).to_have_text("Perhaps red")
    _check(page, "not sure")
    page.set_input_files("#file", [RED, BLUE, {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"}])
    expect(page.locator("#batch-heading")).to_have_text("3 pictures")
    _check(page, "several pictures")
    page.set_input_files("#file", [{"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"}])
    expect(page.locator("#answer")).to_have_attribute("data-state", "error")
    _check(page, "not a picture")
    page.get_by_role("button", name="Use camera").click()
    expect(page.locator("#video")).to_be_visible()
    _check(page, "camera")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Teach", exact=True).click()
    page.get_by_role("button", name="My own classes").wait_for()
    _check(page, "teach, empty")
    page.get_by_role("button", name="My own classes").click()
    _add_pictures(page, "Class 1", [RED] * 12)
    _add_pictures(page, "Class 2", [BLUE] * 12)
    expect(page.locator(".class-count")).to_have_text(["12 pictures"] * 2)
    _check(page, "teach, filled")
    page.get_by_role("button", name="Hold to record Class 2").focus()
    page.keyboard.down("Space")
    expect(page.get_by_role("button", name=re.compile(r"^Recording… \d+ Class 2$"))).to_be_visible()
    _check(page, "teach, recording")
    page.keyboard.up("Space")
    expect(page.get_by_role("button", name="Hold to record Class 2")).to_be_visible()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".outcome")).to_contain_text("Trained.")
    _check(page, "teach, trained")
    context.set_offline(True)
    expect(page.locator("#no-network")).to_be_visible()
    _check(page, "no network")
    context.close()


def test_teaching_is_done_by_keyboard_alone(watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]) -> None:
    page: Page = watched.page
    page.goto(serve(make_bundle()).url)
    page.wait_for_selector("html[data-ready]")
    page.get_by_role("button", name="Teach", exact=True).focus()
    page.keyboard.press("Enter")
    own = page.get_by_role("button", name="My own classes")
    own.wait_for()
    own.focus()
    page.keyboard.press("Enter")
    for number in (1, 2):
        record = page.get_by_role("button", name=f"Hold to record Class {number}")
        record.focus()
        page.keyboard.down("Enter")
        expect(page.locator(".class-count").nth(number - 1)).to_have_text(re.compile(r"^([2-9]|\d\d) pictures"))
        page.keyboard.up("Enter")
        expect(record).to_have_text("Hold to record")
    # However many pictures there are, Tab stops at them once.
    page.get_by_role("button", name="Add pictures of Class 1").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".thumb:nth-child(2) button:focus")).to_have_count(1)
    before = page.locator(".thumb").count()
    page.keyboard.press("Enter")
    expect(page.locator(".thumb")).to_have_count(before - 1)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.button-undo')")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.class-card:nth-child(2) .class-name')")
    page.get_by_role("button", name="Train", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".outcome")).to_contain_text("Trained.")
    assert watched.complaints == []


def test_nothing_moves_for_those_who_asked_for_less_motion(
    browser: Browser, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(serve(make_bundle()).url)
    page.wait_for_selector("html[data-ready]")
    page.set_input_files("#file", [RED])
    expect(page.locator("#label")).to_have_text("red")
    durations = page.evaluate(
        "() => [...document.querySelectorAll('*')].map((e) => getComputedStyle(e).transitionDuration).filter((d) => d !== '0s')"
    )
    assert durations == []
    context.close()


def test_on_a_phone_what_has_the_focus_is_not_behind_the_picture_that_stays(
    watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    page: Page = watched.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(serve(make_bundle()).url)
    page.wait_for_selector("html[data-ready]")
    page.get_by_role("button", name="Teach", exact=True).click()
    page.get_by_role("button", name="Number gestures, 0 to 9").click()
    expect(page.get_by_label("Name of class 1", exact=True)).to_be_focused()
    page.get_by_role("button", name="Open files").focus()
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        hidden = page.evaluate(
            """() => { const { x, y, width, height } = document.activeElement.getBoundingClientRect();
              const there = document.elementFromPoint(x + width / 2, y + height / 2);
              return document.activeElement.contains(there) ? "" : document.activeElement.outerHTML; }"""
        )
        assert hidden == ""
        assert page.evaluate("document.activeElement !== document.body")
