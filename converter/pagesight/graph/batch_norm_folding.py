"""Batch norms folded into the convolutions before them: as the stock converter does it, without its loop over every weight."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pagesight.graph.large_constants import LargeConstants
from pagesight.graph.tensorflow import graphs

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef

_OUTPUTS = {"Conv2D": 3, "DepthwiseConv2dNative": 2}
"""The axis of the kernel from which on its values belong to an output channel."""


def fold_batch_norms(graph_def: Any, large: LargeConstants) -> None:
    """Turn each convolution with constants and the batch norm behind it into a convolution and a BiasAdd, in place.

    Inference only: mean and variance must be constants too. What does not fit stays for the stock converter. `large` has the values
    of the constants that are kept out of the graph.
    """
    nodes = {node.name: node for node in graph_def.node}
    uses = Counter(name.split(":")[0].lstrip("^") for node in graph_def.node for name in node.input)
    for norm in [node for node in graph_def.node if node.op == "FusedBatchNormV3"]:
        convolution = nodes[norm.input[0].split(":")[0]]
        if convolution.op not in _OUTPUTS or uses[convolution.name] > 1 or norm.attr["is_training"].b:
            continue
        kernel, *statistics = (_constant(name, nodes, large) for name in (convolution.input[1], *norm.input[1:5]))
        if kernel is None or any(value is None for value in statistics):
            continue
        _fold(graph_def, convolution, norm, kernel, statistics)


def _fold(graph_def: Any, convolution: Any, norm: Any, kernel: NDArray[Any], statistics: list[Any]) -> None:
    """Offset and scaled kernel are rounded to float32 once, at the end."""
    gamma, beta, mean, variance = statistics
    scale = gamma / np.sqrt(variance + np.float32(norm.attr["epsilon"].f), dtype=np.float64)
    scaled = (kernel * scale.reshape(kernel.shape[_OUTPUTS[convolution.op] :])).astype(kernel.dtype)
    offset = (beta - mean * scale).astype(mean.dtype)
    convolution.input[1] = _add_constant(graph_def, f"{convolution.name}/folded_kernel", scaled)
    following = list(norm.input[5:])  # what must have run before
    norm.op = "BiasAdd"
    norm.input[:] = [norm.input[0], _add_constant(graph_def, f"{norm.name}/folded_offset", offset), *following]
    for key in set(norm.attr) - {"T", "data_format"}:
        del norm.attr[key]


def _constant(name: str, nodes: Mapping[str, "NodeDef"], large: LargeConstants) -> NDArray[Any] | None:
    """The value of a tensor that is a constant, or an Identity of one."""
    node = nodes.get(name.split(":", maxsplit=1)[0])
    while node is not None and node.op == "Identity":
        node = nodes.get(node.input[0].split(":")[0])
    if node is None or node.op != "Const":
        return None
    return large[node.name] if node.name in large else np.asarray(graphs().MakeNdarray(node.attr["value"].tensor))


def _add_constant(graph_def: Any, name: str, value: NDArray[Any]) -> str:
    node = graph_def.node.add(name=name, op="Const")
    node.attr["dtype"].type = graphs().as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(graphs().make_tensor_proto(value))
    return name
