"""Three ways to fine-tune one backbone on one split: seconds until unseen groups are read right, and how well in the end.

    python -m benchmarks.training PHOTOS --weights FILE [--group-by REGEX] [--seeds 3] [--first 0] [--only guide,plain,ours]

guide   the recipe of Keras' transfer-learning guide: frozen at 1e-4 for 10 epochs, then all of it at 1e-5 for 10
plain   everything trainable at once, Adam 1e-3 with a cosine, batches of 32, light augmentation, 10 epochs
ours    `pagesight train` itself, with all it does beside: cross-validation, pictures of nothing, the threshold

The clock runs from the pictures on disk, TensorFlow already imported, and stands still while the test side is measured
after each epoch (for ours also before the first, when the head alone has learned). The accuracy is that of the model in the end.
Each run is kept in docs/benchmarks/training.json, so that a long measurement can be made in pieces.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from benchmarks import learning

from pagesight import backbones
from pagesight.artifacts import SIDES, Dataset, Side
from pagesight.contract import Input
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.options import Scanning, Training
from pagesight.pictures.model_inputs import model_inputs_of
from pagesight.scan import scan
from pagesight.train import train
from pagesight.training import loop
from pagesight.training.augmentation import augment
from pagesight.training.predictor import Predictor, network

BARS = (0.98, 0.99)


@dataclass
class Clock:
    """Wall and processor seconds, without the pauses; and the test accuracy at each of its stops."""

    began: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), time.process_time()))
    stops: list[dict[str, float]] = field(default_factory=list)

    def stop(self, measure: Callable[[], float]) -> None:
        """Note the time, measure while the clock stands, go on."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.stops.append({"seconds": wall - self.began[0], "cpu": cpu - self.began[1], "accuracy": measure()})
        self.began = (self.began[0] + time.perf_counter() - wall, self.began[1] + time.process_time() - cpu)

    def result(self) -> dict[str, Any]:
        """Seconds to each bar (None where it was not reached), the whole time and the last accuracy."""
        found: dict[str, Any] = {}
        for bar in BARS:
            reached = next((s for s in self.stops if s["accuracy"] >= bar), None)
            for unit in ("seconds", "cpu"):
                found[f"{unit}_to_{bar:.0%}"] = round(reached[unit], 1) if reached else None
        last = self.stops[-1]
        return found | {"seconds": round(last["seconds"], 1), "cpu": round(last["cpu"], 1), "accuracy": last["accuracy"]}


class Watched(Predictor):
    """Predictions that stop the clock whenever the validation side was evaluated: for the head, and once an epoch."""

    def evaluate(self, inputs: Any, labels: Any) -> tuple[float, float]:
        """As ever; then the test side, off the clock."""
        result = super().evaluate(inputs, labels)
        CLOCKS[-1].stop(lambda: float((self.probabilities(TEST[0]).argmax(1) == TEST[1]).mean()))
        return result


CLOCKS: list[Clock] = []
TEST: list[Any] = []


def ours(dataset: Dataset, options: Training, folder: Path) -> None:
    """The train stage, watched."""
    with mock.patch("pagesight.train.Predictor", Watched):
        trained = train(dataset, options, folder / "trained")
    CLOCKS[-1].stop(lambda: float(trained.facts.accuracy.float_))


