"""Promises about the shape of the code: one direction, one room for each thing."""

import ast
from pathlib import Path

import pytest

from .conftest import ROOT

PACKAGE = ROOT / "converter" / "pagesight"
LOCKS = ("web_template/package-lock.json", "benchmarks/lighthouse/package-lock.json", "benchmarks/browser/package-lock.json")
STAGES = {"scan", "search", "choose", "train", "export", "adopt", "quantize", "bundle", "verify"}


def imported(module: Path) -> set[str]:
    """The names of all modules that `module` imports, at its top or inside a function."""
    result: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            result |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            result |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return result


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_stages_never_import_each_other(stage: str) -> None:
    ood = {f"pagesight.{name}" for name in STAGES - {stage}} | {"pagesight.pipeline"}
    assert not imported(PACKAGE / f"{stage}.py") & ood


def test_only_one_file_imports_tensorflowjs() -> None:
    users = {p.name for p in PACKAGE.rglob("*.py") if any(name.split(".")[0] == "tensorflowjs" for name in imported(p))}
    assert users == {"tensorflowjs.py"}


def test_no_module_is_longer_than_one_sitting() -> None:
    code = [
        *PACKAGE.rglob("*.py"),
        *(ROOT / "web_template" / "src").rglob("*.js"),
        *(ROOT / "tools").glob("*.py"),
        *(ROOT / "benchmarks").glob("*.py"),
        *(ROOT / "benchmarks" / "browser").glob("*.py"),
    ]
    assert not [p.name for p in code if len(p.read_text(encoding="utf-8").splitlines()) > 400]


def test_no_file_names_a_registry() -> None:
    for name in ("requirements.lock", "requirements-bootstrap.lock", "pyproject.toml", *LOCKS):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "/simple" not in text, name
        assert ".tgz" not in text, name
        assert "resolved" not in text, name
