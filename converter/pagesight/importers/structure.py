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
        "Maximum",
        "Minimum",
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


def before_first_kernel(image: Any) -> list[Any]:
    """Every float tensor on the way from `image` to what the first kernel reads, that included; none where there is no kernel.

    A product that only mixes the colors of a pixel into as many (a flip written as a kernel) belongs to the way.
    """
    kernel = next((op for op in _followers(image) if op.type in _KERNELS and not _mixes_colors(op)), None)
    if kernel is None:
        return []
    made = {image.name} | {output.name for op in _followers(image) for output in op.outputs}
    on_the_way = [t for t in ancestors(kernel.inputs[0]) if t.name in made and t.name != image.name]
    return [t for t in on_the_way if t.dtype.is_floating]


def _mixes_colors(op: Any) -> bool:
    kernel = op.inputs[1].shape
    return bool(
        op.type == "Conv2D" and kernel.rank == 4 and list(kernel[:2]) == [1, 1] and kernel[2] == kernel[3] and kernel[3] <= 3
    )


def _followers(image: Any) -> Iterator[Any]:
    """The ops that read `image` and what is made of it, the nearest first."""
    queue, seen = list(image.consumers()), set()
    while queue:
        op = queue.pop(0)
        if op.name in seen:
            continue
        seen.add(op.name)
        yield op
        for output in op.outputs:
            queue.extend(output.consumers())


def first_norm(image: Any) -> tuple[Any, Any, Any] | None:
    """Of the first batch norm, fused or written out as Keras 3 does: what it reads, and the mean and variance it has learned."""
    for op in _followers(image):
        if op.type.startswith("FusedBatchNorm"):
            return op.inputs[0], op.inputs[3], op.inputs[4]
        if op.type == "Mul":
            for x, factor in (tuple(op.inputs), tuple(op.inputs)[::-1]):
                statistics = _written_out(factor) if x.shape.rank == 4 else None
                if statistics is not None:
                    return x, *statistics
    return None


def _written_out(factor: Any) -> tuple[Any, Any] | None:
    """Mean and variance, where `factor` is rsqrt(variance + epsilon), perhaps scaled, and the mean is multiplied by it too."""
    root = factor
    while root.op.type in ("Mul", "Reshape", "Identity") and root.op.inputs:
        inner = [i for i in root.op.inputs if any(a.op.type == "Rsqrt" for a in _few_ancestors(i))]
        if not inner:
            return None
        root = inner[0]
    if root.op.type != "Rsqrt" or root.op.inputs[0].op.type not in ("Add", "AddV2"):
        return None
    variance = max(root.op.inputs[0].op.inputs, key=_size)
    for reader in factor.consumers():
        others = [i for i in reader.inputs if i.name != factor.name]
        if reader.type == "Mul" and others and others[0].shape.num_elements() == _size(variance):
            return others[0], variance
    return None


def _size(tensor: Any) -> int:
    return int(tensor.shape.num_elements() or 0)


def _few_ancestors(tensor: Any) -> list[Any]:
    return [a for a, _ in zip(ancestors(tensor), range(4), strict=False)]


def calls_functions(graph: Any) -> bool:
    """True where part of the graph hides in functions."""
    return any(op.type in CALLS for op in graph.get_operations())
