"""MobileNets as stock TF.js graph models, with random weights: the graphs that the converter writes, without TensorFlow."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from tiny_model import bytes_, const, node, shape

from pagesight.contract import Contract, Input, Outputs

LABELS = tuple("0123456789")
_FLOAT = {"T": {"type": "DT_FLOAT"}}


class Network:
    """A graph that grows node by node; each method adds one layer behind the tensor `x` and returns the new tensor's name."""

    def __init__(self, side: int, seed: int = 1) -> None:
        self.side = side
        self.weights: dict[str, np.ndarray] = {}
        self.nodes = [node("image", "Placeholder", [], dtype={"type": "DT_FLOAT"}, shape=shape(-1, side, side, 3))]
        self._rng = np.random.default_rng(seed)

    def constant(self, value: Any) -> str:
        name = f"c{len(self.weights)}"
        self.weights[name] = np.asarray(value)
        self.nodes.append(const(name, self.weights[name]))
        return name

    def op(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(node(name, op, list(inputs), **_FLOAT, **attributes))
        return name

    def kernel(self, size: int, depth: int, channels: int) -> np.ndarray:
        return self._rng.normal(0, (2 / (size * size * depth)) ** 0.5, (size, size, depth, channels))

    def conv(self, x: str, depth: int, channels: int, size: int = 1, stride: int = 1, act: str = "", **more: Any) -> str:
        return self._convolved("_FusedConv2D", x, self.kernel(size, depth, channels), stride, act, **more)

    def unbiased(self, x: str, kernel: np.ndarray) -> str:
        """A convolution that nothing is fused to."""
        return self._convolved("Conv2D", x, kernel, 1, "", biased=False)

    def depthwise(self, x: str, channels: int, size: int = 3, stride: int = 1, act: str = "", **more: Any) -> str:
        kernel = self._rng.normal(0.1, 1 / size, (size, size, channels, 1))
        return self._convolved("FusedDepthwiseConv2dNative", x, kernel, stride, act, **more)

    def _convolved(self, op: str, x: str, kernel: Any, stride: int, act: str, padding: str = "SAME", *, biased: bool = True) -> str:
        inputs, fused = [self.constant(kernel.astype(np.float32))], {}
        if biased:
            channels = kernel.shape[2] if op.startswith("FusedDepthwise") else kernel.shape[3]
            inputs.append(self.constant(self._rng.normal(0.1, 0.2, channels).astype(np.float32)))
            steps = ["BiasAdd", *([act] if act else [])]
            fused = {
                "num_args": {"i": "1"},
                "fused_ops": {"list": {"s": [bytes_(step)["s"] for step in steps]}},
                "epsilon": {"f": 0.0},
            }
        return self.op(
            op,
            x,
            *inputs,
            strides={"list": {"i": ["1", str(stride), str(stride), "1"]}},
            dilations={"list": {"i": ["1"] * 4}},
            padding=bytes_(padding),
            data_format=bytes_("NHWC"),
            explicit_paddings={"list": {}},
            **fused,
        )

    def largest(self, x: str, size: int, padding: str) -> str:
        window = {"ksize": {"list": {"i": ["1", str(size), str(size), "1"]}}, "strides": {"list": {"i": ["1"] * 4}}}
        return self.op("MaxPool", x, **window, padding=bytes_(padding), data_format=bytes_("NHWC"))

    def mean(self, x: str, *, keep: bool = False) -> str:
        return self.op("Mean", x, self.constant(np.int32([1, 2])), keep_dims={"b": keep})

    def scaled(self) -> str:
        """The picture, 0..255, as -1..1."""
        spread = self.op("Mul", "image", self.constant(np.float32([1 / 127.5])))
        return self.op("AddV2", spread, self.constant(np.float32([-1])))

    def hard_sigmoid(self, x: str) -> str:
        return self.op("Relu6", self.op("AddV2", x, self.constant(np.float32(3))))

    def hard_swish(self, x: str) -> str:
        return self.op("Mul", self.op("Mul", self.constant(np.float32(1 / 6)), x), self.hard_sigmoid(x))

    def finish(self, features: str, channels: int, turned: bool = False) -> None:
        """The head; `turned`: its matrix lies on its side, as Torch keeps it."""
        kernel = self._rng.normal(0, channels**-0.5, (channels, len(LABELS)))
        kernel = np.ascontiguousarray(kernel.T) if turned else kernel
        pooled = self.mean(features)
        logits = self.op(
            "_FusedMatMul",
            pooled,
            self.constant(kernel.astype(np.float32)),
            self.constant(self._rng.normal(0, 0.2, len(LABELS)).astype(np.float32)),
            transpose_a={"b": False},
            transpose_b={"b": turned},
            num_args={"i": "1"},
            fused_ops={"list": {"s": [bytes_("BiasAdd")["s"]]}},
            epsilon={"f": 0.0},
        )
        for name, x in {"features": features, "embedding": pooled, "probabilities": self.op("Softmax", logits)}.items():
            self.nodes.append(node(name, "Identity", [x], **_FLOAT))

    def write(self, into: Path, stored_as: str) -> Path:
        """Write model.json, its weights (floats in the type `stored_as`) and contract.json into the folder `into`."""
        specs, parts = [], []
        for name, value in self.weights.items():
            whole = value.dtype != np.float32 or value.size == 1 or stored_as == "float32"
            stored, quantization = (value, {}) if whole else _stored(value, stored_as)
            specs.append({"name": name, "shape": list(value.shape), "dtype": value.dtype.name, **quantization})
            parts.append(stored.tobytes())
        names = ("probabilities", "embedding", "features")
        document = {
            "format": "graph-model",
            "signature": {
                "inputs": {"image": {"name": "image:0", "dtype": "DT_FLOAT"}},
                "outputs": {name: {"name": f"{name}:0", "dtype": "DT_FLOAT"} for name in names},
            },
            "modelTopology": {"node": self.nodes, "versions": {"producer": 1}},
            "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": specs}],
        }
        into.mkdir(parents=True)
        (into / "model.json").write_text(json.dumps(document), encoding="utf-8")
        (into / "group1-shard1of1.bin").write_bytes(b"".join(parts))
        Contract("net", "Net", LABELS, Input(self.side), Outputs(*names)).write(into)
        return into


