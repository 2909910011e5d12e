"""Small copies of the pictures that the report speaks of, without metadata, and the heat maps of mistakes."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pagesight import pixels
from pagesight.artifacts import Dataset
from pagesight.contract import Contract, Input
from pagesight.graph.model import GraphModel, Runner
from pagesight.records.evaluation import Mistake
from pagesight.report import class_activation
from pagesight.report.image_statistics import Seen

_SIDE = 192
_THUMB = 96
_QUALITY = 82
_SHOWN = 8
"""Thumbs beside a finding."""


class Gallery:
    """Writes `report/*.jpg`; each picture once, however often it is shown."""

    def __init__(self, dataset: Dataset, model: GraphModel, contract: Contract, into: Path) -> None:
        self._dataset, self._model, self._contract = dataset, model, contract
        self._into = into
        self._written: dict[int, str] = {}

    def thumbs(self, seen: Seen, rows: tuple[int, ...]) -> list[dict[str, str]]:
        """Thumbs of the first of `rows`: the file, and the picture's path."""
        result = []
        for row in rows[:_SHOWN]:
            if row not in self._written:
                model_input = self._square(seen, row, Input(_THUMB))
                self._written[row] = self._save(Image.fromarray(model_input), f"picture-{len(self._written):03d}.jpg")
            result.append({"file": self._written[row], "path": seen.pictures[row].path})
        return result

    def mistakes(self, seen: Seen, rows: list[int]) -> list[Mistake]:
        """For each row what was meant and said, how surely, the picture, and its heat map (None where there is none)."""
        outputs, labels = self._contract.outputs, self._contract.labels
        kernel = class_activation.head_kernel(self._model, outputs.probabilities, len(labels))
        features = outputs.features if rows and kernel is not None else None
        with Runner(self._model, [features]) if features else contextlib.nullcontext() as runner:
            return [self._mistake(seen, number, row, kernel, runner) for number, row in enumerate(rows)]

    def _mistake(self, seen: Seen, number: int, row: int, kernel: Any, runner: Runner | None) -> Mistake:
        labels = self._contract.labels
        model_input = self._square(seen, row, self._contract.input)
        heat_map = None
        features = runner(model_input[None])[0][0] if runner else None
        if kernel is not None and features is not None and features.shape[-1] == len(kernel):
            activation = class_activation.activation(features, kernel, int(seen.said[row]))
            shown = class_activation.overlaid(np.asarray(_enlarged(model_input)), activation)
            heat_map = self._save(shown, f"mistake-{number:02d}-heat.jpg")
        return Mistake(
            picture=seen.pictures[row].path,
            meant=labels[seen.labels[row]],
            said=labels[seen.said[row]],
            probability=float(seen.sure[row]),
            probability_of_meant=float(seen.own[row]),
            file=self._save(_enlarged(model_input), f"mistake-{number:02d}.jpg"),
            heat_map=heat_map,
        )

    def _square(self, seen: Seen, row: int, options: Input) -> pixels.Pixels:
        return pixels.read_model_input(self._dataset.read_bytes(seen.pictures[row]), options)

    def _save(self, image: Image.Image, name: str) -> str:
        path = self._into / "report" / name
        path.parent.mkdir(exist_ok=True)
        image.save(path, quality=_QUALITY)
        return f"report/{name}"


def _enlarged(model_input: pixels.Pixels) -> Image.Image:
    image = Image.fromarray(model_input[..., 0] if model_input.shape[-1] == 1 else model_input)
    return image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
