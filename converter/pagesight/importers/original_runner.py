"""The other side of `original`: loads one model by its own framework, waits for pictures, answers; runs as a program."""

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_BATCH = 8
_MEGABYTE = 2**20
_LARGEST_FILE = 1024 * _MEGABYTE
_CPU_SECONDS = 900


def main() -> None:
    """Read a `Source` as JSON from the command line; answer with one line of JSON and scores.npy in this folder."""
    options = json.loads(sys.argv[1])
    _limit()
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name, call = _LOADERS[options["runtime"]](options)
            sys.stdin.readline()
            inputs = np.load("inputs.npy", allow_pickle=False)
            rows = [call(inputs[i : i + _BATCH]) for i in range(0, len(inputs), _BATCH)]
        np.save("scores.npy", np.concatenate(rows).reshape(len(inputs), -1).astype(np.float32))
        result = {"runtime": name}
    except Exception as cause:  # whatever a framework raises is the reason why the model could not be run
        lines = [line for line in str(cause).strip().splitlines() if line.strip()]
        result = {"error": f"{type(cause).__name__}: {lines[0][:160] if lines else ''}".replace(options["path"], "the model")}
    os.write(answers, (json.dumps(result) + "\n").encode())


def _limit() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _keras3(options: dict[str, Any]) -> tuple[str, Callable[[Any], Any]]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras  # type: ignore[import-untyped]

    model = keras.saving.load_model(options["path"], compile=False, safe_mode=not options["trust"])
    return f"Keras {_short(keras.__version__)}", lambda x: np.asarray(model(x, training=False))


def _keras2(options: dict[str, Any]) -> tuple[str, Callable[[Any], Any]]:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras

    objects = {}
    with contextlib.suppress(ImportError):
        import tensorflow_hub

        objects["KerasLayer"] = tensorflow_hub.KerasLayer
    safe = {"safe_mode": not options["trust"]} if options["path"].endswith(".keras") else {}
    model = tf_keras.models.load_model(options["path"], custom_objects=objects, compile=False, **safe)
    return f"tf-keras {_short(tf_keras.__version__)}", lambda x: np.asarray(model(x, training=False))


def _saved_model(options: dict[str, Any]) -> tuple[str, Callable[[Any], Any]]:
    import tensorflow as tf

    loaded = tf.saved_model.load(options["path"])
    names = list(loaded.signatures)
    key = options["signature"] or ("serving_default" if "serving_default" in names else names[0])
    function = loaded.signatures[key]
    _, specs = function.structured_input_signature
    (name, spec), *others = [(k, s) for k, s in specs.items() if s.dtype != tf.bool]
    if others:
        raise ValueError(f"it takes {1 + len(others)} inputs")
    flags = {k: tf.constant(value=False) for k, s in specs.items() if s.dtype == tf.bool}

    def call(x: Any) -> Any:
        result = function(**{name: tf.cast(x, spec.dtype)}, **flags)
        answer = options["answer"]
        if answer is None and len(result) != 1:
            raise ValueError(f"it gives {len(result)} answers")
        return result[answer].numpy() if answer else next(iter(result.values())).numpy()

    return f"TensorFlow {_short(tf.__version__)}", call


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])


_LOADERS: dict[str, Callable[[dict[str, Any]], tuple[str, Callable[[Any], Any]]]] = {
    "keras3": _keras3,
    "keras2": _keras2,
    "saved_model": _saved_model,
}

if __name__ == "__main__":
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path.cwd()]
    main()
