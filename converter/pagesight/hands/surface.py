"""From round cones to a smooth visible surface: depth, normals, coverage and nearness, without a mesh.

The shape is the smooth union (exponential smooth minimum, Quilez) of tapered capsules. Rays run along the depth axis,
so every cone is evaluated only inside its own box of pixels, and starts from its analytic depth: a few sphere-tracing
steps (Hart 1996) are enough to settle the blends between neighbors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Ints: TypeAlias = NDArray[np.int16]

_FAR = -1e4
_STEPS = 2
# Beyond this many melting lengths a cone no longer pulls at its neighbors.
_REACH = 2.2
_TINY = 1e-30


@dataclass(frozen=True)
class Cones:
    """`n` tapered capsules in pixels: ends [n, 3] (x right, y down, z to the viewer), radii [n], blend group [n].

    Cones of one group melt together over `melt[group]` pixels; groups meet over `meet` pixels.
    `tops` [n, 3] are unit vectors of each cone's back (dorsal) side.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    start_radius: NDArray[np.float64]
    end_radius: NDArray[np.float64]
    group: NDArray[np.int64]
    tops: NDArray[np.float64]
    melt: NDArray[np.float64]
    meet: float


@dataclass(frozen=True)
class Surface:
    """What a camera sees, as [side, side] pictures.

    coverage 0..1; depth in pixels towards the viewer; normal [side, side, 3]; open 0..1 (1: nothing near, 0: deep in a
    crease); cone: index of the nearest cone, -1 where there is none; along 0..1 on its axis; back -1 (palm side)
    to 1 (back side).
    """

    coverage: Floats
    depth: Floats
    normal: Floats
    open: Floats
    cone: Ints
    along: Floats
    back: Floats


