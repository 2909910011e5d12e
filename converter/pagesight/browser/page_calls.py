"""The functions that are run in a page, out of `page_calls.js`: JavaScript with types, checked with the page's own."""

from functools import cache
from pathlib import Path


@cache
def _source() -> str:
    return Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def function(name: str) -> str:
    """An expression that is the function called `name`, for a driver to run in a page."""
    return f"(() => {{\n{_source()}\nreturn {name};\n}})()"


def for_web_driver(work: str) -> str:
    """The body of a WebDriver script that calls the function in the expression `work` with the script's arguments."""
    return f"{function('callForDriver')}({work}, [...arguments]);"
