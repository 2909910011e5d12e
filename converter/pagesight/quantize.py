"""A SavedModel to a stock TF.js graph model with its weights stored in fewer bits."""

import gzip
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pagesight import _tfjs, manifest, progress
from pagesight._freeze import frozen_graph
from pagesight._graph import GraphModel, Runner
from pagesight._quantization import calibration, passes, plans
from pagesight._quantization.layers import layers_of
from pagesight._squares import squares_of
from pagesight.artifacts import Dataset, SavedModel, WebModel
from pagesight.contract import Contract, Outputs
from pagesight.options import Quantization


@dataclass(frozen=True)
class _Plan:
    """How each float weight is stored, and what quantization.json says about the choice."""

    stored_as: Mapping[str, str | _tfjs.Coded]
    facts: dict[str, Any] = field(default_factory=dict)


def quantize(saved: SavedModel, how: Quantization, into: Path, pictures: Dataset | None = None) -> WebModel:
    """Write `saved` as `model/` in the stock TF.js format with its float weights stored as `how.mode` says.

    Where `pictures` are given, their train side calibrates and their test side measures accuracy and the share of answers kept
    from the float model; without them, noise with the statistics of photographs calibrates.
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
        plan = _planned(floats, how, contract, pictures)
        with progress.task("writing the weights"):
            size = floats.write(temporary / "model", plan.stored_as)
        contract.write(temporary)
        facts = {
            "mode": how.mode,
            "float_bytes": sum(w.nbytes for w in floats.weights.values()),
            "bytes": size,
            "gzip_bytes": _gzipped(temporary / "model"),
            "top1_agreement": None,
            "accuracy": None,
        }
        if pictures is not None:
            facts |= _compared(floats, GraphModel.read(temporary / contract.model_path), contract, pictures)
        manifest.write_json(temporary / "quantization.json", facts | plan.facts)
    return WebModel(into)


def _converted(saved: SavedModel) -> GraphModel:
    """The float32 graph model, tidied: short stable node names, nothing that TF.js never reads, padding inside convolutions."""
    with progress.task("converting with tensorflowjs"):
        graph = GraphModel(*_tfjs.optimized(*frozen_graph(saved.path / "saved_model")))
        return passes.padding_folded(passes.tidied(graph))


def _planned(floats: GraphModel, how: Quantization, contract: Contract, pictures: Dataset | None) -> _Plan:
    if how.mode == "none":
        return _Plan({})
    if how.mode in ("float16", "uint16", "naive-uint8"):
        dtype = how.mode.removeprefix("naive-")
        return _Plan({name: dtype for name, value in floats.weights.items() if value.dtype == np.float32 and value.size > 1})
    layers = layers_of(floats)
    squares = calibration.calibration_squares(contract.input, pictures)
    with threadpool_limits(1, "blas"):  # many small products: threads cost more than they give, and change the last bit
        moments = calibration.moments_of(floats, layers, squares)
        stored = plans.within_a_byte(floats, layers, moments)
    real = len(squares) if pictures is not None and pictures.on("train") else 0
    return _Plan(stored.coded, {"calibration_pictures": real, "layers": stored.layers})


def _gzipped(folder: Path) -> int:
    """Bytes of the shards as a static host would send them."""
    return sum(len(gzip.compress(shard.read_bytes(), 9, mtime=0)) for shard in sorted(folder.glob("*.bin")))


def _compared(floats: GraphModel, stored: GraphModel, contract: Contract, pictures: Dataset) -> dict[str, Any]:
    test = pictures.on("test")
    labels = np.array([p.label for p in test])
    with tempfile.TemporaryDirectory() as scratch:
        squares = squares_of(pictures, test, contract.input, Path(scratch) / "squares.npy")
        before, after = (_answers(model, contract.outputs, squares) for model in (floats, stored))
    return {"top1_agreement": float((before == after).mean()), "accuracy": float((after == labels).mean()), "pictures": len(test)}


def _answers(model: GraphModel, outputs: Outputs, squares: NDArray[Any]) -> NDArray[np.int64]:
    with progress.task("comparing with the float model"):
        return np.asarray(Runner(model, [outputs.probabilities])(squares)[0].argmax(1))
