"""Promises about `--also`: what is written answers in its own runtime as the page does, or it is not called written."""

from pathlib import Path

import numpy as np
import pytest

from pagesight import exporters
from pagesight.adopt import Adoption, adopt
from pagesight.artifacts import WebModel
from pagesight.browser.stock_tfjs import StockTfjs
from pagesight.errors import BundleError
from pagesight.exporters import run_again
from pagesight.graph.model import GraphModel
from pagesight.options import Quantization
from pagesight.quantize import quantize

from . import foreign_models as foreign

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> WebModel:
    """A page's model, with weights that answer differently to different pictures."""
    folder = tmp_path_factory.mktemp("web")
    model = foreign.tiny()
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 0.2, w.shape) * (1 + np.arange(w.shape[-1])) for w in model.get_weights()])
    saved = adopt(foreign.saved(model, folder / "m.h5"), Adoption(labels=foreign.LABELS), folder / "adopted")
    return quantize(saved, Quantization("none"), folder / "web")


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """TF.js in a browser is asked in tests/web/test_also.py; here the layers model is read as Pagesight reads such models."""
    for variable in ("CHROME", "FIREFOX", "WEBKIT"):
        monkeypatch.setenv(variable, "/nowhere")


CHECKS = {
    "layers": ("group1-shard1of1.bin", lambda file, web: run_again.check_layers(file, web, StockTfjs)),
    "tflite": ("model.tflite", lambda file, web: run_again.check_tflite(file, web, halved=False)),
    "onnx": ("model.onnx", run_again.check_onnx),
}
"""For each format the file that holds its weights, and who runs it again."""


@pytest.mark.parametrize("name", CHECKS)
def test_a_format_is_run_again_and_refused_with_both_answers_where_it_says_something_else(
    name: str, web: WebModel, tmp_path: Path
) -> None:
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    weights, check = CHECKS[name]
    written = tmp_path / exporters.write_also(web, (name,), tmp_path, StockTfjs)[name]
    if name != "layers":
        assert (tmp_path / "also" / "labels.txt").read_text() == "ant\nbee\ncat\n"
    [bias] = [w for w in GraphModel.read(web.path / web.contract.model_path).weights.values() if w.shape == (3,)]
    file = written.with_name(weights)
    data = file.read_bytes()
    assert data.count(bias.tobytes()) == 1
    file.write_bytes(data.replace(bias.tobytes(), np.add(bias, [9, 0, 0]).astype("<f4").tobytes()))
    said = r"answers otherwise than the page: of drawn picture \d it says 'ant' \(\d+\.\d%\), the page 'cat' \(\d+\.\d%\)"
    with pytest.raises(BundleError, match=said) as caught:
        check(written, web)
    assert caught.value.fix == f"leave out --also {name}, and report this model"
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError, match="that was written does not run"):
        check(written, web)
