"""A Keras model's JSON (Keras 2, Keras 3 or TF.js) to the same network in tf-keras, layer by layer from the allow-list.

No deserializer of Keras is called, so nothing that the JSON names can run.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pagesight.errors import AdoptError, first_line
from pagesight.graph.tensorflow import keras
from pagesight.importers import keras_layers, keras_ops
from pagesight.importers.keras_calls import Call, parse
from pagesight.json_values import JsonObject, JsonValue

_CONTAINERS = ("Functional", "Model", "Sequential")
_MERGES = ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Concatenate")
_MAX_LAYERS = 5_000
_MAX_DEPTH = 16
_MAX_SIDE = 4096
_MAX_MAP = 2**28
"""Numbers in one layer's output for one picture; more would not fit a browser."""
_DAMAGED = "copy or download the file again; it is damaged, or was written by hand"

HubLayer = Callable[[JsonObject, str], Any]
Reference = tuple[str, int]


@dataclass(frozen=True)
class Leaf:
    """A layer, its name in the file and its class there."""

    name: str
    layer: Any
    kind: str
    frozen: bool = False
    """True where the file says that it does not learn."""


@dataclass(frozen=True)
class Built:
    """A network rebuilt in tf-keras; `children` are its layers in the file's order, containers as Built."""

    name: str
    model: Any
    kind: str
    children: list["Leaf | Built"]

    def leaves(self) -> Iterator[Leaf]:
        """All layers, containers opened, in the file's order."""
        for child in self.children:
            if isinstance(child, Built):
                yield from child.leaves()
            else:
                yield child

    def frozen(self) -> bool:
        """True where the first batch norm was kept as it was."""
        return next((leaf.frozen for leaf in self.leaves() if leaf.kind == "BatchNormalization"), False)

    def names(self) -> Iterator[str]:
        """Names of this network and of those inside."""
        yield self.name
        for child in self.children:
            if isinstance(child, Built):
                yield from child.names()


