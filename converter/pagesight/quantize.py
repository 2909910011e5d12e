"""A SavedModel to a stock TF.js graph model with its weights stored in fewer bits."""

import gzip
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pagesight import manifest, progress, records
from pagesight.artifacts import ORIGINAL_ANSWERS, Dataset, SavedModel, WebModel, sha256_of
from pagesight.contract import Contract, Outputs
from pagesight.graph import passes, tensorflowjs
from pagesight.graph.freeze import frozen_graph
from pagesight.graph.layers import layers_of
from pagesight.graph.model import GraphModel, Runner
from pagesight.importers.saved_model import open_signature
from pagesight.options import Quantization
from pagesight.pictures.model_inputs import model_inputs_of, release
from pagesight.quantization import bias_correction, bit_allocation, equalization, search, statistics
from pagesight.records.quantization import LayerStorage, QuantizationFacts, Step, Storage
from pagesight.synthetic.natural_noise import natural_noise

_NOISE = 256
_MOVED = 4
"""Points by which the probability of an answer may move, on average, for one point of accuracy that may be lost."""
_SMALL = 1 << 18
"""Numbers of a model made elsewhere up to which a second byte for each is next to nothing beside the page itself."""
_CLOSE = 2.5e-4
"""A probability of a small model may move so much before its weights take two bytes: a quarter of what a page may be off by, for
other pictures than those that were compared may move it further."""
_CHUNK = 1024
"""Squares answered before their memory is released."""


@dataclass(frozen=True)
class _Plan:
    """How each float weight is stored, and what quantization.json says about the choice."""

    stored_as: Mapping[str, str | tensorflowjs.Coded]
    calibration_pictures: int | None = None
    max_drop: float | None = None
    judged_by: str | None = None
    steps: tuple[Step, ...] = ()
    layers: tuple[LayerStorage, ...] = ()
    moved_by_a_byte: float | None = None
    mode: str | None = None
    """What was stored in place of the mode that was asked for, if so."""


@dataclass(frozen=True)
class _Kept:
    """What was kept of the float model's answers, and the stored model's accuracy, each 0..1."""

    agreement: float | None = None
    accuracy: float | None = None
    pictures: int | None = None


def quantize(saved: SavedModel, options: Quantization, into: Path, pictures: Dataset | Path | None = None) -> WebModel:
    """Write `saved` as `model/` in the stock TF.js format with its float weights stored as `options.mode` says.

    Where `pictures` are given, their train side calibrates and their test side measures the share of answers kept from the float
    model, and accuracy where the model has not learned from that side, too; of a folder without labels every other picture
    calibrates, and the rest measures. Without pictures, drawn ones with the statistics of photographs calibrate.
    Raises QuantizeError where TF.js lacks an op, or the folder has no pictures; nothing is written then.
    """
    key = {
        "options": asdict(options),
        "model": manifest.sha256_json(manifest.required(saved.path)["key"]),
        "pictures": sha256_of(pictures),
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tensorflowjs"),
    }
    if manifest.is_fresh(into, "quantize", key):
        progress.stage("quantize", fresh=True)
        return WebModel(into)
    progress.stage("quantize")
    with manifest.atomic_output_dir(into, "quantize", key) as temporary:
        floats = _converted(saved)
        outputs = floats.output_names()
        contract = replace(saved.contract, outputs=Outputs(**{k: outputs[k].split(":")[0] for k in outputs}))
        plan = _planned(floats, options, contract, pictures)
        if options.mode == "uint8":
            plan = _wide_where_small(plan, floats, contract, saved.path / ORIGINAL_ANSWERS)
        with progress.task("writing the weights"):
            size = floats.write(temporary / "model", plan.stored_as)
        contract.write(temporary)
        kept = _Kept()
        if pictures is not None:
            kept = _compared(floats, GraphModel.read(temporary / contract.model_path), contract, pictures)
        storage = Storage(
            mode=plan.mode or options.mode,
            float_bytes=sum(w.nbytes for w in floats.weights.values()),
            bytes=size,
            gzip_bytes=_gzipped(temporary / "model"),
            top1_agreement=kept.agreement,
            calibration_pictures=plan.calibration_pictures,
            max_drop=plan.max_drop,
            judged_by=plan.judged_by,
            steps=plan.steps,
            layers=plan.layers,
            moved_by_a_byte=plan.moved_by_a_byte,
        )
        accuracy = None if saved.learned_from_all else kept.accuracy
        records.write(temporary / "quantization.json", QuantizationFacts(storage, accuracy, kept.pictures))
    return WebModel(into)


def _converted(saved: SavedModel) -> GraphModel:
    """The float32 graph model, tidied: short stable node names, nothing that TF.js never reads, padding inside convolutions."""
    with progress.task("converting with tensorflowjs"):
        graph = GraphModel(*tensorflowjs.optimized(*frozen_graph(open_signature(saved.path / "saved_model"))))
        return passes.padding_folded(passes.tidied(graph))


def _planned(floats: GraphModel, options: Quantization, contract: Contract, pictures: Dataset | Path | None) -> _Plan:
    if options.mode == "none":
        return _Plan({})
    if options.mode in ("float16", "uint16", "naive-uint8"):
        return _Plan(_all_as(options.mode.removeprefix("naive-"), floats))
    layers = layers_of(floats)
    inputs = statistics.calibration_inputs(contract.input, pictures)
    with threadpool_limits(1, "blas"):  # many small products: threads cost more than they give, and change the last bit
        moments = statistics.moments_of(floats, layers, inputs)
        real = isinstance(pictures, Path) or (pictures is not None and bool(pictures.on("train")))
        plan = _Plan({}, calibration_pictures=len(inputs) if real else 0)
        candidates = [(floats, moments), equalization.equalized(floats, layers, moments, real)]

        def quantize_uint8() -> bit_allocation.Stored:
            rounded, chosen = bit_allocation.lowest_error(candidates, layers)
            return bias_correction.settled(*chosen, layers, rounded, inputs)

        if options.mode == "auto":
            judge = _Judge(floats, contract, pictures)
            stored, steps = search.smallest_of(candidates, layers, judge.lost, options.max_drop, quantize_uint8)
            plan = replace(plan, max_drop=options.max_drop, judged_by=judge.by, steps=tuple(steps))
        else:
            stored = quantize_uint8()
    return replace(plan, stored_as=stored.coded, layers=tuple(stored.layers))


