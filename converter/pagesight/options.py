"""Every option of every stage with its default: the only home of a default."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["none", "float16", "uint16", "uint8"]
MODES: tuple[Mode, ...] = ("none", "float16", "uint16", "uint8")


@dataclass(frozen=True)
class Scanning:
    """How pictures are found, checked and split."""

    group_by: str | None = None
    """Regular expression searched in a picture's path; what it matches names the group (a person, an object, a burst)."""
    min_pictures: int = 8
    """A class needs at least so many pictures that can be read."""
    strict: bool = False
    """Fail on the first picture that cannot be read, where otherwise it is skipped and listed."""
    validation: float = 0.15
    test: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Training:
    """How the model is fine-tuned."""

    backbone: str = "mobilenet_v1_025_128"
    weights: str = "auto"
    """`imagenet`, `starter`, `random`, a weights file, a TF-Hub handle, or `auto`: ImageNet's, else the shipped starter."""
    epochs: int = 12
    batch: int = 32
    learning_rate: float = 1e-3
    patience: int = 5
    """Stop when the validation loss has not improved for so many epochs."""
    min_accuracy: float = 0.0
    """Fail when the accuracy on the test side (0..1) is below this."""
    seed: int = 0


@dataclass(frozen=True)
class Naming:
    """What the model and its page are called."""

    name: str
    title: str
    description: str = ""
    language: str = "en"


@dataclass(frozen=True)
class Quantization:
    """How weights are stored."""

    mode: Mode = "uint8"


@dataclass(frozen=True)
class Bundling:
    """What goes into the page's folder beside the model."""

    samples_per_class: int = 1
    max_samples: int = 24
    max_bytes: int | None = None
    """Fail when the whole bundle, gzipped and without its samples, is larger than this many bytes."""


@dataclass(frozen=True)
class Verification:
    """The bars a bundle is held to in the browser."""

    min_agreement: float = 1.0
    """Share of pictures (0..1) on which browser and Python must give the same first answer."""
    max_abs_diff: float = 1e-4
    """Largest allowed difference of a probability between browser and Python; kernels add up in another order."""
    max_pictures: int = 500
    require_browser: bool = False
