"""Which numbers a model takes for a pixel, from what its graph, its batch norms, its files and last its name tell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pagesight.contract import Input
from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import range_evidence
from pagesight.importers.imported_model import Foreign
from pagesight.importers.range_evidence import RANGES, scaled

__all__ = ["RANGES", "Chosen", "Unclear", "choose", "scaled"]

_PUBLISHED = (
    (r"mobilenetv2_[0-9.]+_\d+", "-1..1"),
    (r"mobilenet_[0-9.]+_\d+(_tf)?", "-1..1"),
    (r"nasnet(_mobile|_large)?|nasnetmobile|nasnetlarge", "-1..1"),
    (r"inception_v3|inceptionv3|inception_resnet_v2", "-1..1"),
    (r"xception", "-1..1"),
    (r"resnet(50|101|152)v2", "-1..1"),
    (r"densenet(121|169|201)", "torch"),
    (r"vgg(16|19)", "caffe"),
    (r"resnet(50|101|152)", "caffe"),
)
"""Names that Keras Applications give their networks, whole, and the preprocessing that is not inside of them."""
_MARGIN = 4.0
"""Twice the logarithm of the odds (7:1) by which one range must explain a model better than any other."""
_FITS = 9.0
"""Above this a range does not explain the model at all: three deviations."""


@dataclass(frozen=True)
class Chosen:
    """A range, how it is known, and whether it is only a guess."""

    name: str
    why: str
    guessed: bool = False


@dataclass(frozen=True)
class Unclear:
    """Ranges that explain the model about equally, the likeliest first."""

    names: tuple[str, ...]
    why: str


def choose(foreign: Foreign, value: str | None, options: Input, pictures: Any = None) -> Chosen | Unclear:
    """The range that `foreign` takes; `value` is what the user said, `pictures` uint8 `[n, side, side, channels]` of its kind.

    Raises AdoptError where what was said contradicts the model.
    """
    if options.channels != 3 and value in ("caffe", "torch"):
        raise AdoptError(
            f"the input range {value} is for color, the model takes gray pictures", fix="pass --input-range 0..1 or -1..1"
        )
    names = tuple(n for n in RANGES if options.channels == 3 or n not in ("caffe", "torch"))
    if foreign.input_range is not None:
        if value not in (None, foreign.input_range):
            raise AdoptError(f"a {foreign.kind} takes pixels in {foreign.input_range}, not {value}", fix="leave out --input-range")
        return Chosen(foreign.input_range, f"a {foreign.kind} takes it")
    front = range_evidence.Front.of(foreign, options)
    inside = _ranked(front.scaling_costs())
    if inside and _clear(inside) and value not in (None, inside[0][0]) and inside[0][0] == "0..255":
        raise AdoptError(
            f"the model scales its pixels itself, from 0..255; it does not take {value}", fix="leave out --input-range"
        )
    if value is not None:
        return Chosen(value, "as given")
    if inside and _clear(inside):
        return Chosen(inside[0][0], "the model scales pixels itself")
    return _from_norms(foreign, front, names, pictures, scales=bool(inside))


def _from_norms(
    foreign: Foreign, front: range_evidence.Front, names: tuple[str, ...], pictures: Any, *, scales: bool
) -> Chosen | Unclear:
    learned = _ranked(front.norm_costs(names, pictures)) if front.has_statistics else []
    near = [name for name, cost in learned if cost < _FITS and cost - learned[0][1] < _MARGIN]
    if foreign.frozen and near:
        best = near[0]
        others = [n for n in ("0..1", "-1..1", "0..255") if n != best]
        return Unclear(
            (best, *others),
            f"its network is frozen: its batch norms tell what it was published for ({best}), not what it was given here",
        )
    published = None if scales else _published(foreign, names)
    if len(near) == 1:
        return Chosen(near[0], "its first batch norm was trained on such pixels")
    if published is not None and (published in near or not learned):
        return Chosen(published, "recognized by the network's name")
    if near:
        return Unclear(tuple(near), "its first batch norm fits all of them")
    return Unclear(tuple(n for n in names if n in ("0..1", "-1..1", "0..255")), "its file does not say")


def _ranked(costs: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(costs.items(), key=lambda item: item[1])


def _clear(ranked: list[tuple[str, float]]) -> bool:
    return ranked[0][1] < _FITS and (len(ranked) == 1 or ranked[1][1] - ranked[0][1] >= _MARGIN)


def _published(foreign: Foreign, names: tuple[str, ...]) -> str | None:
    """What the whole model's own name says; the name of a network inside says nothing of what it was given."""
    name = foreign.names[0].lower() if foreign.names else ""
    result = next((r for pattern, r in _PUBLISHED if re.fullmatch(pattern, name)), None)
    return result if result in names else None


def same_answers(foreign: Foreign, names: tuple[str, ...], pictures: Any) -> bool:
    """True where the model gives the same answers whichever of the ranges its pixels are in, as one that standardizes them does."""
    answers = [answers_under(foreign, name, pictures) for name in names]
    return all(np.allclose(a, answers[0], atol=1e-3) for a in answers)


def answers_under(foreign: Foreign, name: str, pictures: Any) -> Any:
    """The model's own scores `[n, scores]` for uint8 pictures scaled to the range `name`."""
    tf = tensorflow()
    result = tf.function(foreign.call, autograph=False)(scaled(tf.constant(np.asarray(pictures, np.float32)), name))
    while isinstance(result, (dict, list, tuple)):
        result = next(iter(result.values())) if isinstance(result, dict) else result[0]
    return np.asarray(result).reshape(len(pictures), -1)
