"""A graph model's nodes in the order of computation, with what a translator asks of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.graph import nodes
from pagesight.graph.model import GraphModel, static_shapes


@dataclass(frozen=True)
class Node:
    """One op. `inputs` names the nodes whose tensors it reads, `constants` holds the arrays among its inputs by position."""

    name: str
    op: str
    inputs: tuple[str, ...]
    constants: Mapping[int, NDArray[Any]]
    names: Mapping[int, str]
    """What the graph calls those constants."""
    attr: nodes.Attributes
    shape: tuple[int | None, ...]
    """What it gives, the batch first."""

    def text(self, key: str) -> str:
        """An attribute that is a string."""
        return nodes.text(self.attr, key)

    def texts(self, key: str) -> list[str]:
        """An attribute that is a list of strings; none where it is missing."""
        return nodes.texts(self.attr, key)

    def pair(self, key: str) -> list[int]:
        """Height and width of an attribute of four numbers; 1 and 1 where it is missing."""
        return list(nodes.pair(self.attr, key))

    def flag(self, key: str) -> bool:
        """An attribute that is true or false."""
        return nodes.flag(self.attr, key)

    def number(self, key: str) -> float:
        """An attribute that is a number; 0 where it is missing."""
        return nodes.number(self.attr, key)


def nodes_towards(model: GraphModel, output: str) -> Iterator[Node]:
    """What `output` is computed from, each node after those that it reads; nodes that only pass on are left out."""
    known = model.nodes
    order = [name for name, node in nodes.leading_to(known, [output]).items() if node["op"] != "Const"]
    shapes = static_shapes(model, order)
    for name in order:
        node = known[name]
        if node["op"] in nodes.ALIASES:
            continue
        inputs = [nodes.resolve(known, i) for i in nodes.reads(node)]
        names = {i: n for i, n in enumerate(inputs) if known[n]["op"] == "Const"}
        tensors = tuple(n for i, n in enumerate(inputs) if i not in names)
        constants = {i: model.weights[n] for i, n in names.items()}
        yield Node(name, node["op"], tensors, constants, names, node.get("attr", {}), shapes[name])


def origin_of(model: GraphModel, output: str) -> str:
    """The node that makes what `output` passes on."""
    return nodes.resolve(model.nodes, output)


def as_channels(value: NDArray[Any]) -> NDArray[np.float64] | None:
    """A constant that is one number, or one for each channel, as a vector; None for one that varies over places."""
    flat = np.asarray(value, np.float64)
    return flat.reshape(-1) if flat.size == 1 or flat.shape[-1] == flat.size else None
