"""The other side of `original`: loads one model by its own framework, waits for pictures, answers; runs in the sandbox."""

import contextlib
import json
import os
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pagesight.errors import first_line
from pagesight.sandbox import Found

INPUTS = "inputs.npy"
"""The file in which pictures come, once they are known: the model is loaded meanwhile."""
_BATCH = 8
_WAIT = 0.05
_COLORS = (1, 3)


Predict = Callable[[Any], Any]
"""Pixels `[n, height, width, channels]` to scores, both arrays."""


@dataclass(frozen=True)
class Source:
    """A model's own files, and what runs them: `keras3`, `keras2`, `keras` (whichever can), `saved_model`, `tflite`, `onnx`."""

    runtime: str
    path: str
    trust: bool = False
    signature: str | None = None
    channels_first: bool = False


def answers(scratch: Path, **source: Any) -> Found:
    """Load the model of `Source(**source)`, wait for pictures, and answer them; or say why it cannot be run."""
    options = Source(**source)
    asking = os.getppid()  # another process takes a child over whose parent was killed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name, call = _LOADERS[options.runtime](options)
            while not (scratch / INPUTS).exists():
                if os.getppid() != asking:
                    return Found({"why_not": "who asked is gone"}, {})
                time.sleep(_WAIT)
            inputs = np.load(scratch / INPUTS, allow_pickle=False)
            if options.channels_first:
                inputs = inputs.transpose(0, 3, 1, 2)
            rows = [call(inputs[i : i + _BATCH]) for i in range(0, len(inputs), _BATCH)]
    except _Foreign as cause:
        return Found({"why_not": str(cause)}, {})
    except Exception as cause:  # whatever a framework raises is the reason why the model could not be run
        return Found({"why_not": f"{type(cause).__name__}: {first_line(cause)}".replace(options.path, "the model")}, {})
    return Found({"runtime": name}, {"scores": np.concatenate(rows).reshape(len(inputs), -1).astype(np.float32)})


_KERAS = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
_PLAIN = ("function", "slice", "tuple", "list", "dict", "int", "float")


class _Foreign(ValueError):
    """A file names code that is not Keras' own."""


