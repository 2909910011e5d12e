"""Labels from a file or a list: one a line, a JSON list, or names with commas between."""

from pathlib import Path

from pagesight.errors import AdoptError
from pagesight.importers import hdf5

_MAX_BYTES = 16 * 1024**2
_LONGEST = 500


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
        raise AdoptError(f"there is no labels file {value}", fix="give a file with one label a line, or a,b,c")
    else:
        labels = [part.strip() for part in value.split(",")]
    if not labels or not all(labels):
        raise AdoptError(f"the labels {value!r:.80} have an empty name among them", fix="give one name for each class")
    if any(len(label) > _LONGEST for label in labels):
        raise AdoptError("a label is longer than 500 characters", fix="give one label a line")
    return tuple(labels)


def _from_file(path: Path) -> list[str]:
    if path.stat().st_size > _MAX_BYTES:
        raise AdoptError(f"{path} is too large for a list of labels", fix="give a file with one label a line")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as cause:
        raise AdoptError(f"{path} is no text", fix="give a UTF-8 file with one label a line") from cause
    if text.lstrip()[:1] in ("[", "{"):
        value = hdf5.parse_json(text, str(path))
        value = value.get("labels") if isinstance(value, dict) else value
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise AdoptError(f"{path} holds no list of labels", fix="give a JSON list of names, or one label a line")
        return [v.strip() for v in value]
    return [line.strip() for line in text.rstrip().splitlines()]
