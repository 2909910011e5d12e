"""What Pagesight needs on this machine: is it there, and if not, what to do."""

import importlib.util
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pagesight import resources, sandbox
from pagesight.browser import discovery
from pagesight.errors import PagesightError

PYTHONS = ((3, 11), (3, 12))
"""Those that pyproject.toml admits."""
_PACKAGES = ("tensorflow", "tf_keras", "tensorflow_hub", "tensorflowjs", "numpy", "PIL", "sklearn", "h5py", "jinja2", "playwright")
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "tf_keras": "tf-keras", "tensorflow_hub": "tensorflow-hub"}
_WANTED_FREE = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `needed` False means that work goes on without it."""

    what: str
    ok: bool
    fix: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Look at Python, the packages, the page's code, the browsers, the disk and the network-free weights."""
    browsers = map(_browser, discovery.ENGINES)
    return [_python(), *(_package(name) for name in _PACKAGES), _page(), _starter(), *browsers, _guards(), _disk()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    first, last = PYTHONS[0], PYTHONS[-1]
    named = " or ".join(".".join(map(str, python)) for python in PYTHONS)
    return Finding(f"Python {version}", first <= sys.version_info[:2] <= last, f"install Python {named}")


def _package(name: str) -> Finding:
    distribution = _DISTRIBUTIONS.get(name, name)
    if importlib.util.find_spec(name) is None:
        return Finding(distribution, False, f"pip install {distribution}, or install pagesight again")
    for candidate in (distribution, f"{distribution}-cpu"):
        try:
            return Finding(f"{candidate} {metadata.version(candidate)}", True)
        except metadata.PackageNotFoundError:
            continue
    return Finding(distribution, True)


def _page() -> Finding:
    try:
        resources.web_template()
    except PagesightError as cause:
        return Finding(cause.what, False, cause.fix)
    return Finding("the page's code", True)


def _starter() -> Finding:
    result = sorted(resources.models().glob("*.starter.h5"))
    return Finding(
        f"starter weights: {', '.join(p.name.split('.')[0] for p in result)}" if result else "starter weights",
        bool(result),
        "install pagesight again",
        needed=False,
    )


def _browser(engine: str) -> Finding:
    result = discovery.find_engine(engine)
    what = f"browser {result.executable}" if result else f"a browser with the engine {engine} to verify pages in"
    return Finding(what, result is not None, discovery.HOW_TO_GET_EACH[engine], needed=False)


def _guards() -> Finding:
    """What keeps a file of a stranger from doing more than being read."""
    with tempfile.TemporaryDirectory() as scratch:
        found = sandbox.guards(Path(scratch))
    return Finding(
        f"foreign models are opened in a process of their own: {', '.join(found) or 'without limits'}",
        len(found) > 1,
        "on Linux 5.13 or newer such a process can neither connect nor write elsewhere",
        needed=False,
    )


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    return Finding(f"{free / 1024**3:.0f} GB free on this disk", free >= _WANTED_FREE, "free at least 2 GB", needed=False)
