"""Labels from a file or a list: one a line, a JSON list, or names with commas between."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pagesight.errors import AdoptError
from pagesight.importers import hdf5

_MAX_BYTES = 16 * 1024**2
_LONGEST = 500
_NUMBERED = re.compile(r"(\d+)[\s:,]+(\S.*)")


def read_labels(value: str) -> tuple[str, ...]:
    """The class names that `wish` gives, in the order of the model's answers. Raises AdoptError for none, or for an empty one."""
    path = Path(value)
    try:
        is_file = path.is_file()
    except OSError:  # a list longer than a file name may be
        is_file = False
    if is_file:
        labels = _from_file(path)
    elif value.endswith((".txt", ".json", ".csv")):
        raise AdoptError(f"there is no labels file {value}", fix="give a file with one label per line, or a,b,c")
    else:
        labels = [part.strip() for part in value.split(",")]
    if not labels or not all(labels):
        raise AdoptError(f"the labels {value!r:.80} have an empty name among them", fix="give one name for each class")
    if any(len(label) > _LONGEST for label in labels):
        raise AdoptError("a label is longer than 500 characters", fix="give one label per line")
    refuse_duplicates(labels)
    return tuple(labels)


def refuse_duplicates(labels: Sequence[str]) -> None:
    """Raise AdoptError for labels of which two are the same: nobody could tell their answers apart."""
    label, times = Counter(labels).most_common(1)[0]
    if times > 1:
        raise AdoptError(f"the label {label!r:.80} stands {times} times in the list", fix="give each class a name of its own")


def _from_file(path: Path) -> list[str]:
    if path.stat().st_size > _MAX_BYTES:
        raise AdoptError(f"{path} is too large for a list of labels", fix="give a file with one label per line")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as cause:
        raise AdoptError(f"{path} is not a text file", fix="give a UTF-8 file with one label per line") from cause
    if text.lstrip()[:1] in ("[", "{"):
        return [v.strip() for v in _listed(hdf5.parse_json(text, str(path)), path)]
    lines = [line.strip() for line in text.rstrip().splitlines()]
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    if all(match and int(match[1]) == i for i, match in enumerate(numbered)):
        return [match[2] for match in numbered if match]  # Teachable Machine's `0 cat`
    return lines


def _listed(value: Any, path: Path) -> list[str]:
    """Names from any JSON that is in use: a list, {"labels": […]}, {"cat": 0}, {"0": "cat"} and {"0": ["n02123045", "cat"]}."""
    if isinstance(value, dict) and isinstance(value.get("labels"), list):
        value = value["labels"]
    if isinstance(value, dict) and value:
        if all(type(v) is int for v in value.values()):  # class_indices of Keras' generators
            value = {str(number): name for name, number in value.items()}
        if sorted(value) == sorted(str(i) for i in range(len(value))):
            value = [value[str(i)] for i in range(len(value))]
            value = _named(value)
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise AdoptError(f"{path} holds no list of labels", fix="give a JSON list of names, or one label per line")
    return value


def _named(value: list[Any]) -> list[Any]:
    """imagenet_class_index has [id, name] for each class, and two cranes: these get their ids behind them."""
    rows = [v if isinstance(v, list) and len(v) == 2 else [None, v] for v in value]
    times = Counter(str(name) for _, name in rows)
    return [f"{name} ({number})" if number is not None and times[str(name)] > 1 else name for number, name in rows]
