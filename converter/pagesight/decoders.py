"""Which format a file's bytes are in, what decoding them will take, and the decoder that opens them."""

import contextlib
import ctypes
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, _imaging

HEAD = 132
"""Bytes at the beginning of a file that tell its format."""
EXACT = frozenset({"JPEG", "PNG", "WebP", "GIF", "BMP"})
"""Formats that browsers decode to the very pixels that are decoded here."""
READABLE = EXACT | {"TIFF", "AVIF", "HEIC", "JPEG XL", "PPM"}
MAX_PIXELS = 200_000_000
MAX_MEMORY = 820_000_000
"""Bytes that decoding one picture may take: 200 million pixels of most formats."""
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own limit is 179 million, with a warning from the half of it on

FIXES = {
    "RAW": "export them as JPEG",
    "video": "pass --every-frames 10 to take every tenth frame",
    "SVG": "export them as PNG",
    "PSD": "export them as PNG or JPEG",
    "PDF": "export their pages as PNG",
    "JPEG 2000": "export them as JPEG or PNG",
    "DICOM": "export them as PNG",
    "OpenEXR": "export them as PNG",
    "icon": "export them as PNG",
    "JPEG XL": "run `pip install imagecodecs`, or export them as JPEG",
    "HEIC": "run `pip install pi-heif`, or export them as JPEG",
    "AVIF": "install a Pillow that reads AVIF, or export them as JPEG",
}
"""What to do about files of a format that is not read."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"8BPS", "PSD"),
    (0, b"%PDF", "PDF"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"\0\0\1\0", "icon"),
    (128, b"DICM", "DICOM"),
    (0, b"\x1a\x45\xdf\xa3", "video"),
    (8, b"AVI LIST", "video"),
    (0, b"FUJIFILMCCD-RAW", "RAW"),
    (0, b"IIU\0", "RAW"),
    (0, b"IIRO", "RAW"),
    (0, b"IIRS", "RAW"),
)
_RAW = "cr2 cr3 crw nef nrw arw srf sr2 dng orf rw2 raf pef srw 3fr iiq rwl mrw kdc dcr erf mef mos"
_EXTENSIONS = {
    extension: kind
    for kind, extensions in {
        "JPEG": "jpg jpeg jpe jfif mpo",
        "PNG": "png apng",
        "WebP": "webp",
        "GIF": "gif",
        "BMP": "bmp dib",
        "TIFF": "tif tiff",
        "AVIF": "avif",
        "HEIC": "heic heif hif",
        "JPEG XL": "jxl",
        "PPM": "ppm pgm pbm pnm",
        "JPEG 2000": "jp2 j2k jpf jpx",
        "video": "mp4 m4v mov qt webm mkv avi mpg mpeg 3gp wmv ogv",
        "RAW": _RAW,
        "PSD": "psd",
        "SVG": "svg",
        "PDF": "pdf",
        "DICOM": "dcm",
        "OpenEXR": "exr",
        "icon": "ico",
    }.items()
    for extension in extensions.split()
}
_IN_PILLOW = {"WebP": ("WEBP",), "BMP": ("BMP", "DIB")}
_BITS = {"1": 1, "L": 8, "P": 8, "I;16": 16, "I;16B": 16, "I;16L": 16, "LA": 16, "PA": 16, "RGB": 24}
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
_PEAKS = {"WebP": 16, "AVIF": 16, "HEIC": 16, "JPEG XL": 24}
"""Bytes a pixel that decoding takes at its peak, in the worst case; of other formats, about what Pillow keeps."""
_ROWS_PER_STRIP, _TILE_WIDTH = 278, 322


class UnreadablePicture(ValueError):
    """The bytes are no picture that can be read; the message says why, in a few words."""


class UnreadFormat(UnreadablePicture):
    """A format that is not read here; nothing is wrong with the file. `format` names it."""

    def __init__(self, format: str) -> None:  # noqa: A002 - the word for it
        article = "an" if format[0] in "AEIO" or format == "SVG" else "a"
        super().__init__(f"is {article} {format} file, which is not read")
        self.format = format


@dataclass(frozen=True)
class Header:
    """What the beginning of a file claims, before a pixel of it is decoded."""

    format: str
    width: int
    height: int
    memory: int
    """Bytes that decoding takes at its peak, those of the file among them."""
    length: int
    """Bytes of the file."""
    unpacked: int
    """Bytes of the pixels alone."""


def sniff(head: bytes) -> str:
    """The format of a file by its first `HEAD` bytes; "" for what is no picture that is known."""
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[:1] == b"P" and head[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6") and head[2:3].isspace():
        return "PPM"
    return next((name for at, magic, name in _MAGIC if head[at : at + len(magic)] == magic), "")


def named(path: str) -> str:
    """The format that a file's name claims; "" for the name of no picture."""
    return _EXTENSIONS.get(PurePosixPath(path).suffix[1:].lower(), "")


