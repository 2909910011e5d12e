"""Teaching in the page: from pictures to a head, kept across reloads, downloaded and opened again."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import assembly
import numpy as np
import pytest
from conftest import complains
from PIL import Image
from playwright.sync_api import Page, expect
from tests import tolerance

from pagesight.artifacts import Bundle

READY = "html[data-ready]"
RANDOM = np.random.default_rng(7)


def _picture(color: tuple[int, int, int], name: str = "picture.png") -> dict[str, Any]:
    near = np.clip(np.array(color) + RANDOM.integers(-25, 26, (48, 64, 3)), 0, 255).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(near).save(target, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": target.getvalue()}


COLORS = {"sun": (240, 220, 40), "sea": (20, 120, 200), "plum": (120, 30, 110)}


@pytest.fixture
def teaching(watched: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]) -> Callable[..., Page]:
    """Opens a bundle's page with teaching in it."""

    def open_page(bundle: Path | None = None) -> Page:
        page: Page = watched.page
        page.goto(serve(bundle or make_bundle()).url)
        return _open_teaching(page)

    return open_page


def _open_teaching(page: Page) -> Page:
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_role("heading", name="Teach it your own classes")).to_be_visible()
    return page


def _add_pictures(page: Page, name: str, pictures: list[dict[str, Any]]) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=f"Add pictures of {name}", exact=True).click()
    chooser.value.set_files(pictures)


def _teach_colors(page: Page, each: int = 6) -> None:
    page.get_by_role("button", name="My own classes").click()
    page.get_by_role("button", name="Add class").click()
    # A new class takes the focus, which typing elsewhere would lose to it.
    expect(page.get_by_label("Name of class 3", exact=True)).to_be_focused()
    for number, (name, color) in enumerate(COLORS.items(), 1):
        field = page.get_by_label(f"Name of class {number}", exact=True)
        field.fill(name)
        field.press("Enter")
        _add_pictures(page, name, [_picture(color) for _ in range(each)])
    expect(page.locator(".class-count")).to_have_text([f"{each} pictures"] * len(COLORS))


