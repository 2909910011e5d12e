"""A stock TF.js graph model of a few hundred bytes: answers which of red, green or blue a picture has most of."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from tests import tolerance

SIDE = 32
LABELS = ("red", "green", "blue")
STEEPNESS = 8.0
CLOSE = tolerance.of_softmax(tolerance.of_sum(16, STEEPNESS, layers=3))
"""What float32 may make of its probabilities: three sums one behind the other, the longest the mean of 16 places."""
OUTPUTS = {"probabilities": "probabilities:0", "embedding": "embedding:0", "features": "features:0"}

Node = dict[str, Any]


def write(into: Path, *, initializer: bool = False, rare_op: bool = False, labels: int = 3) -> None:
    """Write `model.json` and its weights into `into`.

    initializer  the classifier's kernel is computed once at load by the model's initializer graph (captured input)
    rare_op      the graph also has an op (Elu) that MobileNets do not have
    """
    weights: dict[str, np.ndarray] = {
        "filter": (np.eye(3, dtype=np.float32) / 255).reshape(1, 1, 3, 3),
        "bias": np.zeros(3, np.float32),
        "axes": np.array([1, 2], np.int32),
        "kernel": np.eye(3, labels, dtype=np.float32) * (1 if initializer else STEEPNESS),
    }
    floats = {"T": {"type": "DT_FLOAT"}}
    nodes = [
        node("image", "Placeholder", [], dtype={"type": "DT_FLOAT"}, shape=shape(1, SIDE, SIDE, 3)),
        *(const(name, array) for name, array in weights.items() if not (initializer and name == "kernel")),
        node(
            "features",
            "_FusedConv2D",
            ["image", "filter", "bias"],
            **floats,
            strides={"list": {"i": ["1", "8", "8", "1"]}},
            dilations={"list": {"i": ["1", "1", "1", "1"]}},
            padding=bytes_("SAME"),
            data_format=bytes_("NHWC"),
            explicit_paddings={"list": {}},
            num_args={"i": "1"},
            fused_ops={"list": {"s": [bytes_("BiasAdd")["s"], bytes_("Relu")["s"]]}},
            epsilon={"f": 0.0},
        ),
        node("embedding", "Mean", ["features", "axes"], **floats, keep_dims={"b": False}),
        *([node("elu", "Elu", ["embedding"], **floats)] if rare_op else []),
        *([node("kernel", "Placeholder", [], dtype={"type": "DT_FLOAT"}, shape=shape(3, labels))] if initializer else []),
        node(
            "logits",
            "MatMul",
            ["elu" if rare_op else "embedding", "kernel"],
            **floats,
            transpose_a={"b": False},
            transpose_b={"b": False},
        ),
        node("probabilities", "Softmax", ["logits"], **floats),
    ]
    model: dict[str, Any] = {
        "format": "graph-model",
        "generatedBy": "tests",
        "convertedBy": "tests",
        "signature": {
            "inputs": {"image": {"name": "image:0", "dtype": "DT_FLOAT", "tensorShape": shape(1, SIDE, SIDE, 3)["shape"]}},
            "outputs": {name: {"name": tensor, "dtype": "DT_FLOAT"} for name, tensor in OUTPUTS.items()},
        },
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 1}},
    }
    if initializer:
        weights["small_kernel"] = weights.pop("kernel")
        weights["steepness"] = np.array(STEEPNESS, np.float32)
        model["signature"]["inputs"]["kernel"] = {"name": "kernel:0", "dtype": "DT_FLOAT", "resourceId": 7}
        model["initializerSignature"] = {"outputs": {"scaled": {"name": "scaled:0", "dtype": "DT_FLOAT", "resourceId": 7}}}
        model["modelInitializer"] = {
            "node": [
                const("small_kernel", weights["small_kernel"]),
                const("steepness", weights["steepness"]),
                node("scaled", "Mul", ["small_kernel", "steepness"], **floats),
            ],
            "versions": {"producer": 1},
        }
    specs = [{"name": name, "shape": list(array.shape), "dtype": array.dtype.name} for name, array in weights.items()]
    model["weightsManifest"] = [{"paths": ["group1-shard1of1.bin"], "weights": specs}]
    into.mkdir(parents=True, exist_ok=True)
    (into / "model.json").write_text(json.dumps(model), encoding="utf-8")
    (into / "group1-shard1of1.bin").write_bytes(b"".join(array.tobytes() for array in weights.values()))


def probabilities(model_input: np.ndarray) -> np.ndarray:
    """What the model answers for uint8 `[32, 32, 3]`, in float64."""
    # A 1x1 filter with stride 8 and SAME padding looks at every eighth pixel, from the first one.
    embedding = model_input[::8, ::8].reshape(-1, 3).mean(axis=0) / 255
    powers = np.exp(STEEPNESS * embedding)
    return powers / powers.sum()


def node(name: str, op: str, inputs: list[str], **attr: Any) -> Node:
    return {"name": name, "op": op, **({"input": inputs} if inputs else {}), "attr": attr}


def const(name: str, array: np.ndarray) -> Node:
    kind = "DT_INT32" if array.dtype == np.int32 else "DT_FLOAT"
    return node(
        name, "Const", [], dtype={"type": kind}, value={"tensor": {"dtype": kind, "tensorShape": shape(*array.shape)["shape"]}}
    )


def shape(*sizes: int) -> dict[str, Any]:
    return {"shape": {"dim": [{"size": str(size)} for size in sizes]}}


def bytes_(text: str) -> dict[str, str]:
    return {"s": base64.b64encode(text.encode()).decode()}
