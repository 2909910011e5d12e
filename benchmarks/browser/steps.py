"""A long run in steps: each result is kept in a file as soon as it is there, and a run that ends early goes on after the last."""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class OutOfTimeError(Exception):
    """The minutes are over; what has been measured is kept."""


class Steps:
    """Measures each step once. `key` is what all of them depend on: where it changed, what was kept is dropped."""

    def __init__(self, folder: Path, key: Mapping[str, Any], minutes: float = float("inf")) -> None:
        self._folder = folder
        self._end = time.monotonic() + minutes * 60
        text = json.dumps(key, indent=1, sort_keys=True)
        mark = folder / "key.json"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != text:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            mark.write_text(text, encoding="utf-8")

    def __call__(self, name: str, measure: Callable[[], Any]) -> Any:
        """What `measure` gave, as JSON keeps it. Raises OutOfTimeError instead of measuring after the last minute."""
        path = self._path(name)
        if not path.is_file():
            if time.monotonic() > self._end:
                raise OutOfTimeError(name)
            print(name, file=sys.stderr, flush=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(measure(), ensure_ascii=False), encoding="utf-8")
            part.rename(path)
        return json.loads(path.read_text(encoding="utf-8"))

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
