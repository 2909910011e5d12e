"""The camera: Chromium's green clocks, and a clip of hands that the page reads live and learns from."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clip
import pytest
from colors import READY, RED, shows
from conftest import PATIENCE, Site, watch
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pagesight import pipeline, render
from pagesight.options import Rendering

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
# Whether an answer came when no camera ran.
ANSWERED_AT_REST = """() => {
  window.atRest = false;
  const answer = document.querySelector("#answer");
  const look = () => (window.atRest ||= !document.querySelector("#video").srcObject && !answer.hasAttribute("aria-busy"));
  new MutationObserver(look).observe(answer, { attributes: true, attributeFilter: ["aria-busy"] });
}"""
GESTURES = ("0", "5")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page that reads number hands: the starter model after a hundred rendered pictures, and no photograph."""
    work = tmp_path_factory.mktemp("numbers")
    pictures = render.render(Rendering(per_class=10, subjects=5, side=128), work / "hands")
    options: dict[str, Any] = {"weights": "starter", "epochs": 1, "quantize": "float16", "group_by": r"signer\d+"}
    site = Site(pipeline.build_until("bundle", pictures, work / "page", **options).path)
    yield site
    site.stop()


@dataclass(frozen=True)
class Filming:
    """A browser whose camera sees a person's hand."""

    browser: Browser
    film: Path
    hands: dict[str, Image.Image]

    def shows(self, *gestures: str) -> None:
        """From its next start the camera sees these gestures in turn, again and again."""
        new = self.film.with_suffix(".new")
        clip.write([self.hands[gesture] for gesture in gestures], new, seconds=1.5).replace(self.film)


@pytest.fixture(scope="module", params=["rendered", pytest.param("photographed", marks=pytest.mark.shared)])
def filming(request: Any, launch: Callable[..., Browser], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filming]:
    """A browser whose camera sees a hand that was rendered, or a photographed one."""
    photographs = None if request.param == "rendered" else request.getfixturevalue("shared") / "data" / "hand-digits"
    hands = {gesture: clip.hand(int(gesture), photographs) for gesture in GESTURES}
    film = tmp_path_factory.mktemp("clip") / "hands.mjpeg"
    browser = launch(*clip.flags(film))
    yield Filming(browser, film, hands)
    browser.close()


@pytest.fixture
def live(numbers: Site, filming: Filming) -> Iterator[Any]:
    """The page of number hands, opened where the camera sees them."""
    context = filming.browser.new_context()
    context.set_default_timeout(PATIENCE)
    watched = watch(context)
    watched.page.goto(numbers.url)
    watched.page.wait_for_selector(READY)
    yield watched
    assert watched.complaints == []
    assert [url for url in watched.foreign if not url.startswith("blob:")] == []
    context.close()


def test_the_page_says_live_which_number_a_hand_shows(live: Any, filming: Filming) -> None:
    page: Page = live.page
    filming.shows(*GESTURES)
    page.get_by_role("button", name="Use camera").click()
    for gesture in GESTURES:
        shows(page, gesture)
    expect(page.locator("#rate")).to_have_text(re.compile(r"^[1-9]\d* per second$"))
    expect(page.locator("#timing")).to_have_text(re.compile(r"^Classified in [\d.]+ ms, [\d.]+ ms of that in the model$"))
    assert "matrix(-1" in page.locator("#video").evaluate("(video) => getComputedStyle(video).transform")
    page.evaluate(HIDE, True)
    assert page.locator("#video").evaluate("(video) => video.srcObject") is None
    page.evaluate(HIDE, False)
    for gesture in GESTURES:
        shows(page, gesture)


