"""One set of weights in every format that the peers read; made once, kept in build/bench."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import pagesight
from pagesight import backbones, export, manifest, pixels, records
from pagesight.artifacts import Dataset, Origin, TrainedModel
from pagesight.bundle import bundle
from pagesight.contract import Input
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.graph.tensorflowjs import _tensorflowjs
from pagesight.options import Bundling, Naming, Quantization, Rendering
from pagesight.quantize import quantize
from pagesight.records.training import TrainingFacts, Weights
from pagesight.render import render
from pagesight.synthetic.natural_noise import natural_noise
from pagesight.training import network

from . import CACHE, ROOT, stock

SHARED = Path(os.environ.get("PAGESIGHT_SHARED", ROOT.parent / "shared"))
DIGITS = tuple("0123456789")
_CALIBRATION = 100


@dataclass(frozen=True)
class Model:
    """One network: its bundle, the formats beside it, and whether its answers mean anything."""

    name: str
    folder: Path
    bundle: Path
    side: int
    labels: tuple[str, ...]
    dataset: Dataset | None = None

    @property
    def trained(self) -> bool:
        """False for random weights, which are good for latency only."""
        return self.dataset is not None


def digits() -> Model:
    """MobileNetV1 0.25 at 128 px, fine-tuned on photographs of hands where this machine has them, else on rendered ones."""
    photographs, weights = SHARED / "data" / "hand-digits", SHARED / "weights" / "mobilenet_2_5_128_tf_no_top.h5"
    if not photographs.is_dir():
        photographs, weights = CACHE / "hands", Path("starter")
        render(Rendering(), photographs)
    into = CACHE / "digits"
    pagesight.build(photographs, into, weights=str(weights), group_by=r"signer\d+", title="Number hands")
    work = into.parent / f".{into.name}.build"
    dataset = Dataset.open(work / "scan")
    model = Model("α 0.25, 128 px", CACHE / "digits.formats", into, 128, dataset.labels, dataset)
    return _with_formats(model, TrainedModel(work / "train"))


def wide() -> Model:
    """MobileNetV1 1.0 at 224 px with random weights."""
    made = untrained("mobilenet_v1_100_224", DIGITS, CACHE / "wide")
    model = Model("α 1.0, 224 px", CACHE / "wide.formats", made / "bundle", 224, DIGITS)
    return _with_formats(model, TrainedModel(made / "train"))


def untrained(backbone: str, labels: tuple[str, ...], into: Path) -> Path:
    """`into/{train,export,quantize,bundle}` of a network with random weights that keep the spread of what flows through it."""
    facts = TrainingFacts(backbone, Weights("random"), labels)
    key = {"facts": records.to_json(facts)}
    if not manifest.is_fresh(into / "train", "train", key):
        keras().utils.set_random_seed(0)
        model, _ = network.build(backbones.named(backbone), len(labels), None)
        _settle(model, backbones.named(backbone).side)
        with manifest.atomic_output_dir(into / "train", "train", key) as folder:
            model.save_weights(folder / TrainedModel.WEIGHTS_FILE)
            records.write(folder / "training.json", facts)
    trained = TrainedModel(into / "train")
    saved = export.export(trained, Naming("bench", "Bench"), into / "export")
    web = quantize(saved, Quantization(), into / "quantize")
    bundle(web, Bundling(), into / "bundle", Origin())
    return into


def _settle(model: Any, side: int) -> None:
    """Batch norms with the statistics of noise: without them signals fade to denormal numbers, which are slow."""
    for layer in model.submodules:
        if isinstance(layer, keras().layers.BatchNormalization):
            layer.momentum = 0.0
    model(natural_noise(Input(side), 8).astype(np.float32), training=True)


def _with_formats(model: Model, trained: TrainedModel) -> Model:
    """Write what the peers read beside the bundle; None is redone while the trained weights stay."""
    key = {"weights": manifest.sha256_file(trained.path / TrainedModel.WEIGHTS_FILE), "dataset": model.trained}
    if manifest.is_fresh(model.folder, "formats", key):
        return model
    network, _ = export._restored(trained)
    with manifest.atomic_output_dir(model.folder, "formats", key) as folder:
        _write_plain(network, folder / "saved_model")
        stock.convert(folder / "saved_model", folder / "graph")
        _write_layers(_without_scaling(network), folder / "layers", model.labels, model.side)
        inputs = _squares(model)
        np.save(folder / "calibration.npy", inputs)
        _write_tflite(network, inputs, folder)
        _write_pictures(model, network, folder)
        _write_onnx(folder)
    return model


def _write_plain(network: Any, into: Path) -> None:
    """A SavedModel with one output, probabilities, as people save it: uint8-valued RGB in, scaling inside."""
    plain = keras().Model(network.input, network.outputs[0])
    tensorflow().saved_model.save(plain, str(into))


def _without_scaling(network: Any) -> Any:
    """The layers behind the scaling: Teachable Machine scales for itself, to -1..1."""
    tk = keras()
    body = next(layer for layer in network.layers if isinstance(layer, tk.Model))
    pooled = tk.layers.GlobalAveragePooling2D()(body.output)
    return tk.Model(body.input, network.get_layer("head")(pooled))


def _write_layers(model: Any, into: Path, labels: tuple[str, ...], side: int) -> None:
    """A layers model with the metadata that Teachable Machine puts beside it."""
    _tensorflowjs().converters.save_keras_model(model, str(into))
    metadata = {
        "tfjsVersion": "1.3.1",
        "tmVersion": "2.4.7",
        "packageVersion": "0.8.4",
        "packageName": "@teachablemachine/image",
        "timeStamp": "2024-01-01T00:00:00.000Z",
        "userMetadata": {},
        "modelName": "bench",
        "labels": list(labels),
        "imageSize": side,
    }
    (into / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")


def teachable_export() -> Model:
    """A layers model of the size that Teachable Machine exports: MobileNetV2 0.35 at 224 px and its two dense layers, random."""
    model = Model("Teachable Machine's own", CACHE / "teachable.formats", CACHE, 224, DIGITS)
    key = {"network": "MobileNetV2 0.35"}
    if not manifest.is_fresh(model.folder, "formats", key):
        tk = keras()
        tk.utils.set_random_seed(0)
        body = tk.applications.MobileNetV2((224, 224, 3), alpha=0.35, include_top=False, weights=None)
        hidden = tk.layers.Dense(100, activation="relu")(tk.layers.GlobalAveragePooling2D()(body.output))
        network = tk.Model(body.input, tk.layers.Dense(len(DIGITS), activation="softmax", use_bias=False)(hidden))
        with manifest.atomic_output_dir(model.folder, "formats", key) as folder:
            _write_layers(network, folder / "layers", DIGITS, model.side)
            _write_pictures(model, network, folder)
    return model


def _squares(model: Model) -> Any:
    """What calibrates the peers' int8: squares of the train side, as Pagesight's own calibration takes them, or noise."""
    options = Input(model.side)
    if model.dataset is None:
        return natural_noise(options, _CALIBRATION)
    train = model.dataset.on("train")
    step = max(1, len(train) // _CALIBRATION)
    return np.stack([pixels.read_model_input(model.dataset.read_bytes(p), options) for p in train[::step][:_CALIBRATION]])


def _write_tflite(network: Any, inputs: Any, into: Path) -> None:
    """float32.tflite, and int8.tflite with float ends, by TensorFlow's own converter."""
    tf = tensorflow()
    side = inputs.shape[1]
    plain = keras().Model(network.input, network.outputs[0])
    serve = tf.function(lambda image: plain(image, training=False)).get_concrete_function(
        tf.TensorSpec([1, side, side, 3], tf.float32)
    )
    for name in ("float32", "int8"):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([serve], plain)
        if name == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([s[None].astype(np.float32)] for s in inputs)
        (into / f"{name}.tflite").write_bytes(converter.convert())


