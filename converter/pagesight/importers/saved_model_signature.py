"""One signature of a SavedModel as plain data: a graph that calls its function, and the values of the variables that it reads.

Variables get their values as TensorFlow's loader would give them (the model's objects and the checkpoint's, walked side by side),
but from the checkpoint as data: no function of the file is run.
"""

from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError
from pagesight.graph.nodes import reached
from pagesight.graph.tensorflow import bare
from pagesight.importers import saved_model_proto
from pagesight.importers.checkpoint import Checkpoint
from pagesight.importers.saved_model_training import drop_training
from pagesight.sandbox import Found

CALL = "StatefulPartitionedCall"
GRAPH = "graph"
"""The name of the array that holds the GraphDef's bytes; variables have those of their nodes."""
DEFAULT = "serving_default"
_AGAIN = saved_model_proto._AGAIN
_DT_BOOL, _DT_RESOURCE = 10, 20


def open_folder(path: Path, signature: str | None = None) -> Found:
    """The signature called `signature`, else the default or the only one.

    Facts: kind, folder, signature (its name), inputs and outputs (name, tensor in the graph, dtype's number, shape or None).
    Raises AdoptError.
    """
    meta = saved_model_proto.parsed(path).meta_graphs[0]
    drop_training(meta.graph_def)
    name = _chosen(meta, signature, path)
    graph = _Graph(meta)
    inputs, outputs = graph.call_signature(name)
    checkpoint = Checkpoint.open(path / "variables" / "variables") if graph.variables else None
    keys = keys_of(meta.object_graph_def, checkpoint.objects()) if checkpoint else {}
    arrays: dict[str, NDArray[Any]] = {GRAPH: np.frombuffer(graph.finished(), np.uint8)}
    for node_id, node in graph.variables.items():
        if checkpoint is None or node_id not in keys:
            raise AdoptError(f"the variable {node!r:.120} has no value in the checkpoint", fix=_AGAIN)
        arrays[node] = checkpoint.array(keys[node_id])
    return Found({"kind": "saved-model", "folder": str(path), "signature": name, "inputs": inputs, "outputs": outputs}, arrays)


def _chosen(meta: Any, asked: str | None, folder: Path) -> str:
    names: list[str] = sorted(n for n in meta.signature_def if not n.startswith("__"))
    if asked is not None and asked not in names:
        raise AdoptError(f"{folder} has no signature {asked!r:.80}", fix=f"choose from {', '.join(names)}")
    if asked is not None or DEFAULT in names:
        return asked if asked is not None else DEFAULT
    if len(names) == 1:
        return names[0]
    if names:
        raise AdoptError(f"{folder} has the signatures {', '.join(names)}", fix="choose one with --signature NAME")
    raise AdoptError(f"{folder} has no signature to call", fix="save it with `signatures=…`, or with `model.export(…)`")


class TensorFacts(TypedDict):
    """A tensor of a signature."""

    name: str
    """What the signature calls it."""
    tensor: str
    """Its name in the graph, with the output's number."""
    dtype: int
    """As TensorFlow numbers them."""
    shape: list[int] | None
    """-1 for a free dimension; None where even their number is free."""


