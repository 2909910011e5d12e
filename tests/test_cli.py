"""Promises of the command line: quick help, exit codes, one clear sentence with the fix."""

import contextlib
import dataclasses
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import pagesight
from pagesight import cli, languages, manifest, options
from pagesight.console.output import Console, log_decisions
from pagesight.errors import OptionError, OutputError, PagesightError

from .conftest import PhotoFolder


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pagesight", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def test_help_names_the_languages_that_ship() -> None:
    *others, last = languages.known()
    assert f"{', '.join(others)} or {last}." in " ".join(run("build", "--help").stdout.split())


def test_help_does_not_import_tensorflow_or_numpy() -> None:
    code = "import sys; sys.argv=['pagesight','--help']\nfrom pagesight.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print([m for m in ('tensorflow','numpy','sklearn','PIL','rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_explains_itself() -> None:
    listed = re.findall(r"^  (\w+) {2,}\w", run("--help").stdout.split("Commands:")[1], re.MULTILINE)
    assert {"build", "scan", "train", "export", "convert", "bundle", "verify", "serve", "doctor"} <= set(listed)
    from click.testing import CliRunner

    from pagesight import cli

    for name in listed:
        assert "Usage:" in CliRunner().invoke(cli.pagesight, [name, "--help"]).output


@pytest.mark.parametrize(
    ("arguments", "predicted"),
    [
        (["buidl", "x"], "Did you mean 'build'?"),
        (["build", "x", "-o", "y", "--bakcbone", "z"], "--backbone"),
        (["build", "x"], "Missing option '-o'"),
        (["build", "x", "-o", "y", "--quantize", "uint9"], "'uint9' is not one of"),
        (["build", "x", "-o", "y", "--max-ms", "5"], "add --search all"),
        (["build", "x", "-o", "y", "--language", "tlh"], "choose one of ar, de, en, es, fr"),
        (["build", "x", "-o", "y", "--logo", "nowhere.svg"], "nowhere.svg is not a usable logo file"),
        (["build", "x", "-o", "y", "--backbone", "mobilenet_v1_25_128"], "did you mean mobilenet_v1_025_128"),
    ],
)
def test_a_wrong_command_names_the_right_one_and_exits_2(arguments: list[str], predicted: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert predicted in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_is_one_sentence_with_a_fix_and_exits_1(tmp_path: Path) -> None:
    done = run("build", tmp_path / "no photos", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        f"error: {tmp_path / 'no photos'} does not exist",
        "  fix: give the folder that holds one folder of pictures per class",
    ]
    assert not list(tmp_path.iterdir())


def test_json_is_one_object_on_standard_output_also_when_it_fails(photos: PhotoFolder, tmp_path: Path) -> None:
    good = run("scan", photos("a", "b"), "-o", tmp_path / "out", "--json")
    assert json.loads(good.stdout)["classes"] == ["a", "b"]
    bad = run("scan", tmp_path / "nowhere", "-o", tmp_path / "out2", "--json")
    assert json.loads(bad.stdout).keys() == {"error", "fix"}


def test_quiet_says_only_the_result(photos: PhotoFolder, tmp_path: Path) -> None:
    done = run("scan", photos("a", "b"), "-o", tmp_path / "out", "--quiet")
    assert done.stderr == ""
    assert "classes" in done.stdout


def test_a_foreign_output_folder_is_refused_before_any_work(photos: PhotoFolder, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    done = run("build", photos("a", "b"), "-o", tmp_path / "mine")
    assert done.returncode == 1
    assert "was not made by Pagesight" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_each_stage_refuses_what_the_stage_before_did_not_write(tmp_path: Path) -> None:
    for command in ("train", "export", "bundle"):
        done = run(command, tmp_path / "none", "-o", tmp_path / "out")
        assert done.returncode == 1, command
        assert "was not written by" in done.stderr


def test_doctor_names_what_is_there_and_what_is_missing() -> None:
    result = json.loads(run("doctor", "--json").stdout)
    assert any(f["what"].startswith("tensorflow") and f["ok"] for f in result)
    assert all(f["fix"] for f in result if not f["ok"])


def test_python_knows_the_same_options_as_the_command_line() -> None:
    from pagesight import cli

    # In Python a page is signed once it is there: signature.sign(folder, signature.private_key(file)).
    of_the_command_line = {"photos", "into", "force", "until", "as_json", "quiet", "verbose", "debug", "sign"}
    flags = {p.name for p in cli.pagesight.commands["build"].params} - of_the_command_line
    assert flags == set(options.Build.__dataclass_fields__)


def test_an_option_of_a_stage_is_one_of_build_and_reaches_its_stage() -> None:
    of_stages = {
        options.ScanOptions: options.Build.scanning,
        options.TrainOptions: options.Build.training,
        options.PageOptions: options.Build.bundling,
        options.Choosing: options.Build.choosing,
    }
    for kind, stage in of_stages.items():
        for field in dataclasses.fields(kind):
            other = ("z",) if isinstance(field.default, tuple) else f"not {field.default}"
            assert getattr(stage(options.Build(**{field.name: other})), field.name) == other  # type: ignore[arg-type]


def test_an_unknown_option_in_python_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        pagesight.build(tmp_path, into=tmp_path / "out", bakcbone="x")
    assert caught.value.fix == "did you mean 'backbone'?"
    assert isinstance(caught.value, PagesightError)


@pytest.mark.parametrize("where", ["photos", "photos/out", "."])
def test_an_output_that_would_replace_or_join_the_pictures_is_refused_even_with_force(
    photos: PhotoFolder, tmp_path: Path, where: str
) -> None:
    folder = photos("a", "b")
    before = sorted(folder.rglob("*"))
    for command in ("build", "scan"):
        done = run(command, folder, "-o", tmp_path / where, "--force")
        assert done.returncode == 1
        assert re.search("would replace|is inside", done.stderr)
        assert "fix: name a folder beside it with -o" in done.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("where", ["mine", "mine/page"])
@pytest.mark.parametrize("name", ["test", "calibrate", "pictures", "unknown", "labels_csv", "weights"])
def test_whatever_a_command_reads_is_never_replaced_by_its_output(tmp_path: Path, name: str, where: str) -> None:
    from pagesight import adopt, pipeline

    photos, mine, model = tmp_path / "photos", tmp_path / "mine", tmp_path / "model.h5"
    photos.mkdir()
    (mine / "cat").mkdir(parents=True)
    (mine / "cat" / "1.jpg").write_bytes(b"mine")
    model.write_bytes(b"x")
    into = tmp_path / where
    with pytest.raises(OutputError, match=r"would replace|is inside"):
        if name in ("test", "calibrate", "pictures"):
            pipeline.convert(model, into, adopt.Adoption(), options.Quantization(), force=True, **{name: mine})
        else:
            pagesight.build(photos, into, force=True, **{name: str(mine)})
    assert [p.name for p in tmp_path.rglob("*")].count("1.jpg") == 1


def test_a_file_is_never_replaced_by_an_output_folder(photos: PhotoFolder, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    done = run("scan", photos("a", "b"), "-o", tmp_path / "notes.txt", "--force")
    assert (done.returncode, (tmp_path / "notes.txt").read_text(encoding="utf-8")) == (1, "mine")
    assert "is a file, not a folder" in done.stderr


def test_an_archive_is_called_by_its_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as archive:
        archive.writestr("1.jpg", b"x")
    done = run("scan", tmp_path / "flat.zip", "-o", tmp_path / "out")
    assert f"error: {tmp_path / 'flat.zip'} holds pictures but no class folders" in done.stderr


def test_tensorflow_says_nothing_of_its_own_and_loses_nothing_that_others_say(capfd: pytest.CaptureFixture[str]) -> None:
    from pagesight.graph import tensorflow

    with tensorflow.suppress_native_stderr():
        for line in (
            "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
            "I0000 00:00:1795549393.572171    7715 port.cc:153] oneDNN custom operations are on. You may see …",
            "E0000 00:00:1795550903.233522   17868 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting …",
            "W0000 00:00:1795550903.393099   17868 computation_placer.cc:177] computation placer already registered.",
            "an error",
        ):
            os.write(2, f"{line}\n".encode())
    assert capfd.readouterr().err == "an error\n"


def test_a_child_that_inherited_standard_error_is_not_waited_for_and_is_heard_later() -> None:
    code = """
import subprocess, sys, threading, time
from pagesight.graph.tensorflow import suppress_native_stderr
with suppress_native_stderr():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stderr.write(sys.stdin.read())"], stdin=subprocess.PIPE)
    print("said within", file=sys.stderr, end="", flush=True)
print("said after", file=sys.stderr, flush=True)
child.communicate(b"the child, later")
while threading.active_count() > 1: time.sleep(0.01)  # until all that it said was passed on
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "said withinsaid after\nthe child, later")


@pytest.mark.parametrize(
    ("option", "fix"),
    [
        (["--title", "Mine"], "pagesight export"),
        (["--labels", "a,b"], "leave it out"),
        (["--single-file"], "pagesight bundle"),
        (["--npm", "mine"], "pagesight bundle"),
        (["--also", "tflite"], "pagesight bundle"),
        (["--photos", "photos"], "pagesight verify"),
        (["--dataset", "work", "--calibrate", "saved"], "give one of them"),
        (["--max-drop", "1"], "--quantize auto"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_option_that_would_do_nothing_to_an_exported_model_is_an_error_that_names_the_command_to_give_it_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str], fix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()
    manifest.write(tmp_path / "saved", "export", {})
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", "saved", "-o", "out", *option])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert option[0] in said.splitlines()[-2]
    assert fix in said.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "model.h5", "-o", "out", "--dataset", "work"], "--dataset measures the accuracy of what `pagesight export`"),
        (["bundle", "web", "-o", "out", "--no-report"], "without --dataset no pictures are published"),
        (["bundle", "web", "-o", "out", "--samples", "2"], "without --dataset no pictures are published"),
    ],
)
def test_an_option_that_asks_for_pictures_where_there_are_none_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_hands_are_drawn_of_as_many_people_as_asked_for(tmp_path: Path) -> None:
    with contextlib.suppress(SystemExit):
        cli.main(["render", "-o", str(tmp_path / "hands"), "--per-class", "3", "--subjects", "2", "--side", "32", "--quiet"])
    people = {re.sub(r"_\d+\.jpg$", "", p.name) for p in (tmp_path / "hands").rglob("*.jpg")}
    assert len(people) == 2


def test_backbones_are_listed_with_the_licence_and_the_sizes_of_their_weights(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        cli.main(["backbones", "--json"])
    listed = {b["name"]: b for b in json.loads(capsys.readouterr().out)}
    assert listed["mobilenet_v1_025_96"]["imagenet_sides"] == [128, 160, 192, 224]
    assert {b["licence"] for b in listed.values()} == {"Apache-2.0"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_that_is_full_elsewhere_is_said_in_words_too() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pagesight", "backbones"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: no space left on a disk\n  fix: free some space")


def test_only_build_searches_for_a_backbone() -> None:
    flags = {name: {flag for p in command.params for flag in p.opts} for name, command in cli.pagesight.commands.items()}
    assert {name for name, own in flags.items() if "--search" in own} == {"build"}


def test_ctrl_c_is_no_error_where_a_library_made_one_of_it() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where tests run in the background
    with pytest.raises(KeyboardInterrupt) as result, Console(quiet=True):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise SystemError("bad argument to internal function") from None
    assert isinstance(result.value.__cause__, SystemError)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_the_work_also_where_a_library_swallowed_it() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where tests run in the background
    console = Console(quiet=True)
    with console, contextlib.suppress(KeyboardInterrupt):  # as the import of a large library may do
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(600)  # interrupted at once
    with pytest.raises(KeyboardInterrupt):
        console.update("training", 1, 2, "")
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_verbose_says_what_was_decided_and_why(photos: PhotoFolder, tmp_path: Path) -> None:
    command = ("scan", photos("disc", "square", per_class=10), "-o", tmp_path / "scan")
    first = run(*command, "-v")
    again = run(*command, "-v")
    other = run(*command, "-v", "--seed", "1")
    quiet = run(*command, "--seed", "1")
    assert f"scan: runs, because {tmp_path / 'scan'} holds no output of it" in first.stderr
    assert "scan: kept, because" in again.stderr
    assert "scan: runs, because options.seed changed" in other.stderr
    assert "because" not in quiet.stderr


def test_a_decision_is_said_once_also_where_a_library_logs_everything(capsys: pytest.CaptureFixture[str]) -> None:
    everything = logging.StreamHandler(sys.stderr)
    logging.root.addHandler(everything)
    try:
        log_decisions(verbose=True)
        logging.getLogger("pagesight.scan").info("kept")
    finally:
        log_decisions(verbose=False)
        logging.root.removeHandler(everything)
    assert capsys.readouterr().err == "  pagesight.scan: kept\n"
