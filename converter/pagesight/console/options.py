"""Options that several commands share, each with its help and its default."""

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pagesight import languages
from pagesight.console.output import Console
from pagesight.errors import OptionError
from pagesight.options import FORMATS, MODES, STRATEGIES, Build

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_LANGUAGES = " or ".join(", ".join(languages.known()).rsplit(", ", 1))
_FOLDER = click.Path(path_type=Path)
_OUT = click.option("-o", "--output", "into", type=_FOLDER, required=True, metavar="DIR", help="Folder to write.")
_READ = {"photos", "dataset", "trained", "web", "model"}
_REPLACE = "Replace an output folder that Pagesight did not make"
_FORCE = click.option("--force", is_flag=True, help=f"{_REPLACE}.")
_FORCE_SCAN = click.option("--force", is_flag=True, help=f"{_REPLACE}, and read all pictures again.")


def _adding(*options: _Decorator) -> _Decorator:
    """A decorator that adds `options`, which `--help` then lists in this order."""

    def added(command: Callable[..., Any]) -> Callable[..., Any]:
        return functools.reduce(lambda done, option: option(done), reversed(options), command)

    return added


def common(stage: Callable[..., Any]) -> Callable[..., Any]:
    """Options that every stage has; the result that the stage returns is printed, its progress is shown."""

    @functools.wraps(stage)
    def command(*, as_json: bool, quiet: bool, **options: Any) -> None:
        from pagesight import progress

        if options.get("quantize", "auto") != "auto":
            refuse_idle(
                ("max_drop",), f"--quantize {options['quantize']} weighs no accuracy", "add --quantize auto, or leave it out"
            )
        console = Console(quiet=quiet)
        with console, progress.shown_by(console):
            result = stage(**options)
        console.result(result, as_json=as_json)

    return _adding(
        click.option("--json", "as_json", is_flag=True, help="End with one machine-readable object on standard output."),
        click.option("--quiet", is_flag=True, help="Show no progress, only the result."),
        click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback when something fails."),
    )(command)


