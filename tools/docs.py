"""The documentation as a site, in build/site: the Markdown files, and what docstrings and pagesight.d.ts say of the two APIs.

Nothing is fetched, neither here nor by who reads it.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"
FOLDERS = {"docs": "docs/", "examples": "examples/README.md", "models": "models/mobilenet_v1_025_128.starter.md"}
"""What is copied beside the Markdown files at the root, and what a link to the folder itself shows."""
MODULES = (
    *("scan", "train", "search", "choose", "export", "adopt", "quantize", "bundle", "verify", "pipeline"),
    *("options", "artifacts", "contract", "errors", "pixels", "calibration", "metrics"),
)
_DECLARED = re.compile(
    r"(?:/\*\*(?P<comment>(?:(?!\*/).)*)\*/\s*)?export (?P<kind>type|interface|class|function) (?P<name>\w+)", re.DOTALL
)


def main() -> int:
    """Write the site; mkdocs' exit code."""
    gather()
    (SOURCE / "api").mkdir()
    (SOURCE / "api" / "python.md").write_text(python_api(), encoding="utf-8")
    types = (ROOT / "web_template" / "src" / "api" / "pagesight.d.ts").read_text(encoding="utf-8")
    (SOURCE / "api" / "javascript.md").write_text(javascript_api(types), encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean", "-f", str(ROOT / "mkdocs.yml")]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def gather() -> None:
    """The files of the site in SOURCE, where they lie in the repository, so that links between them hold."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    for file in [*ROOT.glob("*.md"), ROOT / "LICENSE"]:
        shutil.copy2(file, SOURCE)
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder, SOURCE / folder, ignore=shutil.ignore_patterns("node_modules", "*.h5", "*.py", "*.toml", "dist")
        )
    for page in SOURCE.rglob("*.md"):
        page.write_text(with_folders(page.read_text(encoding="utf-8")), encoding="utf-8")


def with_folders(text: str) -> str:
    """Links to folders as links to what is shown of them."""
    for folder, shown in FOLDERS.items():
        text = text.replace(f"]({folder}/)", f"]({shown})")
    return text.replace("](example-theme/)", "](example-theme/theme.css)")


def python_api() -> str:
    """A page of mkdocstrings' directives: the public names, then each public module."""
    lines = ["# Python API", "", "::: pagesight", ""]
    for module in MODULES:
        lines += [f"## pagesight.{module}", "", f"::: pagesight.{module}", ""]
    return "\n".join(lines)


def javascript_api(types: str) -> str:
    """Every exported name of `types` (a .d.ts file): its comment as text, its declaration as code."""
    lines = [
        "# JavaScript API",
        "",
        'What `import { load } from "./page/pagesight.js"` gives, as `pagesight.d.ts` declares it.',
        "",
    ]
    found = list(_DECLARED.finditer(types))
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else types.find("declare global")
        begin = match.start() if match["comment"] is None else types.index("export", match.end("comment"))
        lines += [f"## {match['name']}", ""]
        if match["comment"]:
            lines += [re.sub(r"\n\s*\* ?", "\n", match["comment"]).strip(" *\n"), ""]
        lines += ["```ts", types[begin:end].strip(), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
