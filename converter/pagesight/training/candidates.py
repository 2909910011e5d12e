"""Which networks may be learned with: the one that was named, or those whose ImageNet weights are at hand."""

from dataclasses import dataclass

from pagesight import backbones, progress
from pagesight.backbones import Backbone
from pagesight.errors import OptionError, TrainError
from pagesight.options import AUTO, Training
from pagesight.training import network
from pagesight.training.efficientnet_lite import located
from pagesight.training.network import Weights

_STARTER = "mobilenet_v1_025_128"
_MOBILENETS = ("mobilenet_v1_025_128", "mobilenet_v1_050_160", "mobilenet_v1_075_192")
_LITE = ("efficientnet_lite0_160", "efficientnet_lite0_224")
_PARAMETERS = {"mobilenet_v1_025_128": 220_000, "mobilenet_v1_050_160": 830_000, "mobilenet_v1_075_192": 1_840_000}
_LITE_PARAMETERS = 3_410_000
_PAGE = 330_000
"""Bytes of a page beside its model, after gzip, about; a weight takes about one more."""


@dataclass(frozen=True)
class Start:
    """A network and the weights that it begins with."""

    backbone: Backbone
    weights: Weights


def starts(options: Training) -> list[Start]:
    """The networks to choose from, the smallest first; one alone where a backbone, or weights of one, were named.

    With `auto` those count that need no download: EfficientNet-Lite0, and each MobileNetV1 that Keras has downloaded before.
    Raises OptionError for weights that belong to one network while none is named, TrainError where nothing is at hand.
    """
    if options.backbone != AUTO:
        backbone = backbones.named(options.backbone)
        return [Start(backbone, network.parse_weights(options.weights, backbone))]
    if options.weights not in (AUTO, "imagenet"):
        backbone = backbones.named(_STARTER)
        weights = network.parse_weights(options.weights, backbone)
        if weights.kind == "file":
            raise OptionError(
                f"{options.weights} needs a backbone: it holds the weights of one network", fix="name it with --backbone"
            )
        return [Start(backbone, weights)]
    if options.prefer == "small":
        return [_small(backbones.named(_STARTER))]
    names = [name for name in _MOBILENETS if _cached(backbones.named(name))] if options.prefer != "accurate" else []
    found = [Start(backbones.named(name), Weights("imagenet")) for name in [*names, *_packaged()] if _fits(name, options)]
    if not found:
        raise TrainError(
            f"no network with available weights fits in {options.max_bytes:,} bytes"
            if options.max_bytes
            else "no network's weights are available",
            fix="name a --backbone, whose weights are then downloaded, or pass --prefer small",
        )
    return found


def _packaged() -> list[str]:
    try:
        packaged = backbones.named(_LITE[0]).packaged
        assert packaged is not None
        located(packaged)
    except TrainError as cause:
        progress.note(f"{cause.what}: {cause.fix}")
        return []
    return list(_LITE)


def _small(backbone: Backbone) -> Start:
    """The smallest network; from the weights that ship for hands, and said so, where ImageNet's cannot be had."""
    try:
        network.build(backbone, 2, Weights("imagenet"))
    except TrainError as cause:
        progress.note(f"{cause.what}; the small network begins with weights that were trained on hands: expect less of it")
        return Start(backbone, Weights("starter", str(backbone.starter)))
    return Start(backbone, Weights("imagenet"))


def _fits(name: str, options: Training) -> bool:
    return options.max_bytes is None or _PAGE + _PARAMETERS.get(name, _LITE_PARAMETERS) <= options.max_bytes


def _cached(backbone: Backbone) -> bool:
    """Whether Keras has downloaded the weights before."""
    width = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}[backbone.alpha]
    return (network.downloads() / f"mobilenet_{width}_{backbone.side}_tf_no_top.h5").is_file()
