"""The stock converter as people run it, its console script, with stand-ins for two packages that it imports and never runs here.

python -m benchmarks.browser.stock SAVED_MODEL INTO
"""

import os
import subprocess
import sys
import types
from pathlib import Path

_NEVER_RUN = ("tensorflow_decision_forests", "jax", "jax.experimental", "jax.experimental.jax2tf")


def convert(saved_model: Path, into: Path) -> None:
    """A SavedModel to a graph model with a byte a weight, in a process of its own."""
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, Path(__file__), saved_model, into], check=True, env=environment, capture_output=True, text=True)


def main() -> None:
    """What `tensorflowjs_converter --quantize_uint8=* SAVED_MODEL INTO` does."""
    stand_ins = {name: types.ModuleType(name) for name in _NEVER_RUN}
    stand_ins["jax"].experimental = stand_ins["jax.experimental"]
    stand_ins["jax.experimental"].jax2tf = stand_ins["jax.experimental.jax2tf"]
    sys.modules.update(stand_ins)
    from tensorflowjs.converters.converter import pip_main

    options = ["--input_format=tf_saved_model", "--output_format=tfjs_graph_model", "--quantize_uint8=*"]
    sys.argv = ["tensorflowjs_converter", *options, *sys.argv[1:]]
    pip_main()


if __name__ == "__main__":
    main()
