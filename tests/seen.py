"""Pictures as the report sees them, made without a model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagesight.artifacts import Picture
from pagesight.report.image_statistics import Looks, Seen, appearance


def scene(rng: np.random.Generator, side: int = 96) -> NDArray[np.uint8]:
    """A picture of soft blobs and edges, unlike any other."""
    small = Image.fromarray(rng.integers(0, 256, (7, 7, 3)).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    grain = rng.integers(-12, 13, (side, side, 1))
    return np.clip(np.asarray(small).astype(np.int64) + grain, 0, 255).astype(np.uint8)


def seen_of(inputs: list[NDArray[np.uint8]], **more: Any) -> Seen:
    """What is known of `squares`: labels 0, all to train on and rightly answered, where `more` does not say otherwise."""
    n = len(inputs)
    labels = np.array(more.get("labels", [0] * n))
    splits = more.get("splits", ["train"] * n)
    paths = more.get("paths", [f"{label}/{i:04d}.jpg" for i, label in enumerate(labels)])
    pictures = tuple(Picture(p, int(label), p, side, p) for p, label, side in zip(paths, labels, splits, strict=True))
    looks = Looks.of([(*appearance(model_input), 96) for model_input in inputs])
    held_out = np.flatnonzero(np.array(splits) != "train")
    predicted, sure, own = more.get("said", labels), more.get("sure", np.ones(n)), more.get("own", np.ones(n))
    probabilities = np.eye(2, dtype=np.float32)[labels[held_out]]
    return Seen(pictures, labels, np.array(predicted), np.float32(sure), np.float32(own), looks, held_out, probabilities)
