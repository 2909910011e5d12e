"""Runs what was written beside a page in its own runtime, before it is called written."""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import importers, progress
from pagesight.artifacts import WebModel
from pagesight.contract import Input
from pagesight.errors import BundleError, first_line
from pagesight.exporters import layers_model
from pagesight.graph.model import GraphModel, Runner
from pagesight.graph.tensorflow import suppress_native_stderr, tensorflow
from pagesight.importers.imported_model import TfjsFiles
from pagesight.importers.original import NoRuntime, Running
from pagesight.synthetic.natural_noise import natural_noise

_PICTURES = 4
_FARTHEST = 1e-4
"""Probabilities may differ so much from the page's: sums are added up in another order."""
_NAMED = {"layers": "layers model", "tflite": "TFLite file", "onnx": "ONNX file"}
Rows = NDArray[np.float32]
"""Probabilities `[pictures, classes]`."""
Tfjs = Callable[[TfjsFiles], Running]
"""What runs a TF.js model in stock TF.js; asking raises NoRuntime where this machine has no browser."""


def onnx_runtime() -> Any:
    """The package onnxruntime. Raises BundleError where it is not installed: an ONNX file is not written unseen."""
    try:
        import onnxruntime
    except ImportError as cause:
        raise BundleError("--also onnx needs ONNX Runtime, to run what it writes", fix="pip install 'pagesight[onnx]'") from cause
    return onnxruntime


def check_onnx(path: Path, web: WebModel) -> None:
    """Ask the ONNX file at `path` a few pictures. Raises BundleError where it does not run, or the page answers otherwise."""
    inputs = natural_noise(web.contract.input, _PICTURES, seed=2).astype(np.float32)
    expected = _answers(_graph(web), web, inputs)
    _compare("onnx", lambda: _in_onnx_runtime(path, inputs), expected, _FARTHEST, web)


def check_tflite(path: Path, web: WebModel, *, halved: bool) -> None:
    """The same of the TFLite file at `path`, in its interpreter.

    Where its weights are `halved` to float16 it may answer otherwise by as much as that changes the page's own answers.
    """
    inputs = natural_noise(web.contract.input, _PICTURES, seed=2).astype(np.float32)
    graph = _graph(web)
    expected, allowed = _answers(graph, web, inputs), _FARTHEST
    if halved:
        rounded = {k: w.astype(np.float16).astype(w.dtype) for k, w in graph.weights.items() if w.dtype == np.float32}
        allowed += _apart(_answers(graph.with_weights(rounded), web, inputs), expected)
    _compare("tflite", lambda: _in_interpreter(path, inputs), expected, allowed, web)


def check_layers(model_json: Path, web: WebModel, tfjs: Tfjs) -> None:
    """The same of the layers model, in stock TF.js; where this machine has no browser, as Pagesight itself reads such models.

    It may answer otherwise by as much as storing the matrices that resize its pictures in two bytes changes.
    """
    pictures = natural_noise(Input(layers_model.SIDE), _PICTURES, seed=2)
    exact, stored = (layers_model.resized(pictures, web.contract, stored=way) for way in (False, True))
    graph = _graph(web)
    expected = _answers(graph, web, stored)
    allowed = _FARTHEST + _apart(_answers(graph, web, exact), expected)
    _compare("layers", lambda: _in_tfjs(model_json, layers_model.fed(pictures), tfjs), expected, allowed, web)


def _compare(flag: str, ask: Callable[[], Rows], expected: Rows, allowed: float, web: WebModel) -> None:
    """Raise BundleError where what was written does not run, or is farther than `allowed` from the page's own answers."""
    named, fix = _NAMED[flag], f"leave out --also {flag}, and report this model"
    try:
        ours = ask()
    except Exception as cause:  # runtimes raise of many kinds
        raise BundleError(f"the {named} that was written does not run: {first_line(cause)}", fix=fix) from cause
    if ours.shape != expected.shape:
        raise BundleError(f"the {named} that was written gives {ours.shape[1:]} scores, the page {expected.shape[1:]}", fix=fix)
    apart = np.abs(ours - expected).max(1)
    worst = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
    if not apart[worst] <= allowed:
        theirs, ours_said = (f"{web.contract.labels[int(p.argmax())]!r} ({p.max():.1%})" for p in (expected[worst], ours[worst]))
        raise BundleError(
            f"the {named} that was written answers otherwise than the page: of drawn picture {worst + 1} it says {ours_said}, "
            f"the page {theirs}; a probability differs by {apart[worst]:.2g}",
            fix=fix,
        )


def _graph(web: WebModel) -> GraphModel:
    return GraphModel.read(web.path / web.contract.model_path)


def _answers(graph: GraphModel, web: WebModel, inputs: NDArray[np.float32]) -> Rows:
    with Runner(graph, [web.contract.outputs.probabilities], often=False) as runner:
        return np.asarray(runner(inputs)[0])


def _apart(some: Rows, others: Rows) -> float:
    return float(np.abs(some - others).max())


def _in_onnx_runtime(path: Path, inputs: NDArray[np.float32]) -> Rows:
    runtime = onnx_runtime()
    settings = runtime.SessionOptions()
    settings.log_severity_level = 4
    session = runtime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: inputs})[0])


def _in_interpreter(path: Path, inputs: NDArray[np.float32]) -> Rows:
    with warnings.catch_warnings(), suppress_native_stderr():  # it will move to another package, and says which kernels it took
        warnings.simplefilter("ignore")
        interpreter = tensorflow().lite.Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        (image,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
        rows = []
        for picture in inputs:
            interpreter.set_tensor(image["index"], picture[None])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(answer["index"])[0])
    return np.stack(rows)


def _in_tfjs(model_json: Path, inputs: NDArray[np.float32], tfjs: Tfjs) -> Rows:
    try:
        return tfjs(TfjsFiles(model_json, None)).ask(inputs).scores
    except NoRuntime:
        progress.note("the layers model was run by Pagesight's own reader, not by TF.js: no browser was found")
    with tempfile.TemporaryDirectory() as scratch:
        call = importers.read(model_json, Path(scratch)).call
        return np.asarray(tensorflow().function(call, autograph=False)(tensorflow().constant(inputs)))
