"""Firefox and WebKit: the same pixels, the same answers and the same page as in Chromium, which the other tests open."""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import assembly
import numpy as np
import pytest
import test_pixels
import tiny_model
import visitor
from conftest import Site
from PIL import Image
from visitor import Visitor

from pagesight.browser.discovery import Browser
from pagesight.contract import Input
from pagesight.page.single_file import write_single_file
from pagesight.pixels import read_model_input

INPUT = Input(side=32, channels=3, crop="center-square")
CAMERA: dict[str, Any] = {
    "firefox": {"preferences": {"media.navigator.streams.fake": True, "media.navigator.permission.disabled": True}},
    "webkit": {
        "flags": (
            "--enable-media-stream=true",
            "--enable-mock-capture-devices=true",
            "--features=-MockCaptureDevicesPrompt",
        )
    },
}
# Known to differ, by 1 of 255 at most: WebKit multiplies colors by alpha where a WebP is lossless.
ROUNDED = {"webkit": {"rgba-webp", "webp-with-a-tail"}, "firefox": set[str]()}
# Read otherwise: WebKit takes no alpha from a BMP, where Python and the other engines do; five or six bits a color are spread over
# eight in another way by each engine, and Python does as Chromium.
OTHERWISE = {"webkit": {"rgba-bmp", "bmp-555", "bmp-565"}, "firefox": {"bmp-555", "bmp-565"}}
LOAD = "async () => { const { load } = await import('./pagesight.js'); globalThis.c = await load(); return true; }"
ASK = """async (pictures) => {
  const answers = [];
  for (const picture of pictures) {
    const blob = new Blob([Uint8Array.from(atob(picture), (c) => c.charCodeAt(0))]);
    const [{ data }, { probabilities }] = [await c.square(blob), await c.predict(blob)];
    answers.push([btoa(String.fromCharCode(...data)), [...probabilities]]);
  }
  return answers;
}"""
IN_ANY_ORDER = """async ([pictures, turns]) => {
  let seed = 11;
  const random = (n) => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32 * n) | 0;
  const sources = await Promise.all(pictures.map(async (picture) => {
    const blob = new Blob([Uint8Array.from(atob(picture), (c) => c.charCodeAt(0))]);
    const image = new Image();
    image.src = URL.createObjectURL(blob);
    await image.decode();
    const [canvas, off] = [document.createElement("canvas"), new OffscreenCanvas(1, 1)];
    for (const drawn of [canvas, off]) {
      [drawn.width, drawn.height] = [image.naturalWidth, image.naturalHeight];
      drawn.getContext("2d").drawImage(image, 0, 0);
    }
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [blob, image, canvas, off, await createImageBitmap(blob), data];
  }));
  const first = await Promise.all(sources.map(async ([blob]) => (await c.square(blob)).data.join()));
  const wrong = [];
  for (let i = 0; i < turns; i++) {
    const [n, kind] = [random(sources.length), random(6)];
    if ((await c.square(sources[n][kind])).data.join() !== first[n]) wrong.push([i, n, kind]);
  }
  return wrong;
}"""


@pytest.fixture(scope="module")
def opened(engine: Browser) -> Iterator[Visitor]:
    """A tab of the engine, its camera a fake one."""
    options = CAMERA[engine.engine]
    with visitor.opened(engine, *options.get("flags", ()), preferences=options.get("preferences")) as one:
        yield one


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = assembly.assemble(tmp_path_factory.mktemp("engines") / "bundle")
    (root / "blank.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>blank</title>', encoding="utf-8")
    element = (
        '<script type="module" src="pagesight-element.js"></script><pagesight-classifier src="./" camera></pagesight-classifier>'
    )
    (root / "element.html").write_text(f'<!doctype html><link rel="icon" href="data:,">{element}', encoding="utf-8")
    site = Site(root)
    yield site
    site.stop()


def _png(color: tuple[int, int, int]) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (80, 60), color).save(target, "PNG")
    return target.getvalue()


def _photographs(count: int) -> dict[str, bytes]:
    """JPEG files as cameras write them: of many sizes, half with a color profile, in every turn."""
    profile = test_pixels._profile()
    rng = np.random.default_rng(5)
    made = {}
    for number in range(count):
        width, height = rng.integers(40, 400, 2)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
        exif = Image.Exif()
        exif[0x112] = number % 8 + 1
        how = {"icc_profile": profile} if number % 2 else {}
        target = io.BytesIO()
        picture = coarse.resize((int(width), int(height)), Image.Resampling.BICUBIC)
        picture.save(target, "JPEG", quality=int(rng.integers(60, 96)), subsampling=number % 3, exif=exif, **how)
        made[f"photograph-{number}"] = target.getvalue()
    return made


