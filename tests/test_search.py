"""Promises about the search for a backbone: it keeps within bounds, builds what it chose, and shows what size buys."""

import json
import urllib.request
from pathlib import Path

import pytest

import pagesight
from pagesight import pipeline, records
from pagesight.artifacts import Bundle, SavedModel, Search
from pagesight.browser import discovery
from pagesight.browser.latency import latency
from pagesight.bundle import bundle
from pagesight.choose import _summary, choose
from pagesight.contract import Contract, Input, Outputs
from pagesight.errors import OptionError, TrainError
from pagesight.options import Bundling, Choosing, Quantization, Searching
from pagesight.quantize import quantize
from pagesight.records.quantization import Storage
from pagesight.records.report import Report, Sizes
from pagesight.records.search import SearchFacts, Tried
from pagesight.search import _can_be_tried_now, _identities

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
    assert facts["measured"] == ([SMALL, WIDE] if discovery.find() else [SMALL])
    assert 200_000 < tried[WIDE]["parameters"] - tried[SMALL]["parameters"] < 1_000_000
    assert 2.5 < tried[WIDE]["multiply_adds"] / tried[SMALL]["multiply_adds"] < 4
    assert tried[SMALL]["bytes"] < tried[WIDE]["bytes"] <= 3_000_000
    if discovery.find():
        assert 0 < tried[SMALL]["ms"] < tried[WIDE]["ms"]
    page = (built.path / "report.html").read_text()
    assert "Backbones tried" in page
    assert page.count("Accuracy by") == (2 if discovery.find() else 1)


@pytest.mark.slow
def test_a_bound_takes_what_fits_and_none_that_fits_is_said(built: Bundle, tmp_path: Path) -> None:
    result = Search.open(built.path.parent / "search")
    page = Bundle(built.path.parent / "search-0" / "bundle")
    pages = [lambda: page, lambda: Bundle(built.path.parent / "search-1" / "bundle")]
    assert result.facts.measured == ((SMALL, WIDE) if discovery.find() else (SMALL,))
    bytes_of = {t.backbone: t.bytes for t in built.report.search.tried}
    within = choose(result, pages, Choosing(max_bytes=bytes_of[SMALL]), tmp_path / "choice")
    assert within.facts.chosen == SMALL
    assert bytes_of[SMALL] == pytest.approx(page.report.bytes.total_gzip, abs=1)
    with pytest.raises(TrainError, match=f"the smallest, {SMALL}, takes") as caught:
        choose(result, pages, Choosing(max_bytes=1000), tmp_path / "none")
    assert "--max-bytes" in caught.value.fix
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_choice_is_made_again_where_the_page_it_was_told_from_is_another(
    built: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROME", "no-such-browser")  # bytes will do
    result, page = Search.open(built.path.parent / "search"), built.path.parent / "search-0" / "bundle"
    before = choose(result, [lambda: Bundle(page)], Choosing(), tmp_path / "choice").facts.tried
    other = quantize(SavedModel(page.parent / "export"), Quantization("none"), tmp_path / "web")
    pages = [lambda: bundle(other, Bundling(), tmp_path / "page")]
    after = choose(result, pages, Choosing(), tmp_path / "choice").facts.tried
    assert all(b.bytes > 2 * a.bytes / 1.5 for a, b in zip(before, after, strict=True))


def test_a_network_between_two_that_were_measured_takes_a_time_between_theirs(tmp_path: Path) -> None:
    records.write(tmp_path / "report.json", Report("page", Storage("uint8", 400, 100, 100), Sizes(0, 0, 0, 0, 300, 0)))
    work = {"least": 10, "middle": 60, "most": 110, "other": None}
    tried = [Tried(n, n, multiply_adds=w, parameters=w, accuracy=w and 0.5) for n, w in work.items()]
    rows = _summary(tried, ("least", Bundle(tmp_path)), {"least": 2.0, "most": 6.0})
    assert [row.ms for row in rows] == [2.0, 4.0, 6.0, None]
    assert [row.bytes for row in rows] == [300, 800, 1300, None]


def test_a_build_until_scan_searches_nothing(photos: Path, tmp_path: Path) -> None:
    pipeline.build_until("scan", photos, tmp_path / "page", search=SMALL, weights="random")
    assert [p.name for p in (tmp_path / ".page.build").iterdir()] == ["scan"]


def test_a_bound_in_milliseconds_without_a_search_is_an_error_in_python_too(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="none are searched"):
        pagesight.build(tmp_path, tmp_path / "page", max_ms=5)


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_a_page_is_timed_with_a_picture_that_is_opaque(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>")
    refuses = "if (data.some((v, i) => i % 4 === 3 && v !== 255)) throw new Error('translucent');"
    (tmp_path / "pagesight.js").write_text(
        f"export const load = async () => ({{ predict: async ({{ data }}) => {{ {refuses} }} }});"
    )
    Contract("page", "Page", ("a", "b"), Input(32), Outputs("probabilities")).write(tmp_path)
    executable = discovery.find()
    assert executable is not None
    assert latency(Bundle(tmp_path), executable).milliseconds >= 0


def test_a_search_among_unknown_names_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no backbone called 'mobilenet_v1_025_97'"):
        pagesight.build(tmp_path, tmp_path / "page", search="mobilenet_v1_025_96,mobilenet_v1_025_97")


def test_other_weights_under_the_same_name_are_another_search(tmp_path: Path) -> None:
    file = tmp_path / "w.h5"
    file.write_bytes(b"1")
    options = Searching((SMALL, WIDE), str(file))
    before = _identities(options)
    file.write_bytes(b"2")
    assert len(before) == 1
    assert _identities(options) != before


def test_a_backbone_that_could_not_be_downloaded_is_tried_again_once_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first request
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers there
    records.write(tmp_path / "search.json", SearchFacts((SMALL,), (Tried(SMALL, "small", accuracy=1.0), Tried(WIDE, "wide", "no"))))
    before, options = Search(tmp_path), Searching((SMALL, WIDE), "imagenet")
    assert not _can_be_tried_now(before, options)
    assert _can_be_tried_now(before, Searching((SMALL, WIDE), "random"))
