"""Promises about outputs: whole or absent, never somebody else's folder, never half."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pagesight import locks, manifest
from pagesight.artifacts import SavedModel, WebModel
from pagesight.bundle import bundle
from pagesight.errors import OutputError
from pagesight.options import Bundling, Quantization
from pagesight.quantize import quantize

KEY = {"options": {"seed": 1}}


def fill(into: Path, text: str = "1") -> None:
    with manifest.atomic_output_dir(into, "stage", KEY) as temporary:
        (temporary / "file.txt").write_text(text)


def test_a_finished_folder_is_fresh_until_a_byte_or_the_key_changes(tmp_path: Path) -> None:
    fill(tmp_path / "out")
    assert manifest.is_fresh(tmp_path / "out", "stage", KEY)
    assert not manifest.is_fresh(tmp_path / "out", "stage", {"options": {"seed": 2}})
    assert not manifest.is_fresh(tmp_path / "out", "other", KEY)
    (tmp_path / "out" / "file.txt").write_text("2")
    assert not manifest.is_fresh(tmp_path / "out", "stage", KEY)


def test_a_failure_leaves_the_last_good_folder_and_nothing_beside_it(tmp_path: Path) -> None:
    fill(tmp_path / "out", "good")
    with pytest.raises(KeyboardInterrupt), manifest.atomic_output_dir(tmp_path / "out", "stage", KEY) as temporary:
        (temporary / "file.txt").write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "out" / "file.txt").read_text() == "good"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_process_left_is_swept_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from pagesight import manifest\n"
        "with manifest.atomic_output_dir(Path(sys.argv[1]), 'stage', {}) as t:\n"
        "    (t / 'file.txt').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    fill(tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_in_words_and_loses_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "out", "good")
    with pytest.raises(OutputError, match="no space left"), manifest.atomic_output_dir(tmp_path / "out", "stage", KEY) as temporary:
        (temporary / "link").symlink_to("/dev/full")
        (temporary / "link").write_text("too much")
    assert (tmp_path / "out" / "file.txt").read_text() == "good"


def test_a_foreign_folder_is_refused_and_force_allows_it(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match="not made by Pagesight"):
        manifest.check_overwritable(tmp_path / "out")
    manifest.check_overwritable(tmp_path / "out", force=True)


def test_an_empty_or_own_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "own")
    for name in ("empty", "own", "absent"):
        manifest.check_overwritable(tmp_path / name)


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="is a file"):
        manifest.check_overwritable(tmp_path / "out")


def test_names_with_pattern_characters_are_swept_exactly(tmp_path: Path) -> None:
    fill(tmp_path / "a[1]*")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a[1]*"]


def test_permissions_let_a_web_server_read_the_folder(tmp_path: Path) -> None:
    fill(tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_a_second_build_of_the_same_page_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    with locks.exclusive_lock(tmp_path / "page"):
        with pytest.raises(OutputError, match="is being built by another process"), locks.exclusive_lock(tmp_path / "page"):
            pass
        with locks.exclusive_lock(tmp_path / "other"):
            pass
    with locks.exclusive_lock(tmp_path / "page"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no open file")
def test_a_build_that_begins_as_another_ends_is_still_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    flock, first = fcntl.flock, locks.exclusive_lock(tmp_path / "page")

    def late(file: Any, how: int) -> None:
        """The second build has opened the first one's file, which goes before it is locked."""
        monkeypatch.setattr(fcntl, "flock", flock)
        first.__exit__(None, None, None)
        flock(file, how)

    first.__enter__()
    monkeypatch.setattr(fcntl, "flock", late)
    with locks.exclusive_lock(tmp_path / "page"), pytest.raises(OutputError), locks.exclusive_lock(tmp_path / "page"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_second_build_is_refused_also_where_tf_config_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}')
    with locks.exclusive_lock(tmp_path / "page"), pytest.raises(OutputError), locks.exclusive_lock(tmp_path / "page"):
        pass


def test_a_killed_process_is_swept_after_even_where_another_has_its_number(tmp_path: Path) -> None:
    left = tmp_path / f".out.tmp-{os.getpid()}-x"
    left.mkdir()
    (left / "file.txt").write_text("half")
    fill(tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
def test_the_folder_of_a_process_that_runs_is_never_swept_whatever_its_number(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), manifest.atomic_output_dir(tmp_path / "out", "stage", KEY) as temporary:
        (temporary / "file.txt").write_text("of another container, where it has another number")
        seen_here = temporary.rename(tmp_path / ".out.tmp-999999999-x")
        fill(tmp_path / "out")
        assert (seen_here / "file.txt").exists()
        raise KeyboardInterrupt


def test_what_has_no_manifest_is_no_input_of_a_stage(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"has no manifest\.json"):
        manifest.files_sha256(tmp_path)
    with pytest.raises(OutputError, match=r"has no manifest\.json"):
        bundle(WebModel(tmp_path), Bundling(), tmp_path / "page")
    with pytest.raises(OutputError, match=r"has no manifest\.json"):
        quantize(SavedModel(tmp_path), Quantization(), tmp_path / "web")
