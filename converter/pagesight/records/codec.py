"""Records to JSON and back: an unknown key, a missing one or a wrong type is an error that names the file and the place."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

from pagesight.errors import OutputError
from pagesight.json_values import JsonObject
from pagesight.manifest import write_json

if TYPE_CHECKING:
    from pydantic import ConfigDict, TypeAdapter

T = TypeVar("T")


def _key(attribute: str) -> str:
    """The JSON key of an attribute: `float_` is called so in Python alone, where `float` is a type."""
    return attribute.removesuffix("_")


_CONFIG: "ConfigDict" = {
    "extra": "forbid",
    "alias_generator": _key,
    "use_attribute_docstrings": True,
    "ser_json_inf_nan": "constants",
}


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """A frozen dataclass that `read` and `write` know; docstrings of its attributes become descriptions in its JSON Schema."""
    made = dataclass(frozen=True)(cls)
    made.__pydantic_config__ = _CONFIG  # type: ignore[attr-defined]
    return made


_ADAPTERS: "dict[type[Any], TypeAdapter[Any]]" = {}


def _adapter(kind: type[T]) -> "TypeAdapter[T]":
    from pydantic import TypeAdapter  # only where JSON is read or written: --help stays quick

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_json(value: Any) -> JsonObject:
    """A record as plain JSON values, by its keys in the file."""
    return dict(_adapter(type(value)).dump_python(value, mode="json", by_alias=True))


def from_json(kind: type[T], value: object, path: Path) -> T:
    """The record in `value`, which came from `path`. Raises OutputError where it does not fit."""
    from pydantic import ValidationError

    try:
        made: T = _adapter(kind).validate_python(value)
    except ValidationError as cause:
        first = cause.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise OutputError(
            f"{path} is not as this version of Pagesight writes it: {place}: {first['msg']}", fix=_again(path)
        ) from cause
    return made


def read(kind: type[T], path: Path) -> T:
    """The record that `write` put into `path`. Raises OutputError where there is none, or where it does not fit."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise OutputError(f"{path} cannot be read", fix=_again(path)) from cause
    return from_json(kind, value, path)


def _again(path: Path) -> str:
    """A stage does its work again where its folder is gone, and only there."""
    return f"remove {path.parent}, and make it again"


def write(path: Path, value: Any) -> None:
    """Write a record as JSON: the same record, the same bytes."""
    write_json(path, to_json(value))


def schema(kind: type[Any]) -> JsonObject:
    """The JSON Schema (2020-12) of what `write` writes for such a record."""
    described = _adapter(kind).json_schema(mode="serialization", by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