def test_gestures_recorded_by_mouse_and_by_key_are_told_apart_live(live: Any, filming: Filming) -> None:
    page: Page = live.page

    def hold_up(gesture: str, label: str) -> None:
        """One gesture, for as long as it takes: what is recorded while it is held up is that gesture and no other."""
        if page.get_by_role("button", name="Stop", exact=True).is_visible():
            page.get_by_role("button", name="Stop", exact=True).click()
        filming.shows(gesture)
        page.get_by_role("button", name="Use camera").click()
        # Not shown while classes are recorded that it knows nothing of.
        page.wait_for_function("(label) => document.querySelector('#label').textContent === label", arg=label)

    hold_up(GESTURES[0], GESTURES[0])
    page.get_by_role("button", name="Teach", exact=True).click()
    page.get_by_role("button", name="My own classes").click()
    names = ("ring", "high five")
    for number, name in enumerate(names, 1):
        field = page.get_by_label(f"Name of class {number}", exact=True)
        field.fill(name)
        field.press("Enter")
    buttons = [page.get_by_role("button", name=f"Hold to record {name}") for name in names]
    counts = page.locator(".class-count")
    several = re.compile(r"^([4-9]|\d\d+) pictures")
    buttons[0].hover()
    page.mouse.down()
    expect(counts.nth(0)).to_have_text(several)
    page.mouse.up()
    hold_up(GESTURES[1], GESTURES[1])
    expect(page.locator("#answer")).to_be_hidden()
    buttons[1].focus()
    page.keyboard.down("Space")
    expect(counts.nth(1)).to_have_text(several)
    page.keyboard.up("Space")
    for number, button in enumerate(buttons):
        expect(button).to_have_text("Hold to record")
        thumbs = page.locator(".class-card").nth(number).locator(".thumb img")
        assert f"{thumbs.count()} pictures" == counts.nth(number).inner_text()
    page.get_by_role("button", name="Train", exact=True).click()
    shows(page, names[1])
    hold_up(GESTURES[0], names[0])
    hold_up(GESTURES[1], names[1])
    page.locator("#taught").get_by_role("button").click()
    page.get_by_role("button", name="Recognize", exact=True).click()
    shows(page, GESTURES[1])


