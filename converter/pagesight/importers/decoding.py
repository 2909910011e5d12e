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
    between = _after(start) & _before(end)
    for op in sorted(between, key=lambda op: (len(_before(op) & between), op.name)):  # loops go round: there is no other order
        if op.outputs and _is_pictures(op.outputs[0]) and end not in _after(start, without=op):
            return _cut(graph_def, op, list(_nodes(_before(op) & between, graph_def)))
    raise AdoptError(
        "the model takes encoded files, and nothing behind its decoder is a batch of pictures of one size",
        fix="choose a signature that takes pixels with --signature NAME, or export the model with one",
    )


def _cut(graph_def: Any, op: Any, before: list[Any]) -> Decoded:
    tensor, kinds = op.outputs[0], {node.op for node in before}
    return Decoded(
        _fed(graph_def, op.name, tensor),
        tensor.name,
        tuple(tensor.shape.as_list()[1:]),
        tensor.dtype,
        "0..255" if tensor.dtype.is_integer else _range(before, _constants(graph_def)),
        "squash" if kinds & _RESIZES and not kinds & _CROPS else None,
    )


def _after(start: Any, without: Any = None) -> set[Any]:
    """The ops that read what `start` gives, through any number of others but `without`."""
    return reached([start], lambda op: [] if op is without else [r for t in op.outputs for r in t.consumers()])


def _before(end: Any) -> set[Any]:
    return reached([end], lambda op: [t.op for t in op.inputs])


def _is_pictures(tensor: Any) -> bool:
    if tensor.dtype.name not in ("uint8", "int32", "float32") or tensor.shape.rank != 4:
        return False
    _, height, width, channels = tensor.shape.as_list()
    return height is not None and width is not None and channels in _COLORS


def _nodes(ops: set[Any], graph_def: Any) -> Iterator[Any]:
    """The nodes of `ops`, and those of all functions that they call: a decoder is most often a loop's body."""
    functions = {f.signature.name: f for f in graph_def.library.function}
    called: list[str] = []
    for op in ops:
        yield op.node_def
        called += _calls(op.node_def)
    for name in reached(called, lambda name: [c for n in functions[name].node_def for c in _calls(n)]):
        yield from functions[name].node_def


def _calls(node: Any) -> list[str]:
    return [value.func.name for value in node.attr.values() if value.func.name]


def _range(nodes: list[Any], constants: Mapping[str, NDArray[Any]]) -> str | None:
    """What a decoder's bytes are after what is done to them: nothing, or one product by 1/255."""
    tf = tensorflow()
    floats = [n for n in nodes if n.op in _ARITHMETIC and n.attr["T"].type == tf.float32.as_datatype_enum]
    decoders = [n for n in nodes if n.op == "DecodeImage"]
    if any(n.attr["dtype"].type == tf.float32.as_datatype_enum for n in decoders):
        return None if floats else "0..1"
    if not floats:
        return "0..255"
    (first, *others) = floats
    factors = [constants[name] for name in (i.split(":")[0] for i in first.input) if name in constants]
    by_a_byte = first.op == "Mul" and len(factors) == 1 and abs(factors[0] - _A_BYTE).max() < _A_BYTE * 1e-6
    return "0..1" if by_a_byte and not others else None


def _constants(graph_def: Any) -> dict[str, NDArray[Any]]:
    """The small constants of a graph and of its functions, by name."""
    nodes = [*graph_def.node, *(n for f in graph_def.library.function for n in f.node_def)]
    small = (n for n in nodes if n.op == "Const" and len(n.attr["value"].tensor.tensor_shape.dim) == 0)
    return {n.name: tensorflow().make_ndarray(n.attr["value"].tensor) for n in small}


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
