"""How a Keras file writes down the call of a layer: Keras 3 as objects, Keras 2 and TF.js as lists; both become a `Call`."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pagesight.errors import AdoptError
from pagesight.json_values import JsonObject, JsonValue

_AGAIN = "save the model again with `model.save(…)`"
_LONGEST = 4096
"""Numbers in one constant; means and scales of channels are short, and weights do not stand here."""
_DEEPEST = 6


@dataclass(frozen=True)
class Tensor:
    """One output of a layer's call: the layer's name, which of its calls, and which output of that."""

    layer: str
    call: int
    output: int = 0


@dataclass(frozen=True)
class Call:
    """The arguments of one call, in their order: `Tensor`s, numbers, texts, arrays, and lists of these."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # open: tensors of TensorFlow, which has no types, among constants

    def tensors(self) -> list[Tensor]:
        """Every tensor that the call reads, in the order in which it names them."""
        return list(_tensors([*self.args, *self.kwargs.values()]))

    def filled(self, values: Mapping[Tensor, Any]) -> "Call":
        """The call with `values` in place of the tensors."""
        return Call(
            tuple(_filled(a, values) for a in self.args), {key: _filled(value, values) for key, value in self.kwargs.items()}
        )


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)


def _filled(value: Any, values: Mapping[Tensor, Any]) -> Any:
    if isinstance(value, Tensor):
        return values[value]
    return [_filled(part, values) for part in value] if isinstance(value, list) else value


def parse(call: Any) -> Call:
    """A call as any Keras writes it. Raises AdoptError for one that cannot be read."""
    try:
        if isinstance(call, Mapping):
            args = call.get("args") or []
            kwargs = call.get("kwargs") or {}
            return Call(tuple(_value(a) for a in args), {str(k): _value(v) for k, v in kwargs.items()})
        if isinstance(call, list) and call and isinstance(call[0], str):
            return _listed([call], alone=True)
        return _listed(call, alone=len(call) == 1)
    except (TypeError, ValueError, KeyError, AttributeError) as cause:
        raise AdoptError("the model's connections cannot be read", fix=_AGAIN) from cause


def _listed(rows: list[Any], *, alone: bool) -> Call:
    """Keras 2: rows of [layer, call, output, keywords]; of an operation whose first operand is a number, the row says so."""
    first: list[Any] = []
    kwargs: dict[str, Any] = {}
    for name, number, output, *rest in rows:
        if name == "_CONSTANT_VALUE":
            first.append(_value(output))
        else:
            first.append(Tensor(str(name), int(number), int(output)))
        if rest and isinstance(rest[0], Mapping):
            kwargs |= {str(k): _value(v, listed=True) for k, v in rest[0].items()}
    return Call(tuple(first) if alone else (first,), kwargs)


def _value(value: Any, depth: int = _DEEPEST, *, listed: bool = False) -> Any:
    """A tensor, a constant or a list of these; `listed` reads ["layer", 0, 0] as a tensor."""
    if depth == 0:
        raise ValueError("too deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise ValueError("not finite")
        return value
    if isinstance(value, str) and len(value) < 64:
        return value
    if isinstance(value, list) and len(value) <= _LONGEST:
        if listed and len(value) == 3 and isinstance(value[0], str) and type(value[1]) is int:
            return _value(value[2]) if value[0] == "_CONSTANT_VALUE" else Tensor(value[0], value[1], int(value[2]))
        return [_value(part, depth - 1, listed=listed) for part in value]
    if isinstance(value, Mapping):
        return _object(value, depth)
    raise ValueError("not a plain value")


def _object(value: JsonObject, depth: int) -> Any:
    kind, config = value.get("class_name"), value.get("config") or {}
    if not isinstance(config, Mapping):
        raise TypeError("settings that are not an object")
    if kind == "__keras_tensor__":
        name, number, output = _listed_in(config, "keras_history")
        return Tensor(str(name), int(number), int(output))
    if kind == "__ellipsis__":
        return Ellipsis
    if kind in ("__tensor__", "__numpy__"):
        array = np.asarray(config["value"], np.float32 if "float" in str(config.get("dtype", "float32")) else np.int32)
        if array.size > _LONGEST or not np.isfinite(array).all():
            raise ValueError("an invalid constant")
        return array
    if kind in ("__tuple__", "__list__"):
        return [_value(v, depth - 1) for v in _listed_in(config, "value")]
    bounds = config if kind in ("slice", "__slice__") else value if kind is None and "step" in value else None
    if bounds is None:
        raise ValueError(f"an unknown {kind}")
    return slice(_bound(bounds.get("start")), _bound(bounds.get("stop")), _bound(bounds.get("step")))


def _listed_in(config: JsonObject, key: str) -> list[Any]:
    value = config[key]
    if not isinstance(value, list):
        raise TypeError(f"a {key} that is not a list")
    return value


def _bound(value: JsonValue) -> int | None:
    if value is not None and type(value) is not int:
        raise ValueError("a bound that is not an integer")
    return value
