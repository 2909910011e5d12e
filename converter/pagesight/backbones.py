"""The backbones known by name, read from models/*.toml, and the weights that ship for them."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pagesight import resources
from pagesight.errors import OptionError
from pagesight.json_values import JsonObject


@dataclass(frozen=True)
class PackagedWeights:
    """ImageNet weights that a Python package carries: its `file`, below the folder of installed packages, is read as data."""

    package: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Backbone:
    """One network without its head. Input float32 `[batch, side, side, 3]` in `input_range`."""

    name: str
    family: str
    title: str
    alpha: float
    side: int
    input_range: tuple[float, float]
    weights_sides: tuple[int, ...]
    """Sizes, in pixels, that ImageNet weights were trained for; at others, those of the largest are used."""
    licence: str
    """Of the ImageNet weights."""
    packaged: PackagedWeights | None = None
    """Where the ImageNet weights come with an installed package; else Keras downloads them."""

    @property
    def starter(self) -> Path | None:
        """The weights file that ships for this backbone, if any (float16 HDF5 in Keras Applications' layout, no top)."""
        path = resources.models() / f"{self.name}.starter.h5"
        return path if path.is_file() else None

    def to_json(self) -> JsonObject:
        """What `pagesight backbones --json` says."""
        return {
            "name": self.name,
            "title": self.human,
            "side": self.side,
            "starter": self.starter is not None,
            "imagenet_sides": list(self.weights_sides),
            "licence": self.licence,
        }

    @property
    def human(self) -> str:
        """The name for people: 'MobileNetV1 0.25, 128 px', or 'EfficientNet-Lite0, 224 px' where there is one width alone."""
        return f"{self.title}, {self.side} px" if self.packaged else f"{self.title} {self.alpha:g}, {self.side} px"


@cache
def known() -> dict[str, Backbone]:
    """All backbones by name, families and widths in the order of their files."""
    result: dict[str, Backbone] = {}
    for path in sorted(resources.models().glob("*.toml")):
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
        package = spec.get("package")
        packaged = PackagedWeights(package["name"], package["file"], package["sha256"]) if package else None
        for alpha in spec["alphas"]:
            for side in spec["sides"]:
                name = spec["name"].format(alpha=f"{round(alpha * 100):03d}", side=side)
                result[name] = Backbone(
                    name=name,
                    family=spec["family"],
                    title=spec["title"],
                    alpha=alpha,
                    side=side,
                    input_range=(spec["input_range"][0], spec["input_range"][1]),
                    weights_sides=tuple(spec["weights_sides"]),
                    licence=spec["licence"],
                    packaged=packaged,
                )
    return result


def named(name: str) -> Backbone:
    """The backbone called `name`. Raises OptionError, with the nearest names, when there is none."""
    if name in known():
        return known()[name]
    near = difflib.get_close_matches(name, known(), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`pagesight backbones` lists them all"
    raise OptionError(f"there is no backbone called {name!r}", fix=hint)
