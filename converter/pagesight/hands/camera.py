"""From light to a picture file: exposure, blur, grain and compression as small cameras have them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from pagesight.hands.subject import Camera
from pagesight.hands.surface import Floats


def compose(hand: Floats, coverage: Floats, behind: Floats, towards: Floats, shadow: float) -> Floats:
    """Put the hand [side, side, 3] before the backdrop, on which it throws a soft shadow of depth `shadow` (0..1)."""
    if shadow > 0:
        side = len(coverage)
        fall = 0.07 * side
        cast = ndimage.gaussian_filter(coverage[::2, ::2], 0.012 * side)
        cast = ndimage.shift(cast, (-fall * towards[1] / 2, -fall * towards[0] / 2), order=1, mode="nearest")
        cast = cast.repeat(2, 0).repeat(2, 1)[:side, :side]
        behind = behind * (1 - shadow * cast[..., None])
    mask = coverage[..., None]
    return np.asarray(hand * mask + behind * (1 - mask), np.float32)


def photograph(light: Floats, camera: Camera, side: int, rng: np.random.Generator) -> Image.Image:
    """Develop linear RGB [any, any, 3] into an RGB picture of `side` pixels."""
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(light[..., c])).resize((side, side), Image.Resampling.BOX))
        for c in range(3)
    ]
    small = np.stack(planes, -1) * (camera.exposure * np.exp(rng.normal(0, 0.08)))
    small = _vignette(_blurred(small, camera, side, rng), camera.vignette)
    levels = 255 * _tone(small, camera.contrast)
    if camera.noise > 0:
        # Shot noise is stronger in the dark once the tone curve has lifted it.
        grain = rng.standard_normal(levels.shape, np.float32)
        levels = levels + grain * camera.noise * (1.3 - levels / 255)
    picture = Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8))
    if camera.quality >= 100:
        return picture
    coded = io.BytesIO()
    picture.save(coded, "JPEG", quality=camera.quality)
    return Image.open(coded).convert("RGB")


def _blurred(light: Floats, camera: Camera, side: int, rng: np.random.Generator) -> Floats:
    if camera.blur > 0:
        light = ndimage.gaussian_filter(light, (camera.blur * side, camera.blur * side, 0))
    if rng.random() < 0.12:
        length = max(2, round(rng.uniform(0.01, 0.035) * side))
        light = ndimage.uniform_filter1d(light, length, axis=int(rng.integers(2)))
    return light


def _vignette(light: Floats, strength: float) -> Floats:
    edge = np.linspace(-1, 1, len(light), dtype=np.float32) ** 2
    return np.asarray(light * (1 - strength * 0.5 * (edge[:, None] + edge[None, :]) ** 1.5 / 1.4)[..., None], np.float32)


def _tone(light: Floats, contrast: float) -> Floats:
    """Display levels 0..1: the power law with a soft shoulder, so that bright skin does not burn out."""
    light = np.maximum(light, 0)
    rolled = np.where(light < 0.6, light, 0.6 + 0.4 * np.tanh((light - 0.6) / 0.4))
    level = rolled ** (1 / 2.2)
    return np.asarray(np.clip(0.5 + (level - 0.5) * contrast, 0, 1), np.float32)
