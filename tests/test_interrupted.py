"""Promises about bad moments: Ctrl-C and a full disk are said in words, and cost nothing that was finished."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pagesight import backbones, manifest, records
from pagesight.artifacts import Bundle, SavedModel, TrainedModel, WebModel
from pagesight.bundle import bundle
from pagesight.errors import OutputError
from pagesight.export import export
from pagesight.options import Bundling, Naming, Quantization, Verification
from pagesight.quantize import quantize
from pagesight.records.training import TrainingFacts, Weights
from pagesight.training import network
from pagesight.training.checkpoint import Checkpoint, Progress, State
from pagesight.verify import verify

from .conftest import write_photos

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def build(photos: Path, into: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pagesight", "build", str(photos), "-o", str(into), "--weights", "random", "--epochs", "1"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_full_disk_is_one_sentence_and_leaves_no_rubbish(small_disk: Path, tmp_path: Path) -> None:
    process = build(write_photos(tmp_path / "photos", ["a", "b"], per_class=60), small_disk / "page")
    _, predicted = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "error: no space left on the disk" in predicted
    assert "Traceback" not in predicted
    assert not (small_disk / "page").exists()
    assert not list(small_disk.rglob("*.tmp-*"))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each stage wrote of an untrained network, in a folder named after the stage."""
    folder = tmp_path_factory.mktemp("outputs")
    backbone = backbones.named("mobilenet_v1_025_96")
    with manifest.atomic_output_dir(folder / "train", "train", {}) as temporary:
        model, _ = network.build(backbone, 2, None)
        network.save_weights(model, temporary / TrainedModel.WEIGHTS_FILE)
        records.write(temporary / "training.json", TrainingFacts(backbone.name, Weights("random"), ("a", "b")))
    for stage in ("export", "quantize", "bundle", "verify"):
        again(stage, folder, folder / stage)
    return folder


def again(stage: str, outputs: Path, into: Path) -> None:
    """One stage, with what the one before it left in `outputs`; without a browser."""
    if stage == "train":
        model, _ = network.build(backbones.named("mobilenet_v1_025_96"), 2, None)
        with manifest.atomic_output_dir(into, "train", {}) as temporary:
            network.save_weights(model, temporary / TrainedModel.WEIGHTS_FILE)
    elif stage == "export":
        export(TrainedModel(outputs / "train"), Naming("page", "Page"), into)
    elif stage == "quantize":
        quantize(SavedModel(outputs / "export"), Quantization("none"), into)
    elif stage == "bundle":
        bundle(WebModel(outputs / "quantize"), Bundling(), into)
    else:
        verify(Bundle(outputs / "bundle"), Verification(), into)


@pytest.mark.parametrize("stage", ["train", "export", "quantize", "bundle", "verify"])
def test_a_disk_that_fills_up_within_a_stage_is_one_sentence_whoever_writes(
    stage: str, outputs: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROME", "no-such-browser")
    takes = sum(p.stat().st_size for p in (outputs / stage).rglob("*") if p.is_file())
    (small_disk / "other").write_bytes(bytes(3_000_000 - min(takes, 3_000_000) * 2 // 3))
    with pytest.raises(OutputError, match="no space left on the disk"):
        again(stage, outputs, small_disk / "out")
    assert [p.name for p in small_disk.iterdir()] == ["other"]


def test_a_disk_that_fills_up_between_epochs_keeps_the_epoch_before(small_disk: Path) -> None:
    key = {"options": 1}
    weights = [np.ones(100_000, np.float32)]
    with pytest.raises(OutputError, match="no space left"), manifest.atomic_output_dir(small_disk / "out", "train", key):
        checkpoint = Checkpoint(small_disk / "out", key)
        checkpoint.make_folder()
        checkpoint.save(State(1, weights, weights, weights, Progress([], 0.5, 0)))
        (small_disk / "other").write_bytes(bytes(1_500_000))
        checkpoint.save(State(2, weights, weights, weights, Progress([], 0.5, 0)))
    result = Checkpoint(small_disk / "out", key).load()
    assert result is not None
    assert result.epoch == 1
    assert sorted(p.name for p in small_disk.iterdir()) == [".out.work", "other"]


def test_ctrl_c_says_that_nothing_is_lost_and_exits_130(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here would be ignored there
    process = build(write_photos(tmp_path / "photos", ["a", "b"]), tmp_path / "page")
    signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == "train":
            process.send_signal(signal.SIGINT)
            break
    _, predicted = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "interrupted; finished outputs are untouched" in predicted
    assert "Traceback" not in predicted
    assert [p.name for p in (tmp_path / ".page.build").iterdir() if ".tmp-" in p.name] == []
