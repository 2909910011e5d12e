"""Promises about weights in fewer bits: the answers stay, the bytes go, and every TF.js reads the result."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagesight import manifest
from pagesight.artifacts import SavedModel, WebModel
from pagesight.contract import Input
from pagesight.errors import QuantizeError
from pagesight.graph import passes
from pagesight.graph.layers import layers_of
from pagesight.graph.model import GraphModel, Runner
from pagesight.options import Mode, Quantization
from pagesight.quantization.bias_correction import settled
from pagesight.quantization.bit_allocation import quantize_uint8
from pagesight.quantization.statistics import calibration_inputs, moments_of
from pagesight.quantize import _Judge, quantize
from pagesight.synthetic.natural_noise import natural_noise

from . import tolerance
from .conftest import ROOT, write_photos
from .exported import CLASSES, SIDE, exported, model_of, probabilities


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    """A MobileNet with channels of wildly different ranges: what one range per tensor cannot hold."""
    from pagesight.graph.tensorflow import keras, tensorflow

    tf, tk = tensorflow(), keras()
    tk.utils.set_random_seed(1)
    body = tk.applications.MobileNet((SIDE, SIDE, 3), alpha=0.25, include_top=False, weights=None)
    rng = np.random.default_rng(1)
    _settle(body, rng)
    image = tk.Input((SIDE, SIDE, 3), name="image")
    features = body(tk.layers.Rescaling(1 / 127.5, -1)(image))
    embedding = tk.layers.GlobalAveragePooling2D()(features)
    model = tk.Model(image, [embedding, features])
    seen = model.predict(natural_noise(Input(SIDE), 64, seed=5).astype(np.float32), verbose=0)[0]
    kernel = rng.normal(size=(seen.shape[1], CLASSES)) / (seen.std(0)[:, None] + 0.1 * seen.std()) / 4
    head = tk.layers.Dense(CLASSES, activation="softmax")
    model = tk.Model(image, [head(embedding), embedding, features])
    head.set_weights([kernel.astype(np.float32), (-seen.mean(0) @ kernel).astype(np.float32)])
    return exported(tf, model, tmp_path_factory.mktemp("saved"))


def _settle(body: Any, rng: np.random.Generator) -> None:
    """Give the batch norms the statistics of pictures, and scales and kernels that differ from channel to channel."""
    inputs = natural_noise(Input(SIDE), 32, seed=4).astype(np.float32) / 127.5 - 1
    for layer in body.layers:
        name = type(layer).__name__
        if name == "DepthwiseConv2D":
            layer.set_weights([w * rng.lognormal(0, 1.2, (1, 1, w.shape[2], 1)) for w in layer.get_weights()])
        elif name == "BatchNormalization":
            layer.momentum = 0.0
            channels = layer.gamma.shape[0]
            layer.set_weights([rng.lognormal(0, 0.4, channels), rng.normal(0.5, 0.5, channels), *layer.get_weights()[2:]])
    body(inputs, training=True)


@pytest.fixture(scope="module")
def webs(saved: SavedModel, tmp_path_factory: pytest.TempPathFactory) -> dict[Mode, WebModel]:
    folder = tmp_path_factory.mktemp("webs")
    modes: tuple[Mode, ...] = ("none", "float16", "uint8", "naive-uint8", "auto")
    return {mode: quantize(saved, Quantization(mode, max_drop=60.0), folder / mode) for mode in modes}


@pytest.fixture(scope="module")
def inputs() -> Any:
    return natural_noise(Input(SIDE), 200, seed=6)


@pytest.mark.slow
def test_a_byte_a_weight_keeps_what_the_stock_rounding_forgets(webs: dict[Mode, WebModel], inputs: Any) -> None:
    """A model that amplifies noise: a third of its answers change when the stock converter rounds."""
    result = {mode: Runner(model_of(web), ["probabilities", "embedding"])(inputs) for mode, web in webs.items()}
    kept = {mode: float((p.argmax(1) == result["none"][0].argmax(1)).mean()) for mode, (p, _) in result.items()}
    noise = {mode: float(((e - result["none"][1]) ** 2).mean() ** 0.5) for mode, (_, e) in result.items()}
    assert kept["naive-uint8"] < 0.7
    assert kept["uint8"] > kept["naive-uint8"] + 0.1
    assert noise["uint8"] < 0.5 * noise["naive-uint8"]
    assert noise["float16"] < 0.1 * noise["uint8"]


@pytest.mark.slow
def test_a_byte_a_weight_is_no_more_than_five_hundredths_above_the_stock_rounding(webs: dict[Mode, WebModel]) -> None:
    ours, stock, half = (webs[mode].facts.storage for mode in ("uint8", "naive-uint8", "float16"))
    assert ours.bytes <= 1.05 * stock.bytes < half.bytes
    assert ours.gzip_bytes <= 1.07 * stock.gzip_bytes
    assert ours.bytes <= 0.26 * ours.float_bytes


@pytest.mark.slow
def test_biases_make_good_what_rounded_layers_shift_further_on(webs: dict[Mode, WebModel], inputs: Any) -> None:
    floats = model_of(webs["none"])
    layers, asked = layers_of(floats), inputs[:32]
    moments = moments_of(floats, layers, asked)
    plan = quantize_uint8(floats, layers, moments)
    exact, before, after = (
        Runner(floats.with_weights(weights), ["embedding"])(asked)[0].mean(0)
        for weights in ({}, plan.weights, settled(floats, moments, layers, plan, asked).weights)
    )
    assert np.abs(after - exact).mean() < 0.5 * np.abs(before - exact).mean()


@pytest.mark.slow
def test_auto_takes_fewer_bytes_and_says_why(webs: dict[Mode, WebModel]) -> None:
    facts = webs["auto"].facts.storage
    assert facts.gzip_bytes < 0.9 * webs["uint8"].facts.storage.gzip_bytes
    assert "noise" in facts.judged_by
    *good, bad = facts.steps
    assert max(step.lost for step in good) <= facts.max_drop < bad.lost
    assert facts.gzip_bytes > bad.gzip_bytes
    assert facts.layers[0].levels > 1
    assert facts.layers[0].bytes > 0


@pytest.mark.slow
def test_a_page_that_is_less_sure_has_lost_something_though_every_answer_is_kept(webs: dict[Mode, WebModel]) -> None:
    floats, contract = model_of(webs["none"]), webs["none"].contract
    judge = _Judge(floats, contract, None)
    assert judge.lost({}) == 0
    head = layers_of(floats)[-1]
    halved = {name: floats.weights[name] / 2 for name in (head.kernel, head.bias or "")}
    asked = natural_noise(Input(SIDE), 50, seed=1)
    before, after = (Runner(floats.with_weights(w), [contract.outputs.probabilities])(asked)[0] for w in ({}, halved))
    assert (before.argmax(1) == after.argmax(1)).all()
    assert judge.lost(halved) > 1


@pytest.mark.slow
def test_auto_that_may_lose_nothing_takes_a_byte_a_weight(saved: SavedModel, webs: dict[Mode, WebModel], tmp_path: Path) -> None:
    web = quantize(saved, Quantization("auto", max_drop=0.0), tmp_path / "strict")
    assert web.facts.storage.gzip_bytes == webs["uint8"].facts.storage.gzip_bytes


@pytest.mark.slow
def test_every_layer_stays_fused_and_pads_for_itself(webs: dict[Mode, WebModel]) -> None:
    for web in webs.values():
        ops = Counter(node["op"] for node in model_of(web).document["modelTopology"]["node"])
        assert ops["_FusedConv2D"] == 14
        assert ops["FusedDepthwiseConv2dNative"] == 13
        assert ops["Pad"] == ops["Conv2D"] == ops["DepthwiseConv2dNative"] == 0


@pytest.mark.slow
def test_folded_batch_norms_change_no_answer(saved: SavedModel, webs: dict[Mode, WebModel], inputs: Any) -> None:
    from pagesight.graph.tensorflow import tensorflow

    tf = tensorflow()
    served = tf.saved_model.load(str(saved.path / "saved_model")).signatures["serving_default"]
    expected = served(image=tf.constant(inputs[:16], tf.float32))["probabilities"].numpy()
    close = tolerance.of_model(model_of(webs["none"]), expected)
    assert np.abs(probabilities(webs["none"], inputs[:16]) - expected).max() <= close


@pytest.mark.slow
def test_padding_inside_the_convolution_changes_no_answer(saved: SavedModel, inputs: Any) -> None:
    from pagesight.graph import tensorflowjs
    from pagesight.graph.freeze import frozen_graph
    from pagesight.importers.saved_model import open_signature

    before = passes.tidied(GraphModel(*tensorflowjs.optimized(*frozen_graph(open_signature(saved.path / "saved_model")))))
    after = passes.padding_folded(before)
    assert sum(node["op"] == "Pad" for node in before.document["modelTopology"]["node"]) == 4
    answers = [Runner(model, ["probabilities"])(inputs[:16])[0] for model in (before, after)]
    assert np.abs(answers[0] - answers[1]).max() <= tolerance.of_model(before, answers[0])


@pytest.mark.slow
def test_padding_that_is_not_what_same_would_do_stays(webs: dict[Mode, WebModel]) -> None:
    """The twin: a Pad on the other side must not be folded."""
    document = {"modelTopology": {"node": _padded_nodes()}, "signature": _signature()}
    weights = {"pads": np.int32([[0, 0], [1, 0], [1, 0], [0, 0]]), "kernel": np.ones((3, 3, 2, 1), np.float32)}
    assert passes.padding_folded(GraphModel(document, weights)).document == document
    right = {**weights, "pads": np.int32([[0, 0], [0, 1], [0, 1], [0, 0]])}
    folded = passes.padding_folded(GraphModel(document, right)).document
    assert [n["op"] for n in folded["modelTopology"]["node"]] == ["Placeholder", "Const", "DepthwiseConv2dNative"]


def _padded_nodes() -> list[dict[str, Any]]:
    dtype, floats = {"type": "DT_FLOAT"}, {"T": {"type": "DT_FLOAT"}}
    size = {"shape": {"dim": [{"size": str(s)} for s in (1, 8, 8, 2)]}}
    strides = {"strides": {"list": {"i": ["1", "2", "2", "1"]}}, "padding": {"s": "VkFMSUQ="}, "data_format": {"s": "TkhXQw=="}}
    return [
        {"name": "image", "op": "Placeholder", "attr": {"dtype": dtype, "shape": size}},
        {"name": "pads", "op": "Const", "attr": {"dtype": {"type": "DT_INT32"}, "value": {"tensor": {}}}},
        {"name": "kernel", "op": "Const", "attr": {"dtype": dtype, "value": {"tensor": {}}}},
        {"name": "Pad", "op": "Pad", "input": ["image", "pads"], "attr": {**floats, "Tpaddings": {"type": "DT_INT32"}}},
        {"name": "out", "op": "DepthwiseConv2dNative", "input": ["Pad", "kernel"], "attr": {**floats, **strides}},
    ]


def _signature() -> dict[str, Any]:
    return {"inputs": {"image": {"name": "image:0"}}, "outputs": {"out": {"name": "out:0"}}}


@pytest.mark.slow
def test_another_process_gives_the_same_bytes_without_importing_the_whole_of_tensorflow(
    saved: SavedModel, webs: dict[Mode, WebModel], tmp_path: Path
) -> None:
    """Importing all of it takes longer than the conversion; afterwards it is there for those who want it."""
    script = (
        "import sys; from pathlib import Path; from pagesight.artifacts import SavedModel; from pagesight.quantize import quantize;"
        "from pagesight.options import Quantization as Q; quantize(SavedModel(Path(sys.argv[1])), Q('uint8'), Path(sys.argv[2]));"
        "from pagesight.graph.tensorflow import keras, tensorflow;"
        "assert keras().layers.Dense(2)(tensorflow().ones((1, 3))).shape == (1, 2)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", script, saved.path, tmp_path / "again"], check=True, env=environment, capture_output=True)
    assert manifest.list_files(tmp_path / "again") == manifest.list_files(webs["uint8"].path)


TFJS = ROOT / "web_template" / "node_modules" / "@tensorflow"
NODE = shutil.which("node")


@pytest.mark.slow
@pytest.mark.skipif(NODE is None or not (TFJS / "tfjs-backend-cpu").is_dir(), reason="no Node, or no TF.js in web_template/")
@pytest.mark.parametrize("mode", ["uint8", "auto"])
def test_stock_tfjs_reads_it_and_leaks_nothing(webs: dict[Mode, WebModel], inputs: Any, tmp_path: Path, mode: Mode) -> None:
    model_input = inputs[:1].astype(np.float32)
    model_input.tofile(tmp_path / "square.bin")
    script = ROOT / "tests" / "web" / "stock_graph_model.mjs"
    command = [str(NODE), str(script), str(TFJS), str(webs[mode].path / "model"), str(tmp_path / "square.bin"), str(SIDE)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    expected = probabilities(webs[mode], model_input)
    assert np.abs(np.float32(answer["probabilities"]) - expected[0]).max() <= tolerance.of_model(model_of(webs[mode]), expected)
    assert answer["inputs"] == 1
    assert answer["tensorsAfterEachCall"][1:] == answer["tensorsAfterEachCall"][:-1]
    assert answer["tensorsAfterDispose"] == 0


@pytest.mark.parametrize("channels", [3, 1])
def test_pictures_that_stand_in_for_photographs_have_edges_and_are_always_the_same(channels: int) -> None:
    options = Input(48, channels)
    drawn, noise = calibration_inputs(options, None), natural_noise(options, 64)
    assert drawn.shape == noise.shape == (64, 48, 48, channels)
    assert np.array_equal(drawn, calibration_inputs(options, None))
    steps = [np.diff(inputs.astype(float), axis=2) for inputs in (drawn, noise)]
    tails = [np.mean(step**4) / np.mean(step**2) ** 2 for step in steps]
    assert tails[0] > 2 * tails[1], "photographs have a kurtosis far above that of noise (Ruderman and Bialek 1994)"


def test_pictures_without_labels_calibrate_and_judge(saved: SavedModel, tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", ["disc", "square"], per_class=6)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    facts = quantize(saved, Quantization("auto"), tmp_path / "web", tmp_path / "photos").facts
    assert facts.storage.calibration_pictures == facts.pictures == 6
    assert facts.storage.judged_by == "agreement on 6 pictures without labels"
    assert facts.storage.top1_agreement >= 0.5
    (tmp_path / "empty").mkdir()
    with pytest.raises(QuantizeError, match="holds no picture"):
        quantize(saved, Quantization("uint8"), tmp_path / "none", tmp_path / "empty")