class _Graph:
    """A graph that is only a call of one function of the file, with the variables that it captured."""

    def __init__(self, meta: Any) -> None:
        with bare("tensorflow"):
            from tensorflow.core.framework.graph_pb2 import GraphDef
        self._meta, self._objects = meta, meta.object_graph_def
        self._functions = {f.signature.name: f for f in meta.graph_def.library.function}
        self._graph_def = GraphDef(versions=meta.graph_def.versions)
        self.variables: dict[int, str] = {}

    def call_signature(self, name: str) -> tuple[list[TensorFacts], list[TensorFacts]]:
        """Call the signature's function; where it asks beside the picture whether the model learns, the answer is no."""
        definition = self._meta.signature_def[name]
        try:
            root = self._child(0, "signatures")
            wrapper = self._objects.nodes[self._child(root, name)].bare_concrete_function
            function, arguments = wrapper.concrete_function_name, list(wrapper.argument_keywords)
            infos = [definition.inputs[key] for key in arguments]
            return self._call(function, arguments, infos, definition)
        except (KeyError, IndexError, ValueError, TypeError) as cause:
            raise AdoptError(f"the signature {name!r:.80} does not fit its function", fix=_AGAIN) from cause

    def _child(self, node: int, name: str) -> int:
        return next((int(c.node_id) for c in self._objects.nodes[node].children if c.local_name == name), -1)

    def _call(
        self, name: str, arguments: list[str], infos: list[Any], definition: Any
    ) -> tuple[list[TensorFacts], list[TensorFacts]]:
        function = self._functions[name]
        bound = list(self._objects.concrete_functions[name].bound_inputs)
        given, captured = function.signature.input_arg[: len(infos)], function.signature.input_arg[len(infos) :]
        if len(given) != len(infos) or len(captured) != len(bound):
            raise ValueError("arguments and captures are not those of the function")
        call = self._graph_def.node.add(name=CALL, op=CALL)
        asks = sum(info.dtype != _DT_BOOL for info in infos) == 1
        inputs: list[TensorFacts] = []
        for key, info in zip(arguments, infos, strict=True):
            if asks and info.dtype == _DT_BOOL:
                call.input.append(self._no(key))
            else:
                inputs.append(self._placeholder(key, info))
                call.input.append(inputs[-1]["tensor"].split(":")[0])
        call.input.extend(self._captured(int(node), argument) for node, argument in zip(bound, captured, strict=True))
        call.attr["Tin"].list.type.extend(a.type for a in function.signature.input_arg)
        call.attr["Tout"].list.type.extend(a.type for a in function.signature.output_arg)
        call.attr["f"].func.name = name
        for key in ("config", "config_proto", "executor_type"):
            call.attr[key].s = b""
        keys = sorted(definition.outputs)
        count = len(function.signature.output_arg)
        if count != len(keys) and count != 1:
            raise ValueError("outputs are not those of the function")
        outputs = [_row(key, f"{CALL}:{i}", definition.outputs[key]) for i, key in enumerate(keys[:count])]
        return inputs, outputs

    def _no(self, key: str) -> str:
        node = self._graph_def.node.add(name=f"{DEFAULT}_{key}", op="Const")
        node.attr["dtype"].type = node.attr["value"].tensor.dtype = _DT_BOOL
        node.attr["value"].tensor.tensor_shape.SetInParent()
        node.attr["value"].tensor.bool_val.append(False)
        return str(node.name)

    def _placeholder(self, key: str, info: Any) -> TensorFacts:
        node = self._graph_def.node.add(name=f"{DEFAULT}_{key}", op="Placeholder")
        node.attr["dtype"].type = info.dtype
        node.attr["shape"].shape.CopyFrom(info.tensor_shape)
        return _row(key, f"{node.name}:0", info)

    def _captured(self, node_id: int, argument: Any) -> str:
        found = self._objects.nodes[node_id]
        kind = found.WhichOneof("kind")
        if kind == "constant":
            name = found.constant.operation
            node = next(n for n in self._meta.graph_def.node if n.name == name and n.op == "Const")
            if all(n.name != name for n in self._graph_def.node):
                self._graph_def.node.add().CopyFrom(node)
            return str(name)
        if kind != "variable" or argument.type != _DT_RESOURCE:
            raise AdoptError(f"the model captures a {kind}, which is not a weight", fix=_AGAIN)
        if node_id not in self.variables:
            name = self.variables[node_id] = f"variable_{node_id}"
            node = self._graph_def.node.add(name=name, op="VarHandleOp")
            node.attr["dtype"].type = found.variable.dtype
            node.attr["shape"].shape.CopyFrom(found.variable.shape)
            node.attr["shared_name"].s = name.encode()
            read = self._graph_def.node.add(name=f"{name}/Read/ReadVariableOp", op="ReadVariableOp", input=[name])
            read.attr["dtype"].type = found.variable.dtype
        return self.variables[node_id]

    def finished(self) -> bytes:
        """The graph with the functions that it calls, serialized."""
        called = [self._graph_def.node[i].attr["f"].func.name for i, n in enumerate(self._graph_def.node) if n.op == CALL]
        needed = reached(called, lambda name: saved_model_proto.calls_of(self._functions, name))
        self._graph_def.library.function.extend(f for name, f in self._functions.items() if name in needed)
        return bytes(self._graph_def.SerializeToString())


def _row(name: str, tensor: str, info: Any) -> TensorFacts:
    shape = None if info.tensor_shape.unknown_rank else [int(d.size) for d in info.tensor_shape.dim]
    return {"name": name, "tensor": tensor, "dtype": int(info.dtype), "shape": shape}


def keys_of(objects: Any, saved: Any) -> dict[int, str]:
    """The checkpoint's key of each variable, by its number among the model's objects."""
    found: dict[int, str] = {}
    seen: set[tuple[int, int]] = set()
    queue = [(0, 0)]
    while queue:
        pair = queue.pop()
        if pair in seen or pair[0] >= len(objects.nodes) or pair[1] >= len(saved.nodes):
            continue
        seen.add(pair)
        here, there = objects.nodes[pair[0]], saved.nodes[pair[1]]
        if here.WhichOneof("kind") == "variable":
            for attribute in there.attributes:
                found.setdefault(pair[0], attribute.checkpoint_key)
        children = {c.local_name: c.node_id for c in there.children}
        queue += [(c.node_id, children[c.local_name]) for c in here.children if c.local_name in children]
    return found
