"""File bytes to the exact uint8 square the model sees: the twin of web_template/src/input/pixels.js, held bit-equal by a test."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pagesight.contract import Input

Pixels = NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAX_PIXELS = 100_000_000
"""A picture that claims more is taken for a decompression bomb; the largest cameras stay below."""


class UnreadablePicture(ValueError):
    """The bytes are no picture that can be read; the message says why, in a few words."""


def decode(data: bytes) -> Image.Image:
    """Decode a JPEG, PNG, WebP, GIF (first frame) or BMP to an RGB picture, upright, flattened on white.

    As browsers do under `colorSpaceConversion: 'none'`: colour profiles are not applied, 16-bit samples keep their high byte,
    and EXIF orientation counts in JPEG and PNG but not in WebP. Raises UnreadablePicture.
    """
    return _decoded(data, least=None)


def check(data: bytes) -> None:
    """Raise UnreadablePicture where `decode` would, in a third of the time: every byte is read, few pixels are made of a JPEG."""
    _decoded(data, least=1)


def model_input(picture: Image.Image, options: Input) -> Pixels:
    """Crop and resize an RGB picture to what the model sees: uint8 `[side, side, channels]`.

    The resize is a triangle filter in fixed point, horizontal pass first (Pillow's BILINEAR), on the cropped picture alone.
    """
    if options.crop == "center-square":
        size = min(picture.size)
        left, top = (picture.width - size) // 2, (picture.height - size) // 2
        picture = picture.crop((left, top, left + size, top + size))
    small = picture.resize((options.side, options.side), Image.Resampling.BILINEAR)
    if options.channels == 1:
        return np.asarray(small.convert("L"))[..., None]
    return np.asarray(small)


def read_model_input(data: bytes, options: Input, *, exact: bool = True) -> Pixels:
    """`decode` and `square` in one: file bytes to uint8 `[side, side, channels]`.

    Where it need not be `exact`, a large JPEG is made of its lower frequencies, at the half, fourth or eighth of its size that
    leaves twice `side`: 4000x3000 pixels in a seventh of the time, one level of 255 apart in the mean. That is for pictures to
    learn from; smaller ones would gain little and are as ever.
    """
    return model_input(decode(data) if exact else _decoded(data, least=2 * options.side), options)


def _decoded(data: bytes, *, least: int | None) -> Image.Image:
    """The picture, or a smaller one of a JPEG: not below `least` pixels in width and height, and not below an eighth."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width < 1 or image.height < 1:
                raise UnreadablePicture("has no pixels")
            if image.width * image.height > MAX_PIXELS:
                raise UnreadablePicture(f"claims {image.width}×{image.height} pixels, more than {MAX_PIXELS // 1_000_000} million")
            if least is not None:
                image.draft(None, (least, least))
            image.load()
            if image.format == "PNG":
                _set_clear_colour(image, depth=data[24])
            for key in ("xmp", "XML:com.adobe.xmp"):  # browsers look for a turn in EXIF alone
                image.info.pop(key, None)
            if image.format != "WEBP":
                ImageOps.exif_transpose(image, in_place=True)  # a copy would cost as much as the decoding
            picture = _flattened(image)
            picture.info.clear()  # a comment, a place, an author: what is saved again is pixels alone
            return picture
    except UnreadablePicture:
        raise
    except Image.DecompressionBombError as cause:
        raise UnreadablePicture("claims too many pixels") from cause
    except UnidentifiedImageError as cause:
        raise UnreadablePicture("is empty" if not data else "is not a JPEG, PNG, WebP, GIF or BMP picture") from cause
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError) as cause:
        raise UnreadablePicture(f"is damaged ({str(cause).rstrip('.') or type(cause).__name__})") from cause


def _set_clear_colour(image: Image.Image, depth: int) -> None:
    """Make a PNG's one clear colour (tRNS) comparable: Pillow widens samples to 8 bits, and leaves it as it is in the file."""
    clear = image.info.get("transparency")
    if depth == 16 and clear is not None:
        del image.info["transparency"]  # its low bytes are gone, and so is what would tell it from its neighbours
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
    return image if image.mode == "RGB" else image.convert("RGB")
