"""Fine-tuning of a network's upper part on what its frozen lower part says of augmented pictures, computed once for all folds."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.pixels import Pixels
from pagesight.training.augmentation import augment
from pagesight.training.head import Solution

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

_BATCH = 32
_DROPOUT = 0.2
_SMOOTHING = 0.1
_WARM_UP = 0.2
_LEARNING_RATE = 1e-3
_LONGEST = 1.0
"""Norm to which the gradient of all weights together is cut: with batch norms frozen a few long steps can ruin a network."""
_SAMPLES = 4800
"""Augmented views of all pictures together that are kept, about: few pictures get more views each."""
_VIEWS = (3, 10)
"""Fewest and most views of one picture."""
_BYTES = 400_000_000
"""What all views may take, whatever that leaves for one picture."""


@dataclass(frozen=True)
class _Maps:
    """What the lower part says, float16: of each picture and its mirror image `[2, n, h, w, c]`, and of augmented views.

    These are `[n, views, h, w, c]`; every other one is of the mirror image.
    """

    both: NDArray[np.float16]
    views: NDArray[np.float16]


class UpperPart:
    """The layers of `model` above its maps of a `part`th of the side, and its head, trained again and again from where they began.

    Batch norms stay as they are: from few pictures their statistics cannot be learned.
    """

    def __init__(self, model: Any, inputs: Pixels, part: int, seed: int) -> None:
        """`model` as `network.build` makes it; `inputs` uint8 `[n, side, side, 3]`: every picture that is learned from or asked."""
        self._head = model.get_layer("head")
        lower, self._upper = _parts(model, part)
        self._seed = seed
        self._maps = _mapped(lower, inputs, seed)
        norms = keras().layers.BatchNormalization
        layers = [layer for layer in self._upper.layers if not isinstance(layer, norms)]
        self._variables = [w for layer in layers for w in layer.trainable_weights] + list(self._head.trainable_weights)
        self._first = [variable.numpy() for variable in self._variables]
        self._rate = tensorflow().Variable(0.0)
        self._optimizer = keras().optimizers.legacy.Adam(self._rate)
        self._step, self._embeddings = self._traced()

    def fit(self, rows: Rows, targets: Floats, head: Solution, weights: Floats) -> None:
        """Train on pictures `rows` `[m]`, from the first weights and `head`, with `targets` `[m, classes]` and `weights` `[m]`."""
        tf = tensorflow()
        for variable, value in zip(self._variables, [*self._first[:-2], *head], strict=True):
            variable.assign(value)
        for variable in self._optimizer.variables():
            variable.assign(tf.zeros_like(variable))
        chance, total = np.random.default_rng([self._seed, len(rows)]), steps_for(len(rows))
        views = self._maps.views
        with progress.task("fine-tuning", total) as advance:
            order = np.concatenate([chance.permutation(len(rows)) for _ in range(-(-total * _BATCH // len(rows)))])
            for number in range(total):
                batch = order[number * _BATCH : (number + 1) * _BATCH]
                maps = views[rows[batch], chance.integers(0, views.shape[1], len(batch))]
                self._rate.assign(_rate(number, total))
                meant = targets[batch] * (1 - _SMOOTHING) + _SMOOTHING / targets.shape[1]
                parts = tf.constant(meant, tf.float32), tf.constant(weights[batch], tf.float32)
                loss = self._step(tf.constant(maps), *parts, tf.constant([self._seed, number]))
                advance(1, f"loss {float(loss):.2f}")

    def solve_head(self, rows: Rows, solve: Callable[[NDArray[np.float32]], Solution]) -> None:
        """Set the head to what `solve` makes of the embeddings `[2m, d]` of the pictures `rows` `[m]` and of their mirror images.

        Gradients leave the head where a few epochs end; a solved one is right more often, for the features as they are now.
        """
        embeddings = np.concatenate([self._of(maps[rows]) for maps in self._maps.both])
        if np.isfinite(embeddings).all():  # else nothing helps, and what it answers will show it
            self._head.set_weights(list(solve(embeddings)))

    def logits(self, rows: Rows) -> Floats:
        """What the network as it is now says of the pictures `rows` `[m]`, unchanged: `[m, classes]`."""
        kernel, bias = self._head.get_weights()
        return np.asarray(self._of(self._maps.both[0][rows]) @ kernel + bias, np.float64)

    def _of(self, maps: NDArray[np.float16]) -> NDArray[np.float32]:
        parts = [tensorflow().constant(maps[start : start + 64]) for start in range(0, len(maps), 64)]
        return np.concatenate([self._embeddings(part).numpy() for part in parts])

    def reset(self) -> None:
        """Give the network its first weights again."""
        for variable, value in zip(self._variables, self._first, strict=True):
            variable.assign(value)

    def _traced(self) -> tuple[Any, Any]:
        tf, upper, head = tensorflow(), self._upper, self._head

        def answered(maps: Any) -> Any:
            return tf.reduce_mean(upper(tf.cast(maps, tf.float32), training=False), [1, 2])

        def step(maps: Any, targets: Any, weights: Any, seed: Any) -> Any:
            with tf.GradientTape() as tape:
                embedding = tf.nn.experimental.stateless_dropout(answered(maps), _DROPOUT, seed=seed)
                logits = embedding @ head.kernel + head.bias
                loss = tf.reduce_mean(weights * tf.nn.softmax_cross_entropy_with_logits(targets, logits))
            gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, self._variables), _LONGEST)
            self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
            return loss

        shape = [None, *self._maps.both.shape[2:]]
        maps = tf.TensorSpec(shape, tf.float16)
        classes = int(head.kernel.shape[1])
        row = tf.TensorSpec([None], tf.float32)
        signature = [maps, tf.TensorSpec([None, classes], tf.float32), row, tf.TensorSpec([2], tf.int32)]
        traced = tf.function(step, input_signature=signature, autograph=False)
        return traced, tf.function(answered, input_signature=[maps], autograph=False)


def steps_for(pictures: int) -> int:
    """Steps of a training on so many pictures, within what a person waits for: more for more, and where all else is soon done."""
    return min(max(52 + pictures // 8, 110 - pictures // 3), 160)


def _rate(step: int, total: int) -> float:
    """A linear warm-up, then a cosine to nothing (Loshchilov and Hutter 2017)."""
    warm = max(1, int(total * _WARM_UP))
    if step < warm:
        return _LEARNING_RATE * (step + 1) / warm
    return _LEARNING_RATE * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2


def _mapped(lower: Any, inputs: Pixels, seed: int) -> _Maps:
    """Every picture and its augmented views through the lower part."""
    tf = tensorflow()
    room = _BYTES // (2 * math.prod(lower.output_shape[1:]) * len(inputs))
    count = int(min(np.clip(_SAMPLES // len(inputs), *_VIEWS), max(1, room)))
    ask = tf.function(lambda x: tf.cast(lower(x, training=False), tf.float16), reduce_retracing=True, autograph=False)
    changed = tf.function(lambda x, s: ask(augment(x, s)), reduce_retracing=True, autograph=False)
    both: tuple[list[Any], list[Any]] = ([], [])
    views = []
    with progress.task("looking at augmented pictures", len(inputs)) as advance:
        for start in range(0, len(inputs), _BATCH):
            batch = np.asarray(inputs[start : start + _BATCH])
            sides = [tf.constant(batch), tf.constant(batch[:, :, ::-1])]
            for side, some in zip(sides, both, strict=True):
                some.append(ask(tf.cast(side, tf.float32)).numpy())
            seeds = [tf.constant([seed * 1000 + view, start]) for view in range(count)]
            views.append(np.stack([changed(sides[view % 2], one).numpy() for view, one in enumerate(seeds)], 1))
            advance(len(batch))
    return _Maps(np.stack([np.concatenate(some) for some in both]), np.concatenate(views))


def _parts(model: Any, part: int) -> tuple[Any, Any]:
    """The lower part (pixels 0..255 to maps) and the upper part (maps to the last map) of a network, sharing its weights.

    They meet where the layers above read one layer alone: of the places with the smallest maps that are a `part`th of the side or
    larger, at the one that gives the fewest numbers.
    """
    tk = keras()
    body = next(layer for layer in model.layers if isinstance(layer, tk.Model))
    node_of = {id(layer): layer.inbound_nodes[0] for layer in body.layers}
    made_by = {id(node.outputs): i for i, node in enumerate(node_of[id(layer)] for layer in body.layers)}
    last_read = [0] * len(body.layers)
    for i, layer in enumerate(body.layers):
        for source in tensorflow().nest.flatten(node_of[id(layer)].keras_inputs):
            last_read[made_by[id(source)]] = i
    alone, reach = [], 0
    for i, layer in enumerate(body.layers[:-1]):
        reach = max(reach, last_read[i - 1] if i else 0)
        tensor = node_of[id(layer)].outputs
        if reach <= i and _height(tensor) * part >= model.input_shape[1]:
            alone.append((math.prod(tensor.shape[1:]), -i))
    lowest = _height(node_of[id(body.layers[-alone[-1][1]])].outputs)
    cut = -min(place for place in alone if _height(node_of[id(body.layers[-place[1]])].outputs) <= lowest)[1]
    middle = node_of[id(body.layers[cut])].outputs
    maps = tk.Input(middle.shape[1:])
    values = {id(middle): maps}
    for layer in body.layers[cut + 1 :]:
        node = node_of[id(layer)]
        read = tensorflow().nest.map_structure(lambda tensor: values[id(tensor)], node.keras_inputs)
        values[id(node.outputs)] = layer(read[0] if len(read) == 1 else read)
    upper = tk.Model(maps, values[id(body.output)])
    scale, below = model.get_layer("scale"), tk.Model(body.input, middle)
    image = tk.Input(model.input_shape[1:])
    return tk.Model(image, below(scale(image))), upper


def _height(tensor: Any) -> int:
    return int(tensor.shape[1]) if len(tensor.shape) == 4 else 0
