"""A graph model's nodes as JSON holds them (protobuf's NodeDef): what they read, their attributes, what leads to what."""

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import TypedDict, TypeVar

from pagesight.json_values import JsonObject

T = TypeVar("T")
ALIASES = frozenset({"Identity", "StopGradient", "PreventGradient"})
"""Ops that only pass their input on."""


class AttributeList(TypedDict, total=False):
    """A list among attributes."""

    s: list[str]
    i: list[str | int]
    type: list[str]


class Attribute(TypedDict, total=False):
    """One AttrValue: the field of its type is set, 64-bit integers as strings, bytes as base64."""

    s: str
    i: str | int
    f: float
    b: bool
    type: str
    shape: JsonObject
    tensor: JsonObject
    list: AttributeList


Attributes = Mapping[str, Attribute]


class GraphNode(TypedDict, total=False):
    """One NodeDef: `input` names tensors as `node`, `node:1`, or `^node` for one that is only waited for."""

    name: str
    op: str
    input: list[str]
    attr: dict[str, Attribute]


class TensorInfo(TypedDict, total=False):
    """An entry of a signature; `resourceId` marks a table or a variable."""

    name: str
    dtype: str
    resourceId: int


class Signature(TypedDict):
    """The tensors that a graph takes and gives, by what they mean."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


class Topology(TypedDict, total=False):
    """A GraphDef."""

    node: list[GraphNode]
    versions: JsonObject
    library: JsonObject


class GraphDocument(TypedDict, total=False):
    """model.json of a graph model; `modelInitializer` is a graph that computes the tensors of `initializerSignature` once."""

    format: str
    generatedBy: str
    convertedBy: str
    signature: Signature
    modelTopology: Topology
    initializerSignature: Signature
    modelInitializer: Topology


Nodes = Mapping[str, GraphNode]
"""Nodes by name."""


def source(reference: str) -> str:
    """The node that a reference (`node`, `node:1`, `^node`) means."""
    return reference.removeprefix("^").split(":", maxsplit=1)[0]


def reads(node: GraphNode) -> list[str]:
    """The nodes whose tensors a node reads, in order; those that it only waits for are left out."""
    return [source(reference) for reference in node.get("input", []) if not reference.startswith("^")]


def resolve(nodes: Nodes, name: str) -> str:
    """The node that makes what `name` passes on."""
    name = source(name)
    while name in nodes and nodes[name]["op"] in ALIASES:
        name = reads(nodes[name])[0]
    return name


def leading_to(nodes: Nodes, ends: Iterable[str]) -> dict[str, GraphNode]:
    """The nodes that `ends` need, themselves included, each after all that it reads or waits for."""
    done: dict[str, GraphNode] = {}
    stack = [(source(end), False) for end in reversed(list(ends))]
    while stack:
        name, ready = stack.pop()
        if ready:
            done[name] = nodes[name]
        elif name not in done:
            stack.append((name, True))
            stack.extend((source(i), False) for i in nodes[name].get("input", []))
    return done


def reached(ends: Iterable[T], step: Callable[[T], Iterable[T]]) -> set[T]:
    """All names (or nodes) that `step` leads to from `ends`, themselves included."""
    queue, seen = list(ends), set[T]()
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue.extend(step(name))
    return seen


def text(attributes: Attributes, key: str) -> str:
    """An attribute that is a string; '' where it is missing."""
    return _decoded(attributes.get(key, {}).get("s", ""))


def texts(attributes: Attributes, key: str) -> list[str]:
    """An attribute that is a list of strings; none where it is missing."""
    return [_decoded(s) for s in attributes.get(key, {}).get("list", {}).get("s", [])]


def pair(attributes: Attributes, key: str) -> tuple[int, int]:
    """Height and width of an attribute of four numbers; 1 and 1 where it is missing."""
    values = attributes.get(key, {}).get("list", {}).get("i", [1, 1, 1, 1])
    return int(values[1]), int(values[2])


def flag(attributes: Attributes, key: str) -> bool:
    """An attribute that is true or false."""
    return bool(attributes.get(key, {}).get("b"))


def number(attributes: Attributes, key: str) -> float:
    """An attribute that is a number; 0 where it is missing."""
    return float(attributes.get(key, {}).get("f", 0.0))


def encoded(value: str) -> str:
    """A string as JSON holds protobuf's bytes."""
    return base64.b64encode(value.encode()).decode()


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode()
