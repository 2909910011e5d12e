"""A model made elsewhere to the same SavedModel that `export` writes: pixels in, probabilities out, scaling inside the graph."""

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pagesight import calibration, importers, languages, manifest, progress, records
from pagesight.artifacts import ORIGINAL_ANSWERS, Dataset, SavedModel
from pagesight.browser.stock_tfjs import StockTfjs
from pagesight.contract import Contract, Decision, Input, Outputs
from pagesight.errors import AdoptError, first_line
from pagesight.graph import memory
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.importers import door, input_ranges, last_layer, ops, original, structure, tested
from pagesight.importers.against_original import against_original
from pagesight.importers.imported_model import Foreign, again, cut, freeze, from_graph_def
from pagesight.importers.labels import read_labels, refuse_duplicates
from pagesight.pictures.model_inputs import model_inputs_in
from pagesight.records.adopted import Adopted, InputTaken, OriginalComparison
from pagesight.synthetic import dead_leaves
from pagesight.synthetic.natural_noise import natural_noise

if TYPE_CHECKING:
    from tensorflow import Tensor

CROPS = ("center-square", "squash")
_CROPPED = {"center-square": "of the centered square of a picture", "squash": "of the whole picture, squashed to a square"}
_LARGEST_SIDE = 1024
_BATCH = 8
_TINY = 1e-12


@dataclass(frozen=True)
class Adoption:
    """What a model made elsewhere does not say about itself."""

    labels: str | None = None
    """A file with one label per line (or a JSON list), or `a,b,c`; None where the model's own files name them."""
    input_range: str | None = None
    """`0..1`, `-1..1`, `0..255`, `caffe` (BGR minus ImageNet's means) or `torch`; None finds out."""
    crop: str | None = None
    """`center-square`, or `squash` the whole picture; None takes the model's own, else the center."""
    side: int | None = None
    """Pixels of the square, for a model that takes any size."""
    guess: bool = False
    """Go on with the likeliest input range where several explain the model about equally."""
    signature: str | None = None
    """Which signature of a SavedModel answers; None takes the default one, or the only one."""
    compare: bool = False
    """Ask the original in its own runtime as well, and refuse what answers otherwise; `convert` always does."""
    trust: bool = False
    """Let a Keras file run its own code (Lambda and custom layers)."""
    name: str = "model"
    title: str | None = None
    description: str = ""
    language: str = "en"


