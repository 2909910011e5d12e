"""A web model as a TFLite file: for phones, small boards, and whatever else runs LiteRT."""

from functools import partial
from pathlib import Path

from pagesight.contract import Contract
from pagesight.graph.model import GraphModel, _graph_def
from pagesight.graph.tensorflow import tensorflow

_EXACT = ("none", "uint16")


def write_tflite(model_json: Path, contract: Contract, mode: str, into: Path) -> bool:
    """Write model.tflite and labels.txt below `into`; returns whether its weights are float16.

    Input   image: float32 `[1, side, side, channels]`, 0..255, cropped and resized as contract.json says.
    Output  float32 `[1, classes]`, rows sum to 1; line i of labels.txt names column i.
    The weights are the page's own, stored as float16 where the page stores them in fewer bits than that (`mode`), else as float32:
    TFLite's 8 bits would round them again, and every feature map with them.
    """
    tf = tensorflow()
    model = GraphModel.read(model_json)
    graph_def = _graph_def(model.document["modelTopology"], model.weights, whole=True)
    whole = tf.compat.v1.wrap_function(partial(tf.compat.v1.import_graph_def, graph_def, name=""), [])
    ends = (whole.graph.as_graph_element(name.split(":")[0] + ":0") for name in (model.input_name, contract.outputs.probabilities))
    image, probabilities = ends
    converter = tf.lite.TFLiteConverter.from_concrete_functions([whole.prune([image], [probabilities])], whole)
    halved = mode not in _EXACT
    if halved:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    into.mkdir(parents=True, exist_ok=True)
    (into / "model.tflite").write_bytes(converter.convert())
    (into / "labels.txt").write_text("".join(f"{label}\n" for label in contract.labels), encoding="utf-8")
    return halved