@dataclass
class Rebuild:
    """What a rebuild needs to know: whose JSON it is, how many weights the file really holds, and who loads hub layers."""

    flavour: str
    budget: int
    hub: HubLayer | None = None
    used: int = 0
    layers: int = 0
    taken: set[str] = field(default_factory=set)

    def build(self, document: JsonValue) -> Built:
        """The network that `document` (class_name and config) describes. Raises AdoptError for one that must not be built."""
        return self._container(document, _MAX_DEPTH)

    def _container(self, document: JsonValue, depth: int) -> Built:
        document = _mapping(document, "description")
        kind = _class_name(document)
        if kind not in _CONTAINERS or depth == 0:
            raise AdoptError(
                f"the model is a {kind}, whose code would have to be run",
                fix="save it as a SavedModel (`model.export(…)`), or pass --trust if you know who made the file",
            )
        config = document.get("config")
        config = {"layers": config} if isinstance(config, list) else _mapping(config, "config")
        rows = config.get("layers")
        if not isinstance(rows, list) or not all(isinstance(r, Mapping) for r in rows) or not rows:
            raise AdoptError("the model lists no layers", fix=_DAMAGED)
        name = str(config.get("name") or kind)
        if kind == "Sequential":
            return self._sequential(name, rows, config, depth)
        return self._functional(name, rows, config, depth)

    def _sequential(self, name: str, rows: list[JsonObject], config: JsonObject, depth: int) -> Built:
        children: list[Leaf | Built] = []
        x = first = None
        for row in rows:
            kind = _class_name(row)
            if first is None:
                shape = _input_shape(row) or _shape_of(config.get("build_input_shape"))
                if kind in _CONTAINERS and shape is None:
                    inside = self._container(row, depth - 1)
                    children.append(inside)
                    first = keras().Input(tuple(inside.model.input_shape[1:]))
                    x = inside.model(first)
                    continue
                if shape is None:
                    raise AdoptError("the model does not say how large its pictures are", fix="call it once, then save it again")
                first = x = keras().Input(shape)
            if kind == "InputLayer":
                continue
            child = self._child(row, depth)
            children.append(child)
            x = self._apply(child, Call((x,)))
        return Built(name, keras().Model(first, x), "Sequential", children)

    def _functional(self, name: str, rows: list[JsonObject], config: JsonObject, depth: int) -> Built:
        children: dict[str, Leaf | Built | None] = {}
        made: dict[Reference, Any] = {}
        waiting: list[tuple[JsonObject, str, int, Call]] = []
        for row in rows:
            config_of_row = row.get("config")
            key = str(row.get("name") or (config_of_row.get("name") if isinstance(config_of_row, Mapping) else None))
            if key in children:
                raise AdoptError(f"the model has two layers called {key!r:.60}", fix=_DAMAGED)
            if _class_name(row) == "InputLayer":
                children[key] = None
                shape = _input_shape(row)
                if shape is None:
                    raise AdoptError("the model does not say how large its pictures are", fix=_DAMAGED)
                made[key, 0] = keras().Input(shape)
                continue
            calls = row.get("inbound_nodes") or []
            parsed = [parse(call) for call in calls] if isinstance(calls, list) else []
            children[key] = None if _operates(row, parsed) else self._child(row, depth)
            waiting += [(row, key, number, call) for number, call in enumerate(parsed)]
        self._connect(waiting, children, made)
        inputs, outputs = (_ends(config.get(side), made, side) for side in ("input_layers", "output_layers"))
        model = keras().Model(inputs, outputs[0] if len(outputs) == 1 else outputs)
        return Built(name, model, "Functional", [c for c in children.values() if c is not None])

    def _connect(
        self,
        waiting: list[tuple[JsonObject, str, int, Call]],
        children: dict[str, Leaf | Built | None],
        made: dict[Reference, Any],
    ) -> None:
        """Apply layers as soon as what they read is there; a round in which nothing moves means a circle."""
        while waiting:
            left = []
            for row, key, number, call in waiting:
                reads = call.tensors()
                if all(r.output == 0 and (r.layer, r.call) in made for r in reads):
                    made[key, number] = self._call(row, children[key], call.filled({r: made[r.layer, r.call] for r in reads}))
                else:
                    left.append((row, key, number, call))
            if len(left) == len(waiting):
                raise AdoptError(f"the layer {left[0][1]!r:.60} reads from a layer that is not there", fix=_DAMAGED)
            waiting = left

    def _call(self, row: JsonObject, child: "Leaf | Built | None", call: Call) -> Any:
        if child is not None:
            return self._apply(child, call)
        try:
            return _checked_map(keras_ops.apply(_function_name(row), call, _settings(row)), "an operation")
        except (TypeError, ValueError, KeyError, IndexError) as cause:
            raise AdoptError(
                f"the operation {_class_name(row)} cannot be repeated: {first_line(cause)}",
                fix="export the model as a SavedModel with `model.export(…)`, and give that",
            ) from cause

    def _child(self, row: JsonObject, depth: int) -> "Leaf | Built":
        self.layers += 1
        if self.layers > _MAX_LAYERS:
            raise AdoptError(f"the model has more than {_MAX_LAYERS} layers", fix="give a smaller model")
        kind = _class_name(row)
        if kind in _CONTAINERS:
            return self._container(row, depth - 1)
        config = row.get("config")
        if not isinstance(config, Mapping):
            config = {}
        name = str(row.get("name") or config.get("name") or kind)
        unique = re.sub(r"[^A-Za-z0-9_.\-]", "_", name)[:80].lstrip("_.-") or "layer"
        while unique in self.taken:
            unique += "_"
        self.taken.add(unique)
        if kind == "KerasLayer" and self.hub is not None:
            return Leaf(name, self.hub(config, unique), kind)
        return Leaf(name, keras_layers.make(kind, config, unique, self.flavour), kind, config.get("trainable") is False)

    def _apply(self, child: "Leaf | Built", call: Call) -> Any:
        layer = child.model if isinstance(child, Built) else child.layer
        x, *others = keras_layers.inputs_of(child.kind, call)
        if isinstance(child, Leaf) and not layer.built and child.kind != "KerasLayer":
            self.used += keras_layers.parameters(layer, tuple((x[0] if isinstance(x, list) else x).shape))
            if self.used > self.budget:
                raise AdoptError(
                    f"the layer {child.name!r:.60} brings the model to {self.used:,} weights, but its file holds {self.budget:,}",
                    fix=_DAMAGED,
                )
        try:
            return _checked_map(layer(x, *others), child.name)
        except (TypeError, ValueError, OverflowError, AttributeError, IndexError) as cause:
            raise AdoptError(
                f"the layer {child.name!r:.60} does not fit what it reads: {first_line(cause)}", fix=_DAMAGED
            ) from cause


