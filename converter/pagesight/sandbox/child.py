"""The process that looks at a stranger's file: it imports what it needs, gives up the rest, does one task, hands over the result.

Run as `python -m pagesight.sandbox.child`, with the task as JSON on standard input; what it found goes to HANDED and ARRAYS.
"""

import importlib
import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

HANDED, ARRAYS = "handed.json", "arrays.bin"
ALIGNMENT = 64


@dataclass(frozen=True)
class Found:
    """What a task hands over: `facts` that JSON can say, and arrays of numbers by name."""

    facts: Mapping[str, Any] = field(default_factory=dict)  # open: each reader has facts of its own
    arrays: "Mapping[str, NDArray[Any]]" = field(default_factory=dict)


def main() -> None:
    """Do the task that standard input names; says on standard output, too, what the kernel took before."""
    task = json.loads(sys.stdin.read())
    scratch = Path(task["scratch"])
    module, _, name = task["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    from pagesight.errors import PagesightError
    from pagesight.sandbox.confinement import confine

    guards = confine(scratch, **task["limits"])
    try:
        found = function(**task["arguments"], scratch=scratch)
        handed = {"facts": found.facts, "arrays": _write(found.arrays, scratch / ARRAYS)}
    except PagesightError as cause:
        handed = {"error": [type(cause).__name__, cause.what, cause.fix]}
    except MemoryError:
        handed = {"memory": True}
    except Exception as cause:
        handed = {"failure": f"{type(cause).__name__}: {str(cause).strip()[:300]}", "trace": traceback.format_exc()}
    (scratch / HANDED).write_text(json.dumps({**handed, "guards": guards}), encoding="utf-8")


def _write(arrays: "Mapping[str, NDArray[Any]]", into: Path) -> list[list[Any]]:
    """All arrays one after the other in one file; returns name, dtype, shape and offset of each."""
    import numpy as np

    listed = []
    with into.open("wb") as file:
        for name, value in arrays.items():
            file.write(bytes(-file.tell() % ALIGNMENT))
            array = np.asarray(value, order="C")
            listed.append([name, array.dtype.str, list(array.shape), file.tell()])
            array.tofile(file)
    return listed


def guards(scratch: Path) -> Found:  # noqa: ARG001 - every task gets one
    """Nothing at all: what the kernel took is handed over with every result."""
    return Found()


if __name__ == "__main__":
    main()
