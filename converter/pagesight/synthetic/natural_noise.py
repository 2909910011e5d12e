"""Noise with the statistics of photographs."""

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Input


def natural_noise(options: Input, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Pictures with the 1/f spectrum and correlated colors of photographs (Field 1987): uint8 `[count, side, side, channels]`."""
    random = np.random.default_rng(seed)
    f = np.hypot(np.fft.fftfreq(options.side)[:, None, None], np.fft.rfftfreq(options.side)[None, :, None])
    inputs = np.empty((count, options.side, options.side, options.channels), np.uint8)
    for one in inputs:
        amplitude = 1 / np.maximum(f, 1 / options.side) ** random.uniform(1.0, 1.6)
        phases = random.random((*f.shape[:2], 1 + options.channels))
        spectrum = amplitude * np.exp(2j * np.pi * phases)
        colors = spectrum[..., :1] * (1 + 0.3 * random.standard_normal(options.channels)) + 0.3 * spectrum[..., 1:]
        noise = np.fft.irfft2(colors, s=(options.side, options.side), axes=(0, 1))
        noise *= random.uniform(30, 70) / noise.std()
        gray = 128 + random.uniform(-50, 50) + random.normal(0, 15, options.channels)
        one[:] = np.clip(np.round(gray + noise - noise.mean((0, 1))), 0, 255)
    return inputs
