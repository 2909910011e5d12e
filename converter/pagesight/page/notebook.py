"""A bundle in a Jupyter notebook: the page as one file, in a frame of its own."""

import html
from pathlib import Path

from pagesight.artifacts import Bundle
from pagesight.errors import PagesightError
from pagesight.page.single_file import single_file_text

_HEIGHT = 720
"""Pixels: the page on a laptop, without scrolling inside."""


def register() -> None:
    """From now on notebooks show bundles as their pages."""
    Bundle.notebook_view = as_html


def as_html(bundle: Path) -> str | None:
    """The page in `bundle` as an iframe that carries it whole (its gzipped size and a third); None where it is no whole bundle.

    The frame is sandboxed: the page computes there, and cannot reach the notebook, its server or its cookies. Browsers give a
    camera to no such frame.
    """
    try:
        page = single_file_text(bundle)
    except (PagesightError, OSError, UnicodeError):
        return None
    return (
        f'<iframe title="{html.escape(bundle.name)}" sandbox="allow-scripts allow-downloads" width="100%" height="{_HEIGHT}" '
        f'style="border: 0" srcdoc="{html.escape(page)}"></iframe>'
    )
