"""TF2 SavedModel folders: looked through as data first, then loaded, frozen and cut down to one picture in, one answer out.

Loading a SavedModel runs what initialises its resources; a folder that has any is refused, as is every op TF.js cannot run.
"""

import math
import tempfile
from pathlib import Path
from typing import Any

from pagesight.errors import AdoptError, first_line
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import ops
from pagesight.importers.imported_model import Foreign, from_graph_def, size_of

FILE_NAME = "saved_model.pb"
_MAX_PROTO = 2**31 - 1
_ANSWERS = ("probabilities", "predictions", "logits", "scores", "default")
_AGAIN = "export it again with `model.export(…)` or `tf.saved_model.save(…)`"
_REACH_OUT = frozenset(
    [
        "PyFunc",
        "PyFuncStateless",
        "EagerPyFunc",
        "ReadFile",
        "WriteFile",
        "MatchingFiles",
        "LoadLibrary",
        "LookupTableExportV2",
        "InitializeTableFromTextFile",
        "InitializeTableFromTextFileV2",
        "WholeFileReaderV2",
        "TextLineReaderV2",
        "FixedLengthRecordReaderV2",
        "TFRecordReaderV2",
        "TextLineDataset",
        "TFRecordDataset",
        "FixedLengthRecordDataset",
        "SaveDataset",
        "LoadDataset",
        "DebugIdentityV2",
        "PrintV2",
        "Print",
        "RemoteCall",
        "XlaLaunch",
    ]
)


def read(folder: Path, scratch: Path) -> Foreign:
    """A TF2 SavedModel with one image input. Raises AdoptError."""
    tf = tensorflow()
    folder = prepared(folder, scratch)
    try:
        loaded = tf.saved_model.load(str(folder))
        function = _without_training(_signature(loaded, folder), loaded)
        names = sorted(function.structured_outputs)
        graph_def, inputs, outputs = freeze(function)
    except AdoptError:
        raise
    except Exception as cause:  # TensorFlow raises of every kind for damaged checkpoints and graphs
        raise AdoptError(f"{folder} cannot be loaded: {first_line(cause)}", fix=_AGAIN) from cause
    if len(inputs) != 1:
        raise AdoptError(f"the model takes {len(inputs)} inputs", fix="give a model that takes one picture and nothing else")
    answer = _answer(dict(zip(names, outputs, strict=True)))
    ours = {"probabilities", "embedding"} <= set(names)
    plain = inputs[0].dtype == tf.float32
    cast = inputs[0].dtype
    inner = from_graph_def(cut(graph_def, answer.name), inputs[0].name, answer.name)
    return Foreign(
        "SavedModel",
        inner if plain else lambda x: inner(tf.cast(x, cast)),
        size_of(_shape(inputs[0])),
        input_range="0..255" if ours or cast == tf.uint8 else None,
    )


def prepared(folder: Path, scratch: Path) -> Path:
    """A folder that is safe to load: `folder`, or a copy below `scratch` without the branches in which the model learns.

    Raises AdoptError for one that is no TF2 SavedModel, or whose loading would do more than read variables.
    """
    document = _vetted(folder)
    if not _settled(document.meta_graphs[0].graph_def):
        return folder
    copy = Path(tempfile.mkdtemp(dir=scratch))
    (copy / FILE_NAME).write_bytes(document.SerializeToString())
    (copy / "variables").symlink_to((folder / "variables").resolve(), target_is_directory=True)
    return copy


def _settled(graph_def: Any) -> bool:
    """Take out what only matters while a model learns; True where there was any.

    A choice whose first branch changes variables becomes its second branch; changes of variables (seeds of random layers) go.
    """
    functions = {f.signature.name: f for f in graph_def.library.function}
    changes = {name for name, f in functions.items() if any(_assigns(n) for n in f.node_def)}
    for node in [*graph_def.node, *(n for f in functions.values() for n in f.node_def)]:
        if node.op in ("If", "StatelessIf") and node.attr["then_branch"].func.name in changes:
            _take_second_branch(node)
    for name in changes:
        _drop_changes(functions[name])
    return bool(changes)


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


def _vetted(folder: Path) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / FILE_NAME
    if not path.is_file():
        raise AdoptError(f"{folder} has no {FILE_NAME}", fix="give the folder that holds it")
    if path.stat().st_size > _MAX_PROTO:
        raise AdoptError(f"{path} is larger than a protocol buffer can be", fix=_AGAIN)
    try:
        document = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except (DecodeError, RecursionError, MemoryError) as cause:
        raise AdoptError(f"{path} is damaged", fix="copy or download it again") from cause
    if len(document.meta_graphs) != 1 or not document.meta_graphs[0].object_graph_def.nodes:
        raise AdoptError(f"{folder} was not saved by TensorFlow 2", fix="load it in TensorFlow 2 and save it again")
    graph = document.meta_graphs[0]
    for node in [*graph.graph_def.node, *(n for f in graph.graph_def.library.function for n in f.node_def)]:
        if node.op in _REACH_OUT:
            raise AdoptError(f"the node {node.name!r:.120} is a {node.op}, which reaches out of the model", fix="remove it")
    _vet_objects(graph.object_graph_def, folder)
    return document


def _vet_objects(objects: Any, folder: Path) -> None:
    held = sum(p.stat().st_size for p in (folder / "variables").glob("*") if p.is_file())
    claimed = 0
    for node in objects.nodes:
        kind = node.WhichOneof("kind")
        if kind in ("resource", "asset"):
            raise AdoptError(
                f"{folder} needs a table or a file beside its weights, which a page cannot have", fix="save it without"
            )
        if kind == "variable":
            claimed += math.prod(max(1, d.size) for d in node.variable.shape.dim)
    if claimed > held:
        raise AdoptError(f"{folder} claims {claimed:,} weights, its variables hold {held:,} bytes", fix="copy or download it again")


def _signature(loaded: Any, folder: Path) -> Any:
    signatures = dict(loaded.signatures)
    if "serving_default" in signatures or len(signatures) == 1:
        return signatures.get("serving_default") or next(iter(signatures.values()))
    if signatures:
        raise AdoptError(
            f"{folder} has the signatures {', '.join(sorted(signatures))}", fix="save it with one, called serving_default"
        )
    raise AdoptError(f"{folder} has no signature to call", fix="save it with `signatures=…`, or with `model.export(…)`")


def _without_training(function: Any, loaded: Any) -> Any:
    """A signature that asks whether the model learns, as the function the model itself has for when it does not."""
    tf = tensorflow()
    _, asked = function.structured_input_signature
    pictures = [spec for spec in asked.values() if spec.dtype != tf.bool]
    if len(pictures) == len(asked) or len(pictures) != 1 or not callable(loaded):
        return function
    return tf.function(lambda image: {"default": loaded(image, training=False)}, autograph=False).get_concrete_function(pictures[0])


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


def _answer(outputs: dict[str, Any]) -> Any:
    for name in _ANSWERS:
        if name in outputs:
            return outputs[name]
    flat = [t for t in outputs.values() if t.shape.rank in (None, 2)]
    if len(outputs) == 1 or len(flat) == 1:
        return flat[0] if flat else next(iter(outputs.values()))
    raise AdoptError(
        f"the model gives {len(outputs)} answers ({', '.join(outputs)})",
        fix="save a model with its class scores as the only output",
    )


def _shape(tensor: Any) -> tuple[Any, ...]:
    if tensor.shape.rank is None:
        raise AdoptError("the model does not say what shape its input has", fix="save it with the input's shape")
    return tuple(tensor.shape)
