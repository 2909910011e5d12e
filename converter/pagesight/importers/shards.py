"""Weights of TF.js models of strangers: every path, size and shape of the manifest is checked before a shard is read."""

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError

_BYTES = {"float32": 4, "int32": 4, "bool": 1, "uint8": 1}
_QUANTIZED = {"uint8": 1, "uint16": 2, "float16": 2}
_MAX_BYTES = 4 * 1024**3
_MAX_WEIGHTS = 100_000
_AGAIN = "export the model again, and keep its files together"


def read(manifest: Any, folder: Path) -> dict[str, NDArray[Any]]:
    """All arrays by name, widened as TF.js widens them. Raises AdoptError for a manifest that is not what its shards are."""
    if not isinstance(manifest, list):
        raise AdoptError("model.json lists no weights", fix=_AGAIN)
    names: set[str] = set()
    for group in manifest:
        if not isinstance(group, dict) or not isinstance(group.get("paths"), list) or not isinstance(group.get("weights"), list):
            raise AdoptError("the weights in model.json are not listed as TF.js lists them", fix=_AGAIN)
        claimed = sum(_bytes_of(spec, names) for spec in group["weights"])
        held = sum(_size_of(path, folder) for path in group["paths"])
        if claimed != held:
            raise AdoptError(f"model.json claims {claimed:,} bytes of weights, its shards hold {held:,}", fix=_AGAIN)
        if held > _MAX_BYTES or len(names) > _MAX_WEIGHTS:
            raise AdoptError("the model holds more than 4 GB of weights", fix="give a smaller model")
    try:
        return {name: value for group in manifest for name, value in _read_group(group, folder)}
    except (ValueError, TypeError, KeyError, OSError) as cause:
        raise AdoptError(f"the weights of {folder} cannot be read: {str(cause)[:160]}", fix=_AGAIN) from cause


def files(manifest: Any, folder: Path) -> list[str]:
    """Paths of the shards below `folder`, in their order. Raises AdoptError for one that is not there or outside."""
    paths = [path for group in manifest for path in group["paths"]]
    for path in paths:
        _size_of(path, folder)
    return paths


def _read_group(group: Any, folder: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    data = b"".join((folder / path).read_bytes() for path in group["paths"])
    start = 0
    for spec in group["weights"]:
        how = spec.get("quantization") or {}
        dtype = np.dtype(str(how.get("dtype", spec["dtype"]))).newbyteorder("<")
        count = math.prod(spec["shape"])
        value = np.frombuffer(data, dtype, count, start).reshape(spec["shape"])
        start += count * dtype.itemsize
        if "min" in how and dtype.kind == "u":
            value = value * np.float64(how["scale"]) + np.float64(how["min"])
        yield spec["name"], _widened(value, str(how.get("original_dtype", spec["dtype"])))


def _widened(value: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The dtype in which TF.js keeps an array."""
    if dtype == "bool":
        return value.astype(np.bool_)
    return value.astype(np.float32) if dtype == "float32" else np.rint(value).astype(np.int32)


def _bytes_of(spec: Any, names: set[str]) -> int:
    if not isinstance(spec, dict) or not isinstance(spec.get("name"), str) or spec["name"] in names:
        raise AdoptError("a weight in model.json has no name of its own", fix=_AGAIN)
    name, shape, dtype = spec["name"], spec.get("shape"), spec.get("dtype")
    names.add(name)
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**31 for n in shape) or len(shape) > 8:
        raise AdoptError(f"the weight {name!r:.80} has the invalid shape {shape!s:.60}", fix=_AGAIN)
    width = _BYTES.get(str(dtype))
    options = spec.get("quantization")
    if options is not None:
        width = _quantized(options, name)
    if width is None:
        raise AdoptError(
            f"the weight {name!r:.80} has the type {dtype!s:.40}, which is not supported", fix="export it with float32 weights"
        )
    return math.prod(shape) * width


def _quantized(options: Any, name: str) -> int | None:
    if not isinstance(options, dict):
        raise AdoptError(f"the weight {name!r:.80} has no quantization parameters", fix=_AGAIN)
    kind = str(options.get("dtype"))
    numbers = [] if kind == "float16" else [options.get("min"), options.get("scale")]
    if not all(isinstance(n, (int, float)) and math.isfinite(n) for n in numbers):
        raise AdoptError(f"the weight {name!r:.80} has an invalid scale", fix=_AGAIN)
    if options.get("original_dtype", "float32") not in ("float32", "int32"):
        raise AdoptError(f"the weight {name!r:.80} had a type that is not supported", fix=_AGAIN)
    return _QUANTIZED.get(kind)


def _size_of(path: Any, folder: Path) -> int:
    name = PurePosixPath(str(path).replace("\\", "/"))
    if not isinstance(path, str) or name.is_absolute() or ".." in name.parts or ":" in path or "\0" in path or not name.parts:
        raise AdoptError(f"model.json takes weights from outside its folder ({path!s:.80})", fix=_AGAIN)
    file = folder / name
    try:
        there = file.is_file()
    except OSError:  # a name longer than a file's may be
        there = False
    if not there:
        raise AdoptError(f"the shard {path!s:.80} is missing", fix=_AGAIN)
    if not file.resolve().is_relative_to(folder.resolve()):
        raise AdoptError(f"model.json takes weights from outside its folder ({path!s:.80})", fix=_AGAIN)
    return file.stat().st_size


def stored_as(manifest: Any) -> dict[str, tuple[str, int]]:
    """How the manifest keeps each weight: its type on disk and its bytes there."""
    result = {}
    for group in manifest:
        for spec in group["weights"]:
            dtype = (spec.get("quantization") or {}).get("dtype", spec["dtype"])
            result[spec["name"]] = (dtype, math.prod(spec["shape"]) * (_QUANTIZED.get(dtype) or _BYTES[dtype]))
    return result


def refuse_not_finite(weights: dict[str, NDArray[Any]]) -> None:
    """Raise AdoptError where a float weight is NaN or infinite."""
    for name, value in weights.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise AdoptError(f"the weight {name!r:.80} contains NaN or infinity", fix="train the model again; it has diverged")
