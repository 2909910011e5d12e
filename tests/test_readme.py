"""The README's commands, run as they are written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, write_photos

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_every_file_and_link_in_the_readme_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_every_option_in_the_readme_is_known() -> None:
    from pagesight import cli

    known = {flag for command in cli.pagesight.commands.values() for p in command.params for flag in p.opts}
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", TEXT)) - {"--help"} <= known


@pytest.mark.slow
def test_the_commands_and_the_python_run_as_written(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", ["cat", "dog"], per_class=12)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    ran = []
    for block in blocks("sh"):
        for line in block.strip().splitlines():
            if line.startswith("pagesight") and "serve" not in line:
                subprocess.run(line, shell=True, check=True, cwd=tmp_path, env=environment)
                ran.append(line)
    assert len(ran) >= 7
    subprocess.run([sys.executable, "-c", blocks("python")[0]], check=True, cwd=tmp_path, env=environment)


@pytest.mark.slow
def test_make_bundle_runs_as_written_and_again_in_no_time() -> None:
    assert "make bundle\nmake test\n" in TEXT
    for _ in range(2):
        done = subprocess.run(["make", "bundle"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "verify: nothing changed" in done.stderr
    assert "accuracy" in done.stdout
    assert "make open" in done.stdout
