"""Which ops a stranger's graph may hold: those that TF.js runs. None of them touches a file, a socket or Python."""

import importlib.util
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pagesight.errors import AdoptError

_NEVER = frozenset({"SimpleMLCreateModelResource", "SimpleMLInferenceOpWithHandle", "SimpleMLLoadModelFromPathWithHandle", "Print"})
_FOLDED = frozenset({"Assert", "CheckNumerics", "PlaceholderWithDefault", "VarHandleOp", "ReadVariableOp", "PartitionedCall"})
"""Ops that the converter takes out on its way."""


@cache
def allowed() -> frozenset[str]:
    """Names of the ops that TF.js's converter lists as executable."""
    spec = importlib.util.find_spec("tensorflowjs")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    result: set[str] = set()
    for folder in spec.submodule_search_locations:
        for path in sorted((Path(folder) / "op_list").glob("*.json")):
            result |= {row["tfOpName"] for row in json.loads(path.read_text(encoding="utf-8"))}
    return frozenset((result | _FOLDED) - _NEVER)


OF_TRAINING = frozenset(
    {
        "AssignAddVariableOp",
        "AssignSubVariableOp",
        "AssignVariableOp",
        "Bitcast",
        "DisableCopyOnRead",
        "DivNoNan",
        "EnsureShape",
        "FusedBatchNorm",
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        "If",
        "ImageProjectiveTransformV3",
        "Placeholder",
        "PreventGradient",
        "RandomStandardNormal",
        "RandomUniform",
        "RngReadAndSkip",
        "SquaredDifference",
        "StatefulPartitionedCall",
        "StatelessIf",
        "StatelessRandomGetAlg",
        "StatelessRandomGetKeyCounter",
        "StatelessRandomNormalV2",
        "StatelessRandomUniformV2",
        "StopGradient",
        "TruncatedNormal",
        "VarIsInitializedOp",
    }
)
"""Ops that a network which learns has besides: none of them touches a file, a socket or Python either."""
_LOOPS = frozenset({"While", "StatelessWhile", "LoopCond", "Enter", "NextIteration"})


def check(nodes: Iterable[tuple[str, str]], more: frozenset[str] = frozenset()) -> None:
    """Raise AdoptError for the first (op, node name) that neither TF.js nor `more` has, before anything is run.

    Loops are refused, too: nobody can tell from outside whether one ends.
    """
    for op, name in nodes:
        if op in _LOOPS:
            raise AdoptError(f"the node {name!r:.120} is a loop ({op}), which may never end", fix="save the model without it")
        if op not in allowed() and op not in more:
            raise AdoptError(f"TF.js has no op {op} (node {name!r:.120})", fix="replace the layer that makes this op")
