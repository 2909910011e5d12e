"""Readers of models made elsewhere, one module per format; the bytes decide which one reads, not the name."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py

from pagesight.errors import AdoptError
from pagesight.importers import archives, hub, keras_files, saved_model, tfjs
from pagesight.importers.imported_model import Foreign

_OTHERS = {
    ".tflite": "a TFLite model",
    ".onnx": "an ONNX model",
    ".pt": "a PyTorch pickle",
    ".pth": "a PyTorch pickle",
    ".pkl": "a pickle, which would run code when it is opened",
    ".pickle": "a pickle, which would run code when it is opened",
    ".joblib": "a pickle, which would run code when it is opened",
    ".npz": "a NumPy archive",
    ".npy": "a NumPy array",
    ".caffemodel": "a Caffe model",
    ".pb": "a bare graph",
}
_TAKEN = "give a Keras .keras or .h5 file, a SavedModel folder, a TF-Hub handle, a Teachable Machine export or a TF.js model.json"


def locate(source: str | Path) -> Path:
    """The file or folder that `source` names; a TF-Hub address is looked up in its cache. Raises AdoptError."""
    if isinstance(source, str) and source.startswith(("https://", "http://")):
        return hub.fetched(source)
    path = Path(source)
    if not path.exists():
        raise AdoptError(f"there is no {path}", fix=_TAKEN)
    return path


def read(path: Path, scratch: Path, *, trust: bool = False) -> Foreign:
    """The model at `path`; archives are unpacked below `scratch`. With `trust`, a Keras file may run its own code.

    Raises AdoptError for what is damaged, hostile or no model.
    """
    if path.is_dir() or path.name == saved_model.FILE_NAME:
        return _read_folder(path if path.is_dir() else path.parent, scratch)
    if path.suffix in _OTHERS:
        raise AdoptError(f"{path} is {_OTHERS[path.suffix]}", fix=_TAKEN)
    head = _head(path)
    if h5py.is_hdf5(path):
        return _keras(path, keras_files.read_h5, scratch, trust=trust)
    if head.startswith(b"PK") and (path.suffix == ".keras" or _is_keras(path)):
        return _keras(path, keras_files.read_keras, scratch, trust=trust)
    if head.startswith((b"PK", b"\x1f\x8b")) or path.suffix in (".tar", ".tgz", ".zip"):
        return _read_archive(path, scratch)
    if head.lstrip().startswith(b"{"):
        return tfjs.read(path)
    if path.suffix in (".h5", ".hdf5", ".keras"):
        raise AdoptError(f"{path} is damaged: it does not begin as such a file does", fix="copy or download it again")
    raise AdoptError(f"{path} is no model that Pagesight knows", fix=_TAKEN)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as cause:
        raise AdoptError(f"{path} cannot be read: {cause.strerror}", fix=_TAKEN) from cause


def _keras(path: Path, reader: Callable[[Path, Path], Foreign], scratch: Path, *, trust: bool) -> Foreign:
    try:
        return reader(path, scratch)
    except AdoptError:
        if not trust:
            raise
        return keras_files.read_trusted(path)


def _is_keras(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return {"config.json", "model.weights.h5"} <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _read_archive(path: Path, scratch: Path) -> Foreign:
    inside = scratch / "unpacked"
    archives.unpack(path, inside)
    return _read_folder(inside, scratch, shown_as=path)


def _read_folder(folder: Path, scratch: Path, shown_as: Path | None = None) -> Foreign:
    """A SavedModel, a TF.js model or a Pagesight page in `folder`, or in the one sub-folder an archive wrapped it in."""
    for result in (folder, *sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))):
        if (result / saved_model.FILE_NAME).is_file():
            return saved_model.read(result, scratch)
        if (result / "model.json").is_file():
            return tfjs.read(result / "model.json")
    raise AdoptError(f"{shown_as or folder} holds no model", fix=_TAKEN)
