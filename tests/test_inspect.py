"""Promises of inspect and compare: the numbers are those of the literature, and nothing in a model's name becomes markup."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from pagesight import cli
from pagesight.adopt import Adoption, adopt
from pagesight.browser import discovery
from pagesight.compare import compare
from pagesight.console import comparison
from pagesight.console.inspection import as_html, as_table
from pagesight.errors import AdoptError, OptionError
from pagesight.inspect import inspect
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
        result = inspect(web.path)
        convolution, head = result.layers[:2]
        assert (convolution.parameters, convolution.shape, convolution.multiply_adds) == (112, (7, 7, 4), 7 * 7 * 27 * 4)
        assert (head.parameters, head.multiply_adds) == (15, 12)
        assert convolution.bytes == 112 * width
        assert result.bytes == sum(p.stat().st_size for p in (web.path / "model").glob("*.bin"))
    assert inspect(saved.path).parameters == result.parameters
    assert json.loads(json.dumps(result.to_json()))["layers"][0]["op"] == "_FusedConv2D"


def test_the_picture_shows_every_layer_and_names_stay_names(tmp_path: Path) -> None:
    saved = adopt(
        foreign.saved(foreign.tiny(), tmp_path / "m.h5"), Adoption(labels=foreign.LABELS, title="<b>tiny"), tmp_path / "a"
    )
    result = inspect(quantize(saved, Quantization(mode="uint8"), tmp_path / "q").path)
    page = as_html(result)
    assert page.count("<rect") == 2 * page.count("<circle") == 2 * len([row for row in result.layers if row.op != "Const"])
    assert page.count(f"<title>{result.layers[0].name}: ") == 3
    assert "<b>tiny" not in page
    assert all(row.name in as_table(result) for row in result.layers)
    assert result.layers[0].signal_to_noise_db is not None


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(AdoptError, match="holds no model"):
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
    assert "138,357,544" in comparison.as_table([vgg])


@pytest.mark.slow
@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_networks_are_timed_in_the_browser_and_drawn(tmp_path: Path) -> None:
    """MobileNetV3 without training has biases of zeros, behind which the stock converter leaves what nobody can run."""
    name, files = "mobilenet_v3_small_100_64", [tmp_path / "c.html", tmp_path / "c.svg"]
    summary = CliRunner().invoke(cli.pagesight, ["compare", name, "--json", "--html", str(files[0]), "--svg", str(files[1])])
    (entry,) = json.loads(summary.stdout)
    assert entry["why_not"] is None
    assert entry["milliseconds"] > 0
    ElementTree.parse(files[1])
    for file in files:
        drawn = file.read_text(encoding="utf-8")
        assert drawn.count("<circle") == 3 + 1 + 1
        assert name in drawn


@pytest.mark.parametrize(("value", "reason"), [(["--no-browser"], "not asked for"), ([], "no browser was found; install")])
def test_milliseconds_that_were_not_measured_are_a_dash_with_a_reason(
    value: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROME", str(tmp_path / "none"))
    table = CliRunner().invoke(cli.pagesight, ["compare", "mobilenet_v1_025_128", *value]).stdout
    assert "  –  " in table.splitlines()[1]
    assert f"– no milliseconds: {reason}" in table


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError) as caught:
        compare(["vgg61"])
    assert "vgg16" in caught.value.fix


@pytest.mark.parametrize(("name", "why"), [("mobilenet_v2_100_16", "at least 32x32"), ("mobilenet_v1_000_224", "positive")])
def test_a_width_or_side_that_no_network_has_is_refused(name: str, why: str) -> None:
    with pytest.raises(OptionError, match=why):
        compare([name])


def test_a_chart_for_a_folder_that_is_not_there_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.pagesight, ["compare", "vgg16", "--html", str(tmp_path / "none" / "chart.html")])
    assert isinstance(result.exception, OptionError)
    assert "is not a folder" in result.exception.what
