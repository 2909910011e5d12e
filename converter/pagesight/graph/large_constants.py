"""Large constants kept out of a graph while it is rewritten: every rewriter copies a graph several times, with all that is in it.

In their place stand constants of the same shape with one number, a different one in each, so that none is taken for another.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.graph.tensorflow import graphs

LARGE = 1 << 14
"""Numbers from which on a constant is large."""
_FIRST = 3.0
"""The first number that stands in: neither 0 nor 1, which rewriters take for nothing."""

LargeConstants = dict[str, NDArray[np.float32]]
"""What was taken out, by the name of the node that stands in for it."""


def take(graph_def: Any, large: LargeConstants) -> None:
    """Move the values of all large float constants from `graph_def` to `large`."""
    tf = graphs()
    for node in graph_def.node:
        if node.op == "Const" and node.name not in large and tf.as_dtype(node.attr["dtype"].type) == np.float32:
            tensor = node.attr["value"].tensor
            if np.prod([d.size for d in tensor.tensor_shape.dim], dtype=np.int64) >= LARGE:
                large[node.name] = tf.MakeNdarray(tensor)
                _empty(tensor)
                tensor.float_val.append(_FIRST + len(large))


def read_directly(graph_def: Any, large: LargeConstants) -> None:
    """Let nodes read what is held without the Identity nodes between, which a rewriter would turn into constants of other names.

    Nor does anything wait for a constant any more: a kernel that was folded into another would stay for that alone.
    """
    nodes = {node.name: node for node in graph_def.node}

    def source(reference: str) -> str:
        name = reference.removesuffix(":0")
        while name in nodes and nodes[name].op == "Identity":
            name = nodes[name].input[0].removesuffix(":0")
        return name

    for node in graph_def.node:
        node.attr.pop("_class", None)  # where it should be placed: beside nodes that may go
        inputs = [source(reference) if source(reference) in large else reference for reference in node.input]
        del node.input[:]
        node.input.extend(i for i in inputs if not (i.startswith("^") and source(i[1:]) in large))


def restore(graph_def: Any, large: LargeConstants) -> None:
    """The inverse of `take`."""
    for node in graph_def.node:
        if node.name in large:
            _empty(node.attr["value"].tensor)
            node.attr["value"].tensor.tensor_content = large[node.name].tobytes()


def without(graph_def: Any, large: LargeConstants) -> Any:
    """A copy of `graph_def` without the constants that stand in."""
    rest = graphs().GraphDef(versions=graph_def.versions, library=graph_def.library)
    rest.node.extend(node for node in graph_def.node if node.name not in large)
    return rest


def complete(rest: Any, graph_def: Any, large: LargeConstants) -> Any:
    """`rest` in the order of `graph_def`, from which it was made, with constants that have a shape and no values for those held."""
    nodes = {node.name: node for node in rest.node}
    whole = graphs().GraphDef(versions=rest.versions, library=rest.library)
    for node in graph_def.node:
        if node.name in large:
            _empty(node.attr["value"].tensor)
            whole.node.append(node)
        elif node.name in nodes:
            whole.node.append(nodes[node.name])
    return whole


def survived(before: Any, after: Any, large: LargeConstants) -> bool:
    """Whether all that stand in are read as often as before: a rewriter that computed with one has put its result there instead."""
    was, now = _reads(before), _reads(after)
    constants = {node.name for node in after.node if node.op == "Const"}
    return all(name in constants and now[name] >= was[name] for name in large)


def _reads(graph_def: Any) -> Counter[str]:
    """How often each node is read, also through nodes that hand on what they get."""
    behind = {node.name: node.input[0].split(":")[0] for node in graph_def.node if node.op == "Identity"}

    def source(name: str) -> str:
        while name in behind:
            name = behind[name]
        return name

    return Counter(source(name.split(":")[0]) for node in graph_def.node if node.op != "Identity" for name in node.input)


def _empty(tensor: Any) -> None:
    for field in ("tensor_content", "float_val"):
        tensor.ClearField(field)