def _brand(head: bytes) -> str:
    """The format of an ISO base media file (ISO/IEC 14496-12) by its brands."""
    end = min(len(head), int.from_bytes(head[:4], "big")) - 3
    brands = {head[i : i + 4] for i in (8, *range(16, end, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return "HEIC"
    return "RAW" if b"crx " in brands else "video"


def open_picture(file: BinaryIO, path: str = "", *, least: int | None = None) -> tuple[Image.Image, Header]:
    """The picture in `file`, opened but (JPEG XL excepted) not decoded, and what its header claims.

    With `least`, a JPEG will be decoded at the half, fourth or eighth of its size that is not below so many pixels. `path` names
    the format where the bytes do not. Raises UnreadFormat, UnreadablePicture, and whatever a decoder raises on damaged bytes.
    """
    head = file.read(HEAD)
    length = file.seek(0, 2)
    file.seek(0)
    if not head:
        raise UnreadablePicture("is empty")
    found, claimed = sniff(head), named(path)
    # Most raw files are TIFF files, with a thumbnail for a picture.
    kind = claimed if claimed == "RAW" and found in ("TIFF", "video", "") else found or (claimed if claimed not in READABLE else "")
    if not kind:
        raise UnreadablePicture("is not a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC or JPEG XL picture")
    if kind not in READABLE:
        raise UnreadFormat(kind)
    if kind == "JPEG XL":
        return _open_jpeg_xl(file)
    image = _open_heic(file) if kind == "HEIC" else _open_with_pillow(file, kind)
    width, height, pixels = *image.size, image.width * image.height
    unpacked, coefficients = pixels * _BITS.get(image.mode, 32) // 8, pixels * _coefficients(image)
    if least is not None:
        image.draft(None, (least, least))
    kept = image.width * image.height * max(_BYTES.get(image.mode, 4) + _buffered(image), _PEAKS.get(kind, 0))
    return image, Header(kind, width, height, length + int(coefficients + kept), length, unpacked)


@functools.cache
def _silence_libtiff() -> None:
    """It writes what is wrong with a file straight to the terminal; what Pillow raises says it, too."""
    with contextlib.suppress(OSError, AttributeError):  # where it is a part of another library, its words stay
        silence = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
        silence.argtypes, silence.restype = [ctypes.c_void_p], ctypes.c_void_p
        silence(None)


def _open_with_pillow(file: BinaryIO, kind: str) -> Image.Image:
    if kind == "TIFF":
        _silence_libtiff()
    return Image.open(file, formats=_IN_PILLOW.get(kind, (kind,)))


def _open_heic(file: BinaryIO) -> Image.Image:
    if importlib.util.find_spec("pi_heif") is None:
        raise UnreadFormat("HEIC")
    from pi_heif.as_plugin import HeifImageFile  # not registered with Pillow: what others open stays as it is

    image: Image.Image = HeifImageFile(file)
    return image


def _buffered(image: Image.Image) -> float:
    """Bytes a pixel that a decoder holds beside the picture: a strip of a TIFF, all of a PPM that is written in digits."""
    if any(tile[0] in ("ppm", "ppm_plain") for tile in getattr(image, "tile", ())):
        return 4
    tags = getattr(image, "tag_v2", None)
    if tags is None or _TILE_WIDTH in tags:
        return 0
    rows = tags.get(_ROWS_PER_STRIP, image.height)
    return 4 * min(1.0, rows / max(1, image.height)) if isinstance(rows, int) else 4


def _coefficients(image: Image.Image) -> float:
    """Bytes a pixel of what a progressive JPEG keeps until its last scan is read, at whatever size it is decoded; else 0."""
    layers = getattr(image, "layer", ()) if image.info.get("progressive") else ()
    if not layers:
        return 0
    whole = max(h for _, h, _, _ in layers) * max(v for _, _, v, _ in layers)
    return float(sum(2 * h * v / whole for _, h, v, _ in layers))


def _open_jpeg_xl(file: BinaryIO) -> tuple[Image.Image, Header]:
    if importlib.util.find_spec("imagecodecs") is None:
        raise UnreadFormat("JPEG XL")
    import imagecodecs

    data = file.read()
    width, height = jpeg_xl_size(data)
    header = Header("JPEG XL", width, height, len(data) + width * height * _PEAKS["JPEG XL"], len(data), width * height * 3)
    refuse_large(header)
    try:
        samples = imagecodecs.jpegxl_decode(data, index=0)
    except imagecodecs.JpegxlError as cause:
        raise OSError(str(cause)) from cause
    return Image.fromarray(_bytes_of(samples[..., 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples)), header


def _bytes_of(samples: Any) -> Any:
    """uint8 samples of any others; 16 bits keep their high byte."""
    if samples.dtype == np.uint16:
        return (samples >> 8).astype(np.uint8)
    if samples.dtype.kind == "f":
        return (np.clip(np.nan_to_num(samples), 0, 1) * 255 + 0.5).astype(np.uint8)
    return samples


def jpeg_xl_size(data: bytes) -> tuple[int, int]:
    """Width and height that a JPEG XL file claims (ISO/IEC 18181-1, SizeHeader). Raises UnreadablePicture."""
    at = 0 if data.startswith(b"\xff\x0a") else _codestream(data)
    bits = int.from_bytes(data[at + 2 : at + 18], "little") if at >= 0 else 0
    if not bits:
        raise UnreadablePicture("is damaged (no size)")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    def length(small: bool) -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = bool(take(1))
    height = length(small)
    ratio = take(3)
    across, down = ((0, 0), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio]
    return (height * across // down if ratio else length(small)), height


def _codestream(data: bytes) -> int:
    """Where the codestream of a JPEG XL container begins (ISO/IEC 18181-2: a box jxlc, or the first jxlp); -1 without one."""
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        start = at + (16 if length == 1 else 8)
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if kind in (b"jxlc", b"jxlp"):
            start += 4 if kind == b"jxlp" else 0
            return start if data[start : start + 2] == b"\xff\x0a" else -1
        if length < 8:
            return -1
        at += length
    return -1


def refuse_large(header: Header) -> None:
    """Raise UnreadablePicture for a picture that claims more pixels than any camera makes, or none."""
    if header.width < 1 or header.height < 1:
        raise UnreadablePicture("has no pixels")
    if header.width * header.height > MAX_PIXELS:
        raise UnreadablePicture(f"claims {header.width}×{header.height} pixels, more than {MAX_PIXELS // 1_000_000} million")
