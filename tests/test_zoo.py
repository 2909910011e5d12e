"""Promises about models that nobody here made, as packages ship them: each answers as in its own runtime, or is refused in words.

`make zoo` fetches and converts them; their files are in no repository of ours.
"""

import base64
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pagesight.adopt import Adoption, adopt
from pagesight.errors import AdoptError

from .conftest import ROOT

ZOO = ROOT / "build" / "zoo"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not os.environ.get("PAGESIGHT_ZOO"), reason="`make zoo` fetches models of others and converts them"),
]
EMOTIONS = "angry,disgust,fear,happy,sad,surprise,neutral"
DRAWINGS = "drawing,hentai,neutral,porn,sexy"


@dataclass(frozen=True)
class Exhibit:
    """A file, what its package says about it, and what is expected: the runtime that agrees, or the refusal."""

    file: str
    expected: str
    labels: str | None = None
    input_range: str | None = None
    side: int | None = None
    refused: bool = False


NSFW, HUMAN = "nsfwjs/dist/models", "@vladmandic/human/models"
RAPID = "rapidocr-onnxruntime/rapidocr_onnxruntime/models"
SEVERAL = r"the model has \d+ outputs"
EXHIBITS = [
    Exhibit(f"{NSFW}/mobilenet_v2/model.min.js", "TF.js", DRAWINGS, "0..1"),
    Exhibit(f"{NSFW}/mobilenet_v2_mid/model.min.js", "TF.js", DRAWINGS, "0..1", 224),
    Exhibit(f"{NSFW}/inception_v3/model.min.js", "TF.js", DRAWINGS, "0..1", 299),
    Exhibit("fer/fer/data/emotion_model.hdf5", "tf-keras", EMOTIONS, "-1..1"),
    Exhibit("fer/fer/data/emotion_model_quantized.tflite", "TensorFlow Lite", EMOTIONS, "-1..1"),
    Exhibit(f"{RAPID}/ch_ppocr_mobile_v2.0_cls_infer.onnx", "ONNX Runtime", "0,180", "-1..1", 96),
    Exhibit(f"{RAPID}/ch_PP-OCRv4_det_infer.onnx", "the ONNX op Resize in the node", "a,b", "-1..1", 96, refused=True),
    Exhibit(f"{RAPID}/ch_PP-OCRv4_rec_infer.onnx", "it moves the batch", "a,b", "-1..1", 48, refused=True),
    Exhibit(f"{HUMAN}/antispoof.json", "TF.js", "real,fake", "0..1"),
    Exhibit(f"{HUMAN}/liveness.json", "TF.js", "live,not", "0..1"),
    Exhibit(f"{HUMAN}/emotion.json", "TF.js", EMOTIONS, "0..1"),
    Exhibit(f"{HUMAN}/blazeface.json", SEVERAL, "a,b", refused=True),
    Exhibit(f"{HUMAN}/centernet.json", SEVERAL, "a,b", refused=True),
    Exhibit(f"{HUMAN}/facemesh.json", SEVERAL, "a,b", refused=True),
    Exhibit(f"{HUMAN}/faceres.json", SEVERAL, "a,b", refused=True),
    Exhibit(f"{HUMAN}/handlandmark-lite.json", SEVERAL, "a,b", refused=True),
    Exhibit(f"{HUMAN}/handtrack.json", "is a loop .* which may never end", "a,b", refused=True),
    Exhibit(f"{HUMAN}/iris.json", "gives 228 scores, but there are 2 labels", "a,b", "0..1", refused=True),
    Exhibit(f"{HUMAN}/movenet-lightning.json", "not one row of scores per picture", "a,b", refused=True),
]


def from_scripts(folder: Path, into: Path) -> Path:
    """A TF.js model that a package wraps in scripts, one for model.json and one for each shard, as plain files."""
    into.mkdir()
    text = (folder / "model.min.js").read_text(encoding="utf-8")
    start = re.search(r"\w\.exports=(?=\{\w+:)", text)
    assert start is not None
    text = re.sub(r"([{,])([A-Za-z_]\w*):", r'\1"\2":', text[start.end() :])
    text = re.sub(r"([:,\[]-?)\.(\d)", r"\g<1>0.\2", text).replace("!0", "true").replace("!1", "false")
    document, _ = json.JSONDecoder().raw_decode(text)
    (into / "model.json").write_text(json.dumps(document), encoding="utf-8")
    for shard in folder.glob("group1-*.min.js"):
        data = max(re.findall(r'"([A-Za-z0-9+/=]*)"', shard.read_text(encoding="utf-8")), key=len)
        (into / shard.name.removesuffix(".min.js")).write_bytes(base64.b64decode(data))
    return into / "model.json"


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda e: e.file)
def test_a_model_of_others_answers_as_in_its_own_runtime_or_is_refused(
    exhibit: Exhibit, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = ZOO / exhibit.file
    if not path.exists():
        pytest.skip(f"no {exhibit.file} in build/zoo: its package could not be fetched")
    if path.name == "model.min.js":
        path = from_scripts(path.parent, tmp_path / "plain")
    how = Adoption(labels=exhibit.labels, input_range=exhibit.input_range, side=exhibit.side, compare=True)
    if exhibit.refused:
        with pytest.raises(AdoptError, match=exhibit.expected) as caught:
            adopt(path, how, tmp_path / "out")
        record_property("said", caught.value.what.replace(str(path), path.name))
        return
    original = adopt(path, how, tmp_path / "out").adopted.original
    said = f"{original.runtime}: {original.top1_agreement:.1%} of {original.pictures}, within {original.max_abs_diff:.1e}"
    record_property("said", said)
    assert original.runtime is not None, original.why_not
    assert original.runtime.startswith(exhibit.expected)
    assert original.top1_agreement is not None
    assert original.top1_agreement >= (0.9 if exhibit.file.endswith("quantized.tflite") else 1.0)
