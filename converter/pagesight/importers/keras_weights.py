"""Weights of Keras files into a rebuilt network: by name where the names are clear, else by position, shapes always checked."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError
from pagesight.importers.groups import Group, array
from pagesight.importers.keras_graph import Built, Leaf
from pagesight.importers.keras_layers import EXPORT

Floats = NDArray[np.float32]
_AGAIN = f"copy or download the file again, or {EXPORT}"


def from_legacy_h5(built: Built, group: Group) -> None:
    """Fill `built` from a `.h5` file: one group per top-level layer, its arrays in the order of `weight_names`."""
    for child in built.children:
        result = group.get(child.name)
        if not isinstance(result, Group):
            if _variables(child):
                raise AdoptError(f"the file has no weights for the layer {child.name!r:.60}", fix=_AGAIN)
            continue
        names = result.lists.get("weight_names", [])
        _fill(child, names, lambda name, result=result: array(result.get(name), name))  # type: ignore[misc]


def into_layers(model: Any, weights: Group) -> None:
    """Fill a Keras model from a `.h5` file of weights: layers that have any in the file's order, one group each."""
    layers = [layer for layer in model.layers if layer.weights]
    groups = [(name, weights.get(name)) for name in weights.lists.get("layer_names", [])]
    filled = [(name, group) for name, group in groups if isinstance(group, Group) and group.lists.get("weight_names")]
    if len(filled) != len(layers):
        raise AdoptError(f"it has weights for {len(filled)} layers, the network has {len(layers)} with weights", fix=_AGAIN)
    for layer, (name, group) in zip(layers, filled, strict=True):
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        names = group.lists["weight_names"]
        if len(names) != len(variables):
            raise AdoptError(f"the layer {name!r:.60} has {len(names)} weights there, {len(variables)} here", fix=_AGAIN)
        for variable, weight in zip(variables, names, strict=True):
            _assign(variable, array(group.get(weight), weight), name)


def _fill(child: Leaf | Built, names: list[str], read: Callable[[str], Floats]) -> None:
    variables = _variables(child)
    if len(variables) != len(names):
        raise AdoptError(f"the layer {child.name!r:.60} has {len(variables)} weights, its file holds {len(names)}", fix=_AGAIN)
    by_name = _by_name(child, names) if isinstance(child, Built) else None
    for variable, name in zip(variables, names, strict=True):
        _assign(variable, read(by_name[id(variable)] if by_name else name), child.name)


def _by_name(child: Built, names: list[str]) -> dict[int, str] | None:
    """Each variable's name in the file, where `<layer>/<weight>` tells all of them apart; None where it does not."""
    short = {n: "/".join(n.split(":")[0].split("/")[-2:]) for n in names}
    wanted = {id(v): f"{leaf.name.split('/')[-1]}/{_short(v)}" for leaf in child.leaves() for v in leaf.layer.weights}
    if max(Counter(short.values()).values(), default=0) > 1 or sorted(short.values()) != sorted(wanted.values()):
        return None
    full = {s: n for n, s in short.items()}
    return {key: full[s] for key, s in wanted.items()}


def _short(variable: Any) -> str:
    return str(variable.name).rsplit("/", 1)[-1].split(":")[0]


def _variables(child: Leaf | Built) -> list[Any]:
    """In the order in which Keras writes a `.h5` group: what learns first, then what does not."""
    layer = child.model if isinstance(child, Built) else child.layer
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def from_keras_v3(built: Built, file: Group) -> None:
    """Fill `built` from the `model.weights.h5` of a `.keras` file: layers by class and number within their container."""
    seen: Counter[str] = Counter()
    layers = _below(file, "layers") or _below(file, "_layer_checkpoint_dependencies")
    for child in built.children:
        kind = _snake_case(child.kind)
        numbered = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        result = None if layers is None else _below(layers, numbered) or _below(layers, child.name)
        if isinstance(child, Built):
            if result is None and any(leaf.layer.weights for leaf in child.leaves()):
                raise AdoptError(f"the file has no weights for the layer {child.name!r:.60}", fix=_AGAIN)
            if result is not None:
                from_keras_v3(child, result)
        else:
            _fill_leaf(child, result)


def _below(group: Group, name: str) -> Group | None:
    found = group.get(name)
    return found if isinstance(found, Group) else None


def _fill_leaf(leaf: Leaf, result: Any) -> None:
    if leaf.kind == "KerasLayer":
        raise AdoptError(
            "a .keras file does not keep a hub layer's weights where they can be found",
            fix="save the model as .h5 or as a SavedModel",
        )
    variables = [*leaf.layer._trainable_weights, *leaf.layer._non_trainable_weights]
    held = list(_arrays(result)) if isinstance(result, Group) else []
    if not variables:
        return
    if len(held) != len(variables):
        raise AdoptError(f"the layer {leaf.name!r:.60} has {len(variables)} weights, its file holds {len(held)}", fix=_AGAIN)
    for i, (variable, value) in enumerate(zip(variables, held, strict=True)):
        _assign(variable, array(value, f"{leaf.name}/{i}"), leaf.name)


_PARTS = ("query_dense", "key_dense", "value_dense", "output_dense")
"""Layers inside of attention, in the order of its weights."""


def _arrays(group: Group) -> Iterator[Any]:
    """A layer's own arrays in their order, then those of the layers inside."""
    own = _below(group, "vars")
    if own is not None:
        yield from (own.get(str(i)) for i in range(len(own)))
    for name in _PARTS:
        inner = _below(group, name) or _below(group, f"_{name}")
        if inner is not None:
            yield from _arrays(inner)


def _snake_case(name: str) -> str:
    """As Keras names groups: 'Conv2D' to 'conv2d', 'DepthwiseConv2D' to 'depthwise_conv2d'."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def from_names(built: Built, weights: Mapping[str, Floats]) -> None:
    """Fill `built` from arrays called `<layer>/<weight>`, as TF.js names them."""
    for leaf in built.leaves():
        for variable in leaf.layer.weights:
            key = f"{leaf.name}/{_short(variable)}"
            if key not in weights:
                raise AdoptError(f"the model has no weight {key!r:.80}", fix="export the model again")
            _assign(variable, weights[key], leaf.name)


def _assign(variable: Any, value: Floats, layer: str) -> None:
    if tuple(variable.shape) != value.shape:
        raise AdoptError(
            f"a weight of the layer {layer!r:.60} should be {list(variable.shape)}, the file holds {list(value.shape)}", fix=_AGAIN
        )
    if not np.isfinite(value).all():
        raise AdoptError(
            f"a weight of the layer {layer!r:.60} contains NaN or infinity", fix="train the model again; it has diverged"
        )
    variable.assign(value)


def finish(built: Built) -> None:
    """Let layers work out what they derive from their weights once, as `Normalization` does with its mean and variance."""
    for leaf in built.leaves():
        finalize = getattr(leaf.layer, "finalize_state", None)
        if finalize is not None:
            finalize()
