"""Who holds up the hand and where: one person, one room, one camera, shared by all the pictures of a session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pagesight.hands.body import View
from pagesight.hands.skeleton import Build, Vector

# Back-of-hand tones in sRGB from light to dark, warmer than swatches of make-up: skin is lit from within.
_TONES = np.array(
    [
        (243, 205, 184),
        (235, 189, 160),
        (226, 176, 142),
        (213, 160, 122),
        (197, 141, 103),
        (173, 118, 82),
        (143, 94, 65),
        (112, 72, 50),
        (86, 55, 39),
        (66, 43, 32),
    ],
    float,
)
_PALE_PALM = np.array((222, 165, 138), float)
_POLISH = np.array([(120, 20, 40), (190, 40, 60), (225, 150, 160), (40, 40, 60), (235, 235, 235), (60, 25, 45)], float)
_CLOTH = np.array(
    [
        (40, 45, 60),
        (150, 40, 45),
        (60, 80, 110),
        (205, 200, 190),
        (70, 95, 75),
        (25, 25, 28),
        (170, 130, 80),
        (120, 120, 125),
    ],
    float,
)


@dataclass(frozen=True)
class Skin:
    """Linear RGB (0..1) of the back, the palm and the nails, and the seed and depth (0..1) of the lines."""

    back: Vector
    palm: Vector
    nail: Vector
    polished: bool
    lines: float
    seed: int


@dataclass(frozen=True)
class Light:
    """A key light and what comes from all around: `towards` is a unit vector to the key; colors are linear RGB."""

    towards: Vector
    key: Vector
    sky: Vector
    ground: Vector
    softness: float


@dataclass(frozen=True)
class Camera:
    """exposure is a factor; noise in 8-bit levels; blur in fractions of the side; quality is JPEG's, 100 for none."""

    exposure: float
    noise: float
    blur: float
    vignette: float
    contrast: float
    quality: int


@dataclass(frozen=True)
class Subject:
    """One person in one session. `room` names a kind of backdrop, `room_seed` makes it always the same."""

    build: Build
    skin: Skin
    left_handed: float
    cloth: Vector | None
    yaw: float
    size: float
    distance: float
    light: Light
    camera: Camera
    room: str
    room_seed: int
    wall_shadow: float


ROOMS = ("paper", "wall", "gradient", "texture", "indoors", "person")
_ROOM_SHARES = (0.26, 0.18, 0.12, 0.12, 0.18, 0.14)


def meet(rng: np.random.Generator) -> Subject:
    """Draw a signer."""
    cloth = _CLOTH[rng.integers(len(_CLOTH))] + rng.normal(0, 8, 3) if rng.random() < 0.5 else None
    room = str(rng.choice(ROOMS, p=_ROOM_SHARES))
    skin = _skin(rng)
    return Subject(
        build=_build(rng),
        skin=skin,
        left_handed=float(rng.choice((0.08, 0.92), p=(0.6, 0.4))),
        cloth=None if cloth is None else linear(cloth),
        yaw=rng.normal(0, 9),
        size=rng.uniform(0.78, 1.1),
        distance=rng.uniform(380, 900),
        light=_light(rng),
        camera=_camera(rng, skin),
        room=room,
        room_seed=int(rng.integers(2**31)),
        wall_shadow=rng.uniform(0.1, 0.5) if room in ("paper", "wall", "texture") else 0.0,
    )


def hold_up(subject: Subject, digit: int, rng: np.random.Generator) -> View:
    """How `signer` happens to hold up the hand this time."""
    # The round of a zero shows from the side; the other numbers face the camera.
    yaw = rng.uniform(38, 92) if digit == 0 else rng.normal(0, 13)
    return View(
        left=bool(rng.random() < subject.left_handed),
        yaw=yaw + subject.yaw,
        pitch=rng.normal(2, 10),
        roll=rng.normal(0, 9),
        wrist=(rng.normal(3, 11), rng.normal(0, 9)),
        size=subject.size * rng.uniform(0.88, 1.1),
        shift=(rng.normal(0, 0.06), rng.normal(0.02, 0.05)),
        distance=subject.distance,
        sleeve=None if subject.cloth is None else rng.uniform(35, 110),
    )


def linear(levels: Vector) -> Vector:
    """Levels 0..255 as linear light 0..1, by the plain power law."""
    light: Vector = np.clip(np.asarray(levels, float) / 255, 0, 1) ** 2.2
    return light


def _build(rng: np.random.Generator) -> Build:
    fingers = tuple(float(f) for f in 1 + rng.normal(0, 0.025, 5))
    return Build(
        float(np.clip(rng.normal(1.0, 0.05), 0.9, 1.12)),
        float(np.clip(rng.normal(1.0, 0.08), 0.84, 1.2)),
        float(np.clip(rng.normal(1.0, 0.05), 0.9, 1.12)),
        (fingers[0], fingers[1], fingers[2], fingers[3], fingers[4]),
    )


def _skin(rng: np.random.Generator) -> Skin:
    place = rng.uniform(0, len(_TONES) - 1)
    low = int(place)
    tone = _TONES[low] + (place - low) * (_TONES[min(low + 1, len(_TONES) - 1)] - _TONES[low])
    tone = tone * rng.normal(1, 0.025, 3) + np.array([4, 0, -4]) * rng.normal()
    # Palms have little melanin, so dark skin has the greater difference.
    palm = tone + (_PALE_PALM - tone) * (0.12 + 0.04 * place) + (4, -3, -3)
    polished = bool(rng.random() < 0.15)
    nail = _POLISH[rng.integers(len(_POLISH))] if polished else 0.8 * tone + 0.2 * np.array((250, 205, 195))
    return Skin(linear(tone), linear(palm), linear(nail), polished, rng.uniform(0.5, 1.0), int(rng.integers(2**31)))


def _light(rng: np.random.Generator) -> Light:
    aside, above = rng.normal(0, 0.55), rng.normal(0.45, 0.4)
    towards = np.array([aside, -above, rng.uniform(0.55, 1.2)])
    warmth = rng.normal(0, 0.09)
    strength = rng.uniform(0.55, 1.0)
    key = np.array([1 + warmth, 1.0, 1 - warmth]) * strength
    around = rng.normal(0, 0.06)
    sky = np.array([1 + around, 1.0, 1 - around]) * rng.uniform(0.28, 0.5)
    return Light(towards / np.linalg.norm(towards), key, sky, sky * rng.uniform(0.45, 0.9), rng.uniform(0.3, 1.0))


def _camera(rng: np.random.Generator, skin: Skin) -> Camera:
    # A camera that meters on the hand opens up for a dark one and closes for a pale one, though never all the way.
    metering = (0.32 / float(skin.back.mean())) ** 0.22
    return Camera(
        exposure=float(metering * np.exp(rng.normal(0.08, 0.14))),
        noise=float(rng.gamma(1.5, 1.6)),
        blur=float(rng.choice((0.0, rng.uniform(0.002, 0.007)), p=(0.6, 0.4))),
        vignette=float(rng.choice((rng.uniform(0, 0.15), rng.uniform(0.25, 0.6)), p=(0.6, 0.4))),
        contrast=rng.uniform(0.9, 1.15),
        quality=int(rng.choice((100, int(rng.integers(45, 95))))),
    )
