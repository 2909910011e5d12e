"""What a person sees in the terminal: a progress bar there, plain lines in a pipe, one JSON object where asked."""

import json
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import click

from pagesight.progress import Reporter

_LINE_EVERY = 5.0


class Console(Reporter):
    """A reporter for terminals and pipes; use it as a context manager around the work. All progress goes to stderr."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
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
        """Print what a command returns: an object as JSON, or a few lines for people."""
        if value is None:
            return
        if as_json:
            click.echo(json.dumps(value, ensure_ascii=False))
            return
        click.echo("\n".join(_bundle_lines(value["bundle"], value["report"]) if "report" in value else _lines(value)))

    def _say(self, text: str) -> None:
        if not self.quiet:
            self._print(text)

    def _print(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            click.echo(text, err=True)


def _lines(value: dict[str, Any]) -> list[str]:
    width = max(len(k) for k in value) + 2
    return [f"{k.replace('_', ' '):{width}}{_text(v)}" for k, v in value.items() if v is not None]


def _text(value: Any) -> str:
    if isinstance(value, dict) and "interval95" in value:
        return _accuracy(value)
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_text(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _accuracy(accuracy: dict[str, Any], options: str = "never trained on") -> str:
    if accuracy["float"] is None:
        return "not measured: no pictures were set aside"
    low, high = accuracy["interval95"]
    exported = f", {accuracy['exported']:.1%} in the page" if accuracy.get("exported") is not None else ""
    return f"{accuracy['float']:.1%} on {accuracy['n']} pictures {options} (95 % interval {low:.1%} to {high:.1%}){exported}"


def _bundle_lines(folder: str, report: dict[str, Any]) -> list[str]:
    size, parity, stored = report["bytes"], report["parity"], report["quantization"]
    lines = [f"page      {folder}"]
    if report["accuracy"]["float"] is not None:
        split = (report.get("dataset") or {}).get("split")
        lines.append(
            f"accuracy  {_accuracy(report['accuracy'], 'of groups never trained on' if split == 'group' else 'never trained on')}"
        )
    kept = stored.get("top1_agreement")
    answers = f", {kept:.1%} of the float model's answers kept" if kept is not None else ""
    evaluated = f", judged by {stored['judged_by']}" if stored.get("judged_by") else ""
    lines.append(f"model     {stored['bytes']:,} bytes, {stored['gzip_bytes']:,} after gzip ({stored['mode']}{evaluated}){answers}")
    lines.append(f"size      {size['total_gzip']:,} bytes after gzip, samples aside")
    if parity:
        lines.append(
            f"verified  {parity['browser']}, {parity['backend']}: {parity['top1_agreement']:.1%} the same answers on "
            f"{parity['pictures']} pictures, probabilities within {parity['max_abs_diff']:.1g}"
        )
    else:
        from pagesight.browser import discovery

        options = f"pagesight verify {shlex.quote(folder)}" if discovery.find() else discovery.HOW_TO_GET
        lines.append(f"verified  not verified in a browser: {options}")
    if "original" in report:
        lines += _original_lines(report["original"], report["input"])
    lines += _beside(Path(folder))
    return [*lines, f"look      pagesight serve {shlex.quote(folder)} --open"]


def _original_lines(original: dict[str, Any], taken: dict[str, Any]) -> list[str]:
    """How far the page is from the model it was made of, in that model's own runtime; and what its pixels were taken for."""
    guessed = "input range guessed: " if taken["guessed"] else ""
    lines = [f"pixels    {guessed}{taken['range']}, {taken['crop']} ({taken['why']})"]
    if original["runtime"] is None:
        return [*lines, f"original  not compared with the original: {original['why_not']}"]
    same = original["top1_agreement"] == 1
    answers = "same answers" if same else f"{original['top1_agreement']:.1%} the same answers"
    page = original["page"]
    line = f"original  {answers} on {original['pictures']} pictures, probabilities within {original['max_abs_diff']:.1g}"
    stored = f"as stored in the page {page['top1_agreement']:.1%}, within {page['max_abs_diff']:.1g}"
    return [*lines, f"{line} ({original['runtime']}); {stored}"]


def _beside(folder: Path) -> list[str]:
    """What lies in the page's folder for other uses than to be served."""
    from pagesight.page import single_file

    file = single_file.find(folder)
    lines = [f"file      {file}: a double click opens it"] if file else []
    if (folder / "package.json").is_file():
        # Without a dot or a slash in front npm takes it for a repository's name.
        lines.append(f"package   npm pack {shlex.quote(str(folder if folder.is_absolute() else f'./{folder}'))}")
    return lines
