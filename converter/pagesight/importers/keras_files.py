"""Keras `.h5` and `.keras` files, of Keras 2 and Keras 3."""

import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import keras
from pagesight.importers import archives, hdf5, hub, keras_weights
from pagesight.importers.imported_model import Foreign, size_of
from pagesight.importers.keras_graph import Built, Rebuild

_CONFIG_BYTES = 64 * 1024**2
_LONGEST_LOSS = 1000


def read_h5(path: Path, scratch: Path) -> Foreign:
    """A whole model in HDF5, as `model.save("x.h5")` writes it. Raises AdoptError."""
    with hdf5.opened(path) as file:
        if "model_config" not in file.attrs:
            raise AdoptError(
                f"{path} holds weights alone, without the model",
                fix="save the whole model with `model.save(…)`, or train on these weights with `pagesight build --weights`",
            )
        document = hdf5.parse_json(hdf5.text(file.attrs["model_config"]), f"the model in {path}")
        flavour = _flavour(hdf5.text(file.attrs.get("keras_version", b"2")))
        weights = file.get("model_weights")
        if weights is None:
            raise AdoptError(f"{path} holds a model without weights", fix="save the whole model with `model.save(…)`")
        built = Rebuild(flavour, hdf5.elements(weights), partial(hub.layer_of, scratch=scratch)).build(document)
        keras_weights.from_legacy_h5(built, weights)
        training = file.attrs.get("training_config")
        trained = {} if training is None else hdf5.parse_json(hdf5.text(training), f"the training in {path}")
    return replace(foreign_of(built, flavour), loss=loss_of(trained))


def read_keras(path: Path, scratch: Path) -> Foreign:
    """A `.keras` file: a zip archive of config.json and model.weights.h5. Raises AdoptError."""
    document = hdf5.parse_json(archives.read_member(path, "config.json", _CONFIG_BYTES), f"config.json in {path}")
    metadata = hdf5.parse_json(archives.read_member(path, "metadata.json", _CONFIG_BYTES), f"metadata.json in {path}")
    version = str(metadata.get("keras_version", "3")) if isinstance(metadata, dict) else "3"
    with tempfile.TemporaryDirectory(dir=scratch) as inner:
        weights = Path(inner) / "model.weights.h5"
        archives.write_member(path, "model.weights.h5", archives.MAX_BYTES, weights)
        with hdf5.opened(weights, path) as file:
            flavour = _flavour(version)
            built = Rebuild(flavour, hdf5.elements(file), partial(hub.layer_of, scratch=scratch)).build(document)
            keras_weights.from_keras_v3(built, file)
    return replace(foreign_of(built, flavour), loss=loss_of(document.get("compile_config")))


def loss_of(training: Any) -> str | None:
    """What a file says that its model was trained with, as text; None where it says nothing."""
    value = training.get("loss") if isinstance(training, dict) else None
    return None if value is None else str(value)[:_LONGEST_LOSS]


def _flavour(version: str) -> str:
    return "keras3" if version.startswith("3") else "keras2"


def foreign_of(built: Built, flavour: str, kind: str | None = None) -> Foreign:
    """A rebuilt network as a Foreign model. Raises AdoptError where it does not take one picture and give one answer."""
    keras_weights.finish(built)
    model = built.model
    if len(model.inputs) != 1:
        raise AdoptError(f"the model takes {len(model.inputs)} inputs", fix="give a model that takes one picture and nothing else")
    if len(model.outputs) != 1:
        raise AdoptError(
            f"the model gives {len(model.outputs)} answers", fix="save a model with its class scores as the only output"
        )
    return Foreign(
        kind or {"keras3": "Keras 3 model", "keras2": "tf-keras model"}[flavour],
        lambda x: model(x, training=False),
        size_of(tuple(model.inputs[0].shape)),
        keep=model,
        names=tuple(built.names()),
        frozen=built.frozen(),
        crop="squash" if kind is None else None,  # as Keras' own loaders of pictures do
    )


def keras3() -> Any:
    """The keras module (Keras 3); it asks what else is installed, and must not take a stand-in for the real thing."""
    for name in [n for n, m in sys.modules.items() if n.split(".")[0] == "jax" and getattr(m, "__spec__", None) is None]:
        del sys.modules[name]
    import keras as result  # type: ignore[import-untyped]

    return result


def read_trusted(path: Path) -> Foreign:
    """Load a file by Keras itself, custom code and all: only for `trust`. Raises AdoptError."""
    problems = []
    for module in (keras(), keras3()):
        try:
            model = module.models.load_model(path, compile=False, safe_mode=False)
        except Exception as cause:  # whatever a stranger's code raises
            problems.append(f"{module.__name__}: {str(cause).strip().splitlines()[0][:120] if str(cause).strip() else cause!r}")
            continue
        return Foreign(
            "trusted Keras model",
            partial(model, training=False),
            size_of(tuple(model.inputs[0].shape)),
            keep=model,
            notes=("its own code was run, because it was trusted",),
        )
    raise AdoptError(f"{path} cannot be loaded: {'; '.join(problems)}", fix="save the model again with `model.save(…)`")
