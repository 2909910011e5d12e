"""What every reader hands over: a model made elsewhere as a function that can be traced, and what its files say about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pagesight.contract import Decision
from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import ops

Size = tuple[int | None, int | None, int | None]
"""Height, width and channels; None where the model leaves it free."""


@dataclass(frozen=True)
class TfjsFiles:
    """A TF.js model's own files, for TF.js itself."""

    model_json: Path
    answer: str | None
    """The tensor of a graph model that answers; None for a layers model."""


@dataclass(frozen=True)
class Foreign:
    """A model as it was found; nothing in it has been run yet.

    `call` maps float32 `[batch, h, w, channels]` in the model's own range to its answers; it is called while TensorFlow traces.
    """

    kind: str
    """For people: 'Keras 3 model', 'Teachable Machine model'."""
    call: Callable[[Any], Any]
    size: Size
    keep: Any = None
    """The object that owns the variables `call` reads, if any."""
    labels: tuple[str, ...] | None = None
    input_range: str | None = None
    crop: str | None = None
    names: tuple[str, ...] = ()
    """Names of the networks inside, for what is known about published ones."""
    title: str | None = None
    decision: Decision | None = None
    """How sure it must be, where it is a page's."""
    loss: str | None = None
    """What it was trained with, where its file says so."""
    frozen: bool = False
    """True where a network inside was kept as it was published, so that its batch norms tell nothing of this model's pixels."""
    quantized: bool = False
    """True where its own runtime rounds feature maps to 8 bits: answers are further from it than rounding in float32 explains."""
    encoded: bool = False
    """True where the original takes encoded files, which it decodes itself; `call` takes pixels all the same."""
    tfjs_files: TfjsFiles | None = None
    notes: tuple[str, ...] = field(default=())


def size_of(shape: tuple[Any, ...]) -> Size:
    """Height, width and channels of an input `[batch, h, w, channels]`. Raises AdoptError for another rank."""
    if len(shape) != 4:
        raise AdoptError(
            f"the model takes an input of rank {len(shape)} ({list(shape)}), not pictures [batch, height, width, channels]",
            fix="give a model whose input is a picture",
        )
    height, width, channels = (None if n is None else int(n) for n in shape[1:])
    return height, width, channels


def from_graph_def(
    graph_def: Any, image: str, answer: str, captured: Mapping[str, NDArray[Any]] | None = None
) -> Callable[[Any], Any]:
    """A frozen graph as a function of its one input; `captured` gives other placeholders constant values."""
    tf = tensorflow()
    graph_def = _without(graph_def, [image, *(captured or {})])

    def call(x: Any) -> Any:
        fed = {name: tf.constant(value) for name, value in (captured or {}).items()}
        (result,) = tf.graph_util.import_graph_def(graph_def, {**fed, image: x}, [answer], name="model")
        return result

    return call


def again(function: Any) -> Callable[[Any], Any]:
    """A concrete function of one image as a function that repeats its graph: no layer is called anew, variables stay."""
    tf = tensorflow()
    image, answer = function.inputs[0].name, function.outputs[0].name
    captures = [(outside, inside.name) for outside, inside in function.graph.captures]
    graph_def = _without(function.graph.as_graph_def(), [image, *(name for _, name in captures)])

    def call(x: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        fed = {name: graph.capture(outside) for outside, name in captures}
        (result,) = tf.graph_util.import_graph_def(graph_def, {**fed, image: x}, [answer], name="model")
        return result

    return call


def _without(graph_def: Any, placeholders: list[str]) -> Any:
    """The graph without nodes that are fed, so that importing it leaves none behind."""
    names = {name.split(":")[0] for name in placeholders}
    kept = [node for node in graph_def.node if node.name not in names]
    result = type(graph_def)(versions=graph_def.versions, library=graph_def.library)
    result.node.extend(kept)
    for node in result.node:  # a constant may wait for what is fed: what is fed has no node any more
        waited = [name for name in node.input if name.startswith("^") and name[1:] in names]
        for name in waited:
            node.input.remove(name)
    return result


def freeze(function: Any) -> tuple[Any, list[Any], list[Any]]:
    """A concrete function as a graph without variables and calls: GraphDef, input tensors, output tensors."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    return frozen.graph.as_graph_def(), list(frozen.inputs), list(frozen.outputs)


def cut(graph_def: Any, answer: str) -> Any:
    """Only the nodes that `answer` needs, each of them an op that TF.js has. Raises AdoptError for one it has not."""
    needed = tensorflow().compat.v1.graph_util.extract_sub_graph(graph_def, [answer.split(":", maxsplit=1)[0]])
    for node in [*needed.node, *(n for f in needed.library.function for n in f.node_def)]:
        node.attr.pop("_gradient_op_type", None)  # how swish learns; the function for it is not in this graph
    ops.check((node.op, node.name) for node in needed.node)
    ops.check((node.op, node.name) for f in needed.library.function for node in f.node_def if _is_called(f, needed))
    return needed


def _is_called(function: Any, graph_def: Any) -> bool:
    name = function.signature.name
    nodes = [*graph_def.node, *(n for f in graph_def.library.function for n in f.node_def)]
    return any(a.func.name == name for n in nodes for a in n.attr.values())
