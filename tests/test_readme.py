"""The README's commands, run as they are written."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pagesight import cli

from .conftest import ROOT, write_photos

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_every_file_and_link_in_the_readme_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_every_option_in_the_readme_is_known() -> None:
    known = {flag for command in cli.pagesight.commands.values() for p in command.params for flag in (*p.opts, *p.secondary_opts)}
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", TEXT)) - {"--help"} <= known


@pytest.mark.slow
def test_the_commands_and_the_python_run_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(tmp_path / "photos", ["cat", "dog"], per_class=8)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    lines = [line for block in blocks("sh") for line in block.strip().splitlines()]
    first, *others = [line for line in lines if line.startswith("pagesight") and "serve" not in line]
    assert len(others) >= 6
    subprocess.run(first, shell=True, check=True)
    for line in others:  # in this process, where TensorFlow is imported once
        cli.main(shlex.split(line)[1:])
    exec(blocks("python")[0], {})


@pytest.mark.slow
def test_make_bundle_runs_as_written_and_again_in_no_time() -> None:
    assert "make bundle\nmake test\n" in TEXT
    for _ in range(2):
        done = subprocess.run(["make", "bundle"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "verify: nothing changed" in done.stderr
    assert "accuracy" in done.stdout
    assert "make open" in done.stdout
