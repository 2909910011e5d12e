"""runtime.json tells `pagesight bundle` what the lean worker runs: the list is true, op by op, in a real browser."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import assembly
import lean_graph
import numpy as np
import tiny_model
from PIL import Image

OPS: list[str] = json.loads((assembly.BUILT / "runtime.json").read_text(encoding="utf-8"))["ops"]
QUANTISED_MODELS_NEED = (
    *("Const", "Placeholder", "Cast", "Mul", "AddV2", "Sub", "Exp", "Reshape", "Split", "SplitV", "Slice", "StridedSlice"),
    *("GatherV2", "ConcatV2", "Transpose", "Pack", "Identity", "Unpack"),
)

CLASSIFY = """async (base) => {
  const { load } = await import(new URL("pagesight.js", document.baseURI).href);
  try {
    const classifier = await load(base);
    const { probabilities } = await classifier.predict(await (await fetch("square.png")).blob());
    classifier.dispose();
    return [...probabilities];
  } catch (error) { return error.message; }
}"""


def test_every_op_of_the_list_is_tried_here() -> None:
    assert set(OPS) == lean_graph.OPS.keys() | lean_graph.IN_EVERY_GRAPH


def test_a_quantized_models_initializer_runs_in_the_lean_worker() -> None:
    assert set(QUANTISED_MODELS_NEED) <= set(OPS)


def test_each_op_runs_in_the_lean_worker(context: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]) -> None:
    bundle = make_bundle()
    (bundle / "blank.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>app</title>', encoding="utf-8")
    model_input = np.full((tiny_model.SIDE, tiny_model.SIDE, 3), (200, 90, 10), np.uint8)
    Image.fromarray(model_input).save(bundle / "square.png")
    page = context.new_page()
    page.goto(f"{serve(bundle).url}blank.html")
    for op in sorted(lean_graph.OPS):
        _publish(bundle, op)
        result = page.evaluate(CLASSIFY, f"./{op}/")
        assert isinstance(result, list), f"{op}: {result}"
        np.testing.assert_allclose(result, tiny_model.probabilities(model_input), rtol=0, atol=tiny_model.CLOSE, err_msg=op)


def _publish(bundle: Path, op: str) -> None:
    """A bundle in the folder `op`, with a graph that needs the op."""
    folder = bundle / op
    folder.mkdir()
    for name in ("pagesight.js", "worker_lean.js", "tfjs-backend-wasm-simd.wasm"):
        os.link(bundle / name, folder / name)
    lean_graph.write(folder / "model", op)
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    contract["files"] = {name: contract["files"][name] for name in ("worker_lean.js", "tfjs-backend-wasm-simd.wasm")}
    contract["files"] |= {p.relative_to(folder).as_posix(): assembly.published(p) for p in (folder / "model").iterdir()}
    (folder / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
