"""What each file of a bundle is for: the one list of it, from which Python reads, and from which the page's is written."""

import re
from enum import Flag, auto
from functools import cache


class Role(Flag):
    """What is done with a file; a file may have several."""

    PUBLISHED = auto()
    """Code and model: contract.json lists its hash, and nothing else of it is believed."""
    MODEL = auto()
    """The network itself; a page begins to fetch it before its script has come."""
    RUNTIME = auto()
    """Counted as runtime in the report's bytes."""
    ALL_OPS = auto()
    """Ships only with a model that holds an operation which the lean worker lacks."""
    CLASSIFIER = auto()
    """What `load()` may fetch in an app of somebody else: it is in an npm package."""
    MODULE = auto()
    """What such an app imports, or the classifier as a script: in an npm package as it is."""
    GPU = auto()
    """Fetched only where a graphics card is tried, and so in no file that carries everything inside."""
    ON_DEMAND = auto()
    """What few visitors ask for: kept for offline use once it was fetched, not before."""
    NOT_SERVED = auto()
    """No visitor of the page fetches it: never kept for offline use."""
    MAY_BE_MISSING = auto()
    """Whoever hosts the page may leave it out."""
    FOR_HOSTS = auto()
    """Tells a host how to serve the page; some hosts do not give it out again."""
    ASIDE = auto()
    """Not in the report's bytes: fetched when somebody asks for it, or never."""
    NOT_INLINED = auto()
    """Not in a page of one file."""
    OF_THIS_MODEL = auto()
    """A page that teaches another model writes it anew, or leaves it out."""
    WORKER = auto()
    """Run by the browser itself: it keeps to the policy of its own answer, and to no page's."""


_FOR_OTHERS = Role.NOT_SERVED | Role.ASIDE | Role.NOT_INLINED | Role.OF_THIS_MODEL
_REPORT = Role.MAY_BE_MISSING | Role.ASIDE | Role.NOT_INLINED | Role.OF_THIS_MODEL
_CARD = Role.GPU | Role.ON_DEMAND | Role.NOT_INLINED

TABLE: tuple[tuple[str, Role], ...] = (
    ("*.js", Role.PUBLISHED),
    ("*.wasm", Role.PUBLISHED | Role.RUNTIME | Role.CLASSIFIER),
    ("model/*", Role.PUBLISHED | Role.MODEL | Role.CLASSIFIER),
    ("worker.js", Role.WORKER | Role.RUNTIME | Role.CLASSIFIER),
    ("worker_lean.js", Role.WORKER | Role.RUNTIME | Role.CLASSIFIER),
    ("worker_all.js", Role.WORKER | Role.RUNTIME | Role.CLASSIFIER | Role.ALL_OPS),
    ("worker_webgl.js", Role.WORKER | Role.CLASSIFIER | _CARD),
    ("worker_webgpu.js", Role.WORKER | Role.CLASSIFIER | _CARD),
    ("gpu.js", Role.CLASSIFIER | Role.MODULE | _CARD),
    ("pagesight.js", Role.MODULE),
    ("pagesight.d.ts", Role.MODULE),
    ("pagesight-element.js", Role.MODULE),
    ("sha256_fallback.js", Role.MODULE),
    ("single.js", Role.ON_DEMAND | Role.ASIDE | Role.NOT_INLINED),
    ("samples/*", Role.MAY_BE_MISSING | Role.ASIDE | Role.OF_THIS_MODEL),
    ("report.json", Role.ASIDE),
    ("report.html", _REPORT),
    ("report.css", _REPORT),
    ("report.data.css", _REPORT),
    ("report/*", _FOR_OTHERS),
    ("single-file/*", _FOR_OTHERS),
    ("npm/*", _FOR_OTHERS),
    ("also/*", _FOR_OTHERS),
    ("package.json", _FOR_OTHERS),
    ("README.md", _FOR_OTHERS),
    ("THIRD_PARTY.txt", Role.NOT_SERVED | Role.FOR_HOSTS | Role.ASIDE | Role.NOT_INLINED),
    ("manifest.json", Role.NOT_SERVED | Role.OF_THIS_MODEL),
    ("teach_worker.js", Role.WORKER),
    ("sw.js", Role.WORKER | Role.NOT_SERVED),
    ("_headers", Role.NOT_SERVED | Role.FOR_HOSTS),
    (".nojekyll", Role.FOR_HOSTS),
    (".*", Role.NOT_SERVED),
)
"""Paths in a bundle's folder, `*` for anything in them, and their roles: a file has those of every row that fits."""


_AS_EXPRESSION = str.maketrans({".": r"\.", "/": r"\/", "*": ".*"})


def pattern(role: Role) -> str:
    """A regular expression, for Python and JavaScript alike, that fits the whole path of each file with this role."""
    paths = [path for path, roles in TABLE if role in roles]
    return f"^({'|'.join(path.translate(_AS_EXPRESSION) for path in paths)})$"


@cache
def _compiled(role: Role) -> re.Pattern[str]:
    return re.compile(pattern(role))


def has(path: str, role: Role) -> bool:
    """Whether the file at `path`, relative to a bundle's folder, has this role."""
    return _compiled(role).match(path) is not None


def named(role: Role) -> tuple[str, ...]:
    """The names of the files with this role that are called so in every bundle."""
    return tuple(path for path, roles in TABLE if role in roles and "*" not in path)


FOR_JAVASCRIPT = {
    "FOR_GPUS": Role.GPU,
    "ON_DEMAND": Role.ON_DEMAND,
    "NOT_SERVED": Role.NOT_SERVED,
    "MAY_BE_MISSING": Role.MAY_BE_MISSING,
    "FOR_HOSTS": Role.FOR_HOSTS,
    "PUBLISHED": Role.PUBLISHED,
    "RUNTIME": Role.RUNTIME,
    "ASIDE": Role.ASIDE,
    "NOT_INLINED": Role.NOT_INLINED,
    "OF_THIS_MODEL": Role.OF_THIS_MODEL,
}
"""What the page asks of its own files, by the names that its code has for it."""


def as_javascript() -> str:
    """The module in which the page reads these roles (`web_template/src/loading/bundle_files.js`)."""
    lines = ["// Written by `make schemas` from converter/pagesight/bundle_files.py, where each of these is explained.", ""]
    for name, role in FOR_JAVASCRIPT.items():
        line = f"export const {name} = /{pattern(role)}/;"
        lines.append(line if len(line) <= _WIDTH else line.replace(" = ", " =\n  "))
    return "\n".join(lines) + "\n"


_WIDTH = 120
"""Letters in a line, as the page's formatter has it."""
