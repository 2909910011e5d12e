"""Promises about EfficientNet-Lite0: the weights in its package are read as data, and are the ones that are known."""

import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from pagesight import backbones
from pagesight.errors import TrainError
from pagesight.training import efficientnet_lite, network, torch_file

_NAME = "efficientnet_lite0_128"


class _Runs:
    def __reduce__(self) -> object:
        return print, ("run",)


def written(path: Path, state: object, *, protocol: int = 2) -> Path:
    parts = [0x1950A86A20F9469CFC6C, 1001, {}, state, []]
    path.write_bytes(b"".join(pickle.dumps(part, protocol) for part in parts))
    return path


def test_a_pickle_that_would_run_code_is_refused_unrun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"it asks for builtins\.print|it asks for __builtin__\.print"):
        torch_file.read_tensors(written(tmp_path / "w.pth", OrderedDict(a=_Runs())))
    assert capsys.readouterr().out == ""


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    whole = efficientnet_lite.located(backbones.named(_NAME).packaged).read_bytes()
    short = tmp_path / "short.pth"
    short.write_bytes(whole[:1_000_000])
    with pytest.raises(ValueError, match=r"buffer|storage"):
        torch_file.read_tensors(short)


def test_another_file_in_the_package_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = backbones.named(_NAME).packaged
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    changed = backbones.PackagedWeights(source.package, str(other), source.sha256)
    with pytest.raises(TrainError, match="is not the file that is known"):
        efficientnet_lite.located(changed)
    with pytest.raises(TrainError, match="is not installed"):
        efficientnet_lite.located(backbones.PackagedWeights("no-such-package", source.file, source.sha256))


def test_lite0_knows_imagenet_without_a_network() -> None:
    model, used = network.build(backbones.named(_NAME), 5, network.Weights("imagenet"))
    assert used.kind == "imagenet"
    tensors = torch_file.read_tensors(efficientnet_lite.located(backbones.named(_NAME).packaged))
    body = next(layer for layer in model.layers if hasattr(layer, "layers"))
    assert len(tensors) == 296
    assert body.count_params() == 3_413_024
    # The file's own top, on our features of a temple's roof: what ImageNet calls a bell cote and a palace.
    roof = Image.fromarray(load_sample_image("china.jpg")[:, :427]).resize((128, 128), Image.Resampling.BILINEAR)
    embedding = model(np.asarray(roof, np.float32)[None], training=False)[1].numpy()
    scores = (embedding @ tensors["_fc.weight"].T + tensors["_fc.bias"])[0]
    assert scores.argsort()[::-1][:2].tolist() == [442, 698]
