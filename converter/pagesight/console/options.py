"""Options that several commands share, each with its help and its default."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pagesight import languages
from pagesight.browser.discovery import ENGINES
from pagesight.console.output import Console
from pagesight.options import FORMATS, MODES, STRATEGIES, Build

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_LANGUAGES = " or ".join(", ".join(languages.known()).rsplit(", ", 1))
_FOLDER = click.Path(path_type=Path)
_OUT = click.option("-o", "--output", "into", type=_FOLDER, required=True, metavar="DIR", help="Folder to write.")
_READ = {"photos", "dataset", "trained", "web", "model"}
_FORCE = click.option("--force", is_flag=True, help="Replace an output folder that Pagesight did not make.")


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
    """Adds --output and --force: a folder that Pagesight did not make is refused."""

    @functools.wraps(stage)
    def command(*, into: Path, force: bool, **options: Any) -> Any:
        from pagesight import manifest

        for name in sorted(_READ & options.keys()):
            if options[name] is not None:
                manifest.refuse_overlap(Path(options[name]), into)
        manifest.check_overwritable(into, force=force)
        return stage(into=into, **options)

    return _OUT(_FORCE(command))


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
    click.option("--min-pictures", default=Build.min_pictures, show_default=True, type=click.IntRange(3), help="Per class."),
    click.option("--strict", is_flag=True, help="Fail on a picture that cannot be read, where otherwise it is skipped."),
)
SEED = click.option("--seed", default=Build.seed, show_default=True, type=click.IntRange(0), help="Same seed, same bytes.")


def _engines(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return ENGINES if "all" in value else value


_ENGINE = click.Choice((*ENGINES, "all"))
BROWSER = click.option(
    "--browser", "browsers", multiple=True, type=_ENGINE, callback=_engines, help="Engine to ask; can be given several times."
)
VERIFY_IN = click.option(
    "--verify-in",
    multiple=True,
    type=_ENGINE,
    callback=_engines,
    help="Engine to verify the page in, can be given several times; every one that is found where not given.",
)
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
