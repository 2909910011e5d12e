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
from pagesight.console import tools
from pagesight.console.options import (
    BROWSER,
    KEY,
    OF_BUNDLE,
    SEED,
    VERIFY_IN,
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
    signs,
    writes,
)
from pagesight.console.output import unforeseen
from pagesight.errors import OptionError, PagesightError
from pagesight.json_values import JsonObject
from pagesight.options import STAGES, Build, Quantization, Verification
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
    """Turn a folder of pictures into a static web page that classifies them.

    \b
    pagesight build photos -o dist/page     photos/ holds one folder of pictures per class
    pagesight serve dist/page --open        open it in your browser
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
@click.option("--require-browser", is_flag=True, help="Fail if no browser is found to verify the page in.")
@VERIFY_IN
@common
@signs
def build(photos: tuple[str, ...], into: Path, until: str, force: bool, **options: Any) -> Any:
    """Build a verified page from pictures (runs all stages).

    PHOTOS is a folder of class folders, a .zip of one, or an address of one (gs://, s3://, hdfs://); folders with train and test
    splits, with a table of labels, or with a COCO file are read as well. Several sources, such as a page's samples and a folder,
    are merged by class name. Stages whose inputs did not change since the last run are skipped.
    """
    from pagesight import pipeline

    if until != "verify":
        refuse_idle({"sign"}, f"--until {until} writes no page into DIR")
    result = pipeline.build_until(until, photos, into, force=force, **options)
    return result if until in ("bundle", "verify") else {until: str(result.path)}


@pagesight.command()
@click.argument("photos", nargs=-1, required=True)
@writes
@scan_options
@SEED
@common
def scan(photos: tuple[str, ...], into: Path, force: bool, **options: Any) -> Any:
    """Scan pictures into a dataset: labels, duplicates, train/validation/test split.

    PHOTOS is what `pagesight build` takes.
    """
    from pagesight.scan import scan as run

    dataset = run(photos, Build(**options).scanning(), into, force=force)
    sides = {side: sum(counts) for side, counts in dataset.facts.counts.items()}
    return {
        "dataset": str(into),
        "layout": dataset.facts.layout,
        "classes": list(dataset.labels),
        "pictures": sides,
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
    """Train a classifier on a dataset.

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
    """Export a trained model as a SavedModel.

    TRAINED is the folder that `pagesight train` wrote. The SavedModel takes raw pixels; scaling is part of its graph.
    """
    from pagesight.artifacts import TrainedModel
    from pagesight.export import export as run
    from pagesight.importers import given

    saved = run(given.opened(TrainedModel, trained), Build(**options).naming(into.resolve().name), into)
    return {"saved_model": str(saved.path / "saved_model"), "labels": list(saved.contract.labels)}


@pagesight.command()
@click.argument("model")
@writes
@click.option("--labels", metavar="FILE|a,b,c", help="Class names, if the model files do not contain them.")
@click.option(
    "--input-range", help="Value range the model expects: 0..1, -1..1, 0..255, caffe or torch; default: detected from the model."
)
@click.option("--crop", help="How pictures become square: center-square (crop), or squash (stretch the whole picture).")
@click.option("--side", type=int, help="Input size in pixels, for a model that accepts any size.")
@click.option("--signature", help="Which signature of a SavedModel to use; default: serving_default, or the only one.")
@click.option("--guess", is_flag=True, help="Continue with the most likely input range if the model leaves it ambiguous.")
@click.option("--trust", is_flag=True, help="Allow a Keras file to run its own code (Lambda layers).")
@naming_options
@quantization_options
@bundling_options
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Unlabeled pictures to calibrate quantization on; default: synthetic ones.",
)
@click.option("--photos", type=_FOLDER, help="Pictures to compare Python and the browser on; default: noise.")
@click.option(
    "--test", type=_FOLDER, help="Labeled pictures, one folder per class, to measure accuracy and to calibrate the answers on."
)
@click.option("--dataset", type=_FOLDER, help="For a model written by `export`: the dataset (from `scan`) to measure accuracy on.")
@common
@signs
def convert(  # noqa: PLR0917 - click passes them by name
    model: str,
    into: Path,
    dataset: Path | None,
    photos: Path | None,
    calibrate: Path | None,
    test: Path | None,
    **options: Any,
) -> Any:
    """Convert an existing model into a TF.js model and a page.

    MODEL is a Keras, TFLite or ONNX file, a SavedModel folder, a TF-Hub address, a Teachable Machine export or a TF.js model: it
    becomes a verified page in DIR. A folder that `pagesight export` wrote becomes a TF.js model in DIR, for `pagesight bundle`.
    """
    from pagesight import manifest
    from pagesight.artifacts import Dataset, SavedModel
    from pagesight.quantize import quantize

    quantization = Quantization(mode=options.pop("quantize"), max_drop=options.pop("max_drop"))
    bundling = Build(**{name: options.pop(name) for name in OF_BUNDLE}).bundling()
    written = manifest.read(Path(model))
    if written is not None and written["stage"] in SavedModel.STAGES:
        refuse_page_options()
        if dataset is not None and calibrate is not None:
            raise OptionError("--calibrate and --dataset both name calibration pictures", fix="give one of them")
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
@click.option("--dataset", type=_FOLDER, help="Dataset from `scan`: provides the sample gallery.")
@click.option("--trained", type=_FOLDER, help="Folder from `train`: provides the accuracy for the model card.")
@bundling_options
@publishing_options
@common
@signs
def bundle(web: Path, into: Path, dataset: Path | None, trained: Path | None, **options: Any) -> Any:
    """Bundle a TF.js model into a static page.

    WEB is the folder that `pagesight convert` wrote.
    """
    from pagesight.artifacts import Dataset, Origin, TrainedModel, WebModel
    from pagesight.bundle import bundle as run
    from pagesight.importers import given

    if dataset is None:
        refuse_idle({"samples", "report"}, "without --dataset no pictures are published")
    origin = Origin(Dataset.open(dataset) if dataset else None, TrainedModel.open(trained) if trained else None)
    return run(given.opened(WebModel, web), Build(**options).bundling(), into, origin)


@pagesight.command()
@click.argument("folder", metavar="BUNDLE", type=_FOLDER)
@click.option("--photos", type=_FOLDER, help="Pictures to compare on; default: the samples of the bundle.")
@BROWSER
@KEY
@common
def verify(folder: Path, photos: Path | None, browsers: tuple[str, ...], key: Any) -> Any:
    """Check that a page gives the same predictions as Python.

    Opens BUNDLE in a real browser for every engine found, or for each one given with --browser. Does not write anything.
    """
    from pagesight import signature
    from pagesight.artifacts import Bundle
    from pagesight.importers import given
    from pagesight.verify import verify as run

    if key is not None:
        signature.check(folder, key)
    return run(given.opened(Bundle, folder), Verification(require_browser=True, browsers=browsers), None, photos)


def _stored(facts: QuantizationFacts) -> JsonObject:
    """How the model is stored and what that cost, without a line for every layer."""
    told = {**records.to_json(facts.storage), "accuracy": facts.accuracy, "pictures": facts.pictures}
    return {name: value for name, value in told.items() if name != "layers" and value not in (None, [])}


for _command in tools.COMMANDS:
    pagesight.add_command(_command)

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
