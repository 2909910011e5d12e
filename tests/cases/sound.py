"""The list of cases, and what a sound model file holds, to be spoiled in one place."""

import io
import json
import marshal
import os
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Case = Callable[[Path, Path], Path]
CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    """Register a case under its function's name."""
    CASES[make.__name__.replace("_", "-")] = make
    return make


def layer(kind: str, name: str, reads: str | None, **config: Any) -> dict[str, Any]:
    """One layer as Keras 2 and TF.js write it."""
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": [[[reads, 0, 0, {}]]] if reads else [],
    }


def network(*inside: dict[str, Any], shape: Any = (None, 8, 8, 3), last: str = "pool") -> dict[str, Any]:
    """Picture, `inside`, a head of two classes."""
    layers = [
        layer("InputLayer", "image", None, batch_input_shape=list(shape)),
        layer("Rescaling", "scale", "image", scale=1 / 255, offset=0.0),
        layer("GlobalAveragePooling2D", "pool", "scale"),
        *inside,
        layer("Dense", "head", last, units=2, activation="softmax"),
    ]
    config = {"name": "net", "layers": layers, "input_layers": [["image", 0, 0]], "output_layers": [["head", 0, 0]]}
    return {"class_name": "Functional", "config": config}


KERNEL, BIAS = np.eye(3, 2, dtype=np.float32), np.zeros(2, np.float32)


def h5(path: Path, document: Any, kernel: Any = KERNEL, bias: Any = BIAS) -> Path:
    """A `.h5` model; `document` may be text that is not valid JSON."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = document if isinstance(document, str) else json.dumps(document)
        file.attrs["keras_version"] = "2.21.0"
        head = file.create_group("model_weights/head")
        head.attrs["weight_names"] = [b"head/kernel:0", b"head/bias:0"]
        head["head/kernel:0"], head["head/bias:0"] = kernel, bias
    return path


def keras_file(path: Path, document: Any, *, kernel: Any = KERNEL, **members: bytes) -> Path:
    """A `.keras` model."""
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = kernel, BIAS
    result = {
        "config.json": json.dumps(document).encode(),
        "metadata.json": b'{"keras_version": "3.15.1"}',
        "model.weights.h5": weights.getvalue(),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**result, **{k.replace("__", "."): v for k, v in members.items()}}.items():
            archive.writestr(name, data)
    return path


def manifest(**changes: Any) -> list[dict[str, Any]]:
    """A weights manifest of one shard, with `changes` to its first weight or its paths."""
    paths = changes.pop("paths", ["weights.bin"])
    first = {"name": "head/kernel", "shape": [3, 2], "dtype": "float32", **changes}
    return [{"paths": paths, "weights": [first, {"name": "head/bias", "shape": [2], "dtype": "float32"}]}]


def tfjs(folder: Path, *, topology: Any = None, weights: Any = None, shard: bytes | None = None, **more: Any) -> Path:
    """A layers model."""
    folder.mkdir(exist_ok=True)
    document = {"format": "layers-model", "modelTopology": topology or network(), "weightsManifest": weights or manifest(), **more}
    (folder / "model.json").write_text(json.dumps(document))
    (folder / "weights.bin").write_bytes(KERNEL.tobytes() + BIAS.tobytes() if shard is None else shard)
    return folder


def graph(folder: Path, *nodes: dict[str, Any], **more: Any) -> Path:
    """A graph model of a placeholder and `nodes`."""
    image = {"name": "image", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": {"dim": [
        {"size": "-1"}, {"size": "8"}, {"size": "8"}, {"size": "3"}]}}}}  # fmt: skip
    signature = {"inputs": {"image": {"name": "image:0"}}, "outputs": {"p": {"name": f"{nodes[-1]['name']}:0"}}}
    return tfjs(
        folder,
        topology={"node": [image, *nodes], "versions": {"producer": 1}, **more},
        weights=[{"paths": [], "weights": []}],
        signature=signature,
        format="graph-model",
    )


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.path}'",)


def lambda_layer(canary: Path, name: str = "evil") -> dict[str, Any]:
    """A Lambda layer whose marshalled code writes the canary, as Keras 2 stores it."""
    code = compile(f"lambda x: (open({str(canary)!r}, 'w').close(), x)[1]", "<model>", "eval").co_consts[0]
    dumped = b64encode(marshal.dumps(code)).decode()
    return layer("Lambda", name, "pool", function=[dumped, None, None], function_type="lambda", module="builtins", arguments={})
