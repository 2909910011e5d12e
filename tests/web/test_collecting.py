"""Pictures from phones in the teacher's page, by `pagesight serve --share` alone: three phones, and what goes wrong on the way."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import assembly
import pytest
from conftest import PATIENCE
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from test_access import AXE, RUN

from pagesight.console.sharing import shared

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "ignore_https_errors": True}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A page shared with the room: the address that phones are given, and the teacher's."""
    bundle = assembly.assemble(tmp_path_factory.mktemp("lesson") / "page")
    with shared(bundle, host="127.0.0.1", port=0) as addresses:
        yield addresses


@pytest.fixture
def phone(browser: Browser, site: tuple[str, str]) -> Iterator[Callable[[str], Page]]:
    """Opens the collecting page on a phone of its own, with the code that was scanned."""
    contexts: list[BrowserContext] = []

    def open_phone(code: str) -> Page:
        context = browser.new_context(**PHONE)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{site[0]}collect/#{code}")
        return page

    yield open_phone
    for context in contexts:
        context.close()


def _teach(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    page.get_by_role("button", name="Teach", exact=True).click()
    page.get_by_role("button", name="My own classes").click()
    page.get_by_role("button", name="Let phones join").click()


def _code(page: Page) -> str:
    expect(page.locator(".collect-code")).to_have_count(1)
    return page.locator(".collect-code span").inner_text()


def _join(phone: Page) -> Page:
    phone.get_by_role("button", name="I agree").click()
    return phone


def _record(phones: list[Page], name: str, until: int) -> None:
    """All hold the button together, each until so many pictures were sent in all."""
    for each in phones:
        each.get_by_role("button", name=name).click()
        each.wait_for_function("() => document.querySelector('video').videoWidth > 0")
        each.locator(".button-record").hover()
        each.mouse.down()
    for each in phones:
        each.wait_for_function("(n) => parseInt(document.querySelector('.phone-status').textContent) >= n", arg=until)
        each.mouse.up()
    for each in phones:
        expect(each.locator(".button-record")).to_have_text("Hold to record")


def _shown(page: Page, text: str) -> None:
    expect(page.locator("#notice")).to_have_text(text)


def test_three_phones_bring_sixty_pictures_through_cuts_and_reloads_and_the_teacher_removes_them(
    watched: Any, site: tuple[str, str], phone: Callable[[str], Page]
) -> None:
    page: Page = watched.page
    _teach(page, site[1])
    first = _code(page)
    phones = [_join(phone(first))]
    expect(page.locator(".collect-device")).to_have_count(1)
    # What was used, and what never was one, is said; the phone then takes the code that is shown.
    phones.append(_join(phone(first)))
    _shown(phones[1], "Another phone has used this code. Scan the one on your teacher's screen now.")
    phones[1].get_by_label("Code on your teacher's screen").fill("AAAAAA")
    _join(phones[1])
    _shown(phones[1], "This code is not valid. Check it against your teacher's screen.")
    phones[1].get_by_label("Code on your teacher's screen").fill(_code(page).lower())
    _join(phones[1])
    expect(page.locator(".collect-device")).to_have_count(2)
    phones.append(_join(phone(_code(page))))
    expect(page.locator(".collect-device")).to_have_count(3)

    _record(phones[:2], "Class 1", 10)
    # A camera that goes away is said, and comes back with the next press.
    expect(phones[0].locator("video")).to_have_class("mirrored")
    phones[0].evaluate("document.querySelector('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
    _shown(phones[0], "It was unplugged or switched off.")
    assert phones[0].evaluate("document.querySelector('video').srcObject") is None
    _record(phones[:1], "Class 1", 11)
    # Without a connection pictures wait on the phone; without the teacher's page, in the server.
    phones[2].context.set_offline(offline=True)
    phones[2].get_by_role("button", name="Class 1").click()
    phones[2].locator(".button-record").hover()
    phones[2].mouse.down()
    expect(phones[2].locator(".phone-status")).to_have_text(re.compile(r"^0 pictures sent · [1-9][0-9]+ waiting$"))
    phones[2].mouse.up()
    _shown(phones[2], "There is no connection to your teacher's computer. Your pictures wait here until it is back.")
    page.goto("about:blank")
    phones[2].context.set_offline(offline=False)
    _record(phones, "Class 2", 20)
    for each in phones:
        expect(each.locator(".phone-status")).to_have_text(re.compile(r"^\d+ pictures sent$"))
    sent = [int(each.locator(".phone-status").inner_text().split()[0]) for each in phones]
    page.goto(site[1])
    page.wait_for_selector("html[data-ready]")
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.locator(".collect-count")).to_have_text([f"{n} pictures" for n in sent])
    in_classes = [int(text.split()[0]) for text in page.locator(".class-count").all_inner_texts()]
    assert sum(in_classes) == sum(sent) >= 60
    assert in_classes[0] >= 30
    assert in_classes[1] > 0

    page.get_by_role("button", name="Delete the pictures of Phone 2").click()
    page.get_by_role("button", name="Disconnect Phone 3").click()
    _shown(phones[2], "Your teacher has disconnected this phone.")
    expect(page.locator(".collect-count")).to_have_text([f"{n} pictures" for n in (sent[0], 0, sent[2])])
    page.locator(".class-name").first.fill("Bees")
    page.locator(".class-name").first.press("Enter")
    expect(phones[0].get_by_role("button", name="Bees")).to_be_visible()
    page.get_by_role("button", name="Stop collecting").click()
    _shown(phones[0], "Your teacher is not collecting pictures at the moment.")
    assert watched.complaints == []
    assert watched.foreign == []


def test_pictures_wait_where_the_page_cannot_take_them_and_one_tab_alone_takes_them(
    browser: Browser, site: tuple[str, str], phone: Callable[[str], Page]
) -> None:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    _teach(page, site[1])
    sender = _join(phone(_code(page)))
    expect(sender.get_by_role("heading", name="What are you showing?")).to_be_focused()
    sender.get_by_role("button", name="Class 1").click()
    page.evaluate("Worker.prototype.postMessage = () => { throw new Error('the worker is gone') }; 0")
    clear = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(clear, "PNG")
    with sender.expect_file_chooser() as chooser:
        sender.get_by_role("button", name="Choose pictures").click()
    chooser.value.set_files({"name": "clear.png", "mimeType": "image/png", "buffer": clear.getvalue()})
    expect(page.locator(".collect-news")).to_have_text("the worker is gone")

    other = context.new_page()
    other.goto(site[1])
    other.wait_for_selector("html[data-ready]")
    other.get_by_role("button", name="Teach", exact=True).click()
    expect(other.locator(".collect-news")).to_contain_text("Another tab or window with this page collects the pictures.")
    expect(other.locator(".collect-count")).to_have_text(["0 pictures"])
    page.close()
    expect(other.locator(".collect-count")).to_have_text(["1 picture"])
    expect(other.locator(".collect-news")).to_have_text("")
    other.get_by_role("button", name="Stop collecting").click()
    _shown(sender, "Your teacher is not collecting pictures at the moment.")
    context.close()


def test_phone_and_panel_are_usable_by_everybody(browser: Browser, site: tuple[str, str], phone: Callable[[str], Page]) -> None:
    context = browser.new_context(bypass_csp=True, viewport={"width": 360, "height": 800})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(path=AXE)
    page = context.new_page()
    _teach(page, site[1])
    page.get_by_role("button", name="Show 6 codes at once").click()
    expect(page.locator(".collect-code")).to_have_count(6)
    joining = phone(page.locator(".collect-code span").last.inner_text())
    for each in (page, joining):
        if each is joining:
            each.evaluate("(code) => void (0, eval)(code)", AXE.read_text(encoding="utf-8"))
        assert each.evaluate(RUN) == []
        assert each.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
