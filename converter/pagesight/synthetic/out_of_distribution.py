"""Pictures of nothing in particular: what a model is shown as belonging to no class, beside pictures of the classes."""

import numpy as np

from pagesight import progress
from pagesight.contract import Input
from pagesight.hands import render_room
from pagesight.pixels import Pixels
from pagesight.synthetic.natural_noise import natural_noise
from pagesight.synthetic.scenes import scenes

_NOISE, _ROOMS, _SCENES = 64, 64, 384


def drawn(options: Input, seed: int) -> Pixels:
    """Noise with the statistics of photographs, empty rooms, and scenes of many things: uint8 `[512, side, side, 3]`."""
    with progress.task("drawing what belongs to no class", _NOISE + _ROOMS + _SCENES) as advance:
        noise = natural_noise(options, _NOISE, seed)
        rooms = [np.asarray(render_room(np.random.default_rng((seed, number)), options.side)) for number in range(_ROOMS)]
        advance(_NOISE + _ROOMS)
        made = scenes(options.side, _SCENES, seed)
        advance(_SCENES)
    return np.concatenate([noise, np.stack(rooms), made])
