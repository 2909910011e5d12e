"""File bytes to the exact uint8 square the model sees: the twin of web_template/src/input/pixels.js, held bit-equal by a test."""

import contextlib
import io
import struct
import warnings
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pagesight import integrity
from pagesight.contract import Input
from pagesight.decoders import MAX_MEMORY, Header, UnreadablePicture, open_picture, refuse_large
from pagesight.errors import first_line

__all__ = ["Admit", "Pixels", "UnreadablePicture", "check", "decode", "model_input", "read_model_input"]

Pixels = NDArray[np.uint8]
Admit = Callable[[Header], contextlib.AbstractContextManager[object]]
"""Waits until there is room to decode a picture; the room is free again when the block ends."""
_ORIENTATION, _SHORT = 0x112, 3
_SAMPLE_BITS = {"BGR;15": (5, 5, 5), "BGR;16": (5, 6, 5)}
"""Of bitmaps of two bytes a pixel: bits of red, green and blue."""
_STRIP = 1 << 21
"""Pixels that are made RGB at a time, where a picture is larger."""

# Of odd metadata, which are not the user's to fix. A filter set inside of a thread would not be safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode(data: bytes) -> Image.Image:
    """Decode a picture (of an animation, the first frame) to RGB, upright, flattened on white.

    JPEG, PNG, WebP, GIF and BMP as browsers do under `colorSpaceConversion: 'none'`: color profiles are not applied, 16-bit samples
    keep their high byte, and EXIF orientation counts in JPEG and PNG but not in WebP. Raises UnreadablePicture.
    """
    with _upright(data) as image:
        if image.mode == "RGB" and "transparency" not in image.info:
            picture = image.copy()  # of a plain class, that outlives its file
        else:
            picture = Image.new("RGB", image.size)
            for top, strip in _strips(image, (0, 0, *image.size)):
                picture.paste(strip, (0, top))
        picture.info.clear()  # a comment, a place, an author: what is saved again is pixels alone
        return picture


def check(data: bytes | BinaryIO, path: str = "", admit: Admit = contextlib.nullcontext) -> str:
    """The format of a picture, every byte of which is read, but few pixels are made of a JPEG.

    `path` names the format where the bytes do not; `admit` is asked before a pixel is decoded. Raises UnreadablePicture where
    `decode` would, and for what takes more memory than MAX_MEMORY.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    with _damage_is_said():
        image, header = open_picture(file, path, least=1)
        with image:
            refuse_large(header)
            if header.memory > MAX_MEMORY:
                what = f"{header.width}×{header.height} pixels of {header.format}"
                raise UnreadablePicture(f"would take {header.memory / 1e9:.1f} GB to decode ({what})")
            with admit(header):
                try:
                    _refuse_broken(file, header.format)
                    image.load()
                finally:
                    image.close()  # its memory is free before another picture gets it
        return header.format


def model_input(picture: Image.Image, options: Input) -> Pixels:
    """Crop and resize a picture to what the model sees: uint8 `[side, side, channels]`.

    The resize is a triangle filter in fixed point, horizontal pass first (Pillow's BILINEAR), on the cropped picture alone. Memory
    is taken for a strip of the picture at a time.
    """
    box, side = _box(picture, options), options.side
    # Two passes of our own: from version 12 on Pillow begins with the vertical one where that is less work.
    narrow = Image.new("RGB", (side, box[3] - box[1]))
    for top, strip in _strips(picture, box):
        narrow.paste(strip.resize((side, strip.height), Image.Resampling.BILINEAR), (0, top))
    small = narrow.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small.convert("L"))[..., None] if options.channels == 1 else np.asarray(small)


def read_model_input(data: bytes, options: Input, *, exact: bool = True, admit: Admit = contextlib.nullcontext) -> Pixels:
    """`decode` and `model_input` in one: file bytes to uint8 `[side, side, channels]`.

    Where it need not be `exact`, a large JPEG is made of its lower frequencies, at the half, fourth or eighth of its size that
    leaves twice `side`: 4000x3000 pixels in a seventh of the time, one level of 255 apart in the mean. That is for pictures to
    learn from; smaller ones would gain little and are as ever. `admit` is asked before a pixel is decoded.
    """
    with _upright(data, None if exact else 2 * options.side, admit) as image:
        return model_input(image, options)


def _box(picture: Image.Image, options: Input) -> tuple[int, int, int, int]:
    """The part of a picture that the model sees: left, top, right, bottom."""
    if options.crop != "center-square":
        return 0, 0, picture.width, picture.height
    size = min(picture.size)
    left, top = (picture.width - size) // 2, (picture.height - size) // 2
    return left, top, left + size, top + size


@contextlib.contextmanager
def _upright(data: bytes, least: int | None = None, admit: Admit = contextlib.nullcontext) -> Iterator[Image.Image]:
    """The picture as it is stored, upright; a JPEG no smaller than `least` pixels in width and height, and not below an eighth."""
    with _damage_is_said():
        image, header = open_picture(io.BytesIO(data), least=least)
        refuse_large(header)
    with image, admit(header):
        with _damage_is_said():
            _refuse_broken(io.BytesIO(data), header.format)
            tiles = getattr(image, "tile", None)
            box = tiles[0].extents if tiles and header.format == "GIF" else None
            packed = tiles[0].args[0] if tiles and header.format == "BMP" else None
            image.load()
            if header.format == "PNG":
                _set_clear_color(image, depth=data[24])
            if packed in _SAMPLE_BITS:
                image = image.point([value for bits in _SAMPLE_BITS[packed] for value in _rounded(bits)])
            for key in ("xmp", "XML:com.adobe.xmp"):  # browsers look for a turn in EXIF alone
                image.info.pop(key, None)
            if box and box != (0, 0, *image.size):  # browsers leave what the first frame does not fill translucent
                whole = Image.new("RGBA", image.size)
                whole.paste(image.crop(box).convert("RGBA"), box[:2])
                image = whole
            exif = image.info.get("exif", b"")
            if header.format not in ("JPEG", "PNG", "WebP") or (header.format != "WebP" and _orientation(exif) != 1):
                ImageOps.exif_transpose(image, in_place=True)  # a copy would cost as much as the decoding
        yield image


def _orientation(exif: bytes) -> int:
    """EXIF's orientation, 1..8; 1, upright, for anything but one SHORT: Pillow takes more than browsers do."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    with contextlib.suppress(struct.error):
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4) if order else (len(tiff),)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for at in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == _ORIENTATION:
                return value if (kind, count) == (_SHORT, 1) and 1 <= value <= 8 else 1
    return 1


