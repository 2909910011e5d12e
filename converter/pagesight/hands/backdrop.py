"""What is behind the hand: paper, walls, patterns, blurred rooms and people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pagesight.hands.skeleton import Vector
from pagesight.hands.subject import Subject
from pagesight.hands.surface import Floats

# Rooms are painted small and seen enlarged: they are out of focus, and a moving hand sees another part of them.
_CANVAS = 120
_SEEN = 100


def backdrop(subject: Subject, side: int, rng: np.random.Generator) -> Floats:
    """Linear RGB [side, side, 3] of the room of `signer`; `rng` moves the camera a little."""
    room = _PAINTERS[subject.room](np.random.default_rng(subject.room_seed))
    left, top = rng.uniform(0, _CANVAS - _SEEN, 2)
    seen = room.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + _SEEN, top + _SEEN))
    light: Floats = (np.asarray(seen, np.float32) / 255) ** 2.2
    return light


def _pale(rng: np.random.Generator) -> Vector:
    return np.asarray(np.clip(rng.uniform(150, 245) + rng.normal(0, 7, 3) + np.array([5, 0, -5]) * rng.normal(), 0, 255))


def _color(rng: np.random.Generator) -> Vector:
    """A color as rooms have them: mostly dull, sometimes strong."""
    gray = rng.uniform(25, 235)
    return np.asarray(np.clip(gray + rng.normal(0, 1, 3) * rng.choice((9, 28), p=(0.7, 0.3)), 0, 255))


def _ramp(one: Vector, other: Vector, rng: np.random.Generator) -> Vector:
    """A straight gradient [canvas, canvas, 3] in any direction."""
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : _CANVAS * 1j, -1 : 1 : _CANVAS * 1j]
    share = np.clip(0.5 + 0.5 * (x * np.cos(turn) + y * np.sin(turn)), 0, 1)[..., None]
    ramp: Vector = one * (1 - share) + other * share
    return ramp


def _cloudy(rng: np.random.Generator, cells: int) -> Vector:
    """Smooth noise [canvas, canvas, 1] of unit size."""
    small = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(small.resize((_CANVAS, _CANVAS), Image.Resampling.BICUBIC), float)[..., None]


def _image(levels: Vector) -> Image.Image:
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _fill(color: Vector) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in np.clip(color, 0, 255))
    return red, green, blue


def _paper(rng: np.random.Generator) -> Image.Image:
    """A sheet against the wall, with its folds."""
    tone = np.clip(rng.uniform(190, 240) + rng.normal(0, 4, 3), 0, 255)
    room = _image(_ramp(tone, tone * rng.uniform(0.8, 0.97), rng) + 2 * _cloudy(rng, 6))
    pen = ImageDraw.Draw(room)
    for _ in range(rng.integers(0, 4)):
        one, other = (float(v) for v in rng.uniform(0, _CANVAS, 2))
        line = (0.0, one, float(_CANVAS), other) if rng.random() < 0.5 else (one, 0.0, other, float(_CANVAS))
        pen.line(line, fill=_fill(tone * rng.uniform(0.86, 1.06)), width=1)
    return room.filter(ImageFilter.GaussianBlur(0.8))


def _wall(rng: np.random.Generator) -> Image.Image:
    tone = _pale(rng) if rng.random() < 0.6 else _color(rng)
    return _image(_ramp(tone, tone * rng.uniform(0.6, 0.95), rng) + rng.uniform(0, 5) * _cloudy(rng, 30))


def _gradient(rng: np.random.Generator) -> Image.Image:
    return _image(_ramp(_color(rng), _color(rng), rng) + 6 * _cloudy(rng, 4))


def _texture(rng: np.random.Generator) -> Image.Image:
    """Planks, tiles or cloth."""
    tone = _color(rng)
    room = _ramp(tone, tone * rng.uniform(0.75, 1.0), rng) + rng.uniform(2, 12) * _cloudy(rng, int(rng.integers(8, 60)))
    step = int(rng.integers(5, 40))
    kind = rng.integers(3)
    if kind == 0:
        grain = rng.normal(0, 1, (_CANVAS, 1, 1)) * rng.uniform(2, 9)
        room = room + grain
        room[::step] *= 0.7
    elif kind == 1:
        room[::step] *= 0.8
        room[:, ::step] *= 0.8
    else:
        x = np.arange(_CANVAS)
        room = room + rng.uniform(5, 25) * np.sign(np.sin(x * 2 * np.pi / step))[None, :, None]
    image = _image(room).rotate(float(rng.choice((0, 90, rng.uniform(-20, 20)))), Image.Resampling.BILINEAR, fillcolor=_fill(tone))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))


def _clutter(rng: np.random.Generator) -> Image.Image:
    """Shelves, frames, windows, lamps: a room in blocks."""
    tone = _pale(rng) if rng.random() < 0.6 else _color(rng)
    room = _image(_ramp(tone, tone * rng.uniform(0.6, 1), rng))
    pen = ImageDraw.Draw(room)
    for _ in range(rng.integers(5, 18)):
        x, y = rng.uniform(-20, _CANVAS, 2)
        width, height = rng.gamma(2.0, 13, 2) + 3
        box = (float(x), float(y), float(x + width), float(y + height))
        if rng.random() < 0.75:
            pen.rectangle(box, fill=_fill(_color(rng)))
        else:
            pen.ellipse(box, fill=_fill(_color(rng) + rng.choice((0, 60))))
    return room


def _indoors(rng: np.random.Generator) -> Image.Image:
    return _clutter(rng).filter(ImageFilter.GaussianBlur(rng.uniform(1.5, 6)))


def _person(rng: np.random.Generator) -> Image.Image:
    """The signer before a webcam: head and shoulders behind the hand."""
    room = _clutter(rng) if rng.random() < 0.5 else _wall(rng)
    pen = ImageDraw.Draw(room)
    x, y = rng.uniform(20, 100), rng.uniform(25, 55)
    head, shirt = rng.uniform(14, 24), _color(rng)
    skin = np.array([226, 172, 140]) * rng.uniform(0.3, 1.05)
    hair = np.array([60, 42, 32]) * rng.uniform(0.2, 2.2)
    pen.ellipse((x - 2.6 * head, y + 1.5 * head, x + 2.6 * head, y + 8 * head), fill=_fill(shirt))
    pen.rectangle((x - 0.5 * head, y + 0.8 * head, x + 0.5 * head, y + 1.9 * head), fill=_fill(skin * 0.8))
    pen.ellipse((x - 1.05 * head, y - 1.5 * head, x + 1.05 * head, y + 0.7 * head), fill=_fill(hair))
    pen.ellipse((x - 0.85 * head, y - 1.05 * head, x + 0.85 * head, y + 1.25 * head), fill=_fill(skin))
    for aside in (-0.36, 0.36):
        eye = x + aside * head
        pen.rectangle((eye - 0.22 * head, y - 0.35 * head, eye + 0.22 * head, y - 0.24 * head), fill=_fill(hair))
        pen.ellipse((eye - 0.17 * head, y - 0.16 * head, eye + 0.17 * head, y + 0.1 * head), fill=_fill(skin * 0.35))
    pen.polygon(((x, y), (x - 0.16 * head, y + 0.4 * head), (x + 0.16 * head, y + 0.4 * head)), fill=_fill(skin * 0.85))
    pen.ellipse((x - 0.34 * head, y + 0.62 * head, x + 0.34 * head, y + 0.82 * head), fill=_fill(skin * np.array([0.8, 0.5, 0.5])))
    return room.filter(ImageFilter.GaussianBlur(rng.uniform(2, 5)))


_PAINTERS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "paper": _paper,
    "wall": _wall,
    "gradient": _gradient,
    "texture": _texture,
    "indoors": _indoors,
    "person": _person,
}
