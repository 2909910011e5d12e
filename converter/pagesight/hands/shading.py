"""Skin and light: what color every pixel of the hand sends to the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from pagesight.hands.body import FOREARM, PALM, SLEEVE, Body
from pagesight.hands.skeleton import THUMB
from pagesight.hands.subject import Light, Skin, Subject
from pagesight.hands.surface import Floats, Surface

Indices: TypeAlias = NDArray[np.signedinteger]
Flags: TypeAlias = NDArray[np.bool_]

_MOTTLE = 240
# The three great lines of a right palm, in mm from the wrist: heart, head, life.
_PALM_LINES = (
    ((-40, 68), (-24, 70), (-6, 74), (8, 82), (14, 94)),
    ((30, 74), (16, 68), (0, 60), (-16, 52), (-28, 47)),
    ((30, 76), (18, 68), (9, 54), (3, 36), (4, 16)),
    ((2, 24), (0, 44), (2, 66)),
)
_MAP_ORIGIN = np.array([-60.0, -20.0])
_MAP_SIDE, _MAP_ZOOM = 140, 2
# Light travels further under the skin the redder it is, so the edge of shade is warm.
_WRAP = np.array([0.34, 0.16, 0.10], np.float32)
_CREASE_TINT = np.array([0.75, 1.0, 1.15], np.float32)


@dataclass(frozen=True)
class _Pixels:
    """The `n` covered pixels of a surface as flat arrays: normal [n, 3]; the others [n], as in Surface."""

    rows: Indices
    columns: Indices
    depth: Floats
    normal: Floats
    open: Floats
    along: Floats
    back: Floats
    cone: Indices
    finger: Indices
    bone: Indices

    def are(self, finger: int, bone: int) -> Flags:
        return np.asarray((self.finger == finger) & (self.bone == bone))


def shade(surface: Surface, body: Body, subject: Subject, rng: np.random.Generator) -> Floats:
    """Linear RGB [side, side, 3] of the lit hand, black where the surface does not cover."""
    rows, columns = np.nonzero(surface.coverage > 0)
    cone = surface.cone[rows, columns]
    pixels = _Pixels(
        rows,
        columns,
        surface.depth[rows, columns],
        surface.normal[rows, columns],
        surface.open[rows, columns],
        surface.along[rows, columns],
        surface.back[rows, columns],
        cone,
        body.finger[cone],
        body.bone[cone],
    )

    albedo, gloss = _skin(pixels, body, subject.skin, rng)
    if subject.cloth is not None:
        on_cloth = pixels.finger == SLEEVE
        albedo[on_cloth] = subject.cloth
        gloss[on_cloth] = 0.0
    unshaded = _self_shadow(surface, subject.light, body.scale)[rows, columns]
    lit = np.zeros((*surface.depth.shape, 3), np.float32)
    lit[rows, columns] = _lit(albedo, gloss, pixels, unshaded, subject.light)
    return lit


def _skin(pixels: _Pixels, body: Body, skin: Skin, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Albedo [n, 3] and strength of highlights [n]."""
    # The ball of the thumb has the color of the palm; the thumb changes over on its way.
    turn = np.where(pixels.are(THUMB, 1), pixels.along, np.float32(1)) * ~pixels.are(THUMB, 0)
    mix = (_smooth((pixels.back + 0.6) / 1.3) * turn)[:, None]
    albedo = skin.palm.astype(np.float32) * (1 - mix) + skin.back.astype(np.float32) * mix

    rough = Image.fromarray(rng.normal(0, 1, (24, 24)).astype(np.float32)).resize((_MOTTLE,) * 2, Image.Resampling.BICUBIC)
    mottle = np.asarray(rough)[pixels.rows % _MOTTLE, pixels.columns % _MOTTLE]
    blood = 0.035 * mottle + 0.10 * (pixels.bone == 2) * pixels.along
    albedo *= 1 + blood[:, None] * np.array([0.5, -1.0, -0.8], np.float32)

    dark = _finger_lines(pixels, body) * skin.lines + _palm_lines(pixels, body, skin)
    albedo *= np.exp(-dark[:, None] * np.array([0.5, 0.85, 0.95], np.float32))

    nail, rim = _nails(pixels)
    albedo += nail[:, None] * (skin.nail.astype(np.float32) - albedo)
    albedo *= 1 - (0.10 if skin.polished else 0.22) * rim[:, None]
    return albedo, 0.05 + nail * np.float32(0.25 if skin.polished else 0.08)


def _nails(pixels: _Pixels) -> tuple[Floats, Floats]:
    """How much of a nail every pixel is, and of its rim."""
    across = 2 * (1 - pixels.back) / np.where(pixels.finger == THUMB, 0.85, 0.75).astype(np.float32) ** 2
    oval = ((pixels.along - 0.80) / 0.46) ** 2 + across
    on = (pixels.bone == 2) & (pixels.finger >= THUMB)
    return on * _smooth((1.0 - oval) * 4), on * np.exp(-(((oval - 1.0) * 4) ** 2))