def _rounded(bits: int) -> list[int]:
    """A table for samples of so few bits that Pillow has widened to 8, rounded down: browsers round them to nearest."""
    most = 2**bits - 1
    table = list(range(256))
    for value in range(most + 1):
        table[value * 255 // most] = (value * 255 * 2 + most) // (2 * most)
    return table


def _refuse_broken(file: BinaryIO, kind: str) -> None:
    """Raise UnreadablePicture for a file that decoders do not read alike."""
    if kind in integrity.CHECKED:
        at = file.tell()
        file.seek(0)
        why = integrity.why_broken(file.read(), kind)
        file.seek(at)
        if why:
            raise UnreadablePicture(f"is damaged ({why})")


@contextlib.contextmanager
def _damage_is_said() -> Iterator[None]:
    """Whatever a decoder raises on damaged bytes, as UnreadablePicture."""
    try:
        yield
    except UnreadablePicture:
        raise
    except Image.DecompressionBombError as cause:
        raise UnreadablePicture("claims too many pixels") from cause
    except MemoryError as cause:
        raise UnreadablePicture("takes more memory to decode than there is") from cause
    except UnidentifiedImageError as cause:
        raise UnreadablePicture("is damaged (its header makes no sense)") from cause
    except Exception as cause:  # decoders raise anything: KeyError, struct.error, their own
        raise UnreadablePicture(f"is damaged ({first_line(cause, 120).rstrip('.')})") from cause


def _strips(image: Image.Image, box: tuple[int, int, int, int]) -> Iterator[tuple[int, Image.Image]]:
    """The part `box` of a picture in RGB, some rows at a time, each with its distance from the part's top."""
    left, top, right, bottom = box
    rows = max(1, _STRIP // (right - left))
    for y in range(top, bottom, rows):
        part = (left, y, right, min(y + rows, bottom))
        yield y - top, _flattened(image if part == (0, 0, *image.size) else image.crop(part))


def _set_clear_color(image: Image.Image, depth: int) -> None:
    """Make a PNG's one clear color (tRNS) comparable: Pillow widens samples to 8 bits, and leaves it as it is in the file."""
    clear = image.info.get("transparency")
    if depth == 16 and clear is not None:
        del image.info["transparency"]  # its low bytes are gone, and so is what would tell it from its neighbors
    elif isinstance(clear, int) and image.mode in ("1", "L"):
        image.info["transparency"] = clear * 255 // (2**depth - 1)


def _flattened(image: Image.Image) -> Image.Image:
    """RGB of any mode; translucent pixels are blended with white in integers, rounded to nearest."""
    if image.mode.startswith("I;16") or image.mode == "I":
        gray = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return Image.fromarray(np.repeat(gray[..., None], 3, axis=2))
    if image.mode == "CMYK":  # browsers multiply by what the key lets through and cut off the rest
        ink = 255 - np.asarray(image).astype(np.uint32)
        return Image.fromarray((ink[..., :3] * ink[..., 3:] // 255).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA")).astype(np.uint32)
        color, alpha = rgba[..., :3], rgba[..., 3:]
        return Image.fromarray(((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8))
    if image.mode == "F":
        gray = np.clip(np.nan_to_num(np.asarray(image)), 0, 255).astype(np.uint8)
        return Image.fromarray(np.repeat(gray[..., None], 3, axis=2))
    return image if image.mode == "RGB" else image.convert("RGB")
