"""Where the bones of a hand are: ten number poses of a right one, in millimetres, palm towards +z, thumb towards +x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]

THUMB, INDEX, MIDDLE, RING, LITTLE = range(5)

# Bones of a medium adult hand (Buryanov & Kotiuk 2010, rounded), from the knuckle outwards.
_BONES = np.array([[43, 33, 24], [40, 23, 17], [43, 26.5, 18], [40, 25, 18], [32, 18.5, 16]], float)
_KNUCKLES = np.array([[21, 18, 8], [25, 88, 0], [5, 92, -3], [-14, 87, -1], [-30, 77, 3]], float)
# How far each finger leans towards the ball of the thumb as it closes.
_CONVERGENCE = (0.0, -0.02, 0.06, 0.14, 0.24)

_STRAIGHT = (6.0, 7.0, 4.0)
_CLOSED = (72.0, 100.0, 50.0)
_SPREAD = (0.0, 8.0, 0.0, -8.0, -18.0)

_TOUCHING = {
    LITTLE: (61.0, 62.0, 26.0),
    RING: (52.0, 73.0, 31.0),
    MIDDLE: (49.0, 76.0, 32.0),
    INDEX: (51.0, 73.0, 33.0),
}

_THUMB_OUT = ((0.57, 0.68, 0.42), (0.70, 0.70, 0.10), (0.77, 0.62, -0.08))

# To which side the middle knuckle of a bent thumb goes.
_THUMB_KNUCKLE = {0: (0.6, 0.2, 0.75), 4: (0.7, 0.5, 0.05)}


@dataclass(frozen=True)
class Build:
    """The proportions of a hand: factors around 1 for finger length, thickness, palm width, each finger's length."""

    length: float
    thickness: float
    width: float
    fingers: tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Skeleton:
    """Joints [5 fingers, 4, 3] in mm (knuckle to tip, thumb first), and where the back of each bone looks [5, 3, 3]."""

    joints: Vector
    dorsal: Vector
    build: Build


def pose(digit: int, build: Build, rng: np.random.Generator) -> Skeleton:
    """Bend a hand into the ASL number `digit` (0-9) with the small differences that no two people, or tries, share.

    Fingers bend by joint angles; a thumb that must touch something is placed by inverse kinematics.
    """
    bones = _BONES * build.length * np.asarray(build.fingers)[:, None]
    bones[THUMB] *= 0.5 + 0.5 / build.length
    knuckles = _KNUCKLES * (build.width, 1.0, 1.0)
    joints = np.zeros((5, 4, 3))
    dorsal = np.zeros((5, 3, 3))
    openness = rng.uniform(0.25, 1.35)
    for finger in range(INDEX, LITTLE + 1):
        flexion = np.asarray(_flexion(digit, finger, rng))
        stray = _SPREAD[finger] * openness * max(0.0, 1 - flexion[0] / 70) + rng.normal(0, 2.0)
        # The index of a nine turns to the thumb, which opens the ring to the viewer.
        lean = rng.uniform(0.1, 0.65) if (digit, finger) == (9, INDEX) else _CONVERGENCE[finger]
        joints[finger], dorsal[finger] = _finger(knuckles[finger], bones[finger], flexion, stray, lean)
    joints[THUMB, 0] = knuckles[THUMB]
    joints[THUMB], dorsal[THUMB] = _thumb(digit, bones[THUMB], joints, dorsal, rng)
    return Skeleton(joints, dorsal, build)


