"""A TF.js graph model in Python: read, written, and run by TensorFlow as an independent check of what was written."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pagesight.graph import tensorflowjs
from pagesight.graph.converter_fixes import prelu_taken_apart, taken_apart
from pagesight.graph.large_constants import LARGE
from pagesight.graph.nodes import GraphDocument, GraphNode, Topology, source
from pagesight.graph.tensorflow import graphs, session_of

_BATCH = 64


@dataclass(frozen=True)
class GraphModel:
    """`document` is model.json without its weights; `weights` maps every constant to its array."""

    document: GraphDocument
    weights: dict[str, NDArray[Any]]

    @classmethod
    def read(cls, model_json: Path) -> "GraphModel":
        """Read model.json and the shards beside it; weights come widened to float32, as TF.js sees them."""
        document = json.loads(model_json.read_text(encoding="utf-8"))
        weights = tensorflowjs.read_weights(document.pop("weightsManifest"), model_json.parent)
        return cls(document, weights)

    def write(self, into: Path, stored_as: Mapping[str, str | tensorflowjs.Coded]) -> int:
        """Write model.json and shards below `into`; returns the bytes of all shards. Keys and weights keep their order."""
        into.mkdir(parents=True, exist_ok=True)
        manifest = tensorflowjs.write_weights(self.weights.items(), into, stored_as)
        text = json.dumps({**self.document, "weightsManifest": manifest}, separators=(",", ":"), ensure_ascii=False)
        (into / "model.json").write_text(text, encoding="utf-8")
        return sum((into / path).stat().st_size for group in manifest for path in group["paths"])

    @property
    def input_name(self) -> str:
        """The tensor that takes the picture."""
        inputs = self.document["signature"]["inputs"].values()
        return str(next(i["name"] for i in inputs if "resourceId" not in i))

    @property
    def nodes(self) -> dict[str, GraphNode]:
        """The graph's nodes by name, in its order."""
        return {node["name"]: node for node in self.document["modelTopology"]["node"]}

    def output_names(self) -> dict[str, str]:
        """Tensor names by the signature's output names."""
        return {key: value["name"] for key, value in self.document["signature"]["outputs"].items()}

    def with_weights(self, weights: dict[str, NDArray[Any]]) -> "GraphModel":
        """The same graph with other values for some constants."""
        return replace(self, weights={**self.weights, **weights})


class _OnSession:
    """What runs in a session of its own, which a `with` block closes."""

    _session: Any

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()


