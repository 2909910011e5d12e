"""Flesh on the bones: a skeleton and a point of view become round cones in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pagesight.hands.skeleton import INDEX, LITTLE, THUMB, Skeleton, Vector
from pagesight.hands.surface import Cones

PALM, FOREARM, SLEEVE = -1, -2, -3

# Radii at the knuckle, the two joints and the tip, in mm.
_RADII = np.array(
    [[12.5, 11.2, 10.4, 8.0], [10.0, 9.2, 8.2, 6.9], [10.2, 9.4, 8.4, 7.0], [9.7, 8.9, 7.9, 6.6], [8.6, 7.7, 6.9, 5.8]]
)
_PALM_GROUP, _SLEEVE_GROUP = 0, 6
_MELT = (6.0, 1.6, 1.1, 1.1, 1.1, 1.1, 3.0)
_MEET = 0.8


@dataclass(frozen=True)
class View:
    """How the hand stands before the camera. Angles in degrees.

    yaw turns the thumb away, pitch nods the hand towards the viewer, roll leans it; `left` mirrors it;
    wrist is (aside, bent) of the forearm; size is the length of an open hand as a fraction of the picture;
    shift is in fractions of the side; the camera's distance is in mm; sleeve is the mm of arm left bare, None for all.
    """

    left: bool
    yaw: float
    pitch: float
    roll: float
    wrist: tuple[float, float]
    size: float
    shift: tuple[float, float]
    distance: float
    sleeve: float | None


@dataclass(frozen=True)
class Body:
    """The cones, what they are (finger 0-4 or PALM, FOREARM, SLEEVE; bone 0-2), and the way back to the palm's axes.

    `to_palm` is [2, 3]: pixels relative to `wrist` [3] to millimetres across and along the palm; scale is pixels a mm.
    """

    cones: Cones
    finger: NDArray[np.int64]
    bone: NDArray[np.int64]
    to_palm: Vector
    wrist: Vector
    scale: float


def stand(skeleton: Skeleton, view: View, side: int) -> Body:
    """Put flesh on `skeleton` and look at it as `view` says, in a picture of `side` pixels."""
    parts = _parts(skeleton, view)
    start, end, tops = (np.array([part[i] for part in parts], float) for i in (0, 1, 2))
    radii = np.array([part[3] for part in parts])
    group, finger, bone = (np.array([part[i] for part in parts]) for i in (4, 5, 6))
    turn = _rotation(view)
    start, end, tops = start @ turn.T, end @ turn.T, tops @ turn.T

    nearer_start, nearer_end = (view.distance / (view.distance - p[:, 2]) for p in (start, end))
    start, end = start * nearer_start[:, None], end * nearer_end[:, None]
    scale, center = _framing(start, end, finger, view, side)
    cones = Cones(
        start * scale + center,
        end * scale + center,
        radii[:, 0] * nearer_start * scale,
        radii[:, 1] * nearer_end * scale,
        group,
        tops,
        np.array(_MELT) * scale,
        _MEET * scale,
    )
    return Body(cones, finger, bone, turn.T[:2] / scale, center, scale)


_Part: TypeAlias = tuple[Vector, Vector, Vector, tuple[float, float], int, int, int]


def _parts(skeleton: Skeleton, view: View) -> list[_Part]:
    """(start, end, back, radii, group, finger, bone) of every cone, in mm in the axes of the palm."""
    thick, wide = skeleton.build.thickness, skeleton.build.width
    back = np.array([0.0, 0.0, -1.0])
    joints = skeleton.joints
    parts: list[_Part] = []

    def palm(start: Vector, end: Vector, first: float, last: float, finger: int = PALM) -> None:
        parts.append((start, end, back, (first * thick, last * thick), _PALM_GROUP, finger, 0))

    for finger in range(INDEX, LITTLE + 1):
        knuckle = joints[finger, 0]
        palm(np.array([knuckle[0] * 0.52, 6.0, 0.0]), knuckle, 12.5, 10.0)
        # The web: skin reaches a good way up the first bone before the finger is on its own.
        palm(knuckle, knuckle + 0.40 * (joints[finger, 1] - knuckle), 8.5, 8.0)
    root, ball = joints[THUMB, 0], joints[THUMB, 1]
    index = joints[INDEX, 0]
    palm(root + np.array([-4, -2, 0]), ball, 14.5, 10.5)
    palm(root + np.array([-8, 6, 0]), root * 0.45 + index * 0.55 + np.array([-4, 0, 4]), 11.0, 8.0)
    for share, reach in ((0.45, 0.45), (0.80, 0.75)):
        palm(root * (1 - share) + ball * share, root * (1 - reach) + index * reach, 10.0, 7.5)
    palm(np.array([-17.0 * wide, 14, 4]), np.array([-27.0 * wide, 60, 4]), 13.0, 10.0)

    radii = _RADII * thick
    for finger in range(THUMB, LITTLE + 1):
        for bone in range(3):
            ends = joints[finger, bone], joints[finger, bone + 1]
            thicknesses = float(radii[finger, bone]), float(radii[finger, bone + 1])
            group = _PALM_GROUP if (finger, bone) == (THUMB, 0) else 1 + finger
            parts.append((*ends, skeleton.dorsal[finger, bone], thicknesses, group, finger, bone))
    return parts + _arm(view, thick, wide)


def _arm(view: View, thick: float, wide: float) -> list[_Part]:
    aside, bent = np.radians(view.wrist)
    along = np.array([np.sin(aside), -np.cos(aside) * np.cos(bent), np.sin(bent)])
    across = np.array([np.cos(aside), np.sin(aside), 0.0])
    back = np.array([0.0, 0.0, -1.0])
    parts: list[_Part] = []
    for hand in (-1, 1):
        wrist, elbow = across * hand * 10 * wide, across * hand * 15 * wide + along * 300
        parts.append((wrist, elbow, back, (16.0 * thick, 29.0 * thick), _PALM_GROUP, FOREARM, 0))
        if view.sleeve is not None:
            cuff = wrist + (elbow - wrist) * view.sleeve / 300
            parts.append((cuff, elbow, back, (26.0 * thick, 38.0 * thick), _SLEEVE_GROUP, SLEEVE, 0))
    return parts


def _rotation(view: View) -> Vector:
    """From the palm's axes to the picture's: x right, y down, z towards the viewer."""
    yaw, pitch, roll = np.radians((view.yaw, view.pitch, view.roll))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    mirror = np.diag([-1.0 if view.left else 1.0, -1.0, 1.0])
    turn: Vector = mirror @ about_z @ about_x @ about_y
    return turn


def _framing(start: Vector, end: Vector, finger: NDArray[np.int64], view: View, side: int) -> tuple[float, Vector]:
    """Pixels a mm and the wrist's place, so that the whole hand without its arm is in the picture."""
    hand = finger > FOREARM
    points = np.vstack([start[hand], end[hand]])[:, :2]
    low, high = points.min(0) - 9, points.max(0) + 9
    scale = side * min(view.size / 195, 0.96 / float((high - low).max()))
    room = (side - (high - low) * scale) / 2
    middle = side / 2 - (low + high) / 2 * scale + np.clip(np.array(view.shift) * side, -room, room)
    return scale, np.array([middle[0], middle[1], 0.0])
