"""The page in other languages: all of its words, its numbers and its direction."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colors import RED, png
from conftest import PATIENCE
from playwright.sync_api import Browser, BrowserContext, Page, expect
from test_access import AXE, RUN

from pagesight import languages

OTHERS = [language for language in languages.known() if language != "en"]
SHOWN = """() => {
  const texts = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) texts.add(walker.currentNode.data.trim());
  for (const element of document.querySelectorAll("[aria-label], [alt], input"))
    for (const text of [element.ariaLabel, element.alt, element.value]) texts.add(String(text ?? ""));
  return [...texts].map((text) => text.replace(/[\\u2068\\u2069]/g, ""));
}"""


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Sentences by their path; the forms of one sentence stay together."""
    if isinstance(value, str) or ("other" in value and isinstance(value["other"], str)):
        return {path: value}
    return {name: leaf for key, inner in value.items() for name, leaf in _leaves(inner, f"{path}.{key}").items()}


def _places(sentence: str) -> set[str]:
    return set(re.findall(r"\{\w+\}", sentence))


@pytest.mark.parametrize("language", OTHERS)
def test_every_catalogue_has_every_sentence_in_every_form_of_its_language(context: BrowserContext, language: str) -> None:
    english, other = (_leaves(languages.catalogue(name)) for name in ("en", language))
    assert english.keys() == other.keys()
    forms = context.new_page().evaluate("(tag) => new Intl.PluralRules(tag).resolvedOptions().pluralCategories", language)
    for path, sentence in english.items():
        there = other[path]
        if isinstance(sentence, str):
            assert _places(there) <= _places(sentence), path
            # Where no number can be inflected for, a language may say 'and others'.
            assert _places(there) | {"{n}"} >= _places(sentence), path
        else:
            assert sorted(there) == sorted(forms), path
            for form, text in there.items():
                # Arabic has words, and no numbers, for none, one and two.
                spoken = {"{n}"} if form in ("zero", "one", "two") else set()
                assert _places(text) <= _places(sentence["other"]) <= _places(text) | spoken, (path, form)


def _english() -> set[str]:
    sentences = [
        text
        for leaf in _leaves(languages.catalogue("en")).values()
        for text in ([leaf] if isinstance(leaf, str) else leaf.values())
    ]
    return {sentence for sentence in sentences if re.search(r"[a-z]{3}", re.sub(r"\{\w+\}", "", sentence))}


@pytest.mark.parametrize("language", OTHERS)
def test_a_page_in_another_language_says_nothing_in_english(
    browser: Browser, serve: Callable[[Path], Any], make_bundle: Callable[..., Path], language: str
) -> None:
    context = browser.new_context(bypass_csp=True, viewport={"width": 360, "height": 800})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(path=AXE)
    page = context.new_page()
    words = languages.catalogue(language)
    own = {text for leaf in _leaves(words).values() for text in ([leaf] if isinstance(leaf, str) else leaf.values())}
    foreign = [re.escape(text) for text in _english() - own]
    english = re.compile("|".join(re.sub(r"\\{\w+\\}", ".+", text) for text in foreign))

    def check(state: str) -> None:
        predicted = [text for text in page.evaluate(SHOWN) if english.fullmatch(text)]
        assert predicted == [], state
        assert page.evaluate(RUN) == [], state
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state

    page.goto(serve(make_bundle(language=language, threshold=0.6)).url)
    page.wait_for_selector("html[data-ready]")
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("html").get_attribute("dir") == words["direction"]
    check("ready")
    page.set_input_files("#file", [RED])
    expect(page.locator("#label")).to_have_text("red")
    check("answer")
    page.set_input_files("#file", [png((120, 110, 100), "gray.png")])
    expect(page.locator("#answer")).to_have_attribute("data-state", "unsure")
    expect(page.locator("#detail")).to_have_text(words["page"]["notSureEnough"])
    page.set_input_files("#file", [RED, RED, {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"}])
    expect(page.locator("#batch-progress")).to_be_hidden()
    page.set_input_files("#file", {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"})
    expect(page.locator("#message-title")).to_have_text(words["page"]["noPicture"]["title"])
    check("several pictures, and what is none")
    page.locator("#mode-teach").click()
    page.get_by_role("button", name=words["teach"]["ownClasses"]).click()
    for number, color in enumerate(((230, 20, 20), (20, 20, 230))):
        with page.expect_file_chooser() as chooser:
            # What is read aloud begins with what is written.
            page.get_by_role("button", name=words["teach"]["addPictures"]).nth(number).click()
        chooser.value.set_files([png(color, "x.png")] * 5)
    expect(page.locator(".thumb")).to_have_count(10)
    page.get_by_role("button", name=words["teach"]["train"], exact=True).click()
    expect(page.locator(".teach-measured")).to_contain_text(
        page.evaluate("(tag) => Intl.NumberFormat(tag, { style: 'percent' }).format(1)", language)
    )
    check("taught")
    context.close()


def test_right_to_left_the_page_is_mirrored(serve: Callable[[Path], Any], make_bundle: Callable[..., Path], watched: Any) -> None:
    page: Page = watched.page
    page.goto(serve(make_bundle(language="ar", title="Colors")).url)
    page.wait_for_selector("html[data-ready]")
    picture, answer = (page.locator(selector).bounding_box() for selector in ("#stage", "#answer"))
    assert picture["x"] > answer["x"]
    title = page.locator("h1 bdi").bounding_box()
    assert title["x"] + title["width"] > 1100
    page.set_input_files("#file", [RED])
    expect(page.locator("#label")).to_have_text("red")
    label = page.locator("#label")
    text = label.evaluate(
        "(e) => { const r = document.createRange(); r.selectNodeContents(e); return r.getBoundingClientRect().right; }"
    )
    assert abs(text - label.evaluate("(e) => e.getBoundingClientRect().right")) < 2
    # The best bar grows from the right.
    assert page.locator(".bar-best .bar-fill").evaluate("(bar) => getComputedStyle(bar).transformOrigin").split()[0] != "0px"
    assert json.loads(page.evaluate("fetch('manifest.webmanifest').then((r) => r.text())"))["dir"] == "rtl"
    assert watched.complaints == []
