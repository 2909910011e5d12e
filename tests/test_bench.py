"""Promises about the benchmark: it counts what goes over the wire, and every page in it answers."""

import gzip
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from benchmarks import learning
from benchmarks.browser import curves, sites, steps, tables, visits
from benchmarks.browser.host import brotli_bytes, hosting
from benchmarks.browser.models import Model

from pagesight.browser import discovery, tabs

from .conftest import ROOT


def test_the_host_compresses_and_counts_what_goes_over_the_wire(tmp_path: Path) -> None:
    text = b"the same words again and again " * 100
    (tmp_path / "words.js").write_bytes(text)
    with hosting(tmp_path) as host:
        with urllib.request.urlopen(f"{host.address}words.js") as answer:
            body = answer.read()
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Content-Type"] == "text/javascript"
        assert gzip.decompress(body) == text
        (sent,) = host.until(float("inf"))
        assert len(body) < sent.bytes < len(body) + 400
        assert host.until(sent.at - 1) == []


def test_what_grows_in_a_straight_line_has_an_exponent_of_one() -> None:
    rows = [{"x": x, "y": 3.0 * x} for x in (1, 10, 100)]
    assert curves.exponent(rows) == pytest.approx(1)
    assert curves.line([{"x": x, "y": 5 + 2.0 * x} for x in (1, 2, 3)]) == {"fixed": 5, "each": 2, "r2": 1}


def test_a_peer_that_does_not_run_has_a_row_that_says_why() -> None:
    ran = {"why_not": "", "bytes": {"gzip": 1000, "brotli": 900}, "milliseconds": {"localhost": {"median": 12.0}}}
    table = tables.first_visits({"a": ran, "b": {**ran, "milliseconds": {}, "why_not": "no such op"}}, {"a": "A", "b": "B"})
    assert "| A | 1 | 1 | 12 |" in table
    assert "| B | does not run: no such op |" in table


def test_a_run_that_ends_early_goes_on_and_measures_anew_only_what_changed(tmp_path: Path) -> None:
    def run(key: dict[str, str], names: str, minutes: float = 1) -> list[str]:
        measured: list[str] = []
        step = steps.Steps(tmp_path / "steps", key, minutes)
        for name in names:
            assert step(name, lambda name=name: measured.append(name) or {"of": name}) == {"of": name}
        return measured

    assert run({"page": "1"}, "ab") == ["a", "b"]
    assert run({"page": "1"}, "abc") == ["c"]
    with pytest.raises(steps.OutOfTimeError, match="d"):
        run({"page": "1"}, "abcd", minutes=-1)
    assert run({"page": "2"}, "a") == ["a"]


@pytest.mark.slow
@pytest.mark.skipif(
    not (sites.PACKAGES / ".package-lock.json").is_file(), reason="the peers are not installed: make bench installs them"
)
def test_the_page_people_write_today_answers(tmp_path: Path) -> None:
    formats = ROOT / "build" / "bench" / "digits.formats"
    if not (formats / "graph").is_dir() or not (browser := discovery.find()):
        pytest.skip("no model or no browser: make bench makes what is missing")
    model = Model("digits", formats, tmp_path, 128, tuple("0123456789"))
    site = sites.assemble(sites.TODAY, model, tmp_path / "site")

    def visited() -> dict[str, Any]:
        with tabs.launched(browser) as launched:
            return visits.visit_all(launched, {sites.TODAY: site}, 1, (visits.LOCALHOST,))[sites.TODAY].to_json()

    with ThreadPoolExecutor(1) as aside:  # another test's browser may still be open in this thread
        found = aside.submit(visited).result()
    assert found["why_not"] == ""
    assert found["bytes"]["brotli"] < found["bytes"]["gzip"] < 900_000
    assert json.dumps(found)
    assert brotli_bytes(site / "picture.jpg", tmp_path / "cache") == (site / "picture.jpg").stat().st_size


def test_a_training_that_is_measured_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    run = {"way": "plain", "weights": "starter", "backbone": "b", "seed": 0, "train": 9, "n": 5, "accuracy": 0.5}
    run |= {"seconds_to_98%": None, "seconds_to_99%": 20.0, "cpu_to_99%": 40.0, "cpu": 60.0}
    for again in (run, run | {"seed": 1, "accuracy": 1.0, "cpu_to_99%": None}, run | {"accuracy": 1.0}):
        learning.keep("training", again, tmp_path)
    assert [one["accuracy"] for one in json.loads((tmp_path / "training.json").read_text())] == [1, 1]
    learning.keep("training", run | {"way": "ours", "cpu_to_99%": 20.0, "accuracy": 0.9}, tmp_path)
    summary = (tmp_path / "training.md").read_text()
    assert f"| {learning.WAYS['plain']} | never | 20.0 | 40.0 (1 of 2) | 60.0 | 100.00% (100.00% – 100.00%) | 2 |" in summary
    assert "to everything at once | at most 0.40: 1 of 2 did not get there | ≤ 0.50 | yes |" in summary
    assert "| 90.00%, 100.00% | ≥ 99.30%, and not below it | no |" in summary
