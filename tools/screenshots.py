"""Pictures of a finished page as people see it, in every state: desktop and phone, light and dark, narrow, wide, in Arabic.

python tools/screenshots.py BUNDLE INTO [--camera CLIP.mjpeg] [--photographs FOLDER] [--only STATE ...]

Writes INTO/<desktop|phone>-<light|dark>/<state>.png, INTO/more/, and a sheet of each folder beside it. Without a clip the
camera plays one of hands: photographs from class folders, or rendered.
"""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page

from pagesight.browser import discovery, tabs
from pagesight.serve import serving

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "web"))
import assembly
import clip
from conftest import before_worker

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
SECONDS = 3
"""How long the clip shows a hand."""
READY = "html[data-ready=true]"
REFUSE = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));"


@dataclass
class Studio:
    """One browser window of one size and color scheme, and where its pictures go."""

    browser: Browser
    bundle: Path
    samples: list[Path]
    into: Path
    scratch: Path
    only: list[str]
    window: dict[str, Any]
    taken: list[Path] = field(default_factory=list)

    @contextlib.contextmanager
    def visit(self, bundle: Path | None = None, *, before: Callable[[Page], object] | None = None) -> Iterator[Page]:
        """A fresh profile's first visit; `before` sees the page while it is blank."""
        context = self.browser.new_context(device_scale_factor=2, **self.window)
        page = context.new_page()
        if before:
            before(page)
        with serving(bundle or self.bundle) as address:
            page.goto(address)
            yield page
            context.close()

    def keep(self, page: Page, state: str, *, whole: bool = True) -> None:
        """Take the picture once what moves has come to rest."""
        if whole:
            # What sticks to the window is otherwise drawn where it was scrolled to.
            page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(400)
        self.into.mkdir(parents=True, exist_ok=True)
        path = self.into / f"{state}.png"
        page.screenshot(path=path, full_page=whole)
        self.taken.append(path)

    def wants(self, *states: str) -> bool:
        """Whether one of these states was asked for."""
        return not self.only or any(state in self.only for state in states)


def recognize(studio: Studio) -> None:
    """Empty, a sample answered, its heat map, an unsure answer, a table, what is no picture."""
    gray = studio.scratch / "gray.png"
    Image.new("RGB", (64, 64), (128, 128, 128)).save(gray)
    text = studio.scratch / "notes.txt"
    text.write_text("no picture", encoding="utf-8")
    with studio.visit() as page:
        page.wait_for_selector(READY)
        studio.keep(page, "empty")
        page.locator(".sample").nth(3).click()
        page.wait_for_selector("#result:visible")
        studio.keep(page, "answer")
        page.locator("#heat-toggle").click()
        page.wait_for_selector("#heat:visible")
        studio.keep(page, "heat-map")
        page.locator("#heat-toggle").click()
        page.set_input_files("#file", gray)
        page.wait_for_selector("#answer[data-state=unsure]")
        studio.keep(page, "not-sure")
        page.set_input_files("#file", [*studio.samples, text])
        page.wait_for_selector("#batch-progress", state="hidden")
        studio.keep(page, "batch")
        page.set_input_files("#file", text)
        page.wait_for_selector("#answer[data-state=error]")
        studio.keep(page, "no-picture")
    with studio.visit() as page:
        page.wait_for_selector(READY)
        page.set_input_files("#file", studio.samples * 200)
        page.locator("#batch-rows tr").nth(12).wait_for()
        studio.keep(page, "busy", whole=False)


def camera(studio: Studio) -> None:
    """The camera on hands, and refused."""
    with studio.visit() as page:
        page.wait_for_selector(READY)
        page.locator("#camera").click()
        page.wait_for_selector("#rate:visible")
        studio.keep(page, "camera", whole=False)
    with studio.visit(before=lambda page: page.add_init_script(REFUSE)) as page:
        page.wait_for_selector(READY)
        page.locator("#camera").click()
        page.wait_for_selector("#answer[data-state=error]")
        studio.keep(page, "camera-refused")


def teach(studio: Studio) -> None:
    """Teaching: nothing yet, being recorded, trained, answering."""
    with studio.visit() as page:
        page.wait_for_selector(READY)
        page.locator("#mode-teach").click()
        page.wait_for_selector(".teach-start")
        studio.keep(page, "teach-empty")
        page.locator(".teach-start button").first.click()
        for number, name in enumerate(("Peace", "Open hand")):
            page.locator(".class-card .class-name").nth(number).fill(name)
            page.locator(".class-card .class-name").nth(number).press("Enter")
            if number:
                # The clip goes on to the other hand.
                page.wait_for_timeout(1000 * SECONDS)
            page.locator(".button-record").nth(number).hover()
            page.mouse.down()
            page.locator(".class-card").nth(number).locator(".thumb").nth(6).wait_for()
            if number:
                studio.keep(page, "teach-recording", whole=False)
            page.mouse.up()
        # On a phone, a camera that is off makes way for the classes, its button included.
        page.locator("#camera").click()
        page.locator(".outcome .button").click()
        page.wait_for_selector(".per-class:visible")
        studio.keep(page, "teach-trained")
        page.evaluate("scrollTo(0, 0)")
        if page.locator("#camera").is_visible():
            page.locator("#camera").click()
            page.wait_for_selector("#result:visible")
            studio.keep(page, "teach-predicting", whole=False)
            page.locator("#camera").click()
        page.locator("#mode-recognize").click()
        page.locator(".sample").first.click()
        page.wait_for_selector("#result:visible")
        studio.keep(page, "taught")