def _train(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Train")).click()
    expect(page.locator(".outcome .teach-status")).to_have_text("Trained.")


def _shows(page: Page, color: str, label: str) -> None:
    page.set_input_files("#file", [_picture(COLORS[color])])
    expect(page.locator("#label")).to_have_text(label)


def _download(page: Page, button: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path()).read_bytes()


def _with_labels(data: bytes, labels: list[Any]) -> bytes:
    """A taught model whose contract.json was altered."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "contract.json":
                content = json.dumps(json.loads(content) | {"labels": labels}).encode()
            new.writestr(name, content)
    return target.getvalue()


def _delete_all(page: Page) -> None:
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Delete all", exact=True).click()


def _answers(page: Page, base: str, pictures: list[dict[str, Any]]) -> np.ndarray:
    rows = page.evaluate(
        """async ({ base, pictures }) => {
          const { load } = await import(new URL(base + "pagesight.js", document.baseURI).href);
          const classifier = await load(new URL(base, document.baseURI).href);
          const rows = [];
          for (const bytes of pictures) rows.push([...(await classifier.predict(new Blob([new Uint8Array(bytes)]))).probabilities]);
          classifier.dispose();
          return rows;
        }""",
        {"base": base, "pictures": [list(p["buffer"]) for p in pictures]},
    )
    return np.array(rows)


def test_three_classes_are_taught_measured_and_answered(teaching: Callable[..., Page], watched: Any) -> None:
    page = teaching()
    _teach_colors(page)
    _train(page)
    expect(page.locator(".teach-measured > p")).to_have_text("On pictures not used in training, it got 18 of 18 right (100%).")
    for name in COLORS:
        _shows(page, name, name)
    expect(page.locator(".bar")).to_have_count(3)
    expect(page.locator(".per-class-share")).to_have_text(["6 of 6"] * 3)
    page.get_by_role("button", name="Back to Colors").click()
    expect(page.locator("#label")).not_to_have_text("plum")
    assert watched.complaints == []
    assert [url for url in watched.foreign if not url.startswith("blob:")] == []


def test_a_reload_loses_nothing(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _teach_colors(page)
    page.get_by_label("Name of your page").fill("Holiday")
    page.get_by_label("Name of your page").press("Enter")
    page.reload()
    _open_teaching(page)
    expect(page.get_by_label("Name of your page")).to_have_value("Holiday")
    _train(page)
    page.reload()
    _open_teaching(page)
    expect(page.locator(".class-count")).to_have_text(["6 pictures"] * 3)
    expect(page.get_by_label("Name of your page")).to_have_value("Holiday")
    _shows(page, "sea", "sea")


def test_classes_and_pictures_are_removed_and_training_says_what_it_needs(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _teach_colors(page, each=2)
    page.get_by_role("button", name="Remove picture 1 of sun", exact=True).click()
    expect(page.locator(".class-count").first).to_have_text("1 picture")
    # A second click on the same button comes before the first one is through.
    page.get_by_role("button", name="Remove the class plum").evaluate("(button) => { button.click(); button.click(); }")
    expect(page.get_by_role("button", name="Remove the class plum")).to_have_count(0)
    expect(page.locator(".class-card")).to_have_count(2)
    page.get_by_role("button", name="Remove the class sea").click()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    expect(page.locator(".outcome")).to_contain_text("Add at least one picture to each of two classes.")


def test_holding_a_button_or_a_key_records_from_the_camera(teaching: Callable[..., Page]) -> None:
    page = teaching()
    page.get_by_role("button", name="My own classes").click()
    record = page.get_by_role("button", name="Hold to record Class 1")
    record.hover()
    page.mouse.down()
    expect(page.locator(".class-count").first).to_have_text(re.compile(r"^([3-9]|\d\d) pictures"))
    page.mouse.up()
    expect(record).to_have_text("Hold to record")
    other = page.get_by_role("button", name="Hold to record Class 2")
    other.focus()
    page.keyboard.down("Space")
    expect(page.locator(".class-count").nth(1)).to_have_text(re.compile(r"^([3-9]|\d\d) pictures"))
    page.keyboard.up("Space")
    expect(other).to_have_text("Hold to record")
    size = page.locator(".thumb img").first.evaluate("(image) => [image.naturalWidth, image.naturalHeight]")
    assert size == [480, 480]


def test_a_file_that_is_no_picture_is_counted_and_the_rest_is_taken(teaching: Callable[..., Page]) -> None:
    page = teaching()
    page.get_by_role("button", name="My own classes").click()
    _add_pictures(page, "Class 1", [_picture((9, 9, 9)), {"name": "x.png", "mimeType": "image/png", "buffer": b"words"}])
    expect(page.locator(".outcome")).to_contain_text("1 picture was added. 1 could not be read.")
    # A large one is kept smaller, and as it is recognized: on white where it is clear.
    noise = RANDOM.integers(0, 256, (300, 300, 4), dtype=np.uint8)
    noise[:, :100, 3] = 0
    target = io.BytesIO()
    Image.fromarray(noise).save(target, "PNG")
    assert target.tell() > 300_000
    _add_pictures(page, "Class 2", [{"name": "clear.png", "mimeType": "image/png", "buffer": target.getvalue()}])
    corner = (
        page.locator(".class-card")
        .nth(1)
        .locator(".thumb img")
        .evaluate(
            """async (image) => {
          await image.decode();
          const paint = new OffscreenCanvas(1, 1).getContext("2d");
          paint.drawImage(image, 10, 10, 1, 1, 0, 0, 1, 1);
          return [...paint.getImageData(0, 0, 1, 1).data];
        }"""
        )
    )
    assert min(corner) > 245  # a JPEG's white


def test_the_table_of_several_pictures_covers_nothing(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _teach_colors(page)
    page.set_input_files("#file", [_picture(color, f"{name}.png") for name, color in COLORS.items()])
    expect(page.locator("#batch-heading")).to_have_text("3 pictures")
    page.locator("#batch").scroll_into_view_if_needed()
    boxes = [page.locator(selector).bounding_box() for selector in (".stage", "#batch", "#teach")]
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert one is not None
            assert other is not None
            apart = [
                one[at] + one[size] <= other[at] or other[at] + other[size] <= one[at]
                for at, size in (("x", "width"), ("y", "height"))
            ]
            assert any(apart)


def test_the_pictures_come_as_class_folders_and_open_again(teaching: Callable[..., Page]) -> None:
    page = teaching()
    _teach_colors(page, each=3)
    data = _download(page, "Download the pictures")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == [f"{name}/{n:04}.png" for name in sorted(COLORS) for n in (1, 2, 3)]
    _delete_all(page)
    expect(page.locator(".class-card")).to_have_count(0)
    page.set_input_files("#teach-zip", [{"name": "p.zip", "mimeType": "application/zip", "buffer": data}])
    expect(page.locator(".class-count")).to_have_text(["3 pictures"] * 3)
    _train(page)
    _shows(page, "sun", "sun")


@pytest.mark.parametrize("options", [{}, {"initializer": True}], ids=["plain", "initializer"])
def test_the_model_comes_as_a_bundle_that_gives_the_same_answers_elsewhere(
    teaching: Callable[..., Page],
    make_bundle: Callable[..., Path],
    serve: Callable[[Path], Any],
    context: Any,
    tmp_path: Path,
    options: dict[str, bool],
) -> None:
    bundle = make_bundle(**options)
    # Other formats hold the old classes: a taught model is without them.
    (bundle / "also").mkdir()
    (bundle / "also" / "model.tflite").write_bytes(b"the old classes")
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    assembly.seal(bundle, contract | {"also": {"tflite": "also/model.tflite"}})
    page = teaching(bundle)
    _teach_colors(page)
    _train(page)
    page.get_by_label("Name of your page").fill('Holiday <b>"colors"')
    data = _download(page, "Download for a web host")
    taught = tmp_path / "site" / "sub path"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(taught)
    complaints: list[str] = []
    other = context.new_page()
    other.on("console", lambda message: complaints.append(message.text) if complains(message) else None)
    other.goto(f"{serve(taught.parent).url}sub%20path/")
    other.wait_for_selector(READY)
    expect(other.locator("h1")).to_have_text('Holiday <b>"colors"')
    expect(other.locator(".chip")).to_have_text(list(COLORS))
    expect(other.locator(".lead")).to_have_text("Recognizes sun, sea, plum.")
    # How many answers rounding kept was counted with the old classes.
    expect(other.locator("#fact-quantization")).to_contain_text("uint8")
    expect(other.locator("#fact-quantization")).not_to_contain_text("kept")
    expect(other.locator("#trust")).to_have_text("Not verified in a browser")
    pictures = [_picture(color) for color in COLORS.values()]
    for name, picture in zip(COLORS, pictures, strict=True):
        other.get_by_role("button", name=f"Sample picture: {name}").click()
        expect(other.locator("#label")).to_have_text(name)
        page.set_input_files("#file", [picture])
        expect(page.locator("#label")).to_have_text(name)
    here = page.evaluate(
        """() => [...document.querySelectorAll("#bars .bar-fill")].map((bar) =>
             Number(bar.closest(".bar").style.getPropertyValue("--share")))"""
    )
    # The page multiplies in float64, the model that it wrote in float32: features, their mean and largest, and the head's product.
    close = tolerance.of_softmax(tolerance.of_sum(16, tolerance.spread(here), layers=3))
    np.testing.assert_allclose(_answers(other, "./", pictures[-1:])[0], here, rtol=0, atol=close)
    other.get_by_role("button", name="Where it looked").click()
    expect(other.locator("#heat")).to_be_visible()
    assert complaints == []
    ahead = {path.relative_to(taught).as_posix() for path in (taught / "model").iterdir()}
    hints = other.locator("link[rel=preload]").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    own = re.findall(r'own-files:([^"]*)', (taught / "pagesight.js").read_text(encoding="utf-8"))
    assert ({"contract.json", *ahead}, [ahead]) == (set(hints), [set(text.split(",")) for text in own])
    assert Bundle.open(taught).contract.labels == tuple(COLORS)
    assert not (taught / "also").exists()
    assert "also" not in json.loads((taught / "contract.json").read_text(encoding="utf-8"))
    manifest = json.loads((taught / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"].keys() == {
        p.relative_to(taught).as_posix() for p in taught.rglob("*") if p.is_file() and p.name != "manifest.json"
    }
    # And back: on a page that was never taught.
    _delete_all(page)
    crowd, numbers = [str(number) for number in range(201)], [1, 2, 3]
    for labels, words in ((crowd, "more than a page allows"), (numbers, "no pictures in class folders")):
        buffer = _with_labels(data, labels)
        page.set_input_files("#teach-zip", [{"name": "m.zip", "mimeType": "application/zip", "buffer": buffer}])
        expect(page.locator(".keeping .teach-status")).to_contain_text(words)
    expect(page.locator(".class-card")).to_have_count(0)
    page.set_input_files("#teach-zip", [{"name": "m.zip", "mimeType": "application/zip", "buffer": data}])
    expect(page.locator(".class-card")).to_have_count(3)
    _shows(page, "plum", "plum")


def test_names_in_zips_of_windows_and_macos_are_read(teaching: Callable[..., Page]) -> None:
    page = teaching()
    mac, plain = "Grün", "xxxxx"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number, color in enumerate((*COLORS.values(), *COLORS.values())):
            archive.writestr(f"{plain}/{number}.png", _picture(color)["buffer"])
            archive.writestr(f"photos\\sea\\{number}.png", _picture(color)["buffer"])
        archive.writestr("../photos/./sea/0.png", _picture((9, 9, 9))["buffer"])  # the same name, and out of the folder
    data = target.getvalue().replace(plain.encode(), mac.encode())  # UTF-8, without the flag that says so
    page.set_input_files("#teach-zip", [{"name": "w.zip", "mimeType": "application/zip", "buffer": data}])
    expect(page.locator(".class-count")).to_have_text(["6 pictures", "7 pictures"])
    names = page.locator(".class-card input.class-name").evaluate_all("(inputs) => inputs.map((input) => input.value)")
    assert names == [mac, "sea"]


def test_a_zip_that_unpacks_to_more_than_a_page_takes_is_refused_in_words(teaching: Callable[..., Page]) -> None:
    page = teaching()
    bomb, crowd = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(100):
            archive.writestr(f"cat/{number}.png", bytes(1 << 20))
    with zipfile.ZipFile(crowd, "w") as archive:
        for number in range(201):
            archive.writestr(f"{number}/1.png", b"x")
    for data in (bomb.getvalue(), crowd.getvalue()):
        page.set_input_files("#teach-zip", [{"name": "z.zip", "mimeType": "application/zip", "buffer": data}])
        expect(page.locator(".keeping .teach-status")).to_contain_text("more than a page allows")
        page.set_input_files("#teach-zip", [{"name": "z.zip", "mimeType": "application/zip", "buffer": b"no zip"}])
        expect(page.locator(".keeping .teach-status")).to_contain_text("That did not work")
    assert page.locator(".class-card").count() == 0


def test_a_zip_of_something_else_is_said_to_be_none_of_ours(teaching: Callable[..., Page]) -> None:
    page = teaching()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("notes/readme.txt", "words")
    for data, words in ((target.getvalue(), "There are no pictures in class folders"), (b"no zip", "That did not work")):
        page.set_input_files("#teach-zip", [{"name": "z.zip", "mimeType": "application/zip", "buffer": data}])
        expect(page.locator(".keeping .teach-status")).to_contain_text(words)
