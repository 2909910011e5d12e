"""The names of the classes: as folders and tables have them, or renamed, merged and put in order by a person."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pagesight.errors import OptionError


def natural(name: str) -> tuple[Any, ...]:
    """A key to sort names by, in which 10 comes after 9."""
    return tuple((0, *_number(part)) if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part), name


def _number(digits: str) -> tuple[int, str]:
    """What sorts digits as the number they are, however long."""
    plain = "".join(str(int(digit)) for digit in digits).lstrip("0")
    return len(plain), plain


def renamed(labels: Iterable[str], options: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What each label is called, and all names in their order, by options such as "ants=Ameisen" or, to put it in front, "ants".

    Those that an option names come first, in the order of the options; the others follow in natural order. Two labels of one name
    become one class. Raises OptionError for an option that names no label.
    """
    known = sorted(set(labels), key=natural)
    names = {label: label for label in known}
    order: list[str] = []
    for option in options:
        old, new = _parted(option, known)
        names[old] = new
        order.append(new)
    everything = [*order, *(names[label] for label in known)]
    return names, list(dict.fromkeys(everything))


def _parted(option: str, known: Sequence[str]) -> tuple[str, str]:
    """The old and the new name in an option; a label may have a '=' of its own."""
    if option in known:
        return option, option
    for match in re.finditer("=", option):
        old, new = option[: match.start()], option[match.end() :].strip()
        if old in known and new:
            return old, new
    old = option.split("=", 1)[0]
    near = difflib.get_close_matches(old, known, n=1)
    raise OptionError(
        f"--label {option!r} names no class; the classes are {', '.join(known[:12])}{' …' if len(known) > 12 else ''}",
        fix=f"did you mean {near[0]}={option.split('=', 1)[-1]}?" if near else "write it as OLD=NEW",
    )
