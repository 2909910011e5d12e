"""Promises about Keras Applications: each network answers as in Keras, its preprocessing inside or outside, from file or folder.

A few run by default; PAGESIGHT_MATRIX=1 (`make matrix`) runs all of them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagesight.adopt import Adoption, adopt
from pagesight.artifacts import SavedModel
from pagesight.errors import AdoptError

from . import foreign_models as foreign
from .test_adopt import LABELS, answers, caffe

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
Scale = Callable[[Any], Any]


def around_zero(x: Any) -> Any:
    return x / 127.5 - 1


def torch(x: Any) -> Any:
    return (x / 255 - np.array([0.485, 0.456, 0.406], np.float32)) / np.array([0.229, 0.224, 0.225], np.float32)


def as_it_is(x: Any) -> Any:
    return x


FAMILIES: dict[str, tuple[Scale, int]] = {
    "MobileNet": (around_zero, 64),
    "MobileNetV2": (around_zero, 64),
    "MobileNetV3Small": (as_it_is, 64),
    "MobileNetV3Large": (as_it_is, 64),
    **{f"EfficientNetB{n}": (as_it_is, 64) for n in range(8)},
    **{f"EfficientNetV2{n}": (as_it_is, 64) for n in ("B0", "B1", "B2", "B3", "S")},
    "ConvNeXtTiny": (as_it_is, 64),
    "DenseNet121": (torch, 64),
    "DenseNet169": (torch, 64),
    "InceptionV3": (around_zero, 96),
    "InceptionResNetV2": (around_zero, 96),
    "Xception": (around_zero, 96),
    "NASNetMobile": (around_zero, 64),
    "ResNet50": (caffe, 64),
    "ResNet101": (caffe, 64),
    "ResNet50V2": (around_zero, 64),
    "ResNet101V2": (around_zero, 64),
    "VGG16": (caffe, 64),
    "VGG19": (caffe, 64),
}
"""Networks, with the preprocessing that was published beside them (none where it is inside) and a side they take."""
PREPROCESSES = ("MobileNetV3", "EfficientNetV2", "ConvNeXt")
"""Networks that can be made without the preprocessing inside."""
ALL = [
    (family, flavour, kind, inside)
    for family in FAMILIES
    for flavour in ("keras2", "keras3")
    for kind in ("file", "folder")
    for inside in ((True, False) if family.startswith(PREPROCESSES) else (True,))
]
FEW = [
    ("MobileNetV3Small", "keras3", "file", False),
    ("EfficientNetB0", "keras3", "folder", True),
    ("ResNet50V2", "keras2", "file", True),
    ("DenseNet121", "keras3", "file", True),
]


def taken(source: Path, named: str, into: Path) -> SavedModel:
    """The model as it tells by itself; where it stops as a guess, with the range that was published."""
    try:
        return adopt(source, LABELS, into)
    except AdoptError as stopped:
        if "input range is ambiguous" not in stopped.what:
            raise
        return adopt(source, Adoption(labels=foreign.LABELS, input_range=named), into)


@pytest.mark.parametrize(("family", "flavour", "kind", "inside"), ALL if os.environ.get("PAGESIGHT_MATRIX") else FEW)
def test_a_network_answers_as_in_keras_or_is_stopped_as_a_guess(
    family: str, flavour: str, kind: str, inside: bool, tmp_path: Path
) -> None:
    scale, side = FAMILIES[family]
    options: dict[str, Any] = {}
    if not inside:
        scale, options = around_zero, {"include_preprocessing": False}
    model = foreign.application(flavour, family, side, scale, **options)
    ending = {"keras2": ".h5", "keras3": ".keras"}[flavour] if kind == "file" else ""
    source = foreign.saved(model, tmp_path / f"m{ending}")
    images = foreign.noise(side, count=4)
    saved = taken(source, {caffe: "caffe", torch: "torch", around_zero: "-1..1", as_it_is: "0..255"}[scale], tmp_path / "out")
    expected = np.asarray(model(scale(images), training=False))
    assert np.abs(answers(saved, images)["probabilities"] - expected).max() < 1e-4
