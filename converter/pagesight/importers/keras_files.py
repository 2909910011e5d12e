"""Keras `.h5` and `.keras` files, of Keras 2 and Keras 3."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py

from pagesight.errors import AdoptError, first_line
from pagesight.graph.tensorflow import keras
from pagesight.importers import archives, hdf5, hub, keras_weights
from pagesight.importers.groups import Group
from pagesight.importers.imported_model import Foreign, size_of
from pagesight.importers.keras_graph import Built, Rebuild
from pagesight.sandbox import Found, Handed

_CONFIG_BYTES = 64 * 1024**2
_LONGEST_LOSS = 1000


def open_h5(path: Path) -> Found:
    """A whole model in HDF5 (`model.save("x.h5")`), or weights alone: JSON, arrays by path, lists of names. Raises AdoptError."""
    with hdf5.opened(path) as file:
        if "model_config" not in file.attrs:
            return Found({"kind": "weights", "lists": hdf5.lists(file)}, hdf5.arrays(file))
        document = hdf5.parse_json(hdf5.text(file.attrs["model_config"]), f"the model in {path}")
        flavour = _flavour(hdf5.text(file.attrs.get("keras_version", b"2")))
        weights = file.get("model_weights")
        if not isinstance(weights, h5py.Group):
            raise AdoptError(f"{path} holds a model without weights", fix="save the whole model with `model.save(…)`")
        training = file.attrs.get("training_config")
        trained = {} if training is None else hdf5.parse_json(hdf5.text(training), f"the training in {path}")
        return _found("keras-h5", document, flavour, loss_of(trained), weights)


def open_keras(path: Path, scratch: Path) -> Found:
    """A `.keras` file: a zip archive of config.json and model.weights.h5. Raises AdoptError."""
    document = hdf5.parse_json(archives.read_member(path, "config.json", _CONFIG_BYTES), f"config.json in {path}")
    metadata = hdf5.parse_json(archives.read_member(path, "metadata.json", _CONFIG_BYTES), f"metadata.json in {path}")
    version = str(metadata.get("keras_version", "3")) if isinstance(metadata, dict) else "3"
    weights = scratch / "model.weights.h5"
    archives.write_member(path, "model.weights.h5", archives.MAX_BYTES, weights)
    training = document.get("compile_config") if isinstance(document, dict) else None
    with hdf5.opened(weights, path) as file:
        return _found("keras-zip", document, _flavour(version), loss_of(training), file)


def _found(kind: str, document: Any, flavour: str, loss: str | None, weights: h5py.Group) -> Found:
    facts = {"kind": kind, "document": document, "flavour": flavour, "loss": loss, "lists": hdf5.lists(weights)}
    return Found(facts, hdf5.arrays(weights))


def read(handed: Handed, scratch: Path) -> Foreign:
    """What `open_h5` or `open_keras` found as a network in tf-keras; hub layers are opened below `scratch`. Raises AdoptError."""
    weights = Group.of(handed.arrays, handed.facts["lists"])
    flavour = str(handed.facts["flavour"])
    built = Rebuild(flavour, weights.elements(), partial(hub.layer_of, scratch=scratch)).build(handed.facts["document"])
    if handed.facts["kind"] == "keras-h5":
        keras_weights.from_legacy_h5(built, weights)
    else:
        keras_weights.from_keras_v3(built, weights)
    return replace(foreign_of(built, flavour), loss=handed.facts["loss"])


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
        raise AdoptError(f"the model has {len(model.outputs)} outputs", fix="save a model with its class scores as the only output")
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
            problems.append(f"{module.__name__}: {first_line(cause, 120)}")
            continue
        return Foreign(
            "trusted Keras model",
            partial(model, training=False),
            size_of(tuple(model.inputs[0].shape)),
            keep=model,
            notes=("its own code was run, because it was trusted",),
        )
    raise AdoptError(f"{path} cannot be loaded: {'; '.join(problems)}", fix="save the model again with `model.save(…)`")
