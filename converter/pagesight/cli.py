"""The command line: one subcommand per stage plus `build`; the one place that catches PagesightError.

Exit codes: 0 done; 1 the work failed or fell short of a bar; 2 the command was wrong; 130 interrupted.
"""

import difflib
import gc
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from pagesight import records
from pagesight.console.options import (
    SEED,
    backbone_options,
    bundling_options,
    common,
    naming_options,
    publishing_options,
    quantization_options,
    refuse_idle,
    refuse_page_options,
    scan_options,
    searching_options,
    writes,
)
from pagesight.console.output import Console, unforeseen
from pagesight.errors import OptionError, PagesightError
from pagesight.options import STAGES, Build, Quantization, Rendering, Verification
from pagesight.records.quantization import QuantizationFacts

_FOLDER = click.Path(path_type=Path)


class _Group(click.Group):
    """Commands in the order of the line, with a 'did you mean' for others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands as they were added."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command of that name; an unknown one is an error that names the nearest."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else " `pagesight --help` lists the commands."
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="pagesight", prog_name="pagesight")
def pagesight() -> None:
    """From a folder of pictures to a static web page that recognises them.

    \b
    pagesight build photos -o dist/page     photos holds one folder of pictures per class
    pagesight serve dist/page --open        look at it
    """  # noqa: D301 - click's own mark


@pagesight.command()
@click.argument("photos", nargs=-1, required=True)
@writes
@naming_options
@scan_options
@backbone_options
@SEED
@quantization_options
@searching_options
@bundling_options
@publishing_options
@click.option("--until", default="verify", type=click.Choice(STAGES), help="Stop after this stage; only 'verify' writes DIR.")
@click.option("--require-browser", is_flag=True, help="Fail where no browser can be found to verify the page in.")
@common
def build(photos: tuple[str, ...], into: Path, until: str, force: bool, **options: Any) -> Any:
    """Photos to a verified page: all stages in one.

    PHOTOS is a folder of class folders, a .zip of one, or an address of one (gs://, s3://, hdfs://); folders with train and test
    sides, with a table of labels, or with a COCO file are read as well. Of several, such as a page's samples and a folder, classes
    of one name become one. What did not change since the last run is not done again.
    """
    from pagesight import pipeline

    result = pipeline.build_until(until, photos, into, force=force, **options)
    return result if until in ("bundle", "verify") else {until: str(result.path)}


@pagesight.command()
@click.argument("photos", nargs=-1, required=True)
@writes
@scan_options
@SEED
@common
def scan(photos: tuple[str, ...], into: Path, force: bool, **options: Any) -> Any:
    """Photos to a dataset with labels and sides.

    PHOTOS is what `pagesight build` takes.
    """
    from pagesight.scan import scan as run

    dataset = run(photos, Build(**options).scanning(), into, force=force)
    splits = {side: sum(counts) for side, counts in dataset.facts.counts.items()}
    return {
        "dataset": str(into),
        "layout": dataset.facts.layout,
        "classes": list(dataset.labels),
        "pictures": splits,
        "skipped": dataset.facts.skipped,
        "split": dataset.facts.split,
        "duplicates": records.to_json(dataset.facts)["duplicates"],
    }


@pagesight.command()
@click.argument("dataset", type=_FOLDER)
@writes
@backbone_options
@SEED
@common
def train(dataset: Path, into: Path, **options: Any) -> Any:
    """Dataset to a fine-tuned model.

    DATASET is the folder that `pagesight scan` wrote.
    """
    from pagesight.artifacts import Dataset
    from pagesight.train import train as run

    trained = run(Dataset.open(dataset), Build(**options).training(), into)
    if not into.exists():
        return {"model": "written by the chief"}
    return {"model": str(into), "accuracy": trained.facts.accuracy, "backbone": trained.facts.backbone}


@pagesight.command()
@click.argument("trained", type=_FOLDER)
@writes
@naming_options
@common
def export(trained: Path, into: Path, **options: Any) -> Any:
    """Trained model to a SavedModel.

    TRAINED is the folder that `pagesight train` wrote. The SavedModel takes raw pixels: scaling is in its graph.
    """
    from pagesight.artifacts import TrainedModel
    from pagesight.export import export as run

    saved = run(TrainedModel.open(trained), Build(**options).naming(into.resolve().name), into)
    return {"saved_model": str(saved.path / "saved_model"), "labels": list(saved.contract.labels)}


@pagesight.command()
@click.argument("model")
@writes
@click.option("--labels", metavar="FILE|a,b,c", help="Class names, where the model's own files do not tell.")
@click.option("--input-range", help="0..1, -1..1, 0..255, caffe or torch; found out where not given.")
@click.option("--crop", help="center-square, or squash the whole picture.")
@click.option("--side", type=int, help="Pixels, for a model that takes any size.")
@click.option("--signature", help="Which signature of a SavedModel answers; its default one where not given.")
@click.option("--guess", is_flag=True, help="Go on with the likeliest input range where the model does not tell.")
@click.option("--trust", is_flag=True, help="Let a Keras file run its own code (Lambda layers).")
@naming_options
@quantization_options
@bundling_options
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Pictures, without labels, that tell how to round the weights; drawn ones where not given.",
)
@click.option("--photos", type=_FOLDER, help="Pictures to compare Python and the browser on; noise where not given.")
@click.option("--test", type=_FOLDER, help="Labeled pictures, a folder each class: accuracy, report, temperature, threshold.")
@click.option("--dataset", type=_FOLDER, help="For a model that `export` wrote: measures accuracy on what `scan` wrote.")
@common
def convert(  # noqa: PLR0917 - click passes them by name
    model: str,
    into: Path,
    dataset: Path | None,
    photos: Path | None,
    calibrate: Path | None,
    test: Path | None,
    **options: Any,
) -> Any:
    """Any model to a TF.js model and its page.

    MODEL is a Keras file, a SavedModel folder, a TF-Hub address, a Teachable Machine export or a TF.js model: it becomes a verified
    page in DIR. A folder that `pagesight export` wrote becomes a TF.js model in DIR, for `pagesight bundle`.
    """
    from pagesight import manifest
    from pagesight.artifacts import Dataset, SavedModel
    from pagesight.quantize import quantize

    quantization = Quantization(mode=options.pop("quantize"), max_drop=options.pop("max_drop"))
    of_bundle = ("max_bytes", "single_file", "npm", "theme", "logo", "also")
    bundling = Build(**{name: options.pop(name) for name in of_bundle}).bundling()
    written = manifest.read(Path(model))
    if written is not None and written["stage"] in SavedModel.STAGES:
        refuse_page_options()
        if dataset is not None and calibrate is not None:
            raise OptionError("--calibrate and --dataset both name pictures to round by", fix="give one of them")
        web = quantize(SavedModel.open(Path(model)), quantization, into, Dataset.open(dataset) if dataset else calibrate)
        return {"model": str(web.path / web.contract.model_path), **_stored(web.facts)}
    if dataset is not None:
        raise OptionError(
            "--dataset measures the accuracy of what `pagesight export` wrote, and this model was made elsewhere",
            fix="leave it out; --test takes a folder of class folders, --calibrate one without labels",
        )
    from pagesight import pipeline
    from pagesight.adopt import Adoption

    how = Adoption(**options | {"name": options["name"] or into.resolve().name})
    return pipeline.convert(model, into, how, quantization, photos, calibrate=calibrate, test=test, bundling=bundling, force=True)


@pagesight.command()
@click.argument("web", type=_FOLDER)
@writes
@click.option("--dataset", type=_FOLDER, help="What `scan` wrote: gives the gallery its pictures.")
@click.option("--trained", type=_FOLDER, help="What `train` wrote: gives the card its accuracy.")
@bundling_options
@publishing_options
@common
def bundle(web: Path, into: Path, dataset: Path | None, trained: Path | None, **options: Any) -> Any:
    """TF.js model to a static page.

    WEB is the folder that `pagesight convert` wrote.
    """
    from pagesight.artifacts import Dataset, Origin, TrainedModel, WebModel
    from pagesight.bundle import bundle as run

    if dataset is None:
        refuse_idle({"samples", "report"}, "without --dataset no pictures are published")
    origin = Origin(Dataset.open(dataset) if dataset else None, TrainedModel.open(trained) if trained else None)
    return run(WebModel.open(web), Build(**options).bundling(), into, origin)


@pagesight.command()
@click.argument("folder", metavar="BUNDLE", type=_FOLDER)
@click.option("--photos", type=_FOLDER, help="Pictures to ask; the bundle's own samples where not given.")
@common
def verify(folder: Path, photos: Path | None) -> Any:
    """Compare a page's answers with Python's.

    Opens BUNDLE in a real browser. Writes nothing.
    """
    from pagesight.artifacts import Bundle
    from pagesight.verify import verify as run

    return run(Bundle.open(folder), Verification(require_browser=True), None, photos)


@pagesight.command()
@click.argument("model", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="A machine-readable object.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with pictures to this file.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def inspect(model: Path, as_json: bool, html: Path | None) -> None:
    """Look into a page's model, layer by layer.

    MODEL is a page, a TF.js model or a SavedModel folder: op, shape, parameters, bytes, noise and multiply-adds of each layer.
    """
    from pagesight.console.inspection import as_html, as_table
    from pagesight.inspect import inspect as run

    result = run(model)
    if html is not None:
        html.write_text(as_html(result), encoding="utf-8")
    click.echo(json.dumps(result.to_json(), ensure_ascii=False) if as_json else as_table(result))


@pagesight.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="A machine-readable list.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with the chart and the table.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the chart.")
@click.option("--no-browser", is_flag=True, help="Do not measure milliseconds.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def compare(names: tuple[str, ...], as_json: bool, html: Path | None, svg: Path | None, no_browser: bool) -> None:
    """Compare networks by name: parameters, bytes, work, time.

    Milliseconds are those of a page with random weights, for one warm picture in a browser of this machine.
    """
    from pagesight import pipeline, progress
    from pagesight.console import comparison

    for file in (html, svg):
        if file is not None and not file.parent.is_dir():
            raise OptionError(f"{file.parent} is no folder", fix="make it, or name a file somewhere else")
    with (console := Console()), progress.shown_by(console):
        entries = pipeline.compare(names, in_browser=not no_browser)
    if html is not None:
        html.write_text(comparison.as_html(entries), encoding="utf-8")
    if svg is not None:
        svg.write_text(comparison.as_svg(entries), encoding="utf-8")
    click.echo(json.dumps([e.to_json() for e in entries]) if as_json else comparison.as_table(entries), nl=as_json)


@pagesight.command()
@click.argument("folder", metavar="BUNDLE", type=_FOLDER)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
@click.option("--host", default="localhost", show_default=True, help="An address of this machine; 0.0.0.0 for the whole network.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in your browser.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def serve(folder: Path, port: int, host: str, open_page: bool) -> None:
    """Show a page on this machine until Ctrl-C."""
    import threading
    import webbrowser

    from pagesight.serve import serving

    with serving(folder, host=host, port=port) as address:
        click.echo(f"{folder} is at {address} (Ctrl-C stops)")
        if open_page:
            webbrowser.open(address)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo()


@pagesight.command()
@writes
@click.option("--per-class", default=Rendering.per_class, show_default=True, type=click.IntRange(1), help="Pictures per digit.")
@click.option(
    "--subjects", default=Rendering.subjects, show_default=True, type=click.IntRange(1), help="People whose hands they are."
)
@click.option("--side", default=Rendering.side, show_default=True, type=click.IntRange(32, 1024), help="Pixels.")
@SEED
@common
def render(into: Path, per_class: int, subjects: int, side: int, seed: int) -> Any:
    """Draw number hands 0-9, to try it all on."""
    from pagesight.render import render as run

    return {"pictures": str(run(Rendering(per_class, subjects, side, seed), into))}


@pagesight.command()
@click.option("--json", "as_json", is_flag=True, help="A machine-readable list.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def backbones(as_json: bool) -> None:
    """List the backbones."""
    from pagesight.backbones import known

    if as_json:
        click.echo(json.dumps([b.to_json() for b in known().values()]))
        return
    for backbone in known().values():
        click.echo(f"{backbone.name:32} {backbone.human}{', starter weights ship' if backbone.starter else ''}")


@pagesight.command()
@click.option("--json", "as_json", is_flag=True, help="A machine-readable object.")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def doctor(as_json: bool) -> None:
    """Say what is installed, what is missing, and the fix."""
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


def _stored(facts: QuantizationFacts) -> dict[str, Any]:
    """How the model is stored and what that cost, without a line for every layer."""
    told = {**records.to_json(facts.storage), "accuracy": facts.accuracy, "pictures": facts.pictures}
    return {name: value for name, value in told.items() if name != "layers" and value not in (None, [])}


_COLLECTIONS = (10_000, 10, 10)
"""Libraries are imported that make hundreds of thousands of objects, to stay: the garbage collector looks at them less often."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:] if argv is None else argv
    debug = "--debug" in arguments
    gc.set_threshold(*_COLLECTIONS)
    try:
        pagesight.main(arguments, prog_name="pagesight", standalone_mode=False)
    except click.exceptions.Exit as cause:
        sys.exit(cause.exit_code)
    except click.ClickException as cause:
        cause.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\ninterrupted; finished outputs are untouched, and the next run goes on from there", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as cause:
        known = cause if isinstance(cause, PagesightError) else unforeseen(cause)
        if debug:
            traceback.print_exc()
        if "--json" in arguments:
            click.echo(json.dumps({"error": known.what, "fix": known.fix}, ensure_ascii=False))
        click.echo(f"error: {known.what}\n  fix: {known.fix}", err=True)
        sys.exit(2 if isinstance(known, OptionError) else 1)
