"""A graph model's ops as Keras layers that every TF.js since 1.3 has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import BundleError
from pagesight.exporters.graph_walk import Node, as_channels, nodes_towards, origin_of
from pagesight.exporters.keras_network import LayerConfig, Network
from pagesight.graph.model import GraphModel

_ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softmax": "softmax",
}
_Weight = tuple[NDArray[Any], str]
"""A weight, and what the graph calls it."""


@dataclass(frozen=True)
class _Scaled:
    """A layer's output times `scale` plus `offset` (a number for each channel, or one for all): made a layer only when asked."""

    layer: str
    channels: int
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]


def translate(model: GraphModel, output: str, network: Network, image: _Scaled) -> str:
    """Add the part of `model` that computes `output` to `network`, reading `image`; returns the layer that answers.

    Raises BundleError, naming op and node, for what Keras layers cannot do.
    """
    return _Translation(model, output, network, image).answer()


def scaled(layer: str, channels: int, scale: float, offset: float) -> _Scaled:
    """What `translate` takes for its image: a layer's output in another range."""
    return _Scaled(layer, channels, np.array([scale]), np.array([offset]))


class _Translation:
    def __init__(self, model: GraphModel, output: str, network: Network, image: _Scaled) -> None:
        self._model, self._output, self._network, self._image = model, output, network, image
        self._found: dict[str, _Scaled] = {}
        self._made: dict[str, str] = {}

    def answer(self) -> str:
        for node in nodes_towards(self._model, self._output):
            step = self._STEPS.get(node.op)
            made = None if step is None else step(self, node)
            if made is None:
                raise BundleError(
                    f"a layers model has no layer for the op {node.op} (node {node.name!r})",
                    fix="leave out --also layers, or take a plainer network",
                )
            self._found[node.name] = made if isinstance(made, _Scaled) else self._plain(made, node)
        return self._layer(origin_of(self._model, self._output))

    @staticmethod
    def _plain(layer: str, node: Node) -> _Scaled:
        return _Scaled(layer, int(node.shape[-1] or 0), np.ones(1), np.zeros(1))

    def _layer(self, name: str) -> str:
        """The layer that gives what the node `name` gives."""
        value = self._found[name]
        if (value.scale == 1).all() and not value.offset.any():
            return value.layer
        if name not in self._made:
            scale, offset = (np.broadcast_to(v, value.channels) for v in (value.scale, value.offset))
            self._made[name] = self._network.scaling(value.layer, scale, offset)
        return self._made[name]

    def _add(self, kind: str, node: Node, config: LayerConfig, **weights: _Weight) -> str:
        return self._network.add(kind, [self._layer(i) for i in node.inputs], config, **weights)

    def _picture(self, node: Node) -> _Scaled:  # noqa: ARG002 - one signature for all steps
        return self._image

    def _activation(self, node: Node) -> str:
        return self._network.activation(_ACTIVATIONS[node.op], self._layer(node.inputs[0]))

    def _leaky(self, node: Node) -> str:
        return self._add("LeakyReLU", node, {"alpha": node.number("alpha")})

    def _convolution(self, node: Node) -> str | None:
        kernel = node.constants.get(1)
        if kernel is None or node.text("padding") == "EXPLICIT":
            return None
        common = {
            "kernel_size": list(kernel.shape[:2]),
            "strides": node.pair("strides"),
            "padding": node.text("padding").lower(),
            "data_format": "channels_last",
            "dilation_rate": node.pair("dilations"),
        }
        if "epthwise" in node.op:
            own = {"depth_multiplier": kernel.shape[3]}
            return self._with_fused("DepthwiseConv2D", node, {**common, **own}, depthwise_kernel=(kernel, node.names[1]))
        if kernel.shape[2] != self._found[node.inputs[0]].channels:  # grouped, which TF.js's layers are not
            return None
        return self._with_fused("Conv2D", node, {**common, "filters": kernel.shape[3]}, kernel=(kernel, node.names[1]))

    def _product(self, node: Node) -> str | None:
        kernel = node.constants.get(1)
        if kernel is None or node.flag("transpose_a"):
            return None
        kernel = np.ascontiguousarray(kernel.T) if node.flag("transpose_b") else kernel
        return self._with_fused("Dense", node, {"units": kernel.shape[1]}, kernel=(kernel, node.names[1]))

    def _with_fused(self, kind: str, node: Node, config: LayerConfig, **weights: _Weight) -> str | None:
        """A layer with its bias and the activation behind it."""
        steps = [step for step in node.texts("fused_ops") if step != "NoOp"]
        biased = steps[:1] == ["BiasAdd"]
        if biased:
            weights["bias"] = node.constants[2].reshape(-1), node.names[2]
        activation = steps[1:] if biased else steps
        if len(activation) > 1 or (activation and activation[0] not in _ACTIVATIONS):
            return None
        kind_of = _ACTIVATIONS[activation[0]] if activation else "linear"
        return self._add(kind, node, {**config, "use_bias": biased, "activation": kind_of}, **weights)

    def _sum(self, node: Node) -> _Scaled | str | None:
        return self._shifted(node, 1.0) if node.constants else self._add("Add", node, {})

    def _difference(self, node: Node) -> _Scaled | str | None:
        if 1 in node.constants:
            return self._shifted(node, -1.0)
        if 0 in node.constants:
            return self._on_channels(node, node.constants[0], lambda v, c: (-v.scale, c - v.offset))
        first, second = node.inputs
        minus = self._network.scaling(
            self._layer(second), np.full(self._found[second].channels, -1.0), np.zeros(self._found[second].channels)
        )
        return self._network.add("Add", [self._layer(first), minus], {})

    def _shifted(self, node: Node, sign: float) -> _Scaled | None:
        (constant,) = node.constants.values()
        return self._on_channels(node, constant, lambda v, c: (v.scale, v.offset + sign * c))

    def _multiplied(self, node: Node) -> _Scaled | str | None:
        if not node.constants:
            return self._add("Multiply", node, {})
        (constant,) = node.constants.values()
        return self._on_channels(node, constant, lambda v, c: (v.scale * c, v.offset * c))

    def _divided(self, node: Node) -> _Scaled | None:
        return self._on_channels(node, node.constants[1], lambda v, c: (v.scale / c, v.offset / c)) if 1 in node.constants else None

    def _on_channels(
        self, node: Node, constant: NDArray[Any], change: Callable[[_Scaled, NDArray[np.float64]], tuple[Any, Any]]
    ) -> _Scaled | None:
        value, channels = self._found[node.inputs[0]], as_channels(constant)
        if channels is None or channels.size not in (1, value.channels):
            return None
        return _Scaled(value.layer, value.channels, *change(value, channels))

    def _bounded(self, node: Node) -> str | None:
        """`max(x, c)` is `relu(x - c) + c`; `min(x, c)` is `c - relu(c - x)`."""
        if len(node.constants) != 1:
            return None
        (constant,) = node.constants.values()
        sign = 1.0 if node.op == "Maximum" else -1.0
        inner = self._on_channels(node, constant, lambda v, c: (sign * v.scale, sign * (v.offset - c)))
        if inner is None:
            return None
        scale, offset = (np.broadcast_to(v, inner.channels) for v in (inner.scale, inner.offset))
        clipped = self._network.activation("relu", self._network.scaling(inner.layer, scale, offset))
        back = np.broadcast_to(np.asarray(constant, np.float64).reshape(-1), inner.channels)
        return self._network.scaling(clipped, np.full(inner.channels, sign), back)

    def _mean(self, node: Node) -> str | None:
        if sorted(int(a) for a in np.ravel(node.constants.get(1, ()))) != [1, 2]:
            return None
        pooled = self._add("GlobalAveragePooling2D", node, {"data_format": "channels_last"})
        return self._reshaped(pooled, (1, 1, node.shape[-1])) if node.flag("keep_dims") else pooled

    def _pooling(self, node: Node) -> str:
        config: LayerConfig = {
            "pool_size": node.pair("ksize"),
            "strides": node.pair("strides"),
            "padding": node.text("padding").lower(),
            "data_format": "channels_last",
        }
        return self._add("MaxPooling2D" if node.op == "MaxPool" else "AveragePooling2D", node, config)

    def _padding(self, node: Node) -> str | None:
        padding = np.asarray(node.constants.get(1, ()))
        if padding.shape != (4, 2) or padding[[0, 3]].any():
            return None
        return self._add("ZeroPadding2D", node, {"padding": padding[1:3].tolist(), "data_format": "channels_last"})

    def _joined(self, node: Node) -> str | None:
        (axis,) = node.constants.values() if len(node.constants) == 1 else (None,)
        if axis is None or int(axis) not in (-1, len(node.shape) - 1):
            return None
        return self._add("Concatenate", node, {"axis": -1})

    def _reshape(self, node: Node) -> str | None:
        return None if None in node.shape[1:] else self._reshaped(self._layer(node.inputs[0]), node.shape[1:])

    def _reshaped(self, source: str, shape: tuple[int | None, ...]) -> str:
        return self._network.add("Reshape", [source], {"target_shape": list(shape)})

    _STEPS: ClassVar[dict[str, Callable[["_Translation", Node], _Scaled | str | None]]] = {
        "Placeholder": _picture,
        **dict.fromkeys(_ACTIVATIONS, _activation),
        "LeakyRelu": _leaky,
        **dict.fromkeys(("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"), _convolution),
        **dict.fromkeys(("MatMul", "_FusedMatMul"), _product),
        **dict.fromkeys(("Add", "AddV2", "BiasAdd"), _sum),
        "Sub": _difference,
        "Mul": _multiplied,
        **dict.fromkeys(("RealDiv", "Div"), _divided),
        **dict.fromkeys(("Maximum", "Minimum"), _bounded),
        "Mean": _mean,
        **dict.fromkeys(("MaxPool", "AvgPool"), _pooling),
        "Pad": _padding,
        "ConcatV2": _joined,
        **dict.fromkeys(("Reshape", "Squeeze", "ExpandDims"), _reshape),
    }
