"""Every option of every stage with its default: the only home of a default.

What people choose stands in `ScanOptions`, `TrainOptions` and `PageOptions`, of which `Build` is made: an option that is added
there is one of `pagesight.build`, too, and reaches its stage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")

STAGES = ("scan", "train", "export", "quantize", "bundle", "verify")
"""The stages in their order."""

Mode = Literal["none", "float16", "uint16", "uint8", "naive-uint8", "auto"]
MODES: tuple[Mode, ...] = ("none", "float16", "uint16", "uint8", "naive-uint8", "auto")

AUTO = "auto"
Prefer = Literal["balanced", "small", "accurate"]
PREFERENCES: tuple[Prefer, ...] = ("balanced", "small", "accurate")

Strategy = Literal["none", "mirrored", "multiworker"]
STRATEGIES: tuple[Strategy, ...] = ("none", "mirrored", "multiworker")
Format = Literal["layers", "tflite", "onnx"]
FORMATS: tuple[Format, ...] = ("layers", "tflite", "onnx")


_READ = frozenset(["photos", "dataset", "trained", "web", "model", "test", "calibrate", "unknown"]) | frozenset(
    ["labels", "labels_csv", "weights", "theme", "logo"]
)
_WORDS = frozenset(["auto", "imagenet", "starter", "random", "none"])


def paths_read(values: Mapping[str, object]) -> list[str | Path]:  # open: options of every command, each of a type of its own
    """What the options in `values` (by name) say is read: files and folders, that no output may replace; lists of them are not."""
    given = [value for name, value in values.items() if name in _READ and isinstance(value, str | Path)]
    return [value for value in given if value not in _WORDS]


@dataclass(frozen=True)
class ScanOptions:
    """How pictures are found, checked and split, as far as people choose it."""

    group_by: str | None = None
    """Regular expression searched in a picture's path; what it matches names the group (a person, an object, a burst)."""
    unknown: str | None = None
    """Folder with pictures of other things, which the model shall not take for any class."""
    labels_csv: str | None = None
    """CSV or TSV file with the labels, where it is not found by itself; `none` reads no table."""
    file_column: str | None = None
    label_column: str | None = None
    side_column: str | None = None
    """Columns of that table, where they are not found by themselves: file names, labels, sides of the split."""
    label: tuple[str, ...] = ()
    """`OLD=NEW` renames a class (two of one name become one), `OLD` alone moves it: those named come first, in order."""
    every_frames: int = 0
    """Take every so many-th frame of videos and animated GIFs for a picture; 0 takes none of videos, and the first of a GIF."""
    min_pictures: int = 8
    """A class needs at least so many pictures that can be read."""
    strict: bool = False
    """Fail on the first picture that cannot be read, where otherwise it is skipped and listed."""
    seed: int = 0


@dataclass(frozen=True)
class Scanning(ScanOptions):
    """How pictures are found, checked and split."""

    validation: float = 0.15
    test: float = 0.2


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and how much of a network is trained."""

    epochs: int = 6
    """At most so many."""
    learning_rate: float = 2e-3
    """Adam's, at its highest."""
    batch: int = 32
    steps: int = 24
    """Steps in an epoch at least: where pictures are few, an epoch shows each several times, augmented in other ways."""
    patience: int = 5
    """Epochs without a better validation loss after which training stops."""
    freeze: int = 0
    """Freeze the lower layers, up to the last whose maps are this part of the side or larger; with 8, a step takes a third less.
    0 freezes none."""
    freeze_batch_norm: bool = False
    """Keep all batch norms as they are: pictures unlike those to learn from were seen before, and shall be read too."""
    ood: float = 0.25
    """Pictures of no class in a batch, for each picture of a class (outlier exposure, Hendrycks et al. 2019)."""


@dataclass(frozen=True)
class TrainOptions:
    """How the model is fine-tuned, as far as people choose it."""

    backbone: str = AUTO
    """A network by its name; `auto` chooses among those whose ImageNet weights are at hand."""
    weights: str = AUTO
    """`imagenet`, `starter` (for hands), `random`, a weights file, a TF-Hub handle; `auto` takes ImageNet's."""
    prefer: Prefer = "balanced"
    """What `auto` looks for: the smallest network that is about as good as the best, the smallest of all, or the best."""
    max_bytes: int | None = None
    """Of the whole page after gzip: networks that would not fit are not tried."""
    epochs: int = 0
    """At most so many; 0 takes as many as the schedule says."""
    false_accepts: float | None = None
    """Share (0..1) of pictures of other things that the page may take for a class, at most: sets the threshold. Where None it is
    0.01, as far as that refuses few right answers."""
    min_accuracy: float | None = None
    """Fail when the accuracy (0..1) is below this; where None, when it is not better than guessing."""
    tensorboard: str | None = None
    """Folder for learning curves as TensorFlow's summary events."""
    strategy: Strategy = "none"
    """Who shares a batch: `mirrored` all accelerators of this machine, `multiworker` the machines that TF_CONFIG names."""
    seed: int = 0


@dataclass(frozen=True)
class Training(TrainOptions):
    """How the model is fine-tuned."""

    schedule: Schedule | None = None
    """How the network is trained; where None, chosen by the weights it begins with and by the number of pictures."""


@dataclass(frozen=True)
class Searching:
    """Which backbones are tried, and on what."""

    backbones: tuple[str, ...] = tuple(
        f"mobilenet_v1_{alpha}_{side}" for alpha in ("025", "050", "075", "100") for side in (96, 128, 160, 192, 224)
    ) + tuple(f"efficientnet_lite0_{side}" for side in (128, 160, 192, 224))
    weights: str = Training.weights
    pictures: int = 1000
    """At most so many of each side."""
    seed: int = 0


