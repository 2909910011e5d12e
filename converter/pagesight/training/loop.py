"""The training loop: fine-tuning of a network, or of its upper part."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.artifacts import NO_CLASS
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.options import Schedule
from pagesight.pictures.model_inputs import release
from pagesight.pixels import Pixels
from pagesight.training import network
from pagesight.training.augmentation import augment
from pagesight.training.batch_norm import Statistics
from pagesight.training.checkpoint import Checkpoint, Losses, Progress, State
from pagesight.training.distribution import Distribution
from pagesight.training.predictor import RELEASE_EVERY, Predictor
from pagesight.training.schedule import learning_rate
from pagesight.training.tensorboard import Curves

_LABEL_SMOOTHING = 0.1
_DROPOUT = 0.2
_WINDOW = 16
"""The last batches of an epoch whose statistics the batch norms keep."""
Splits = dict[str, tuple[Pixels, NDArray[np.int64]]]
"""Squares uint8 `[n, side, side, 3]` and labels `[n]` of each side, and of "ood": pictures of no class, shown in training."""


@dataclass
class _Best:
    """The weights with the lowest validation loss so far, and for how many epochs they have been."""

    weights: Any
    loss: float = math.inf
    waited: int = 0

    def offer(self, weights: Any, loss: float) -> None:
        self.waited += 1
        if loss < self.loss or math.isinf(loss):  # infinite without validation pictures: the last is taken
            self.weights, self.loss, self.waited = weights, loss, 0


@dataclass(frozen=True)
class Run:
    """What a run of the loop needs beside its schedule: the seed of order and augmentation, and where progress is written."""

    seed: int = 0
    tensorboard: str | None = None
    """Folder for learning curves as TensorFlow's summary events."""
    checkpoint: Checkpoint | None = None


def fine_tune(model: Any, predictor: Predictor, splits: Splits, schedule: Schedule, run: Run) -> list[Losses]:
    """Train everything (Adam, warm-up, then a cosine) and keep the weights of the best validation loss; returns the history.

    Where `run.checkpoint` holds the state of a run that was cut short, it is taken up from there. Pictures, their order and their
    changes follow from seed and epoch alone, so that both ways end with the same weights.
    """
    with network.frozen(model, schedule.freeze, norms=schedule.freeze_batch_norm):
        return _fine_tune(model, predictor, splits, schedule, run)


def _fine_tune(model: Any, predictor: Predictor, splits: Splits, schedule: Schedule, run: Run) -> list[Losses]:
    checkpoint = run.checkpoint
    loop = _Loop(model, splits, schedule, run.seed, predictor.distribution)
    history: list[Losses] = []
    best = _Best(None)
    saved = checkpoint.load() if checkpoint else None
    if saved:
        loop.restore(saved)
        history = saved.progress.history
        best = _Best(saved.best, saved.progress.best_loss, saved.progress.waited)
        progress.note(f"going on after epoch {saved.epoch} of {schedule.epochs}, where the last run stopped")
    with progress.task("fine-tuning", schedule.epochs * loop.steps) as advance:
        curves = Curves(run.tensorboard if predictor.distribution.rank == 0 else None)
        for epoch, summary in enumerate(history, 1):
            curves.add(epoch, summary)
        advance(len(history) * loop.steps)
        for epoch in range(len(history), schedule.epochs):
            if best.waited >= schedule.patience:
                break
            mean_loss = loop.epoch(epoch, advance)
            loss, accuracy = predictor.evaluate(*splits["validation"])
            history.append({"loss": mean_loss, "validation_loss": loss, "validation_accuracy": accuracy})
            curves.add(epoch + 1, history[-1])
            best.offer(model.get_weights(), loss)
            if checkpoint:
                so_far = Progress(history, best.loss, best.waited)
                checkpoint.save(State(epoch + 1, model.get_weights(), loop.optimizer.get_weights(), best.weights, so_far))
    if best.weights is not None:
        model.set_weights(best.weights)
    return history


