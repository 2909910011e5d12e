"""Pictures of number hands, drawn from nothing but a seed: a page works before anyone has taken a photograph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pagesight.errors import PagesightError
from pagesight.hands.backdrop import backdrop
from pagesight.hands.body import Body, stand
from pagesight.hands.camera import compose, photograph
from pagesight.hands.shading import shade
from pagesight.hands.skeleton import pose
from pagesight.hands.subject import Subject, hold_up, meet
from pagesight.hands.surface import Surface, trace

_DIGITS = 10
_QUALITY = 90
# The hand is drawn finer than the picture, so that edges inside it are smooth too.
_FINER = 1.25
# Creases are felt over so many mm.
_NEAR = 5.0


def render(digit: int, rng: np.random.Generator, side: int = 160) -> Image.Image:
    """Draw one RGB picture, `side` x `side`, of a hand that shows `digit` (0-9) as in ASL, palm forward.

    Person, room, light, camera and point of view all come from `rng`.
    Raises PagesightError when there is no such number or the picture is too small to show one.
    """
    _check(digit, side)
    return _picture(digit, meet(rng), rng, side)


def render_room(rng: np.random.Generator, side: int = 160) -> Image.Image:
    """Draw one RGB picture, `side` x `side`, of a room as behind a hand, without one; all comes from `rng`."""
    _check(0, side)
    subject = meet(rng)
    return photograph(backdrop(subject, side, rng), subject.camera, side, rng)


def render_folder(
    into: Path,
    *,
    per_class: int = 60,
    subjects: int = 12,
    side: int = 160,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write `into/<digit>/signerNN_MMMM.jpg`: `per_class` pictures of every number by `signers` people in turn.

    A signer keeps hand, skin, room, light and camera. The same arguments give the same bytes. `progress(done, total)`
    is called after every picture. Raises PagesightError for counts below one, and when the pictures cannot be written.
    """
    _check(0, side)
    if per_class < 1 or subjects < 1:
        raise PagesightError(
            f"{per_class} pictures per class of {subjects} subjects cannot be rendered", fix="ask for at least one of each"
        )
    people = [meet(np.random.default_rng((seed, number))) for number in range(subjects)]
    total = per_class * _DIGITS
    try:
        for digit in range(_DIGITS):
            folder = into / str(digit)
            folder.mkdir(parents=True, exist_ok=True)
            for count in range(per_class):
                number = count % subjects
                rng = np.random.default_rng((seed, number, digit, count))
                picture = _picture(digit, people[number], rng, side)
                picture.save(folder / f"signer{number + 1:02d}_{count + 1:04d}.jpg", quality=_QUALITY)
                if progress is not None:
                    progress(digit * per_class + count + 1, total)
    except OSError as error:
        raise PagesightError(f"the rendered pictures cannot be written: {error}", fix=f"check {into} and its disk") from error


def _check(digit: int, side: int) -> None:
    if not 0 <= digit < _DIGITS:
        raise PagesightError(f"no hand shows {digit}", fix="ask for a digit from 0 to 9")
    if side < 32:
        raise PagesightError(f"a hand is unrecognizable in {side} pixels", fix="ask for pictures of at least 32 pixels")


def frame(digit: int, subject: Subject, rng: np.random.Generator, side: int) -> tuple[Body, Surface]:
    """Shape the hand that `signer` holds up this time, before light and color, in a picture of `side` pixels."""
    body = stand(pose(digit, subject.build, rng), hold_up(subject, digit, rng), side)
    return body, trace(body.cones, side, _NEAR * body.scale)


def _picture(digit: int, subject: Subject, rng: np.random.Generator, side: int) -> Image.Image:
    fine = round(side * _FINER)
    body, surface = frame(digit, subject, rng, fine)
    hand = shade(surface, body, subject, rng)
    behind = backdrop(subject, fine, rng)
    towards = subject.light.towards.astype(np.float32)
    return photograph(compose(hand, surface.coverage, behind, towards, subject.wall_shadow), subject.camera, side, rng)
