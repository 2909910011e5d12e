"""A graph model's nodes in the order of computation, with what a translator asks of them."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.graph.model import GraphModel, static_shapes

_ALIASES = frozenset({"Identity", "StopGradient", "PreventGradient"})


@dataclass(frozen=True)
class Node:
    """One op. `inputs` names the nodes whose tensors it reads, `constants` holds the arrays among its inputs by position."""

    name: str
    op: str
    inputs: tuple[str, ...]
    constants: Mapping[int, NDArray[Any]]
    names: Mapping[int, str]
    """What the graph calls those constants."""
    attr: Mapping[str, Any]
    shape: tuple[int | None, ...]
    """What it gives, the batch first."""

    def text(self, key: str) -> str:
        """An attribute that is a string."""
        return base64.b64decode(self.attr[key]["s"]).decode()

    def texts(self, key: str) -> list[str]:
        """An attribute that is a list of strings; none where it is missing."""
        return [base64.b64decode(s).decode() for s in self.attr.get(key, {}).get("list", {}).get("s", [])]

    def pair(self, key: str) -> list[int]:
        """Height and width of an attribute of four numbers; 1 and 1 where it is missing."""
        values = self.attr.get(key, {}).get("list", {}).get("i", [1, 1, 1, 1])
        return [int(values[1]), int(values[2])]

    def flag(self, key: str) -> bool:
        """An attribute that is true or false."""
        return bool(self.attr.get(key, {}).get("b"))

    def number(self, key: str) -> float:
        """An attribute that is a number; 0 where it is missing."""
        return float(self.attr.get(key, {}).get("f", 0.0))


def nodes_towards(model: GraphModel, output: str) -> Iterator[Node]:
    """What `output` is computed from, each node after those that it reads; nodes that only pass on are left out."""
    nodes = {node["name"]: node for node in model.document["modelTopology"]["node"]}
    order = [name for name in _in_order(nodes, output) if nodes[name]["op"] != "Const"]
    shapes = static_shapes(model, order)
    for name in order:
        node = nodes[name]
        if node["op"] in _ALIASES:
            continue
        inputs = [_origin(nodes, i) for i in _reads(node)]
        names = {i: n for i, n in enumerate(inputs) if nodes[n]["op"] == "Const"}
        tensors = tuple(n for i, n in enumerate(inputs) if i not in names)
        constants = {i: model.weights[n] for i, n in names.items()}
        yield Node(name, node["op"], tensors, constants, names, node.get("attr", {}), shapes[name])


def origin_of(model: GraphModel, output: str) -> str:
    """The node that makes what `output` passes on."""
    return _origin({node["name"]: node for node in model.document["modelTopology"]["node"]}, output)


def _reads(node: Mapping[str, Any]) -> list[str]:
    return [i.split(":")[0] for i in node.get("input", []) if not i.startswith("^")]


def _origin(nodes: Mapping[str, Any], name: str) -> str:
    while nodes[name]["op"] in _ALIASES:
        name = _reads(nodes[name])[0]
    return name


def _in_order(nodes: Mapping[str, Any], output: str) -> list[str]:
    done: dict[str, None] = {}
    stack = [(output, False)]
    while stack:
        name, read = stack.pop()
        if read:
            done[name] = None
        elif name not in done:
            stack.append((name, True))
            stack.extend((i, False) for i in _reads(nodes[name]))
    return list(done)


def as_channels(value: NDArray[Any]) -> NDArray[np.float64] | None:
    """A constant that is one number, or one for each channel, as a vector; None for one that varies over places."""
    flat = np.asarray(value, np.float64)
    return flat.reshape(-1) if flat.size == 1 or flat.shape[-1] == flat.size else None
