"""TF2 SavedModels from what was read of them as data: frozen and cut down to one picture in, one answer out."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from pagesight.errors import AdoptError, first_line
from pagesight.graph import freeze as freezing
from pagesight.graph.tensorflow import graphs, tensorflow
from pagesight.importers import decoding, door
from pagesight.importers.imported_model import Foreign, cut, from_graph_def, size_of
from pagesight.importers.saved_model_signature import GRAPH, TensorFacts
from pagesight.sandbox import Handed

_ANSWERS = ("probabilities", "predictions", "logits", "scores", "default")
_KINDS = {"saved-model": "SavedModel", "tflite": "TFLite model", "onnx": "ONNX model"}
_AGAIN = "export it again with `model.export(…)` or `tf.saved_model.save(…)`"


def open_signature(folder: Path) -> freezing.Signature:
    """The default (or only) signature of the SavedModel in `folder`, opened by the door. Raises AdoptError."""
    with tempfile.TemporaryDirectory() as scratch:
        job = door.open_model(folder, Path(scratch))
        graphs()  # imported while the other process reads
        handed = job.result()
    if handed.facts["kind"] != "saved-model":
        raise AdoptError(f"{folder} is not a SavedModel", fix="give the folder that holds saved_model.pb")
    return signature_of(handed)


def signature_of(handed: Handed) -> freezing.Signature:
    """The signature that the door handed back."""
    from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

    graph_def = graphs().GraphDef.FromString(handed.arrays[GRAPH].tobytes())
    definition = SignatureDef()
    for side in ("inputs", "outputs"):
        for row in handed.facts[side]:
            info = getattr(definition, side)[row["name"]]
            info.name, info.dtype = row["tensor"], row["dtype"]
            info.tensor_shape.unknown_rank = row["shape"] is None
            for n in row["shape"] or ():
                info.tensor_shape.dim.add().size = n
    return freezing.Signature(graph_def, definition, {k: v for k, v in handed.arrays.items() if k != GRAPH})


def read(handed: Handed) -> Foreign:
    """A TF2 SavedModel with one image input. Raises AdoptError."""
    tf = tensorflow()
    inputs, outputs = handed.facts["inputs"], {row["name"]: row for row in handed.facts["outputs"]}
    if len(inputs) != 1:
        raise AdoptError(f"the model takes {len(inputs)} inputs", fix="give a model that takes one picture and nothing else")
    try:
        graph_def = freezing.inlined_graph(signature_of(handed))
    except Exception as cause:  # TensorFlow raises of every kind for damaged graphs
        raise AdoptError(f"the model cannot be loaded: {first_line(cause)}", fix=_AGAIN) from cause
    (image,) = inputs
    answer = str(_answer(outputs)["tensor"])
    cast = tf.as_dtype(image["dtype"])
    if cast == tf.string:
        return _of_files(decoding.behind_decoder(graph_def, str(image["tensor"]), answer), answer)
    if image["shape"] is None:
        raise AdoptError("the model does not say what shape its input has", fix="save it with the input's shape")
    inner = from_graph_def(cut(graph_def, answer), image["tensor"], answer)
    told = handed.facts.get("input_range")
    return Foreign(
        _KINDS[handed.facts["kind"]],
        inner if cast == tf.float32 else lambda x: inner(tf.cast(x, cast)),
        size_of(tuple(None if n < 0 else n for n in image["shape"])),
        input_range="0..255" if {"probabilities", "embedding"} <= outputs.keys() or cast.is_integer else told,
        quantized=bool(handed.facts.get("quantized")),
        notes=_notes(quantized=bool(handed.facts.get("quantized"))),
    )


def _of_files(decoded: decoding.Decoded, answer: str) -> Foreign:
    """A model that takes encoded files, from the pixels on."""
    inner = from_graph_def(cut(decoded.graph_def, answer), decoded.image, answer)
    return Foreign(
        "SavedModel",
        inner if decoded.dtype.is_floating else lambda x: inner(tensorflow().cast(x, decoded.dtype)),
        decoded.size,
        input_range=decoded.input_range,
        crop=decoded.crop,
        encoded=True,
        notes=("the model takes encoded files: it is read from behind its decoder on",),
    )


def _notes(*, quantized: bool) -> tuple[str, ...]:
    if quantized:
        return ("the model was quantized when it was made: its weights are read as the numbers they stand for",)
    return ()


def _answer(outputs: Mapping[str, TensorFacts]) -> TensorFacts:
    for name in _ANSWERS:
        if name in outputs:
            return outputs[name]
    flat = [row for row in outputs.values() if row["shape"] is None or len(row["shape"]) == 2]
    if len(outputs) == 1 or len(flat) == 1:
        return flat[0] if flat else next(iter(outputs.values()))
    raise AdoptError(
        f"the model has {len(outputs)} outputs ({', '.join(outputs)})",
        fix="save a model with its class scores as the only output",
    )