def _stored(value: np.ndarray, dtype: str) -> tuple[np.ndarray, dict[str, Any]]:
    if dtype == "float16":
        return value.astype(np.float16), {"quantization": {"dtype": dtype, "original_dtype": "float32"}}
    low, scale = float(value.min()), float(np.ptp(value)) / np.iinfo(dtype).max
    codes = np.round((value - low) / scale).astype(dtype)
    return codes, {"quantization": {"dtype": dtype, "min": low, "scale": scale, "original_dtype": "float32"}}


def mobilenet_v1() -> Network:
    """α 0.25: strides in depthwise convolutions, ReLU6 everywhere."""
    net = Network(96)
    x, depth = net.conv(net.scaled(), 3, 8, 3, 2, "Relu6"), 8
    for stride, channels in ((1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (2, 128), (1, 128), (2, 256), (1, 256)):
        x = net.conv(net.depthwise(x, depth, 3, stride, "Relu6"), depth, channels, act="Relu6")
        depth = channels
    net.finish(x, depth)
    return net


def mobilenet_v2() -> Network:
    """Linear bottlenecks with shortcuts, on a picture whose halves are odd."""
    net = Network(84)
    x, depth = net.conv(net.scaled(), 3, 16, 3, 2, "Relu6"), 16
    for stride, channels in ((1, 8), (2, 8), (1, 8), (2, 16), (1, 16), (2, 24), (1, 24)):
        wide = net.conv(x, depth, 6 * depth, act="Relu6")
        narrow = net.conv(net.depthwise(wide, 6 * depth, 3, stride, "Relu6"), 6 * depth, channels)
        x = net.op("AddV2", x, narrow) if stride == 1 and channels == depth else narrow
        depth = channels
    net.finish(net.conv(x, depth, 320, act="Relu6"), 320)
    return net


def mobilenet_v3() -> Network:
    """Hard swish, squeeze and excite, kernels of 5 × 5, and a Pad that a convolution does not do for itself."""
    net = Network(96)
    x, depth = net.hard_swish(net.conv(net.scaled(), 3, 16, 3, 2)), 16
    for size, stride, channels in ((3, 2, 16), (5, 2, 24), (5, 1, 24), (3, 1, 24)):
        wide = 3 * depth
        y = net.hard_swish(net.conv(x, depth, wide))
        if stride == 2:
            y = net.op("Pad", y, net.constant(np.int32([[0, 0], [size // 2, size // 2], [size // 2, size // 2], [0, 0]])))
        y = net.depthwise(y, wide, size, stride, padding="VALID" if stride == 2 else "SAME")
        squeezed = net.op("Relu", net.conv(net.mean(y, keep=True), wide, 8))
        gate = net.op("Mul", net.constant(np.float32(1 / 6)), net.hard_sigmoid(net.conv(squeezed, 8, wide)))
        y = net.conv(net.op("Mul", gate, y), wide, channels)
        x = net.op("AddV2", x, y) if stride == 1 and channels == depth else y
        depth = channels
    net.finish(net.hard_swish(net.conv(x, depth, 144)), 144)
    return net


def large_products() -> Network:
    """Pointwise convolutions of 144 and 121 places, most of them large enough for Strassen's method.

    Rows that lie multiples of 2 KB apart are spread: where panels take 512 channels, and in Strassen's where 1,024 come in.
    """
    net = Network(24)
    x = net.conv(net.scaled(), 3, 96, 3, 2, "Relu6")
    x = net.op("Relu", net.unbiased(x, net.kernel(1, 96, 1024)))
    x = net.depthwise(net.depthwise(x, 1024, act="Relu6"), 1024, 2, act="Relu6", padding="VALID")
    depth = 1024
    for channels, act in ((112, "Relu6"), (512, ""), (100, ""), (128, "Relu"), (128, "Relu6"), (20, "Relu6")):
        x = net.conv(x, depth, channels, act=act)
        depth = channels
    net.finish(x, depth)
    return net


def outlier() -> Network:
    """One channel a hundred times larger than the rest before a product by Strassen's method; the features do not read it."""
    net = Network(28)
    sizes = np.ones(128, np.float32)
    sizes[0] = 100
    x = net.op("Mul", net.conv(net.scaled(), 3, 128, 3, 2, "Relu6"), net.constant(sizes))
    kernel, blind = net.kernel(1, 128, 128), slice(0, None, 6)
    kernel[..., 0, blind] = 0
    chosen = np.eye(128)[:, blind]
    net.finish(net.unbiased(net.unbiased(x, kernel), chosen[None, None]), chosen.shape[1])
    return net


def oddities() -> Network:
    """What no MobileNet has, and a plan runs all the same: channels that no vector fits, other arithmetic, shapes that change."""
    net = Network(53)
    x = net.conv(net.scaled(), 3, 6, 3, 2, "Relu", padding="VALID")
    # 26 × 26 × 6 values as a map two columns wide, and one column after the first stride.
    narrow = net.op("Reshape", x, net.constant(np.int32([-1, 169, 2, 12])))
    narrow = net.mean(net.depthwise(net.depthwise(narrow, 12, stride=2), 12, stride=2))
    x = net.depthwise(net.largest(x, 2, "VALID"), 6, 3, 2, "Relu6")
    x = net.largest(net.conv(x, 6, 13, 1, 2), 3, "SAME")
    x = net.depthwise(x, 13, 5, 1, "Relu", padding="VALID")
    per_channel = net.constant(np.linspace(0.5, 2, 13, dtype=np.float32))
    x = net.op("Maximum", net.op("Sub", x, net.constant(np.float32(0.25))), net.op("Minimum", x, per_channel))
    x = net.op("BiasAdd", net.op("RealDiv", x, per_channel), per_channel)
    x = net.op("Mul", x, net.op("Sigmoid", net.mean(x, keep=True)))
    flat = net.op("Squeeze", net.mean(x, keep=True), squeeze_dims={"list": {"i": ["1", "2"]}})
    pooled = net.op("Max", x, net.constant(np.int32([1, 2])), keep_dims={"b": False})
    both = net.op("ConcatV2", flat, pooled, narrow, net.constant(np.int32(-1)), N={"i": "3"})
    gate = net.op("Reshape", both, net.constant(np.int32([-1, 1, 1, 38])))
    # Not more than 48: TF.js' WASM kernel adds the bias once for every 48 values of a row where the matrix lies on its side.
    net.finish(net.op("AddV2", net.conv(x, 13, 38, act="Relu"), gate), 38, turned=True)
    return net
