"""How a model's answers are to be read, from the op that makes them: probabilities that sum to 1, one for each label, or logits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import tensorflow

Kind = Literal["softmax", "sigmoid", "log", "logits", "mixed"]
_PASSES = frozenset(
    ["Identity", "IdentityN", "StopGradient", "Reshape", "Squeeze", "ExpandDims", "EnsureShape", "Cast", "Snapshot", "Transpose"]
)
_KERNELS = frozenset(["MatMul", "Conv2D", "BatchMatMulV2", "BatchMatMul", "DepthwiseConv2dNative", "_FusedMatMul", "_FusedConv2D"])
_SUMS = frozenset(
    ["BiasAdd", "Add", "AddV2", "AddN", "Sub", "Mul", "RealDiv", "Mean", "Max", "Neg", "LeakyRelu", "Relu", "ConcatV2"]
)
"""Of logits these make logits; of anything else, what nothing is known of."""
_FIXED = frozenset(["Const", "ReadVariableOp", "Placeholder", "VarHandleOp"])
_LAST: dict[str, Kind] = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log", **dict.fromkeys(_KERNELS, "logits")}


def kind_of(answer: Any) -> Kind:
    """What the op that makes `answer` says; 'mixed' where it says nothing.

    Each op is asked once: of n that each read the one before twice, there are 2^n ways down.
    """
    top = _unclipped(answer)
    said = _said(top.op)
    if said is not None:
        return said
    stack, seen = [top], set[str]()
    while stack:
        op = stack.pop().op
        if op.name in seen:
            continue
        seen.add(op.name)
        said = _said(op)
        if said == "logits":
            continue
        sources = [_unclipped(i) for i in op.inputs] if op.type in _SUMS and said is None else []
        parts = [i for i in sources if i.op.type not in _FIXED and i.shape.rank != 0]
        if not parts:
            return "mixed"
        stack += parts
    return "logits"


def _said(op: Any) -> Kind | None:
    """What an op says by itself; None where that depends on what it reads."""
    if op.type == "RealDiv" and _is_share(*op.inputs):
        return "softmax"
    return _LAST.get(op.type)


def _unclipped(tensor: Any) -> Any:
    """What `tensor` is, but for shapes and for what a quantized layer's range holds back.

    That range reaches beyond 0..1 on the side it clips, so that no probability is made by it.
    """
    tensor = _source(tensor)
    while tensor.op.type in ("Minimum", "Maximum"):
        is_upper = tensor.op.type == "Minimum"
        values = [tensorflow().get_static_value(i) if i.op.type == "Const" else None for i in tensor.op.inputs]
        bounds = [v is not None and v.size > 0 and bool((v > 1).all() if is_upper else (v < 0).all()) for v in values]
        if sum(bounds) != 1:
            break
        tensor = _source(tensor.op.inputs[bounds.index(False)])
    return tensor


def _source(tensor: Any) -> Any:
    while tensor.op.type in _PASSES and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
    return tensor


def _is_share(part: Any, whole: Any) -> bool:
    """True for x / sum(x) with an x that is never negative: a softmax as it is written out for more than two dimensions."""
    total = _source(whole).op
    return bool(total.type == "Sum" and total.inputs[0].name == part.name and part.op.type in ("Exp", "Sigmoid", "Softmax", "Relu"))


@dataclass(frozen=True)
class Reading:
    """How `[batch, scores]` become probabilities `[batch, labels]`."""

    probabilities: Callable[[Any], Any]
    multilabel: bool = False
    note: str | None = None


def read(answer: Any, rows: Any, labels: tuple[str, ...], loss: str | None) -> Reading:
    """The reading of the tensor `answer` `[batch, scores]`; `rows` are answers to some pictures, `loss` what it was trained with.

    Raises AdoptError where labels and scores differ in number, or where the last layer is none of those that are known.
    """
    tf, count, kind = tensorflow(), int(rows.shape[1]), kind_of(answer)
    binary = "binary" in (loss or "").lower()
    if kind == "mixed":
        kind = _by_numbers(rows, _source(answer).op.type)
    if count == 1 and len(labels) == 2:
        if kind not in ("sigmoid", "logits"):
            raise AdoptError("the model's one score is not a probability: it is constant", fix="train it with a sigmoid")
        return Reading(
            (lambda p: tf.concat([1 - p, p], 1)) if kind == "sigmoid" else (lambda x: _two_sides(tf.sigmoid(x))),
            note="the one score of the model is read as the probability of the second label",
        )
    if count != len(labels):
        raise AdoptError(
            f"the model gives {count} scores, but there are {len(labels)} labels", fix=f"pass --labels with {count} names"
        )
    if kind == "softmax":
        return Reading(lambda p: p)
    if kind == "sigmoid":
        return Reading(lambda p: p, multilabel=True, note="the model ends in sigmoids: a picture may have several labels")
    if kind == "log":
        return Reading(tf.exp, note="the model ends in log-probabilities")
    if binary:
        return Reading(tf.sigmoid, multilabel=True, note="the model was trained to give several labels; sigmoids were added")
    return Reading(lambda x: tf.nn.softmax(x, axis=-1), note="the model ends in logits; a softmax was added")


def _two_sides(p: Any) -> Any:
    return tensorflow().concat([1 - p, p], 1)


def _by_numbers(rows: Any, op: str) -> Kind:
    """Where the last op says nothing (a mean of several softmaxes, a clipped line), its answers must leave no doubt."""
    if (rows >= -1e-6).all() and (rows <= 1 + 1e-6).all():
        if rows.shape[1] > 1 and np.allclose(rows.sum(1), 1, atol=1e-3):
            return "softmax"
        if rows.shape[1] == 1:
            return "sigmoid"
    raise AdoptError(
        f"the model ends in {op}: its answers are neither probabilities nor logits",
        fix="give a model that ends in a softmax, in sigmoids, or in a layer without activation",
    )
