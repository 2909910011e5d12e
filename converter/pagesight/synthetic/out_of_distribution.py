"""Pictures of nothing in particular: what a model is shown as belonging to no class, beside pictures of the classes."""

import numpy as np

from pagesight import progress
from pagesight.contract import Input
from pagesight.hands import render_room
from pagesight.pixels import Pixels
from pagesight.synthetic.natural_noise import natural_noise
from pagesight.synthetic.scenes import scenes

_NOISE, _ROOMS, _SCENES = 64, 64, 384


def drawn(options: Input, seed: int, one_in: int = 1) -> Pixels:
    """Noise with the statistics of photographs, empty rooms, and scenes of many things: uint8 `[512 / one_in, side, side, 3]`."""
    count_noise, count_rooms, count_scenes = _NOISE // one_in, _ROOMS // one_in, _SCENES // one_in
    with progress.task("drawing what belongs to no class", count_noise + count_rooms + count_scenes) as advance:
        noise = natural_noise(options, count_noise, seed)
        rooms = [np.asarray(render_room(np.random.default_rng((seed, number)), options.side)) for number in range(count_rooms)]
        advance(count_noise + count_rooms)
        made = scenes(options.side, count_scenes, seed)
        advance(count_scenes)
    return np.concatenate([noise, np.stack(rooms), made])
