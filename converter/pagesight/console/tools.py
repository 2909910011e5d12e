"""The commands beside the stages: look into models and networks, serve a page, draw pictures, say what is installed."""

import json
from pathlib import Path
from typing import Any

import click

from pagesight.console.options import CORS, EMBED_IN, ISOLATE, SEED, common, writes
from pagesight.console.output import Console
from pagesight.errors import OptionError
from pagesight.options import Rendering

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("model", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as an HTML file with charts.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def inspect(model: Path, as_json: bool, html: Path | None) -> None:
    """Inspect a model layer by layer.

    MODEL is a page, a TF.js model or a SavedModel folder. Shows op, shape, parameters, bytes, quantization noise and
    multiply-adds of each layer.
    """
    from pagesight.console.inspection import as_html, as_table
    from pagesight.inspect import inspect as run

    result = run(model)
    if html is not None:
        html.write_text(as_html(result), encoding="utf-8")
    click.echo(json.dumps(result.to_json(), ensure_ascii=False) if as_json else as_table(result))


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the chart and the table as an HTML file.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the chart as an SVG file.")
@click.option("--no-browser", is_flag=True, help="Skip the latency measurement.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def compare(names: tuple[str, ...], as_json: bool, html: Path | None, svg: Path | None, no_browser: bool) -> None:
    """Compare networks by parameters, size, multiply-adds and latency.

    Latency is measured with random weights, for one picture after warm-up, in a browser on this machine.
    """
    from pagesight import pipeline, progress
    from pagesight.console import comparison

    for file in (html, svg):
        if file is not None and not file.parent.is_dir():
            raise OptionError(f"{file.parent} is not a folder", fix="make it, or name a file somewhere else")
    with (console := Console()), progress.shown_by(console):
        entries = pipeline.compare(names, in_browser=not no_browser)
    if html is not None:
        html.write_text(comparison.as_html(entries), encoding="utf-8")
    if svg is not None:
        svg.write_text(comparison.as_svg(entries), encoding="utf-8")
    click.echo(json.dumps([e.to_json() for e in entries]) if as_json else comparison.as_table(entries), nl=as_json)


@click.command()
@click.argument("folder", metavar="BUNDLE", type=_FOLDER)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 picks a free one.")
@click.option("--host", default="localhost", show_default=True, help="Address to listen on; 0.0.0.0 for the whole network.")
@click.option("--share", is_flag=True, help="Serve to phones on this network over HTTPS, so that their cameras work.")
@CORS
@EMBED_IN
@ISOLATE
@click.option("--open", "open_page", is_flag=True, help="Open the page in your browser.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def serve(folder: Path, share: bool, open_page: bool, **how: Any) -> None:
    """Serve a page from this machine until Ctrl-C."""
    import contextlib
    import threading
    import webbrowser

    from pagesight.headers import Hosting
    from pagesight.serve import serving

    how["hosting"] = Hosting(how.pop("cors"), how.pop("embed_in"), how.pop("isolate"))
    with contextlib.ExitStack() as stack:
        if share:
            from pagesight.console.sharing import shared

            _, address = stack.enter_context(shared(folder, **how))
        else:
            address = stack.enter_context(serving(folder, **how))
            click.echo(f"{folder} is at {address} (Ctrl-C stops)")
        if open_page:
            webbrowser.open(address)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo()


@click.command()
@writes
@click.option("--per-class", default=Rendering.per_class, show_default=True, type=click.IntRange(1), help="Pictures per digit.")
@click.option(
    "--subjects",
    default=Rendering.subjects,
    show_default=True,
    type=click.IntRange(1),
    help="Number of rendered people (subjects).",
)
@click.option("--side", default=Rendering.side, show_default=True, type=click.IntRange(32, 1024), help="Picture size in pixels.")
@SEED
@common
def render(into: Path, per_class: int, subjects: int, side: int, seed: int) -> Any:
    """Render pictures of hands showing the numbers 0-9, to try Pagesight with."""
    from pagesight.render import render as run

    return {"pictures": str(run(Rendering(per_class, subjects, side, seed), into))}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def backbones(as_json: bool) -> None:
    """List the available backbones."""
    from pagesight.backbones import known

    if as_json:
        click.echo(json.dumps([b.to_json() for b in known().values()]))
        return
    for backbone in known().values():
        click.echo(f"{backbone.name:32} {backbone.human}{', starter weights ship' if backbone.starter else ''}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def doctor(as_json: bool) -> None:
    """Check the installation and say how to fix what is missing."""
    from pagesight.console.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([f.__dict__ for f in findings]))
    else:
        for finding in findings:
            click.echo(
                f"{'ok     ' if finding.ok else 'missing'}  {finding.what}" + ("" if finding.ok else f"\n  fix: {finding.fix}")
            )
    if not all(f.ok for f in findings if f.needed):
        raise SystemExit(1)


COMMANDS = (inspect, compare, serve, render, backbones, doctor)
"""In the order of the line."""
