"""Promises about outputs: whole or absent, never somebody else's folder, never half."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pagesight import manifest
from pagesight.errors import OutputError

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
    with manifest.exclusive_lock(tmp_path / "page"):
        with pytest.raises(OutputError, match="is being built by another process"), manifest.exclusive_lock(tmp_path / "page"):
            pass
        with manifest.exclusive_lock(tmp_path / "other"):
            pass
    with manifest.exclusive_lock(tmp_path / "page"):
        pass
    assert list(tmp_path.iterdir()) == []
