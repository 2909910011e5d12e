"""Promises about the JSON that stages write: it is read as it was written, and what does not fit is said."""

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

from pagesight import bundle_files, records
from pagesight.bundle_files import Role
from pagesight.errors import OutputError
from pagesight.records.quantization import Storage
from pagesight.records.report import Report, Sizes
from pagesight.records.training import Epoch, TestAccuracy, TrainingFacts, Weights

from .conftest import ROOT

_spec = importlib.util.spec_from_file_location("schemas", ROOT / "tools" / "schemas.py")
schemas = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(schemas)

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


@pytest.mark.parametrize("kind", ["report", "contract"])
def test_the_published_schemas_are_those_of_this_version(kind: str) -> None:
    published = (ROOT / "docs" / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert published == schemas.text(kind), "run `make schemas`"


def test_the_page_reads_the_roles_of_files_that_python_has() -> None:
    assert schemas.BUNDLE_FILES.read_text(encoding="utf-8") == bundle_files.as_javascript(), "run `make schemas`"
    fits = {role: {path for path in _IN_A_BUNDLE if bundle_files.has(path, role)} for role in bundle_files.Role}
    assert fits[Role.NOT_SERVED] == {
        "sw.js",
        "_headers",
        ".nojekyll",
        "manifest.json",
        "README.md",
        "also/model.tflite",
        "npm/a/b.js",
    }
    assert fits[Role.GPU] == {"gpu.js", "worker_webgl.js"}
    assert fits[Role.MODEL] == {"model/model.json", "model/group1-shard1of1.bin"}
    assert fits[Role.RUNTIME] == {"worker.js", "tfjs-backend-wasm-simd.wasm"}
    assert fits[Role.MAY_BE_MISSING] == {"samples/00.jpg", "report.html", "report.data.css"}
    assert not [path for path in ("index.html", "page.js", "contract.json") if path in fits[Role.ASIDE] | fits[Role.NOT_INLINED]]


_IN_A_BUNDLE = (
    *("index.html", "page.js", "pagesight.js", "contract.json", "worker.js", "tfjs-backend-wasm-simd.wasm", "gpu.js"),
    *("worker_webgl.js", "model/model.json", "model/group1-shard1of1.bin", "samples/00.jpg", "report.html", "report.data.css"),
    *("report.json", "sw.js", "_headers", ".nojekyll", "manifest.json", "README.md", "also/model.tflite", "npm/a/b.js"),
)


def test_a_report_follows_its_schema_and_one_with_an_unknown_key_does_not() -> None:
    document, schema = records.to_json(REPORT), json.loads(schemas.text("report"))
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.validate({**document, "surprise": 1}, schema)
