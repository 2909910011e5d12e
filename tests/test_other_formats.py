"""Promises about TFLite and ONNX files: they answer as their own runtimes do, or the node that is not read is named."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagesight import importers
from pagesight.adopt import Adoption, adopt
from pagesight.artifacts import ORIGINAL_ANSWERS
from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.importers import last_layer, onnx
from pagesight.importers.against_original import against_original
from pagesight.importers.onnx_proto import messages
from pagesight.importers.original import source_of, started
from pagesight.sandbox import Handed

pytestmark = pytest.mark.filterwarnings("ignore")
SIDE = 24


def answers(path: Path, pictures: Any, tmp_path: Path) -> tuple[Any, Any]:
    """What the imported model gives for float pictures `[n, h, w, 3]`, and the model."""
    scratch = tmp_path / f"scratch-{path.name}"
    scratch.mkdir()
    model = importers.read(path, scratch)
    return run(model, pictures), model


def run(model: Any, pictures: Any) -> Any:
    spec = tensorflow().TensorSpec([None, *pictures.shape[1:]], "float32")
    function = tensorflow().function(model.call, autograph=False).get_concrete_function(spec)
    return np.asarray(function(tensorflow().constant(pictures.astype(np.float32))))


def tflite_answers(data: bytes, pictures: Any) -> Any:
    interpreter = tensorflow().lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    (told,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for picture in pictures:
        value = picture - 128 if told["dtype"] == np.int8 else picture
        interpreter.set_tensor(told["index"], value[None].astype(told["dtype"]))
        interpreter.invoke()
        row = interpreter.get_tensor(out["index"])[0].astype(np.float32)
        scale, zero = out["quantization"]
        rows.append((row - zero) * scale if scale else row)
    return np.stack(rows)


def network(sharpness: float = 1) -> Any:
    """A few layers of the kinds that phones run, with weights that answer differently to different pictures."""
    k = keras()
    image = k.Input((SIDE, SIDE, 3))
    x = k.layers.Conv2D(8, 3, 2, "same", activation="relu6")(k.layers.Rescaling(1 / 127.5, -1)(image))
    x = k.layers.BatchNormalization()(k.layers.DepthwiseConv2D(3, padding="same")(x))
    y = k.layers.Activation("hard_sigmoid")(k.layers.Conv2D(8, 1)(x))
    x = k.layers.Concatenate()([k.layers.Multiply()([x, y]), k.layers.MaxPooling2D(3, 1, "same")(x)])
    x = k.layers.GlobalAveragePooling2D()(k.layers.ReLU()(x))
    model = k.Model(image, k.layers.Dense(4, activation="softmax")(x))
    rng = np.random.default_rng(0)
    for v in model.weights:
        v.assign(rng.uniform(0.5, 1.5, v.shape) if "gamma" in v.name or "variance" in v.name else rng.normal(0, 0.6, v.shape))
    model.layers[-1].kernel.assign(model.layers[-1].kernel * sharpness)
    return model


def without_activations(data: bytes) -> bytes:
    """As early converters wrote rounded models: an activation that the range of its feature map implies is left out."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for operator in model.subgraphs[0].operators:
        if getattr(operator.builtinOptions, "fusedActivationFunction", 0):
            operator.builtinOptions.fusedActivationFunction = 0
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("kind", ["float32", "float16", "int8", "uint8"])
def test_a_tflite_file_answers_as_the_interpreter_does(kind: str, tmp_path: Path) -> None:
    tf = tensorflow()
    pictures = np.random.default_rng(1).integers(0, 256, (16, SIDE, SIDE, 3)).astype(np.float32)
    pictures *= np.linspace(0.1, 1, 16)[:, None, None, None]
    pictures = pictures.round()
    converter = tf.lite.TFLiteConverter.from_keras_model(network())
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif kind != "float32":
        converter.representative_dataset = lambda: ([p[None]] for p in pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(kind)
    data = converter.convert()
    if kind == "int8":
        data = without_activations(data)
    (tmp_path / "m.tflite").write_bytes(data)
    ours, model = answers(tmp_path / "m.tflite", pictures, tmp_path)
    theirs = tflite_answers(data, pictures)
    whole = kind in ("int8", "uint8")
    assert np.std(theirs) > 0.01
    # The interpreter rounds every feature map of a quantized model to 8 bits; the numbers behind them are not rounded here.
    assert np.abs(ours - theirs).max() < (0.1 if whole else 1e-5)
    assert model.input_range == ("0..255" if whole else None)
    assert bool(model.notes) == whole


def tensor(name: str, value: Any) -> Any:
    value = np.asarray(value)
    kind, dtype = {"f": (1, "<f4"), "i": (7, "<i8"), "u": (2, "|u1")}[value.dtype.kind]
    data = value.astype(dtype).tobytes()
    return messages().Tensor(name=name, dims=value.shape, data_type=kind, raw_data=data)


def node(op: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
    made = messages().Node(op_type=op, input=inputs, output=[output], name=f"make_{output}")
    for key, value in attributes.items():
        if isinstance(value, list) and isinstance(value[0], float):
            made.attribute.add(name=key, floats=value, type=6)
        elif isinstance(value, list):
            made.attribute.add(name=key, ints=value, type=7)
        elif isinstance(value, float):
            made.attribute.add(name=key, f=value, type=1)
        else:
            made.attribute.add(name=key, i=value, type=2)
    return made


def onnx_file(path: Path, nodes: list[Any], weights: dict[str, Any], last: str) -> Path:
    m = messages()
    picture = m.ValueInfo(name="image")
    picture.type.tensor_type.elem_type = 1
    for n in (0, 3, SIDE, SIDE):
        picture.type.tensor_type.shape.dim.add(**({"dim_value": n} if n else {"dim_param": "batch"}))
    answer = m.ValueInfo(name=last)
    answer.type.tensor_type.elem_type = 1
    graph = m.Graph(name="g", node=nodes, initializer=[tensor(k, v) for k, v in weights.items()], input=[picture], output=[answer])
    model = m.Model(ir_version=8, graph=graph)
    model.opset_import.add(domain="", version=13)
    path.write_bytes(model.SerializeToString())
    return path


def as_torch_writes(path: Path, seed: int = 0) -> Path:
    """Convolutions of every kind of padding and grouping, pooling that counts its borders, and shapes that are computed."""
    rng = np.random.default_rng(seed)

    def w(*shape: int) -> Any:
        return rng.normal(0, 0.4, shape).astype(np.float32)

    weights = {
        "k1": w(8, 3, 3, 3), "b1": w(8), "k2": w(8, 1, 3, 3), "k3": w(12, 4, 1, 1), "gamma": 1 + 0.1 * w(12), "beta": w(12),
        "mean": w(12), "var": np.abs(w(12)) + 0.5, "low": np.float32(0), "high": np.float32(6), "k4": w(5, 12 * 9), "b4": w(5),
        "minus": np.asarray([-1]), "zero": np.asarray(0), "axis": np.asarray([0]), "shift": w(12, 1, 1), "pads": np.asarray(
            [0, 0, 1, 0, 0, 0, 0, 1]),
    }  # fmt: skip
    nodes = [
        node("Conv", ["image", "k1", "b1"], "a", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Clip", ["a", "low", "high"], "b"),
        node("Conv", ["b", "k2"], "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=8, dilations=[1, 1]),
        node("Add", ["b", "c"], "d"),
        node("Conv", ["d", "k3"], "e", kernel_shape=[1, 1], group=2),
        node("BatchNormalization", ["e", "gamma", "beta", "mean", "var"], "f", epsilon=1e-3),
        node("LeakyRelu", ["f"], "g", alpha=0.2),
        node("Add", ["g", "shift"], "h"),
        node("MaxPool", ["h"], "i", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Pad", ["i", "pads"], "i2"),
        node("AveragePool", ["i2"], "j", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0], count_include_pad=1),
        node("Shape", ["j"], "s"),
        node("Gather", ["s", "zero"], "n", axis=0),
        node("Unsqueeze", ["n", "axis"], "n1"),
        node("Concat", ["n1", "minus"], "target", axis=0),
        node("Reshape", ["j", "target"], "flat"),
        node("Gemm", ["flat", "k4", "b4"], "logits", transB=1),
        node("Softmax", ["logits"], "answer", axis=1),
    ]
    return onnx_file(path, nodes, weights, "answer")


def test_an_onnx_file_answers_as_onnxruntime_does(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = as_torch_writes(tmp_path / "m.onnx")
    pictures = np.random.default_rng(1).normal(size=(6, SIDE, SIDE, 3)).astype(np.float32)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    theirs = np.concatenate([session.run(None, {"image": p.transpose(2, 0, 1)[None]})[0] for p in pictures])
    ours, model = answers(path, pictures, tmp_path)
    assert model.size == (SIDE, SIDE, 3)
    assert np.std(theirs) > 0.01
    assert np.abs(ours - theirs).max() < 1e-5


def softmax(x: Any, axis: int) -> Any:
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


Q = {"step": np.float32(0.02), "zero": np.uint8(0), "high": np.uint8(64)}
CODED = np.random.default_rng(3).normal(size=(3, 1, 1)).astype(np.float32)
NORM = {"scale": np.ones(24), "offset": np.arange(24.0), "mean": np.zeros(24), "var": np.ones(24)}
OPS: dict[str, tuple[list[Any], dict[str, Any], Any]] = {
    "a quantizer that does what a ReLU did": (
        [node("QuantizeLinear", ["image", "step", "zero"], "q"), node("DequantizeLinear", ["q", "step", "zero"], "answer")],
        Q,
        lambda x: np.clip(x, 0, 255 * 0.02),
    ),
    "a quantizer whose zero lies within": (
        [node("QuantizeLinear", ["image", "step", "high"], "q"), node("DequantizeLinear", ["q", "step", "high"], "answer")],
        Q,
        lambda x: np.clip(x, -64 * 0.02, (255 - 64) * 0.02),
    ),
    "weights that are rounded in the graph": (
        [
            node("QuantizeLinear", ["w", "step", "high"], "q"),
            node("DequantizeLinear", ["q", "step", "high"], "d"),
            node("Mul", ["image", "d"], "answer"),
        ],
        {**Q, "w": CODED},
        lambda x: x * ((np.clip(np.rint(CODED / np.float32(0.02)) + 64, 0, 255) - 64) * 0.02),
    ),
    "an ELU of another slope": (
        [node("Elu", ["image"], "answer", alpha=0.25)], {}, lambda x: np.where(x > 0, x, 0.25 * (np.exp(x) - 1))
    ),
    "a softmax over the width": ([node("Softmax", ["image"], "answer", axis=3)], {}, lambda x: softmax(x, 3)),
    "a batch norm of rows": (
        [
            node("Reshape", ["image", "rows"], "r"),
            node("BatchNormalization", ["r", "scale", "offset", "mean", "var"], "answer", epsilon=0.0),
        ],
        {**NORM, "rows": np.asarray([1, 24, 72])},
        lambda x: x.reshape(-1, 24, 72) + np.arange(24.0)[:, None],
    ),
    "a list of numbers in a node": (
        [node("Constant", [], "c", value_floats=[0.5]), node("Mul", ["image", "c"], "answer")], {}, lambda x: x * 0.5
    ),
    "a mean of nothing": (
        [node("ReduceMax", ["image"], "answer", noop_with_empty_axes=1)], {}, lambda x: x
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OPS)
def test_an_onnx_op_means_what_onnx_says(case: str, tmp_path: Path) -> None:
    nodes, weights, expected = OPS[case]
    found = onnx.open_file(onnx_file(tmp_path / "m.onnx", nodes, weights, "answer"))
    pictures = np.random.default_rng(2).normal(size=(2, SIDE, SIDE, 3)).astype(np.float32) * 3
    model = importers.build(Handed(dict(found.facts), dict(found.arrays), ()), tmp_path / "m.onnx", tmp_path)
    ours = run(model, pictures)
    # Float32 sums of a few terms of size 10; quantizers round to steps of 0.02, what is read of them does not.
    assert np.abs(ours - expected(pictures.transpose(0, 3, 1, 2))).max() < 1e-5


def test_an_op_that_is_not_read_is_named_with_its_node(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "m.onnx", [node("NonZero", ["image"], "answer")], {}, "answer")
    (tmp_path / "scratch").mkdir()
    with pytest.raises(AdoptError, match="the ONNX op NonZero in the node 'make_answer' is not supported"):
        importers.read(path, tmp_path / "scratch")


def quantized(pictures: Any) -> bytes:
    """The network in whole numbers, with feature maps that reach as far as those of `pictures`."""
    tf = tensorflow()
    converter = tf.lite.TFLiteConverter.from_keras_model(network(sharpness=4))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([p[None]] for p in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    return bytes(converter.convert())


def clipped(data: bytes) -> bytes:
    """The same file, with a scale before its last product that lets no more than a hundredth through."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(data))
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    graph = model.subgraphs[0]
    product = next(o for o in graph.operators if codes[o.opcodeIndex] == schema.BuiltinOperator.FULLY_CONNECTED)
    told = graph.tensors[product.inputs[0]].quantization
    told.scale = told.scale / 100
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@pytest.mark.slow
def test_the_original_of_an_onnx_file_is_asked_in_onnx_runtime(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = as_torch_writes(tmp_path / "m.onnx")
    how = Adoption(labels="a,b,c,d,e", input_range="0..1", compare=True)
    original = adopt(path, how, tmp_path / "out").adopted.original
    assert original.runtime.startswith("ONNX Runtime")
    assert (original.pictures, original.top1_agreement) == (64, 1)
    assert original.max_abs_diff < 1e-4
    # Asked the same, a file with other weights answers otherwise: no page is made of what was read.
    other = as_torch_writes(tmp_path / "other.onnx", seed=1)
    taken = np.load(tmp_path / "out" / ORIGINAL_ANSWERS)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    source = source_of(other, importers.read(other, scratch), trust=False)
    reading = last_layer.Reading(probabilities=lambda scores: scores, multilabel=False)
    with started(source) as running, pytest.raises(AdoptError, match=r"differs from ONNX Runtime"):
        against_original(running, taken["inputs"], taken["probabilities"], input_range="0..1", reading=reading, labels="abcde")


@pytest.mark.slow
def test_the_original_of_a_tflite_file_is_asked_in_the_interpreter(tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (16, SIDE, SIDE, 3)).astype(np.float32)
    (tmp_path / "m.tflite").write_bytes(quantized(pictures))
    how = Adoption(labels="a,b,c,d", compare=True)
    original = adopt(tmp_path / "m.tflite", how, tmp_path / "out").adopted.original
    assert original.runtime.startswith("TensorFlow Lite")
    assert original.pictures == 64
    assert original.max_abs_diff < 0.1
    # Where one feature map's scale is too fine, the interpreter clips it, and what was read does not.
    (tmp_path / "clipped.tflite").write_bytes(clipped((tmp_path / "m.tflite").read_bytes()))
    with pytest.raises(AdoptError, match=r"differs from TensorFlow Lite"):
        adopt(tmp_path / "clipped.tflite", how, tmp_path / "clipped")
    assert not (tmp_path / "clipped").exists()
