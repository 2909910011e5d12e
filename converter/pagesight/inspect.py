"""What is inside a page, a web model or a model made elsewhere: layer by layer, in numbers, with a picture of it."""

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pagesight import records
from pagesight.contract import Contract
from pagesight.errors import PagesightError
from pagesight.graph.layer_costs import Row, rows_of, stored_as
from pagesight.graph.model import GraphModel
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

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return asdict(self)


def inspect(model: Path) -> Inspection:
    """Look into a page's folder, a web model's folder, a TF.js graph model (folder or model.json) or any model `adopt` reads.

    Raises InspectError where there is none, and AdoptError for a foreign one that cannot be read.
    """
    model_json = find_model_json(model)
    if model_json is None:
        with tempfile.TemporaryDirectory() as scratch:
            return _inspected(_converted(model, Path(scratch)), model.name, None)
    return _inspected(model_json, _title(model_json), _facts(model_json))


def find_model_json(path: Path) -> Path | None:
    """The model.json of a TF.js graph model at or below `path`; None where there is none."""
    for result in (path, path / "model.json", path / "model" / "model.json"):
        if result.is_file() and result.suffix == ".json" and '"node"' in result.read_text(encoding="utf-8", errors="replace"):
            return result
    return None


def _converted(model: Path, scratch: Path) -> Path:
    """A SavedModel that Pagesight wrote, as a float32 graph model below `scratch`."""
    from pagesight.graph import passes, tensorflowjs
    from pagesight.graph.freeze import frozen_graph

    saved = model / "saved_model" if (model / "saved_model").is_dir() else model
    if not (saved / "saved_model.pb").is_file():
        raise InspectError(
            f"{model} is no page, no web model and no exported model",
            fix="give a folder that Pagesight wrote, or `pagesight convert` it",
        )
    floats = passes.padding_folded(passes.tidied(GraphModel(*tensorflowjs.optimized(*frozen_graph(saved)))))
    floats.write(scratch, {})
    return scratch / "model.json"


def _title(model_json: Path) -> str:
    for folder in (model_json.parent, model_json.parent.parent):
        try:
            return Contract.read(folder).title
        except (OSError, ValueError, KeyError):
            continue
    return model_json.parent.name


def _facts(model_json: Path) -> QuantizationFacts | None:
    """What was measured when the weights were rounded: quantization.json of a web model, or report.json of a page."""
    above = model_json.parent.parent
    if (above / "quantization.json").is_file():
        return records.read(QuantizationFacts, above / "quantization.json")
    if (above / "report.json").is_file():
        report = records.read(Report, above / "report.json")
        return QuantizationFacts(report.quantization, report.accuracy.exported)
    return None


def _inspected(model_json: Path, name: str, facts: QuantizationFacts | None) -> Inspection:
    model = GraphModel.read(model_json)
    noise = {layer.name: layer.signal_to_noise_db for layer in facts.storage.layers} if facts else {}
    rows = [Row(**{**asdict(r), "signal_to_noise_db": noise.get(r.name)}) for r in rows_of(model, stored_as(model_json))]
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