@dataclass(frozen=True)
class Choosing:
    """Within what the most accurate backbone is chosen."""

    max_bytes: int | None = None
    max_ms: float | None = None
    """Milliseconds for a picture in a browser of this machine."""


@dataclass(frozen=True)
class Naming:
    """What the model and its page are called."""

    name: str
    title: str
    description: str = ""
    language: str = "en"
    """Of the page's words: one of `languages.known()`."""


@dataclass(frozen=True)
class Quantization:
    """How weights are stored."""

    mode: Mode = "uint8"
    """`none` float32; `float16`, `uint16`; `uint8` a byte a weight without forgetting; `naive-uint8` as the stock converter rounds;
    `auto` the fewest bytes, once compressed, that keep within `max_drop`."""
    max_drop: float = 0.5
    """For `auto`: accuracy, or agreement with the float model where there are no labels, that may be lost, in percentage points."""


@dataclass(frozen=True)
class PageOptions:
    """What goes into the page's folder beside the model, as far as people choose it."""

    samples: int = 1
    """Of the pictures of the test side so many of each class are published (samples), small and without metadata; 0 for none."""
    report: bool = True
    """Publish report.html, with small copies of the pictures it speaks of; report.json names no picture otherwise."""
    max_bytes: int | None = None
    """Fail when the whole bundle, gzipped and without its samples, is larger than this many bytes."""
    single_file: bool = False
    """Write the page a second time, as one HTML file that works by double click."""
    npm: str | None = None
    """NAME or NAME@VERSION: make the page's folder an npm package, too."""
    theme: str | None = None
    """Folder that fills blocks of the page's template and adds styles: see docs/themes.md."""
    logo: str | None = None
    """An .svg or .png file: shown in the heading, and the page's icon."""
    also: tuple[Format, ...] = ()
    """Further formats of the model beside the page: `layers` as Teachable Machine exports it, `tflite` for phones."""
    cors: bool = False
    """`_headers` lets pages of other origins load the model."""
    embed_in: tuple[str, ...] = ()
    """Origins, like https://example.org, whose pages `_headers` lets show this one in a frame, beside its own; `*` for all."""
    isolate: bool = True
    """`_headers` keeps the page apart from others in the same browser."""


@dataclass(frozen=True)
class Bundling(PageOptions):
    """What goes into the page's folder beside the model."""

    sample_classes: int = 24
    """Samples are of so many classes at most."""


@dataclass(frozen=True)
class Verification:
    """The bars a bundle is held to in the browser."""

    min_agreement: float = 1.0
    """Share of pictures (0..1) on which browser and Python must give the same first answer."""
    max_abs_diff: float = 1e-4
    """Largest allowed difference of a probability between browser and Python; kernels add up in another order."""
    max_pictures: int = 500
    require_browser: bool = False
    browsers: tuple[str, ...] = ()
    """Engines that must be asked: chromium, firefox, webkit; every one that this machine has where none is named."""


@dataclass(frozen=True)
class Build(ScanOptions, TrainOptions, PageOptions, Choosing):
    """What `pagesight build` and `pagesight.build` take: the options of the stages, and those below, with the stages' defaults."""

    name: str | None = None
    """Short name for files and the install prompt; the output folder's name where not given."""
    title: str | None = None
    """Heading of the page; made from the name where not given."""
    description: str = Naming.description
    language: str = Naming.language
    search: str | None = None
    """Choose the backbone among these, named with commas, or `all` of `Searching.backbones`."""
    quantize: Mode = Quantization.mode
    max_drop: float = Quantization.max_drop
    require_browser: bool = Verification.require_browser
    verify_in: tuple[str, ...] = Verification.browsers

    def naming(self, into_name: str) -> Naming:
        """Name and title, made from the output folder's name where they were not given."""
        name = self.name or into_name
        return Naming(
            name, self.title or name.replace("-", " ").replace("_", " ").strip().capitalize(), self.description, self.language
        )

    def _of(self, stage: type[T], **changed: Any) -> T:
        """The options of a stage that are called as here."""
        own = {f.name for f in fields(self)}
        named = {f.name: getattr(self, f.name) for f in fields(stage) if f.name in own}  # type: ignore[arg-type]
        return stage(**{**named, **changed})

    def scanning(self) -> Scanning:
        """Options of the scan stage."""
        return self._of(Scanning, label=tuple(self.label))

    def searching(self) -> Searching:
        """Options of the search for a backbone."""
        names = Searching.backbones if self.search in (None, "all") else tuple(str(self.search).split(","))
        return Searching(names, self.weights, seed=self.seed)

    def choosing(self) -> Choosing:
        """Bounds of that search."""
        return self._of(Choosing)

    def training(self) -> Training:
        """Options of the train stage."""
        return self._of(Training)

    def quantization(self) -> Quantization:
        """Options of the quantize stage."""
        return Quantization(mode=self.quantize, max_drop=self.max_drop)

    def bundling(self) -> Bundling:
        """Options of the bundle stage."""
        return self._of(Bundling, also=tuple(sorted(set(self.also))))

    def verification(self) -> Verification:
        """Options of the verify stage."""
        return Verification(require_browser=self.require_browser, browsers=self.verify_in)


@dataclass(frozen=True)
class Rendering:
    """Pictures of number hands drawn by Pagesight."""

    per_class: int = 60
    subjects: int = 12
    """Rendered persons; all pictures of one share skin, hand and room."""
    side: int = 160
    seed: int = 0
