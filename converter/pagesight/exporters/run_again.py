"""Runs what was written beside a page in its own runtime, before it is called written."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Contract
from pagesight.errors import BundleError
from pagesight.graph.model import GraphModel, Runner
from pagesight.graph.tensorflow import tensorflow
from pagesight.synthetic.natural_noise import natural_noise

_PICTURES = 4
_FARTHEST = {"tflite": 0.02, "onnx": 1e-4}
"""Probabilities may differ so much from the page's: the order of sums, and float16 weights in TFLite."""


def check(name: str, path: Path, model_json: Path, contract: Contract) -> None:
    """Ask the file at `path` (`name`: tflite or onnx) a few pictures. Raises BundleError where the page answers otherwise."""
    inputs = natural_noise(contract.input, _PICTURES, seed=2).astype(np.float32)
    with Runner(GraphModel.read(model_json), [contract.outputs.probabilities]) as runner:
        expected = np.asarray(runner(inputs)[0])
    try:
        ours = _RUNTIMES[name](path, inputs)
    except (ValueError, RuntimeError) as cause:
        raise BundleError(
            f"the {name} file that was written does not run: {str(cause)[:160]}", fix=f"leave out --also {name}"
        ) from cause
    difference = float(np.abs(ours - expected).max()) if ours.shape == expected.shape else float("inf")
    if not difference <= _FARTHEST[name]:
        raise BundleError(
            f"the {name} file that was written answers otherwise than the page: a probability differs by {difference:.2g}",
            fix=f"leave out --also {name}, and report this model",
        )


def _tflite(path: Path, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it will move to another package
        interpreter = tensorflow().lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for picture in inputs:
        interpreter.set_tensor(taken["index"], picture[None])
        interpreter.invoke()
        rows.append(np.array(interpreter.get_tensor(given["index"])[0]))
    return np.stack(rows)


def onnx_runtime() -> Any:
    """The package onnxruntime. Raises BundleError where it is not installed: an ONNX file is not written unseen."""
    try:
        import onnxruntime
    except ImportError as cause:
        raise BundleError("--also onnx needs ONNX Runtime, to run what it writes", fix="pip install 'pagesight[onnx]'") from cause
    return onnxruntime


def _onnx(path: Path, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    runtime = onnx_runtime()
    settings = runtime.SessionOptions()
    settings.log_severity_level = 4
    session = runtime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: inputs})[0])


_RUNTIMES: dict[str, Callable[[Path, NDArray[np.float32]], NDArray[np.float32]]] = {"tflite": _tflite, "onnx": _onnx}