def _wide_where_small(plan: _Plan, floats: GraphModel, contract: Contract, answers: Path) -> _Plan:
    """`plan`, or two bytes for every weight where a small model made elsewhere would answer otherwise than its original.

    `answers` is where `adopt` left the pictures on which the original was compared; without them nothing is changed.
    """
    size = sum(value.size for value in floats.weights.values() if value.dtype == np.float32)
    if size > _SMALL or not answers.is_file():
        return plan
    with np.load(answers, allow_pickle=False) as held:
        inputs = held["inputs"]
    coded = {name: code.values() for name, code in plan.stored_as.items() if isinstance(code, tensorflowjs.Coded)}
    before, after = (
        np.concatenate([*_probabilities(model, contract.outputs, inputs)]) for model in (floats, floats.with_weights(coded))
    )
    moved = float(np.abs(after - before).max())
    if moved <= _CLOSE:
        return plan
    progress.note(f"the model is small, and one byte per weight would move a probability by {moved:.1g}: its weights take two")
    wide = _all_as("uint16", floats)
    return _Plan(wide, calibration_pictures=plan.calibration_pictures, moved_by_a_byte=moved, mode="uint16")


def _all_as(dtype: str, floats: GraphModel) -> dict[str, str | tensorflowjs.Coded]:
    return {name: dtype for name, value in floats.weights.items() if value.dtype == np.float32 and value.size > 1}


def _gzipped(folder: Path) -> int:
    """Bytes of the shards as a static host would send them."""
    return sum(len(gzip.compress(shard.read_bytes(), 9, mtime=0)) for shard in sorted(folder.glob("*.bin")))


class _Judge:
    """Says how much a rounded model has lost, on pictures that neither calibrated it nor will be asked for the final word."""

    def __init__(self, floats: GraphModel, contract: Contract, pictures: Dataset | Path | None) -> None:
        self._floats, self._outputs = floats, contract.outputs
        validation = pictures.on("validation") if isinstance(pictures, Dataset) else []
        self._labels = np.array([p.label for p in validation])
        if isinstance(pictures, Path):
            self._squares = statistics.folder_inputs(contract.input, pictures)[1]
            self.by = f"agreement on {len(self._squares)} pictures without labels"
        elif pictures and validation:
            self.by = f"{len(validation)} pictures of the validation side"
            with tempfile.TemporaryDirectory() as scratch:
                self._squares = np.array(model_inputs_of(pictures, validation, contract.input, Path(scratch) / "squares.npy"))
        else:
            self.by = f"agreement on {_NOISE} pictures of noise"
            self._squares = natural_noise(contract.input, _NOISE, seed=1)
        self._before = np.concatenate([*_probabilities(floats, self._outputs, self._squares)])

    def lost(self, weights: dict[str, NDArray[np.float32]]) -> float:
        """Percentage points of accuracy, or of agreement where there are no labels.

        On few pictures gains hide losses, so that a third of all changed answers is the least that counts as lost; and few pictures
        change their answer only long after their probabilities have moved, so that a quarter of that counts, too.
        """
        after = np.concatenate([*_probabilities(self._floats.with_weights(weights), self._outputs, self._squares)])
        was, now = self._before.argmax(1), after.argmax(1)
        changed = float((now != was).mean()) * 100
        moved = float(np.abs(np.take_along_axis(after - self._before, was[:, None], 1)).mean()) * 100
        if not len(self._labels):
            return max(changed, moved / _MOVED)
        return max(changed / 3, moved / _MOVED, float((was == self._labels).mean() - (now == self._labels).mean()) * 100)


def _compared(floats: GraphModel, stored: GraphModel, contract: Contract, pictures: Dataset | Path) -> _Kept:
    if isinstance(pictures, Path):
        inputs = statistics.folder_inputs(contract.input, pictures)[1]
        before, after = (_answers(model, contract.outputs, inputs) for model in (floats, stored))
        return _Kept(float((before == after).mean()), None, len(inputs))
    test = pictures.on("test")
    labels = np.array([p.label for p in test])
    with tempfile.TemporaryDirectory() as scratch:
        inputs = model_inputs_of(pictures, test, contract.input, Path(scratch) / "squares.npy")
        before, after = (_answers(model, contract.outputs, inputs) for model in (floats, stored))
    return _Kept(float((before == after).mean()), float((after == labels).mean()), len(test))


def _answers(model: GraphModel, outputs: Outputs, inputs: NDArray[Any]) -> NDArray[np.int64]:
    answers = []
    with progress.task("comparing with the float model", len(inputs)) as advance:
        for part in _probabilities(model, outputs, inputs):
            answers.append(part.argmax(1))
            advance(len(part))
    return np.concatenate(answers)


def _probabilities(model: GraphModel, outputs: Outputs, inputs: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    """Part by part, `[n, classes]`."""
    with Runner(model, [outputs.probabilities]) as runner:
        for start in range(0, len(inputs), _CHUNK):
            yield runner(inputs[start : start + _CHUNK])[0]
            release(inputs)
