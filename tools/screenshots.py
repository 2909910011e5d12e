"""Pictures of a finished page as people see it: desktop and phone, light and dark, camera and errors.

python tools/screenshots.py BUNDLE INTO [--camera CLIP.mjpeg]
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pagesight import _browser
from pagesight.serve import serving

SIZES = {"desktop": (1280, 900), "phone": (390, 844), "small": (320, 640)}
SCHEMES = ("light", "dark")


def main() -> None:
    """Write all pictures and print where they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("into", type=Path)
    parser.add_argument("--camera", type=Path, help="an MJPEG clip to play as the camera")
    asked = parser.parse_args()
    executable = _browser.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser to take pictures with\n  fix: {_browser.HOW_TO_GET}\n")
    asked.into.mkdir(parents=True, exist_ok=True)
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    if asked.camera:
        flags.append(f"--use-file-for-fake-video-capture={asked.camera}")
    with _browser.launched(executable, *flags) as browser, serving(asked.bundle) as address:
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=2
                )
                take_states(context.new_page(), address, asked.into / f"{size}-{scheme}")
                context.close()
        take_errors(browser, asked.bundle, asked.into)
    print(f"{len(list(asked.into.glob('*.png')))} pictures in {asked.into}")


def take_states(page: Any, address: str, stem: Path) -> None:
    """Ready, a sample answered, the camera running."""
    open_page(page, address)
    page.screenshot(path=f"{stem}-ready.png", full_page=True)
    page.locator(".sample").nth(3).click()
    page.wait_for_timeout(600)
    page.screenshot(path=f"{stem}-answer.png", full_page=True)
    page.locator("#camera").click()
    page.wait_for_timeout(1500)
    page.screenshot(path=f"{stem}-camera.png")


def take_errors(browser: Any, bundle: Path, into: Path) -> None:
    """A model that was tampered with, and a picture that is none."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copytree(bundle, Path(scratch) / "tampered")
        for shard in (copy / "model").glob("*.bin"):
            shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
        with serving(copy) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            page.wait_for_timeout(2000)
            page.screenshot(path=into / "error-tampered.png")
            page.close()
    with serving(bundle) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        open_page(page, address)
        page.set_input_files("#file", {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
        page.wait_for_timeout(800)
        page.screenshot(path=into / "error-no-picture.png")
        page.close()


def open_page(page: Any, address: str) -> None:
    """Open the page and wait for its model."""
    page.goto(address)
    page.wait_for_selector("html[data-ready=true]", timeout=60_000)


if __name__ == "__main__":
    main()
