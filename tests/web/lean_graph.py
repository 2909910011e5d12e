"""A TF.js graph in which every op of runtime.json runs once, in the initializer or in the graph itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tiny_model
from tiny_model import bytes_, const, node, shape

FLOAT = {"T": {"type": "DT_FLOAT"}}
_NHWC = {"data_format": bytes_("NHWC"), "padding": bytes_("SAME"), "explicit_paddings": {"list": {}}}
_ONES = {"strides": {"list": {"i": ["1"] * 4}}, "dilations": {"list": {"i": ["1"] * 4}}}
_WINDOW = {"ksize": {"list": {"i": ["1"] * 4}}, "strides": _ONES["strides"]}
_FUSED = {"num_args": {"i": "1"}, "fused_ops": {"list": {"s": [bytes_("BiasAdd")["s"]]}}, "epsilon": {"f": 0.0}}
_NO_TRANSPOSE = {"transpose_a": {"b": False}, "transpose_b": {"b": False}}
_MASKS = {f"{name}_mask": {"i": "0"} for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
_BATCH_NORM = {"epsilon": {"f": 0.001}, "data_format": bytes_("NHWC"), "is_training": {"b": False}}

VALUES: dict[str, np.ndarray] = {
    "x": np.arange(1, 13, dtype=np.float32).reshape(3, 4) / 12,
    "y": np.full((3, 4), 0.5, np.float32),
    "square": np.eye(4, dtype=np.float32),
    "cube": np.eye(4, dtype=np.float32).reshape(1, 4, 4),
    "picture": np.ones((1, 4, 4, 2), np.float32),
    "pointwise": np.ones((1, 1, 2, 2), np.float32),
    "depthwise": np.ones((3, 3, 2, 1), np.float32),
    "two": np.full(2, 0.25, np.float32),
    "four": np.full(4, 0.25, np.float32),
    "low": np.array(0.1, np.float32),
    "high": np.array(0.9, np.float32),
    "zero": np.array(0, np.int32),
    "one": np.array(1, np.int32),
    "start": np.array([0, 1], np.int32),
    "size": np.array([2, 2], np.int32),
    "steps": np.array([1, 1], np.int32),
    "halves": np.array([1, 3], np.int32),
    "six": np.array([6, 2], np.int32),
    "around": np.array([[1, 1], [0, 0]], np.int32),
    "swapped": np.array([1, 0], np.int32),
    "line": np.ones((1, 4), np.float32),
}

#: Inputs and attributes of one node of each op; Const and Placeholder are in every graph.
OPS: dict[str, tuple[list[str], dict[str, Any]]] = {
    **{name: (["x", "y"], FLOAT) for name in ("Add", "AddV2", "Div", "RealDiv", "Maximum", "Minimum", "Mul", "Sub")},
    **{name: (["x"], FLOAT) for name in ("Exp", "Identity", "Relu", "Relu6", "Sigmoid", "Softmax", "StopGradient")},
    **{name: (["picture"], {**FLOAT, **_NHWC, **_WINDOW}) for name in ("AvgPool", "MaxPool")},
    **{
        name: (["cube", "cube"], {**FLOAT, "adj_x": {"b": False}, "adj_y": {"b": False}})
        for name in ("BatchMatMul", "BatchMatMulV2")
    },
    **{
        name: (["picture", "two", "two", "two", "two"], {**FLOAT, **_BATCH_NORM})
        for name in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
    },
    "BiasAdd": (["x", "four"], {**FLOAT, "data_format": bytes_("NHWC")}),
    "Cast": (["size"], {"SrcT": {"type": "DT_INT32"}, "DstT": {"type": "DT_FLOAT"}}),
    "ClipByValue": (["x", "low", "high"], FLOAT),
    "ConcatV2": (["x", "y", "zero"], {**FLOAT, "N": {"i": "2"}}),
    "Conv2D": (["picture", "pointwise"], {**FLOAT, **_NHWC, **_ONES}),
    "DepthwiseConv2dNative": (["picture", "depthwise"], {**FLOAT, **_NHWC, **_ONES}),
    "ExpandDims": (["x", "zero"], FLOAT),
    "FusedDepthwiseConv2dNative": (["picture", "depthwise", "two"], {**FLOAT, **_NHWC, **_ONES, **_FUSED}),
    "Gather": (["x", "size"], FLOAT),
    "GatherV2": (["x", "size", "zero"], {**FLOAT, "batch_dims": {"i": "0"}}),
    "MatMul": (["x", "square"], {**FLOAT, **_NO_TRANSPOSE}),
    "Max": (["x", "zero"], {**FLOAT, "keep_dims": {"b": False}}),
    "Mean": (["x", "zero"], {**FLOAT, "keep_dims": {"b": False}}),
    "NoOp": ([], {}),
    "Pack": (["x", "y"], {**FLOAT, "axis": {"i": "0"}, "N": {"i": "2"}}),
    "Pad": (["x", "around"], FLOAT),
    "PadV2": (["x", "around", "low"], FLOAT),
    "PlaceholderWithDefault": (["x"], {"dtype": {"type": "DT_FLOAT"}, "shape": shape(3, 4)}),
    "Reshape": (["x", "six"], FLOAT),
    "Shape": (["x"], FLOAT),
    "Slice": (["x", "start", "size"], FLOAT),
    "Split": (["one", "x"], {**FLOAT, "num_split": {"i": "2"}}),
    "SplitV": (["x", "halves", "one"], {**FLOAT, "num_split": {"i": "2"}}),
    "Squeeze": (["line"], {**FLOAT, "squeeze_dims": {"list": {"i": ["0"]}}}),
    "StridedSlice": (["x", "start", "size", "steps"], {**FLOAT, **_MASKS}),
    "Transpose": (["x", "swapped"], FLOAT),
    "Unpack": (["x"], {**FLOAT, "axis": {"i": "0"}, "num": {"i": "3"}}),
    "_FusedConv2D": (["picture", "pointwise", "two"], {**FLOAT, **_NHWC, **_ONES, **_FUSED}),
    "_FusedMatMul": (["x", "square", "four"], {**FLOAT, **_NO_TRANSPOSE, **_FUSED}),
}
IN_EVERY_GRAPH = {"Const", "Placeholder"}
_NOT_FLOAT = {"Shape"}


def write(into: Path, op: str) -> None:
    """The tiny model, with `op` run once on constants in its initializer and its sum, times nought, added to the kernel."""
    tiny_model.write(into, initializer=True)
    path = into / "model.json"
    model = json.loads(path.read_text(encoding="utf-8"))
    inputs, attributes = OPS[op]
    used = {**{name: VALUES[name] for name in inputs}, "flat": np.array([-1], np.int32), "axis": np.array(0, np.int32)}
    used["nought"] = np.array(0, np.float32)
    nodes = model["modelInitializer"]["node"]
    scaled = next(n for n in nodes if n["name"] == "scaled")
    if op != "NoOp":
        cast = {"SrcT": {"type": "DT_INT32"}, "DstT": {"type": "DT_FLOAT"}}
        scaled["name"] = "scaled_before"
        nodes += [const(name, value) for name, value in used.items()]
        nodes += [
            node("tried", op, inputs, **attributes),
            node("as_float", "Cast", ["tried"], **cast) if op in _NOT_FLOAT else node("as_float", "Identity", ["tried"], **FLOAT),
            node("flattened", "Reshape", ["as_float", "flat"], **FLOAT),
            node("mean", "Mean", ["flattened", "axis"], **FLOAT, keep_dims={"b": False}),
            node("nothing", "Mul", ["mean", "nought"], **FLOAT),
            node("scaled", "AddV2", ["scaled_before", "nothing"], **FLOAT),
        ]
        specs = [{"name": n, "shape": list(v.shape), "dtype": v.dtype.name} for n, v in used.items()]
        model["weightsManifest"][0]["weights"] += specs
        shard = into / "group1-shard1of1.bin"
        shard.write_bytes(shard.read_bytes() + b"".join(v.tobytes() for v in used.values()))
    path.write_text(json.dumps(model), encoding="utf-8")
