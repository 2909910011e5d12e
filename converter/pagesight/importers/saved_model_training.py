"""Takes out of a SavedModel's graph what only matters while the model learns."""

from typing import Any


def drop_training(graph_def: Any) -> None:
    """Leave the branches in which the model does not learn; `graph_def` is changed in place.

    A choice whose first branch changes variables becomes its second branch; changes of variables (seeds of random layers) go.
    """
    functions = {f.signature.name: f for f in graph_def.library.function}
    changes = {name for name, f in functions.items() if any(_assigns(n) for n in f.node_def)}
    for node in [*graph_def.node, *(n for f in functions.values() for n in f.node_def)]:
        if node.op in ("If", "StatelessIf") and node.attr["then_branch"].func.name in changes:
            _take_second_branch(node)
    for name in changes:
        _drop_changes(functions[name])


def _assigns(node: Any) -> bool:
    return bool(node.op.startswith("Assign"))


def _take_second_branch(node: Any) -> None:
    node.op = "StatefulPartitionedCall"
    node.attr["f"].CopyFrom(node.attr["else_branch"])
    del node.input[0]
    for key in set(node.attr) - {"f", "Tin", "Tout", "_output_shapes"}:
        del node.attr[key]
    node.attr["config_proto"].s = node.attr["config"].s = node.attr["executor_type"].s = b""


def _drop_changes(function: Any) -> None:
    dropped = {n.name for n in function.node_def if _assigns(n)}
    kept = [n for n in function.node_def if n.name not in dropped]
    for node in kept:
        inputs = [i for i in node.input if i.lstrip("^") not in dropped]
        del node.input[:]
        node.input.extend(inputs)
    del function.node_def[:]
    function.node_def.extend(kept)
    gone = [key for key, value in function.control_ret.items() if value in dropped]
    for key in gone:
        del function.control_ret[key]
    left = [c for c in function.signature.control_output if c not in gone]
    del function.signature.control_output[:]
    function.signature.control_output.extend(left)
