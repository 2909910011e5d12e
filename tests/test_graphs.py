"""Promises about graphs: however they are rewritten on the way to TF.js, they answer as before."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagesight.contract import Input
from pagesight.graph.layers import layers_of
from pagesight.graph.model import GraphModel, PartialRunner, Runner
from pagesight.options import Quantization
from pagesight.quantize import quantize
from pagesight.synthetic.natural_noise import natural_noise

from . import tolerance
from .exported import CLASSES, SIDE, exported, model_of, probabilities


def test_a_hard_swish_that_tensorflow_fused_is_written_out_for_tfjs() -> None:
    from pagesight.graph.converter_fixes import mended
    from pagesight.graph.tensorflow import graphs

    graph = graphs().GraphDef()
    fused = graph.node.add(name="conv", op="_FusedConv2D", input=["x", "kernel", "bias"])
    fused.attr["T"].type = graphs().as_dtype("float32").as_datatype_enum
    fused.attr["fused_ops"].list.s.extend([b"BiasAdd", b"_FusedHardSwish"])
    nodes = mended(graph).node
    assert [node.op for node in nodes] == ["_FusedConv2D", "Const", "AddV2", "Relu6", "Const", "Mul", "Mul"]
    assert nodes[0].attr["fused_ops"].list.s == [b"BiasAdd"]
    assert nodes[-1].name == "conv"


def test_what_is_added_behind_a_bias_of_zeros_is_added_as_before(tmp_path: Path) -> None:
    """The stock optimizer drops the zeros and takes what is added next for the bias: the 3 of a hard sigmoid, another branch."""
    from pagesight.graph.tensorflow import keras, tensorflow

    tf, tk = tensorflow(), keras()
    tk.utils.set_random_seed(3)
    image = tk.Input((SIDE, SIDE, 3), name="image")
    x = tk.layers.Conv2D(8, 3, strides=2)(image / 255)
    squeezed = tk.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gated = x * (tf.nn.relu6(tk.layers.Conv2D(8, 1)(squeezed) + 3) * (1 / 6))
    features = tk.layers.ReLU()(tk.layers.Add()([tk.layers.Conv2D(8, 1)(gated), gated]))
    embedding = tk.layers.GlobalAveragePooling2D()(tk.layers.Add()([tk.layers.Conv2D(8, 1)(features), features]))
    model = tk.Model(image, [tk.layers.Dense(CLASSES, activation="softmax")(embedding), embedding, features])
    web = quantize(exported(tf, model, tmp_path / "saved"), Quantization("none"), tmp_path / "web")
    inputs = natural_noise(Input(SIDE), 4)
    expected = model(inputs.astype(np.float32))[0].numpy()
    assert np.abs(probabilities(web, inputs) - expected).max() <= tolerance.of_model(model_of(web), expected)
    biases = [layer.bias for layer in layers_of(model_of(web)) if layer.bias]
    assert [model_of(web).weights[name].shape for name in biases] == [(8,)]


@pytest.mark.parametrize("computed_with", ["", "alone", "beside"])
def test_large_weights_that_wait_outside_the_graph_come_back(computed_with: str, tmp_path: Path) -> None:
    """A graph that computes with one before it is used needs its values while it is rewritten."""
    from pagesight.graph.freeze import frozen_graph
    from pagesight.graph.large_constants import LARGE, survived
    from pagesight.graph.tensorflow import keras, tensorflow
    from pagesight.graph.tensorflowjs import _rewritten
    from pagesight.importers.saved_model import open_signature

    tf, tk = tensorflow(), keras()
    tk.utils.set_random_seed(4)
    wide = tk.layers.Conv2D(128, 1, activation="relu")
    image = tk.Input((SIDE, SIDE, 3), name="image")
    x = tk.layers.Conv2D(128, 3, strides=4, activation="relu")(image / 255)
    wide.build(x.shape)
    assert wide.kernel.shape.num_elements() >= LARGE
    features = tk.layers.Lambda(lambda x: tf.nn.conv2d(x, wide.kernel * 2.0, 1, "SAME"))(x) if computed_with else wide(x)
    if computed_with == "beside":
        features = wide(features)
    embedding = tk.layers.GlobalAveragePooling2D()(features)
    model = tk.Model(image, [tk.layers.Dense(CLASSES, activation="softmax")(embedding), embedding, features])
    model.kept = wide
    saved = exported(tf, model, tmp_path / "saved")
    graph_def, signature, held = frozen_graph(open_signature(saved.path / "saved_model"))
    assert [value.shape for value in held.values()] == [(1, 1, 128, 128)]
    assert survived(graph_def, _rewritten(graph_def, signature), held) is not bool(computed_with)
    web = quantize(saved, Quantization("none"), tmp_path / "web")
    inputs = natural_noise(Input(SIDE), 4)
    expected = model(inputs.astype(np.float32))[0].numpy()
    assert np.abs(probabilities(web, inputs) - expected).max() <= tolerance.of_model(model_of(web), expected)


def test_nothing_waits_for_a_large_weight_that_was_folded_into_another() -> None:
    from pagesight.graph.large_constants import LARGE, read_directly, take
    from pagesight.graph.tensorflow import graphs

    graph_def = graphs().GraphDef()
    kernel = graph_def.node.add(name="kernel", op="Const")
    kernel.attr["value"].tensor.CopyFrom(graphs().make_tensor_proto(np.ones(LARGE, np.float32)))
    kernel.attr["dtype"].type = kernel.attr["value"].tensor.dtype
    graph_def.node.add(name="kernel/read", op="Identity", input=["kernel"])
    graph_def.node.add(name="reader", op="Neg", input=["kernel/read"])
    graph_def.node.add(name="waiting", op="NoOp", input=["^kernel/read", "^reader"])
    held: dict[str, Any] = {}
    take(graph_def, held)
    read_directly(graph_def, held)
    assert {node.name: list(node.input) for node in graph_def.node if node.op in ("Neg", "NoOp")} == {
        "reader": ["kernel"],
        "waiting": ["^reader"],
    }


def test_a_number_is_written_as_a_number_and_not_as_a_list_of_one(tmp_path: Path) -> None:
    """EfficientNet packs numbers into shapes, and no runtime packs a list with them."""
    weights = {
        "one": np.int32(7).reshape(()),
        "kernel": np.arange(6, dtype=np.float32).reshape(3, 2).T,
        "half": np.float32(0.5).reshape(()),
    }
    GraphModel({}, weights).write(tmp_path, {"kernel": "float16"})
    result = GraphModel.read(tmp_path / "model.json").weights
    assert {name: value.shape for name, value in result.items()} == {"one": (), "kernel": (2, 3), "half": ()}
    assert all(np.array_equal(result[name], value) for name, value in weights.items())


def test_a_session_is_closed_with_the_block_that_it_was_for(tmp_path: Path) -> None:
    from pagesight.graph.tensorflow import keras, tensorflow

    tf, tk = tensorflow(), keras()
    image = tk.Input((SIDE, SIDE, 3), name="image")
    embedding = tk.layers.GlobalAveragePooling2D()(image)
    model = tk.Model(image, [tk.layers.Dense(CLASSES, activation="softmax")(embedding), embedding, image])
    web = quantize(exported(tf, model, tmp_path / "saved"), Quantization("none"), tmp_path / "web")
    inputs = natural_noise(Input(SIDE), 1)
    with Runner(model_of(web), ["probabilities"]) as whole, PartialRunner(model_of(web)) as part:
        assert (whole(inputs)[0] == part("probabilities", inputs, model_of(web).weights, {})).all()
    with pytest.raises(RuntimeError, match="closed"):
        whole(inputs)
    with pytest.raises(RuntimeError, match="closed"):
        part("probabilities", inputs, model_of(web).weights, {})


def test_a_prelu_that_does_not_name_its_type_is_run() -> None:
    nodes = [
        {"name": "image", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}}},
        {"name": "slope", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}},
        {"name": "bent", "op": "Prelu", "input": ["image", "slope"]},
    ]
    ends = {"inputs": {"image": {"name": "image:0"}}, "outputs": {"bent": {"name": "bent:0"}}}
    model = GraphModel({"modelTopology": {"node": nodes}, "signature": ends}, {"slope": np.float32([0.25])})
    with Runner(model, ["bent"]) as runner:
        assert runner(np.float32([[-4, 2]]))[0].tolist() == [[-1, 2]]
