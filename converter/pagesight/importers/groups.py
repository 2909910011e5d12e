"""An HDF5 file's groups as they come back from the process that read it: names, arrays, and the lists of names beside them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError

_AGAIN = "save the model again with `model.save(…)`"


class Group:
    """Groups and arrays by name; `lists` holds lists of names that the file keeps beside this group."""

    def __init__(self) -> None:
        self._members: dict[str, Group | NDArray[Any]] = {}
        self.lists: dict[str, list[str]] = {}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], lists: Mapping[str, Mapping[str, list[str]]]) -> "Group":
        """The tree of arrays by their paths, with the lists of each group by its path."""
        root = cls()
        for path, value in arrays.items():
            *above, name = path.strip("/").split("/")
            root._at(above)._members[name] = value
        for path, found in lists.items():
            root._at([part for part in path.split("/") if part]).lists = {str(k): [str(n) for n in v] for k, v in found.items()}
        return root

    def _at(self, parts: list[str]) -> "Group":
        group = self
        for part in parts:
            below = group._members.setdefault(part, Group())
            if not isinstance(below, Group):
                raise AdoptError(f"{'/'.join(parts)!r:.80} is an array and a group", fix=_AGAIN)
            group = below
        return group

    def get(self, path: str) -> "Group | NDArray[Any] | None":
        """What is at `path` below; None where nothing is."""
        found: Group | NDArray[Any] | None = self
        for part in path.split("/"):
            found = found._members.get(part) if isinstance(found, Group) else None
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def elements(self) -> int:
        """How many numbers the arrays hold."""
        return sum(m.elements() if isinstance(m, Group) else int(m.size) for m in self._members.values())


def array(found: "Group | NDArray[Any] | None", name: str) -> NDArray[np.float32]:
    """An array as float32. Raises AdoptError for what is none."""
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        raise AdoptError(f"the weight {name} is not an array of numbers", fix=_AGAIN)
    return np.asarray(found, np.float32)
