"""What a stage tells while it works; who shows it (a bar, plain lines, nobody) is decided elsewhere."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Protocol


class Reporter(Protocol):
    """Shows work. `stage` opens a stage, `update` says how far a task is (total None: unknown), `note` says a thing once."""

    def stage(self, name: str, *, fresh: bool) -> None: ...
    def update(self, task: str, done: int, total: int | None, detail: str) -> None: ...
    def note(self, text: str) -> None: ...


class Silent:
    """Shows nothing: the default of the Python API."""

    def stage(self, name: str, *, fresh: bool) -> None: ...
    def update(self, task: str, done: int, total: int | None, detail: str) -> None: ...
    def note(self, text: str) -> None: ...


_reporter: ContextVar[Reporter] = ContextVar("reporter", default=Silent())  # noqa: B039 - Silent has no state


@contextlib.contextmanager
def shown_by(reporter: Reporter) -> Iterator[None]:
    """Send everything said inside the block to `reporter`."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def stage(name: str, *, fresh: bool = False) -> None:
    """Say that a stage begins, or that its last output still holds (`fresh`)."""
    _reporter.get().stage(name, fresh=fresh)


def note(text: str) -> None:
    """Say one thing that a person should know."""
    _reporter.get().note(text)


@contextlib.contextmanager
def task(name: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Yield `advance(steps=1, detail="")`, to be called as the task goes on."""
    done = 0
    reporter = _reporter.get()
    reporter.update(name, 0, total, "")

    def advance(steps: int = 1, detail: str = "") -> None:
        nonlocal done
        done += steps
        reporter.update(name, done, total, detail)

    yield advance
    if total is None:
        reporter.update(name, done, done, "")
