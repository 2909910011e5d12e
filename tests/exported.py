"""Models of a test's own on their way to a page: as `export` writes them, and what `quantize` makes of them."""

from pathlib import Path
from typing import Any

from pagesight import manifest
from pagesight.artifacts import SavedModel, WebModel
from pagesight.contract import Contract, Input, Outputs
from pagesight.graph.model import GraphModel, Runner

SIDE = 96
CLASSES = 10


def exported(tf: Any, model: Any, folder: Path) -> SavedModel:
    """What `pagesight export` would write of a Keras model with the outputs probabilities, embedding and features."""
    module = tf.Module()
    module.kept = model.variables
    names = ("probabilities", "embedding", "features")
    spec = tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32, name="image")
    serve = tf.function(lambda image: dict(zip(names, model(image), strict=True)), autograph=False)
    tf.saved_model.save(module, str(folder / "saved_model"), signatures=serve.get_concrete_function(spec))
    Contract("wild", "Wild", tuple("0123456789"), Input(SIDE), Outputs(*names)).write(folder)
    manifest.write(folder, "export", {"seed": 1})
    return SavedModel(folder)


def model_of(web: WebModel) -> GraphModel:
    """The TF.js model that `quantize` wrote."""
    return GraphModel.read(web.path / "model" / "model.json")


def probabilities(web: WebModel, inputs: Any) -> Any:
    """Its answers to uint8 squares `[n, SIDE, SIDE, 3]`: float32 `[n, CLASSES]`."""
    return Runner(model_of(web), ["probabilities"])(inputs)[0]
