"""What one picture costs in a TF.js graph: per layer its op, output shape, parameters, stored bytes and multiply-adds."""

import math
from dataclasses import dataclass

from pagesight.graph.layers import Layer, layers_of
from pagesight.graph.model import GraphModel, static_shapes


@dataclass(frozen=True)
class Row:
    """One layer. `shape` is its output's without the batch; `bytes` what its kernel and bias take on disk."""

    name: str
    op: str
    shape: tuple[int | None, ...]
    parameters: int
    dtype: str
    bytes: int
    multiply_adds: int
    signal_to_noise_db: float | None = None


def rows_of(model: GraphModel, stored: dict[str, tuple[str, int]]) -> list[Row]:
    """The layers with kernels in the graph's order; what belongs to none (scales, axes) is the last row, 'others'."""
    layers = layers_of(model)
    ops = {n["name"]: n["op"] for n in model.document["modelTopology"]["node"]}
    shapes = static_shapes(model, [layer.name for layer in layers]) if layers else {}
    rows, taken = [], set()
    for layer in layers:
        names = [n for n in (layer.kernel, layer.bias) if n]
        taken.update(names)
        shape = shapes[layer.name][1:]
        rows.append(
            Row(
                layer.name,
                ops[layer.name],
                shape,
                sum(int(model.weights[n].size) for n in names),
                stored[layer.kernel][0],
                sum(stored[n][1] for n in names),
                multiply_adds(layer, shape),
            )
        )
    others = [n for n in model.weights if n not in taken]
    if others:
        count = sum(int(model.weights[n].size) for n in others)
        rows.append(Row("others", "Const", (), count, "", sum(stored[n][1] for n in others), 0))
    return rows


def multiply_adds(layer: Layer, shape: tuple[int | None, ...]) -> int:
    """Multiplications with an addition each that the kernel takes for one picture; borders count as if they were inside."""
    places = math.prod(int(n or 1) for n in shape[:-1])
    if layer.kind == "depthwise":
        return places * math.prod(layer.shape)
    return places * math.prod(layer.shape[:-1]) * layer.shape[-1] if layer.kind == "convolution" else math.prod(layer.shape)
