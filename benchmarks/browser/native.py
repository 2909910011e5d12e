"""What the processor can do without a browser: TensorFlow Lite (XNNPACK) and TensorFlow, one thread each.

python -m benchmarks.browser.native FORMATS SIDE N
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pagesight.graph.tensorflow import tensorflow

from . import ROOT
from .models import Model
from .summary import summary

_WARM_UP = 10


def latencies(model: Model, n: int) -> dict[str, dict[str, Any]]:
    """Milliseconds of inference alone by name, measured in a process of its own, where threads can still be set."""
    command = [sys.executable, "-m", "benchmarks.browser.native", str(model.folder), str(model.side), str(n)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(folder: Path, side: int, n: int) -> None:
    """Print one line of JSON: median and 95th percentile of `n` turns for each."""
    tf = tensorflow()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model_input = np.zeros((1, side, side, 3), np.float32)
    runs = {f"tflite-{p}": _tflite(tf, folder / f"{p}.tflite", model_input) for p in ("float32", "int8")}
    serve = tf.saved_model.load(str(folder / "saved_model")).signatures["serving_default"]
    tensor = tf.constant(model_input)
    runs["tensorflow"] = lambda: next(iter(serve(tensor).values())).numpy()
    result: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(n + _WARM_UP):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn >= _WARM_UP:
                result[name].append((time.perf_counter() - started) * 1000)
    print(json.dumps({name: {"infer": summary(values)} for name, values in result.items()}))


def _tflite(tf: Any, path: Path, model_input: Any) -> Callable[[], Any]:
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    first, last = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run() -> Any:
        interpreter.set_tensor(first, model_input)
        interpreter.invoke()
        return interpreter.get_tensor(last)

    return run


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
