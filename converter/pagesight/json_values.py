"""The type of JSON: for documents of others, and for what is only passed on to a file."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
"""Any JSON value: whoever looks into one must first ask what it is."""
JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON object whose keys are not known beforehand."""


def object_in(value: JsonValue) -> JsonObject:
    """`value` where it is an object, and an empty one where it is anything else."""
    return value if isinstance(value, Mapping) else {}
