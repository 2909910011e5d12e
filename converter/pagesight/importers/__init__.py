"""Readers of models made elsewhere, one module per format; the bytes decide which one reads, not the name."""

from pathlib import Path

from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow
from pagesight.importers import door, hub, keras_files, saved_model, tfjs
from pagesight.importers.imported_model import Foreign
from pagesight.sandbox import Handed


def locate(source: str | Path) -> Path:
    """The file or folder that `source` names; a TF-Hub address is looked up in its cache. Raises AdoptError."""
    if isinstance(source, str) and source.startswith(("https://", "http://")):
        return hub.fetched(source)
    path = Path(source)
    if not path.exists():
        raise AdoptError(f"there is no {path}", fix=door.TAKEN)
    return path


def read(path: Path, scratch: Path, *, trust: bool = False, signature: str | None = None, side: int | None = None) -> Foreign:
    """The model at `path`; archives are unpacked below `scratch`. With `trust`, a Keras file may run its own code.

    Raises AdoptError for what is damaged, hostile or no model.
    """
    opening = scratch / "opened"
    opening.mkdir()
    job = door.open_model(path, opening, signature=signature, side=side)
    tensorflow()  # imported while the other process reads
    try:
        return build(job.result(), path, scratch)
    except AdoptError:
        if not trust or path.is_dir():
            raise
        return keras_files.read_trusted(path)


def build(handed: Handed, path: Path, scratch: Path) -> Foreign:
    """What was found in the model at `path` as one that TensorFlow can trace. Raises AdoptError."""
    kind = handed.facts["kind"]
    if kind == "weights":
        raise AdoptError(
            f"{path} holds weights alone, without the model",
            fix="save the whole model with `model.save(…)`, or train on these weights with `pagesight build --weights`",
        )
    if kind in ("saved-model", "tflite", "onnx"):
        return saved_model.read(handed)
    if kind in ("tfjs-layers", "tfjs-graph"):
        file = Path(handed.facts["model_json"]).resolve()
        if not any(file.is_relative_to(place.resolve()) for place in (path if path.is_dir() else path.parent, scratch)):
            raise AdoptError(f"{path} names a file outside it", fix=door.TAKEN)
        return tfjs.read(handed)
    return keras_files.read(handed, scratch)