def _asked(asked: Visitor, pictures: dict[str, bytes]) -> tuple[dict[str, int], float]:
    """How far (of 255) each picture's pixels are from Python's, and how far a probability is at most."""
    apart, worst = {}, 0.0
    names = list(pictures)
    for start in range(0, len(names), 20):
        part = names[start : start + 20]
        answers = asked.tab.evaluate(ASK, [base64.b64encode(pictures[name]).decode() for name in part])
        for name, (square, probabilities) in zip(part, answers, strict=True):
            seen = np.frombuffer(base64.b64decode(square), np.uint8).reshape(32, 32, 3)
            expected = read_model_input(pictures[name], INPUT)
            apart[name] = int(np.abs(seen.astype(int) - expected).max())
            if apart[name] == 0:
                worst = max(worst, float(np.abs(tiny_model.probabilities(expected) - probabilities).max()))
    return apart, worst


def test_photographs_and_odd_pictures_are_seen_as_in_python(opened: Visitor, site: Site) -> None:
    opened.visit(site.url + "blank.html", "document.title === 'blank'")
    assert opened.tab.evaluate(LOAD)
    apart, worst = _asked(opened, {**_photographs(100), **test_pixels.CORPUS})
    rounded, otherwise = ROUNDED[opened.engine], OTHERWISE[opened.engine]
    assert {name: much for name, much in apart.items() if much and name not in rounded | otherwise} == {}
    assert all(apart[name] == 1 for name in rounded)
    assert worst <= 1e-4


def test_the_order_of_sources_does_not_matter(opened: Visitor, site: Site) -> None:
    opened.visit(site.url + "blank.html", "document.title === 'blank'")
    assert opened.tab.evaluate(LOAD)
    names = ("profile-webp", "noise-jpeg", "already-32", "wide-32", "5000x20")
    pictures = [base64.b64encode(test_pixels.CORPUS[name]).decode() for name in names if not name.startswith("profile")]
    assert opened.tab.evaluate(IN_ANY_ORDER, [pictures, 200]) == []


def test_the_page_answers_samples_and_files_and_shows_where_it_looked(opened: Visitor, site: Site) -> None:
    opened.visit(site.url)
    opened.press("Sample picture: blue")
    opened.answers("blue")
    opened.choose("#file", [_png((220, 30, 40))])
    opened.answers("red")
    opened.press("Where it looked")
    opened.sees("document.querySelector('#heat').checkVisibility()")
    opened.choose("#file", [b"no picture"])
    opened.sees("document.querySelector('#message').textContent.includes('not a picture')")
    assert [url for url in opened.tab.requests() if "localhost" not in url and not url.startswith(("blob:", "data:"))] == []


