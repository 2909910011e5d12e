"""Pictures of nothing in particular: what a model is shown as belonging to no class, beside pictures of the classes."""

import numpy as np

from pagesight import progress
from pagesight._quantization.calibration import natural_noise
from pagesight.contract import Input
from pagesight.hands import render_room
from pagesight.pixels import Pixels

_EACH = 128


def drawn(how: Input, seed: int) -> Pixels:
    """Noise with the statistics of photographs, and empty rooms: uint8 `[256, side, side, 3]`."""
    with progress.task("drawing pictures of nothing", 2 * _EACH) as advance:
        noise = natural_noise(how, _EACH, seed)
        advance(_EACH)
        rooms = []
        for number in range(_EACH):
            rooms.append(np.asarray(render_room(np.random.default_rng((seed, number)), how.side)))
            advance()
    return np.concatenate([noise, np.stack(rooms)])