def test_another_camera_can_be_chosen(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    choice = page.locator("#cameras")
    expect(choice.locator("option")).to_have_text(["fake_device_0", "fake_device_1"])
    shows(page, "green")
    page.evaluate("document.querySelector('#rate').textContent = ''")
    choice.select_option(label="fake_device_1")
    page.wait_for_function("() => document.querySelector('#video').srcObject?.getVideoTracks()[0].label === 'fake_device_1'")
    expect(page.locator("#rate")).to_have_text(re.compile(r"\d+ per second"))
    expect(choice).to_have_value(
        page.evaluate("document.querySelector('#video').srcObject.getVideoTracks()[0].getSettings().deviceId")
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(choice).to_be_hidden()


def test_the_camera_answers_stops_and_takes_a_picture(visit: Callable[..., Page], watched: Any) -> None:
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    # Chromium's fake camera is a green clock.
    shows(page, "green")
    expect(page.locator("#rate")).to_have_text(re.compile(r"\d+ per second"))
    assert "matrix(-1" in page.evaluate("getComputedStyle(document.querySelector('#video')).transform")
    page.evaluate(ANSWERED_AT_REST)
    page.get_by_role("button", name="Take picture").click()
    expect(page.locator("#picture")).to_be_visible()
    page.wait_for_function("() => window.atRest")
    shows(page, "green")
    page.get_by_role("button", name="Use camera").click()
    expect(page.locator("#video")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#stage")).to_have_attribute("data-state", "empty")
    assert page.evaluate("document.querySelector('#video').srcObject") is None
    assert watched.complaints == []


# Frames are handed to the page one by one; each must be answered before the next comes. No timer runs off meanwhile.
FRAME_BY_FRAME = """async (count) => {
  const video = document.querySelector("#video");
  const answer = document.querySelector("#answer");
  const nextFrame = video.requestVideoFrameCallback.bind(video);
  const later = window.setTimeout.bind(window);
  let asked = Promise.withResolvers();
  video.requestVideoFrameCallback = (callback) => asked.resolve(callback);
  window.setTimeout = (work, delay = 0) => (delay > 0 ? 0 : later(work));
  for (let frame = 0; frame < count; frame++) {
    const callback = await asked.promise;
    asked = Promise.withResolvers();
    const answered = new Promise((resolve) => {
      const observer = new MutationObserver(() => answer.hasAttribute("aria-busy") || (observer.disconnect(), resolve()));
      observer.observe(answer, { attributes: true, attributeFilter: ["aria-busy", "data-state"] });
    });
    await new Promise((resolve) => nextFrame(resolve));
    callback();
    await answered;
    window.framesAnswered = frame + 1;
  }
}"""


def test_every_frame_of_the_camera_is_answered_while_the_page_keeps_up(visit: Callable[..., Page]) -> None:
    """How many a second that makes is for the benchmark to say; here no frame may be left out, and no timer slow the page down."""
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    shows(page, "green")
    page.evaluate(f"(count) => void ({FRAME_BY_FRAME})(count)", 50)
    page.wait_for_function("() => window.framesAnswered === 50")


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
    shows(page, "red")


def test_the_camera_rests_while_the_page_is_hidden(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    shows(page, "green")
    page.evaluate("window.track = document.querySelector('#video').srcObject.getVideoTracks()[0]")
    page.evaluate(HIDE, True)
    assert page.evaluate("[track.readyState, document.querySelector('#video').srcObject]") == ["ended", None]
    page.evaluate(HIDE, False)
    expect(page.locator("#video")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#video').srcObject?.active")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()


STROBE = """() => {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 64, height: 64 });
  const paint = canvas.getContext("2d");
  let frame = 0;
  const draw = () => {
    // Red, and every sixth frame blue, as a hand that blurs.
    paint.fillStyle = frame++ % 6 === 5 ? "rgb(30, 30, 230)" : "rgb(230, 30, 30)";
    paint.fillRect(0, 0, 64, 64);
  };
  draw();
  setInterval(draw, 33);
  const stream = canvas.captureStream(30);
  navigator.mediaDevices.getUserMedia = async (asked) => { window.asked = asked; return stream; };
  window.said = new Set();
  const look = () => said.add(document.querySelector("#label").textContent);
  new MutationObserver(look).observe(document.querySelector("#label"), { childList: true });
}"""


# The camera gives a frame when it is told to: how many wait for one says how many loops there are.
HELD_FRAMES = """() => {
  const video = document.querySelector("#video");
  window.waiting = [];
  video.requestVideoFrameCallback = (callback) => waiting.push(callback);
  window.ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
}"""


def test_a_camera_that_was_stopped_takes_no_frame_and_one_that_is_no_longer_wanted_does_not_start(
    visit: Callable[..., Page],
) -> None:
    page = visit()
    page.evaluate(HELD_FRAMES)
    start, stop = (page.get_by_role("button", name=name, exact=True) for name in ("Use camera", "Stop"))
    for _ in range(2):
        start.click()
        stop.click()
    start.click()
    expect(start).to_be_hidden()
    expect(page.locator("#camera")).to_be_focused()
    page.wait_for_function("() => waiting.length === 3")
    page.evaluate("async () => { for (const go of waiting.splice(0)) go(); await new Promise(setTimeout); }")
    assert page.evaluate("waiting.length") == 1
    stop.click()
    # A person is asked, and chooses a picture instead.
    page.evaluate(
        """() => {
          const asked = new Promise((grant) => (window.grant = grant));
          navigator.mediaDevices.getUserMedia = (what) => asked.then(() => ask(what)).then((stream) => (window.given = stream));
        }"""
    )
    start.click()
    page.get_by_role("button", name="Sample picture: blue").click()
    shows(page, "blue")
    page.evaluate("grant()")
    page.wait_for_function("() => window.given?.getTracks()[0].readyState === 'ended'")
    expect(page.locator("#stage")).to_have_attribute("data-state", "picture")
    expect(start).to_be_enabled()


def test_a_live_answer_stays_through_single_frames_that_say_something_else(visit: Callable[..., Page]) -> None:
    page = visit()
    page.evaluate(STROBE)
    page.get_by_role("button", name="Use camera").click()
    shows(page, "red")
    page.wait_for_timeout(2500)
    said = page.evaluate("[...said].filter((text) => text)")
    assert said[said.index("red") :] == ["red"]  # the first answer of all rests on a single frame


def test_the_camera_that_was_chosen_is_taken_the_next_time(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Use camera").click()
    page.locator("#cameras").select_option(label="fake_device_1")
    page.wait_for_function("() => document.querySelector('#video').srcObject?.getVideoTracks()[0].label === 'fake_device_1'")
    page.reload()
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Use camera").click()
    page.wait_for_function("() => document.querySelector('#video').srcObject?.getVideoTracks()[0].label === 'fake_device_1'")


def test_a_phone_is_asked_for_the_camera_at_its_back(
    browser: Browser, serve: Callable[..., Site], make_bundle: Callable[..., Any]
) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    # The headless browser's pointer is a mouse's, whatever it emulates.
    page.add_init_script(
        """const real = window.matchMedia.bind(window);
        window.matchMedia = (query) => query === "(pointer: coarse)" ? { matches: true } : real(query);"""
    )
    page.goto(serve(make_bundle()).url)
    page.wait_for_selector(READY)
    page.evaluate(STROBE)
    page.get_by_role("button", name="Use camera").click()
    page.wait_for_function("() => window.asked")
    assert page.evaluate("asked.video.facingMode") == {"ideal": "environment"}
    context.close()