def _write_pictures(model: Model, network: Any, into: Path) -> None:
    """`picture.jpg`, 640×480, and the test side with its labels and what the float model answers to it."""
    (into / "pictures").mkdir()
    chosen = model.dataset.on("test") if model.dataset else []
    rows = []
    for number, picture in enumerate(chosen):
        data = model.dataset.read_bytes(picture)
        model_input = pixels.read_model_input(data, Input(model.side))
        answer = int(network(model_input[None].astype(np.float32), training=False)[0].numpy().argmax())
        suffix = Path(picture.path).suffix
        (into / "pictures" / f"{number}{suffix}").write_bytes(data)
        rows.append({"path": f"pictures/{number}{suffix}", "label": model.labels[picture.label], "float": model.labels[answer]})
    (into / "pictures.json").write_text(json.dumps(rows), encoding="utf-8")
    image = pixels.decode(model.dataset.read_bytes(chosen[0])) if chosen else Image.fromarray(natural_noise(Input(480), 1)[0])
    wide = Image.new("RGB", (640, 480), (120, 120, 120))
    wide.paste(image.resize((480, 480), Image.Resampling.LANCZOS), (80, 0))
    wide.save(into / "picture.jpg", quality=90)


def _write_onnx(folder: Path) -> None:
    """float32.onnx and int8.onnx, made in an environment of their own: the tools clash with TensorFlow's protobuf here."""
    environment = CACHE / "onnx"
    python, here = environment / "bin" / "python", Path(__file__).parent
    uv = ROOT / ".venv" / "bin" / "uv"
    steps: list[list[Any]] = [[python, here / "onnx_files.py", folder]]
    if not python.is_file():
        install = [uv, "pip", "install", "--quiet", "--python", python, "-r", here / "onnx-requirements.txt"]
        steps = [[uv, "venv", "--quiet", environment], install, *steps]
    for step in steps:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode:  # the rows of ONNX then say that there are no files
            (folder / "onnx-error.txt").write_text(done.stderr[-2000:], encoding="utf-8")
            return
