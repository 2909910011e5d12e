"""Pictures of one color each, and what the page of colors makes of them."""

import io
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

READY = "html[data-ready]"


def png(color: tuple[int, int, int], name: str = "picture.png") -> dict[str, Any]:
    """A file as Playwright gives one to a page."""
    target = io.BytesIO()
    Image.new("RGB", (80, 60), color).save(target, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": target.getvalue()}


RED, BLUE = png((230, 20, 20), "red.png"), png((10, 20, 240), "blue.png")


def shows(page: Page, label: str) -> None:
    """The page answers `label`, to be seen; looked for at every frame, since a camera's answers pass."""
    page.wait_for_function("(label) => document.querySelector('#label').textContent === label", arg=label)
    expect(page.locator("#result")).to_be_visible()