def failures(studio: Studio) -> None:
    """On its way, tampered with, in a browser without WebAssembly, without a network."""
    held: list[Any] = []

    def freeze(route: Any) -> None:
        held.append(route)

    with studio.visit(before=lambda page: page.route("**/*.bin", freeze)) as page:
        page.wait_for_selector("#progress:visible")
        studio.keep(page, "loading")
        for route in held:
            route.abort()
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copytree(studio.bundle, Path(scratch) / "tampered")
        for shard in (copy / "model").glob("*.bin"):
            shard.write_bytes(shard.read_bytes() + b" ")
        with studio.visit(copy) as page:
            page.wait_for_selector("#answer[data-state=error]")
            studio.keep(page, "tampered")
    with studio.visit(before=lambda page: before_worker(page, "delete globalThis.WebAssembly;")) as page:
        page.wait_for_selector("#answer[data-state=error]")
        studio.keep(page, "no-webassembly")
    with studio.visit() as page:
        page.wait_for_selector("#offline:visible")
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector(READY)
        studio.keep(page, "offline")


def report(studio: Studio) -> None:
    """The report beside the page."""
    with studio.visit() as page:
        page.goto(page.url + "report.html")
        page.evaluate("document.querySelectorAll('img').forEach((image) => { image.loading = 'eager'; })")
        page.wait_for_load_state("networkidle")
        studio.keep(page, "report")


GROUPS = {
    recognize: ("empty", "answer", "heat-map", "not-sure", "batch", "no-picture", "busy"),
    camera: ("camera", "camera-refused"),
    teach: ("teach-empty", "teach-recording", "teach-trained", "teach-predicting", "taught"),
    failures: ("loading", "tampered", "no-webassembly", "offline"),
    report: ("report",),
}


def more(studio: Studio) -> None:
    """Narrow, wide, from right to left."""
    with tempfile.TemporaryDirectory() as scratch:
        arabic = shutil.copytree(studio.bundle, Path(scratch) / "arabic")
        contract = json.loads((arabic / "contract.json").read_text(encoding="utf-8"))
        assembly.seal(arabic, contract | {"language": "ar"})
        for name, bundle, width in (("320", studio.bundle, 320), ("2560", studio.bundle, 2560), ("arabic", arabic, 1280)):
            studio.window = {"viewport": {"width": width, "height": 900 if width < 2000 else 1440}}
            with studio.visit(bundle) as page:
                page.wait_for_selector(READY)
                page.locator(".sample").nth(5).click()
                page.wait_for_selector("#result:visible")
                studio.keep(page, name)
                page.locator("#mode-teach").click()
                page.locator(".teach-start button").first.click()
                studio.keep(page, f"{name}-teach")


def sheet(taken: list[Path], into: Path, height: int = 900) -> None:
    """All pictures of a folder beside one another, named."""
    tiles = []
    for path in taken:
        with Image.open(path) as picture:
            small = picture.convert("RGB").resize(
                (round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS
            )
        tile = Image.new("RGB", (small.width, height + 24), "white")
        tile.paste(small, (0, 24))
        ImageDraw.Draw(tile).text((4, 4), path.stem, fill="black", font_size=16)
        tiles.append(tile)
    whole = Image.new("RGB", (sum(tile.width + 16 for tile in tiles), height + 24), "#888")
    left = 0
    for tile in tiles:
        whole.paste(tile, (left, 0))
        left += tile.width + 16
    whole.save(into)


def main() -> None:
    """Write all pictures and print where they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("into", type=Path)
    parser.add_argument("--camera", type=Path, help="an MJPEG clip to play as the camera")
    parser.add_argument("--photographs", type=Path, help="class folders 0 to 9 of hands, for a clip")
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        metavar="STATE",
        choices=[*(s for states in GROUPS.values() for s in states), "more"],
        help="only the groups that hold these states",
    )
    asked = parser.parse_args()
    executable = discovery.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser to take pictures with\n  fix: {discovery.HOW_TO_GET}\n")
    asked.into.mkdir(parents=True, exist_ok=True)
    samples = sorted((asked.bundle / "samples").glob("*"))
    if not samples:
        parser.exit(1, f"{asked.bundle} holds no samples; build it from pictures\n")
    count = 0
    with tempfile.TemporaryDirectory() as scratch:
        film = asked.camera or clip.write(
            [clip.hand(digit, asked.photographs) for digit in (2, 5)], Path(scratch) / "hands.mjpeg", seconds=SECONDS
        )

        def studio(browser: Browser, name: str, **window: Any) -> Studio:
            return Studio(browser, asked.bundle, samples, asked.into / name, Path(scratch), asked.only, window)

        with tabs.launched(executable, *clip.flags(film)) as browser:
            for size, (width, height) in SIZES.items():
                for scheme in SCHEMES:
                    touched = {"has_touch": True, "is_mobile": True} if size == "phone" else {}
                    window = {"viewport": {"width": width, "height": height}, "color_scheme": scheme, **touched}
                    one = studio(browser, f"{size}-{scheme}", **window)
                    for take, states in GROUPS.items():
                        if one.wants(*states):
                            take(one)
                    if one.taken:
                        sheet(one.taken, asked.into / f"{size}-{scheme}.png")
                    count += len(one.taken)
            last = studio(browser, "more", viewport={"width": 1280, "height": 900})
            if last.wants("more"):
                more(last)
                sheet(last.taken, asked.into / "more.png")
    print(f"{count + len(last.taken)} pictures in {asked.into}")


if __name__ == "__main__":
    main()
