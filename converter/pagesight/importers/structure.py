"""What is where in a classifier's graph: the first kernel, the class scores, the embedding before them, the last feature map."""

from collections.abc import Iterator
from typing import Any

_PASSES = frozenset(
    [
        "Identity",
        "IdentityN",
        "StopGradient",
        "Softmax",
        "LogSoftmax",
        "Sigmoid",
        "Reshape",
        "Squeeze",
        "BiasAdd",
        "Add",
        "AddV2",
        "Sub",
        "Cast",
        "Mul",
        "EnsureShape",
        "Relu",
        "Relu6",
        "Max",
        "Sum",
        "Exp",
        "RealDiv",
    ]
)
"""Ops between the last kernel and the answer."""
_KERNELS = frozenset(["MatMul", "Conv2D", "BatchMatMulV2", "BatchMatMul", "DepthwiseConv2dNative", "_FusedMatMul", "_FusedConv2D"])
_POOLINGS = frozenset(["Mean", "Max"])
CALLS = frozenset(["PartitionedCall", "StatefulPartitionedCall", "If", "While", "StatelessIf", "StatelessWhile"])


def ancestors(tensor: Any) -> Iterator[Any]:
    """`tensor` and everything it is made from, nearest first."""
    queue, seen = [tensor], set()
    while queue:
        result = queue.pop(0)
        if result.name not in seen:
            seen.add(result.name)
            yield result
            queue.extend(result.op.inputs)


def embedding_of(answer: Any) -> Any | None:
    """What the last kernel before `answer` reads, `[batch, d]` or `[batch, 1, 1, d]`; None where no such kernel is found."""
    result = answer
    for _ in range(32):
        if result.op.type in _KERNELS:
            return _one_vector(result.op.inputs[0])
        if result.op.type not in _PASSES or not result.op.inputs:
            return None
        result = result.op.inputs[0]
    return None


def _one_vector(tensor: Any) -> Any | None:
    shape = tensor.shape
    if shape.rank == 2 and shape[1] is not None:
        return tensor
    return tensor if shape.rank == 4 and list(shape[1:3]) == [1, 1] and shape[3] is not None else None


def features_of(embedding: Any, image: Any) -> Any | None:
    """The nearest ancestor of `embedding` with four dimensions and some extent in space, short of the picture itself.

    None where its places are not pooled into one: only what has forgotten where it was seen can be asked of a single place,
    as heat maps do. A kernel has four dimensions too, but not a free first one.
    """
    pooled = set()
    for result in ancestors(embedding):
        shape = result.shape
        if shape.rank == 4 and shape[0] is None and shape[1] is not None and shape[3] is not None:
            if result.name in pooled:
                is_picture = shape[1:3] == image.shape[1:3] and shape[3] == image.shape[3]
                return result if shape[1] > 1 and not is_picture else None
            if shape[1] > 1:
                return None
        if result.op.type in _POOLINGS:
            pooled.add(result.op.inputs[0].name)
    return None


def first_kernel(image: Any) -> Any | None:
    """The op that first multiplies the picture (or what was made of it point by point) by weights."""
    queue, seen = list(image.consumers()), set()
    while queue:
        op = queue.pop(0)
        if op.name in seen:
            continue
        seen.add(op.name)
        if op.type in _KERNELS:
            return op
        for output in op.outputs:
            queue.extend(output.consumers())
    return None


def statistics_after(kernel: Any) -> tuple[Any, Any, Any] | None:
    """Of a kernel that a batch norm follows: its output, and the mean and variance that the norm learned for it."""
    result = kernel.outputs[0]
    for _ in range(3):
        readers = result.consumers()
        if len(readers) != 1:
            return None
        if readers[0].type.startswith("FusedBatchNorm"):
            norm = readers[0].inputs
            return result, norm[3], norm[4]
        if readers[0].type not in ("BiasAdd", "Identity", "AddV2"):
            return None
        result = readers[0].outputs[0]
    return None


def calls_functions(graph: Any) -> bool:
    """True where part of the graph hides in functions."""
    return any(op.type in CALLS for op in graph.get_operations())
