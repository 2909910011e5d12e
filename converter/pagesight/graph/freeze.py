"""The default signature of a SavedModel as one frozen graph, without building the hundreds of functions Keras saves beside it."""

from pathlib import Path
from typing import Any

from pagesight.graph import large_constants
from pagesight.graph.batch_norm_folding import fold_batch_norms
from pagesight.graph.tensorflow import graphs, session_of, suppress_native_stderr

SIGNATURE = "serving_default"


@suppress_native_stderr()
def frozen_graph(saved_model: Path) -> tuple[Any, Any, large_constants.LargeConstants]:
    """A GraphDef, its SignatureDef with the names used in it, and the values of its large constants.

    Every variable is a constant, every function inlined, every batch norm folded that can be.

    Raises KeyError where there is no default signature, and what TensorFlow raises for a model that it cannot read.
    """
    meta = _meta_graph(saved_model)
    graph_def, signature = _with_constants(meta, saved_model), meta.signature_def[SIGNATURE]
    large: large_constants.LargeConstants = {}
    large_constants.take(graph_def, large)
    for key in sorted(signature.outputs):
        info = signature.outputs[key]
        output = graph_def.node.add(name=f"{key}_out", op="Identity", input=[info.name])
        output.attr["T"].type = info.dtype
        info.name = f"{output.name}:0"
    inlined = _inlined(graph_def, _ends(signature))
    fold_batch_norms(inlined, large)
    large_constants.take(inlined, large)
    large_constants.read_directly(inlined, large)
    _prune(inlined, {end.split(":")[0] for end in _ends(signature)})
    left = {node.name for node in inlined.node}
    return inlined, signature, {name: value for name, value in large.items() if name in left}


def _meta_graph(saved_model: Path) -> Any:
    """The MetaGraphDef for serving, cut down to what its default signature and the restoring of variables need."""
    whole = graphs().parse_saved_model(str(saved_model))
    meta = next(m for m in whole.meta_graphs if "serve" in m.meta_info_def.tags)
    if SIGNATURE not in meta.signature_def:
        raise KeyError(SIGNATURE)
    signature = meta.signature_def[SIGNATURE]
    saver = meta.saver_def
    ends = [*_ends(signature), saver.filename_tensor_name, saver.restore_op_name, saver.save_tensor_name]
    reads = {node.name for node in meta.graph_def.node if node.op == "ReadVariableOp"}  # how the variables' values are asked for
    _prune(meta.graph_def, {end.split(":")[0] for end in ends} | reads)
    meta.collection_def.clear()
    return meta


def _ends(signature: Any) -> list[str]:
    return [info.name for side in (signature.outputs, signature.inputs) for info in side.values()]


def _prune(graph_def: Any, ends: set[str]) -> None:
    nodes = {node.name: node for node in graph_def.node}
    kept = _reached(ends, lambda name: [i.lstrip("^").split(":")[0] for i in nodes[name].input] if name in nodes else [])
    functions = {f.signature.name: f for f in graph_def.library.function}
    called = {name for node in graph_def.node if node.name in kept for name in _calls(node)}
    needed = _reached(called, lambda name: [c for n in functions[name].node_def for c in _calls(n)] if name in functions else [])
    nodes_left = [node for node in graph_def.node if node.name in kept]
    functions_left = [f for name, f in functions.items() if name in needed]
    del graph_def.node[:], graph_def.library.function[:], graph_def.library.gradient[:]
    graph_def.node.extend(nodes_left)
    graph_def.library.function.extend(functions_left)


def _reached(ends: set[str], step: Any) -> set[str]:
    queue, seen = list(ends), set[str]()
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue.extend(step(name))
    return seen


def _calls(node: Any) -> list[str]:
    values = node.attr.values()
    return [v.func.name for v in values if v.func.name] + [f.name for v in values for f in v.list.func]


def _with_constants(meta: Any, saved_model: Path) -> Any:
    """The graph with its variables restored and turned into constants."""
    tf = graphs()
    ends = [name.split(":")[0] for name in _ends(meta.signature_def[SIGNATURE])]
    with tf.Graph().as_default() as graph, session_of(graph, rewrite=False) as session:
        tf.import_graph_def(meta.graph_def, name="")
        saver = meta.saver_def
        session.run(saver.restore_op_name, {saver.filename_tensor_name: str(saved_model / "variables" / "variables")})
        return tf.convert_variables_to_constants(session, graph.as_graph_def(), ends)


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
