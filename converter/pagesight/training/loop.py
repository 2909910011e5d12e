"""The training loop: a head solved on frozen features, then fine-tuning of the network, or of its upper part."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.artifacts import NO_CLASS
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.options import Training
from pagesight.pictures.model_inputs import release
from pagesight.pixels import Pixels
from pagesight.training import network
from pagesight.training.augmentation import augment
from pagesight.training.batch_norm import Statistics
from pagesight.training.checkpoint import Checkpoint, State
from pagesight.training.distribution import ALONE, Distribution
from pagesight.training.tensorboard import Curves

_EVALUATE = 64
_RELEASE = 8
"""Batches after which the memory of squares that were shown is released."""
_LABEL_SMOOTHING = 0.1
_DROPOUT = 0.2
_WARM_UP = 0.1
_WINDOW = 16
"""The last batches of an epoch whose statistics the batch norms keep."""
Sides = dict[str, tuple[Pixels, NDArray[np.int64]]]
"""Squares uint8 `[n, side, side, 3]` and labels `[n]` of each side, and of "others": pictures of no class, shown in training."""


@dataclass(frozen=True)
class Answers:
    """What a model says of any number of squares, batch by batch; traced once, the same on every worker."""

    _forward: Any
    distribution: Distribution

    @classmethod
    def of(cls, model: Any, distribution: Distribution = ALONE) -> "Answers":
        """The answers of `model` as it is at the time of asking."""
        return cls(distribution.everywhere(lambda x: model(x, training=False)[:2]), distribution)

    def probabilities(self, squares: Pixels) -> NDArray[np.float32]:
        """Float32 `[n, classes]`."""
        return self._of(squares, 0)

    def embeddings(self, squares: Pixels) -> NDArray[np.float32]:
        """Float32 `[n, d]`."""
        return self._of(squares, 1)

    def judged(self, squares: Pixels, labels: NDArray[np.int64]) -> tuple[float, float]:
        """Mean cross-entropy (nats) and accuracy (0..1); infinite and nan where there are no pictures."""
        if not len(labels):
            return math.inf, math.nan
        probabilities = self.probabilities(squares)
        loss = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)).mean()
        return float(loss), float((probabilities.argmax(1) == labels).mean())

    def _of(self, squares: Pixels, output: int) -> NDArray[np.float32]:
        found = []
        many = _EVALUATE * self.distribution.replicas
        for batch, start in enumerate(range(0, len(squares), many)):
            rows = np.arange(start, min(start + many, len(squares)))
            floats = self.distribution.values(partial(_floats, squares, self.distribution.parts(rows)))
            found.append(self.distribution.gathered(self._forward(floats)[output])[: len(rows)])
            if batch % _RELEASE == 0:
                release(squares)
        return np.concatenate(found)


def _floats(squares: Pixels, parts: list[NDArray[np.int64]], replica: int) -> Any:
    return tensorflow().constant(squares[parts[replica]], tensorflow().float32)


def fit_head(model: Any, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> None:
    """Set the head to scikit-learn's logistic regression of `labels` `[n]` on the frozen backbone's `features` `[n, d]`."""
    with progress.task("training the head"):
        model.get_layer("head").set_weights(solved(features, labels, seed))


def solved(features: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> list[NDArray[np.float32]]:
    """Kernel `[d, classes]` and bias `[classes]` of the logistic regression of `labels` `[n]` on `features` `[n, d]`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():  # more threads are slower here
        warnings.simplefilter("ignore", ConvergenceWarning)  # good enough to start from is good enough
        mean, scale = features.mean(0), features.std() + 1e-6
        found = LogisticRegression(C=0.01, max_iter=100, random_state=seed).fit((features - mean) / scale, labels)
    kernel = found.coef_.T / scale
    bias = found.intercept_ - mean @ kernel
    if len(found.classes_) == 2:  # scikit-learn gives one column for two classes
        kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    return [kernel.astype(np.float32), bias.astype(np.float32)]


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


def fine_tune(
    model: Any, answers: Answers, sides: Sides, how: Training, checkpoint: Checkpoint | None = None
) -> list[dict[str, float]]:
    """Train everything (Adam, warm-up, then a cosine) and keep the weights of the best validation loss; returns the history.

    Where `checkpoint` holds the state of a run that was cut short, it is taken up from there. Pictures, their order and their
    changes follow from seed and epoch alone, so that both ways end with the same weights.
    """
    with network.held(model, how.hold, norms=how.hold_norms):
        return _fine_tune(model, answers, sides, how, checkpoint)


def _fine_tune(model: Any, answers: Answers, sides: Sides, how: Training, checkpoint: Checkpoint | None) -> list[dict[str, float]]:
    loop = _Loop(model, sides, how, answers.distribution)
    history: list[dict[str, float]] = []
    best = _Best(None)
    saved = checkpoint.load() if checkpoint else None
    if saved:
        loop.restore(saved)
        history = saved.facts["history"]
        best = _Best(saved.best, saved.facts["best_loss"], saved.facts["waited"])
        progress.note(f"going on after epoch {saved.epoch} of {how.epochs}, where the last run stopped")
    with progress.task("fine-tuning", how.epochs * loop.steps) as advance:
        curves = Curves(how.tensorboard if answers.distribution.rank == 0 else None)
        for epoch, told in enumerate(history, 1):
            curves.add(epoch, told)
        advance(len(history) * loop.steps)
        for epoch in range(len(history), how.epochs):
            if best.waited >= how.patience:
                break
            mean_loss = loop.epoch(epoch, advance)
            loss, accuracy = answers.judged(*sides["validation"])
            history.append({"loss": mean_loss, "validation_loss": loss, "validation_accuracy": accuracy})
            curves.add(epoch + 1, history[-1])
            best.offer(model.get_weights(), loss)
            if checkpoint:
                facts = {"history": history, "best_loss": best.loss, "waited": best.waited}
                checkpoint.save(State(epoch + 1, model.get_weights(), loop.optimizer.get_weights(), best.weights, facts))
    if best.weights is not None:
        model.set_weights(best.weights)
    return history


