"""Promises about setting up: one range of Python versions wherever it is told, and a sentence where Python is another."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pagesight.console import doctor

from .conftest import ROOT

SETUP = ROOT / "tools" / "setup.py"


def test_readme_package_doctor_and_set_up_admit_the_same_pythons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    low, high = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups())  # type: ignore[union-attr]
    pythons = [f"3.{minor}" for minor in range(low, high)]
    classifiers = [c.rsplit(" ", 1)[1] for c in project["classifiers"] if c.startswith("Programming Language :: Python :: 3.")]
    assert classifiers == pythons
    assert [".".join(map(str, python)) for python in doctor.PYTHONS] == pythons
    assert f"Python {' or '.join(pythons)}," in (ROOT / "README.md").read_text(encoding="utf-8")
    tested = re.findall(r"python: \[(.*)\]", (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    assert tested
    assert all(re.findall(r"[\d.]+", versions) == pythons for versions in tested)
    assigned = {t.id: n.value for n in ast.parse(SETUP.read_text()).body if isinstance(n, ast.Assign) for t in n.targets}  # type: ignore[attr-defined]
    assert ast.literal_eval(assigned["SUPPORTED"]) == doctor.PYTHONS


def test_a_python_that_is_too_old_or_too_new_ends_set_up_in_a_sentence(tmp_path: Path) -> None:
    for name in ("python3.11", "python3.12"):  # as a version manager leaves them for a Python that is not chosen
        (tmp_path / name).write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    for version in ("(3, 8, 18)", "(3, 13, 0)"):
        code = f"import runpy, sys; sys.version_info = {version}; runpy.run_path({str(SETUP)!r}, run_name='__main__')"
        done = subprocess.run(
            [sys.executable, "-c", code], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
        )
        named = ".".join(version.strip("()").split(", ")[:2])
        assert done.returncode == 1
        assert done.stderr == (
            f"error: Python {named} cannot run TensorFlow; 3.11 and 3.12 can\n"
            "  fix: install Python 3.12, or run make PYTHON=/path/to/python3.12\n"
        )


def test_set_up_can_be_read_by_a_python_of_any_age(tmp_path: Path) -> None:
    ast.parse(SETUP.read_text(encoding="utf-8"), feature_version=(3, 4))
    ancient = shutil.which("python2.7") or shutil.which("python2")
    if ancient is None or subprocess.run([ancient, "-c", "pass"], capture_output=True, check=False).returncode:
        pytest.skip("no Python 2 on this machine")
    done = subprocess.run([ancient, SETUP], env=os.environ | {"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("error: Python 2.7 cannot run TensorFlow")
