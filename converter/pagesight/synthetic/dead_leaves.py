"""Pictures in place of those that were not given: surfaces that cover each other, as in photographs, with light on them.

Dead leaves (Lee, Mumford and Huang 2001, "Occlusion models for natural images") have the edges and the heavy tails of natural
pictures, which noise with their spectrum alone lacks; networks answer them more like photographs (Baradad et al. 2021,
arXiv:2106.05963).
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pagesight.contract import Input

_FINER = 2
"""Pictures are drawn so many times larger, for smooth edges."""
_LEAVES = (20, 250)
_SMALLEST, _TAIL = 0.02, 1.5
"""A leaf's size as a share of the picture, and the power with which larger ones get rarer."""


def leaves(options: Input, texture: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """One picture for each of `texture`, squares of noise, uint8 `[count, side, side, channels]`."""
    random = np.random.default_rng(seed)
    inputs = np.empty_like(texture)
    for model_input, noise in zip(inputs, texture.astype(np.float32), strict=True):
        drawn = np.asarray(_drawn(options.side, random), np.float32)
        if options.channels == 1:
            drawn = drawn.mean(2, keepdims=True)
        light = (noise - noise.mean((0, 1))) * random.uniform(0, 0.5)
        model_input[:] = np.clip(np.round(drawn + light), 0, 255)
    return inputs


def _drawn(side: int, random: np.random.Generator) -> Image.Image:
    large = _FINER * side
    tones, spread = random.uniform(40, 215, 3), random.uniform(20, 80)
    count = int(random.integers(*_LEAVES))
    widths = large * np.minimum(1.0, _SMALLEST * (1 - random.random(count)) ** (-1 / _TAIL))
    halves = np.stack([widths, widths * random.uniform(0.3, 1, count)], axis=1) / 2
    middles = random.uniform(-0.1 * large, 1.1 * large, (count, 2))
    shades = random.normal(0, spread, (count + 1, 1)) + random.normal(0, spread / 2, (count + 1, 3))
    ground, *colors = (tuple(color) for color in (tones + shades).clip(0, 255).astype(int).tolist())
    image = Image.new("RGB", (large, large), ground)
    draw = ImageDraw.Draw(image)
    boxes = np.concatenate([middles - halves, middles + halves], axis=1).tolist()
    for box, color, round_ in zip(boxes, colors, random.random(count) < 0.6, strict=True):
        (draw.ellipse if round_ else draw.rectangle)(box, fill=color)
    return image.resize((side, side), Image.Resampling.BOX)
