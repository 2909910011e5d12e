"""TF.js models: layers models (Teachable Machine's among them, with metadata.json) and graph models (Pagesight's among them)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pagesight.contract import FILE_NAME as CONTRACT
from pagesight.contract import Contract
from pagesight.errors import AdoptError, first_line
from pagesight.graph.model import GraphModel, _captured, _graph_def
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import hdf5, keras_files, keras_weights, ops, shards
from pagesight.importers.imported_model import Foreign, TfjsFiles, cut, from_graph_def, size_of
from pagesight.importers.keras_graph import Rebuild
from pagesight.json_values import JsonObject, JsonValue, object_in
from pagesight.sandbox import Found, Handed

_JSON_BYTES = 64 * 1024**2
_LONGEST_PATH, _LONGEST_NAME = 1024, 255
"""Characters of a shard's path below its model, and bytes of each name in it: no file that is found has longer ones."""
_AGAIN = "export the model again, and keep its files together"
_NOT_AS_WRITTEN = "the graph in model.json is not written as TF.js writes it"
_TEACHABLE = "Teachable Machine model"


def open_files(model_json: Path) -> Found:
    """The TF.js model whose model.json this is: its JSON and arrays, and what lies beside it. Raises AdoptError."""
    document = _json(model_json)
    if not isinstance(document, dict) or not isinstance(document.get("modelTopology"), dict):
        raise AdoptError(f"{model_json} is not a TF.js model", fix="give the model.json that TF.js or its converter wrote")
    manifest = document.pop("weightsManifest", None)
    weights = shards.read(manifest, model_json.parent)
    shards.refuse_not_finite(weights)
    facts = {"document": document, "shown_as": str(model_json), "model_json": str(model_json)}
    if document.get("format") == "graph-model" or "node" in document["modelTopology"]:
        for graph in (document["modelTopology"], document.get("modelInitializer") or {}):
            ops.check(_nodes(graph))
        contract = _contract(model_json)
        told = None if contract is None else contract.to_json()
        return Found({**facts, "kind": "tfjs-graph", "contract": told, "stored_as": shards.stored_as(manifest)}, weights)
    metadata = model_json.with_name("metadata.json")
    return Found({**facts, "kind": "tfjs-layers", "metadata": _json(metadata) if metadata.is_file() else None}, weights)


def read(handed: Handed) -> Foreign:
    """What `open_files` found as a model that TensorFlow can trace. Raises AdoptError."""
    model_json = Path(handed.facts["model_json"])
    if handed.facts["kind"] == "tfjs-graph":
        return _graph(graph_model(handed), handed, model_json)
    result = _layers(handed.facts["document"]["modelTopology"], handed.arrays, handed.facts["metadata"])
    return replace(result, tfjs_files=TfjsFiles(model_json, None))


def graph_model(handed: Handed) -> GraphModel:
    """The graph model that was found, as it is; one that does not say what goes in and comes out is read as TF.js reads it."""
    document: Any = dict(handed.facts["document"])
    if not document.get("signature"):
        told = object_in(document.get("userDefinedMetadata")).get("signature")
        document["signature"] = told or _signature(document["modelTopology"], handed.arrays)
    return GraphModel(document, dict(handed.arrays))


def _signature(topology: Any, weights: Any) -> Any:
    """What is fed, and what nothing else reads: the ends of a graph of TF.js's first years, which has no signature."""
    try:
        nodes = topology.get("node") or []
        read = {str(name).removeprefix("^").split(":")[0] for node in nodes for name in node.get("input") or []}
        fed = [node["name"] for node in nodes if node["op"].startswith("Placeholder") and node["name"] not in weights]
        last = [node["name"] for node in nodes if node["name"] not in read and node["op"] not in ("Const", "NoOp")]
    except (TypeError, KeyError, AttributeError) as cause:
        raise AdoptError(_NOT_AS_WRITTEN, fix=_AGAIN) from cause
    return {"inputs": {name: {"name": f"{name}:0"} for name in fed}, "outputs": {name: {"name": f"{name}:0"} for name in last}}


def files_beside(model_json: Path) -> dict[str, Path]:
    """What is read with a model.json: the shards that it names, labels, and a page's contract; by name, there or not."""
    folder = model_json.parent
    try:
        groups = _json(model_json)["weightsManifest"]
        shards_named = [str(path) for group in groups for path in group["paths"]]
    except (AdoptError, TypeError, KeyError):  # what is wrong with it is said where it is read
        shards_named = []
    inside = [name for name in shards_named if _lies_in(folder, name)]
    return {name: folder / name for name in (*inside, "metadata.json", CONTRACT, f"../{CONTRACT}")}


