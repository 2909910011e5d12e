"""Finds what ships beside the code, in a checkout or inside the wheel."""

from pathlib import Path

from pagesight.errors import BundleError

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


def models() -> Path:
    """The folder of backbone descriptions (*.toml) and shipped weights."""
    inside = _PACKAGE / "_models"
    return inside if inside.is_dir() else _CHECKOUT / "models"


def words() -> Path:
    """The folder of the page's words, LANGUAGE.json each: in a checkout also before the page was built."""
    inside = _PACKAGE / "_web_template" / "words"
    return inside if inside.is_dir() else _CHECKOUT / "web_template" / "words"


def web_template() -> Path:
    """The built page: `static/` (copied into every bundle), `page/` (Jinja2 templates) and `words/`.

    Raises BundleError in a checkout where the page was not built yet.
    """
    inside = _PACKAGE / "_web_template"
    result = inside if inside.is_dir() else _CHECKOUT / "build" / "web_template"
    if not (result / "static" / "pagesight.js").is_file():
        raise BundleError("the page's code is not built yet", fix="run `make page`")
    return result
