"""Reads arrays and JSON from HDF5 files of strangers: no links out of the file, no plug-ins, no claims larger than the file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError, first_line

_MAX_OBJECTS = 100_000
_MAX_DEPTH = 64
_MAX_BYTES = 4 * 1024**3
_FREE_BYTES = 64 * 1024**2
_MAX_RATIO = 1000
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}
"""Filters that h5py brings along; any other would make HDF5 look for a plug-in to load."""
_HINT = "save the model again with `model.save(…)`"


@contextmanager
def opened(path: Path, shown_as: Path | None = None) -> Iterator[h5py.File]:
    """The HDF5 file at `path`, with every object in it looked at first. Raises AdoptError for one that must not be read."""
    name = shown_as or path
    try:
        with h5py.File(path, "r", locking=False) as file:
            _inspect(file, name)
            yield file
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError, ValueError) as cause:
        raise AdoptError(f"{name} is not a readable HDF5 file: {_said(cause)}", fix=_HINT) from cause


def _said(cause: BaseException) -> str:
    """What is wrong, without the places in brackets that h5py and json end with."""
    return "it is nested too deep" if isinstance(cause, RecursionError) else first_line(cause).split(" (")[0]


def _inspect(file: h5py.File, name: Path) -> None:
    waiting: list[tuple[h5py.Group, int]] = [(file, 0)]
    seen = {h5py.h5o.get_info(file.id).addr}
    total = 0
    while waiting:
        group, depth = waiting.pop()
        for key in group:
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise AdoptError(f"{name} links to other places ({group.name}/{key})", fix=_HINT)
            result = group[key]
            address = h5py.h5o.get_info(result.id).addr
            if address in seen or depth > _MAX_DEPTH or len(seen) > _MAX_OBJECTS:
                raise AdoptError(f"{name} has cyclic or too deep links: {result.name}", fix=_HINT)
            seen.add(address)
            if isinstance(result, h5py.Dataset):
                total += _check_dataset(result, name)
            elif isinstance(result, h5py.Group):
                waiting.append((result, depth + 1))
    if total > _MAX_BYTES:
        raise AdoptError(f"{name} claims {total:,} bytes of weights", fix="give a model of at most 4 GB")


def _check_dataset(result: h5py.Dataset, name: Path) -> int:
    if result.external or result.is_virtual:
        raise AdoptError(f"{name} takes {result.name} from another file", fix=_HINT)
    plist = result.id.get_create_plist()
    for i in range(plist.get_nfilters()):
        if plist.get_filter(i)[0] not in _FILTERS:
            raise AdoptError(f"{name} packs {result.name} with a filter that is not known", fix=_HINT)
    if result.dtype.kind not in "fiub" and result.dtype.kind not in "SO":
        raise AdoptError(f"{name} holds {result.name}, which is not an array of numbers", fix=_HINT)
    size, stored = int(result.nbytes), int(result.id.get_storage_size())
    if size > _FREE_BYTES and size > _MAX_RATIO * max(1, stored):
        raise AdoptError(f"{name} claims {size:,} bytes for {result.name}, of which {stored:,} are there", fix=_HINT)
    return size


def arrays(group: h5py.Group) -> dict[str, NDArray[Any]]:
    """All datasets of numbers below `group` by their paths."""
    result: dict[str, NDArray[Any]] = {}

    def read(path: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset) and found.dtype.kind in "fiub":
            result[path] = np.asarray(found[()]).astype(found.dtype.newbyteorder("<"), copy=False)

    group.visititems(read)
    return result


def lists(group: h5py.Group) -> dict[str, dict[str, list[str]]]:
    """The lists of names that Keras keeps as attributes, by the path of their group."""
    result: dict[str, dict[str, list[str]]] = {}

    def read(path: str, found: Any) -> None:
        if isinstance(found, h5py.Group):
            kept = {key: names(found, key) for key in ("layer_names", "weight_names")}
            result[path] = {key: value for key, value in kept.items() if value}

    read("", group)
    group.visititems(read)
    return {path: kept for path, kept in result.items() if kept}


def text(value: Any) -> str:
    """An HDF5 attribute as text."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; Keras splits one that is too long for a single attribute over `attribute0`, `attribute1` and so on."""
    if attribute in group.attrs:
        return [text(n) for n in group.attrs[attribute]]
    result: list[str] = []
    for i in range(_MAX_OBJECTS):
        if f"{attribute}{i}" not in group.attrs:
            break
        result += [text(n) for n in group.attrs[f"{attribute}{i}"]]
    return result


def parse_json(value: str | bytes, what: str) -> Any:
    """JSON of a stranger: no NaN, no nesting that exhausts the stack. Raises AdoptError."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not valid JSON")

    try:
        return json.loads(value, parse_constant=refuse)
    except (ValueError, RecursionError) as cause:
        raise AdoptError(f"{what} is not valid JSON: {_said(cause)}", fix="export the model again") from cause
