"""contract.json: what the model takes and gives, written once, read by Python and by the page."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pagesight.json_values import JsonObject
from pagesight.manifest import write_json

FILE_NAME = "contract.json"
_FORMAT = 1


@dataclass(frozen=True)
class Input:
    """The square of pixels the model sees: uint8-valued, 0..255, `[side, side, channels]`."""

    side: int
    channels: int = 3
    crop: str = "center-square"
    resize: str = "triangle"
    range: tuple[int, int] = (0, 255)


@dataclass(frozen=True)
class Outputs:
    """Names of the graph's output tensors.

    probabilities float32 [batch, classes], rows sum to 1 unless the decision is `multilabel`;
    embedding float32 [batch, d]; features float32 [batch, h, w, d].
    A model made elsewhere may have no embedding or no feature map: then the name is None.
    """

    probabilities: str
    embedding: str | None = None
    features: str | None = None


@dataclass(frozen=True)
class Decision:
    """How an answer is read: below `threshold` the page says 'not sure'. `temperature` is already inside the graph."""

    temperature: float = 1.0
    threshold: float = 0.5
    kind: str = "single"
    """`single`: a picture has one label, and probabilities sum to 1. `multilabel`: it may have several, each independent."""


@dataclass(frozen=True)
class Contract:
    """Everything the page and Python must agree on about a model; column i of the probabilities is `labels[i]`."""

    name: str
    title: str
    labels: tuple[str, ...]
    input: Input
    outputs: Outputs
    decision: Decision = Decision()
    description: str = ""
    language: str = "en"
    model_path: str = "model/model.json"

    def to_json(self) -> JsonObject:
        """The JSON object of contract.json, without the files and samples that a bundle adds."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "language": self.language,
            "labels": list(self.labels),
            "input": {**dataclasses.asdict(self.input), "range": list(self.input.range)},
            "outputs": dataclasses.asdict(self.outputs),
            "decision": dataclasses.asdict(self.decision),
            "model": {"format": "tfjs-graph-model", "path": self.model_path},
        }

    @classmethod
    def from_json(cls, value: Any) -> "Contract":
        """The contract in `value`. Raises ValueError or KeyError when it is of another format."""
        if value["format"] != _FORMAT:
            raise ValueError(f"contract format {value['format']!r} is not {_FORMAT}")
        low, high = value["input"]["range"]
        return cls(
            name=value["name"],
            title=value["title"],
            description=value.get("description", ""),
            language=value.get("language", "en"),
            labels=tuple(value["labels"]),
            input=Input(**{**value["input"], "range": (low, high)}),
            outputs=Outputs(**value["outputs"]),
            decision=Decision(**value["decision"]),
            model_path=value["model"]["path"],
        )

    def write(self, folder: Path, **more: Any) -> None:
        """Write contract.json into `folder`, with the keys of `more` added (a bundle's files and samples)."""
        write_json(folder / FILE_NAME, {**self.to_json(), **more})

    @classmethod
    def read(cls, folder: Path) -> "Contract":
        """The contract in `folder`. Raises OSError, ValueError or KeyError when there is none that can be read."""
        return cls.from_json(json.loads((folder / FILE_NAME).read_text(encoding="utf-8")))