class _Patch:
    """One cone over its own box of pixels, with all that does not change from step to step."""

    def __init__(self, cones: Cones, index: int, side: int, reach: float) -> None:
        a, b = cones.start[index], cones.end[index]
        ra, rb = float(cones.start_radius[index]), float(cones.end_radius[index])
        melt = float(cones.melt[cones.group[index]])
        pad = max(reach, _REACH * melt) + 1
        low = np.floor(np.minimum(a - ra, b - rb) - pad)
        high = np.ceil(np.maximum(a + ra, b + rb) + pad) + 1
        x0, y0 = (int(v) for v in np.clip(low[:2], 0, side))
        x1, y1 = (int(v) for v in np.clip(high[:2], 0, side))
        self.index = index
        self.group = int(cones.group[index])
        self.box = (slice(y0, max(y0, y1)), slice(x0, max(x0, x1)))
        self.empty = x1 <= x0 or y1 <= y0
        self.axis = tuple(float(v) for v in b - a)
        self.square = max(sum(v * v for v in self.axis), 1e-6)
        self.origin = tuple(float(v) for v in a)
        self.radius, self.taper = ra, rb - ra
        self.sharp = -1.0 / melt
        self.top = tuple(float(v) for v in cones.tops[index])
        self.px = np.arange(x0, max(x0, x1), dtype=np.float32)[None, :] - np.float32(a[0])
        self.py = np.arange(y0, max(y0, y1), dtype=np.float32)[:, None] - np.float32(a[1])
        self.flat_dot = self.px * self.axis[0] + self.py * self.axis[1]
        self.flat_square = self.px * self.px + self.py * self.py

    def first_guess(self) -> tuple[Floats, Floats]:
        """Analytic depth of this cone alone, and the flat distance to its outline."""
        bx, by, bz = self.axis
        flat = max(bx * bx + by * by, 1e-6)
        h = _unit(self.flat_dot / flat)
        for last in (False, True):
            apart = self.flat_square - h * (2 * self.flat_dot - h * flat)
            radius = self.radius + h * self.taper
            rise = np.sqrt(np.maximum(radius * radius - apart, 0))
            if not last:
                h = _unit((self.flat_dot + (h * bz + rise) * bz) / self.square)
        outline = np.sqrt(np.maximum(apart, 0)) - radius
        return self.origin[2] + h * bz + rise - 4 * np.maximum(outline, 0), outline

    def distance(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        """Signed distance at depth `z` over the box, with the height above the start and the place on the axis."""
        pz = z - self.origin[2]
        dot = self.flat_dot + pz * self.axis[2]
        h = _unit(dot * (1 / self.square))
        square = self.flat_square + pz * pz - h * (2 * dot - h * self.square)
        return np.sqrt(np.maximum(square, 1e-6)) - (self.radius + h * self.taper), pz, h

    def distance_off_grid(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """Signed distance at free points given over the box."""
        px, py, pz = x - self.origin[0], y - self.origin[1], z - self.origin[2]
        dot = px * self.axis[0] + py * self.axis[1] + pz * self.axis[2]
        h = _unit(dot * (1 / self.square))
        square = px * px + py * py + pz * pz - h * (2 * dot - h * self.square)
        distance: Floats = np.sqrt(np.maximum(square, 1e-6)) - (self.radius + h * self.taper)
        return distance


def _unit(value: Floats) -> Floats:
    """Clip to 0..1 in place; np.clip costs more than the work on boxes this small."""
    np.maximum(value, 0, out=value)
    return np.minimum(value, 1, out=value)


def trace(cones: Cones, side: int, near: float) -> Surface:
    """See `cones` in a picture of `side` pixels; `near` is the distance in pixels over which creases are felt."""
    patches = [patch for i in range(len(cones.start)) if not (patch := _Patch(cones, i, side, near)).empty]
    groups = [_Group([p for p in patches if p.group == g], float(m), cones.meet) for g, m in enumerate(cones.melt)]
    groups = [group for group in groups if group.patches]
    depth, coverage = _outline(groups, side)
    for _ in range(_STEPS):
        total = np.full((side, side), _TINY, np.float32)
        for group in groups:
            group.clear()
            for patch in group.patches:
                group.add(patch, patch.distance(depth[patch.box])[0])
            total[group.box] += group.share()
        depth -= np.clip(np.log(total) * np.float32(-cones.meet), -6, 6)
    return _seen_surface(groups, cones, depth, coverage, near)


class _Group:
    """Cones that melt together, over their common box."""

    def __init__(self, patches: list[_Patch], melt: float, meet: float) -> None:
        self.patches = patches
        self.power = melt / meet
        rows, columns = [p.box[0] for p in patches], [p.box[1] for p in patches]
        top, left = min((s.start for s in rows), default=0), min((s.start for s in columns), default=0)
        bottom, right = max((s.stop for s in rows), default=0), max((s.stop for s in columns), default=0)
        self.box = (slice(top, bottom), slice(left, right))
        self.inner = {
            p.index: (slice(y.start - top, y.stop - top), slice(x.start - left, x.stop - left))
            for p, y, x in zip(patches, rows, columns, strict=True)
        }
        self.sum = np.empty((bottom - top, right - left), np.float32)

    def clear(self) -> None:
        self.sum.fill(_TINY)

    def add(self, patch: _Patch, distance: Floats) -> Floats:
        weight: Floats = np.maximum(np.exp(np.minimum(distance * patch.sharp, 60)) - np.float32(math.exp(-_REACH)), 0)
        self.sum[self.inner[patch.index]] += weight
        return weight

    def share(self) -> Floats:
        """Weight of this group in the union of all, not normalized."""
        weight: Floats = np.exp(np.minimum(np.log(self.sum) * self.power, 80))
        return weight


def _outline(groups: list[_Group], side: int) -> tuple[Floats, Floats]:
    """Analytic depth of the single cones, and how much of every pixel the flat union of their outlines covers."""
    depth = np.full((side, side), _FAR, np.float32)
    coverage = np.zeros((side, side), np.float32)
    for group in groups:
        group.clear()
        for patch in group.patches:
            guess, outline = patch.first_guess()
            np.maximum(depth[patch.box], guess, out=depth[patch.box])
            group.add(patch, outline)
        covered = np.clip(0.5 - np.log(group.sum) / group.patches[0].sharp, 0, 1)
        np.maximum(coverage[group.box], covered, out=coverage[group.box])
    return depth, coverage


def _seen_surface(groups: list[_Group], cones: Cones, depth: Floats, coverage: Floats, near: float) -> Surface:
    """Normals, nearness and ownership at the settled depth."""
    side = len(depth)
    blend = np.zeros((4, side, side), np.float32)
    total = np.full((side, side), _TINY, np.float32)
    best = np.full((side, side), np.inf, np.float32)
    owner = np.full((side, side), -1, np.int16)
    along = np.zeros((side, side), np.float32)
    for group in groups:
        group.clear()
        own = np.zeros((4, *group.sum.shape), np.float32)
        for patch in group.patches:
            distance, pz, h = patch.distance(depth[patch.box])
            weight = group.add(patch, distance)
            weight /= distance + (patch.radius + h * patch.taper)
            inner = (slice(None), *group.inner[patch.index])
            steps = [p - h * b for p, b in zip((patch.px, patch.py, pz), patch.axis, strict=True)]
            steps.append(steps[0] * patch.top[0] + steps[1] * patch.top[1] + steps[2] * patch.top[2])
            for plane, step in zip(own[inner], steps, strict=True):
                np.add(plane, weight * step, out=plane)
            closer = distance < best[patch.box]
            np.copyto(best[patch.box], distance, where=closer)
            np.copyto(owner[patch.box], np.int16(patch.index), where=closer)
            np.copyto(along[patch.box], h, where=closer)
        share = group.share()
        total[group.box] += share
        blend[(slice(None), *group.box)] += own * (share / group.sum)
    blend /= total
    normal = np.moveaxis(blend[:3], 0, -1)
    normal = normal / np.sqrt(np.maximum((normal * normal).sum(-1, keepdims=True), 1e-6))
    openness = _openness(groups, cones, depth, normal, near)
    return Surface(coverage, depth, normal, openness, owner, along, blend[3])


def _openness(groups: list[_Group], cones: Cones, depth: Floats, normal: Floats, near: float) -> Floats:
    """How free the space above the surface is: the distance found one step out, against the step (Evans 2006)."""
    side = len(depth)
    rows, columns = np.arange(side, dtype=np.float32)[:, None], np.arange(side, dtype=np.float32)[None, :]
    x, y, z = columns + near * normal[..., 0], rows + near * normal[..., 1], depth + near * normal[..., 2]
    total = np.full((side, side), _TINY, np.float32)
    for group in groups:
        group.clear()
        for patch in group.patches:
            group.add(patch, patch.distance_off_grid(x[patch.box], y[patch.box], z[patch.box]))
        total[group.box] += group.share()
    return np.clip(np.log(total) * np.float32(-cones.meet / near), 0, 1)
