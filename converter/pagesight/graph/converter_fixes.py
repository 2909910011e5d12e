"""What the stock converter makes of some graphs and nobody can run, put right: hard swishes and biases that are none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pagesight.graph.tensorflow import graphs

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def mended(graph_def: Any) -> Any:
    """An optimized GraphDef that answers the same, with ops that TF.js has and biases of one number for each channel."""
    return _biases_put_right(_hard_swish_taken_apart(graph_def))


def _biases_put_right(graph_def: Any) -> Any:
    """The graph with a constant vector for every bias; what is added otherwise is added by a node of its own.

    The optimizer drops biases of zeros, and takes what is added next for the bias: the 3 of `x + 3`, the front of a hard sigmoid,
    or the other branch of a residual block.
    """
    tf = graphs()
    nodes = {node.name: node for node in graph_def.node}
    right = tf.GraphDef(versions=graph_def.versions, library=graph_def.library)
    for node in graph_def.node:
        fused = "fused_ops" in node.attr and b"BiasAdd" in node.attr["fused_ops"].list.s
        if not fused and node.op != "BiasAdd":
            right.node.append(node)
            continue
        bias = nodes.get(node.input[2 if fused else 1].split(":")[0])
        rank = len(bias.attr["value"].tensor.tensor_shape.dim) if bias is not None and bias.op == "Const" else None
        if bias is None or rank == 1:
            right.node.append(node)
        elif fused and rank == 0:
            right.node.extend(_bias_spread(node, bias, _channels(node, nodes)))
        else:
            right.node.extend(_added(node, taken_apart(node) if fused else [node]))
    return right


def _bias_spread(node: Any, bias: Any, channels: int) -> list[Any]:
    """A fused node with a scalar bias as one with a vector, and that vector."""
    tf = graphs()
    vector = tf.NodeDef(name=f"{node.name}/bias", op="Const")
    vector.attr["dtype"].CopyFrom(bias.attr["dtype"])
    vector.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.full(channels, tf.MakeNdarray(bias.attr["value"].tensor))))
    node.input[2] = vector.name
    return [vector, node]


def _added(node: Any, parts: list[Any]) -> list[Any]:
    for part in parts:
        if part.op == "BiasAdd":
            part.op = "AddV2"
            part.attr["T"].CopyFrom(node.attr["T"])
            part.attr.pop("data_format", None)
    return parts


def _channels(node: Any, nodes: Mapping[str, "NodeDef"]) -> int:
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


def taken_apart(node: Any) -> list[Any]:
    """A fused convolution or product as its stock op, BiasAdd and activation; the last one keeps the fused node's name."""
    tf = graphs()
    base = {
        "_FusedConv2D": "Conv2D",
        "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
        "_FusedMatMul": "MatMul",
    }[node.op]
    steps = [s.decode() for s in node.attr["fused_ops"].list.s]
    keep = {"T", "strides", "padding", "data_format", "dilations", "explicit_paddings", "transpose_a", "transpose_b"}
    first = tf.NodeDef(name=f"{node.name}/product", op=base, input=node.input[:2])
    for key in keep & set(node.attr):
        first.attr[key].CopyFrom(node.attr[key])
    nodes, extra = [first], list(node.input[2:])
    for step in steps:
        if step == "NoOp":  # what is left of a bias that was zero
            continue
        if step == "Prelu":
            nodes += prelu_taken_apart(f"{node.name}/{step}", nodes[-1].name, extra.pop(0), node.attr["T"])
            continue
        inputs = [nodes[-1].name] + ([extra.pop(0)] if step == "BiasAdd" else [])
        nodes.append(tf.NodeDef(name=f"{node.name}/{step}", op=step, input=inputs))
        nodes[-1].attr["T"].CopyFrom(node.attr["T"])
        if step == "LeakyRelu":
            nodes[-1].attr["alpha"].CopyFrom(node.attr["leakyrelu_alpha"])
    nodes[-1].name = node.name
    return nodes


_DT_FLOAT = 1


def prelu_taken_apart(name: str, x: str, slope: str, dtype: Any) -> list[Any]:
    """TF.js's own op `Prelu`, which TensorFlow has not, as max(x, 0) - slope · max(-x, 0); the last node is called `name`."""
    made = {
        f"{name}/above": ("Relu", [x]),
        f"{name}/turned": ("Neg", [x]),
        f"{name}/below": ("Relu", [f"{name}/turned"]),
        f"{name}/scaled": ("Mul", [f"{name}/below", slope]),
        name: ("Sub", [f"{name}/above", f"{name}/scaled"]),
    }
    nodes = [graphs().NodeDef(name=own, op=op, input=inputs) for own, (op, inputs) in made.items()]
    for node in nodes:
        node.attr["T"].type = dtype.type or _DT_FLOAT  # converters leave it out
    return nodes
