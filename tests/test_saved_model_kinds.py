"""Promises about SavedModels and graphs: signatures, channels first, files, swish and integers are read right or refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pagesight.adopt import Adoption, adopt
from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import decoding

from . import foreign_models as foreign
from .test_adopt import LABELS, answers, graph_model

pytestmark = pytest.mark.filterwarnings("ignore")


def several(folder: Path) -> Any:
    """A SavedModel with a signature for pixels, one for pixels with channels first, and one for encoded files."""
    tf = tensorflow()
    module, random = tf.Module(), np.random.default_rng(0)
    kernel = tf.constant(random.normal(0, 0.3, (3, 3, 3, 4)).astype(np.float32))
    head = tf.constant(random.normal(0, 2, (4, 3)).astype(np.float32))

    def answer(pixels: Any) -> Any:
        x = tf.nn.silu(tf.nn.conv2d(pixels / 255.0, kernel, 2, "SAME"))
        return {"p": tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), head))}

    @tf.function(input_signature=[tf.TensorSpec([None, 16, 16, 3], tf.uint8)])
    def pixels(image: Any) -> Any:
        return answer(tf.cast(image, tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 3, 16, 16], tf.float32)])
    def first(image: Any) -> Any:
        return answer(tf.transpose(image, [0, 2, 3, 1]))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def files(image: Any) -> Any:
        decoded = tf.map_fn(lambda f: tf.io.decode_jpeg(f, 3), image, fn_output_signature=tf.uint8)
        return answer(tf.cast(tf.ensure_shape(decoded, [None, 16, 16, 3]), tf.float32))

    def resized(file: Any) -> Any:
        return tf.image.resize(tf.image.convert_image_dtype(tf.io.decode_jpeg(file, 3), tf.float32), (16, 16))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def scaled(image: Any) -> Any:
        return answer(255.0 * tf.map_fn(resized, image, fn_output_signature=tf.TensorSpec([16, 16, 3], tf.float32)))

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def loose(image: Any) -> Any:
        return answer(tf.cast(tf.io.decode_jpeg(image, 3)[None], tf.float32))

    signatures = {"pixels": pixels, "first": first, "files": files, "scaled": scaled, "loose": loose}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return lambda x: answer(tf.constant(x))["p"].numpy()


def test_a_signature_is_chosen_by_name_and_what_it_takes_is_seen(tmp_path: Path) -> None:
    expected, images = several(tmp_path / "m"), np.round(foreign.noise(16))
    with pytest.raises(AdoptError, match="has the signatures files, first, loose, pixels, scaled") as caught:
        adopt(tmp_path / "m", LABELS, tmp_path / "out")
    assert "--signature NAME" in caught.value.fix
    for name in ("pixels", "first"):
        saved = adopt(tmp_path / "m", Adoption(labels=foreign.LABELS, signature=name, compare=True), tmp_path / name)
        assert np.abs(answers(saved, images)["probabilities"] - expected(images)).max() < 1e-5
        assert saved.adopted.original.max_abs_diff is not None
        assert saved.adopted.original.max_abs_diff < 1e-5
    # Behind the decoder of files lie whole pixels, or such as were scaled and resized there: the original gets files.
    for name in ("files", "scaled"):
        saved = adopt(tmp_path / "m", Adoption(labels=foreign.LABELS, signature=name, compare=True), tmp_path / name)
        assert np.abs(answers(saved, images)["probabilities"] - expected(images)).max() < 1e-5
        assert saved.adopted.input.range == {"files": "0..255", "scaled": "0..1"}[name]
        assert saved.adopted.original.max_abs_diff is not None, saved.adopted.original.why_not
        assert saved.adopted.original.max_abs_diff < 1e-5
    with pytest.raises(AdoptError, match="nothing behind its decoder is a batch of pictures of one size"):
        adopt(tmp_path / "m", Adoption(labels=foreign.LABELS, signature="loose"), tmp_path / "loose")


def test_a_decoder_ends_where_all_ways_meet_and_reads_constants_of_its_own_function_alone() -> None:
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        start = tf.constant(1.0)
        left, right = start + 1, start * 2
        met = left + right
        end = tf.identity(tf.exp(met))
        _ = tf.identity(left)  # leads nowhere
    assert decoding._passed_by_all(start.op, end.op) == [start.op, met.op, end.op.inputs[0].op]
    assert decoding._passed_by_all(end.op, start.op) == []
    product = next(op.node_def for op in graph.get_operations() if op.type == "Mul")
    name = product.input[1].split(":")[0]
    byte, two = np.float32(1 / 255), np.float32(2)
    assert decoding._range([("f", product)], {("f", name): byte, ("g", name): two}) == "0..1"
    assert decoding._range([("f", product)], {("f", name): two, ("g", name): byte}) is None


def test_a_tfjs_graph_of_integers_is_given_pixels_as_they_are(tmp_path: Path) -> None:
    import json

    model, images = foreign.tiny(), np.round(foreign.noise(16))
    path = graph_model(model, tmp_path / "work")
    alone = tmp_path / "alone"
    alone.mkdir()
    for file in path.parent.iterdir():
        (alone / file.name).write_bytes(file.read_bytes())
    document = json.loads((alone / "model.json").read_text())
    nodes = document["modelTopology"]["node"]
    image = next(n for n in nodes if n["op"] == "Placeholder")
    image["attr"]["dtype"]["type"] = "DT_INT32"
    cast = {
        "name": "as_float",
        "op": "Cast",
        "input": [image["name"]],
        "attr": {"SrcT": {"type": "DT_INT32"}, "DstT": {"type": "DT_FLOAT"}},
    }
    for node in nodes:
        node["input"] = ["as_float" if i == image["name"] else i for i in node.get("input", [])]
    nodes.insert(nodes.index(image) + 1, cast)
    document["signature"]["inputs"][next(iter(document["signature"]["inputs"]))]["dtype"] = "DT_INT32"
    (alone / "model.json").write_text(json.dumps(document))
    saved = adopt(alone, LABELS, tmp_path / "out")
    assert np.abs(answers(saved, images)["probabilities"] - np.asarray(model(images))).max() < 1e-4
