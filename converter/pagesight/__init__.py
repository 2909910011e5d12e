"""From a folder of pictures to a static web page that recognizes them, checked in a real browser.

`build` runs the whole line. Each stage has a module and a function of one name: `from pagesight.scan import scan`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pagesight.artifacts import Bundle, Dataset, Origin, SavedModel, TrainedModel, VerifiedBundle, WebModel
    from pagesight.errors import PagesightError
    from pagesight.pipeline import build

__all__ = ["Bundle", "Dataset", "Origin", "PagesightError", "SavedModel", "TrainedModel", "VerifiedBundle", "WebModel", "build"]


def __getattr__(name: str) -> Any:
    """Load public names when they are first asked for, so that `pagesight --help` stays quick."""
    if name not in __all__:
        raise AttributeError(f"module 'pagesight' has no attribute {name!r}")
    if name in ("Bundle", "VerifiedBundle", "build"):
        # The page's room lies above the one of the artifacts, which cannot ask it themselves.
        importlib.import_module("pagesight.page.notebook").register()
    home = {"PagesightError": "errors", "build": "pipeline"}.get(name, "artifacts")
    return getattr(importlib.import_module(f"pagesight.{home}"), name)
