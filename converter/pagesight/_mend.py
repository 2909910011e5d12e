"""What the stock converter makes of some graphs and nobody can run, put right: fused hard swishes, biases of one number."""

from typing import Any

import numpy as np

from pagesight._tf import graphs


def mended(graph_def: Any) -> Any:
    """An optimised GraphDef that answers the same, with ops that TF.js has and biases of one number for each channel."""
    return _hard_swish_taken_apart(_biases_spread(graph_def))


def _biases_spread(graph_def: Any) -> Any:
    """The graph with a vector for every bias that is a scalar, in place.

    `x + 3`, the front of a hard sigmoid, becomes such a bias behind a convolution whose own bias is all zeros and was dropped.
    """
    tf = graphs()
    nodes = {node.name: node for node in graph_def.node}
    for node in list(graph_def.node):
        fused = "fused_ops" in node.attr and b"BiasAdd" in node.attr["fused_ops"].list.s
        if not fused and node.op != "BiasAdd":
            continue
        place = 2 if fused else 1
        constant = nodes.get(node.input[place])
        if constant is None or constant.op != "Const" or constant.attr["value"].tensor.tensor_shape.dim:
            continue
        if not fused:
            node.op = "AddV2"
            node.attr.pop("data_format", None)
            continue
        value = tf.MakeNdarray(constant.attr["value"].tensor)
        spread = graph_def.node.add(name=f"{node.name}/bias", op="Const")
        spread.attr["dtype"].CopyFrom(constant.attr["dtype"])
        spread.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.full(_channels(node, nodes), value)))
        node.input[place] = spread.name
    return graph_def


def _channels(node: Any, nodes: dict[str, Any]) -> int:
    """How many outputs a fused node with a constant kernel has."""
    *_, before, last = (int(d.size) for d in nodes[node.input[1]].attr["value"].tensor.tensor_shape.dim)
    if node.op == "FusedDepthwiseConv2dNative":
        return before * last
    return before if node.op == "_FusedMatMul" and node.attr["transpose_b"].b else last


def _hard_swish_taken_apart(graph_def: Any) -> Any:
    """The graph with x · min(max(x + 3, 0), 6) / 6 written out where TensorFlow fused it behind a product."""
    tf = graphs()
    plain = tf.GraphDef(versions=graph_def.versions, library=graph_def.library)

    def add(like: Any, op: str, name: str, *inputs: str) -> str:
        node = plain.node.add(name=name, op=op, input=inputs)
        node.attr["T"].CopyFrom(like.attr["T"])
        return name

    def constant(like: Any, name: str, value: float) -> str:
        node = plain.node.add(name=name, op="Const")
        node.attr["dtype"].CopyFrom(like.attr["T"])
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.float32(value)))
        return name

    for node in graph_def.node:
        product = plain.node.add()
        product.CopyFrom(node)
        steps = product.attr["fused_ops"].list.s if "fused_ops" in node.attr else []
        if not steps or steps[-1] != b"_FusedHardSwish":
            continue
        steps.pop()
        product.name = x = f"{node.name}/linear"
        gate = add(node, "Relu6", f"{x}/gate", add(node, "AddV2", f"{x}/moved", x, constant(node, f"{x}/three", 3.0)))
        add(node, "Mul", node.name, add(node, "Mul", f"{x}/scaled", x, constant(node, f"{x}/sixth", 1 / 6)), gate)
    return plain
