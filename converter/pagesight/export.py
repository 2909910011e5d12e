"""A TrainedModel to a SavedModel that takes raw pixels: scaling is inside the graph, so no caller can forget it."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pagesight import backbones, languages, manifest, progress
from pagesight.artifacts import SavedModel, TrainedModel
from pagesight.contract import Contract, Decision, Input, Outputs
from pagesight.graph.conditionals import decided
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.importers import structure
from pagesight.options import Naming
from pagesight.training import network

if TYPE_CHECKING:
    from tensorflow import Tensor


def export(trained: TrainedModel, options: Naming, into: Path) -> SavedModel:
    """Write `saved_model/` with one signature, and contract.json.

    Input   image: uint8-valued float32 RGB `[batch, side, side, 3]`, 0..255.
    Output  probabilities `[batch, classes]` (rows sum to 1), embedding `[batch, d]` and features `[batch, h, w, d]`.
    Raises OptionError for a language that the page does not speak.
    """
    languages.check(options.language)
    key = {
        "options": asdict(options),
        "learned_from_all": trained.facts.accuracy is not None and trained.facts.accuracy.folds is not None,
        "weights": manifest.sha256_file(trained.path / TrainedModel.WEIGHTS_FILE),
        "training": manifest.sha256_file(trained.path / "training.json"),
        "versions": manifest.versions("tensorflow", "tensorflow-cpu", "tf-keras"),
    }
    if manifest.is_fresh(into, "export", key):
        progress.stage("export", fresh=True)
        return SavedModel(into)
    progress.stage("export")
    with manifest.atomic_output_dir(into, "export", key) as temporary, progress.task("writing the SavedModel"):
        model, side = _restored(trained)
        function = _signature(model, side)
        keras().backend.clear_session()
        tensorflow().saved_model.save(_module(model), str(temporary / "saved_model"), signatures=function)
        outputs = {name: name for name in function.structured_outputs}
        decision = Decision(trained.facts.decision.temperature, trained.facts.decision.threshold)
        contract = Contract(options.name, options.title, trained.facts.labels, Input(side), Outputs(**outputs), decision)
        replace(contract, description=options.description, language=options.language).write(temporary)
    return SavedModel(into)


def _restored(trained: TrainedModel) -> tuple[Any, int]:
    backbone = backbones.named(trained.facts.backbone)
    kind, source = trained.facts.weights.kind, trained.facts.weights.source
    weights = network.Weights("hub", source) if kind == "hub" else None
    model, _ = network.build(backbone, len(trained.facts.labels), weights)
    model.load_weights(trained.path / TrainedModel.WEIGHTS_FILE)
    return model, backbone.side


def _module(model: Any) -> Any:
    """What holds the signature's variables; the model itself would be saved function by function, for nobody."""
    module = tensorflow().Module()
    module.held = list(model.variables)
    return module


def _signature(model: Any, side: int) -> Any:
    """The concrete function to be served; a hub layer hides its feature map, which is then found in the frozen graph."""
    tf = tensorflow()
    names = ("probabilities", "embedding", "features")[: len(model.outputs)]

    def serve(image: Any) -> dict[str, "Tensor"]:
        return dict(zip(names, model(image, training=False), strict=True))

    spec = tf.TensorSpec([None, side, side, 3], tf.float32, name="image")
    function = tf.function(serve, autograph=False).get_concrete_function(spec)
    return function if "features" in names else _with_features(function, spec)


def _with_features(function: Any, spec: Any) -> Any:
    """Freeze `function` and add the last map `[batch, h, w, d]` that its embedding was pooled from, where there is one."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf = tensorflow()
    names = sorted(function.structured_outputs)
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    flat = tf.compat.v1.wrap_function(partial(tf.compat.v1.import_graph_def, decided(frozen.graph.as_graph_def()), name=""), [])
    image, *outputs = (flat.graph.as_graph_element(tensor.name) for tensor in (*frozen.inputs, *frozen.outputs))
    wanted = dict(zip(names, outputs, strict=True))
    features = structure.features_of(wanted["embedding"], image)
    if features is not None:
        wanted["features"] = features
    pruned = flat.prune([image], list(wanted.values()))

    def serve(image: Any) -> dict[str, "Tensor"]:
        return dict(zip(wanted, pruned(image), strict=True))

    return tf.function(serve, autograph=False).get_concrete_function(spec)
