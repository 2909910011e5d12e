"""The one door for models made elsewhere: whatever a user gives as a model is opened here, in a process of its own.

That process (see `sandbox`) decides by the bytes what the file is, unpacks it, looks through it and hands back JSON and arrays.
Only those reach the rest of the program. The file itself is opened again by `original` and `hub`, in such processes, too;
by `browser.stock_tfjs`, for a browser; and with `trust` by Keras.
"""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py

from pagesight import sandbox
from pagesight.contract import FILE_NAME as CONTRACT
from pagesight.errors import AdoptError
from pagesight.importers import archives, keras_files, onnx, saved_model_proto, saved_model_signature, tfjs, tflite
from pagesight.importers.saved_model_proto import FILE_NAME
from pagesight.sandbox import Found

_OTHERS = {
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
TAKEN = (
    "give a Keras .keras or .h5 file, a SavedModel folder, a TF-Hub handle, a .tflite or .onnx file, a Teachable Machine export "
    "or a TF.js model.json"
)


def open_model(path: Path, scratch: Path, *, signature: str | None = None, side: int | None = None) -> sandbox.Job:
    """Begin to open the model at `path`, a file or folder; archives are unpacked below `scratch`, which must be empty.

    The job's result has the fact `kind` (keras-h5, keras-zip, tfjs-layers, tfjs-graph, saved-model, tflite, onnx or weights) and
    what that kind is built from. `signature` chooses one of a SavedModel's; `side` is that of the pictures, for ONNX files that
    leave it open. The result raises AdoptError for what is damaged, hostile or no model.
    """
    arguments = {"path": str(path.absolute()), "shown_as": str(path), "signature": signature, "side": side}
    limits = sandbox.Limits.for_path(*([path] if path.is_dir() else files_of(path).values()))
    return sandbox.start("pagesight.importers.door:look_into", arguments, scratch, what=str(path), limits=limits)


def look_into(path: str, shown_as: str, signature: str | None, side: int | None, scratch: Path) -> Found:
    """Everything that may be handed back of the model at `path`; done in the process of its own."""
    try:
        found = _look_into(Path(path), signature, side, scratch)
    except AdoptError as cause:
        raise AdoptError(cause.what.replace(path, shown_as), fix=cause.fix.replace(path, shown_as)) from cause
    named = {key: str(found.facts[key]).replace(path, shown_as) for key in ("shown_as", "folder") if key in found.facts}
    return Found({**found.facts, **named}, found.arrays)


def _look_into(path: Path, signature: str | None, side: int | None, scratch: Path) -> Found:
    if path.is_dir() or path.name == FILE_NAME:
        return _folder(path if path.is_dir() else path.parent, path, signature)
    if path.suffix in _OTHERS:
        raise AdoptError(f"{path} is {_OTHERS[path.suffix]}", fix=TAKEN)
    if path.suffix == ".onnx":
        return onnx.open_file(path, side)
    reader = _reader(path, signature, scratch)
    if reader is not None:
        return reader()
    if path.suffix in (".h5", ".hdf5", ".keras", ".tflite"):
        raise AdoptError(f"{path} is damaged: it does not begin as such a file does", fix="copy or download it again")
    raise AdoptError(f"{path} is not a model format that Pagesight knows", fix=TAKEN)


def _reader(path: Path, signature: str | None, scratch: Path) -> Callable[[], Found] | None:
    """What reads the file, by how it begins; None where nothing does."""
    head = _head(path)
    if h5py.is_hdf5(path):
        return partial(keras_files.open_h5, path)
    if head.startswith(b"PK") and (path.suffix == ".keras" or _is_keras(path)):
        return partial(keras_files.open_keras, path, scratch)
    if head.startswith((b"PK", b"\x1f\x8b")) or path.suffix in (".tar", ".tgz", ".zip"):
        return partial(_archive, path, signature, scratch)
    if head[4:8] == tflite.IDENTIFIER:
        return partial(tflite.open_file, path)
    return partial(tfjs.open_files, path) if head.lstrip().startswith(b"{") else None


def files_of(path: Path) -> dict[str, Path]:
    """Every file that opening the model at `path` may read, by what it is called: to tell whether one of them was changed."""
    if path.is_dir():
        files = {p.relative_to(path).as_posix(): p for p in sorted(path.rglob("*"))}
    elif path.name == FILE_NAME:
        inside = (p for folder in ("variables", "assets") for p in sorted((path.parent / folder).rglob("*")))
        files = {path.name: path, **{p.relative_to(path.parent).as_posix(): p for p in inside}}
    elif _head(path).lstrip().startswith(b"{"):
        files = {path.name: path, **tfjs.files_beside(path)}
    else:
        files = {path.name: path}
    if path.is_dir():
        files |= {f"../{CONTRACT}": path.parent / CONTRACT}
    return {name: file for name, file in files.items() if file.is_file()}


def _archive(path: Path, signature: str | None, scratch: Path) -> Found:
    inside = scratch / "unpacked"
    inside.mkdir()  # there, too, where the archive is empty
    archives.unpack(path, inside)
    return _folder(inside, path, signature)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as cause:
        raise AdoptError(f"{path} cannot be read: {cause.strerror}", fix=TAKEN) from cause


def _is_keras(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return {"config.json", "model.weights.h5"} <= set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):  # what is wrong with it is said where it is unpacked
        return False


def _folder(folder: Path, shown_as: Path, signature: str | None) -> Found:
    """A SavedModel, a TF.js model or a Pagesight page in `folder`, or in the one sub-folder an archive wrapped it in."""
    for result in saved_model_proto.folders(folder):
        if (result / FILE_NAME).is_file():
            return saved_model_signature.open_folder(result, signature)
        if (result / "model.json").is_file():
            return tfjs.open_files(result / "model.json")
    raise AdoptError(f"{shown_as} holds no model", fix=TAKEN)
