"""Light augmentation on the square the model sees: every picture's change follows from seed, epoch and index alone."""

import math
from typing import Any

from pagesight.graph.tensorflow import tensorflow

_ROTATION = math.radians(15)
_ZOOM = 0.15
_SHIFT = 0.1
_BRIGHTNESS = 0.2 * 255
_CONTRAST = 0.25


def augment(inputs: Any, seed: Any) -> Any:
    """Rotate, zoom, shift, brighten and contrast. `inputs` uint8 `[b, s, s, 3]`, `seed` int32 `[2]`; float32, 0..255."""
    tf = tensorflow()
    count, side = tf.shape(inputs)[0], tf.cast(tf.shape(inputs)[1], tf.float32)
    chance = tf.random.stateless_uniform([count, 6], seed, -1.0, 1.0)
    angle, zoom_x, zoom_y = chance[:, 0] * _ROTATION, 1 + chance[:, 1] * _ZOOM, 1 + chance[:, 2] * _ZOOM
    center = (side - 1) / 2
    a, b = tf.cos(angle) * zoom_x, -tf.sin(angle) * zoom_y
    c, d = tf.sin(angle) * zoom_x, tf.cos(angle) * zoom_y
    shift_x, shift_y = chance[:, 3] * _SHIFT * side, chance[:, 4] * _SHIFT * side
    left, top = center - a * center - b * center + shift_x, center - c * center - d * center + shift_y
    zero = tf.zeros_like(a)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(inputs, tf.float32),
        transforms=tf.stack([a, b, left, c, d, top, zero, zero], axis=1),
        output_shape=tf.shape(inputs)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    light = tf.random.stateless_uniform([count, 2], seed + 1, -1.0, 1.0)[:, :, None, None]
    mean = tf.reduce_mean(moved, axis=[1, 2, 3], keepdims=True)
    contrasted = (moved - mean) * (1 + light[:, 0:1] * _CONTRAST) + mean + light[:, 1:2] * _BRIGHTNESS
    return tf.clip_by_value(contrasted, 0.0, 255.0)
