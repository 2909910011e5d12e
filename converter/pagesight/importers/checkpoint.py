"""Reads TensorFlow's checkpoints (tensor bundles) as data, with their checksums; no restoring op of any graph is run.

Format: tensorflow/core/util/tensor_bundle and the table format of LevelDB (a sorted table of keys, here never compressed).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import bare

if TYPE_CHECKING:
    from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto

_AGAIN = "copy or download it again"
_FOOTER, _MAGIC = 48, 0xDB4775248B80FB57
_MAX_INDEX = 256 * 1024**2
_MAX_KEYS = 1_000_000
_DTYPES = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "|u1",
    5: "<i2",
    6: "|i1",
    9: "<i8",
    10: "|b1",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
_STRING = 7
_SHORTEST_SUM = 4
"""Bytes from which on a checksum is looked at."""
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a checkpoint by key, read when they are asked for."""

    prefix: Path
    entries: Mapping[str, "BundleEntryProto"]
    shards: int

    @classmethod
    def open(cls, prefix: Path) -> "Checkpoint":
        """The checkpoint whose index is `prefix`.index. Raises AdoptError for one that is damaged."""
        with bare("tensorflow"):
            from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto
        index = prefix.with_name(prefix.name + ".index")
        if not index.is_file():
            raise AdoptError(f"{index.name} is missing, which lists the weights", fix=_AGAIN)
        if index.stat().st_size > _MAX_INDEX:
            raise AdoptError(f"{index.name} is larger than a list of weights is", fix=_AGAIN)
        try:
            rows = dict(_table(index.read_bytes()))
            header = BundleHeaderProto.FromString(rows.pop(b""))
            entries = {key.decode("utf-8"): BundleEntryProto.FromString(value) for key, value in rows.items()}
        except AdoptError:
            raise
        except Exception as cause:  # protobuf, struct and slices each raise their own
            raise AdoptError(f"{index.name} is damaged", fix=_AGAIN) from cause
        if header.endianness != 0:
            raise AdoptError(f"{index.name} was written on a machine of another byte order", fix="save the model on this machine")
        return cls(prefix, entries, header.num_shards)

    def array(self, key: str) -> NDArray[Any]:
        """One tensor of numbers. Raises AdoptError where it is missing, damaged, or no array of numbers."""
        entry = self.entries.get(key)
        if entry is None:
            raise AdoptError(f"the checkpoint has no {key!r:.120}", fix=_AGAIN)
        if entry.dtype not in _DTYPES or entry.slices:
            raise AdoptError(f"the weight {key!r:.120} has a type that is not supported", fix="save it as float32")
        shape = tuple(int(d.size) for d in entry.shape.dim)
        dtype = np.dtype(_DTYPES[entry.dtype])
        if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != entry.size:
            raise AdoptError(f"the weight {key!r:.120} of {list(shape)} does not fill its {entry.size:,} bytes", fix=_AGAIN)
        return self._bytes(entry, key).view(dtype).reshape(shape)

    def objects(self) -> Any:
        """The graph of objects that tells which key belongs to which variable (a TrackableObjectGraph)."""
        with bare("tensorflow"):
            from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph
        entry = self.entries.get(_GRAPH)
        if entry is None or entry.dtype != _STRING or entry.shape.dim or entry.size > _MAX_INDEX:
            raise AdoptError("the checkpoint does not say which weight belongs where", fix="save the model again in TensorFlow 2")
        raw = self._bytes(entry, _GRAPH, checked=False).tobytes()
        length, start = _varint(raw, 0)
        text = raw[start + 4 :]  # after the length its checksum
        if len(text) != length:
            raise AdoptError("the checkpoint's list of objects is damaged", fix=_AGAIN)
        try:
            return TrackableObjectGraph.FromString(text)
        except Exception as cause:  # protobuf's own
            raise AdoptError("the checkpoint's list of objects is damaged", fix=_AGAIN) from cause

    def _bytes(self, entry: Any, key: str, *, checked: bool = True) -> NDArray[np.uint8]:
        name = f"{self.prefix.name}.data-{entry.shard_id:05d}-of-{self.shards:05d}"
        path = self.prefix.with_name(name)
        if not 0 <= entry.shard_id < self.shards or not path.is_file():
            raise AdoptError(f"{name} is missing, which holds weights", fix=_AGAIN)
        if entry.offset < 0 or entry.size < 0 or entry.offset + entry.size > path.stat().st_size:
            raise AdoptError(f"{name} is cut short: {key!r:.120} lies beyond its end", fix=_AGAIN)
        data = np.fromfile(path, np.uint8, int(entry.size), offset=int(entry.offset))
        if checked and len(data) >= _SHORTEST_SUM and _masked(crc32c(data)) != entry.crc32c:
            raise AdoptError(f"the weight {key!r:.120} is damaged: its checksum does not fit", fix=_AGAIN)
        return data


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a table, in order."""
    footer = data[-_FOOTER:]
    if len(footer) < _FOOTER or int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise AdoptError("the index of the weights is damaged", fix=_AGAIN)
    _, at = _handle(footer, 0)
    (start, size), _ = _handle(footer, at)
    count = 0
    for _, handle in _block(data, start, size):
        for row in _block(data, *_handle(handle, 0)[0]):
            count += 1
            if count > _MAX_KEYS:
                raise AdoptError("the checkpoint lists more than a million weights", fix="give a smaller model")
            yield row


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    block, kind = data[start : start + size], data[start + size : start + size + 1]
    if len(block) != size or kind != b"\0":
        raise AdoptError("the index of the weights is damaged, or compressed", fix=_AGAIN)
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or at + fresh + length > end:
            raise AdoptError("the index of the weights is damaged", fix=_AGAIN)
        key = key[:shared] + block[at : at + fresh]
        at += fresh + length
        yield key, block[at - length : at]


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = _varint(data, at)
    size, at = _varint(data, at)
    return (start, size), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80 or shift > 63:
            return value, at


_POLYNOMIAL = 0x82F63B78
_LARGE = 2**20


def crc32c(data: NDArray[np.uint8]) -> int:
    """The CRC-32C (Castagnoli) of four bytes or more, in many lanes at once whose sums are joined: a CRC is linear.

    Leading zeros change nothing where the state begins as 0; that it begins as ones is as if the first four bytes were inverted.
    """
    words_in_lane = 16 if len(data) < _LARGE else 1024
    lanes = 1 << max(0, (len(data) - 1) // (4 * words_in_lane)).bit_length()
    padded = np.zeros(4 * words_in_lane * lanes, np.uint8)
    padded[len(padded) - len(data) :] = data
    padded[len(padded) - len(data) :][:4] ^= 0xFF
    words = padded.view("<u4").reshape(lanes, words_in_lane)
    low, high = _tables()
    state = np.zeros(lanes, np.uint32)
    for step in range(words_in_lane):
        state ^= words[:, step]
        state = low[state & 0xFFFF] ^ high[state >> 16]
    for doubled in range(lanes.bit_length() - 1):
        state = _applied(_by_byte(4 * words_in_lane, doubled), state[0::2]) ^ state[1::2]
    return int(state[0]) ^ 0xFFFFFFFF


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _byte_table() -> list[int]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)  # noqa: PLW2901 - shifted in place
        found.append(byte)
    return found


@cache
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """What four bytes do to a state, by the lower and the upper half of their word."""
    over = _over_zeros(4, 0)
    halves = np.arange(2**16, dtype=np.uint32)
    return _times(over, halves), _times(over, halves << np.uint32(16))


@cache
def _over_zeros(count: int, doubled: int) -> NDArray[np.uint32]:
    """The step over `count` (a power of two) · 2^`doubled` zero bytes, a matrix over GF(2): what each bit of the state becomes."""
    if doubled or count > 1:
        half = _over_zeros(count, doubled - 1) if doubled else _over_zeros(count // 2, 0)
        return _times(half, half)
    table = _byte_table()
    return np.array([table[bit & 0xFF] ^ (bit >> 8) for bit in (1 << i for i in range(32))], np.uint32)


@cache
def _by_byte(count: int, doubled: int) -> NDArray[np.uint32]:
    """The same step as four tables, one for each byte of the state."""
    return np.stack([_times(_over_zeros(count, doubled), np.arange(256, dtype=np.uint32) << np.uint32(8 * i)) for i in range(4)])


def _applied(tables: NDArray[np.uint32], state: NDArray[np.uint32]) -> NDArray[np.uint32]:
    found: NDArray[np.uint32] = (
        tables[0][state & 0xFF] ^ tables[1][state >> 8 & 0xFF] ^ tables[2][state >> 16 & 0xFF] ^ tables[3][state >> 24]
    )
    return found


def _times(matrix: NDArray[np.uint32], vectors: NDArray[np.uint32]) -> NDArray[np.uint32]:
    found = np.zeros_like(vectors)
    for bit in range(32):
        found ^= np.where(vectors >> np.uint32(bit) & np.uint32(1), matrix[bit], np.uint32(0))
    return found