def adopt(
    source: str | Path, options: Adoption, into: Path, pictures: Path | None = None, test: Dataset | None = None
) -> SavedModel:
    """Write the model at `source` (file, folder, archive, TF-Hub address) as `saved_model/` with one signature, and contract.json.

    Input   image: uint8-valued float32 `[batch, side, side, channels]`, 0..255; channels 3 (RGB) or 1 (gray).
    Output  probabilities `[batch, classes]` (rows sum to 1), and where the graph shows them embedding `[batch, d]` and
            features `[batch, h, w, d]`.
    The model's own framework answers `pictures` (a folder; drawn ones where None) as well: `adopted.json` says how far its
    answers and those of the SavedModel are apart, or why they were not compared.
    `test` decides the input range where nothing else does, and gives temperature, threshold and the float model's accuracy.
    Raises AdoptError for what is damaged, hostile, no classifier of pictures, not told well enough, or
    answered otherwise than by its own framework; nothing is written then.
    """
    _check_options(options)
    path = importers.locate(source)
    labels = read_labels(options.labels) if options.labels is not None else None
    key = {
        "options": {**asdict(options), "labels": labels},
        "source": _fingerprint(path),
        "pictures": None if pictures is None else manifest.sha256_json(manifest.list_files(pictures)),
        "test": None if test is None else manifest.sha256_file(test.path / "dataset.json"),
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tf-keras", "tensorflow-hub"),
    }
    if manifest.is_fresh(into, "adopt", key):
        progress.stage("adopt", fresh=True)
        return SavedModel(into)
    progress.stage("adopt")
    if memory.is_large(path):
        memory.use_system_allocator()
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as running:
        with progress.task("reading the model"):
            found = importers.read(path, Path(scratch), trust=options.trust, signature=options.signature, side=options.side)
            running_original = _running(path, found, options, running) if options.compare else None
            foreign = _flat(_channels_last(found))
        named = _named(labels or foreign.labels)
        shape = _input(foreign, options)
        held_out = None if test is None else tested.Labeled.of(test, ["validation"], shape, named)
        chosen = _range(foreign, options, shape, held_out, unlabeled=pictures is not None)
        function, reading = _signature(foreign, shape, chosen.name, named)
        notes = (*foreign.notes, reading.note, f"{foreign.kind}: pixels {chosen.name} ({chosen.why}), {_CROPPED[shape.crop]}")
        for line in filter(None, notes):
            progress.note(line)
        compared, expected, inputs = OriginalComparison(why_not="it was not asked for"), None, None
        if options.compare:
            inputs = _pictures(shape, pictures, original.pictures_for(path))
            with progress.task("asking the original"):
                compared, expected = against_original(
                    running_original,
                    inputs,
                    _asked(function, inputs),
                    input_range=chosen.name,
                    reading=reading,
                    labels=named,
                    quantized=foreign.quantized,
                    encoded=foreign.encoded,
                )
        decision = replace(foreign.decision or Decision(), kind="multilabel" if reading.multilabel else "single")
        temperature, accuracy = 1.0, None  # a page's own temperature is in its weights
        if held_out is not None and not reading.multilabel:
            decision = tested.decide(partial(_asked, function), held_out, shape)
            temperature = decision.temperature
            function, _ = _signature(foreign, shape, chosen.name, named, temperature)
        if test is not None:
            accuracy = tested.measure(partial(_asked, function), tested.Labeled.of(test, ["test"], shape, named))
        with manifest.atomic_output_dir(into, "adopt", key) as temporary:
            keras().backend.clear_session()
            _save(function, foreign, temporary / "saved_model")
            outputs = Outputs(**{name: name for name in function.structured_outputs})
            title = options.title or foreign.title or options.name.replace("-", " ").replace("_", " ").strip().capitalize()
            contract = Contract(options.name, title, named, shape, outputs, decision)
            replace(contract, description=options.description, language=options.language).write(temporary)
            taken = InputTaken(chosen.name, chosen.why, chosen.guessed, shape.crop)
            records.write(temporary / "adopted.json", Adopted(compared, taken, accuracy))
            if expected is not None and inputs is not None:
                calibrated = calibration.scaled(expected, temperature) if temperature != 1 else expected
                np.savez(temporary / ORIGINAL_ANSWERS, inputs=inputs, probabilities=calibrated)
    del foreign, function
    memory.release_memory()  # layers and graphs hold each other: half a gigabyte of VGG16 would stay while it is rounded
    return SavedModel(into)


def _running(path: Path, found: Foreign, options: Adoption, running: contextlib.ExitStack) -> original.Running | None:
    """The original, loading in its own runtime or ready to be; None where there is none for it."""
    if found.tfjs_files is not None:
        return StockTfjs(found.tfjs_files)
    source = original.source_of(path, found, trust=options.trust, signature=options.signature)
    return running.enter_context(original.started(source))


def _named(labels: tuple[str, ...] | None) -> tuple[str, ...]:
    if labels is None:
        raise AdoptError("the model does not name its classes", fix="pass --labels with a file of names, or a,b,c")
    refuse_duplicates(labels)
    return labels


def _save(function: Any, foreign: Foreign, folder: Path) -> None:
    module = tensorflow().Module()
    # Its variables alone: the model itself would be saved layer by layer.
    module.held = [] if foreign.keep is None else list(foreign.keep.variables)
    tensorflow().saved_model.save(module, str(folder), signatures=function)


def _pictures(shape: Input, folder: Path | None, most: int) -> Any:
    """uint8 `[n, side, side, channels]`: those in `folder`, else drawn ones."""
    given: Any = [] if folder is None else model_inputs_in(folder, shape, most)
    return np.asarray(given) if len(given) else dead_leaves.leaves(shape, natural_noise(shape, most))


def _check_options(options: Adoption) -> None:
    languages.check(options.language)
    if options.input_range is not None and options.input_range not in input_ranges.RANGES:
        raise AdoptError(f"there is no input range {options.input_range!r}", fix=f"choose one of {', '.join(input_ranges.RANGES)}")
    if options.crop is not None and options.crop not in CROPS:
        raise AdoptError(f"there is no crop {options.crop!r}", fix=f"choose one of {', '.join(CROPS)}")
    if options.side is not None and not 8 <= options.side <= _LARGEST_SIDE:
        raise AdoptError(f"an input size of {options.side} px is out of range", fix=f"choose 8 to {_LARGEST_SIDE}")


def _fingerprint(path: Path) -> str:
    return manifest.sha256_json({name: manifest.sha256_file(file) for name, file in door.files_of(path).items()})


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