def plain(splits: loop.Splits, model: Any, seed: int) -> None:
    """One `fit` of everything, with the augmentation of the package, in parallel with the training."""
    tf, tk = tensorflow(), keras()
    inputs, labels = splits["train"]
    numbers = tf.data.Dataset.range(1_000_000).map(lambda i: tf.cast(tf.stack([seed, i]), tf.int32))
    shown = tf.data.Dataset.from_tensor_slices((inputs, labels)).shuffle(len(labels), seed=seed).batch(32)
    shown = tf.data.Dataset.zip((shown, numbers)).map(lambda pair, number: (augment(pair[0], number), pair[1]))
    steps = -(-len(labels) // 32)
    rate = tk.optimizers.schedules.CosineDecay(1e-3, 10 * steps)
    _fit_epochs(tk.Model(model.input, model.outputs[0]), shown.prefetch(4), splits, tk.optimizers.Adam(rate), 10)


def guide(splits: loop.Splits, model: Any, seed: int) -> None:
    """keras.io/guides/transfer_learning: flips and small rotations, dropout, batch norms in inference mode throughout."""
    tk = keras()
    body = next(layer for layer in model.layers if isinstance(layer, tk.Model))
    body.trainable = False
    image = tk.Input(model.input_shape[1:])
    x = tk.layers.RandomRotation(0.1, seed=seed)(tk.layers.RandomFlip("horizontal", seed=seed)(image))
    x = tk.layers.GlobalAveragePooling2D()(body(model.get_layer("scale")(x), training=False))
    whole = tk.Model(image, tk.layers.Dense(model.output_shape[0][-1], activation="softmax")(tk.layers.Dropout(0.2, seed=seed)(x)))
    tf = tensorflow()
    inputs, labels = splits["train"]
    shown = tf.data.Dataset.from_tensor_slices((inputs, labels)).shuffle(len(labels), seed=seed).batch(32).prefetch(4)
    _fit_epochs(whole, shown, splits, tk.optimizers.Adam(1e-4), 10)
    body.trainable = True
    _fit_epochs(whole, shown, splits, tk.optimizers.Adam(1e-5), 10)


def _fit_epochs(model: Any, shown: Any, splits: loop.Splits, optimizer: Any, epochs: int) -> None:
    model.compile(optimizer, "sparse_categorical_crossentropy")

    def measure() -> float:
        return float((model.predict(TEST[0], batch_size=64, verbose=0).argmax(1) == TEST[1]).mean())

    stop = keras().callbacks.LambdaCallback(on_epoch_end=lambda *_: CLOCKS[-1].stop(measure))
    model.fit(shown, validation_data=splits["validation"], epochs=epochs, verbose=0, callbacks=[stop])


def run(way: str, dataset: Dataset, options: Training) -> dict[str, Any]:
    """One training from pictures to a fitted model, timed."""
    keras().utils.set_random_seed(options.seed)
    chosen = backbones.named(options.backbone)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        TEST[:] = side_of(dataset, "test", Input(chosen.side), folder / "asked.npy")
        CLOCKS.append(Clock())
        if way == "ours":
            ours(dataset, options, folder)
        else:
            splits = {side: side_of(dataset, side, Input(chosen.side), folder / f"{side}.npy") for side in SIDES}
            model, _ = network.build(chosen, len(dataset.labels), network.parse_weights(options.weights, chosen))
            {"guide": guide, "plain": plain}[way](splits, model, options.seed)
    keras().backend.clear_session()
    known = {"train": len(dataset.on("train")), "n": len(TEST[1])}
    settings = {"way": way, "backbone": options.backbone, "weights": Path(options.weights).name, "seed": options.seed}
    return settings | known | CLOCKS[-1].result() | {"epochs": CLOCKS[-1].stops}


def side_of(dataset: Dataset, side: Side, options: Input, file: Path) -> tuple[Any, Any]:
    """Squares and labels of one side."""
    pictures = dataset.on(side)
    return model_inputs_of(dataset, pictures, options, file), np.array([p.label for p in pictures])


def main() -> None:
    """Print one line of JSON per run, and write the tables of docs/benchmarks/training.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--backbone", default=Training.backbone)
    parser.add_argument("--group-by", default=r"signer\d+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", default=",".join(learning.WAYS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(given.first, given.first + given.seeds):
            dataset = scan(given.photos, Scanning(group_by=given.group_by, seed=seed), Path(scratch) / f"scan{seed}")
            for way in given.only.split(","):
                result = run(way, dataset, Training(backbone=given.backbone, weights=given.weights, seed=seed))
                learning.keep("training", result)
                sys.stdout.write(json.dumps(result) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
