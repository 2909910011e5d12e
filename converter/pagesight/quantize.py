"""A SavedModel to a stock TF.js graph model with its weights stored in fewer bits."""

import json
import re
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import _tfjs, manifest, progress
from pagesight._graph import GraphModel, Runner
from pagesight._squares import squares_of
from pagesight.artifacts import Dataset, SavedModel, WebModel
from pagesight.contract import Outputs
from pagesight.options import Quantization


def quantize(saved: SavedModel, how: Quantization, into: Path, pictures: Dataset | None = None) -> WebModel:
    """Write `saved` as `model/` in the stock TF.js format with its float weights stored as `how.mode` says.

    Where `pictures` are given, the test side measures accuracy and the share of answers kept from the float model.
    Raises QuantizeError where TF.js lacks an op; nothing is written then.
    """
    key = {
        "options": asdict(how),
        "model": manifest.sha256_json((manifest.read(saved.path) or {}).get("key")),
        "pictures": manifest.sha256_file(pictures.path / "dataset.json") if pictures else None,
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tensorflowjs"),
    }
    if manifest.is_fresh(into, "quantize", key):
        progress.stage("quantize", fresh=True)
        return WebModel(into)
    progress.stage("quantize")
    with manifest.whole_folder(into, "quantize", key) as temporary:
        floats = _converted(saved)
        outputs = floats.output_names()
        contract = replace(saved.contract, outputs=Outputs(**{k: outputs[k].split(":")[0] for k in outputs}))
        with progress.task("writing the weights"):
            float_bytes = sum(w.nbytes for w in floats.weights.values())
            size = floats.write(temporary / "model", _stored_as(floats, how))
        web = replace(WebModel(temporary), path=temporary)
        contract.write(temporary)
        facts = {"mode": how.mode, "float_bytes": float_bytes, "bytes": size, "top1_agreement": None, "accuracy": None}
        if pictures is not None:
            facts |= _compared(floats, GraphModel.read(web.path / contract.model_path), contract.outputs, contract, pictures)
        manifest.write_json(temporary / "quantization.json", facts)
    return WebModel(into)


def _converted(saved: SavedModel) -> GraphModel:
    """The float32 graph model, tidied: short stable node names, nothing that TF.js never reads."""
    with progress.task("converting with tensorflowjs"), tempfile.TemporaryDirectory() as scratch:
        _tfjs.convert_saved_model(saved.path / "saved_model", Path(scratch))
        return _tidied(GraphModel.read(Path(scratch) / "model.json"))


def _tidied(model: GraphModel) -> GraphModel:
    """Give nodes short names: outputs by their meaning, the rest by op and number."""
    document = json.loads(json.dumps(model.document))
    topology, signature = document["modelTopology"], document["signature"]
    names = {info["name"].split(":")[0]: key for key, info in signature["outputs"].items()}
    names |= {info["name"].split(":")[0]: key for key, info in signature["inputs"].items()}
    for number, node in enumerate(topology["node"]):
        names.setdefault(node["name"], f"{node['op'].lstrip('_')}_{number}")
    for node in topology["node"]:
        node["name"] = names[node["name"]]
        if "input" in node:
            node["input"] = [_renamed(i, names) for i in node["input"]]
        node["attr"] = {k: v for k, v in node.get("attr", {}).items() if not k.startswith("_")}
    for info in (*signature["inputs"].values(), *signature["outputs"].values()):
        info["name"] = _renamed(info["name"], names)
    topology.pop("library", None) if not topology.get("library") else None
    weights = {names[name]: value for name, value in model.weights.items() if name in names}
    return GraphModel(document, weights)


def _renamed(reference: str, names: dict[str, str]) -> str:
    match = re.fullmatch(r"(\^?)([^:]+)(:\d+)?", reference)
    if match is None or match[2] not in names:
        return reference
    return f"{match[1]}{names[match[2]]}{match[3] or ''}"


def _stored_as(model: GraphModel, how: Quantization) -> dict[str, str]:
    """The dtype on disk of every float weight of more than one value; shapes and axes stay integers."""
    if how.mode == "none":
        return {}
    return {name: how.mode for name, value in model.weights.items() if value.dtype == np.float32 and value.size > 1}


def _compared(floats: GraphModel, stored: GraphModel, outputs: Outputs, contract: Any, pictures: Dataset) -> dict[str, Any]:
    test = pictures.on("test")
    labels = np.array([p.label for p in test])
    with tempfile.TemporaryDirectory() as scratch:
        squares = squares_of(pictures, test, contract.input, Path(scratch) / "squares.npy")
        before, after = (_answers(model, outputs, squares) for model in (floats, stored))
    return {"top1_agreement": float((before == after).mean()), "accuracy": float((after == labels).mean()), "pictures": len(test)}


def _answers(model: GraphModel, outputs: Outputs, squares: NDArray[Any]) -> NDArray[np.int64]:
    with progress.task("comparing with the float model"):
        return np.asarray(Runner(model, [outputs.probabilities])(squares)[0].argmax(1))