def _asked(function: Any, inputs: Any) -> Any:
    """Probabilities `[n, labels]` for uint8 pictures."""
    pixels = tensorflow().constant(np.asarray(inputs, np.float32))
    return np.concatenate([function(image=pixels[i : i + _BATCH])["probabilities"].numpy() for i in range(0, len(inputs), _BATCH)])


def _range(
    foreign: Foreign, options: Adoption, shape: Input, held_out: tested.Labeled | None, *, unlabeled: bool
) -> input_ranges.Chosen:
    """The range that the model takes. Raises AdoptError where several explain it about equally, unless a guess was asked for.

    Labeled pictures decide by what is answered correctly. `unlabeled` ones cannot: numbers that are too large make scores large, so
    a model is often surer of its answers in a wrong range than in its own.
    """
    result = input_ranges.choose(foreign, options.input_range, shape)
    if isinstance(result, input_ranges.Chosen):
        return result
    drawn = natural_noise(shape, 4)
    if input_ranges.same_answers(foreign, result.names, drawn):
        return input_ranges.Chosen(result.names[0], "its answers are the same in every range")
    if held_out is not None:
        answers = {name: input_ranges.answers_under(foreign, name, held_out.inputs) for name in result.names}
        best = tested.clearly_best(answers, held_out.labels)
        if best is not None:
            return input_ranges.Chosen(*best)
    if options.guess:
        return input_ranges.Chosen(result.names[0], f"guessed: {result.why}", guessed=True)
    shown = "; ".join(
        f"{name} gives {np.array2string(input_ranges.answers_under(foreign, name, drawn[:1])[0][:4], precision=3)}"
        for name in result.names
    )
    ways = [f"--input-range with what it was trained on ({', '.join(result.names)})", "--guess to go on with the first"]
    tried = ""
    if held_out is not None:
        tried = f". Of {len(held_out.labels)} test pictures no range answers clearly more correctly than the others"
    else:
        ways.insert(1, "--test with a folder of labeled pictures")
        if unlabeled:
            tried = ". Pictures without labels do not tell: a model is often surer of its answers in a wrong range"
    raise AdoptError(
        f"the model's input range is ambiguous: {result.why}. For one synthetic picture {shown}{tried}",
        fix=f"pass {', '.join(ways[:-1])}, or {ways[-1]}",
    )


def _channels_last(foreign: Foreign) -> Foreign:
    """A model that takes `[batch, channels, h, w]`, as other frameworks export them, as one of `[batch, h, w, channels]`."""
    channels, height, width = foreign.size
    if channels not in (1, 3) or width in (1, 3, None) or height != width:
        return foreign
    note = "the model takes channels first: its pixels are transposed once"
    return replace(
        foreign,
        call=lambda x: foreign.call(tensorflow().transpose(x, (0, 3, 1, 2))),
        size=(height, width, channels),
        notes=(*foreign.notes, note),
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


def _signature(
    foreign: Foreign, shape: Input, input_range: str, labels: tuple[str, ...], temperature: float = 1.0
) -> tuple[Any, last_layer.Reading]:
    """The concrete function to be served, tried on two pictures first: what it answers tells how to read it."""
    tf = tensorflow()
    spec = tf.TensorSpec([None, shape.side, shape.side, shape.channels], tf.float32, name="image")

    def answer(image: Any) -> Any:
        return _as_rows(foreign.call(input_ranges.scaled(image, input_range)))

    traced = _traced(answer, spec)
    rows = _tried(traced, shape)
    reading = last_layer.read(traced.outputs[0], rows, labels, foreign.loss)

    def serve(image: Any) -> Mapping[str, "Tensor"]:
        result = answer(image)
        probabilities = reading.probabilities(result)
        if temperature != 1:
            probabilities = tf.nn.softmax(tf.math.log(tf.maximum(probabilities, _TINY)) * (1 / temperature), axis=-1)
        outputs = {"probabilities": probabilities}
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
    if result.shape.rank == 4 and list(result.shape[2:]) == [1, 1]:  # channels first
        return tensorflow().reshape(result, [-1, result.shape[1]])
    if result.shape.rank not in (None, 2):
        raise AdoptError(
            f"the model answers {result.shape}, not one row of scores per picture", fix="give a classifier of whole pictures"
        )
    return result


def _tried(function: Any, shape: Input) -> Any:
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
        raise AdoptError("the model outputs NaN or infinity", fix="check --input-range, or train it again; it has diverged")
    return together
