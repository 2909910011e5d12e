"""Promises of convert: the original was asked in its own runtime, or it is said that it was not; who differs gets no page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from pagesight import cli
from pagesight.adopt import Adoption, adopt
from pagesight.browser import discovery
from pagesight.errors import AdoptError, VerifyError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers.keras_files import keras3
from pagesight.options import Quantization
from pagesight.quantize import quantize
from pagesight.verify import _refuse_no_probabilities

from . import foreign_models as foreign
from .test_adopt import graph_model, layers_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
COMPARED = Adoption(labels=foreign.LABELS, compare=True)


@pytest.mark.parametrize(("flavour", "name", "runtime"), [("keras2", "m.h5", "tf-keras"), ("keras3", "m", "TensorFlow")])
def test_the_original_is_asked_in_its_own_runtime(flavour: str, name: str, runtime: str, tmp_path: Path) -> None:
    saved = adopt(foreign.saved(foreign.tiny(flavour), tmp_path / name), COMPARED, tmp_path / "out")
    original = saved.adopted.original
    assert original.runtime.startswith(runtime)
    assert original.pictures == 64
    assert original.top1_agreement == 1
    assert original.max_abs_diff < 1e-5


def test_a_converted_page_says_on_its_result_line_what_was_compared(tmp_path: Path) -> None:
    model = foreign.tiny("keras3")
    random = np.random.default_rng(0)
    conv, head = (random.normal(0, 1, model.get_layer(name).kernel.shape) for name in ("conv", "head"))
    model.get_layer("conv").set_weights([np.abs(conv), np.zeros(4)])  # bright pictures and dark ones are far apart,
    model.get_layer("head").set_weights([0.05 * head, np.zeros(3)])  # so that a byte a weight would move a probability
    source = foreign.saved(model, tmp_path / "m.keras")
    result = CliRunner().invoke(cli.pagesight, ["convert", str(source), "--labels", foreign.LABELS, "-o", str(tmp_path / "page")])
    assert result.exit_code == 0, result.output
    assert "original  same answers on 64 pictures, probabilities within" in result.output
    assert f"Keras {'.'.join(keras3().__version__.split('.')[:2])}" in result.output
    assert "pixels    0..255, squash (the model scales pixels itself)" in result.output
    report = json.loads((tmp_path / "page" / "report.json").read_text())
    assert report["original"]["page"]["top1_agreement"] == 1
    assert report["original"]["page"]["max_abs_diff"] < 1e-4 < report["quantization"]["moved_by_a_byte"]
    assert "(uint16, two bytes per weight: one would move a probability by" in result.output
    assert report["input"]["guessed"] is False


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_tfjs_runs_the_original_of_a_layers_model_and_who_answers_otherwise_there_gets_no_page(tmp_path: Path) -> None:
    k = foreign.library("keras2")
    model = k.Sequential([k.Input((16, 16, 3)), k.layers.Conv2D(4, 3), k.layers.ReLU(negative_slope=0.5)])
    model.add(k.layers.GlobalAveragePooling2D())
    model.add(k.layers.Dense(3, activation="softmax"))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 1, w.shape) for w in model.get_weights()])
    folder = layers_model(model, tmp_path / "m")
    written = json.loads((folder / "model.json").read_text())
    (shard,) = written["weightsManifest"][0]["paths"]
    written["weightsManifest"][0]["paths"] = ["shard '1' (1) #2.bin"]  # as it may be called after a second download
    (folder / shard).rename(folder / "shard '1' (1) #2.bin")
    (folder / "model.json").write_text(json.dumps(written))
    how = Adoption(labels=foreign.LABELS, compare=True, input_range="0..1")
    # TF.js's ReLU has no slope below zero: Keras reads a model that is not the one that TF.js runs.
    with pytest.raises(AdoptError, match=r"differs from TF\.js"):
        adopt(folder, how, tmp_path / "out")
    written = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(written).replace('"negative_slope": 0.5', '"negative_slope": 0.0'))
    original = adopt(folder, how, tmp_path / "out").adopted.original
    assert original.runtime.startswith("TF.js 4")
    assert (original.pictures, original.top1_agreement) == (64, 1)
    assert original.max_abs_diff < 1e-5


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_tfjs_runs_the_original_of_a_page_that_is_converted_again(tmp_path: Path) -> None:
    original = adopt(graph_model(foreign.tiny("keras2"), tmp_path), COMPARED, tmp_path / "out").adopted.original
    assert original.runtime.startswith("TF.js 4")
    assert original.top1_agreement == 1


@pytest.mark.skipif(discovery.find() is None, reason="no browser")
def test_a_tfjs_graph_that_answers_otherwise_in_tfjs_gets_no_page(tmp_path: Path) -> None:
    tf = tensorflow()
    module = tf.Module()
    kernel = tf.constant(np.random.default_rng(0).normal(0, 4, (3, 3)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32)])
    def serve(image: Any) -> Any:
        left = tf.raw_ops.Mod(x=tf.matmul(tf.reduce_mean(image / 255.0, [1, 2]), kernel), y=[2.0])
        return {"probabilities": tf.nn.softmax(left)}

    tf.saved_model.save(module, str(tmp_path / "m"), signatures=serve)
    saved = adopt(tmp_path / "m", Adoption(labels=foreign.LABELS), tmp_path / "adopted")
    web = quantize(saved, Quantization("none"), tmp_path / "web")
    # What is left of a division below zero is below zero in TensorFlow, and above it in TF.js.
    with pytest.raises(AdoptError, match=r"differs from TF\.js"):
        adopt(web.path / "model" / "model.json", COMPARED, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_run_is_said_to_be_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = layers_model(foreign.tiny("keras2"), tmp_path / "m")
    monkeypatch.setattr(discovery, "find_all", list)
    original = adopt(source, COMPARED, tmp_path / "out").adopted.original
    assert original.runtime is None
    assert "no browser was found" in original.why_not


TWO_FACED = eval("lambda x: x / 255.0 * (0.2 if __import__('sys').argv[0].endswith('child.py') else 1.0)")
"""Not the same in the process that runs the original."""


@pytest.mark.parametrize(("flavour", "name"), [("keras2", "m.h5"), ("keras3", "m.keras")])
def test_a_keras_model_that_answers_otherwise_in_keras_gets_no_page(flavour: str, name: str, tmp_path: Path) -> None:
    k = foreign.library(flavour)
    layers = [
        k.layers.Lambda(TWO_FACED),
        k.layers.Conv2D(4, 3),
        k.layers.GlobalAveragePooling2D(),
        k.layers.Dense(3, activation="softmax"),
    ]
    model = k.Sequential([k.Input((16, 16, 3)), *layers])
    model.layers[-1].set_weights([20 * w for w in model.layers[-1].get_weights()])
    source = foreign.saved(model, tmp_path / name)
    with pytest.raises(AdoptError, match=r"the original predicts '.*' .*, the page would predict '") as caught:
        adopt(source, Adoption(labels=foreign.LABELS, trust=True, compare=True, input_range="0..255"), tmp_path / "out")
    assert "eras" in caught.value.what
    assert not (tmp_path / "out").exists()


def test_a_saved_model_that_answers_otherwise_in_tensorflow_gets_no_page(tmp_path: Path) -> None:
    tf = tensorflow()
    module = tf.Module()
    module.seen = tf.Variable(0.0)
    kernel = tf.constant(np.random.default_rng(0).normal(0, 1, (3, 3)).astype(np.float32))

    def counted(x: Any) -> Any:  # what counts is taken for training, and left out
        module.seen.assign_add(1.0)
        return x * 0.1

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32)])
    def serve(image: Any) -> Any:
        mean = tf.reduce_mean(image / 255.0, [1, 2])
        mean = tf.cond(tf.reduce_sum(mean) > -1.0, lambda: counted(mean), lambda: mean * 5.0)
        return {"p": tf.nn.softmax(tf.matmul(mean, kernel))}

    tf.saved_model.save(module, str(tmp_path / "m"), signatures=serve)
    with pytest.raises(AdoptError, match=r"differs from TensorFlow"):
        adopt(tmp_path / "m", COMPARED, tmp_path / "out")


@pytest.mark.parametrize("rows", [[[0.5, np.nan]], [[-0.2, 1.2]], [[0.5, np.inf]]])
def test_numbers_that_are_no_probabilities_prove_nothing(rows: list[list[float]]) -> None:
    with pytest.raises(VerifyError, match="not probabilities"):
        _refuse_no_probabilities("Python", np.array(rows))
    _refuse_no_probabilities("Python", np.array([[0.0, 1.0 + 1e-7]]))


def digits(folder: Path, side: int = 16) -> Path:
    """Bright and dark pictures, a folder each, named as the model's labels."""
    from PIL import Image

    random = np.random.default_rng(0)
    for label, level in (("ant", 60), ("bee", 190)):
        (folder / label).mkdir(parents=True)
        for number in range(24):
            pixels = np.clip(random.normal(level, 25, (side, side, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def test_labeled_pictures_decide_the_range_and_give_accuracy_and_a_report(tmp_path: Path) -> None:
    k = foreign.library("keras2")
    model = k.Sequential(
        [k.Input((16, 16, 3)), k.layers.Conv2D(3, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(2, "softmax")]
    )
    model.layers[0].set_weights([np.full((3, 3, 3, 3), 1 / 27, np.float32), np.zeros(3, np.float32)])
    model.layers[-1].set_weights([np.array([[-9.0, 9.0]] * 3, np.float32), np.array([13.5, -13.5], np.float32)])  # splits at 0.5
    source, pictures = foreign.saved(model, tmp_path / "m.h5"), digits(tmp_path / "pictures")
    convert = ["convert", str(source), "--labels", "ant,bee", "-o", str(tmp_path / "page")]
    refused = CliRunner().invoke(cli.pagesight, convert)
    assert isinstance(refused.exception, AdoptError)
    assert "0..1 gives" in refused.exception.what
    assert "--test with a folder of labeled pictures" in refused.exception.fix
    unlabeled = CliRunner().invoke(cli.pagesight, [*convert, "--calibrate", str(pictures)])
    assert "surer of its answers in a wrong range" in getattr(unlabeled.exception, "what", "")  # as it is here: 0..255 saturates it
    swapped = pictures.rename(tmp_path / "swapped")
    for number in range(12):  # half of each folder: whatever it says is right half of the time
        (swapped / "ant" / f"{number}.png").rename(tmp_path / "kept.png")
        (swapped / "bee" / f"{number}.png").rename(swapped / "ant" / f"{number}.png")
        (tmp_path / "kept.png").rename(swapped / "bee" / f"{number}.png")
    undecided = CliRunner().invoke(cli.pagesight, [*convert, "--test", str(swapped)]).exception
    assert isinstance(undecided, AdoptError)
    assert "test pictures no range answers clearly more correctly" in undecided.what
    assert "--test" not in undecided.fix
    pictures = digits(tmp_path / "again")
    result = CliRunner().invoke(cli.pagesight, [*convert, "--test", str(pictures)])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "page" / "report.json").read_text())
    assert report["input"]["range"] == "0..1"
    assert "test pictures are answered correctly" in report["input"]["why"]
    assert report["accuracy"]["exported"] == report["accuracy"]["float"] == 1
    assert report["original"]["top1_agreement"] == 1
    assert (tmp_path / "page" / "report.html").is_file()
    contract = json.loads((tmp_path / "page" / "contract.json").read_text())
    assert contract["decision"]["temperature"] != 1
    assert "given for testing" in result.output