def suited(how: Training, first_weights: str, head_accuracy: float, a_class: float) -> Training:
    """What is left open filled in, for so many pictures `a_class` on the train side, in the mean.

    Few pictures are shown more often, many less often where layers can be held (a TF-Hub module hides them), and a starter whose
    frozen features already do most of the work is treated gently: `head_accuracy` is what a head alone reaches on the validation
    side.
    """
    if not how.epochs and a_class < how.few:
        how = replace(how, steps=how.few_steps)
    if first_weights == "starter" and head_accuracy >= how.gentle_from:
        how = replace(how, epochs=how.epochs or how.gentle_epochs, hold=how.hold or how.gentle_hold, hold_norms=True)
        return replace(how, learning_rate=how.gentle_learning_rate, others=how.gentle_others)
    if not how.epochs and a_class >= how.many and first_weights not in ("random", "hub"):
        return replace(how, epochs=how.many_epochs, learning_rate=how.many_learning_rate, hold=how.hold or how.many_hold)
    return replace(how, epochs=how.epochs or how.full_epochs)


class _Loop:
    """One model, its optimizer, its train side and its pictures of other things; runs an epoch at a time."""

    def __init__(self, model: Any, sides: Sides, how: Training, distribution: Distribution) -> None:
        self._model, self._how, self._distribution = model, how, distribution
        self._squares, self._labels = sides["train"]
        self._others = sides["others"][0] if "others" in sides else self._squares[:0]
        once = math.ceil(len(self._labels) / how.batch)
        self._repeats = math.ceil(how.steps / once)
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
            self._rate.assign(_rate(self._how, number, self._how.epochs * self.steps))
            losses.append(float(self._distribution.added(self._step(*self._shown(rows, number)))))
            advance(1, f"epoch {epoch + 1} of {self._how.epochs}, loss {losses[-1]:.2f}")
            if step % _RELEASE == 0:
                release(self._squares)
        self._statistics.finish(window)
        return float(np.mean(losses))

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of each step: a new order for each pass, cut into batches of even size, sorted for the disk's sake.

        Rows beyond the train side are of other things.
        """
        chance = np.random.default_rng([self._how.seed, epoch])
        known, others = len(self._labels), len(self._others)
        passes = [chance.permutation(known) for _ in range(self._repeats)]
        batches = [rows for one in passes for rows in np.array_split(one, self.steps // self._repeats)]
        beside = known + chance.integers(
            0, max(1, others), (self.steps, round(self._how.batch * self._how.others) if others else 0)
        )
        spread = np.arange(beside.shape[1]) * 3  # among the others, so that every replica gets some
        return [np.insert(np.sort(rows), np.minimum(spread, len(rows)), more) for rows, more in zip(batches, beside, strict=True)]

    def _pictures(self, rows: NDArray[np.int64]) -> tuple[Pixels, NDArray[np.int64]]:
        """Squares and labels of `rows`, those of other things last."""
        known = len(self._labels)
        mine, others = rows[rows < known], rows[rows >= known] - known
        if not len(others):
            return self._squares[mine], self._labels[mine]
        squares = np.concatenate([self._squares[mine], self._others[others]])
        return squares, np.concatenate([self._labels[mine], np.full(len(others), NO_CLASS)])

    def _shown(self, rows: NDArray[np.int64], number: int) -> list[Any]:
        """What step `number` shows each replica: its part of the squares and labels, a seed, a picture's share of the loss."""
        tf, replicas, parts = tensorflow(), self._distribution.replicas, self._distribution.parts(rows)
        pictures = cache(lambda replica: self._pictures(parts[replica]))
        shown: list[Callable[[int], Any]] = [
            lambda replica: tf.constant(pictures(replica)[0]),
            lambda replica: tf.constant(pictures(replica)[1]),
            lambda replica: tf.constant([self._how.seed, number * replicas + replica]),
            lambda _: tf.constant(1 / sum(map(len, parts))),
        ]
        return [self._distribution.values(one) for one in shown]

    def _traced(self) -> Any:
        tf, model = tensorflow(), self._model
        loss_of = keras().losses.CategoricalCrossentropy(label_smoothing=_LABEL_SMOOTHING, reduction="none")
        classes, side = model.output_shape[0][-1], model.input_shape[1]
        head = model.get_layer("head")

        def step(squares: Any, labels: Any, seed: Any, share: Any) -> Any:
            with tf.GradientTape() as tape:
                embedding = model(augment(squares, seed), training=True)[1]
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
        floats = tensorflow().constant(self._squares[: self._how.batch], tensorflow().float32)
        self._distribution.everywhere(lambda: self._model(floats, training=True)[0])()


def _rate(how: Training, step: int, total: int) -> float:
    """The learning rate: a linear warm-up, then a cosine to nothing (Loshchilov and Hutter 2017)."""
    warm = max(1, int(total * _WARM_UP))
    if step < warm:
        return how.learning_rate * (step + 1) / warm
    return how.learning_rate * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2
