"""The languages of the page: all its words as data, one catalogue a language."""

import difflib
import json
from typing import TypedDict

from pagesight import resources
from pagesight.errors import OptionError
from pagesight.json_values import JsonObject


class Catalogue(TypedDict):
    """All words of the page in one language."""

    name: str
    """The language, as its speakers call it."""
    direction: str
    """`ltr` or `rtl`."""
    markup: dict[str, str]
    element: dict[str, str]
    page: JsonObject
    """What the page's script says: sentences, or one for each plural form."""
    teach: JsonObject
    collect: JsonObject
    """What phones and the teacher's page say where pictures are collected."""


def known() -> tuple[str, ...]:
    """The languages that ship, as BCP 47 tags, sorted."""
    return tuple(sorted(path.stem for path in resources.words().glob("*.json")))


def check(language: str) -> None:
    """Raise OptionError, which lists the known ones, when the page has no words in `language`."""
    if language not in known():
        near = difflib.get_close_matches(language.lower().split("-")[0], known(), n=1)
        listed = f"choose one of {', '.join(known())}"
        raise OptionError(
            f"the page has no language {language!r}", fix=f"did you mean {near[0]!r}? Or {listed}" if near else listed
        )


def catalogue(language: str) -> Catalogue:
    """The words in `language`. Raises OptionError when there are none."""
    check(language)
    words: Catalogue = json.loads((resources.words() / f"{language}.json").read_text(encoding="utf-8"))
    return words