def _only_keras(path: str) -> None:
    """Raise where the file's description names a module that is not Keras', for the loader would import it."""
    import h5py

    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            text = file.attrs["model_config"]
    else:
        with zipfile.ZipFile(path) as archive:
            text = archive.read("config.json")
    waiting: list[Any] = [json.loads(text)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            module = str(value.get("module") or "keras")
            inside = module == "builtins" and value.get("class_name") in _PLAIN
            if not inside and not any(module == name or module.startswith(f"{name}.") for name in _KERAS):
                raise _Foreign(f"its file names the module {module:.60}, which would be imported")
            if value.get("class_name") in ("__lambda__", "Lambda"):
                raise _Foreign("its file holds code")
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []


def _keras3(options: Source) -> tuple[str, Predict]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras  # type: ignore[import-untyped]

    if not options.trust:
        _only_keras(options.path)
    model = keras.saving.load_model(options.path, compile=False, safe_mode=not options.trust)
    return f"Keras {_short(keras.__version__)}", lambda x: np.asarray(model(x, training=False))


def _keras2(options: Source) -> tuple[str, Predict]:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras

    if not options.trust:
        _only_keras(options.path)
    objects = {}
    with contextlib.suppress(ImportError):
        import tensorflow_hub

        objects["KerasLayer"] = tensorflow_hub.KerasLayer
    safe = {"safe_mode": not options.trust} if options.path.endswith(".keras") else {}
    model = tf_keras.models.load_model(options.path, custom_objects=objects, compile=False, **safe)
    return f"tf-keras {_short(tf_keras.__version__)}", lambda x: np.asarray(model(x, training=False))


def _keras(options: Source) -> tuple[str, Predict]:
    """A trusted file: whichever Keras can load it."""
    try:
        return _keras2(options)
    except Exception:  # whatever a file of the other Keras raises
        return _keras3(options)


_ANSWERS = ("probabilities", "predictions", "logits", "scores", "default")


def _folder(path: Path) -> Path:
    """The SavedModel's folder: this one, the one inside, or that in an archive, which is unpacked here."""
    from pagesight.importers import archives, saved_model_proto

    if path.is_file() and path.name != "saved_model.pb":
        archives.unpack(path, Path("unpacked"))
        path = Path("unpacked")
    path = path.parent if path.is_file() else path
    result = next(p for p in saved_model_proto.folders(path) if (p / saved_model_proto.FILE_NAME).is_file())
    _plain_restore(result)
    return result


def _plain_restore(folder: Path) -> None:
    """Raise where loading would run functions of the model beside those that read variables."""
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for graph in document.meta_graphs:
        if any(node.saveable_objects or node.WhichOneof("kind") in ("resource", "asset") for node in graph.object_graph_def.nodes):
            raise _Foreign("loading it runs functions of its own")


def _saved_model(options: Source) -> tuple[str, Predict]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(_folder(Path(options.path))))
    names = list(loaded.signatures)
    key = options.signature or ("serving_default" if "serving_default" in names else names[0])
    function = loaded.signatures[key]
    _, specs = function.structured_input_signature
    (name, spec), *others = [(k, s) for k, s in specs.items() if s.dtype != tf.bool]
    if others:
        raise ValueError(f"it takes {1 + len(others)} inputs")
    flags = {k: tf.constant(value=False) for k, s in specs.items() if s.dtype == tf.bool}

    def one(taken: Any) -> Any:
        result = function(**{name: taken}, **flags)
        named = [result[key] for key in _ANSWERS if key in result] or [t for t in result.values() if t.shape.rank == 2]
        return (named or list(result.values()))[0].numpy()

    def call(x: Any) -> Any:
        if spec.dtype != tf.string:
            return one(tf.cast(x, spec.dtype))
        files = [tf.io.encode_png(picture) for picture in np.rint(x).astype(np.uint8)]  # without loss; decoders of JPEG take them
        return np.concatenate([one(file) for file in files]) if spec.shape.rank == 0 else one(tf.stack(files))

    return f"TensorFlow {_short(tf.__version__)}", call


def _tflite(options: Source) -> tuple[str, Predict]:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=options.path, num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()

    def one(picture: Any) -> Any:
        """Whole numbers 0..255 where the model takes bytes; int8 counts them from -128."""
        if taken["dtype"] is not np.float32:
            picture = np.rint(picture) - (128 if taken["dtype"] is np.int8 else 0)
        interpreter.set_tensor(taken["index"], picture[None].astype(taken["dtype"]))
        interpreter.invoke()
        answer = interpreter.get_tensor(given["index"])
        if given["dtype"] is np.float32:
            return answer[0]
        scale, zero = given["quantization"]
        return (answer[0].astype(np.float32) - zero) * scale

    return f"TensorFlow Lite {_short(tf.__version__)}", lambda x: np.stack([one(picture) for picture in x])


def _onnx(options: Source) -> tuple[str, Predict]:
    try:
        import onnxruntime
    except ImportError as cause:
        raise _Foreign("onnxruntime is not installed (pip install 'pagesight[onnx]')") from cause
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(options.path, settings, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    batch, second, _, last = taken.shape
    first = second in _COLORS or (not isinstance(second, int) and last not in _COLORS)
    many = not isinstance(batch, int)

    def call(x: Any) -> Any:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2) if first else x)
        parts = [x] if many else [x[i : i + 1] for i in range(len(x))]
        return np.concatenate([session.run(None, {taken.name: part})[0] for part in parts])

    return f"ONNX Runtime {_short(onnxruntime.__version__)}", call


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])


_LOADERS: dict[str, Callable[[Source], tuple[str, Predict]]] = {
    "keras3": _keras3,
    "keras2": _keras2,
    "keras": _keras,
    "saved_model": _saved_model,
    "tflite": _tflite,
    "onnx": _onnx,
}
