"""Promises of the arithmetic behind `quantize`: grids, errors that cancel, channels evened out without changing an answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagesight.contract import Input
from pagesight.graph.layers import Layer, layers_of
from pagesight.graph.model import GraphModel, Runner
from pagesight.options import Quantization
from pagesight.quantization.equalization import equalized
from pagesight.quantization.rounding import Grid, mean_shift, output_variance, rounded
from pagesight.quantization.statistics import Moments, moments_of
from pagesight.quantize import quantize
from pagesight.synthetic.natural_noise import natural_noise

from . import tolerance
from .exported import CLASSES, SIDE, exported, model_of, probabilities


def test_a_grid_holds_zero_and_every_value() -> None:
    values = np.float32([-0.3, 0.0, 0.001, 1.7])
    grid = Grid.spanning(values, 256)
    coded = grid.coded(values)
    read = coded.codes * coded.scale + coded.minimum
    assert read[1] == 0
    assert np.abs(read - values).max() <= grid.step / 2 + tolerance.of_sum(1, 1.7)


@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
def test_rounding_lets_errors_cancel_where_inputs_agree(kind: str) -> None:
    rng = np.random.default_rng(0)
    layer = _layer(kind)
    kernel = rng.normal(size=layer.shape).astype(np.float32)
    moments = _moments(layer, rng)
    grid = Grid.spanning(kernel, 16)
    to_nearest = grid.nearest(kernel).astype(np.float32)
    compensated = rounded(layer, kernel, grid, moments)
    # A code of 0 to 15 times the step, and the quotient again: each rounds once.
    assert np.abs(compensated / grid.step - np.round(compensated / grid.step)).max() <= tolerance.of_sum(1, 16, layers=2)
    noise = [output_variance(layer, done - kernel, moments).sum() for done in (to_nearest, compensated)]
    assert noise[1] < 0.5 * noise[0]


@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
def test_the_mean_shift_is_what_the_outputs_really_shift_by(kind: str) -> None:
    rng = np.random.default_rng(1)
    layer = _layer(kind)
    error = rng.normal(size=layer.shape).astype(np.float32)
    fields = rng.normal(2, 1, (500, *_moments(layer, rng).mean.shape)).astype(np.float32)
    moments = Moments(fields.mean(0), np.zeros(0, np.float32), np.zeros(0, np.float32))
    rows = layer.rows(error)
    outputs = (fields * rows).sum(1) if kind == "depthwise" else fields @ rows
    # The mean of sums against the sum of means.
    close = tolerance.of_sum(INPUTS, np.abs(fields).max() * np.abs(rows).max(), layers=2)
    assert np.allclose(mean_shift(layer, error, moments), outputs.mean(0), rtol=0, atol=close)


INPUTS = 72
"""More than are rounded between two products of large matrices, and no multiple of that."""


def _layer(kind: str) -> Layer:
    shape = (3, 3, 8, 1) if kind == "depthwise" else (1, 1, INPUTS, 16)
    return Layer("layer", kind, "source", "kernel", None, shape)


def _moments(layer: Layer, rng: np.random.Generator) -> Moments:
    """Inputs that mostly go together, as neighboring pixels and channels do."""
    groups = (8, 9) if layer.kind == "depthwise" else (1, INPUTS)
    mixing = rng.normal(size=(*groups, 3))
    covariance = mixing @ mixing.transpose(0, 2, 1) + 0.05 * np.eye(groups[1])
    if layer.kind == "depthwise":
        return Moments(np.zeros((9, 8), np.float32), covariance.astype(np.float32), np.ones(8, np.float32))
    return Moments(np.zeros(INPUTS, np.float32), covariance[0].astype(np.float32), np.ones(INPUTS, np.float32))


@pytest.mark.parametrize("activation", ["Relu", "Relu6"])
def test_equalized_layers_answer_the_same_and_a_clipped_channel_stays_as_it_is(activation: str) -> None:
    rng = np.random.default_rng(2)
    first, second = _chain(activation)
    scale = 10.0 ** rng.uniform(-2, 0, 8)
    weights = {
        "k1": (rng.normal(size=(1, 1, 4, 8)) * scale).astype(np.float32),
        "b1": np.float32(scale),
        "k2": (rng.normal(size=(3, 3, 8, 1)) / scale[:, None]).astype(np.float32),
    }
    pixels = rng.normal(size=(500, 4)).astype(np.float32)

    def between(weights: dict[str, Any]) -> Any:
        values = np.maximum(pixels @ weights["k1"][0, 0] + weights["b1"], 0)
        return np.minimum(values, 6) if activation == "Relu6" else values

    peak = between(weights).max(0)
    assert (peak < 6).any()
    moments = {name: Moments(np.zeros((9, 8), np.float32), np.zeros((8, 9, 9), np.float32), peak) for name in ("first", "second")}
    nodes = [
        {"name": "first", "op": "_FusedConv2D", "input": ["x", "k1", "b1"]},
        {"name": "second", "op": "DepthwiseConv2dNative", "input": ["first", "k2"]},
    ]
    document = {"modelTopology": {"node": nodes}, "signature": {"outputs": {"out": {"name": "second:0"}}}}
    even, _ = equalized(GraphModel(document, weights), [first, second], moments, real=True)
    spread = [np.ptp(np.log(np.abs(w["k2"]).max((0, 1, 3)))) for w in (weights, even.weights)]
    assert spread[1] < 0.7 * spread[0]
    answers = [between(w)[:, None, None, :] * w["k2"][..., 0] for w in (weights, even.weights)]
    # Four products and a bias, one product, and each weight was rounded once more.
    assert np.allclose(answers[0], answers[1], rtol=0, atol=tolerance.of_sum(5, np.abs(answers[0]).max(), layers=3))


def test_the_branches_of_a_residual_block_are_equalized_together_and_answer_the_same(tmp_path: Path) -> None:
    from pagesight.graph.tensorflow import keras, tensorflow
    from pagesight.quantization.equalization import groups_of

    tf, tk, rng = tensorflow(), keras(), np.random.default_rng(5)
    tk.utils.set_random_seed(5)
    image = tk.Input((SIDE, SIDE, 3), name="image")

    def convolution(channels: int, **options: Any) -> Any:
        return tk.layers.Conv2D(channels, 3, padding="same", bias_initializer="random_normal", **options)

    trunk = convolution(8, strides=2)(image / 255)
    block = tk.layers.Add()([convolution(8)(convolution(16, activation="relu")(trunk)), trunk])
    features = convolution(12, activation="relu")(block)
    embedding = tk.layers.GlobalAveragePooling2D()(features)
    model = tk.Model(image, [tk.layers.Dense(CLASSES, activation="softmax")(embedding), embedding, features])
    scale = 10.0 ** rng.uniform(-2, 0, 8)
    writer, inner, second, reader = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    for layer in (writer, second):
        layer.set_weights([w * scale for w in layer.get_weights()])
    for layer in (inner, reader):
        layer.set_weights([layer.get_weights()[0] / scale[:, None], layer.get_weights()[1]])
    floats = model_of(quantize(exported(tf, model, tmp_path / "saved"), Quantization("none"), tmp_path / "web"))
    layers, inputs = layers_of(floats), natural_noise(Input(SIDE), 8)
    assert [(len(g.writers), len(g.readers)) for g in groups_of(floats, layers)] == [(2, 2), (1, 1)]
    even, _ = equalized(floats, layers, moments_of(floats, layers, inputs), real=True)
    spread = [np.ptp(np.log(np.abs(m.weights[layers[0].kernel]).max((0, 1, 2)))) for m in (floats, even)]
    assert spread[1] < 0.5 * spread[0]
    answers = [Runner(m, ["probabilities"])(inputs)[0] for m in (floats, even)]
    assert np.abs(answers[0] - answers[1]).max() <= tolerance.of_model(floats, answers[0])


@pytest.mark.parametrize("padded", [True, False])
def test_channels_that_a_network_pads_or_broadcasts_are_left_as_they_are(padded: bool, tmp_path: Path) -> None:
    """A shortcut may bring fewer channels than the layers beside it write: nothing can be shared out between them."""
    from pagesight.graph.tensorflow import keras, tensorflow

    tf, tk = tensorflow(), keras()
    tk.utils.set_random_seed(5)
    image = tk.Input((SIDE, SIDE, 3), name="image")
    few = tk.layers.Conv2D(4, 3, strides=4, padding="same")(image / 255)
    beside = tk.layers.Conv2D(8, 3, strides=4, padding="same")(image / 255)
    shortcut = few if padded else tk.layers.Conv2D(1, 3, strides=4, padding="same")(image / 255)
    if padded:
        shortcut = tk.layers.Lambda(lambda x: tf.pad(x, [[0, 0], [0, 0], [0, 0], [2, 2]]))(shortcut)
    features = tk.layers.Conv2D(8, 1, activation="relu")(shortcut + beside)
    embedding = tk.layers.GlobalAveragePooling2D()(features)
    model = tk.Model(image, [tk.layers.Dense(CLASSES, activation="softmax")(embedding), embedding, features])
    web = quantize(exported(tf, model, tmp_path / "saved"), Quantization("uint8"), tmp_path / "web")
    inputs = natural_noise(Input(SIDE), 4)
    assert np.abs(probabilities(web, inputs) - model(inputs.astype(np.float32))[0]).max() <= 0.02


def _chain(activation: str) -> tuple[Layer, Layer]:
    first = Layer("first", "convolution", "x", "k1", "b1", (1, 1, 4, 8), activation=activation)
    return first, Layer("second", "depthwise", "first", "k2", None, (3, 3, 8, 1))
