"""The training loop: a head solved on frozen features, then fine-tuning of the whole network."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight._augment import augment
from pagesight._tf import keras, tensorflow
from pagesight.options import Training
from pagesight.pixels import Pixels

_EVALUATE = 64
_LABEL_SMOOTHING = 0.1
_WARM_UP = 0.1

Sides = dict[str, tuple[Pixels, NDArray[np.int64]]]
"""Squares uint8 `[n, side, side, 3]` and labels `[n]` of each side."""


def predict(model: Any, squares: Pixels, output: int = 0) -> NDArray[np.float32]:
    """One output (0 probabilities, 1 embedding) of the model for all squares, batch by batch."""
    tf = tensorflow()
    forward = tf.function(lambda x: model(x, training=False)[output], reduce_retracing=True)
    batches = [forward(tf.constant(squares[i : i + _EVALUATE], tf.float32)) for i in range(0, len(squares), _EVALUATE)]
    return np.concatenate([b.numpy() for b in batches]) if batches else np.zeros((0, 0), np.float32)


def fit_head(model: Any, sides: Sides, seed: int) -> None:
    """Set the head to scikit-learn's logistic regression on the frozen backbone's embeddings."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    squares, labels = sides["train"]
    with progress.task("training the head"):
        scaler = StandardScaler()
        features = scaler.fit_transform(predict(model, squares, output=1))
        scaler.scale_ = np.maximum(scaler.scale_, 0.2 * scaler.scale_.mean())
        found = LogisticRegression(C=0.05, max_iter=200, random_state=seed).fit(features, labels)
    kernel = found.coef_.T / scaler.scale_[:, None]
    bias = found.intercept_ - scaler.mean_ @ kernel
    if len(found.classes_) == 2:  # scikit-learn gives one column for two classes
        kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    model.get_layer("head").set_weights([kernel.astype(np.float32), bias.astype(np.float32)])


def fine_tune(model: Any, sides: Sides, how: Training) -> list[dict[str, float]]:
    """Train everything (Adam, warm-up, then a cosine) and keep the weights of the best validation loss; returns the history."""
    tf, tk = tensorflow(), keras()
    squares, labels = sides["train"]
    steps = math.ceil(len(squares) / how.batch)
    optimizer = tk.optimizers.Adam(_schedule(how, steps))
    loss_of = tk.losses.CategoricalCrossentropy(label_smoothing=_LABEL_SMOOTHING)
    classes = model.output_shape[0][-1]

    @tf.function(reduce_retracing=True)
    def step(pixels: Any, wanted: Any, seed: Any) -> Any:
        with tf.GradientTape() as tape:
            probabilities = model(augment(pixels, seed), training=True)[0]
            loss = loss_of(tf.one_hot(wanted, classes), probabilities)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))
        return loss

    history: list[dict[str, float]] = []
    best, best_loss, waited = model.get_weights(), math.inf, 0
    with progress.task("fine-tuning", how.epochs * steps) as advance:
        for epoch in range(how.epochs):
            order = np.random.default_rng([how.seed, epoch]).permutation(len(squares))
            losses = []
            for number, rows in enumerate(_batches(order, how.batch)):
                rows = np.sort(rows)
                losses.append(float(step(squares[rows], labels[rows], tf.constant([how.seed, epoch * steps + number]))))
                advance(1, f"epoch {epoch + 1} of {how.epochs}, loss {losses[-1]:.2f}")
            loss, accuracy = _evaluate(model, *sides["validation"])
            history.append({"loss": float(np.mean(losses)), "validation_loss": loss, "validation_accuracy": accuracy})
            waited += 1
            if loss < best_loss:
                best, best_loss, waited = model.get_weights(), loss, 0
            if waited >= how.patience:
                break
    model.set_weights(best)
    return history


def _schedule(how: Training, steps: int) -> Any:
    total = max(1, how.epochs * steps)
    warm = max(1, int(total * _WARM_UP))
    return keras().optimizers.schedules.CosineDecay(
        how.learning_rate * 0.01, max(1, total - warm), warmup_target=how.learning_rate, warmup_steps=warm
    )


def _batches(order: NDArray[np.int64], size: int) -> Sequence[NDArray[np.int64]]:
    return [order[i : i + size] for i in range(0, len(order), size)]


def _evaluate(model: Any, squares: Pixels, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy (0..1)."""
    probabilities = predict(model, squares)
    if not len(labels):
        return math.inf, math.nan
    loss = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)).mean()
    return float(loss), float((probabilities.argmax(1) == labels).mean())
