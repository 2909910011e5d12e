"""Promises of the whole line: a real page from real pictures, checked in a real browser, the same bytes each time."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image

import pagesight
from pagesight import manifest, pixels
from pagesight.artifacts import Dataset, Origin, TrainedModel, WebModel
from pagesight.browser import discovery
from pagesight.bundle import bundle
from pagesight.errors import BundleError, OptionError, OutputError, TrainError, VerifyError
from pagesight.graph import memory
from pagesight.graph.model import GraphModel, Runner
from pagesight.importers import given
from pagesight.metrics import wilson
from pagesight.options import Bundling, Verification
from pagesight.verify import verify

from .conftest import INSTALLED, ROOT, write_grays, write_photos

pytestmark = pytest.mark.slow
LABELS = ["<script>alert(1)<", '"q\\', "שלום " + "x" * 100]
SMALL: dict[str, Any] = {"backbone": "mobilenet_v1_025_96", "weights": "random", "epochs": 1, "quantize": "uint8"}


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("in put") / 'photos of "ü"', LABELS, per_class=16)


@pytest.fixture(scope="session")
def built(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> pagesight.VerifiedBundle:
    return pagesight.build(photos, into=tmp_path_factory.mktemp("out put") / "shapes", **SMALL)


def test_the_report_says_what_was_measured(built: pagesight.VerifiedBundle) -> None:
    report = json.loads((built.path / "report.json").read_text())
    assert report["dataset"] | {"sha256": ""} == {
        "pictures": 48, "classes": 3, "skipped": 0, "split": "random", "groups": None, "sha256": "",
    }  # fmt: skip
    assert report["accuracy"]["n"] == 9
    accuracy = report["accuracy"]  # cross-validated, or of the model as it is stored
    shown = accuracy["float"] if accuracy["exported"] is None else accuracy["exported"]
    assert accuracy["interval95"] == list(wilson(round(shown * accuracy["n"]), accuracy["n"]))
    assert 0 < report["quantization"]["bytes"] < report["quantization"]["float_bytes"]
    assert 0 < report["bytes"]["total_gzip"] < report["bytes"]["total"]


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_the_browser_answers_what_python_answers(built: pagesight.VerifiedBundle) -> None:
    parity = built.report.parity
    assert parity.top1_agreement == 1.0
    assert parity.squares_equal == parity.pictures == 9
    assert parity.max_abs_diff <= 1e-4
    assert parity.backend == "wasm"


@pytest.mark.parametrize("kind", ["report", "contract"])
def test_what_a_page_publishes_follows_its_schema(built: pagesight.VerifiedBundle, kind: str) -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads((built.path / f"{kind}.json").read_text(encoding="utf-8")), schema)


def test_the_bundle_holds_its_whole_tree_and_every_hash(built: pagesight.VerifiedBundle) -> None:
    names = set(manifest.list_files(built.path))
    assert {"index.html", "pagesight.js", "pagesight.d.ts", "style.css", "contract.json", "report.json", "sw.js"} <= names
    assert {"manifest.webmanifest", "_headers", ".nojekyll", "model/model.json", "samples/00.jpg"} <= names
    assert (manifest.read(built.path) or {})["files"] == manifest.list_files(built.path)


def test_the_contract_says_what_goes_in_and_comes_out(built: pagesight.VerifiedBundle) -> None:
    contract = json.loads((built.path / "contract.json").read_text())
    assert contract["format"] == 1
    assert sorted(contract["labels"]) == sorted(LABELS)
    assert contract["input"] == {"side": 96, "channels": 3, "crop": "center-square", "resize": "triangle", "range": [0, 255]}
    assert set(contract["outputs"]) == {"probabilities", "embedding", "features"}
    assert contract["model"] == {"format": "tfjs-graph-model", "path": "model/model.json"}


def test_the_graph_is_fully_fused(built: pagesight.VerifiedBundle) -> None:
    topology = json.loads((built.path / "model" / "model.json").read_text())["modelTopology"]
    ops = Counter(node["op"] for node in topology["node"])
    assert ops["_FusedConv2D"] == 14
    assert ops["FusedDepthwiseConv2dNative"] == 13
    assert not {"FusedBatchNormV3", "BiasAdd", "Relu6", "Conv2D", "DepthwiseConv2dNative"} & set(ops)


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_verify_works_where_an_event_loop_runs_as_in_a_notebook(built: pagesight.VerifiedBundle) -> None:
    async def ask() -> pagesight.VerifiedBundle:
        return verify(pagesight.Bundle(built.path), Verification())

    with ThreadPoolExecutor(1) as thread:  # a loop of its own: other tests may have left one running in this thread
        assert thread.submit(lambda: asyncio.run(ask())).result().report.parity.top1_agreement == 1.0


def test_an_engine_that_is_asked_for_and_missing_is_an_error(built: pagesight.VerifiedBundle) -> None:
    with pytest.raises(VerifyError, match="the engine webkit") as raised:
        verify(pagesight.Bundle(built.path), Verification(browsers=("webkit",)))
    assert "webkit2gtk-driver" in raised.value.fix


@pytest.mark.slow
@pytest.mark.skipif(len(INSTALLED) < 2, reason="no browser of another engine")
def test_every_engine_is_asked_and_named_in_the_report(built: pagesight.VerifiedBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("FIREFOX", "WEBKIT"):
        monkeypatch.delenv(variable)
    parity = verify(pagesight.Bundle(built.path), Verification(max_pictures=3)).report.parity
    assert parity.browser == ", ".join(one.browser for one in parity.engines)
    assert len(parity.engines) == len(INSTALLED)
    assert all(one.squares_equal == one.pictures == 3 for one in parity.engines)
    assert parity.max_abs_diff == max(one.max_abs_diff for one in parity.engines) <= 1e-4


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_pictures_that_browsers_decode_in_their_own_way_are_left_out_of_the_comparison(
    built: pagesight.VerifiedBundle, tmp_path: Path
) -> None:
    write_photos(tmp_path / "asked", ["disc"], per_class=3)
    drawn = Image.open(next((tmp_path / "asked" / "disc").iterdir()))
    drawn.save(tmp_path / "asked" / "new.avif")
    drawn.save(tmp_path / "asked" / "scan.tif")
    parity = verify(pagesight.Bundle(built.path), Verification(), None, tmp_path / "asked").report.parity
    assert (parity.pictures, parity.left_out) == (3, {"AVIF": 1, "TIFF": 1})


def test_the_page_of_a_large_model_lets_go_of_it_before_the_module_loads_it(
    built: pagesight.VerifiedBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_LARGE", 0)
    monkeypatch.setenv("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "0")  # not changed for the tests that follow
    asked = verify(pagesight.Bundle(built.path), Verification(max_pictures=4))
    assert asked.report.parity.top1_agreement == 1.0


def test_what_a_command_wrote_passes_the_door_of_the_next(built: pagesight.VerifiedBundle) -> None:
    work = built.path.parent / ".shapes.build"
    for kind, folder in ((TrainedModel, work / "train"), (WebModel, work / "quantize"), (pagesight.Bundle, built.path)):
        assert given.opened(kind, folder).path == folder


@pytest.fixture(scope="module")
def in_one_file(built: pagesight.VerifiedBundle, tmp_path_factory: pytest.TempPathFactory) -> pagesight.VerifiedBundle:
    work = built.path.parent / ".shapes.build"
    dataset, trained = Dataset.open(work / "scan"), TrainedModel.open(work / "train")
    folder = tmp_path_factory.mktemp("one file")
    page = bundle(
        WebModel.open(work / "quantize"),
        Bundling(single_file=True, also=("layers", "tflite")),
        folder / "page",
        Origin(dataset, trained),
    )
    return verify(page, Verification(require_browser=True), folder / "ver ified", dataset)


def test_the_single_file_answers_from_the_disk_what_python_answers(in_one_file: pagesight.VerifiedBundle) -> None:
    parity = in_one_file.report.parity.single_file
    assert parity.squares_equal == parity.pictures == 9
    assert parity.max_abs_diff <= 1e-4
    [file] = (in_one_file.path / "single-file").iterdir()
    assert file.name == "shapes.html"
    assert 0 < file.stat().st_size < 1_000_000


def test_other_formats_lie_beside_the_page_and_are_listed(
    built: pagesight.VerifiedBundle, in_one_file: pagesight.VerifiedBundle
) -> None:
    contract = json.loads((in_one_file.path / "contract.json").read_text())
    assert contract["also"] == {"layers": "also/layers/model.json", "tflite": "also/model.tflite"}
    listed = (manifest.read(in_one_file.path) or {})["files"]
    beside = {"also/layers/metadata.json", "also/layers/group1-shard1of1.bin", "also/labels.txt"}
    assert {*contract["also"].values(), *beside} <= set(listed)
    assert abs(in_one_file.report.bytes.total - built.report.bytes.total) < 1000  # they are not the page's
    assert not any(path.startswith("also/") for path in contract["files"])


@pytest.mark.filterwarnings("ignore")  # tf.lite says that it will move to another package
def test_the_tflite_file_answers_as_the_page(in_one_file: pagesight.VerifiedBundle) -> None:
    from pagesight.graph.tensorflow import tensorflow

    page = in_one_file
    files = sorted((page.path / "samples").iterdir())
    inputs = np.stack([pixels.read_model_input(p.read_bytes(), page.contract.input) for p in files])
    expected = Runner(GraphModel.read(page.path / page.contract.model_path), [page.contract.outputs.probabilities])(inputs)[0]
    interpreter = tensorflow().lite.Interpreter(str(page.path / "also" / "model.tflite"))
    interpreter.allocate_tensors()
    (image,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    result = []
    for model_input in inputs:
        interpreter.set_tensor(image["index"], model_input[None].astype(np.float32))
        interpreter.invoke()
        result.append(interpreter.get_tensor(answer["index"])[0])
    assert np.abs(np.array(result) - expected).max() < 0.02  # float16 keeps eleven bits of each weight
    assert (np.argmax(result, 1) == expected.argmax(1)).all()
    assert (page.path / "also" / "labels.txt").read_text().splitlines() == list(page.contract.labels)


def test_a_format_that_is_unknown_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no format 'caffe'"):
        pagesight.build(tmp_path, tmp_path / "page", also=("caffe",))


def test_a_single_file_that_is_damaged_fails_verify(in_one_file: pagesight.VerifiedBundle, tmp_path: Path) -> None:
    page = Path(shutil.copytree(in_one_file.path, tmp_path / "page"))
    file = page / "single-file" / "shapes.html"
    text = file.read_text(encoding="utf-8")
    middle = text.index('id="carried">') + 10_000
    file.write_text(text[:middle] + "AAAA" + text[middle + 4 :], encoding="utf-8")
    manifest.write(page, "verify", {})
    with pytest.raises(VerifyError, match="could not run the page"):
        verify(pagesight.VerifiedBundle(page), Verification(require_browser=True))


def test_labels_are_data_and_never_markup(built: pagesight.VerifiedBundle) -> None:
    page = (built.path / "index.html").read_text()
    assert "<script>alert" not in page
    assert "unsafe-inline" not in page
    assert "unsafe-eval'" not in page.replace("'wasm-unsafe-eval'", "")


def test_a_second_build_does_nothing(photos: Path, built: pagesight.VerifiedBundle) -> None:
    before = {p: p.stat().st_ino for p in built.path.parent.rglob("*")}
    pagesight.build(photos, into=built.path, **SMALL)
    assert {p: p.stat().st_ino for p in built.path.parent.rglob("*")} == before


def test_the_github_action_builds_says_what_was_measured_and_stops_before_the_upload_where_that_fails(
    photos: Path, built: pagesight.VerifiedBundle, tmp_path: Path
) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    scripts = {step.get("id"): step["run"] for step in action["runs"]["steps"] if "run" in step}
    # What a workflow passes in reaches the shell as data.
    assert not [name for name, script in scripts.items() if "${{" in script]
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PICTURES": str(photos), "PAGE": str(built.path), "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }  # fmt: skip

    def run(options: str) -> int:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts["build"]]
        return subprocess.run(command, env=environment | {"OPTIONS": options}, check=False, capture_output=True).returncode

    assert run("--no-such-option") != 0
    assert not (tmp_path / "outputs").exists()
    assert run("--backbone mobilenet_v1_025_96 --weights random --epochs 1 --quantize uint8") == 0
    outputs = dict(line.split("=", 1) for line in (tmp_path / "outputs").read_text(encoding="utf-8").splitlines())
    assert outputs == {"page": str(built.path), "accuracy": str(built.report.accuracy.exported)}
    assert "verified in Chrom" in (tmp_path / "summary").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_bytes(photos: Path, built: pagesight.VerifiedBundle, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pagesight", "build", str(photos), "-o", str(tmp_path / "shapes")]
    command += [part for name, value in SMALL.items() for part in (f"--{name}", str(value))]
    subprocess.run(command, check=True, capture_output=True)
    assert manifest.list_files(tmp_path / "shapes", leave_out=frozenset()) == manifest.list_files(built.path, leave_out=frozenset())


def test_a_page_without_samples_and_report_shows_no_picture_and_names_none(
    photos: Path, built: pagesight.VerifiedBundle, tmp_path: Path
) -> None:
    shutil.copytree(built.path.parent / ".shapes.build", tmp_path / ".shapes.build")
    page = pagesight.build(photos, into=tmp_path / "shapes", **SMALL, samples=0, report=False)
    assert not [p for p in page.path.rglob("*") if p.name in ("samples", "report", "report.html") or p.suffix == ".jpg"]
    assert "report.html" not in (page.path / "index.html").read_text()
    assert page.report.evaluation.accuracy == built.report.evaluation.accuracy
    for name in ("report.json", "contract.json", "index.html"):
        assert "person" not in (page.path / name).read_text(), name
    more = bundle(
        WebModel(tmp_path / ".shapes.build" / "quantize"),
        Bundling(samples=2),
        tmp_path / "more",
        Origin(Dataset.open(tmp_path / ".shapes.build" / "scan")),
    )
    assert len(list((more.path / "samples").iterdir())) == 6


def test_gates_fail_before_anything_is_finished(photos: Path, built: pagesight.VerifiedBundle, tmp_path: Path) -> None:
    work = built.path.parent / ".shapes.build"
    shutil.copytree(work, tmp_path / ".shapes.build")
    with pytest.raises(BundleError, match="bytes after gzip"):
        pagesight.build(photos, into=tmp_path / "shapes", **SMALL, max_bytes=100_000)
    with pytest.raises(TrainError, match=r"below 100\.0%"):
        pagesight.build(photos, into=tmp_path / "shapes", **{**SMALL, "epochs": 1}, min_accuracy=1.0, seed=3)
    assert not (tmp_path / "shapes").exists()


@pytest.mark.parametrize("name", ["model/model.json", "pagesight.js", "contract.json", "samples/00.jpg"])
def test_a_file_that_was_changed_is_found(name: str, built: pagesight.VerifiedBundle, tmp_path: Path) -> None:
    copy = shutil.copytree(built.path, tmp_path / "copy")
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(VerifyError, match="is not the file that was built"):
        verify(pagesight.Bundle(copy), Verification())


def test_a_missing_and_a_strange_file_are_found(built: pagesight.VerifiedBundle, tmp_path: Path) -> None:
    copy = shutil.copytree(built.path, tmp_path / "copy")
    (copy / "stranger.js").write_text("alert(1)")
    with pytest.raises(VerifyError, match="does not belong"):
        verify(pagesight.Bundle(copy), Verification())
    (copy / "stranger.js").rename(copy / "sw.js")
    (copy / "style.css").unlink()
    with pytest.raises(VerifyError):
        verify(pagesight.Bundle(copy), Verification())


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_an_answer_that_differs_fails_the_build(built: pagesight.VerifiedBundle, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="a probability differs"):
        verify(pagesight.Bundle(built.path), Verification(max_abs_diff=0.0))


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_other_pictures_or_another_browser_are_verified_anew_and_at_most_so_many_are_asked(
    built: pagesight.VerifiedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(count: int, most: int = 500) -> Any:
        write_grays(tmp_path / str(count), count) if not (tmp_path / str(count)).exists() else None
        result = verify(built, Verification(max_pictures=most), tmp_path / "page", tmp_path / str(count))
        assert isinstance(result, pagesight.VerifiedBundle)
        return result.report.parity.pictures, (tmp_path / "page" / "manifest.json").stat().st_ino

    wrapper = tmp_path / "chrome"
    wrapper.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo Chromium 1 || exec {discovery.find()} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CHROME", str(wrapper))
    first = asked(3)
    assert first[0] == 3
    assert asked(3) == first
    second = asked(2)
    assert second[0] == 2
    assert asked(9, most=2)[0] == 2
    verified = asked(2)
    wrapper.write_text(wrapper.read_text().replace("Chromium 1", "Chromium 2"))
    assert asked(2)[1] != verified[1]


def test_without_a_browser_the_build_goes_on_and_says_so(
    photos: Path, built: pagesight.VerifiedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROME", str(tmp_path / "no-such-browser"))
    shutil.copytree(built.path.parent / ".shapes.build", tmp_path / ".shapes.build")
    unseen = pagesight.build(photos, into=tmp_path / "shapes", **SMALL)
    again = pagesight.build(photos, into=tmp_path / "shapes", **SMALL)
    for page in (unseen, again, verify(built, Verification())):
        assert page.report.parity is None
        assert not isinstance(page, pagesight.VerifiedBundle)
    with pytest.raises(OutputError, match="was not verified in a browser"):
        pagesight.VerifiedBundle.open(tmp_path / "shapes")
    with pytest.raises(VerifyError, match="no browser was found"):
        pagesight.build(photos, into=tmp_path / "shapes", **SMALL, require_browser=True)


@pytest.mark.parametrize("stage", ["train", "verify"])
def test_a_killed_build_leaves_the_last_good_page_and_resumes(
    stage: str, photos: Path, built: pagesight.VerifiedBundle, tmp_path: Path
) -> None:
    shutil.copytree(built.path.parent, tmp_path / "o", symlinks=True)
    last_good = manifest.list_files(tmp_path / "o" / "shapes")
    outputs = ("scan", "train", "export", "quantize", "bundle")
    for later in outputs[{"train": 1, "verify": 4}[stage] :]:
        shutil.rmtree(tmp_path / "o" / ".shapes.build" / later)
    command = [sys.executable, "-m", "pagesight", "build", str(photos), "-o", str(tmp_path / "o" / "shapes"), "--title", "Other"]
    command += [part for name, value in SMALL.items() for part in (f"--{name}", str(value))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == stage:
            # Verifying writes last of all; the others have a folder to write into as soon as they work.
            while stage != "verify" and not list((tmp_path / "o" / ".shapes.build").glob(f".{stage}.tmp-*")):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert manifest.list_files(tmp_path / "o" / "shapes") == last_good
    finished = pagesight.build(photos, into=tmp_path / "o" / "shapes", **SMALL, title="Other")
    assert finished.contract.title == "Other"
    assert not list((tmp_path / "o").rglob(".*tmp-*"))
