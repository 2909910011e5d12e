"""A model made elsewhere to the same SavedModel that `export` writes: pixels in, probabilities out, scaling inside the graph."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import importers, languages, manifest, progress
from pagesight.artifacts import SavedModel
from pagesight.contract import Contract, Decision, Input, Outputs
from pagesight.errors import AdoptError, first_line
from pagesight.graph import memory
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.importers import input_ranges, last_layer, ops, structure
from pagesight.importers.imported_model import Foreign, again, cut, freeze, from_graph_def
from pagesight.importers.labels import read_labels, refuse_duplicates
from pagesight.synthetic.natural_noise import natural_noise

CROPS = ("center-square", "squash")
_CROPPED = {"center-square": "of the centered square of a picture", "squash": "of the whole picture, squashed to a square"}
_LARGEST_SIDE = 1024


@dataclass(frozen=True)
class Adoption:
    """What a model made elsewhere does not say about itself."""

    labels: str | None = None
    """A file with one label a line (or a JSON list), or `a,b,c`; None where the model's own files name them."""
    input_range: str | None = None
    """`0..1`, `-1..1`, `0..255`, `caffe` (BGR minus ImageNet's means) or `torch`; None finds out."""
    crop: str | None = None
    """`center-square`, or `squash` the whole picture; None takes the model's own, else the centre."""
    side: int | None = None
    """Pixels of the square, for a model that takes any size."""
    guess: bool = False
    """Go on with the likeliest input range where several explain the model about equally."""
    trust: bool = False
    """Let a Keras file run its own code (Lambda and custom layers)."""
    name: str = "model"
    title: str | None = None
    description: str = ""
    language: str = "en"


def adopt(source: str | Path, options: Adoption, into: Path) -> SavedModel:
    """Write the model at `source` (file, folder, archive, TF-Hub address) as `saved_model/` with one signature, and contract.json.

    Input   image: uint8-valued float32 `[batch, side, side, channels]`, 0..255; channels 3 (RGB) or 1 (grey).
    Output  probabilities `[batch, classes]` (rows sum to 1), and where the graph shows them embedding `[batch, d]` and
            features `[batch, h, w, d]`.
    Raises AdoptError for what is damaged, hostile, no classifier of pictures, or not told well enough; nothing is written then.
    """
    _check_options(options)
    path = importers.locate(source)
    labels = read_labels(options.labels) if options.labels is not None else None
    key = {
        "options": {**asdict(options), "labels": labels},
        "source": _fingerprint(path),
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tf-keras", "tensorflow-hub"),
    }
    if manifest.is_fresh(into, "adopt", key):
        progress.stage("adopt", fresh=True)
        return SavedModel(into)
    progress.stage("adopt")
    if memory.is_large(path):
        memory.use_system_allocator()
    with tempfile.TemporaryDirectory() as scratch, progress.task("reading the model"):
        foreign = _flat(importers.read(path, Path(scratch), trust=options.trust, side=options.side))
        named = labels or foreign.labels
        if named is None:
            raise AdoptError("the model does not name its classes", fix="pass --labels with a file of names, or a,b,c")
        refuse_duplicates(named)
        shape = _input(foreign, options)
        chosen = _range(foreign, options, shape)
        function, reading = _signature(foreign, shape, chosen.name, tuple(named))
        notes = (*foreign.notes, reading.note, f"{foreign.kind}: pixels {chosen.name} ({chosen.why}), {_CROPPED[shape.crop]}")
        for line in filter(None, notes):
            progress.note(line)
        with manifest.atomic_output_dir(into, "adopt", key) as temporary:
            keras().backend.clear_session()
            module = tensorflow().Module()
            module.held = (
                [] if foreign.keep is None else list(foreign.keep.variables)
            )  # the model itself would be saved layer by layer
            tensorflow().saved_model.save(module, str(temporary / "saved_model"), signatures=function)
            outputs = Outputs(**{name: name for name in function.structured_outputs})
            title = options.title or foreign.title or options.name.replace("-", " ").replace("_", " ").strip().capitalize()
            decision = Decision(kind="multilabel" if reading.multilabel else "single")
            contract = Contract(options.name, title, tuple(named), shape, outputs, decision)
            replace(contract, description=options.description, language=options.language).write(temporary)
    del foreign, function, module
    memory.release_memory()  # layers and graphs hold each other: half a gigabyte of VGG16 would stay while it is rounded
    return SavedModel(into)


def _check_options(options: Adoption) -> None:
    languages.check(options.language)
    if options.input_range is not None and options.input_range not in input_ranges.RANGES:
        raise AdoptError(f"there is no input range {options.input_range!r}", fix=f"choose one of {', '.join(input_ranges.RANGES)}")
    if options.crop is not None and options.crop not in CROPS:
        raise AdoptError(f"there is no crop {options.crop!r}", fix=f"choose one of {', '.join(CROPS)}")
    if options.side is not None and not 8 <= options.side <= _LARGEST_SIDE:
        raise AdoptError(f"a side of {options.side} px is out of reach", fix=f"choose 8 to {_LARGEST_SIDE}")


def _fingerprint(path: Path) -> str:
    if path.is_file():
        beside = {p.name: manifest.sha256_file(p) for p in sorted(path.parent.glob("*.bin"))} if path.suffix == ".json" else {}
        return manifest.sha256_json([manifest.sha256_file(path), beside])
    return manifest.sha256_json(manifest.list_files(path, leave_out=frozenset()))