def _checked_map(tensor: Any, name: str) -> Any:
    size = math.prod(int(n or 1) for n in tuple(tensor.shape)[1:])
    if size > _MAX_MAP or size < 1:
        raise AdoptError(f"the layer {name!r:.60} would give {size:,} numbers for one picture", fix="give a smaller model")
    return tensor


def _mapping(value: JsonValue, what: str) -> JsonObject:
    if not isinstance(value, Mapping):
        raise AdoptError(f"the model's {what} is not a JSON object", fix=_DAMAGED)
    return value


def _class_name(row: JsonValue) -> str:
    return str(_mapping(row, "description").get("class_name"))


def _operates(row: JsonObject, calls: list[Call]) -> bool:
    """True for a row that stands for arithmetic, not for a layer."""
    kind, module = _class_name(row), str(row.get("module"))
    if kind in ("TFOpLambda", "SlicingOpLambda") or module.startswith(("keras.src.ops", "keras.ops")):
        if not keras_ops.known(_function_name(row)):
            raise AdoptError(
                f"the operation {_function_name(row)!s:.60} is not among those that can be repeated",
                fix="export the model as a SavedModel with `model.export(…)`, and give that",
            )
        return True
    if not keras_ops.known(kind):
        return False
    if not keras_layers.known(kind):
        return True
    # A `.h5` file does not tell Keras 3's operation Add from the layer of that name, but a layer reads its tensors as one list.
    return kind in _MERGES and bool(calls) and bool(calls[0].args) and not isinstance(calls[0].args[0], list)


def _function_name(row: JsonObject) -> str:
    kind = _class_name(row)
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        return str(_mapping(row.get("config"), "config").get("function"))
    return kind


def _settings(row: JsonObject) -> JsonObject:
    """What Keras 3 keeps of an operation beside its call; of Keras 2 the config says only which function it is."""
    if _class_name(row) in ("TFOpLambda", "SlicingOpLambda"):
        return {}
    return {k: v for k, v in _mapping(row.get("config") or {}, "config").items() if k not in ("name", "trainable")}


def _input_shape(row: JsonObject) -> tuple[int | None, ...] | None:
    config = row.get("config")
    if not isinstance(config, Mapping):
        return None
    for key in ("batch_shape", "batch_input_shape", "batchInputShape"):
        if key in config:
            return _shape_of(config[key])
    return None


def _shape_of(value: JsonValue) -> tuple[int | None, ...] | None:
    if value is None:
        return None
    if (
        not isinstance(value, list)
        or len(value) < 2
        or not all(n is None or (type(n) is int and 0 < n <= _MAX_SIDE) for n in value[1:])
    ):
        raise AdoptError(f"the model takes pictures of the shape {value!s:.60}", fix="give a model of pictures up to 4096 px")
    return tuple(value[1:])


def _ends(value: Any, made: Mapping[Reference, Any], side: str) -> list[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        value = [value]
    try:
        return [made[str(name), int(number)] for name, number, *_ in value]
    except (TypeError, ValueError, KeyError) as cause:
        raise AdoptError(f"the model's {side} name a layer that is not there", fix=_DAMAGED) from cause
