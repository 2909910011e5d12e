"""A clip of hands that Chromium plays as its camera: each gesture for a second, one fading into the next."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from pagesight import hands

PER_SECOND = 30
"""Chromium plays an MJPEG file at so many frames a second, and from the start again."""
_WIDTH, _HEIGHT = 640, 480
_FADING = 6
_RENDERED = 7
"""The seed of a rendered hand whose gestures are shown plainly."""


def flags(path: Path) -> list[str]:
    """What Chromium is started with to have `path` for a camera, allowed without a question."""
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={path}",
    ]


def hand(digit: int, photographs: Path | None, subject: int = 9) -> Image.Image:
    """The signer's hand from `photographs/<digit>/signerNNN_*.jpg`; without a folder, a rendered one.

    The 9th signer is among those whose photographs the starter model was never trained on.
    """
    if photographs is None:
        return hands.render(digit, np.random.default_rng([_RENDERED, digit]), _HEIGHT)
    (file, *_) = sorted((photographs / str(digit)).glob(f"signer{subject:03}_*.jpg"))
    return Image.open(file).convert("RGB")


def write(pictures: Sequence[Image.Image], into: Path, *, seconds: float = 1.0) -> Path:
    """Write the pictures as 640 × 480 MJPEG; the square in the middle of a frame is the picture itself, whole."""
    scenes = [_scene(picture) for picture in pictures]
    count = round(seconds * PER_SECOND)
    with into.open("wb") as file:
        for scene, following in zip(scenes, [*scenes[1:], scenes[0]], strict=True):
            for number in range(count):
                share = max(0, number - (count - _FADING)) / _FADING
                Image.blend(scene, following, share).save(file, "JPEG", quality=88, subsampling="4:2:0")
    return into


def _scene(picture: Image.Image) -> Image.Image:
    """The picture with borders that go on softly in its own colors: no edge is seen that is none of the room's."""
    model_input = picture.resize((_HEIGHT, _HEIGHT), Image.Resampling.BICUBIC)
    left = (_WIDTH - _HEIGHT) // 2
    wide = np.pad(np.asarray(model_input), ((0, 0), (left, left), (0, 0)), mode="edge")
    soft = Image.fromarray(wide).filter(ImageFilter.GaussianBlur(24))
    mask = Image.new("L", (_WIDTH, _HEIGHT), 0)
    mask.paste(255, (left, 0, left + _HEIGHT, _HEIGHT))
    # The blur goes over into the picture within the borders: the square stays untouched.
    feather = np.asarray(mask, np.float32)
    ramp = np.linspace(0, 255, left, dtype=np.float32)
    feather[:, :left], feather[:, -left:] = ramp, ramp[::-1]
    return Image.composite(Image.fromarray(wide), soft, Image.fromarray(feather.astype(np.uint8)))
