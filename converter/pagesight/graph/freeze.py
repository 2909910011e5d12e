"""A signature of a SavedModel as one frozen graph, without building the hundreds of functions Keras saves beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pagesight.graph import large_constants
from pagesight.graph.batch_norm_folding import fold_batch_norms
from pagesight.graph.nodes import reached
from pagesight.graph.tensorflow import graphs, suppress_native_stderr


@dataclass(frozen=True)
class Signature:
    """A GraphDef that calls a function, the SignatureDef with the names used in it, and the values of its variables by node."""

    graph_def: Any
    definition: Any
    values: Mapping[str, NDArray[Any]]


@suppress_native_stderr()
def frozen_graph(signature: Signature) -> tuple[Any, Any, large_constants.LargeConstants]:
    """A GraphDef, its SignatureDef with the names used in it, and the values of its large constants.

    Every variable is a constant, every function inlined, every batch norm folded that can be.
    """
    graph_def, definition = _with_constants(signature), signature.definition
    large: large_constants.LargeConstants = {}
    large_constants.take(graph_def, large)
    for key in sorted(definition.outputs):
        info = definition.outputs[key]
        output = graph_def.node.add(name=f"{key}_out", op="Identity", input=[info.name])
        output.attr["T"].type = info.dtype
        info.name = f"{output.name}:0"
    inlined = _inlined(graph_def, _ends(definition))
    fold_batch_norms(inlined, large)
    large_constants.take(inlined, large)
    large_constants.read_directly(inlined, large)
    _prune(inlined, {end.split(":")[0] for end in _ends(definition)})
    left = {node.name for node in inlined.node}
    return inlined, definition, {name: value for name, value in large.items() if name in left}


@suppress_native_stderr()
def inlined_graph(signature: Signature) -> Any:
    """The GraphDef of `signature` with every variable a constant and every function in place of its call, nothing else changed."""
    return _inlined(_with_constants(signature), _ends(signature.definition))


def _ends(signature: Any) -> list[str]:
    return [info.name for side in (signature.outputs, signature.inputs) for info in side.values()]


def _prune(graph_def: Any, ends: set[str]) -> None:
    nodes = {node.name: node for node in graph_def.node}
    kept = reached(ends, lambda name: [i.lstrip("^").split(":")[0] for i in nodes[name].input] if name in nodes else [])
    functions = {f.signature.name: f for f in graph_def.library.function}
    called = {name for node in graph_def.node if node.name in kept for name in _calls(node)}
    needed = reached(called, lambda name: [c for n in functions[name].node_def for c in _calls(n)] if name in functions else [])
    nodes_left = [node for node in graph_def.node if node.name in kept]
    functions_left = [f for name, f in functions.items() if name in needed]
    del graph_def.node[:], graph_def.library.function[:], graph_def.library.gradient[:]
    graph_def.node.extend(nodes_left)
    graph_def.library.function.extend(functions_left)


def _calls(node: Any) -> list[str]:
    values = node.attr.values()
    return [v.func.name for v in values if v.func.name] + [f.name for v in values for f in v.list.func]


def _with_constants(signature: Signature) -> Any:
    """The graph with its variables turned into constants."""
    ends = [name.split(":")[0] for name in _ends(signature.definition)]
    return graphs().convert_variables_to_constants(_Values(signature.values), signature.graph_def, ends)


class _Values:
    """Answers as a session does that is asked for the values of variables."""

    def __init__(self, values: Mapping[str, NDArray[Any]]) -> None:
        self._values = values

    def run(self, names: Iterable[str]) -> list[NDArray[Any]]:
        """The values of the variables whose reading ops are called `names`."""
        return [self._values[name.removesuffix("/Read/ReadVariableOp:0")] for name in names]


def _inlined(graph_def: Any, kept: list[str]) -> Any:
    """The GraphDef with the bodies of its functions in place of their calls, by Grappler."""
    tf = graphs()
    meta = tf.MetaGraphDef(graph_def=graph_def)
    for function in meta.graph_def.library.function:
        function.attr.pop("api_implements", None)  # a second implementation, for GPUs, that forbids inlining
    meta.collection_def["train_op"].node_list.value.extend(kept)  # where Grappler looks for what must stay
    config = tf.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.min_graph_nodes = -1
    rewrite.optimizers.append("function")
    rewrite.function_optimization = rewrite.AGGRESSIVE
    return tf.OptimizeGraph(config, meta)
