"""Promises of inspect and compare: the numbers are those of the literature, and nothing in a model's name becomes markup."""

import json
from pathlib import Path

import pytest

from pagesight._inspection_page import as_html, as_table
from pagesight.adopt import Adoption, adopt
from pagesight.compare import as_table as comparison
from pagesight.compare import compare
from pagesight.errors import OptionError
from pagesight.inspect import InspectError, inspect
from pagesight.options import Quantization
from pagesight.quantize import quantize

from . import foreign_models as foreign

pytestmark = pytest.mark.filterwarnings("ignore")


def test_layers_are_counted_as_they_are_stored(tmp_path: Path) -> None:
    saved = adopt(
        foreign.saved(foreign.tiny(), tmp_path / "m.h5"), Adoption(labels=foreign.LABELS, title="<b>tiny"), tmp_path / "a"
    )
    for mode, width in (("none", 4), ("float16", 2)):
        web = quantize(saved, Quantization(mode=mode), tmp_path / mode)  # type: ignore[arg-type]
        found = inspect(web.path)
        convolution, head = found.layers[:2]
        assert (convolution.parameters, convolution.shape, convolution.multiply_adds) == (112, (7, 7, 4), 7 * 7 * 27 * 4)
        assert (head.parameters, head.multiply_adds) == (15, 12)
        assert convolution.bytes == 112 * width
        assert found.bytes == sum(p.stat().st_size for p in (web.path / "model").glob("*.bin"))
    assert inspect(saved.path).parameters == found.parameters
    assert json.loads(json.dumps(found.to_json()))["layers"][0]["op"] == "_FusedConv2D"


def test_the_picture_shows_every_layer_and_names_stay_names(tmp_path: Path) -> None:
    saved = adopt(
        foreign.saved(foreign.tiny(), tmp_path / "m.h5"), Adoption(labels=foreign.LABELS, title="<b>tiny"), tmp_path / "a"
    )
    found = inspect(quantize(saved, Quantization(mode="uint8"), tmp_path / "q").path)
    page = as_html(found)
    assert page.count("<rect") == len(found.layers)
    assert "<polyline" in page
    assert "<b>tiny" not in page
    assert all(row.name in as_table(found) for row in found.layers)
    assert found.layers[0].signal_to_noise_db is not None


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(InspectError, match="is no page"):
        inspect(tmp_path)


def test_the_known_networks_have_their_known_sizes() -> None:
    vgg, mobile, quarter = compare(["vgg16", "mobilenet_v1_100_224", "mobilenet_v1_025_128"])
    assert vgg.parameters == 138_357_544
    assert round(vgg.megabytes) == 553
    assert mobile.parameters == 4_253_864
    assert round(mobile.megabytes) == 17
    assert round(mobile.multiply_adds / 1e6) in range(560, 580)  # Howard et al. 2017: 569 million
    assert round(quarter.multiply_adds / 1e6) in range(13, 15)  # 14 million
    assert round(vgg.multiply_adds / 1e9, 1) == 15.5
    assert vgg.exported["uint8"] == 138_357_544
    assert "138,357,544" in comparison([vgg])


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError) as caught:
        compare(["vgg61"])
    assert "vgg16" in caught.value.fix
