"""Runs what was written beside a page in its own runtime, before it is called written."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Contract
from pagesight.errors import BundleError
from pagesight.graph.model import GraphModel, Runner
from pagesight.synthetic.natural_noise import natural_noise

_PICTURES = 4
_FARTHEST = 1e-4
"""Probabilities may differ so much from the page's: sums are added up in another order."""


def check(path: Path, model_json: Path, contract: Contract) -> None:
    """Ask the ONNX file at `path` a few pictures. Raises BundleError where the page answers otherwise."""
    inputs = natural_noise(contract.input, _PICTURES, seed=2).astype(np.float32)
    with Runner(GraphModel.read(model_json), [contract.outputs.probabilities]) as runner:
        expected = np.asarray(runner(inputs)[0])
    runtime = onnx_runtime()
    try:
        ours = _answers(runtime, path, inputs)
    except Exception as cause:  # the runtime raises of many kinds
        what = f"the ONNX file that was written does not run: {str(cause)[:160]}"
        raise BundleError(what, fix="leave out --also onnx, and report this model") from cause
    difference = float(np.abs(ours - expected).max()) if ours.shape == expected.shape else float("inf")
    if not difference <= _FARTHEST:
        raise BundleError(
            f"the ONNX file that was written answers otherwise than the page: a probability differs by {difference:.2g}",
            fix="leave out --also onnx, and report this model",
        )


def onnx_runtime() -> Any:
    """The package onnxruntime. Raises BundleError where it is not installed: an ONNX file is not written unseen."""
    try:
        import onnxruntime
    except ImportError as cause:
        raise BundleError("--also onnx needs ONNX Runtime, to run what it writes", fix="pip install 'pagesight[onnx]'") from cause
    return onnxruntime


def _answers(runtime: Any, path: Path, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    settings = runtime.SessionOptions()
    settings.log_severity_level = 4
    session = runtime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: inputs})[0])
