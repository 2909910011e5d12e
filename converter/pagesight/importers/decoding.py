"""Cuts a model that takes encoded files behind its decoder: a page decodes pictures itself, and gives pixels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pagesight.errors import AdoptError
from pagesight.graph.nodes import reached
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers.imported_model import Size

_COLORS = (1, 3)
_ARITHMETIC = frozenset({"Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "BiasAdd", "Maximum", "Minimum", "Pow"})
_RESIZES = frozenset({"ResizeBilinear", "ResizeBicubic", "ResizeArea", "ResizeNearestNeighbor", "ScaleAndTranslate"})
_CROPS = frozenset({"Slice", "CropAndResize", "DecodeAndCropJpeg", "PadV2", "Pad"})
_A_BYTE = 1 / 255
_Placed = tuple[str, Any]
"""A function's name, "" for the graph itself, and a node in it."""


@dataclass(frozen=True)
class Decoded:
    """What is left behind the decoder, and what was found before it."""

    graph_def: Any
    """The graph, in which a placeholder takes the pixels."""
    image: str
    """The tensor that takes them, `[batch, h, w, channels]`."""
    size: Size
    dtype: Any
    input_range: str | None
    """`0..255` or `0..1`, where decoding and scaling tell; else None."""
    crop: str | None
    """`squash` where pictures are resized whole; None where nothing tells."""


def behind_decoder(graph_def: Any, source: str, answer: str) -> Decoded:
    """The graph from the first tensor that is a batch of pictures of one size, through which all that is read of `source` goes.

    `source` is the tensor of strings. Nothing is run. Raises AdoptError where there is no such tensor.
    """
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
    start, end = graph.as_graph_element(source).op, graph.as_graph_element(answer).op
    for op in _passed_by_all(start, end):
        if op.outputs and _is_pictures(op.outputs[0]):
            return _cut(graph_def, op, list(_nodes(_before(op) & _after(start), graph_def)))
    raise AdoptError(
        "the model takes encoded files, and nothing behind its decoder is a batch of pictures of one size",
        fix="choose a signature that takes pixels with --signature NAME, or export the model with one",
    )


def _cut(graph_def: Any, op: Any, before: list[_Placed]) -> Decoded:
    tensor, kinds = op.outputs[0], {node.op for _, node in before}
    return Decoded(
        _fed(graph_def, op.name, tensor),
        tensor.name,
        tuple(tensor.shape.as_list()[1:]),
        tensor.dtype,
        "0..255" if tensor.dtype.is_integer else _range(before, _constants(graph_def)),
        "squash" if kinds & _RESIZES and not kinds & _CROPS else None,
    )


def _passed_by_all(start: Any, end: Any) -> list[Any]:
    """The ops before `end` through which every way from `start` goes, in order; each op of the graph is looked at twice at most.

    All of them lie on any one way. An op is one of them where nothing that comes before it reaches beyond it past that way.
    """
    way = _way(start, end)
    places = {op: place for place, op in enumerate(way)}
    farthest, seen, result = 0, set[Any](), []
    for place, op in enumerate(way[:-1]):
        if farthest <= place:
            result.append(op)
        waiting = [op]
        while waiting:
            for reader in _readers(waiting.pop()):
                if reader in places:
                    farthest = max(farthest, places[reader])
                elif reader not in seen:
                    seen.add(reader)
                    waiting.append(reader)
    return result


def _way(start: Any, end: Any) -> list[Any]:
    """One way from `start` to `end`, both among it; empty where there is none."""
    came_from: dict[Any, Any] = {start: None}
    waiting = [start]
    while waiting and end not in came_from:
        op = waiting.pop()
        for reader in _readers(op):
            if reader not in came_from:
                came_from[reader] = op
                waiting.append(reader)
    way, op = [], end if end in came_from else None
    while op is not None:
        way.append(op)
        op = came_from[op]
    return way[::-1]


def _readers(op: Any) -> list[Any]:
    return [reader for tensor in op.outputs for reader in tensor.consumers()]


def _after(start: Any) -> set[Any]:
    return reached([start], _readers)


def _before(end: Any) -> set[Any]:
    return reached([end], lambda op: [t.op for t in op.inputs])


def _is_pictures(tensor: Any) -> bool:
    if tensor.dtype.name not in ("uint8", "int32", "float32") or tensor.shape.rank != 4:
        return False
    _, height, width, channels = tensor.shape.as_list()
    return height is not None and width is not None and channels in _COLORS


def _nodes(ops: set[Any], graph_def: Any) -> Iterator[_Placed]:
    """The nodes of `ops`, and those of all functions that they call: a decoder is most often a loop's body."""
    functions = {f.signature.name: f for f in graph_def.library.function}
    called: list[str] = []
    for op in ops:
        yield "", op.node_def
        called += _calls(op.node_def)
    for name in reached(called, lambda name: [c for n in functions[name].node_def for c in _calls(n)]):
        yield from ((name, node) for node in functions[name].node_def)


def _calls(node: Any) -> list[str]:
    return [value.func.name for value in node.attr.values() if value.func.name]


def _range(nodes: list[_Placed], constants: Mapping[tuple[str, str], NDArray[Any]]) -> str | None:
    """What a decoder's bytes are after what is done to them: nothing, or one product by 1/255."""
    tf = tensorflow()
    floats = [(place, n) for place, n in nodes if n.op in _ARITHMETIC and n.attr["T"].type == tf.float32.as_datatype_enum]
    decoders = [n for _, n in nodes if n.op == "DecodeImage"]
    if any(n.attr["dtype"].type == tf.float32.as_datatype_enum for n in decoders):
        return None if floats else "0..1"
    if not floats:
        return "0..255"
    ((place, first), *others) = floats
    named = [(place, i.split(":")[0]) for i in first.input]
    factors = [constants[name] for name in named if name in constants]
    by_a_byte = first.op == "Mul" and len(factors) == 1 and abs(factors[0] - _A_BYTE).max() < _A_BYTE * 1e-6
    return "0..1" if by_a_byte and not others else None


def _constants(graph_def: Any) -> dict[tuple[str, str], NDArray[Any]]:
    """The constants without dimensions of a graph and of its functions, by place and name: two functions may use one name."""
    places = [("", graph_def.node), *((f.signature.name, f.node_def) for f in graph_def.library.function)]
    nodes = ((place, n) for place, inside in places for n in inside if n.op == "Const")
    small = ((place, n) for place, n in nodes if len(n.attr["value"].tensor.tensor_shape.dim) == 0)
    return {(place, n.name): tensorflow().make_ndarray(n.attr["value"].tensor) for place, n in small}


def _fed(graph_def: Any, name: str, tensor: Any) -> Any:
    """The graph with a placeholder where the op `name` was, in which nothing waits for what was before it."""
    result = type(graph_def)(versions=graph_def.versions, library=graph_def.library)
    for node in graph_def.node:
        made = result.node.add()
        if node.name != name:
            made.CopyFrom(node)
            inputs = [i for i in node.input if not i.startswith("^")]
            del made.input[:]
            made.input.extend(inputs)
            continue
        made.name, made.op = name, "Placeholder"
        made.attr["dtype"].type = tensor.dtype.as_datatype_enum
        made.attr["shape"].shape.CopyFrom(tensor.shape.as_proto())
    return result
