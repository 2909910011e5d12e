"""Rendered hands: the same seed gives the same pictures, and the pictures are of hands."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagesight.errors import PagesightError
from pagesight.hands import render, render_folder
from pagesight.hands.body import stand
from pagesight.hands.rendering import frame
from pagesight.hands.skeleton import INDEX, LITTLE, MIDDLE, RING, THUMB, Build, pose
from pagesight.hands.subject import hold_up, meet

PLAIN = Build(1.0, 1.0, 1.0, (1.0, 1.0, 1.0, 1.0, 1.0))


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.jpg"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_draws_the_same_picture_and_another_seed_another() -> None:
    first, again, other = (np.asarray(render(7, np.random.default_rng(seed))) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_folder_is_byte_for_byte_the_same_for_a_seed_and_named_by_signer(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    for name in ("one", "two"):
        render_folder(tmp_path / name, per_class=3, subjects=2, side=48, seed=5, progress=lambda *now: calls.append(now))
    one, two = _hashes(tmp_path / "one"), _hashes(tmp_path / "two")
    assert one == two
    assert len(set(one.values())) == 30
    assert [name for name in one if name.startswith("4/")] == [
        "4/signer01_0001.jpg",
        "4/signer01_0003.jpg",
        "4/signer02_0002.jpg",
    ]
    assert calls[:30] == [(done, 30) for done in range(1, 31)]


@pytest.mark.parametrize("side", [32, 97, 160])
def test_a_picture_has_the_size_that_was_asked_for(side: int) -> None:
    picture = render(3, np.random.default_rng(0), side)
    assert isinstance(picture, Image.Image)
    assert (picture.mode, picture.size) == ("RGB", (side, side))


def test_one_signer_keeps_the_room_and_two_do_not_share_it(tmp_path: Path) -> None:
    render_folder(tmp_path, per_class=4, subjects=2, side=64, seed=1)
    corners = {}
    for path in sorted((tmp_path / "5").glob("*.jpg")):
        corners[path.name] = np.asarray(Image.open(path), float)[:6, :6].mean((0, 1))
    mine = np.abs(corners["signer01_0001.jpg"] - corners["signer01_0003.jpg"]).max()
    theirs = np.abs(corners["signer01_0001.jpg"] - corners["signer02_0002.jpg"]).max()
    assert mine < theirs


@pytest.mark.parametrize("digit", range(10))
def test_the_hand_fills_a_sensible_part_of_the_frame_whole(digit: int) -> None:
    for seed in range(4):
        rng = np.random.default_rng((digit, seed))
        body, surface = frame(digit, meet(rng), rng, 96)
        # An open hand near the camera with its arm covers half a picture; a far fist an eighth of that.
        assert 0.06 < surface.coverage.mean() < 0.60
        tips = body.cones.end[body.finger >= THUMB][:, :2]
        assert tips.min() > 0
        assert tips.max() < 96


def test_ten_numbers_raise_ten_different_sets_of_fingers() -> None:
    raised = {1: {INDEX}, 2: {INDEX, MIDDLE}, 3: {THUMB, INDEX, MIDDLE}, 4: {INDEX, MIDDLE, RING, LITTLE}}
    raised |= {0: set(), 5: set(range(5)), 6: {INDEX, MIDDLE, RING}, 7: {INDEX, MIDDLE, LITTLE}}
    raised |= {8: {INDEX, RING, LITTLE}, 9: {MIDDLE, RING, LITTLE}}
    for digit, fingers in raised.items():
        for seed in range(10):
            joints = pose(digit, PLAIN, np.random.default_rng(seed)).joints
            reach = np.linalg.norm(joints[1:, 3] - joints[1:, 0], axis=1) / np.linalg.norm(np.diff(joints[1:], axis=1), axis=2).sum(
                1
            )
            up = {finger for finger, share in enumerate(reach, start=1) if share > 0.93}
            out = {THUMB} if joints[THUMB, 3, 0] > 60 else set()
            assert up | out == fingers, (digit, seed)


@pytest.mark.parametrize(("digit", "finger"), [(6, LITTLE), (7, RING), (8, MIDDLE), (9, INDEX)])
def test_the_thumb_touches_the_finger_that_makes_the_number(digit: int, finger: int) -> None:
    for seed in range(20):
        joints = pose(digit, PLAIN, np.random.default_rng(seed)).joints
        gaps = np.linalg.norm(joints[1:, 3] - joints[THUMB, 3], axis=1)
        assert 1 + gaps.argmin() == finger
        # Centers of two finger tips that touch lie some 14 mm apart.
        assert gaps.min() < 18


def test_both_left_and_right_hands_are_shown() -> None:
    rng = np.random.default_rng(0)
    shown = [hold_up(meet(rng), 5, rng).left for _ in range(60)]
    assert 10 < sum(shown) < 50


def test_a_left_hand_is_the_mirror_of_a_right_one() -> None:
    rng = np.random.default_rng(2)
    skeleton, view = pose(3, PLAIN, rng), hold_up(meet(rng), 3, rng)
    left, right = (stand(skeleton, replace(view, left=side, shift=(0.0, 0.0)), 100).cones for side in (True, False))
    assert np.allclose(left.end[:, 0] + right.end[:, 0], 100)
    assert np.allclose(left.end[:, 1:], right.end[:, 1:])


def test_a_number_that_has_no_hand_is_refused() -> None:
    with pytest.raises(PagesightError, match="no hand shows 10") as refusal:
        render(10, np.random.default_rng(0))
    assert refusal.value.fix == "ask for a digit from 0 to 9"


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PagesightError, match="cannot be written"):
        render_folder(tmp_path / "file", per_class=1, subjects=1, side=32)


def test_nothing_to_render_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PagesightError, match="0 pictures per class"):
        render_folder(tmp_path, per_class=0)
    assert not list(tmp_path.iterdir())
