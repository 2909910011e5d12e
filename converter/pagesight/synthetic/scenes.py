"""Made-up scenes with the edges, colors and clutter of photographs: things before things, faces, writing, lights in the dark."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from pagesight.pixels import Pixels

_SURFACES = 64
"""Textures that are painted for a batch of scenes; each scene takes some of them, turned and moved."""
_VIEWS = 3
"""Pictures that are taken of a scene, the second and later ones of a part of it: drawing takes longer than looking."""
_SKIN, _HAIR = np.array([226.0, 172.0, 140.0]), np.array([60.0, 42.0, 32.0])
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ     .,-")

_Chance = np.random.Generator
_Floats = NDArray[np.float64]


def scenes(side: int, count: int, seed: int) -> Pixels:
    """Draw `count` scenes: uint8 `[count, side, side, 3]`; the same arguments give the same pixels.

    Most are dead leaves (Lee, Mumford and Huang 2001): things of all sizes that hide one another, which share the statistics of
    photographs and teach networks nearly as well (Baradad et al. 2021).
    """
    chance = np.random.default_rng((seed, side))
    surfaces = [_surface(chance, side) for _ in range(_SURFACES)]
    drawn = np.empty((count, side, side, 3), np.uint8)
    for number in range(count):
        if number % _VIEWS == 0:
            paint = chance.choice(len(_PAINTERS), p=[share for _, share in _PAINTERS])
            scene = _PAINTERS[paint][0](chance, side, surfaces)
        drawn[number] = _developed(_part(scene, chance) if number % _VIEWS else scene, chance)
    return drawn


def _part(scene: Image.Image, chance: _Chance) -> Image.Image:
    """Half of the scene or more, as large as the whole, perhaps mirrored."""
    size = int(scene.width * chance.uniform(0.5, 0.9))
    left, top = (int(v) for v in chance.integers(0, scene.width - size + 1, 2))
    part = scene.resize(scene.size, Image.Resampling.BILINEAR, (left, top, left + size, top + size))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance.random() < 0.5 else part


def _color(chance: _Chance) -> _Floats:
    """Of skin and wood, dull, or any."""
    kind = chance.random()
    if kind < 0.35:
        return np.asarray(_SKIN * chance.uniform(0.25, 1.1) + chance.normal(0, 10, 3))
    return np.asarray(chance.uniform(20, 235) + chance.normal(0, 12, 3) if kind < 0.7 else chance.uniform(0, 255, 3))


def _fill(color: _Floats) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in np.clip(color, 0, 255))
    return red, green, blue


def _surface(chance: _Chance, side: int) -> Image.Image:
    """Two colors that change into each other as a gradient, stripes, clouds, a shine, or hardly."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    turn = chance.uniform(0, 2 * np.pi)
    along = x * np.cos(turn) + y * np.sin(turn)
    kind = chance.integers(5)
    if kind == 0:
        share = np.clip(0.5 + 0.5 * along, 0, 1)
    elif kind == 1:
        share = 0.5 + 0.5 * np.sin(along * chance.uniform(4, 60) + chance.uniform(0, 6))
        share = np.round(share) if chance.random() < 0.5 else share
    elif kind == 2:
        cells = int(chance.integers(3, side // 2))
        clouds = Image.fromarray(chance.normal(0, 1, (cells, cells)).astype(np.float32))
        share = np.clip(0.5 + 0.3 * np.asarray(clouds.resize((side, side), Image.Resampling.BICUBIC), float), 0, 1)
    elif kind == 3:
        share = np.clip(0.5 * np.hypot(x - chance.uniform(-1, 1), y - chance.uniform(-1, 1)), 0, 1)
    else:
        share = np.full((side, side), chance.uniform(0, 0.3))
    one, other = _color(chance), _color(chance)
    levels = one + (other - one) * chance.uniform(0.1, 1) * share[..., None]
    levels = levels + chance.normal(0, chance.uniform(0, 8), (side, side, 1))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _taken(chance: _Chance, side: int, surfaces: Sequence[Image.Image]) -> Image.Image:
    """One of the surfaces, turned by quarters and moved, in a slightly other light."""
    taken = surfaces[int(chance.integers(len(surfaces)))].transpose(Image.Transpose(int(chance.integers(7))))
    taken = ImageChops.offset(taken, *(int(v) for v in chance.integers(0, side, 2)))
    return Image.blend(Image.new("RGB", taken.size), taken, float(chance.uniform(0.6, 1.3)))


def _outline(chance: _Chance, side: int, size: float) -> Image.Image:
    """A mask, mode L: an ellipse, a box, something with corners, a limb or a blob of about `size` pixels."""
    mask = Image.new("L", (side, side))
    pen = ImageDraw.Draw(mask)
    x, y = (float(v) for v in chance.uniform(0, side, 2))
    kind = chance.integers(5)
    flat = float(chance.uniform(0.25, 1)) * size
    if kind == 0:
        pen.ellipse((x - size, y - flat, x + size, y + flat), fill=255)
    elif kind == 1:
        pen.rectangle((x - size, y - flat, x + size, y + flat), fill=255)
    elif kind == 2:
        many = int(chance.integers(3, 12))
        pen.polygon(_around(x, y, np.sort(chance.uniform(0, 2 * np.pi, many)), size * chance.uniform(0.4, 1.2, many)), fill=255)
    elif kind == 3:
        _limb(chance, pen, x, y, size)
    else:
        turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        waves = [chance.normal(0, 0.5 / n) * np.cos(n * turns + chance.uniform(0, 2 * np.pi)) for n in range(2, 6)]
        pen.polygon(_around(x, y, turns, size * np.maximum(1 + np.sum(waves, 0), 0.1)), fill=255)
    if chance.random() < 0.3:
        mask = mask.rotate(float(chance.uniform(0, 360)), center=(x, y))
    return mask.filter(ImageFilter.GaussianBlur(float(chance.uniform(0.3, 1.5)))) if chance.random() < 0.5 else mask


def _around(x: float, y: float, turns: _Floats, reach: _Floats) -> list[tuple[float, float]]:
    return [(x + float(r * np.cos(t)), y + float(r * np.sin(t))) for t, r in zip(turns, reach, strict=True)]


def _limb(chance: _Chance, pen: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    """A thick bent line with round ends: an arm, a branch, a hose."""
    width = max(2, int(size * chance.uniform(0.15, 0.6)))
    points, turn = [(x, y)], chance.uniform(0, 2 * np.pi)
    for _ in range(chance.integers(1, 4)):
        turn, reach = turn + chance.normal(0, 0.6), size * chance.uniform(0.5, 1.5)
        points.append((points[-1][0] + float(reach * np.cos(turn)), points[-1][1] + float(reach * np.sin(turn))))
    pen.line(points, fill=255, width=width, joint="curve")
    for a, b in points:
        pen.ellipse((a - width / 2, b - width / 2, a + width / 2, b + width / 2), fill=255)


def _leaves(chance: _Chance, side: int, surfaces: Sequence[Image.Image]) -> Image.Image:
    """A few large things, or many of all sizes, each before those that were there; most with a side in the shade."""
    scene = _taken(chance, side, surfaces)
    few = chance.random() < 0.4
    rounded = chance.random() < 0.7
    for _ in range(chance.integers(1, 5) if few else chance.integers(5, 50)):
        size = float(side * (chance.uniform(0.1, 0.5) if few else min(0.5, 0.03 / chance.random() ** 0.7)))
        mask = _outline(chance, side, size)
        surface = _taken(chance, side, surfaces)
        if rounded and size > 4:
            inside = mask.reduce(4).filter(ImageFilter.GaussianBlur(size * 0.1)).resize(mask.size, Image.Resampling.BILINEAR)
            lit = ImageChops.offset(inside, int(chance.normal(0, size * 0.3)), int(chance.normal(0, size * 0.3)))
            light = Image.blend(Image.new("L", mask.size, 255), lit, 0.65)
            surface = ImageChops.multiply(surface, Image.merge("RGB", (light, light, light)))
        scene.paste(surface, mask=mask)
    return scene


def _face(chance: _Chance, side: int, surfaces: Sequence[Image.Image]) -> Image.Image:
    """Head and shoulders before something."""
    scene = (_leaves if chance.random() < 0.5 else _taken)(chance, side, surfaces)
    pen = ImageDraw.Draw(scene)
    skin, hair = _SKIN * chance.uniform(0.3, 1.08) + chance.normal(0, 6, 3), _HAIR * chance.uniform(0.2, 3)
    head = side * chance.uniform(0.15, 0.45)
    x, y = side * chance.uniform(0.25, 0.75), side * chance.uniform(0.25, 0.65)

    def oval(across: float, down: float, wide: float, high: float, color: _Floats) -> None:
        left, top = float(x + (across - wide) * head), float(y + (down - high) * head)
        pen.ellipse((left, top, left + float(2 * wide * head), top + float(2 * high * head)), fill=_fill(color))

    oval(0, 2.6, 2.2, 1.4, _color(chance))
    oval(0, 1.15, 0.42, 0.6, skin * 0.8)
    oval(0, -0.25, 1.0, 1.15, hair)
    if chance.random() < 0.4:
        oval(0, 0.6, 1.05, 1.2, hair)
    for ear in (-0.8, 0.8):
        oval(ear, 0.1, 0.15, 0.25, skin * 0.85)
    oval(0, 0.1, 0.8, 1.05, skin)
    for eye in (-0.33, 0.33):
        oval(eye, -0.05, 0.16, 0.09, np.full(3, 235.0) * chance.uniform(0.7, 1))
        oval(eye, -0.05, 0.07, 0.08, np.array([40.0, 30, 30]))
        oval(eye, -0.27, 0.2, 0.045, hair)
    oval(0, 0.3, 0.13, 0.2, skin * 0.88)
    oval(0, 0.62, 0.3, 0.09, skin * np.array([0.85, 0.6, 0.6]))
    return scene.filter(ImageFilter.GaussianBlur(float(chance.uniform(0.005, 0.02)) * side))


def _writing(chance: _Chance, side: int, surfaces: Sequence[Image.Image]) -> Image.Image:
    """Lines of letters on something, not quite level."""
    paper = Image.new("RGB", (side, side), _fill(_color(chance)))
    scene = Image.blend(paper, _taken(chance, side, surfaces), 0.15)
    pen, ink = ImageDraw.Draw(scene), _fill(_color(chance))
    size = float(side * chance.uniform(0.05, 0.24))
    font, y = ImageFont.load_default(size), float(chance.uniform(-size, size))
    while y < side:
        pen.text((float(chance.uniform(-0.15, 0.05)) * side, y), "".join(chance.choice(_LETTERS, 60)), fill=ink, font=font)
        y += size * float(chance.uniform(1.1, 1.6))
    return scene.rotate(float(chance.normal(0, 6)), fillcolor=paper.getpixel((0, 0)))


def _lights(chance: _Chance, side: int, surfaces: Sequence[Image.Image]) -> Image.Image:
    """Small lights in the dark."""
    scene = _taken(chance, side, surfaces)
    scene = Image.blend(Image.new("RGB", scene.size), scene, 0.25)
    pen = ImageDraw.Draw(scene)
    for _ in range(chance.integers(10, 150)):
        x, y = (float(v) for v in chance.uniform(0, side, 2))
        wide = float(chance.exponential(0.012)) * side
        pen.ellipse((x, y, x + wide, y + wide), fill=_fill(_color(chance) + 60))
    return scene.filter(ImageFilter.GaussianBlur(float(chance.uniform(0.3, 2))))


_PAINTERS: tuple[tuple[Callable[[_Chance, int, Sequence[Image.Image]], Image.Image], float], ...] = (
    (_leaves, 0.6),
    (_face, 0.2),
    (_taken, 0.05),
    (_writing, 0.1),
    (_lights, 0.05),
)
"""Each with its share of the scenes."""


def _developed(scene: Image.Image, chance: _Chance) -> Pixels:
    """The scene as a camera takes it: light from a side, contrast, now and then without color or in blur, with grain."""
    if chance.random() < 0.3:
        scene = scene.filter(ImageFilter.GaussianBlur(float(chance.exponential(0.006)) * scene.width))
    levels = np.asarray(scene, np.float32)
    across = np.linspace(-1, 1, scene.width, dtype=np.float32)
    turn, strength = chance.uniform(0, 2 * np.pi), chance.uniform(0, 0.4)
    levels = levels * (1 + strength * (across * np.cos(turn) + across[:, None] * np.sin(turn)))[..., None].astype(np.float32)
    if chance.random() < 0.15:
        levels = np.repeat(levels.mean(2, keepdims=True), 3, 2)
    mean = levels.mean()
    levels = (levels - mean) * chance.uniform(0.5, 1.2) + mean * chance.uniform(0.7, 1.2)
    grain = chance.standard_normal((*levels.shape[:2], 1), np.float32) * chance.choice((0, 3, 6))
    return np.asarray(np.clip(levels + grain, 0, 255), np.uint8)
