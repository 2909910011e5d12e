"""Promises about several machines: they learn what one learns, the chief alone writes, and one that stops is said in words."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pagesight import pipeline
from pagesight.artifacts import Dataset, TrainedModel
from pagesight.errors import OptionError
from pagesight.options import Scanning, Training
from pagesight.scan import scan
from pagesight.train import train

from .conftest import write_photos

HOW = Training(weights="starter", epochs=2)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("shapes")
    return scan(write_photos(root / "photos", ["disc", "square"], 12), Scanning(), root / "scan")


def start(dataset: Dataset, folders: list[Path]) -> list[subprocess.Popen[str]]:
    """`pagesight train` once for each folder, on ports of this machine that are free; the first is the chief."""
    with socket.socket() as one, socket.socket() as other:
        for listener in (one, other):
            listener.bind(("127.0.0.1", 0))
        cluster = {"worker": ["{}:{}".format(*listener.getsockname()) for listener in (one, other)]}
    command = [sys.executable, "-m", "pagesight", "train", str(dataset.path), "--strategy", "multiworker"]
    command += ["--weights", HOW.weights, "--epochs", str(HOW.epochs)]
    running = []
    for index, folder in enumerate(folders):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        environment = os.environ | {"TF_CONFIG": config}
        running.append(subprocess.Popen([*command, "-o", str(folder)], env=environment, stderr=subprocess.PIPE, text=True))
    return running


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_two_workers_learn_what_one_learns_and_survive_the_death_of_one(shapes: Dataset, tmp_path: Path) -> None:
    folders = [tmp_path / "chief" / "out", tmp_path / "other" / "out"]
    chief, other = start(shapes, folders)
    while not (tmp_path / "chief" / ".out.work" / "checkpoint.npz").exists() and chief.poll() is None:
        time.sleep(0.02)
    other.kill()
    other.communicate()
    predicted = chief.communicate(timeout=600)[1]
    assert chief.returncode == 1, predicted
    assert "error: another worker stopped" in predicted
    assert "Traceback" not in predicted
    assert not folders[0].exists()

    again = start(shapes, folders)
    summary = [process.communicate(timeout=600)[1] for process in again]
    assert [process.returncode for process in again] == [0, 0], summary
    assert all("going on after epoch" in text for text in summary)
    assert [p.name for p in tmp_path.rglob("*") if p.parent.parent == tmp_path] == ["out"]  # the chief's alone
    alone = train(shapes, HOW, tmp_path / "alone")
    together = TrainedModel.open(folders[0])
    assert together.facts.accuracy.float_ == pytest.approx(alone.facts.accuracy.float_, abs=0.005)
    assert together.facts.dataset == alone.facts.dataset


@pytest.mark.parametrize("config", [None, "{", '{"cluster": {"worker": ["a:1"]}}', '{"cluster": {"worker": []}, "task": {}}'])
def test_a_worker_that_is_not_told_of_the_others_says_how(
    shapes: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str | None
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(OptionError, match="needs TF_CONFIG") as caught:
        train(shapes, Training(weights="random", strategy="multiworker"), tmp_path / "out")
    assert '"cluster"' in caught.value.fix


def test_several_machines_do_not_build_one_page(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="only one builds a page"):
        pipeline.build(tmp_path, tmp_path / "page", strategy="multiworker")
