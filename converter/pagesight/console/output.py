"""What a person sees in the terminal: a progress bar there, plain lines in a pipe, one JSON object where asked."""

import json
import logging
import signal
import sys
import tempfile
import threading
import time
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from pagesight import manifest, records
from pagesight.artifacts import Bundle
from pagesight.console.summary import result_lines
from pagesight.errors import OutputError, PagesightError
from pagesight.progress import Reporter

if TYPE_CHECKING:
    from rich.progress import TaskID

_LINE_EVERY = 5.0
_TOLD = 2
"""Findings that the terminal tells."""


class _Decisions(logging.StreamHandler[Any]):
    """Shows on stderr what the package decides; it was put there by `log_decisions`, and goes with the next."""


def log_decisions(*, verbose: bool) -> None:
    """With `verbose`, say on stderr what the package's modules decide and why, a line each; else nothing below a warning."""
    log = logging.getLogger("pagesight")
    for handler in [h for h in log.handlers if isinstance(h, _Decisions)]:
        log.removeHandler(handler)
    log.setLevel(logging.INFO if verbose else logging.WARNING)
    log.propagate = not verbose  # libraries may give the root a handler that would say all of it again
    if verbose:
        shown = _Decisions(sys.stderr)
        shown.setFormatter(logging.Formatter("  %(name)s: %(message)s"))
        log.addHandler(shown)


class Console(Reporter):
    """A reporter for terminals and pipes; use it as a context manager around the work. All progress goes to stderr."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: Any = None
        self._tasks: dict[str, TaskID] = {}
        self._last_line: dict[str, float] = {}
        self._interrupted = False
        self._handler: Any = None

    def __enter__(self) -> Self:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so in the background, where it is ignored
        if usual and threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupt)
        if not self.quiet and sys.stderr.isatty():
            from rich import progress
            from rich.console import Console as RichConsole

            self._bar = progress.Progress(
                progress.TextColumn("  {task.description}"),
                progress.BarColumn(bar_width=28),
                progress.TaskProgressColumn(),
                progress.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
                progress.TextColumn("[dim]{task.fields[detail]}"),
                console=RichConsole(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        if self._interrupted and isinstance(error, Exception):  # what came of it, inside of some library
            raise KeyboardInterrupt from error

    def _interrupt(self, _: int, __: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt

    def _go_on(self) -> None:
        """Ctrl-C ends the work also where a library swallowed it, as imports and callbacks from C may."""
        if self._interrupted:
            raise KeyboardInterrupt

    def stage(self, name: str, *, fresh: bool) -> None:
        """Open a stage: its tasks before it are over."""
        self._go_on()
        for task in self._tasks.values():
            self._bar.remove_task(task)
        self._tasks.clear()
        self._last_line.clear()
        self._say(f"{name}: nothing changed" if fresh else name)

    def update(self, task: str, done: int, total: int | None, detail: str) -> None:
        """Show how far a task is: as a bar, or in a pipe as a line now and then and at the end."""
        self._go_on()
        if self.quiet:
            return
        if self._bar is not None:
            if task not in self._tasks:
                self._tasks[task] = self._bar.add_task(task, total=total, detail=detail)
            self._bar.update(self._tasks[task], completed=done, total=total, detail=detail)
            return
        self._line(task, done, total, detail)

    def _line(self, task: str, done: int, total: int | None, detail: str) -> None:
        now = time.monotonic()
        if task not in self._last_line:
            self._last_line[task] = now
            if total is None:
                click.echo(f"  {task}", err=True)
        elif total and total > 1 and (done >= total or now - self._last_line[task] >= _LINE_EVERY):
            self._last_line[task] = now
            click.echo(f"  {task} {done}/{total}{', ' + detail if detail else ''}", err=True)

    def note(self, text: str) -> None:
        """Say one thing that a person should know, even when quiet."""
        self._print(f"  note: {text}")

    def result(self, value: Any, *, as_json: bool) -> None:
        """Print what a command returns, a bundle or a JSON object: as JSON, or in a few lines for people."""
        if value is None:
            return
        if as_json:
            told = {"bundle": str(value.path), "report": records.to_json(value.report)} if isinstance(value, Bundle) else value
            click.echo(json.dumps(told, ensure_ascii=False, default=records.to_json))
            return
        click.echo("\n".join(result_lines(value)))

    def _say(self, text: str) -> None:
        if not self.quiet:
            self._print(text)

    def _print(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            click.echo(text, err=True)


def unforeseen(cause: Exception) -> PagesightError:
    """What to tell of an error that no stage explained."""
    if manifest.is_disk_full(cause):
        return OutputError(
            "no space left on a disk", fix=f"free some space; temporary files lie in {tempfile.gettempdir()}, or where TMPDIR says"
        )
    return PagesightError(
        f"unexpected error: {type(cause).__name__}: {cause}",
        fix="run it again with --debug and report what it shows",
    )
