"""index.html and the web app's manifest of a bundle: the template, the words of a language, and the user's own looks."""

import base64
import hashlib
import json
import re
from pathlib import Path

from pagesight import languages, manifest, resources
from pagesight.bundle_files import Role, has
from pagesight.contract import FILE_NAME, Contract
from pagesight.errors import BundleError
from pagesight.headers import Hosting, headers_file
from pagesight.options import Bundling
from pagesight.page.logo import OWN, check_logo, write_logo
from pagesight.page.theme import STYLES, check_theme, copy_theme, render_page

_SHORT = 40
"""Letters of a list of labels that is read at a glance, and so is given whole."""
_MODULE = "pagesight.js"
_OWN = "own-files:"
_OWN_FILES = re.compile(_OWN + r"""[^"'`]*""")
_LEAD = ("tellsTwo", "tellsApart", "tellsApartMore", "listSeparator")
"""What describes a model by its labels: the page needs it for a model that was taught in it."""
_CSP = (
    "default-src 'none'; script-src 'self' '{boot}' 'wasm-unsafe-eval'; connect-src 'self'; img-src 'self' blob: data:; "
    "style-src 'self' '{styles}'; font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; media-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'"
)


def theme_key(options: Bundling) -> dict[str, str | None]:
    """What the page's looks depend on beside its own template. Raises OptionError for a theme or a logo that cannot be one."""
    if options.theme is not None:
        check_theme(Path(options.theme))
    if options.logo is not None:
        check_logo(Path(options.logo))
    return {
        "theme": manifest.sha256_json(manifest.list_files(Path(options.theme))) if options.theme is not None else None,
        "logo": manifest.sha256_file(Path(options.logo)) if options.logo is not None else None,
        "words": manifest.sha256_json(manifest.list_files(resources.words())),
    }


def hosting_of(options: Bundling) -> Hosting:
    """What `_headers` lets others do. Raises OptionError for what is no origin."""
    return Hosting(options.cors, tuple(options.embed_in), options.isolate)


def describe(contract: Contract) -> str:
    """The sentence under the heading: the given one, else which classes the model tells apart."""
    if contract.description:
        return contract.description
    words = languages.catalogue(contract.language)["markup"]
    separator = words["listSeparator"]
    if len(contract.labels) == 2:
        return str(words["tellsTwo"].format(first=contract.labels[0], second=contract.labels[1]))
    every, few, more = separator.join(contract.labels), separator.join(contract.labels[:6]), len(contract.labels) - 6
    if more <= 0 or len(every) <= _SHORT:
        return str(words["tellsApart"].format(labels=every))
    return str(words["tellsApartMore"].format(labels=few, n=more))


def write_page(
    into: Path,
    contract: Contract,
    samples: list[dict[str, str]],
    options: Bundling,
    *,
    backbone: str = "",
    has_report: bool = False,
) -> None:
    """Write what people see into `into`, which already holds the scripts, the styles and contract.json.

    Raises OptionError for a logo that cannot be shown, BundleError for a theme that does not fit the page.
    """
    words = languages.catalogue(contract.language)
    logo, icons = (None, OWN) if options.logo is None else write_logo(Path(options.logo), into)
    if options.theme is not None:
        copy_theme(Path(options.theme), into)
    page = resources.web_template() / "page"
    inside = {name: _code(path) for name, path in (("boot", page / "startup.js"), ("styles", into / "style.css"))}
    context = {
        "title": contract.title,
        "name": contract.name,
        "description": describe(contract),
        "language": contract.language,
        "direction": words["direction"],
        "words": words["markup"],
        "spoken": {"page": words["page"], "teach": words["teach"], "lead": {key: words["markup"][key] for key in _LEAD}},
        "labels": contract.labels,
        "samples": [{**sample, "sha256": manifest.sha256_file(into / sample["path"])} for sample in samples],
        "logo": logo,
        "icons": icons,
        "integrity": {p.name: _integrity(p.read_bytes()) for p in into.iterdir() if p.suffix == ".js" or p.name == STYLES},
        # Caches keep what has the same address: after a new version they would give the old script, which the page then refuses.
        "versions": {name: manifest.sha256_file(into / name)[:12] for name in ("page.js", STYLES) if (into / name).is_file()},
        "preloads": _preloads(into),
        "contract_sha256": manifest.sha256_file(into / FILE_NAME),
        "module_sha256": manifest.sha256_file(into / _MODULE),
        "backbone": backbone,
        "csp": _CSP.format_map({name: _integrity(text.encode()) for name, text in inside.items()}),
        "has_report": has_report,
        **inside,
    }
    for name in ("index.html", "manifest.webmanifest"):
        theme = Path(options.theme) if options.theme is not None else None
        (into / name).write_text(render_page(page, theme, f"{name}.j2", context) + "\n", encoding="utf-8")
    (into / "_headers").write_text(headers_file(hosting_of(options)), encoding="utf-8")


def name_files(folder: Path, paths: list[str]) -> None:
    """Write into `folder`'s module what it will ask for, so that it need not read the contract first."""
    script = folder / _MODULE
    code, result = _OWN_FILES.subn(lambda _: _OWN + ",".join(paths), script.read_text(encoding="utf-8"))
    if result != 1:
        raise _other_version()
    script.write_text(code, encoding="utf-8")


def _code(path: Path) -> str:
    if not path.is_file():
        raise _other_version()
    return path.read_text(encoding="utf-8")


def _preloads(folder: Path) -> list[str]:
    """What the first answer waits for: browsers fetch it while the page's script is still on its way."""
    contract = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    golden = [contract["golden"]["path"]] if "golden" in contract else []
    return [FILE_NAME, *(path for path in contract["files"] if has(path, Role.MODEL)), *golden]


def _integrity(data: bytes) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()


def _other_version() -> BundleError:
    return BundleError("the page's code does not match this version of Pagesight", fix="run `make page`")
