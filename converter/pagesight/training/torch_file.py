"""The tensors of a PyTorch file of the format before version 1.6, read as data: without PyTorch, and no code in it can run."""

import math
import pickle
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_HEADER = (0x1950A86A20F9469CFC6C, 1001)
"""The format's magic number and version, each a pickle of its own."""
_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The state dict in `path`: arrays of float32 or int64 by name.

    The file is a row of pickles (magic number, version, sizes of types, state dict, keys of storages) and then each storage, its
    length before it. Raises ValueError for anything else, a name outside the four that a state dict needs included.
    """
    with path.open("rb") as file:
        try:
            if tuple(_Unpickler(file).load() for _ in _HEADER) != _HEADER:
                raise ValueError("it has another magic number or version")
            _Unpickler(file).load()
            reader = _Unpickler(file)
            tensors = reader.load()
            storages = {key: _storage(file, *reader.storages[key]) for key in _Unpickler(file).load()}
            return {str(name): _strided(storages[key], *place) for name, (key, *place) in tensors.items()}
        except ValueError:
            raise
        except Exception as cause:  # what a damaged pickle raises has no end
            raise ValueError(f"it is not a PyTorch state dict: {cause}") from cause


class _Unpickler(pickle.Unpickler):
    """Knows the names of a state dict alone; `storages` are the types and lengths of those that it speaks of."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[np.dtype[Any], int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _described
        if module == "torch" and name in _DTYPES:
            return name
        raise ValueError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> str:
        kind, key, count = pid[1], str(pid[2]), int(pid[4])
        self.storages[key] = _DTYPES[kind], count
        return key


def _described(key: str, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any) -> tuple[Any, ...]:
    return key, offset, tuple(shape), tuple(strides)


def _storage(file: BinaryIO, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    if int.from_bytes(file.read(8), "little") != count:
        raise ValueError("a storage has another length than the state dict says")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype, count)


def _strided(storage: NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> NDArray[Any]:
    """A tensor that lies in `storage` with steps of `strides` numbers, as an array of its own; it may not reach beyond."""
    if offset < 0 or len(shape) != len(strides) or min((*shape, *strides), default=0) < 0:
        raise ValueError("a tensor lies outside its storage")
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if not math.prod(shape) or last >= len(storage):
        raise ValueError("a tensor lies outside its storage")
    bytes_between = [step * storage.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, bytes_between).copy()
