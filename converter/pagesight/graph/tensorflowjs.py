"""The only file that imports tensorflowjs: a frozen graph to a graph model, and weights to shards and back."""

import contextlib
import io
import logging
import sys
import types
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import QuantizeError
from pagesight.graph import large_constants
from pagesight.graph.converter_fixes import mended
from pagesight.graph.nodes import GraphDocument
from pagesight.graph.tensorflow import bare, graphs, suppress_native_stderr
from pagesight.json_values import JsonObject

SHARD_BYTES = 4 * 1024 * 1024
_NEVER_RUN = (
    "jax",
    "jax.experimental",
    "jax.experimental.jax2tf",
    "tensorflow.io",
    "tensorflow.python.keras.saving.saving_utils",
    "tensorflow.python.saved_model.load",
    "tensorflow.python.saved_model.loader",
    "tensorflow.saved_model.experimental",
    "tensorflow_decision_forests",
    "tensorflow_hub",
)


@dataclass(frozen=True)
class Coded:
    """A float array as the stock format keeps it: `codes * scale + minimum`, codes uint8 or uint16."""

    codes: NDArray[Any]
    scale: float
    minimum: float

    def values(self) -> NDArray[np.float32]:
        """What the codes stand for."""
        return (self.codes * self.scale + self.minimum).astype(np.float32)


class WeightsGroup(TypedDict):
    """One group of model.json's weights manifest: its files in their order, and what lies in them."""

    paths: list[str]
    weights: list[JsonObject]


class _Scale(TypedDict):
    """How an array's codes become its numbers."""

    min: float
    scale: float
    original_dtype: str


class _Entry(TypedDict):
    """An array on its way into shards."""

    name: str
    data: NDArray[Any]
    quantization: NotRequired[_Scale]


class _StandIn(types.ModuleType):
    """In place of a module that is imported and never called: every name in it is None."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


@cache
def _tensorflowjs() -> Any:
    """The modules of tensorflowjs that rewrite graphs and read and write weights, without all that it imports beside them."""
    graphs()
    stand_ins = {name: _StandIn(name) for name in _NEVER_RUN if name not in sys.modules}
    with bare("tensorflow", "tensorflowjs", "tensorflowjs.converters"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.modules.update(stand_ins)
        from tensorflow.python.platform import gfile
        from tensorflowjs import read_weights, version, write_weights
        from tensorflowjs.converters import keras_h5_conversion, tf_saved_model_conversion_v2
    for name in [*stand_ins, *(n for n in sys.modules if n.startswith("tensorflowjs."))]:  # others may ask for the real ones
        del sys.modules[name]
    write_weights.tf = types.SimpleNamespace(io=types.SimpleNamespace(gfile=gfile))
    return types.SimpleNamespace(
        read_weights=read_weights,
        write_weights=write_weights,
        saved_model=tf_saved_model_conversion_v2,
        converters=keras_h5_conversion,
        __version__=version.version,
    )


def optimized(
    graph_def: Any, signature: Any, large: large_constants.LargeConstants
) -> tuple[GraphDocument, dict[str, NDArray[Any]]]:
    """A frozen graph as a float32 TF.js graph model: what model.json holds without its weights, and the weights by name.

    `large` are the values of its large constants. Raises QuantizeError where the graph has an op that TF.js lacks.
    """
    from google.protobuf.json_format import MessageToDict

    done = _rewritten(graph_def, signature)
    if not large_constants.survived(graph_def, done, large):
        large_constants.restore(graph_def, large)
        large = {}
        done = _rewritten(graph_def, signature)
    rest = large_constants.without(done, large)
    (entries,) = _tensorflowjs().saved_model.extract_weights(rest)
    document: GraphDocument = {
        "format": "graph-model",
        "generatedBy": graphs().__version__,
        "convertedBy": f"TensorFlow.js Converter v{_tensorflowjs().__version__}",
        "signature": MessageToDict(signature),
        "modelTopology": MessageToDict(large_constants.complete(rest, done, large)),
    }
    return document, {**{entry["name"]: _widened(entry["data"]) for entry in entries}, **large}


def _rewritten(graph_def: Any, signature: Any) -> Any:
    """The GraphDef that the stock converter's passes make, mended."""
    from absl import logging as absl_logging

    tf = graphs()
    absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), suppress_native_stderr():
            warnings.simplefilter("ignore")
            return mended(_tensorflowjs().saved_model.optimize_graph(graph, signature))
    except ValueError as cause:
        if "Unsupported Ops" not in str(cause):
            raise
        ops = str(cause).splitlines()[-1]
        raise QuantizeError(f"TF.js has no op {ops}, which the model uses", fix="replace the layer that makes this op") from cause


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    """The dtype in which TF.js keeps an array."""
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    return array.astype(np.int32, copy=False) if array.dtype.kind in "iu" else array


def write_weights(
    weights: Iterable[tuple[str, NDArray[Any]]], into: Path, stored_as: Mapping[str, str | Coded], shard_bytes: int = SHARD_BYTES
) -> list[WeightsGroup]:
    """Write named arrays as shards below `into` and return the weights manifest; `stored_as` says how a name's floats are kept.

    A dtype of the stock format (float16, uint16, uint8) is rounded as the stock converter does it, one range per tensor; Coded is
    written as it is. Other arrays stay float32 or int32.
    """
    tfjs = _tensorflowjs()
    entries = [_entry(name, np.asarray(array, order="C"), stored_as.get(name)) for name, array in weights]
    by_dtype: dict[str, list[str]] = {}
    for name, options in stored_as.items():
        if isinstance(options, str):
            by_dtype.setdefault(options, []).append(name)
    manifest = tfjs.write_weights.write_weights(
        [entries], str(into), shard_size_bytes=shard_bytes, write_manifest=False, quantization_dtype_map=by_dtype or None
    )
    return list(manifest)


def _entry(name: str, array: NDArray[Any], options: str | Coded | None) -> _Entry:
    if not isinstance(options, Coded):
        return {"name": name, "data": array}
    codes = options.codes.reshape(array.shape)
    return {
        "name": name,
        "data": codes,
        "quantization": {"min": options.minimum, "scale": options.scale, "original_dtype": "float32"},
    }


def read_weights(manifest: list[WeightsGroup], folder: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a weights manifest, widened as TF.js widens them at load (float32, int32, bool)."""
    entries = _tensorflowjs().read_weights.read_weights(manifest, str(folder), flatten=True)
    return {e["name"]: e["data"] for e in entries}
