"""Pictures in place of those that were not given: surfaces that cover each other, as in photographs, with light on them.

Dead leaves (Lee, Mumford and Huang 2001, "Occlusion models for natural images") have the edges and the heavy tails of natural
pictures, which noise with their spectrum alone lacks; networks answer them more like photographs (Baradad et al. 2021,
arXiv:2106.05963).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pagesight.contract import Input

_FINER = 2
"""Pictures are drawn so many times larger, for smooth edges."""
_LEAVES = (20, 250)
_SMALLEST, _TAIL = 0.02, 1.5
"""A leaf's size as a share of the picture, and the power with which larger ones get rarer."""


def leaves(how: Input, texture: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """One picture for each of `texture`, squares of noise, uint8 `[count, side, side, channels]`."""
    random = np.random.default_rng(seed)
    squares = np.empty_like(texture)
    for square, noise in zip(squares, texture.astype(np.float32), strict=True):
        drawn = np.asarray(_drawn(how.side, random), np.float32)
        if how.channels == 1:
            drawn = drawn.mean(2, keepdims=True)
        light = (noise - noise.mean((0, 1))) * random.uniform(0, 0.5)
        square[:] = np.clip(np.round(drawn + light), 0, 255)
    return squares


def _drawn(side: int, random: np.random.Generator) -> Image.Image:
    large = _FINER * side
    tones, spread = random.uniform(40, 215, 3), random.uniform(20, 80)
    image = Image.new("RGB", (large, large), _colour(tones, spread, random))
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(*_LEAVES))):
        width = large * min(1.0, _SMALLEST * (1 - random.random()) ** (-1 / _TAIL))
        height = width * random.uniform(0.3, 1)
        x, y = random.uniform(-0.1 * large, 1.1 * large, 2)
        shape = draw.ellipse if random.random() < 0.6 else draw.rectangle
        shape((x - width / 2, y - height / 2, x + width / 2, y + height / 2), fill=_colour(tones, spread, random))
    return image.resize((side, side), Image.Resampling.BOX)


def _colour(tones: NDArray[Any], spread: float, random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = tones + random.normal(0, spread) + random.normal(0, spread / 2, 3)
    return _byte(red), _byte(green), _byte(blue)


def _byte(value: float) -> int:
    return int(min(max(value, 0), 255))
