"""Promises about the JSON that stages write: it is read as it was written, and what does not fit is said."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pagesight import records
from pagesight.errors import OutputError
from pagesight.records.quantization import Storage
from pagesight.records.report import Report, Sizes
from pagesight.records.training import Epoch, TestAccuracy, TrainingFacts, Weights

FACTS = TrainingFacts(
    "mobilenet_v1_025_128",
    Weights("imagenet"),
    ("cat", "dog"),
    accuracy=TestAccuracy(12, 0.75, (0.47, 0.91)),
    history=(Epoch(0.5, float("inf"), 0.25),),
)
REPORT = Report("page", Storage("uint8", 8, 2, 2), Sizes(1, 2, 3, 6, 4, 0))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "training.json"
    records.write(file, FACTS)
    assert records.read(TrainingFacts, file) == FACTS
    assert json.loads(file.read_text())["accuracy"]["float"] == 0.75


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (lambda d: d.pop("labels"), "labels"),
        (lambda d: d.update(surprise=1), "surprise"),
        (lambda d: d["accuracy"].update(n="many"), "accuracy.n"),
    ],
    ids=["missing", "unknown", "wrong type"],
)
def test_a_file_that_does_not_fit_is_named_with_the_place(tmp_path: Path, damage: object, place: str) -> None:
    document = records.to_json(FACTS)
    damage(document)  # type: ignore[operator]
    file = tmp_path / "training.json"
    file.write_text(json.dumps(document))
    with pytest.raises(OutputError, match=place) as caught:
        records.read(TrainingFacts, file)
    assert str(file) in caught.value.what
    file.write_text("{")
    with pytest.raises(OutputError, match="cannot be read"):
        records.read(TrainingFacts, file)


def test_a_schema_describes_every_key_of_a_report() -> None:
    schema = records.schema(Report)
    assert set(schema["properties"]) == set(records.to_json(replace(REPORT)))
    assert "confidence" in json.dumps(records.schema(Report)) or "description" in json.dumps(schema["$defs"]["Sizes"])
