"""Promises about export: raw pixels in, three outputs out, whatever the backbone was made of."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pagesight.artifacts import SavedModel
from pagesight.export import export
from pagesight.graph.model import GraphModel, Runner
from pagesight.options import Naming, Quantization, Scanning, Training
from pagesight.quantize import quantize
from pagesight.scan import scan
from pagesight.train import train

from . import tolerance
from .conftest import PhotoFolder


def test_a_branch_on_a_constant_is_replaced_by_the_way_taken() -> None:
    from pagesight.graph.conditionals import decided
    from pagesight.graph.tensorflow import tensorflow

    tf = tensorflow()

    def serve(x: object) -> object:
        return tf.cond(tf.constant(True), lambda: tf.nn.relu(x) * 2.0, lambda: x - 1.0)

    function = tf.function(serve, autograph=False).get_concrete_function(tf.TensorSpec([3], tf.float32, name="x"))
    before = function.graph.as_graph_def()
    assert "StatelessIf" in {n.op for n in before.node}
    after = decided(before)
    assert {"Relu", "Mul"} <= {n.op for n in after.node}
    assert not {"StatelessIf", "Sub"} & {n.op for n in after.node}
    flat = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(after, name=""), [])
    run = flat.prune(["x:0"], [function.outputs[0].name])
    assert run(tf.constant([-1.0, 0.5, 2.0]))[0].numpy().tolist() == [0.0, 1.0, 4.0]


@pytest.mark.slow
@pytest.mark.shared
def test_a_hub_backbone_comes_out_fused_with_its_feature_map(
    photos: PhotoFolder, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(shared / "tfhub"))
    handle = "https://tfhub.dev/google/imagenet/mobilenet_v1_025_128/feature_vector/5"
    dataset = scan(photos("disc", "square"), Scanning(), tmp_path / "scan")
    trained = train(dataset, Training(weights=handle, epochs=1), tmp_path / "train")
    saved = SavedModel(export(trained, Naming("n", "N"), tmp_path / "export").path)
    web = quantize(saved, Quantization("none"), tmp_path / "web")
    topology = json.loads((web.path / "model" / "model.json").read_text())["modelTopology"]
    ops = Counter(node["op"] for node in topology["node"])
    assert (ops["_FusedConv2D"], ops["FusedDepthwiseConv2dNative"]) == (14, 13)
    outputs = web.contract.outputs
    assert outputs.embedding
    assert outputs.features
    run = Runner(GraphModel.read(web.path / "model/model.json"), [outputs.probabilities, outputs.embedding, outputs.features])
    probabilities, embedding, features = run(np.zeros((2, 128, 128, 3), np.uint8))
    assert probabilities.sum(1) == pytest.approx([1, 1], abs=tolerance.of_sum(2, 1))
    assert features.mean((1, 2)) == pytest.approx(embedding, abs=tolerance.of_sum(16, features.max()))