def writes(stage: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --output and --force: a folder that Pagesight did not make is refused. A `stage` that takes `force` is told of it."""
    tells = "force" in inspect.signature(stage).parameters

    @functools.wraps(stage)
    def command(*, into: Path, force: bool, **options: Any) -> Any:
        from pagesight import manifest

        for name in sorted(_READ & options.keys()):
            for source in options[name] if isinstance(options[name], tuple) else (options[name],):
                if source is not None:
                    manifest.refuse_overlap(Path(source), into)
        manifest.check_overwritable(into, force=force)
        return stage(into=into, **options, **({"force": force} if tells else {}))

    return _OUT((_FORCE_SCAN if tells else _FORCE)(command))


_TRAINING = (
    click.option("--backbone", default=Build.backbone, show_default=True, help="See `pagesight backbones`."),
    click.option(
        "--weights",
        default=Build.weights,
        show_default=True,
        help="imagenet, starter, random, a Keras Applications .h5 file, or a TF-Hub handle (address or folder); "
        "auto: ImageNet's where they can be had, else the starter that ships.",
    ),
    click.option("--epochs", default=Build.epochs, show_default=True, type=click.IntRange(0), help="At most so many; 0 chooses."),
    click.option("--tensorboard", metavar="DIR", help="Write learning curves there as TensorFlow's summary events."),
    click.option(
        "--strategy",
        default=Build.strategy,
        show_default=True,
        type=click.Choice(STRATEGIES),
        help="Share each batch out: mirrored over this machine's accelerators, multiworker over the machines in TF_CONFIG.",
    ),
    click.option(
        "--false-accepts",
        default=Build.false_accepts,
        show_default=True,
        type=click.FloatRange(0, 1),
        help="Share of pictures of other things that the page may take for a class, at most: sets the threshold.",
    ),
    click.option(
        "--min-accuracy",
        default=Build.min_accuracy,
        show_default=True,
        type=click.FloatRange(0, 1),
        help="Fail when the accuracy on the pictures kept for testing is lower (0..1).",
    ),
)
_SCANNING = (
    click.option(
        "--group-by",
        default=Build.group_by,
        metavar="REGEX",
        help="What this finds in a picture's path names its group (a person, an object); a group is never on two sides.",
    ),
    click.option(
        "--unknown",
        default=Build.unknown,
        metavar="DIR",
        help="Pictures of other things: a part is learnt as no class, a part sets the threshold, a part measures.",
    ),
    click.option(
        "--labels-csv",
        metavar="FILE",
        help="CSV or TSV file with the labels, where it is not found beside the pictures; none: folders are the classes.",
    ),
    click.option("--file-column", metavar="NAME", help="Its column of file names, where that is not clear."),
    click.option("--label-column", metavar="NAME", help="Its column of labels, where that is not clear."),
    click.option("--side-column", metavar="NAME", help="Its column that says train, validation or test."),
    click.option(
        "--label",
        multiple=True,
        metavar="OLD=NEW",
        help="Call a class otherwise, such as ants=Ameisen; may be given often. These come first, in this order; two of one name "
        "become one class.",
    ),
    click.option(
        "--every-frames",
        default=Build.every_frames,
        show_default=True,
        type=click.IntRange(0),
        metavar="N",
        help="Take every Nth frame of videos (MP4, MOV, WebM) and animated GIFs; 0: none of videos, the first of a GIF.",
    ),
    click.option("--min-pictures", default=Build.min_pictures, show_default=True, type=click.IntRange(3), help="Per class."),
    click.option("--strict", is_flag=True, help="Fail on a picture that cannot be read, where otherwise it is skipped."),
)
SEED = click.option("--seed", default=Build.seed, show_default=True, type=click.IntRange(0), help="Same seed, same bytes.")
_QUANTIZATION = (
    click.option(
        "--quantize",
        default=Build.quantize,
        show_default=True,
        type=click.Choice(MODES),
        help="How weights are stored. uint8: a byte each, without forgetting; auto: the fewest bytes within --max-drop; "
        "naive-uint8: as the stock converter rounds.",
    ),
    click.option(
        "--max-drop",
        default=Build.max_drop,
        show_default=True,
        type=click.FloatRange(0, 100),
        help="For auto: percentage points of accuracy that may be lost.",
    ),
)
_NAMING = (
    click.option("--name", help="Short name; the output folder's where not given."),
    click.option("--title", help="Heading of the page; made from the name where not given."),
    click.option("--description", default=Build.description, help="A sentence under the heading."),
    click.option("--language", default=Build.language, show_default=True, help=f"Of the page's words: {_LANGUAGES}."),
)


def refuse_idle(idle: Iterable[str], why: str, fix: str = "leave it out") -> None:
    """Raise OptionError where the command line gives one of the options `idle`."""
    context = click.get_current_context()
    for option in context.command.params:
        if option.name in idle and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise OptionError(f"{option.opts[-1]} would do nothing: {why}", fix=fix)


def refuse_page_options() -> None:
    """For an exported folder, which `convert` makes a TF.js model of and no page yet."""
    why = "what `pagesight export` wrote becomes a TF.js model and no page yet"
    refuse_idle(("labels", "input_range", "crop", "side", "trust"), "what `pagesight export` wrote says it itself")
    refuse_idle(("name", "title", "description", "language"), why, "give it to `pagesight export`")
    refuse_idle(("max_bytes", "single_file", "npm", "theme", "logo", "also"), why, "give it to `pagesight bundle`")
    refuse_idle(("photos",), why, "give it to `pagesight verify`")


def _package_name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuses a name that npm would refuse, before any work."""
    if value is not None:
        from pagesight.page.npm import Package

        Package.parse(value)
    return value


_SEARCHING = (
    click.option(
        "--search",
        is_flag=False,
        flag_value="all",
        metavar="[A,B]",
        help="Try backbones (these, or all of MobileNetV1) and take the best within --max-bytes and --max-ms.",
    ),
    click.option("--max-ms", type=click.FloatRange(0, min_open=True), help="For --search: milliseconds a picture in a browser."),
)
_PUBLISHED = (
    click.option(
        "--samples",
        default=Build.samples,
        show_default=True,
        type=click.IntRange(0),
        help="Of your pictures so many a class are published with the page, small and without metadata; 0 for none.",
    ),
    click.option(
        "--report/--no-report",
        default=Build.report,
        help="Publish report.html, with small copies of the pictures that it speaks of; or the numbers in report.json alone.",
    ),
)
_BUNDLING = (
    click.option("--max-bytes", type=click.IntRange(1), help="Fail when the page with its model is larger, in bytes after gzip."),
    click.option(
        "--single-file",
        is_flag=True,
        help="Also write the page as one HTML file, DIR/single-file/NAME.html: a double click opens it.",
    ),
    click.option(
        "--npm", metavar="NAME[@VERSION]", callback=_package_name, help="Also make DIR an npm package of that name, for `npm pack`."
    ),
    click.option("--theme", metavar="DIR", help="Templates and styles over the page's own, block by block: see docs/themes.md."),
    click.option("--logo", metavar="FILE", help="An .svg or .png: in the heading, and as the page's icon."),
    click.option(
        "--also",
        multiple=True,
        type=click.Choice(FORMATS),
        help="Also write the model in another format, into DIR/also; may be given twice. layers: a TF.js layers model with "
        "Teachable Machine's metadata, for ml5 and @teachablemachine/image; tflite: for phones and small boards.",
    ),
)


scan_options = _adding(*_SCANNING)
backbone_options = _adding(*_TRAINING)
naming_options = _adding(*_NAMING)
quantization_options = _adding(*_QUANTIZATION)
searching_options = _adding(*_SEARCHING)
bundling_options = _adding(*_BUNDLING)
publishing_options = _adding(*_PUBLISHED)
