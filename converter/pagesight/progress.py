"""What a stage tells while it works; who shows it (a bar, plain lines, nobody) is decided elsewhere."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar


class Reporter:
    """Shows nothing, the default of the Python API; subclasses show work to somebody."""

    def stage(self, name: str, *, fresh: bool) -> None:
        """A stage begins, or its last output still holds."""

    def update(self, task: str, done: int, total: int | None, detail: str) -> None:
        """How far a task is; a total of None is not known."""

    def note(self, text: str) -> None:
        """One thing that a person should know."""


_reporter: ContextVar[Reporter] = ContextVar("reporter", default=Reporter())  # noqa: B039 - it has no state


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
        reporter.update(name, 1, 1, "")
