"""A TF2 SavedModel's protocol buffer, looked through before anything is made of it: what reaches out or grows is refused."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pagesight.errors import AdoptError
from pagesight.graph.nodes import reached
from pagesight.graph.tensorflow import bare

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef

FILE_NAME = "saved_model.pb"
_MAX_PROTO = 2**31 - 1
_FREE_BYTES = 64 * 1024**2
_MAX_RATIO = 200
_AGAIN = "export it again with `model.export(…)` or `tf.saved_model.save(…)`"
_REACH_OUT = frozenset(
    {
        "CacheDataset",
        "CacheDatasetV2",
        "CloseSummaryWriter",
        "CreateSummaryDbWriter",
        "CreateSummaryFileWriter",
        "DataServiceDataset",
        "DataServiceDatasetV2",
        "DatasetToTFRecord",
        "DebugIdentity",
        "DebugIdentityV2",
        "DebugIdentityV3",
        "DebugNumericSummary",
        "DebugNumericSummaryV2",
        "EagerPyFunc",
        "FileSystemSetConfiguration",
        "FixedLengthRecordDataset",
        "FixedLengthRecordDatasetV2",
        "FixedLengthRecordReader",
        "FixedLengthRecordReaderV2",
        "FlushSummaryWriter",
        "ImportEvent",
        "InitializeTableFromTextFile",
        "InitializeTableFromTextFileV2",
        "LMDBDataset",
        "LMDBReader",
        "LoadDataset",
        "LoadLibrary",
        "LookupTableExportV2",
        "MatchingFiles",
        "Print",
        "PrintV2",
        "PyFunc",
        "PyFuncStateless",
        "RPC",
        "ReadFile",
        "Recv",
        "RemoteCall",
        "SaveDataset",
        "SaveDatasetV2",
        "Send",
        "SnapshotDataset",
        "SnapshotDatasetV2",
        "SqlDataset",
        "SummaryWriter",
        "TFRecordDataset",
        "TFRecordDatasetV2",
        "TFRecordReader",
        "TFRecordReaderV2",
        "TextLineDataset",
        "TextLineReader",
        "TextLineReaderV2",
        "TryRpc",
        "WholeFileReader",
        "WholeFileReaderV2",
        "WriteAudioSummary",
        "WriteFile",
        "WriteGraphSummary",
        "WriteHistogramSummary",
        "WriteImageSummary",
        "WriteRawProtoSummary",
        "WriteScalarSummary",
        "WriteSummary",
        "XlaLaunch",
        "_HostRecv",
        "_HostSend",
        "_Recv",
        "_Send",
    }
)
"""Ops that touch files, the network, Python or the terminal: refused wherever in the file they are."""
_SAVES = frozenset(
    {
        "MergeV2Checkpoints",
        "Restore",
        "RestoreSlice",
        "RestoreV2",
        "Save",
        "SaveSlices",
        "SaveV2",
    }
)
"""Ops that read and write checkpoints: there in every SavedModel, for its saver alone."""
_RESTORES = frozenset(
    {
        "AssignVariableOp",
        "Cast",
        "Const",
        "Identity",
        "IdentityN",
        "NoOp",
        "Placeholder",
        "ReadVariableOp",
        "Reshape",
        "RestoreV2",
    }
)
"""What a function may do that restores an object."""


def folders(given: Path) -> list[Path]:
    """Where a model may lie in a folder that was given: in itself, or in a sub-folder that an archive wrapped it in."""
    return [given, *sorted(p for p in given.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))]


def parsed(folder: Path) -> Any:
    """The SavedModel in `folder`, looked through: nothing in it reaches out, keeps resources or files, or claims more than it has.

    Raises AdoptError.
    """
    from google.protobuf.message import DecodeError

    with bare("tensorflow"):
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
    meta = document.meta_graphs[0]
    _check_ops(meta)
    _check_objects(meta.object_graph_def, folder)
    _check_sizes(meta.graph_def, path.stat().st_size)
    return document


def nodes_of(graph_def: Any) -> Iterator[Any]:
    """All nodes of a graph and of its functions."""
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def _check_ops(meta: Any) -> None:
    for node in nodes_of(meta.graph_def):
        if node.op in _REACH_OUT:
            raise AdoptError(f"the node {node.name!r:.120} is a {node.op}, which reaches out of the model", fix="remove it")
    functions = {f.signature.name: f for f in meta.graph_def.library.function}
    called = reached(meta.object_graph_def.concrete_functions, lambda name: calls_of(functions, name))
    for name in called & functions.keys():
        for node in functions[name].node_def:
            if node.op in _SAVES and not _is_saver(functions[name]):
                raise AdoptError(f"the node {node.name!r:.120} is a {node.op}, which reaches out of the model", fix="remove it")


def _is_saver(function: Any) -> bool:
    """True for a function that only puts a checkpoint's values into variables."""
    return all(node.op in _RESTORES for node in function.node_def)


def _check_objects(objects: Any, folder: Path) -> None:
    held = sum(p.stat().st_size for p in (folder / "variables").glob("*") if p.is_file())
    claimed = 0
    for node in objects.nodes:
        kind = node.WhichOneof("kind")
        if kind in ("resource", "asset"):
            raise AdoptError(
                f"{folder} needs a table or a file beside its weights, which a page cannot have", fix="save it without"
            )
        if node.registered_saver or any(s.restore_function or s.save_function for s in node.saveable_objects.values()):
            raise AdoptError(f"{folder} brings functions of its own to restore its weights, which would be run", fix=_AGAIN)
        if kind == "variable":
            claimed += math.prod(max(1, d.size) for d in node.variable.shape.dim)
    if claimed > held:
        raise AdoptError(f"{folder} claims {claimed:,} weights, its variables hold {held:,} bytes", fix="copy or download it again")


def _check_sizes(graph_def: Any, packed: int) -> None:
    """Constants may repeat one value any number of times: what they grow to must fit what they are packed in."""
    grown = 0
    for node in nodes_of(graph_def):
        if node.op == "Const":
            dims = [d.size for d in node.attr["value"].tensor.tensor_shape.dim]
            if any(n < 0 for n in dims):
                raise AdoptError(f"the constant {node.name!r:.120} has the shape {dims}", fix=_AGAIN)
            grown += 4 * math.prod(dims)
    if grown > _FREE_BYTES and grown > _MAX_RATIO * packed:
        raise AdoptError(f"the constants of the model grow from {packed:,} to {grown:,} bytes", fix=_AGAIN)


def calls_of(functions: Mapping[str, "FunctionDef"], name: str) -> list[str]:
    """The functions that the function `name` calls."""
    if name not in functions:
        return []
    values = [value for node in functions[name].node_def for value in node.attr.values()]
    return [v.func.name for v in values if v.func.name] + [f.name for v in values for f in v.list.func]
