"""Promises about the shape of the code: one direction, one room for each thing."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

from .conftest import ROOT

PACKAGE = ROOT / "converter" / "pagesight"
LOCKS = ("web_template/package-lock.json", "benchmarks/lighthouse/package-lock.json", "benchmarks/browser/package-lock.json")
SOURCE = ROOT / "web_template" / "src"
FLOORS = (
    {"options", "progress", "errors", "json_values", "bundle_files"},
    {"headers", "locks", "routing"},
    {"archives", "certificate", "manifest", "resources", "sandbox", "serve"},
    {"contract", "decoders", "integrity", "languages", "signature"},
    {"collecting", "records"},
    {"graph", "artifacts", "pixels", "backbones", "calibration", "hands"},
    {"metrics", "pictures", "synthetic"},
    {"importers"},
    {"report", "training", "quantization", "exporters", "page", "browser"},
    {"scan", "train", "search", "choose", "export", "adopt", "quantize", "bundle", "verify", "inspect", "compare", "render"},
    {"pipeline"},
    {"console"},
    {"cli"},
    {"__init__", "__main__"},
)
"""The rooms of the package, from the ground up: a room imports from floors below its own alone, so no stage imports another."""
OPEN = re.compile(r"\b(?:dict|Mapping|MutableMapping)\[str, (?:Any|object)\]")
"""A mapping of which nobody knows what is inside."""
MOST_OPEN = 15
WEB_FLOORS = ({"errors.js"}, {"loading"}, {"wasm", "tfjs"}, {"input"}, {"worker"}, {"api"}, {"page"}, {"teach"}, {"collect"})
"""The same for what runs in the browser."""


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imported(module: Path) -> set[str]:
    """The names of all modules that `module` imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def python_arrows() -> dict[str, set[str]]:
    """Every module of the package, and those that it imports."""
    modules = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    arrows = {name: (imported(path) & modules.keys()) - {name} for name, path in modules.items()}
    # `from pagesight import errors` names the package too, and `from pagesight.report import plots` its room.
    return {name: {t for t in targets if not any(o.startswith(f"{t}.") for o in targets)} for name, targets in arrows.items()}


def web_arrows() -> dict[str, set[str]]:
    """Every module of the page that is code, and those that it imports; what only types need does not count."""
    arrows: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.js"):
        code = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        targets = re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)""", code)
        found = {(path.parent / target).resolve() for target in targets}
        arrows[str(path.relative_to(SOURCE))] = {str(f.relative_to(SOURCE)) for f in found if f.is_file() and SOURCE in f.parents}
    return arrows


def room(module: str) -> str:
    return (module.split(".")[1:] or ["__init__"])[0]


def up(arrows: dict[str, set[str]], floors: tuple[set[str], ...], room_of: Callable[[str], str]) -> list[str]:
    """The arrows between rooms that do not go down; a room that stands on no floor fails."""
    floor = {name: number for number, names in enumerate(floors) for name in names}
    return sorted(
        f"{source} imports {target}"
        for source, targets in arrows.items()
        for target in targets
        if room_of(source) != room_of(target) and floor[room_of(source)] <= floor[room_of(target)]
    )


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """Modules that import themselves through others: what is left when those without open imports are taken away."""
    left = dict(arrows)
    while done := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in done}
    return sorted(left)


def test_imports_of_the_package_go_down_and_never_in_a_circle() -> None:
    arrows = python_arrows()
    assert up(arrows, FLOORS, room) == []
    assert circles(arrows) == []


def test_imports_of_the_page_go_down_and_never_in_a_circle() -> None:
    arrows = web_arrows()
    assert up(arrows, WEB_FLOORS, lambda path: path.split("/")[0]) == []
    assert circles(arrows) == []


def test_an_import_that_goes_up_or_in_a_circle_would_be_seen() -> None:
    arrows = {
        "pagesight.manifest": {"pagesight.train"},
        "pagesight.train": {"pagesight.manifest", "pagesight.export"},
        "pagesight.export": set(),
    }
    assert up(arrows, FLOORS, room) == ["pagesight.manifest imports pagesight.train", "pagesight.train imports pagesight.export"]
    assert circles(arrows) == ["pagesight.manifest", "pagesight.train"]


def test_every_room_says_why_it_exists_and_no_module_hides_behind_an_underscore() -> None:
    assert [p.name for p in PACKAGE.rglob("_*") if p.name not in {"__init__.py", "__main__.py", "__pycache__"}] == []
    assert [p.name for p in PACKAGE.rglob("*.py") if ast.get_docstring(ast.parse(p.read_text(encoding="utf-8"))) is None] == []


def test_a_session_is_begun_by_a_block_that_closes_it() -> None:
    def runners(node: ast.AST) -> list[ast.Call]:
        calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("Runner", "PartialRunner")]

    for path in (path for path in PACKAGE.rglob("*.py") if "Runner(" in path.read_text(encoding="utf-8")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        closed = [call for node in ast.walk(module) if isinstance(node, ast.With) for i in node.items for call in runners(i)]
        assert len(runners(module)) == len(closed), path.name


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


def annotations(module: ast.Module) -> list[ast.expr]:
    """Types of parameters, of what functions return, and of attributes; a name given to a type counts as one, too."""
    found: list[ast.expr | None] = []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            more = node.args
            parameters = [*more.posonlyargs, *more.args, *more.kwonlyargs, more.vararg, more.kwarg]
            found += [node.returns, *(p.annotation for p in parameters if p is not None)]
        elif isinstance(node, ast.Module | ast.ClassDef):
            found += [s.annotation for s in node.body if isinstance(s, ast.AnnAssign)]
            found += [s.value for s in node.body if isinstance(s, ast.Assign) and isinstance(s.value, ast.Subscript | ast.BinOp)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute):
            found.append(node.annotation)
    return [one for one in found if one is not None]


def open_mappings(source: str) -> list[tuple[str, str]]:
    """What of a module is typed as a mapping to anything, and the line on which it stands."""
    lines = source.splitlines()
    return [(text, lines[a.lineno - 1]) for a in annotations(ast.parse(source)) for text in OPEN.findall(ast.unparse(a))]


def test_what_is_handed_on_has_a_type_and_where_it_is_open_the_line_says_why() -> None:
    found = [row for path in PACKAGE.rglob("*.py") for row in open_mappings(path.read_text(encoding="utf-8"))]
    assert len(found) <= MOST_OPEN
    assert [line for _, line in found if "# open: " not in line] == []
    assert open_mappings("def f(a: list[dict[str, Any]]) -> 'X': ...")[0][0] == "dict[str, Any]"
    assert open_mappings("class A:\n    a: Mapping[str, object]\nB = dict[str, Any]") == [
        ("dict[str, Any]", "B = dict[str, Any]"),
        ("Mapping[str, object]", "    a: Mapping[str, object]"),
    ]
