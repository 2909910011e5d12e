"""Imports TensorFlow and tf-keras quietly, once, when a stage needs them; never for `--help`."""

import os
import warnings
from functools import cache
from typing import Any


@cache
def tensorflow() -> Any:
    """The tensorflow module, with deterministic kernels and Keras 2 behind `tf.keras` for those who ask it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")
    tf.config.experimental.enable_op_determinism()
    return tf


@cache
def keras() -> Any:
    """The tf_keras module (Keras 2): its graphs convert fully fused and take TF-Hub layers."""
    tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras
    return tf_keras


@cache
def hub() -> Any:
    """The tensorflow_hub module."""
    keras()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_hub
    return tensorflow_hub