class Runner(_OnSession):
    """Runs a GraphModel in TensorFlow; fused ops are taken apart first, so that stock kernels do the work.

    `often`: it runs so many batches that TensorFlow's own rewriting of the graph pays.
    """

    def __init__(self, model: GraphModel, outputs: list[str], *, often: bool = True) -> None:
        self._session, fed = _session(model.document["modelTopology"], model.weights, rewrite=often)
        self._input = _tensor(model.input_name)
        self._feeds = {**_captured(model), **fed}
        self._fetches = [_tensor(name) for name in outputs]

    def __call__(self, inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The outputs for uint8 or float squares `[n, side, side, channels]`, batch by batch."""
        parts: list[list[NDArray[np.float32]]] = []
        for start in range(0, len(inputs), _BATCH):
            batch = np.asarray(inputs[start : start + _BATCH], np.float32)
            parts.append(self._session.run(self._fetches, {self._input: batch, **self._feeds}))
        return parts[0] if len(parts) == 1 else [np.concatenate(column) for column in zip(*parts, strict=True)]


class PartialRunner(_OnSession):
    """A GraphModel that is run with other float weights each time, and with tensors inside of it that are known already."""

    def __init__(self, model: GraphModel) -> None:
        self._session, fed = _session(model.document["modelTopology"], model.weights, large=1, rewrite=False)
        self._input, self._captured, self._fed = _tensor(model.input_name), _captured(model), set(fed)
        self._inputs = {name: node.get("input", []) for name, node in model.nodes.items()}

    def __call__(
        self, tensor: str, inputs: NDArray[Any], weights: Mapping[str, NDArray[Any]], known: Mapping[str, NDArray[Any]]
    ) -> NDArray[np.float32]:
        """One tensor for one batch; nothing that lies before the `known` ones is computed."""
        between, frontier = self.leads_to([tensor], set(known))
        given = {_tensor(name): weights[name] for name in between if name in weights and _tensor(name) in self._fed}
        given |= {_tensor(name): known[name] for name in frontier}
        result = self._session.run(_tensor(tensor), {self._input: np.asarray(inputs, np.float32), **self._captured, **given})
        return np.asarray(result)

    def leads_to(self, wanted: Iterable[str], known: set[str]) -> tuple[set[str], set[str]]:
        """What must be computed for the `wanted` tensors, and those of the `known` ones that this starts from."""
        queue, computed, frontier = list(wanted), set[str](), set[str]()
        while queue:
            tensor = queue.pop()
            if tensor in known:
                frontier.add(tensor)
            elif tensor not in computed:
                computed.add(tensor)
                queue.extend(self._inputs.get(source(tensor), []))
        return computed, frontier


def _captured(model: GraphModel) -> dict[str, NDArray[Any]]:
    """Values that the model's initializer graph computes once, by the input tensor that takes each."""
    initializer = model.document.get("modelInitializer")
    if not initializer:
        return {}
    outputs = model.document["initializerSignature"]["outputs"].values()
    session, fed = _session(initializer, model.weights)
    with session:
        values = session.run([_tensor(o["name"]) for o in outputs], fed)
    by_id = {o["resourceId"]: value for o, value in zip(outputs, values, strict=True)}
    inputs = model.document["signature"]["inputs"].values()
    return {_tensor(i["name"]): by_id[i["resourceId"]] for i in inputs if "resourceId" in i}


def _session(
    topology: Topology, weights: dict[str, NDArray[Any]], large: int = LARGE, *, rewrite: bool = True
) -> tuple[Any, dict[str, NDArray[Any]]]:
    """A session on the graph, and what it is to be fed at every run: the weights of `large` or more numbers."""
    tf = graphs()
    graph_def = _graph_def(topology, weights, large)
    fed = {_tensor(node.name): weights[node.name] for node in graph_def.node if node.op == "Placeholder" and node.name in weights}
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return session_of(graph, rewrite=rewrite), fed


def static_shapes(model: GraphModel, tensors: list[str]) -> dict[str, tuple[int | None, ...]]:
    """What TensorFlow's shape inference knows of some tensors: None for a free dimension, () for an unknown shape."""
    tf = graphs()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(_graph_def(model.document["modelTopology"], model.weights), name="")
        result = {name: graph.as_graph_element(_tensor(name)).shape for name in tensors}
    return {name: tuple(shape.as_list()) if shape.rank is not None else () for name, shape in result.items()}


def _tensor(name: str) -> str:
    return name if ":" in name else name + ":0"


def _graph_def(topology: Topology, weights: dict[str, NDArray[Any]], large: int = LARGE, *, whole: bool = False) -> Any:
    """The GraphDef with its weights; if not `whole`, those that TensorFlow had better not copy again and again are placeholders."""
    from google.protobuf.json_format import ParseDict

    tf = graphs()
    graph_def = ParseDict(topology, tf.GraphDef(), ignore_unknown_fields=True)
    plain = tf.GraphDef(versions=graph_def.versions, library=graph_def.library)
    for node in graph_def.node:
        if node.op == "Const" and node.name in weights:
            value = weights[node.name]
            dtype = tf.as_dtype(node.attr["dtype"].type)
            if not whole and value.dtype == np.float32 and value.size >= large:
                fed = plain.node.add(name=node.name, op="Placeholder")
                fed.attr["dtype"].CopyFrom(node.attr["dtype"])
                fed.attr["shape"].shape.dim.extend(tf.TensorShape(value.shape).as_proto().dim)
                continue
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype=dtype, shape=value.shape))
            plain.node.append(node)
        elif "fused_ops" in node.attr and node.attr["fused_ops"].list.s:
            plain.node.extend(taken_apart(node))
        elif node.op == "Prelu":
            plain.node.extend(prelu_taken_apart(node.name, node.input[0], node.input[1], node.attr["T"]))
        else:
            plain.node.append(node)
    return plain
