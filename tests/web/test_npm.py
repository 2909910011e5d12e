"""The page's folder as an npm package: packed, installed without a network, bundled, and asked in a real browser."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import assembly
import pytest
from playwright.sync_api import Page

from pagesight.errors import OptionError
from pagesight.page.npm import Package, write_package

ROOT = Path(__file__).resolve().parents[2]
APP = """import { load } from "ENTRY";
const classifier = await load();
const file = await (await fetch("blue.jpg")).blob();
const [{ label, probability }] = await classifier.classify(file);
document.body.dataset.answer = `${label} ${probability > 0.5}`;
"""
ELEMENT = """import "colors/element";
const element = document.createElement("pagesight-classifier");
element.addEventListener("answer", ({ detail }) => (document.body.dataset.answer = `${detail[0].label} true`));
document.body.append(element);
await element.classify(await (await fetch("blue.jpg")).blob());
"""


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("Number Hands", "number-hands"),
        (".hidden", "hidden"),
        ("_mine", "mine"),
        ("a/b", "a-b"),
        ("@scope/", "scope"),
        ("node_modules", "my-classifier"),
        ("", "my-classifier"),
        ("x" * 215, "x" * 214),
        ("hands@two", "hands@1.0.0"),
    ],
)
def test_a_name_that_npm_refuses_is_refused_with_one_that_it_takes(value: str, near: str) -> None:
    with pytest.raises(OptionError) as caught:
        Package.parse(value)
    assert caught.value.fix == f"pass --npm {near}"
    Package.parse(near)


@pytest.mark.parametrize("value", ["hands", "@me/hands", "hands.v2@2.1.0-beta.1", "@me/hands@1.0.0", "0-to-9"])
def test_a_name_that_npm_takes_is_taken(value: str) -> None:
    package = Package.parse(value)
    assert value in (package.name, f"{package.name}@{package.version}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project into which the packed package was installed without a network."""
    folder = tmp_path_factory.mktemp("a project")
    bundle = assembly.assemble(folder / "bundle")
    write_package(bundle, Package.parse("colors@1.2.3"), "Tells apart red, green, blue.")
    home = folder / "app"
    home.mkdir()
    (home / "package.json").write_text('{"name": "app", "private": true, "type": "module"}', encoding="utf-8")
    npm = functools.partial(subprocess.run, check=True, capture_output=True, text=True, env=_with_node())
    npm(["npm", "pack", str(bundle), "--pack-destination", str(home)], cwd=home)
    npm(["npm", "install", "--offline", "--no-audit", "--no-fund", "./colors-1.2.3.tgz"], cwd=home)
    shutil.copy(bundle / "samples" / "2.jpg", home / "blue.jpg")
    return home


def _with_node() -> dict[str, str]:
    places = [str(Path(sys.executable).parent), str(ROOT / "web_template" / "node_modules" / ".bin"), os.environ["PATH"]]
    return os.environ | {"PATH": os.pathsep.join(places)}


@pytest.fixture
def ask(watched: Any, serve: Callable[[Path], Any]) -> Callable[[Path], str]:
    """Serves a built app and gives its answer."""

    def answer(built: Path) -> str:
        page: Page = watched.page
        page.goto(serve(built).url)
        page.wait_for_function("() => document.body.dataset.answer")
        assert watched.complaints == []
        return str(page.evaluate("document.body.dataset.answer"))

    return answer


def _esbuild(project: Path, source: str, into: Path) -> Path:
    (project / "app.js").write_text(source, encoding="utf-8")
    flags = ["--bundle", "--format=esm", "--log-level=error", f"--outfile={into / 'js' / 'app.js'}"]
    subprocess.run(["esbuild", "app.js", *flags], cwd=project, check=True, env=_with_node())
    (into / "index.html").write_text(
        '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="js/app.js"></script>', encoding="utf-8"
    )
    shutil.copy(project / "blue.jpg", into)
    return into


def test_esbuild_takes_the_classifier_with_its_files_inside(project: Path, ask: Callable[..., str], tmp_path: Path) -> None:
    built = _esbuild(project, APP.replace("ENTRY", "colors/inline"), tmp_path)
    assert ask(built) == "blue true"
    assert sorted(p.name for p in built.rglob("*") if p.is_file()) == ["app.js", "blue.jpg", "index.html"]


def test_the_files_are_found_by_their_place_beside_the_code_and_the_element_needs_no_address(
    project: Path, ask: Callable[..., str], tmp_path: Path
) -> None:
    built = _esbuild(project, ELEMENT, tmp_path)
    for path in (project / "node_modules" / "colors").iterdir():  # esbuild leaves `new URL()` as it is: the files are put there
        (shutil.copytree if path.is_dir() else shutil.copy)(path, built / path.name)
    assert ask(built) == "blue true"


def test_the_package_holds_what_a_classifier_needs_and_nothing_of_the_page(project: Path) -> None:
    package = project / "node_modules" / "colors"
    description = json.loads((package / "package.json").read_text(encoding="utf-8"))
    assert (description["name"], description["version"]) == ("colors", "1.2.3")
    for target in description["exports"].values():
        for path in target.values() if isinstance(target, dict) else []:
            assert (package / path).is_file(), path
    names = {p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file()}
    assert {"contract.json", "npm/worker.bin", "model/model.json", "README.md", "pagesight.d.ts"} <= names
    assert not names & {"index.html", "page.js", "teach.js", "sw.js", "style.css"}


def test_its_types_check_under_strict(project: Path, tmp_path: Path) -> None:
    source = """import { load, type Answer } from "colors";
import { load as inside } from "colors/inline";
import "colors/element";
import type {} from "colors/vue";
import type { GlobalComponents } from "vue";
type Vue = InstanceType<GlobalComponents["pagesight-classifier"]>["$props"];
type Svelte = svelteHTML.IntrinsicElements["pagesight-classifier"];
const vue: Vue = { src: "page/", topK: 3, camera: true, onAnswer: ({ detail }) => void detail[0].label };
const svelte: Svelte = { src: "page/", "top-k": 3, camera: true, onanswer: ({ detail }) => void detail[0].label };
// @ts-expect-error no number of answers
const few: Vue = { topK: false };
// @ts-expect-error no number of answers
const less: Svelte = { "top-k": false };
const classifier = await load({ onProgress: (loaded: number, total: number) => void (loaded / total) });
const answers: Answer[] = await classifier.classify(new Blob(), { topK: 3 });
const element = document.createElement("pagesight-classifier");
element.addEventListener("ready", () => void element.startCamera());
void (await inside()).embed(document.createElement("canvas"));
// @ts-expect-error a path is no picture
void classifier.classify("picture.jpg");
export { answers, few, less, svelte, vue };
"""
    # Vue as it is extended: an interface of a module.
    (project / "node_modules" / "vue").mkdir(exist_ok=True)
    (project / "node_modules" / "vue" / "index.d.ts").write_text("export interface GlobalComponents {}", encoding="utf-8")
    (project / "app.ts").write_text(source, encoding="utf-8")
    flags = [
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        "--lib",
        "es2023,dom",
    ]
    done = subprocess.run(["tsc", *flags, "app.ts"], cwd=project, check=False, capture_output=True, text=True, env=_with_node())
    assert done.stdout == ""