class _Loop:
    """One model, its optimizer, its train side and its pictures of other things; runs an epoch at a time."""

    def __init__(self, model: Any, splits: Splits, schedule: Schedule, seed: int, distribution: Distribution) -> None:
        self._model, self._schedule, self._seed, self._distribution = model, schedule, seed, distribution
        self._squares, self._labels = splits["train"]
        self._ood = splits["ood"][0] if "ood" in splits else self._squares[:0]
        once = math.ceil(len(self._labels) / schedule.batch)
        self._repeats = math.ceil(schedule.steps / once)
        self.steps = once * self._repeats
        with distribution.scope():
            self._rate = tensorflow().Variable(0.0)
            # Keras' fused Adam: one op per variable, where the newer one traces twenty, for seconds.
            self.optimizer = keras().optimizers.legacy.Adam(self._rate)
        self._step = self._traced()
        self._statistics = Statistics(model, self._forward_once)

    def restore(self, saved: State) -> None:
        self._model.set_weights(saved.weights)
        self.optimizer.set_weights(saved.optimizer)

    def epoch(self, epoch: int, advance: Any) -> float:
        """Show every train picture; returns the mean loss. The batch norms then hold the statistics of the last batches."""
        losses: list[float] = []
        window = min(_WINDOW, self.steps)
        for step, rows in enumerate(self._order(epoch)):
            if step == self.steps - window:
                self._statistics.start()
            number = epoch * self.steps + step
            self._rate.assign(learning_rate(self._schedule, number, self._schedule.epochs * self.steps))
            losses.append(float(self._distribution.added(self._step(*self._shown(rows, number)))))
            advance(1, f"epoch {epoch + 1} of {self._schedule.epochs}, loss {losses[-1]:.2f}")
            if step % RELEASE_EVERY == 0:
                release(self._squares)
        self._statistics.finish(window)
        return float(np.mean(losses))

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of each step: a new order for each pass, cut into batches of even size, sorted for the disk's sake.

        Rows beyond the train side are of other things.
        """
        chance = np.random.default_rng([self._seed, epoch])
        known, ood = len(self._labels), len(self._ood)
        passes = [chance.permutation(known) for _ in range(self._repeats)]
        batches = [rows for one in passes for rows in np.array_split(one, self.steps // self._repeats)]
        beside = known + chance.integers(
            0, max(1, ood), (self.steps, round(self._schedule.batch * self._schedule.ood) if ood else 0)
        )
        spread = np.arange(beside.shape[1]) * 3  # among the others, so that every replica gets some
        return [np.insert(np.sort(rows), np.minimum(spread, len(rows)), more) for rows, more in zip(batches, beside, strict=True)]

    def _pictures(self, rows: NDArray[np.int64]) -> tuple[Pixels, NDArray[np.int64]]:
        """Squares and labels of `rows`, those of other things last."""
        known = len(self._labels)
        mine, ood = rows[rows < known], rows[rows >= known] - known
        if not len(ood):
            return self._squares[mine], self._labels[mine]
        inputs = np.concatenate([self._squares[mine], self._ood[ood]])
        return inputs, np.concatenate([self._labels[mine], np.full(len(ood), NO_CLASS)])

    def _shown(self, rows: NDArray[np.int64], number: int) -> list[Any]:
        """What step `number` shows each replica: its part of the squares and labels, a seed, a picture's share of the loss."""
        tf, replicas, parts = tensorflow(), self._distribution.replicas, self._distribution.parts(rows)
        pictures = cache(lambda replica: self._pictures(parts[replica]))
        shown: list[Callable[[int], Any]] = [
            lambda replica: tf.constant(pictures(replica)[0]),
            lambda replica: tf.constant(pictures(replica)[1]),
            lambda replica: tf.constant([self._seed, number * replicas + replica]),
            lambda _: tf.constant(1 / sum(map(len, parts))),
        ]
        return [self._distribution.values(one) for one in shown]

    def _traced(self) -> Any:
        tf, model = tensorflow(), self._model
        loss_of = keras().losses.CategoricalCrossentropy(label_smoothing=_LABEL_SMOOTHING, reduction="none")
        classes, side = model.output_shape[0][-1], model.input_shape[1]
        head = model.get_layer("head")

        def step(inputs: Any, labels: Any, seed: Any, share: Any) -> Any:
            with tf.GradientTape() as tape:
                embedding = model(augment(inputs, seed), training=True)[1]
                dropped = tf.nn.experimental.stateless_dropout(embedding, _DROPOUT, seed=seed + 2)
                meant = tf.one_hot(labels, classes) + tf.cast(labels == NO_CLASS, tf.float32)[:, None] / classes
                loss = tf.reduce_sum(loss_of(meant, head(dropped))) * share
            gradients = tape.gradient(loss, model.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        shapes = [tf.TensorSpec([None, side, side, 3], tf.uint8), tf.TensorSpec([None], tf.int64), tf.TensorSpec([2], tf.int32)]
        traced = self._distribution.everywhere(step, [*shapes, tf.TensorSpec([], tf.float32)])
        traced.get_concrete_function(*self._shown(self._order(0)[0], 0))  # from here on the optimizer has its variables
        return traced

    def _forward_once(self) -> None:
        floats = tensorflow().constant(self._squares[: self._schedule.batch], tensorflow().float32)
        self._distribution.everywhere(lambda: self._model(floats, training=True)[0])()
