"""Options that several commands share, each with its help and its default."""

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pagesight import languages
from pagesight.browser.discovery import ENGINES
from pagesight.console.output import Console, log_decisions
from pagesight.errors import OptionError
from pagesight.headers import Hosting
from pagesight.options import FORMATS, MODES, PREFERENCES, STRATEGIES, Build, paths_read

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_LANGUAGES = " or ".join(", ".join(languages.known()).rsplit(", ", 1))
_FOLDER = click.Path(path_type=Path)
_OUT = click.option("-o", "--output", "into", type=_FOLDER, required=True, metavar="DIR", help="Output folder.")
_REPLACE = "Overwrite an output folder that Pagesight did not create"
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
    def command(*, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
        from pagesight import progress

        log_decisions(verbose=verbose)
        if options.get("quantize", "auto") != "auto":
            refuse_idle(("max_drop",), f"--quantize {options['quantize']} ignores it", "add --quantize auto, or leave it out")
        console = Console(quiet=quiet)
        with console, progress.shown_by(console):
            result = stage(**options)
        console.result(result, as_json=as_json)

    return _adding(
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."),
        click.option("--quiet", is_flag=True, help="Hide progress; print only the result."),
        click.option("-v", "--verbose", is_flag=True, help="Log what each stage decides, and why."),
        click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."),
    )(command)


def writes(stage: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --output and --force: a folder that Pagesight did not make is refused. A `stage` that takes `force` is told of it."""
    tells = "force" in inspect.signature(stage).parameters

    @functools.wraps(stage)
    def command(*, into: Path, force: bool, **options: Any) -> Any:
        from pagesight import manifest

        manifest.refuse_overlap(into, *paths_read(options))
        if isinstance(options.get("photos"), tuple):
            manifest.refuse_overlap(into, *(part for several in options["photos"] for part in (several, *several.split("+"))))
        manifest.check_overwritable(into, force=force)
        return stage(into=into, **options, **({"force": force} if tells else {}))

    return _OUT((_FORCE_SCAN if tells else _FORCE)(command))


_TRAINING = (
    click.option(
        "--backbone",
        default=Build.backbone,
        show_default=True,
        help="The pretrained network to start from; auto chooses among those whose weights are available. "
        "`pagesight backbones` lists them.",
    ),
    click.option(
        "--weights",
        default=Build.weights,
        show_default=True,
        help="imagenet, starter, random, a Keras Applications .h5 file, or a TF-Hub handle (address or folder); "
        "auto: ImageNet's. The starter is for hands.",
    ),
    click.option(
        "--prefer",
        default=Build.prefer,
        show_default=True,
        type=click.Choice(PREFERENCES),
        help="What --backbone auto optimizes for. balanced: the smallest network that is about as good as the best.",
    ),
    click.option(
        "--epochs",
        default=Build.epochs,
        show_default=True,
        type=click.IntRange(0),
        help="Maximum number of epochs; 0 chooses automatically.",
    ),
    click.option("--tensorboard", metavar="DIR", help="Write learning curves to DIR as TensorBoard events."),
    click.option(
        "--strategy",
        default=Build.strategy,
        show_default=True,
        type=click.Choice(STRATEGIES),
        help="Distributed training: mirrored uses all GPUs of this machine, multiworker the machines in TF_CONFIG.",
    ),
    click.option(
        "--false-accepts",
        default=Build.false_accepts,
        show_default="0.01, if that rejects few correct predictions",
        type=click.FloatRange(0, 1),
        help="Maximum share of out-of-distribution pictures that may be accepted as a class (0..1); sets the threshold.",
    ),
    click.option(
        "--min-accuracy",
        default=Build.min_accuracy,
        show_default="better than always predicting the largest class",
        type=click.FloatRange(0, 1),
        help="Fail if the accuracy (0..1), cross-validated or on the test split, is lower.",
    ),
)
_SCANNING = (
    click.option(
        "--group-by",
        default=Build.group_by,
        metavar="REGEX",
        help="Regular expression searched in each picture's path; the match names its group (a person, an object). "
        "A group is never split between training and test.",
    ),
    click.option(
        "--unknown",
        default=Build.unknown,
        metavar="DIR",
        help="Pictures that show none of the classes (out-of-distribution): "
        "used to train rejection, to set the threshold, and to measure both.",
    ),
    click.option(
        "--labels-csv",
        metavar="FILE",
        help="CSV or TSV file with the labels, if it is not next to the pictures; none: use folder names.",
    ),
    click.option("--file-column", metavar="NAME", help="Name of the file-name column, if it is ambiguous."),
    click.option("--label-column", metavar="NAME", help="Name of the label column, if it is ambiguous."),
    click.option("--side-column", metavar="NAME", help="Name of the column with the split: train, validation or test."),
    click.option(
        "--label",
        multiple=True,
        metavar="OLD=NEW",
        help="Rename a class, for example ants=Ameisen; repeatable. Renamed classes come first, in the given order; classes "
        "with the same new name are merged.",
    ),
    click.option(
        "--every-frames",
        default=Build.every_frames,
        show_default=True,
        type=click.IntRange(0),
        metavar="N",
        help="Use every Nth frame of videos (MP4, MOV, WebM) and animated GIFs; 0 skips videos and uses the first frame of a GIF.",
    ),
    click.option(
        "--min-pictures",
        default=Build.min_pictures,
        show_default=True,
        type=click.IntRange(3),
        help="Minimum number of readable pictures per class.",
    ),
    click.option("--strict", is_flag=True, help="Fail if a picture cannot be read, instead of skipping it."),
)
SEED = click.option(
    "--seed",
    default=Build.seed,
    show_default=True,
    type=click.IntRange(0),
    help="Random seed; the same seed gives identical output.",
)


def _engines(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return ENGINES if "all" in value else value


_ENGINE = click.Choice((*ENGINES, "all"))
BROWSER = click.option(
    "--browser", "browsers", multiple=True, type=_ENGINE, callback=_engines, help="Browser engine to verify in; repeatable."
)
VERIFY_IN = click.option(
    "--verify-in",
    multiple=True,
    type=_ENGINE,
    callback=_engines,
    help="Browser engine to verify the page in; repeatable. Default: every engine found.",
)
_QUANTIZATION = (
    click.option(
        "--quantize",
        default=Build.quantize,
        show_default=True,
        type=click.Choice(MODES),
        help="How weights are stored. uint8: calibrated 8-bit quantization; auto: the smallest within --max-drop; "
        "naive-uint8: like the stock converter.",
    ),
    click.option(
        "--max-drop",
        default=Build.max_drop,
        show_default=True,
        type=click.FloatRange(0, 100),
        help="For auto: the accuracy loss to tolerate, in percentage points.",
    ),
)
_NAMING = (
    click.option("--name", help="Short name; default: the name of the output folder."),
    click.option("--title", help="Heading of the page; default: derived from the name."),
    click.option("--description", default=Build.description, help="A sentence under the heading."),
    click.option("--language", default=Build.language, show_default=True, help=f"Language of the page: {_LANGUAGES}."),
)


OF_BUNDLE = ("max_bytes", "single_file", "npm", "theme", "logo", "also", "cors", "embed_in", "isolate")
"""Names of what only a page takes, among the options of `convert`."""


def refuse_idle(idle: Iterable[str], why: str, fix: str = "leave it out") -> None:
    """Raise OptionError where the command line gives one of the options `idle`."""
    context = click.get_current_context()
    for option in context.command.params:
        if option.name in idle and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise OptionError(f"{option.opts[-1]} would do nothing: {why}", fix=fix)


def refuse_page_options() -> None:
    """For an exported folder, which `convert` makes a TF.js model of and no page yet."""
    why = "an exported folder becomes a TF.js model, not yet a page"
    refuse_idle(
        ("labels", "input_range", "crop", "side", "signature", "guess", "trust", "test"),
        "the exported folder already says so",
    )
    refuse_idle(("name", "title", "description", "language"), why, "give it to `pagesight export`")
    refuse_idle((*OF_BUNDLE, "sign"), why, "give it to `pagesight bundle`")
    refuse_idle(("photos",), why, "give it to `pagesight verify`")


def _package_name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuses a name that npm would refuse, before any work."""
    if value is not None:
        from pagesight.page.npm import Package

        Package.parse(value)
    return value


def _signing_key(_: click.Context, __: click.Parameter, value: Path | None) -> Any:
    """Refuses what is no key, before any work."""
    if value is None:
        return None
    from pagesight import signature

    return signature.private_key(value)


def _checking_key(_: click.Context, __: click.Parameter, value: Path | None) -> Any:
    if value is None:
        return None
    from pagesight import signature

    return signature.public_key(value)


KEY = click.option(
    "--key", type=_FOLDER, callback=_checking_key, help="First check that this Ed25519 public key (PEM) signed the page."
)


def signs(stage: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --sign to a `stage` that writes a page."""

    @functools.wraps(stage)
    def command(*, sign: Any, into: Path, **options: Any) -> Any:
        from pagesight import signature

        result = stage(into=into, **options)
        if sign is not None:
            signature.sign(into, sign)
        return result

    return _adding(
        click.option(
            "--sign",
            type=_FOLDER,
            metavar="KEY",
            callback=_signing_key,
            help="Sign the page with this Ed25519 private key (PEM): manifest.sig, which `pagesight verify --key` checks.",
        )
    )(command)


def _origins(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what is no origin, before any work."""
    return Hosting(embed_in=value).embed_in


CORS = click.option("--cors", is_flag=True, help="Let pages of other origins load the model.")
EMBED_IN = click.option(
    "--embed-in",
    multiple=True,
    metavar="ORIGIN",
    callback=_origins,
    help="An origin whose pages may show this one in a frame, like https://example.org; repeatable, * for all. Default: its own.",
)
ISOLATE = click.option(
    "--isolate/--no-isolate",
    default=Build.isolate,
    help="Keep the page apart from others in the same browser (COOP and COEP), or let it show what lies on other origins.",
)
_SEARCHING = (
    click.option(
        "--search",
        is_flag=False,
        flag_value="all",
        metavar="[A,B]",
        help="Try several backbones (these, or all of MobileNetV1) and use the smallest that is about as good as the best, "
        "within --max-bytes and --max-ms.",
    ),
    click.option(
        "--max-ms",
        type=click.FloatRange(0, min_open=True),
        help="For --search: the latency budget per picture in a browser, in milliseconds.",
    ),
)
_PUBLISHED = (
    click.option(
        "--samples",
        default=Build.samples,
        show_default=True,
        type=click.IntRange(0),
        help="How many of your pictures per class to publish with the page, scaled down and without metadata; 0 for none.",
    ),
    click.option(
        "--report/--no-report",
        default=Build.report,
        help="Publish report.html, which includes thumbnails of your pictures, or only the numbers in report.json.",
    ),
)
_BUNDLING = (
    click.option(
        "--max-bytes", type=click.IntRange(1), help="Size budget: fail if the page with its model is larger, in bytes after gzip."
    ),
    click.option(
        "--single-file",
        is_flag=True,
        help="Also write the page as one self-contained HTML file, DIR/single-file/NAME.html, that opens with a double click.",
    ),
    click.option(
        "--npm",
        metavar="NAME[@VERSION]",
        callback=_package_name,
        help="Also make DIR an npm package with this name, ready for `npm pack`.",
    ),
    click.option("--theme", metavar="DIR", help="Folder with your own templates and styles: see docs/themes.md."),
    click.option("--logo", metavar="FILE", help="An .svg or .png for the heading and the page icon."),
    click.option(
        "--also",
        multiple=True,
        type=click.Choice(FORMATS),
        help="Also export the model in another format, into DIR/also; repeatable. layers: a TF.js layers model with "
        "Teachable Machine metadata, for ml5 and @teachablemachine/image; tflite: for phones and microcontrollers; "
        "onnx: for ONNX Runtime, which must be installed (pip install 'pagesight[onnx]').",
    ),
    CORS,
    EMBED_IN,
    ISOLATE,
)


scan_options = _adding(*_SCANNING)
backbone_options = _adding(*_TRAINING)
naming_options = _adding(*_NAMING)
quantization_options = _adding(*_QUANTIZATION)
searching_options = _adding(*_SEARCHING)
bundling_options = _adding(*_BUNDLING)
publishing_options = _adding(*_PUBLISHED)