def _finger_lines(pixels: _Pixels, body: Body) -> Floats:
    """Darkness of the creases under the joints and of the wrinkles above them."""
    axis = body.cones.end - body.cones.start
    length = (np.sqrt((axis * axis).sum(1)) / body.scale).astype(np.float32)[pixels.cone]
    first = pixels.along * length
    last = length - first
    away = np.where(pixels.bone == 0, last, np.where(pixels.bone == 1, np.minimum(first, last), first))
    away = np.where(pixels.are(THUMB, 1), last, away)
    inside = np.clip(-1.6 * pixels.back, 0, 1)
    outside = np.clip(1.6 * pixels.back - 0.3, 0, 1)
    crease = 0.42 * np.exp(-((away / 0.9) ** 2)) + 0.16 * np.exp(-(((away - 3.0) / 0.8) ** 2))
    wrinkle = (0.10 + 0.14 * np.cos(away * 2.2)) * np.exp(-((away / 4.0) ** 2))
    on = (pixels.finger >= THUMB) & ~pixels.are(THUMB, 0)
    return np.asarray(on * (inside * crease + outside * wrinkle), np.float32)


def _palm_lines(pixels: _Pixels, body: Body, skin: Skin) -> Floats:
    """Darkness of the lines of the palm, looked up in a drawing of it."""
    points = np.stack([pixels.columns, pixels.rows, pixels.depth], 1) - body.wrist
    across, along = (points @ body.to_palm.T - _MAP_ORIGIN).T * _MAP_ZOOM
    limit = _MAP_SIDE * _MAP_ZOOM - 1
    result = _draw_palm(skin)[np.clip(along, 0, limit).astype(int), np.clip(across, 0, limit).astype(int)]
    on = np.isin(pixels.finger, (PALM, FOREARM)) | pixels.are(THUMB, 0)
    return np.asarray(on * result * np.clip(-2.5 * pixels.back, 0, 1), np.float32)


def _draw_palm(skin: Skin) -> Floats:
    rng = np.random.default_rng(skin.seed)
    drawing = Image.new("L", (_MAP_SIDE * _MAP_ZOOM,) * 2)
    pen = ImageDraw.Draw(drawing)
    for line in _PALM_LINES:
        points = (np.array(line) + rng.normal(0, 2.0, (1, 2)) + rng.normal(0, 1.0, (len(line), 2)) - _MAP_ORIGIN) * _MAP_ZOOM
        pen.line([tuple(p) for p in points.tolist()], fill=int(150 * skin.lines), width=3, joint="curve")
    for _ in range(9):
        start = rng.uniform((-30, 20), (25, 85)) - _MAP_ORIGIN
        stop = start + rng.normal(0, 9, 2)
        pen.line(
            [tuple((start * _MAP_ZOOM).tolist()), tuple((stop * _MAP_ZOOM).tolist())],
            fill=int(45 * skin.lines),
            width=2,
        )
    for height in (0, 4):
        points = (np.array([(-26, height), (0, height - 2), (26, height + 1)]) - _MAP_ORIGIN) * _MAP_ZOOM
        pen.line([tuple(p) for p in points.tolist()], fill=int(95 * skin.lines), width=3, joint="curve")
    return np.asarray(drawing.filter(ImageFilter.GaussianBlur(1.3)), np.float32) / 255


def _lit(albedo: Floats, gloss: Floats, pixels: _Pixels, unshaded: Floats, light: Light) -> Floats:
    """Light sent to the camera [n, 3]."""
    normal, towards = pixels.normal, light.towards.astype(np.float32)
    key, sky, ground = (color.astype(np.float32) for color in (light.key, light.sky, light.ground))
    diffuse = np.clip(((normal @ towards)[:, None] + _WRAP) / (1 + _WRAP), 0, 1)
    # Red leaks past the edge of a shadow.
    diffuse *= unshaded[:, None] ** np.array([0.75, 1.0, 1.1], np.float32)

    up = (0.5 - 0.5 * normal[:, 1])[:, None]
    around = sky * up + ground * (1 - up)
    nearness = (0.28 + 0.72 * pixels.open)[:, None] ** _CREASE_TINT
    arriving = diffuse * key * (0.45 + 0.55 * nearness) + around * nearness

    half = towards + np.array([0, 0, 1], np.float32)
    shine = np.clip(normal @ (half / np.sqrt(half @ half)), 0, 1) ** 18 * gloss * unshaded
    rim = 0.10 * (1 - np.clip(normal[:, 2], 0, 1)) ** 3 * gloss * pixels.open
    return np.asarray(albedo * arriving + shine[:, None] * key + rim[:, None] * around, np.float32)


def _self_shadow(surface: Surface, light: Light, scale: float) -> Floats:
    """1 where the key light arrives, 0 where another part of the hand is in its way (a march over the depths)."""
    depth, towards = surface.depth, light.towards
    side = len(depth)
    blocked = np.zeros_like(depth)
    for reach in np.geomspace(4, 48, 7) * scale:
        dx, dy = round(float(reach * towards[0])), round(float(reach * towards[1]))
        here = tuple(slice(max(0, -d), side - max(0, d)) for d in (dy, dx))
        there = tuple(slice(max(0, d), side - max(0, -d)) for d in (dy, dx))
        if any(s.stop <= s.start for s in here):
            continue
        above = depth[there] - depth[here] - float(reach * towards[2])
        # What stands far in front of a point is thin: light comes in behind it.
        hit = np.clip(above / (2.5 * scale) - 0.4, 0, 1) * np.clip(3 - above / (22 * scale), 0, 1)
        np.maximum(blocked[here], hit, out=blocked[here])
    return np.asarray(ndimage.gaussian_filter(1 - 0.75 * blocked, 0.6 + 1.6 * light.softness * scale))


def _smooth(value: Floats) -> Floats:
    value = np.clip(value, 0, 1)
    return np.asarray(value * value * (3 - 2 * value), np.float32)