def test_nothing_stands_in_the_way_of_people_who_hear_or_tab(opened: Visitor, site: Site) -> None:
    opened.visit(site.url)
    axe = (assembly.BUILT.parents[1] / "web_template" / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    found = opened.tab.evaluate(
        f"""async () => {{ {axe}; const {{ violations }} = await axe.run();
          return violations.map(({{ id, nodes }}) => [id, nodes.map(({{ html }}) => html)]); }}"""
    )
    assert found == []


def test_the_camera_is_answered_live(opened: Visitor, site: Site) -> None:
    opened.visit(site.url)
    opened.press("Use camera")
    opened.sees("/^[1-9][0-9]* per second$/.test(document.querySelector('#rate').textContent)")
    opened.sees("document.querySelector('#label').textContent.length > 0")
    # A frame is seen in its proportions, as a canvas of it is: cropped, not squashed.
    assert opened.tab.evaluate(LOAD)
    far = opened.tab.evaluate(
        """async () => {
          const video = document.querySelector("#video");
          video.pause();
          await new Promise((resolve) => setTimeout(resolve, 300));
          const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
          canvas.getContext("2d").drawImage(video, 0, 0);
          const [a, b] = [(await c.square(video)).data, (await c.square(canvas)).data];
          return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
        }"""
    )
    assert far <= 8  # of 255: a frame's colors are made of YUV by another piece of code
    opened.press("Stop")


def test_ten_classes_are_taught_and_kept(opened: Visitor, site: Site) -> None:
    colors = [(r, g, b) for r in (0, 240) for g in (0, 240) for b in (0, 240)] + [(120, 120, 120), (240, 120, 0)]
    opened.visit(site.url)
    opened.press("Teach")
    opened.press("Number gestures")
    opened.sees("document.querySelectorAll('.class-card').length === 10")
    for number, color in enumerate(colors):
        opened.choose_for(f"Add pictures of {number}", [_png((color[0], color[1], color[2] + shade)) for shade in range(3)])
        opened.sees(f"document.querySelectorAll('.class-count')[{number}].textContent.startsWith('3 pictures')")
    opened.press("Train")
    opened.sees("/Done in|Trained/.test(document.querySelector('.outcome .teach-status').textContent)")
    opened.choose("#file", [_png(colors[7])])
    opened.sees("/7/.test(document.querySelector('#label').textContent + document.querySelector('#detail').textContent)")
    opened.visit(site.url)
    opened.press("Teach")
    opened.sees("document.querySelectorAll('.class-count').length === 10")
    assert opened.tab.evaluate("() => document.querySelector('.teach-note').hidden") is True


def test_the_element_answers(opened: Visitor, site: Site) -> None:
    opened.visit(site.url + "element.html", "document.querySelector('pagesight-classifier')?.classifier")
    assert (
        opened.tab.evaluate(
            """async () => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 50, height: 50 });
          const context = canvas.getContext("2d");
          context.fillStyle = "rgb(30, 180, 60)";
          context.fillRect(0, 0, 50, 50);
          const classifier = await document.querySelector("pagesight-classifier").classifier;
          return (await classifier.classify(canvas))[0].label;
        }"""
        )
        == "green"
    )


def test_it_works_without_a_network_after_the_first_visit(opened: Visitor, make_bundle: Callable[..., Path]) -> None:
    site = Site(make_bundle())
    opened.visit(site.url)
    opened.sees("getComputedStyle(document.querySelector('#offline')).visibility === 'visible'")
    site.stop()
    opened.visit(site.url)
    opened.press("Sample picture: green")
    opened.answers("green")


@pytest.mark.parametrize("path", ["model/group1-shard1of1.bin", "contract.json", "page.js"])
def test_an_altered_file_is_refused(opened: Visitor, make_bundle: Callable[..., Path], path: str) -> None:
    bundle = make_bundle()
    file = bundle / path
    altered = bytearray(file.read_bytes())
    altered[len(altered) // 2] ^= 1
    file.write_bytes(altered)
    with ExitStack() as stack:
        site = Site(bundle)
        stack.callback(site.stop)
        opened.tab.goto(site.url)
        opened.sees("document.documentElement.matches('.no-model, .not-started')")
        opened.sees("/changed/.test(document.querySelector('.not-started #not-started, .no-model #message').innerText)")
        assert not opened.tab.evaluate("() => document.documentElement.dataset.ready ?? null")


def test_the_single_file_answers_from_the_disk(opened: Visitor, make_bundle: Callable[..., Path], tmp_path: Path) -> None:
    alone = tmp_path / "my pages #1" / "colors.html"
    alone.parent.mkdir()
    write_single_file(make_bundle(), "colors").rename(alone)
    opened.visit(alone.as_uri())
    opened.press("Sample picture: blue")
    opened.answers("blue")
    opened.choose("#file", [test_pixels._save(Image.new("RGB", (60, 60), (220, 30, 40)), "JPEG")])
    opened.answers("red")


def test_a_browser_that_alters_pictures_is_named(browsers: dict[str, Browser], make_bundle: Callable[..., Path]) -> None:
    if "firefox" not in browsers:
        pytest.skip("no Firefox")
    bundle = make_bundle()
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    probabilities = tiny_model.probabilities(read_model_input((bundle / "samples/0.jpg").read_bytes(), INPUT))
    sample = bundle / "samples" / "0.jpg"
    contract["golden"] = {
        "path": "samples/0.jpg",
        "sha256": assembly.published(sample)["sha256"],
        "probabilities": [float(value) for value in probabilities],
    }
    assembly.seal(bundle, contract)
    with visitor.opened(browsers["firefox"], preferences={"privacy.resistFingerprinting": True}) as one:
        site = Site(bundle)
        one.tab.goto(site.url)
        one.sees("document.querySelector('#message')?.textContent.includes('alters pictures')")
        said = one.tab.evaluate("() => document.querySelector('#message').textContent")
        site.stop()
    assert re.search(r"protect you from tracking.*resistFingerprinting", said, re.DOTALL)
