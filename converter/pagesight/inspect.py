"""What is inside a page, a web model or a model made elsewhere: layer by layer, in numbers, with a picture of it."""

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pagesight import records
from pagesight.errors import PagesightError
from pagesight.graph import passes, tensorflowjs
from pagesight.graph.freeze import Signature, frozen_graph
from pagesight.graph.layer_costs import Row, rows_of
from pagesight.graph.model import GraphModel
from pagesight.graph.tensorflow import graphs
from pagesight.importers import door, saved_model, tfjs
from pagesight.json_values import JsonObject
from pagesight.records.quantization import QuantizationFacts
from pagesight.records.report import Report

SMALL_SIGNAL_DB = 20.0
_UNFUSED = ("Conv2D", "DepthwiseConv2dNative", "FusedBatchNormV3", "Relu6", "BiasAdd")
_SLOW_OPS = frozenset({"Erf", "Einsum", "GatherV2", "ResizeBilinear", "ReverseV2", "SpaceToBatchND"})


class InspectError(PagesightError):
    """There is nothing that can be looked into."""


@dataclass(frozen=True)
class Inspection:
    """A model's layers, sums over them, and what a person should know."""

    name: str
    layers: list[Row]
    parameters: int
    bytes: int
    multiply_adds: int
    ops: dict[str, int]
    accuracy: dict[str, str | float | None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> JsonObject:
        """The same as plain JSON."""
        return asdict(self)


def inspect(model: Path) -> Inspection:
    """Look into a page's folder, a web model's folder, a TF.js graph model (folder or model.json) or a SavedModel.

    Raises InspectError where there is none, and AdoptError for one that must not be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        job = door.open_model(model, Path(scratch))
        graphs()  # imported while the other process reads
        handed = job.result()
    if handed.facts["kind"] == "tfjs-graph":
        contract = handed.facts["contract"]
        title = Path(handed.facts["shown_as"]).resolve().parent.name if contract is None else str(contract["title"])
        return _inspected(tfjs.graph_model(handed), handed.facts["stored_as"], title, _facts(Path(handed.facts["shown_as"])))
    if handed.facts["kind"] == "saved-model":
        floats = _converted(saved_model.signature_of(handed))
        stored = {name: (value.dtype.name, value.nbytes) for name, value in floats.weights.items()}
        return _inspected(floats, stored, model.name, None)
    raise InspectError(
        f"{model} is not a page, a web model or an exported model",
        fix="give a folder that Pagesight wrote, or `pagesight convert` it",
    )


def _converted(signature: Signature) -> GraphModel:
    """A SavedModel's signature as a float32 graph model."""
    return passes.padding_folded(passes.tidied(GraphModel(*tensorflowjs.optimized(*frozen_graph(signature)))))


def _facts(model_json: Path) -> QuantizationFacts | None:
    """What was measured when the weights were rounded: quantization.json of a web model, or report.json of a page."""
    above = model_json.parent.parent
    if (above / "quantization.json").is_file():
        return records.read(QuantizationFacts, above / "quantization.json")
    if (above / "report.json").is_file():
        report = records.read(Report, above / "report.json")
        return QuantizationFacts(report.quantization, report.accuracy.exported)
    return None


def _inspected(model: GraphModel, stored: dict[str, tuple[str, int]], name: str, facts: QuantizationFacts | None) -> Inspection:
    noise = {layer.name: layer.signal_to_noise_db for layer in facts.storage.layers} if facts else {}
    rows = [Row(**{**asdict(r), "signal_to_noise_db": noise.get(r.name)}) for r in rows_of(model, stored)]
    ops: dict[str, int] = {}
    for node in model.document["modelTopology"]["node"]:
        if node["op"] != "Const":
            ops[node["op"]] = ops.get(node["op"], 0) + 1
    return Inspection(
        name=name,
        layers=rows,
        parameters=sum(r.parameters for r in rows),
        bytes=sum(r.bytes for r in rows),
        multiply_adds=sum(r.multiply_adds for r in rows),
        ops=dict(sorted(ops.items(), key=lambda item: (-item[1], item[0]))),
        accuracy=_kept(facts) if facts else {},
        warnings=_warnings(rows, ops, facts),
    )


def _kept(facts: QuantizationFacts) -> dict[str, str | float | None]:
    return {"mode": facts.storage.mode, "top1_agreement": facts.storage.top1_agreement, "accuracy": facts.accuracy}


def _warnings(rows: list[Row], ops: dict[str, int], facts: QuantizationFacts | None) -> list[str]:
    result = [
        f"{r.name}: the rounding's error is {r.signal_to_noise_db:.0f} dB below the signal; more bits would help there"
        for r in rows
        if r.signal_to_noise_db is not None and r.signal_to_noise_db < SMALL_SIGNAL_DB
    ]
    if ops.get("DepthwiseConv2dNative"):
        result.append(f"{ops['DepthwiseConv2dNative']} depthwise convolutions are not fused with what follows: slower than need be")
    if ops.get("FusedBatchNormV3"):
        result.append(f"{ops['FusedBatchNormV3']} batch norms could not be folded into convolutions")
    result += [f"{op} is slow or missing on some backends of TF.js" for op in sorted(_SLOW_OPS & set(ops))]
    largest = max(rows, key=lambda r: r.bytes, default=None)
    total = sum(r.bytes for r in rows)
    if largest is not None and largest.bytes > total / 2 and total > 1_000_000:
        result.append(f"{largest.name} alone is {largest.bytes / total:.0%} of the model; a smaller one there saves the most")
    kept = facts.storage.top1_agreement if facts else None
    if kept is not None and kept < 0.99:
        result.append(f"the stored weights keep {kept:.1%} of the float model's answers")
    return result
