"""Promises about the one door: every way in refuses the same files with the same words, and a task can do nothing but read."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from pagesight import backbones, cli, manifest, sandbox
from pagesight.artifacts import TrainedModel
from pagesight.contract import Contract, Input, Outputs
from pagesight.errors import AdoptError, PagesightError
from pagesight.importers import original_runner, tfjs
from pagesight.importers.checkpoint import Checkpoint, crc32c
from pagesight.importers.door import open_model
from pagesight.inspect import inspect
from pagesight.sandbox import Found
from pagesight.training import network

from .cases import CASES
from .conftest import ROOT

HERE = Path(__file__).parent / "cases"
pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow warns about what it is asked to read


def as_weights(source: Path) -> Any:
    backbone = backbones.named("mobilenet_v1_025_96")
    return network.build(backbone, 2, network.parse_weights(str(source), backbone))


WAYS_IN: dict[str, Callable[[Path], Any]] = {"inspect": inspect, "--weights": as_weights}
SAME_WORDS = [
    ("inspect", "zip-of-another-name-that-climbs-out"),
    ("inspect", "saved-model-that-writes-a-file"),
    ("inspect", "saved-model-that-saves-when-it-is-restored"),
    ("inspect", "shard-above-its-folder"),
    ("inspect", "hdf5-data-in-another-file"),
    ("inspect", "pickle-in-a-dataset"),
    ("--weights", "zip-of-another-name-that-climbs-out"),
    ("--weights", "saved-model-that-writes-a-file"),
    ("--weights", "saved-model-that-saves-when-it-is-restored"),
    ("--weights", "saved-model-that-loops-when-it-is-restored"),
    ("--weights", "tar-that-climbs-out"),
    ("--weights", "hdf5-link-to-another-file"),
    ("--weights", "hdf5-bomb"),
]


@pytest.mark.parametrize(("way", "name"), SAME_WORDS)
def test_what_convert_refuses_is_refused_through_every_other_way_in_with_the_same_words(
    way: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / "given").mkdir()
    canary = tmp_path / "canary"
    source = CASES[name](tmp_path / "given", canary)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AdoptError) as caught:
        WAYS_IN[way](source)
    assert sorted(tmp_path.rglob("*")) == before
    told = f"error: {caught.value.what}\n  fix: {caught.value.fix}\n"
    told = told.replace(str(tmp_path / "given"), "GIVEN").replace(str(canary), "/CANARY")
    assert told == (HERE / name / "expected_error.txt").read_text(encoding="utf-8")


WRITES = {"verify": "verify", "bundle": "quantize", "export": "train"}
"""Commands that take what another wrote, and the stage that its manifest names."""
MODELS = {("convert", "model"), ("inspect", "model"), ("build", "weights"), ("train", "weights")}
MODELS |= {("verify", "folder"), ("bundle", "web"), ("export", "trained")}
NO_MODELS = {
    "pictures, tables and records": ["photos", "unknown", "labels_csv", "dataset", "test", "calibrate", "labels"],
    "templates, styles and pictures of a page": ["theme", "logo"],
    "written, not read": ["into", "html", "svg", "tensorboard"],
    "training.json is read of it, and no weights": [("bundle", "trained")],
    "its files are given out as they are": [("serve", "folder")],
    "names and words": ["name", "title", "description", "language", "group_by", "file_column", "label_column", "side_column"],
    "names and words of other commands": [
        "label",
        "backbone",
        "search",
        "npm",
        "input_range",
        "crop",
        "signature",
        "names",
        "host",
        "embed_in",
    ],
    "keys": ["sign", "key"],
}


def test_every_argument_that_may_name_a_model_is_known_to_pass_the_door() -> None:
    no_models = {entry for entries in NO_MODELS.values() for entry in entries}
    numbers = (click.types.BoolParamType, click.types.IntParamType, click.types.FloatParamType, click.Choice)
    for name, command in cli.pagesight.commands.items():
        for parameter in command.params:
            if isinstance(parameter.type, numbers) or parameter.name in no_models:
                continue
            assert (name, parameter.name) in MODELS | no_models, "say whether it is a model, and test that it passes the door"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("verify", "graph-that-writes-a-file"),
        ("verify", "graph-that-hides-an-op-in-a-function"),
        ("verify", "shard-that-links-out"),
        ("bundle", "graph-that-writes-a-file"),
        ("bundle", "shard-above-its-folder"),
        ("export", "hdf5-link-to-another-file"),
        ("export", "hdf5-bomb"),
    ],
)
def test_a_manifest_of_ones_own_lets_no_model_past_the_door(command: str, name: str, tmp_path: Path) -> None:
    given, canary = tmp_path / "given", tmp_path / "canary"
    given.mkdir()
    source = CASES[name](given, canary)
    if command == "export":
        source.rename(given / TrainedModel.WEIGHTS_FILE)
    else:
        Contract("x", "X", ("a", "b"), Input(8), Outputs("p"), model_path=f"{source.name}/model.json").write(given)
    manifest.write(given, WRITES[command], {})
    before = sorted(tmp_path.rglob("*"))
    to = [] if command == "verify" else ["-o", str(tmp_path / "out")]
    error = CliRunner().invoke(cli.pagesight, [command, str(given), *to]).exception
    assert isinstance(error, AdoptError)
    assert sorted(tmp_path.rglob("*")) == before
    told = f"error: {error.what}\n  fix: {error.fix}\n".replace(TrainedModel.WEIGHTS_FILE, source.name)
    assert told.replace(str(given), "GIVEN") == (HERE / name / "expected_error.txt").read_text(encoding="utf-8")


def test_a_page_whose_contract_names_a_model_elsewhere_is_refused(tmp_path: Path) -> None:
    Contract("x", "X", ("a", "b"), Input(8), Outputs("p"), model_path="../model/model.json").write(tmp_path)
    manifest.write(tmp_path, "verify", {})
    error = CliRunner().invoke(cli.pagesight, ["verify", str(tmp_path)]).exception
    assert isinstance(error, AdoptError)
    assert error.what == f"{tmp_path / 'contract.json'} names a model outside its folder"


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    body = network._application(backbones.named("mobilenet_v1_025_96"), None)
    body.save_weights(tmp_path / "w.h5")
    as_weights(tmp_path / "w.h5")
    body.weights[0].assign(np.full(body.weights[0].shape, np.nan))
    body.save_weights(tmp_path / "w.h5")
    with pytest.raises(PagesightError, match="contains NaN or infinity"):
        as_weights(tmp_path / "w.h5")


def misbehave(what: str, outside: str, scratch: Path) -> Found:
    """A task that tries what a parser taken over would try; run in a process of its own by the tests below."""
    if what == "write":
        Path(outside).write_text("escaped")
    if what == "connect":
        import socket

        socket.create_connection(("127.0.0.1", 9), timeout=1)
    if what == "start":
        os.execv(sys.executable, [sys.executable, "-c", "pass"])
    if what == "memory":
        np.ones(2**33, np.uint8)
    if what == "time":
        while True:
            pass
    handed = scratch / "handed.json"
    if what == "hand back a pipe":
        os.mkfifo(handed)
        os._exit(0)
    if what.startswith("{"):
        handed.write_text(what)
        os._exit(0)
    if what == "sleep":
        time.sleep(600)
    (scratch / "inside").write_text("allowed")
    return Found({"answer": json.dumps(what)}, {"x": np.arange(6, dtype=np.float32).reshape(2, 3)})


def leave_a_child(scratch: Path) -> Found:
    """A task that forks, as one may for threads are made the same way; the child tries to leave the group."""
    child = os.fork()
    if not child:
        with suppress(OSError):
            os.setsid()
        time.sleep(600)
    return Found({"child": child}, {})


def task(what: str, tmp_path: Path, **limits: int) -> sandbox.Handed:
    return begun(what, tmp_path, **limits).result()


def begun(what: str, tmp_path: Path, **limits: int) -> sandbox.Job:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = {"what": what, "outside": str(tmp_path / "outside")}
    return sandbox.start("tests.test_door:misbehave", arguments, scratch, what="the file", limits=sandbox.Limits(**limits))


def test_a_task_hands_back_json_and_arrays(tmp_path: Path) -> None:
    handed = task("nothing", tmp_path)
    assert handed.facts == {"answer": '"nothing"'}
    assert handed.arrays["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
@pytest.mark.parametrize("what", ["write", "connect", "start"])
def test_a_task_cannot_write_elsewhere_connect_or_start_programs(what: str, tmp_path: Path) -> None:
    if len(task("nothing", tmp_path).guards) < 3:
        pytest.skip("this kernel holds nothing back")
    (tmp_path / "scratch" / "inside").unlink()
    (tmp_path / "again").mkdir()
    with pytest.raises(AdoptError, match=r"PermissionError|Operation not permitted|Permission denied"):
        task(what, tmp_path / "again")
    assert not (tmp_path / "again" / "outside").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses are Linux's")
@pytest.mark.parametrize(
    ("what", "limits", "told"), [("memory", {"memory": 2**31}, "GB to read"), ("time", {"seconds": 1}, "seconds")]
)
def test_a_task_that_takes_too_much_is_ended(what: str, limits: dict[str, int], told: str, tmp_path: Path) -> None:
    with pytest.raises(AdoptError, match=told):
        task(what, tmp_path, **limits)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize(
    "what",
    [
        "hand back a pipe",
        '{"facts": {}}',
        '{"facts": [1], "arrays": [], "guards": []}',
        '{"facts": {}, "arrays": [["x"]], "guards": []}',
        '{"error": 1}',
    ],
)
def test_a_task_that_hands_back_what_is_no_result_is_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    with pytest.raises(AdoptError, match=r"returned no valid result|crashed"):
        task(what, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="signals are not Windows'")
def test_a_task_that_the_system_killed_did_not_take_too_long(tmp_path: Path) -> None:
    job = begun("sleep", tmp_path)
    os.kill(job._process.pid, signal.SIGKILL)
    with pytest.raises(AdoptError, match="the system killed its reader"):
        job.result()


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_what_a_task_left_behind_is_ended_with_it(tmp_path: Path) -> None:
    child = sandbox.start("tests.test_door:leave_a_child", {}, tmp_path, what="the file").result().facts["child"]
    with suppress(ProcessLookupError):  # it is gone already
        assert select.select([os.pidfd_open(child)], [], [], 300)[0], "it goes on"


def test_modules_that_lie_where_a_task_writes_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken over')")
    assert isinstance(sandbox.guards(tmp_path), tuple)


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "/".join(["a" * 200] * 50), "../../etc/passwd"])
def test_a_shard_that_no_file_can_be_called_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    document = {"modelTopology": {}, "weightsManifest": [{"paths": [name], "weights": []}]}
    (tmp_path / "model.json").write_text(json.dumps(document))
    assert set(tfjs.files_beside(tmp_path / "model.json")) == {"metadata.json", "contract.json", "../contract.json"}
    (tmp_path / "scratch").mkdir()
    with pytest.raises(AdoptError):
        open_model(tmp_path / "model.json", tmp_path / "scratch").result()


@pytest.mark.parametrize(
    "told", [{"userDefinedMetadata": [1]}, {"signature": [1]}, {"signature": {"inputs": [1], "outputs": {"y": 1}}}]
)
def test_a_graph_whose_signature_is_none_is_refused_in_a_sentence(told: dict[str, Any]) -> None:
    topology = {"node": [{"name": "x", "op": "Placeholder"}, {"name": "y", "op": "Identity", "input": ["x"]}]}
    facts = {"kind": "tfjs-graph", "document": {"modelTopology": topology, **told}, "shown_as": "model.json", "contract": None}
    with pytest.raises(AdoptError):
        tfjs.read(sandbox.Handed({**facts, "model_json": "model.json"}, {}, ()))


def test_an_original_whose_asker_is_gone_stops_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([4711, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setitem(original_runner._LOADERS, "none", lambda _: ("none", lambda x: x))
    assert original_runner.answers(tmp_path, runtime="none", path="m").facts == {"why_not": "who asked is gone"}


def test_checksums_of_a_checkpoint_are_those_of_the_standard() -> None:
    assert crc32c(np.frombuffer(b"123456789", np.uint8)) == 0xE3069283
    assert crc32c(np.zeros(32, np.uint8)) == 0x8A9136AA
    assert crc32c(np.frombuffer(bytes(range(32)), np.uint8)) == 0x46DD794E


def test_a_checkpoint_is_read_as_tensorflow_wrote_it_and_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    from pagesight.graph.tensorflow import tensorflow

    tf = tensorflow()
    value = np.random.default_rng(0).normal(size=(300, 1000)).astype(np.float32)
    prefix = tf.train.Checkpoint(v=tf.Variable(value)).write(str(tmp_path / "c"))
    read = Checkpoint.open(Path(prefix))
    (key,) = (k for k in read.entries if k.startswith("v/"))
    np.testing.assert_array_equal(read.array(key), value)
    data = tmp_path / "c.data-00000-of-00001"
    raw = bytearray(data.read_bytes())
    raw[len(raw) // 2] ^= 4
    data.write_bytes(raw)
    with pytest.raises(AdoptError, match="checksum"):
        Checkpoint.open(Path(prefix)).array(key)


@pytest.mark.skipif(sys.platform == "win32", reason="mutants are opened in forked processes")
def test_damaged_models_of_every_format_are_read_or_refused_in_a_sentence() -> None:
    """In a process of its own: one that has loaded TensorFlow must not be forked."""
    fuzz = subprocess.run(
        [sys.executable, ROOT / "tools" / "fuzz.py", "--count", "200", "--seed", "7"], capture_output=True, text=True, check=False
    )
    assert fuzz.returncode == 0, fuzz.stdout + fuzz.stderr
    assert fuzz.stdout.startswith("200 mutants: ")