def _lies_in(folder: Path, name: str) -> bool:
    """Whether a stranger's `name` can be that of a file below `folder`."""
    if (
        "\0" in name
        or len(name) > _LONGEST_PATH
        or any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in name.split("/"))
    ):
        return False
    try:
        return (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a path that is too long as a whole, or links that go round
        return False


def _json(path: Path) -> Any:
    if path.stat().st_size > _JSON_BYTES:
        raise AdoptError(f"{path} is too large to be read", fix=_AGAIN)
    return hdf5.parse_json(path.read_bytes(), str(path))


def _layers(topology: JsonObject, weights: Mapping[str, NDArray[Any]], metadata: JsonValue) -> Foreign:
    budget = sum(int(value.size) for value in weights.values())
    built = Rebuild("tfjs", budget).build(topology.get("model_config") or topology)
    keras_weights.from_names(built, weights)
    result = keras_files.foreign_of(built, "keras2", "TF.js layers model")
    return result if metadata is None else _with_metadata(result, metadata)


def _with_metadata(result: Foreign, metadata: Any) -> Foreign:
    """Labels, name and size as Teachable Machine writes them; its library scales pixels to -1..1 and crops to the center."""
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise AdoptError("metadata.json lists no labels", fix="export the model from Teachable Machine again")
    side, here = metadata.get("imageSize"), result.size[0]
    if side is not None and side != here:
        raise AdoptError(f"metadata.json speaks of pictures of {side!s:.20} px, the model takes {here}", fix="export both again")
    title = metadata.get("modelName")
    return replace(
        result,
        kind=_TEACHABLE,
        labels=tuple(labels),
        input_range="-1..1",
        crop="center-square",
        title=title if isinstance(title, str) and title else None,
    )


def _graph(model: GraphModel, handed: Handed, file: Path) -> Foreign:
    model_json = handed.facts["shown_as"]
    contract = None if handed.facts["contract"] is None else Contract.from_json(handed.facts["contract"])
    try:
        answer = _answer(model, model_json, contract)
        graph_def = _graph_def(model.document["modelTopology"], model.weights, whole=True)
        image = model.input_name if ":" in model.input_name else f"{model.input_name}:0"
        placeholder = next(n for n in graph_def.node if n.name == image.split(":")[0])
        dims = placeholder.attr["shape"].shape.dim
        dtype = tensorflow().as_dtype(placeholder.attr["dtype"].type)
        inner = from_graph_def(cut(graph_def, answer), image, answer, _captured(model))
        result = Foreign(
            "TF.js graph model",
            inner if dtype.is_floating else lambda x: inner(tensorflow().cast(x, dtype)),
            size_of(tuple(None if d.size < 1 else d.size for d in dims)),
            input_range="0..255" if dtype.is_integer else None,
            tfjs_files=TfjsFiles(file, answer),
        )
    except AdoptError:
        raise
    except Exception as cause:  # protobuf and TensorFlow raise of every kind for a damaged graph
        raise AdoptError(f"the graph in {model_json} cannot be read: {first_line(cause)}", fix=_AGAIN) from cause
    return result if contract is None else _as_contracted(result, contract)


def _nodes(graph: Any) -> list[tuple[str, str]]:
    try:
        functions = (graph.get("library") or {}).get("function") or []
        rows = [*(graph.get("node") or []), *(n for f in functions for n in f.get("nodeDef") or [])]
        return [(str(n["op"]), str(n["name"])) for n in rows]
    except (TypeError, KeyError, AttributeError) as cause:
        raise AdoptError(_NOT_AS_WRITTEN, fix=_AGAIN) from cause


def _answer(model: GraphModel, model_json: str, contract: Contract | None) -> str:
    """The tensor that answers."""
    signature = model.document.get("signature")
    if not isinstance(signature, dict) or not signature.get("inputs") or not signature.get("outputs"):
        raise AdoptError(f"{model_json} does not say what goes in and comes out", fix="convert the model again with a signature")
    pictures = [i for i in signature["inputs"].values() if "resourceId" not in i]
    if len(pictures) != 1:
        raise AdoptError(f"the model takes {len(pictures)} inputs", fix="give a model that takes one picture and nothing else")
    outputs = model.output_names()
    if contract is not None:
        name = contract.outputs.probabilities
    elif len(outputs) == 1 or "probabilities" in outputs:
        name = outputs.get("probabilities") or next(iter(outputs.values()))
    else:
        raise AdoptError(f"the model has {len(outputs)} outputs ({', '.join(outputs)})", fix="convert a model with one output")
    return name if ":" in name else f"{name}:0"


def _contract(model_json: Path) -> Contract | None:
    """Pagesight's contract where one lies beside the model or above it."""
    for folder in (model_json.parent, model_json.parent.parent):
        try:
            contract = Contract.read(folder)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise AdoptError(f"{folder / CONTRACT} cannot be read: {cause}", fix="remove it, or build the page again") from cause
        if (folder / contract.model_path).resolve() == model_json.resolve():
            return contract
    return None


def _as_contracted(result: Foreign, contract: Contract) -> Foreign:
    crop = contract.input.crop if contract.input.crop in ("center-square", "squash") else None
    side, channels = contract.input.side, contract.input.channels
    size = (result.size[0] or side, result.size[1] or side, result.size[2] or channels)
    return replace(
        result,
        kind="Pagesight model",
        labels=contract.labels,
        input_range="0..255",
        crop=crop,
        title=contract.title,
        size=size,
        decision=contract.decision,
    )
