"""Promises about `--also onnx`: what is written answers as the page does in ONNX Runtime, or it is not called written."""

from pathlib import Path

import numpy as np
import pytest

from pagesight import exporters
from pagesight.adopt import Adoption, adopt
from pagesight.errors import BundleError
from pagesight.exporters import run_again
from pagesight.importers.onnx_proto import messages
from pagesight.options import Quantization
from pagesight.quantize import quantize

from . import foreign_models as foreign

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.slow
def test_an_onnx_file_is_written_and_run_again_before_it_is_called_written(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = foreign.tiny()
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 0.2, w.shape) * (1 + np.arange(w.shape[-1])) for w in model.get_weights()])
    saved = adopt(foreign.saved(model, tmp_path / "m.h5"), Adoption(labels=foreign.LABELS), tmp_path / "adopted")
    web = quantize(saved, Quantization("none"), tmp_path / "web")
    assert exporters.write_also(web, ("onnx",), tmp_path / "page") == {"onnx": "also/model.onnx"}
    assert (tmp_path / "page" / "also" / "labels.txt").read_text() == "ant\nbee\ncat\n"
    written = tmp_path / "page" / "also" / "model.onnx"
    changed = messages().Model.FromString(written.read_bytes())
    widest = max(changed.graph.initializer, key=lambda t: len(t.raw_data))
    widest.raw_data = (np.frombuffer(widest.raw_data, "<f4") * 3).tobytes()
    written.write_bytes(changed.SerializeToString())
    with pytest.raises(BundleError, match="answers otherwise than the page"):
        run_again.check(written, web.path / web.contract.model_path, web.contract)
