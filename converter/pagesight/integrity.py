"""Files that one decoder mends in silence and another refuses: both must see the same pixels, so what is not whole is refused."""

import re
import struct
import zlib

CHECKED = frozenset({"JPEG", "PNG", "GIF", "BMP"})
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""In entropy-coded data: not a stuffed byte, a restart, or filling."""
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1
_MOST_SCANS = 100
"""Cameras and encoders write about ten. A scan of a few bytes makes a decoder go through the whole picture once more."""
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


def why_broken(data: bytes, kind: str) -> str:
    """Why decoders may see other pixels in `data` than others do, in a few words; "" for a file that is whole.

    `kind` is the format, one of CHECKED.
    """
    try:
        return {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "BMP": _bmp}[kind](data)
    except (struct.error, LookupError, ValueError):
        return "its end is missing"


def _png(data: bytes) -> str:
    """Browsers refuse a picture of which a critical chunk is altered, or whose end is missing; Pillow may make do with it."""
    at = 8
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        end = at + 8 + length
        is_critical = not name[0] & 0x20
        if is_critical and (end + 4 > len(data) or zlib.crc32(data[at + 4 : end]) != struct.unpack(">I", data[end : end + 4])[0]):
            return "a chunk is not what was written"
        if name == b"IEND":
            return ""
        at = end + 4
    return "its end is missing"


def _gif(data: bytes) -> str:
    """Browsers want all blocks in a row up to the trailer, where Pillow skips what it does not know."""
    at = 13 + _colors(data[10])
    while data[at] != 0x3B:
        if data[at] == 0x21:  # an extension: a label, then data
            at += 2
        elif data[at] == 0x2C:  # a frame: its place, colors of its own, the size of a code, then data
            at += 11 + _colors(data[at + 9])
        else:
            return "its blocks do not follow each other"
        while data[at]:
            at += 1 + data[at]
        at += 1
    return ""


def _colors(flags: int) -> int:
    """Bytes of the color table that a GIF's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _bmp(data: bytes) -> str:
    """Browsers want the last row whole, with the bytes that fill it up, and pixels behind the palette."""
    offset, header = struct.unpack("<II", data[10:18])
    compression = colors = 0
    if header < 40:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
    else:
        width, height, _, bits, compression = struct.unpack("<iiHHI", data[18:34])
        (colors,) = struct.unpack("<I", data[46:50])
    palette = (colors or 1 << bits) * (3 if header < 40 else 4) if bits <= 8 else 0
    if offset < 14 + header + palette:
        return "its pixels begin before its palette ends"
    rows = (width * bits + 31) // 32 * 4 * abs(height)
    return "its last rows are missing" if compression in (0, 3) and offset + rows > len(data) else ""


def _jpeg(data: bytes) -> str:
    """Browsers want all segments whole and in a row up to the end, and smooth over what a progressive picture has not yet told."""
    at, scans = 2, _Scans()
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF:
            return "its segments do not follow each other"
        at += 2
        if marker == _EOI:
            return scans.fault()
        if marker in _ALONE:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : at + length]
        if length < 2 or at + length > len(data):
            return "a segment is longer than the file"
        if marker == _APP1 and body[:5] == b"Exif\0" and body[5:6] != b"\0":
            return "its EXIF data do not begin as they must"
        scans.note(marker, body)
        at += length
        if marker == _SOS:
            found = _NEXT_MARKER.search(data, at)
            if found is None:
                return "its end is missing"
            at = found.start()


class _Scans:
    """Which coefficients the scans of a progressive JPEG have told, and how exactly (ITU-T T.81, annex G)."""

    def __init__(self) -> None:
        self._missing: dict[int, list[int]] | None = None
        """By component: for each coefficient, the bits that are missing; None of a JPEG that is not progressive."""
        self.count = 0

    def note(self, marker: int, body: bytes) -> None:
        """Take a segment into account."""
        self.count += marker == _SOS
        if marker in _PROGRESSIVE:
            self._missing = {body[6 + 3 * i]: [99] * 64 for i in range(body[5])}
        elif marker == _SOS and self._missing is not None:
            first, last, precision = body[1 + 2 * body[0] : 4 + 2 * body[0]]
            for component in body[1 : 1 + 2 * body[0] : 2]:
                for k in range(first, min(last, 63) + 1):
                    self._missing[component][k] = precision & 15

    def fault(self) -> str:
        """What is wrong with them, once all are known; "" for nothing."""
        if self.count > _MOST_SCANS:
            return f"it has more than {_MOST_SCANS} scans"
        is_complete = self._missing is None or not any(bits for of in self._missing.values() for bits in of)
        return "" if is_complete else "its last scans are missing"