def _flexion(digit: int, finger: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Degrees of flexion at the three joints of `finger`."""
    touching = {6: LITTLE, 7: RING, 8: MIDDLE, 9: INDEX}.get(digit)
    if digit == 0:
        base = (52.0, 58.0, 26.0) if finger <= MIDDLE else (58.0, 60.0, 28.0)
        spread = 5.0
    elif finger == touching:
        base = _TOUCHING[finger]
        spread = 8.0
    elif touching is not None or finger in _RAISED[digit]:
        # Neighbours of a bent finger are pulled along a little: they share a tendon.
        pulled = 7.0 if touching is not None and abs(finger - touching) == 1 else 0.0
        base = (_STRAIGHT[0] + pulled, _STRAIGHT[1] + pulled, _STRAIGHT[2])
        spread = 4.0
    else:
        base, spread = _CLOSED, 9.0
    angles = np.asarray(base) + rng.normal(0, spread, 3)
    return float(angles[0]), float(max(angles[1], 0.0)), float(max(angles[2], 0.0))


_RAISED: dict[int, tuple[int, ...]] = {
    0: (),
    1: (INDEX,),
    2: (INDEX, MIDDLE),
    3: (INDEX, MIDDLE),
    4: (INDEX, MIDDLE, RING, LITTLE),
    5: (INDEX, MIDDLE, RING, LITTLE),
}


def _finger(knuckle: Vector, bones: Vector, flexion: Vector, stray: float, lean: float) -> tuple[Vector, Vector]:
    """Joints [4, 3] and dorsal directions [3, 3] of a finger that bends in one plane."""
    aside = np.radians(stray)
    along = np.array([np.sin(aside), np.cos(aside), 0.0])
    inward = _unit(np.array([lean, 0.0, 1.0]))
    angle = np.radians(np.cumsum(flexion))[:, None]
    steps = np.cos(angle) * along + np.sin(angle) * inward
    joints = knuckle + np.vstack([np.zeros(3), np.cumsum(steps * bones[:, None], axis=0)])
    return joints, np.sin(angle) * along - np.cos(angle) * inward


def _thumb(digit: int, bones: Vector, joints: Vector, dorsal: Vector, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Joints [4, 3] and dorsal directions [3, 3] of the thumb, which is placed last because it touches the others."""
    root = joints[THUMB, 0]
    jitter = rng.normal(0, 0.06, (3, 3))
    if digit in (3, 5):
        turn = rng.uniform(-0.22, 0.22)
        chain = _chain(root, bones, np.asarray(_THUMB_OUT) + jitter + (-turn, turn, 0.0))
        nail = np.array([0.1, 0.55, -0.8])
    else:
        target, nail = _thumb_goal(digit, joints, dorsal, rng)
        bend = rng.uniform(25, 60) if digit == 4 else rng.uniform(6, 40)
        outwards = np.array(_THUMB_KNUCKLE.get(digit, (0.7, 0.5, rng.uniform(-0.3, 0.3)))) + jitter[0]
        chain = _reach(root, bones, target, bend, outwards)
    steps = np.diff(chain, axis=0)
    return chain, np.array([_unit(nail - step * (nail @ step) / (step @ step)) for step in steps])


def _thumb_goal(digit: int, joints: Vector, dorsal: Vector, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Where the tip of the thumb goes, and which way its nail looks."""
    if digit == 4:
        return np.array([rng.uniform(-24, 12), rng.uniform(58, 84), rng.uniform(27, 31)]), np.array([0.25, 0.3, 0.9])
    if digit in (1, 2):
        finger = MIDDLE if digit == 1 else RING
        where = rng.uniform(0.1, 0.75)
        bone = joints[finger, 1] * (1 - where) + joints[finger, 2] * where
        return bone + np.array([rng.uniform(-3, 6), rng.uniform(-4, 4), 16.0]), np.array([0.25, 0.4, 0.88])
    if digit == 0:
        tip = 0.55 * joints[INDEX, 3] + 0.45 * joints[MIDDLE, 3]
        return tip - 14.5 * _unit(0.8 * dorsal[INDEX, 2] + 0.2 * dorsal[MIDDLE, 2]), np.array([0.3, -0.1, 0.95])
    finger = {6: LITTLE, 7: RING, 8: MIDDLE, 9: INDEX}[digit]
    # From pad against pad to the thumb laid over the nail, or over the whole last bone.
    over = rng.uniform(0.0, 0.8) if digit == 9 else rng.uniform(0.3, 1.0)
    back = over * rng.uniform(0.0, 0.7)
    tip, pad = joints[finger, 3] * (1 - back) + joints[finger, 2] * back, -dorsal[finger, 2]
    towards = _unit((1 - over) * pad + over * np.array([0.3, -0.1, 0.9]) + np.array([0.15, -0.2, 0.0]))
    return tip + 13.5 * towards, np.array([0.45, 0.15, 0.88])


def _chain(root: Vector, bones: Vector, directions: Vector) -> Vector:
    steps = np.array([_unit(direction) for direction in directions]) * bones[:, None]
    return np.asarray(root + np.vstack([np.zeros(3), np.cumsum(steps, axis=0)]))


def _reach(root: Vector, bones: Vector, target: Vector, bend: float, outwards: Vector) -> Vector:
    """Joints [4, 3] of a thumb whose tip is at `target`, or points there when it is too far.

    Two-bone inverse kinematics: the last joint is bent by `bend` degrees, then the law of cosines places the middle
    knuckle on the `outwards` side.
    """
    outer = np.sqrt(bones[1] ** 2 + bones[2] ** 2 + 2 * bones[1] * bones[2] * np.cos(np.radians(bend)))
    distance = np.sqrt((target - root) @ (target - root))
    away = float(np.clip(distance, abs(bones[0] - outer) + 5, bones[0] + outer - 0.5))
    tip = root + away * _unit(target - root)
    middle = _apex(root, tip, bones[0], outer, outwards)
    return np.array([root, middle, _apex(middle, tip, bones[1], bones[2], outwards), tip])


def _apex(start: Vector, end: Vector, first: float, second: float, outwards: Vector) -> Vector:
    """The corner of a triangle over `start`-`end` with sides of the given lengths, on the `outwards` side."""
    base = np.sqrt((end - start) @ (end - start))
    along = (end - start) / base
    part = (first**2 - second**2 + base**2) / (2 * base)
    height = np.sqrt(max(first**2 - part**2, 0.0))
    apex: Vector = start + part * along + height * _unit(outwards - along * (outwards @ along))
    return apex


def _unit(vector: Vector) -> Vector:
    unit: Vector = vector / np.sqrt(vector @ vector)
    return unit
