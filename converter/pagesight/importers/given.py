"""Folders that a user gives as what a command wrote: whoever wrote them, the model inside passes the door before it is used."""

import tempfile
from pathlib import Path
from typing import TypeVar

from pagesight.artifacts import Artifact, Bundle, TrainedModel, WebModel
from pagesight.contract import FILE_NAME
from pagesight.errors import AdoptError
from pagesight.importers import door

_MODEL = TypeVar("_MODEL", Bundle, WebModel, TrainedModel)
_KINDS = {"tfjs-graph": "TF.js graph model", "weights": "file of weights"}


def opened(kind: type[_MODEL], folder: Path) -> _MODEL:
    """The artifact in `folder`, once the door has looked through its model.

    A manifest proves only that nothing changed since it was written, not who wrote it. A SavedModel's is not opened here: whoever
    converts it reads it by the door anyway. Raises OutputError where no command wrote `folder`, and AdoptError for a model that
    must not be read.
    """
    artifact = kind.open(folder)
    wanted = "weights" if isinstance(artifact, TrainedModel) else "tfjs-graph"
    file = _model_of(artifact)
    with tempfile.TemporaryDirectory() as scratch:
        found = door.open_model(file, Path(scratch)).result().facts["kind"]
    if found != wanted:
        raise AdoptError(f"{file} is no {_KINDS[wanted]}", fix=f"give the folder that `pagesight {kind.COMMAND}` wrote")
    return artifact


def _model_of(artifact: Artifact) -> Path:
    if isinstance(artifact, TrainedModel):
        return artifact.path / TrainedModel.WEIGHTS_FILE
    assert isinstance(artifact, (Bundle, WebModel))
    again = f"give the folder that `pagesight {artifact.COMMAND}` wrote"
    try:
        named = artifact.contract.model_path
        inside = (artifact.path / named).resolve().is_relative_to(artifact.path.resolve())
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise AdoptError(f"{artifact.path / FILE_NAME} cannot be read: {cause}", fix=again) from cause
    if not inside:
        raise AdoptError(f"{artifact.path / FILE_NAME} names a model outside its folder", fix=again)
    return artifact.path / named
