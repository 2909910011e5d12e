"""Promises about made-up scenes: the same for a seed, all different, of all kinds."""

import numpy as np
import pytest

from pagesight.synthetic.scenes import scenes


@pytest.mark.parametrize("side", [96, 160])
def test_scenes_are_the_same_for_a_seed_and_no_two_are_alike(side: int) -> None:
    first, again, other = (scenes(side, 24, seed) for seed in (1, 1, 2))
    assert first.shape == (24, side, side, 3)
    assert np.array_equal(first, again)
    assert len({picture.tobytes() for picture in (*first, *other)}) == 48


def test_scenes_have_edges_and_colors_of_all_kinds() -> None:
    result = scenes(96, 64, 0).astype(np.float32)
    edges = np.abs(np.diff(result.mean(3), axis=2)).mean((1, 2))
    assert edges.max() > 8 * edges.min()
    brightness = result.mean((1, 2, 3))
    assert brightness.max() - brightness.min() > 100
    assert 0.05 < (np.ptp(result, axis=3).max((1, 2)) < 2).mean() < 0.4  # a few without color
