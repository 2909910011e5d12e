"""Promises about the search for a backbone: it keeps within bounds, builds what it chose, and shows what size buys."""

import json
from pathlib import Path

import pytest

import pagesight
from pagesight import pipeline
from pagesight.artifacts import Bundle, Search
from pagesight.browser import discovery
from pagesight.choose import choose
from pagesight.errors import OptionError, TrainError
from pagesight.options import Choosing

from .conftest import write_photos

SMALL, WIDE = "mobilenet_v1_025_96", "mobilenet_v1_050_96"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("search") / "photos", ["disc", "square"], 12)


@pytest.fixture(scope="module")
def built(photos: Path) -> Bundle:
    into = photos.parent / "page"
    options = {"weights": "random", "epochs": 1, "search": f"{WIDE},{SMALL}", "max_bytes": 3_000_000}
    pipeline.build_until("bundle", photos, into, **options)
    return Bundle(photos.parent / ".page.build" / "bundle")


@pytest.mark.slow
def test_a_search_builds_its_choice_and_the_report_shows_what_was_tried(built: Bundle) -> None:
    facts = json.loads((built.path / "report.json").read_text())["search"]
    tried = {t["backbone"]: t for t in facts["tried"]}
    assert set(tried) == {SMALL, WIDE}
    assert built.report.backbone == facts["chosen"]
    assert facts["measured"] == SMALL
    assert 200_000 < tried[WIDE]["parameters"] - tried[SMALL]["parameters"] < 1_000_000
    assert 2.5 < tried[WIDE]["multiply_adds"] / tried[SMALL]["multiply_adds"] < 4
    assert tried[SMALL]["bytes"] < tried[WIDE]["bytes"] <= 3_000_000
    if discovery.find():
        assert 0 < tried[SMALL]["ms"] < tried[WIDE]["ms"]
    page = (built.path / "report.html").read_text()
    assert "What was tried" in page
    assert page.count("Accuracy by") == (2 if discovery.find() else 1)


@pytest.mark.slow
def test_a_bound_takes_what_fits_and_none_that_fits_is_said(built: Bundle, tmp_path: Path) -> None:
    result = Search.open(built.path.parent / "search")
    page = Bundle(built.path.parent / "search-bundle")
    assert result.facts.measured == SMALL
    bytes_of = {t.backbone: t.bytes for t in built.report.search.tried}
    within = choose(result, lambda: page, Choosing(max_bytes=bytes_of[SMALL]), tmp_path / "choice")
    assert within.facts.chosen == SMALL
    assert bytes_of[SMALL] == pytest.approx(page.report.bytes.total_gzip, abs=1)
    with pytest.raises(TrainError, match=f"the smallest, {SMALL}, takes") as caught:
        choose(result, lambda: page, Choosing(max_bytes=1000), tmp_path / "none")
    assert "--max-bytes" in caught.value.fix
    assert not (tmp_path / "none").exists()


def test_a_search_among_unknown_names_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no backbone called 'mobilenet_v1_025_97'"):
        pagesight.build(tmp_path, tmp_path / "page", search="mobilenet_v1_025_96,mobilenet_v1_025_97")
