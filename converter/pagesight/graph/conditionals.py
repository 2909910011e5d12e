"""Branches of a frozen graph whose condition is a constant: only the way taken stays."""

from typing import Any

from pagesight.graph.tensorflow import tensorflow


def decided(graph_def: Any) -> Any:
    """`graph_def` without `If` nodes on a constant, such as TF-Hub models' 'is this training?'; changed in place."""
    nodes = {node.name: node for node in graph_def.node}
    functions = {function.signature.name: function for function in graph_def.library.function}
    for node in [n for n in graph_def.node if n.op in ("If", "StatelessIf")]:
        chooses = nodes[node.input[0].split(":")[0]]
        while chooses.op == "Identity":
            chooses = nodes[chooses.input[0].split(":")[0]]
        if chooses.op == "Const":
            yes = bool(tensorflow().make_ndarray(chooses.attr["value"].tensor))
            branches = [node.attr[name].func.name for name in ("then_branch", "else_branch")]
            _put_in_place(graph_def, node, functions[branches[0 if yes else 1]])
            for name in branches:
                graph_def.library.function.remove(functions[name])
    return graph_def


def _put_in_place(graph_def: Any, call: Any, function: Any) -> None:
    """Replace `call` (its first input is the predicate) by the body of `function`; its nodes get the call's name before theirs."""
    arguments = {a.name: given for a, given in zip(function.signature.input_arg, call.input[1:], strict=True)}

    def renamed(reference: str) -> str:
        control, bare = ("^", reference[1:]) if reference.startswith("^") else ("", reference)
        name, *rest = bare.split(":")
        if name in arguments:
            return f"^{arguments[name].split(':')[0]}" if control else arguments[name]
        return f"{control}{call.name}/{name}" + (f":{rest[-1]}" if rest else "")

    for inner in function.node_def:
        copy = graph_def.node.add()
        copy.CopyFrom(inner)
        copy.name = f"{call.name}/{inner.name}"
        copy.input[:] = [renamed(reference) for reference in inner.input]
    results = [renamed(function.ret[output.name]) for output in function.signature.output_arg]
    for node in graph_def.node:
        node.input[:] = [_redirected(reference, call.name, results) for reference in node.input]
    graph_def.node.remove(call)


def _redirected(reference: str, name: str, results: list[str]) -> str:
    """A reference to output i of node `name` as results[i]; references by control to it are to its first result."""
    control, bare = ("^", reference[1:]) if reference.startswith("^") else ("", reference)
    node, _, index = bare.partition(":")
    if node != name:
        return reference
    result = results[int(index or 0)]
    return f"^{result.split(':')[0]}" if control else result