def _input(foreign: Foreign, options: Adoption) -> Input:
    """The square that the model sees. Raises AdoptError where its size is not that of a square picture, or not known."""
    height, width, channels = foreign.size
    if channels not in (1, 3):
        raise AdoptError(
            f"the model takes pictures of {channels or 'any number of'} channels", fix="give a model for RGB or gray pictures"
        )
    if height is not None and width is not None and height != width:
        raise AdoptError(f"the model takes pictures of {width}×{height} px", fix="give a model that takes squares")
    fixed = height or width
    if fixed is not None and options.side not in (None, fixed):
        raise AdoptError(f"the model takes pictures of {fixed} px, not {options.side}", fix="leave out --side")
    side = fixed or options.side
    if side is None:
        raise AdoptError("the model takes pictures of any size", fix="pass --side, for example --side 224")
    return Input(side, channels, options.crop or foreign.crop or Input.crop)


def _range(foreign: Foreign, options: Adoption, shape: Input) -> input_ranges.Chosen:
    """The range that the model takes. Raises AdoptError where several explain it about equally, unless a guess was asked for."""
    result = input_ranges.choose(foreign, options.input_range, shape)
    if isinstance(result, input_ranges.Chosen):
        return result
    drawn = natural_noise(shape, 4)
    if input_ranges.same_answers(foreign, result.names, drawn):
        return input_ranges.Chosen(result.names[0], "its answers are the same in every range")
    if options.guess:
        return input_ranges.Chosen(result.names[0], f"guessed: {result.why}", guessed=True)
    shown = "; ".join(
        f"{name} gives {np.array2string(input_ranges.answers_under(foreign, name, drawn[:1])[0][:4], precision=3)}"
        for name in result.names
    )
    raise AdoptError(
        f"the model does not tell which numbers it takes for pixels: {result.why}. For one drawn picture {shown}",
        fix=f"pass --input-range with what it was trained on ({', '.join(result.names)}), "
        "--test with a folder of labeled pictures, or --guess to go on with the first",
    )


def _flat(foreign: Foreign) -> Foreign:
    """`foreign` traced once, with nothing hidden in functions (a hub layer hides all of itself), every op one that TF.js has."""
    tf = tensorflow()
    height, width, channels = foreign.size
    spec = tf.TensorSpec([None, height, width, channels], tf.float32, name="image")
    function = _traced(foreign.call, spec)
    if not structure.calls_functions(function.graph):
        ops.check((op.type, op.name) for op in function.graph.get_operations())
        return replace(foreign, call=again(function))
    graph_def, (image,), (answer, *_) = freeze(function)
    return replace(foreign, call=from_graph_def(cut(graph_def, answer.name), image.name, answer.name), keep=None)


def _traced(call: Callable[[Any], Any], spec: Any) -> Any:
    try:
        return tensorflow().function(call, autograph=False).get_concrete_function(spec)
    except (ValueError, TypeError) as cause:
        raise AdoptError(
            f"the model cannot be called on pictures: {str(cause).strip().splitlines()[-1][:160]}",
            fix="check --side, or export it again",
        ) from cause


def _signature(foreign: Foreign, shape: Input, input_range: str, labels: tuple[str, ...]) -> tuple[Any, last_layer.Reading]:
    """The concrete function to be served, tried on two pictures first: what it answers tells how to read it."""
    tf = tensorflow()
    spec = tf.TensorSpec([None, shape.side, shape.side, shape.channels], tf.float32, name="image")

    def answer(image: Any) -> Any:
        return _as_rows(foreign.call(input_ranges.scaled(image, input_range)))

    traced = _traced(answer, spec)
    rows = _tried(traced, shape)
    reading = last_layer.read(traced.outputs[0], rows, labels, foreign.loss)

    def serve(image: Any) -> Mapping[str, Any]:
        result = answer(image)
        outputs = {"probabilities": reading.probabilities(result)}
        embedding = structure.embedding_of(result)
        if embedding is not None:
            features = structure.features_of(embedding, image)
            outputs["embedding"] = tf.reshape(embedding, [-1, embedding.shape[-1]]) if embedding.shape.rank == 4 else embedding
            if features is not None:
                outputs["features"] = features
        return {name: tf.identity(tensor) for name, tensor in outputs.items()}

    return _traced(serve, spec), reading


def _as_rows(result: Any) -> Any:
    """Answers as `[batch, classes]`; a map of one place is a vector."""
    if isinstance(result, (dict, list, tuple)):
        values = list(result.values()) if isinstance(result, dict) else list(result)
        if len(values) != 1:
            raise AdoptError(f"the model gives {len(values)} answers", fix="save a model with its class scores as the only output")
        result = values[0]
    if result.shape.rank == 4 and list(result.shape[1:3]) == [1, 1]:
        return tensorflow().reshape(result, [-1, result.shape[3]])
    if result.shape.rank not in (None, 2):
        raise AdoptError(
            f"the model answers {result.shape}, not one row of scores per picture", fix="give a classifier of whole pictures"
        )
    return result


def _tried(function: Any, shape: Input) -> Any:
    from pagesight.synthetic.natural_noise import natural_noise

    tf = tensorflow()
    inputs = natural_noise(shape, 2).astype(np.float32)
    try:
        together = np.asarray(function(tf.constant(inputs)))
        alone = np.asarray(function(tf.constant(inputs[:1])))
    except (tf.errors.OpError, MemoryError) as cause:
        raise AdoptError(f"the model cannot be run: {first_line(cause)}", fix="check --side, or export it again") from cause
    if together.ndim != 2 or len(together) != 2 or not np.allclose(together[:1], alone, atol=1e-3, equal_nan=True):
        raise AdoptError("the model answers one picture at a time only", fix="export it with a free batch size")
    if not np.isfinite(together).all():
        raise AdoptError(
            "the model answers with numbers that are none", fix="check --input-range, or train it again; it has diverged"
        )
    return together
