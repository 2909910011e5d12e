"""pixels.js is the twin of pixels.py: the model sees the same bytes in the browser and in Python."""

import base64
import io
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from playwright.sync_api import Page

from pagesight.contract import Input
from pagesight.pixels import UnreadablePicture, check, decode, read_model_input

RANDOM = np.random.default_rng(0)


def _noise(height: int, width: int, channels: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, channels), dtype=np.uint8).squeeze()


def _waves(height: int, width: int, channels: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(3 * x + 2 * y * (k + 1) + 40 * k) % 256 for k in range(channels)], -1).astype(np.uint8).squeeze()


def _save(image: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(target, kind, **options)
    return target.getvalue()


def _oriented(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x112] = orientation
    return _save(_waves(75, 49, 3), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))


def _png16(channels: int, color_type: int) -> bytes:
    """A PNG of 16 bits a sample, which Pillow cannot write for colors."""
    samples = RANDOM.integers(0, 65536, (50, 60, channels)).astype(">u2")
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 60, 50, 16, color_type, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in samples))),
        (b"IEND", b""),
    )
    return _png_file(chunks)


def _profile() -> bytes:
    """A color profile that cannot be overlooked: sRGB, its red and green exchanged."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)


def _interlaced(depth: int, color_type: int, channels: int) -> bytes:
    """A PNG whose seven passes Pillow cannot write; no row is filtered."""
    width, height = 61, 47
    samples = RANDOM.integers(0, 2**depth, (height, width, channels))
    data = b""
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for row in samples[y::dy, x::dx].reshape(len(samples[y::dy]), -1):
            bits = "".join(format(value, f"0{depth}b") for value in row)
            data += b"\0" + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    clear = [(b"tRNS", struct.pack(">" + "H" * channels, *samples[0, 0]))] if color_type < 3 else []
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 1)
    return _png_file([(b"IHDR", header), *clear, (b"IDAT", zlib.compress(data)), (b"IEND", b"")])


def _png_file(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks
    )


def _turn(orientation: int, kind: int = 3, count: int = 1) -> bytes:
    """A TIFF header and a directory with the orientation alone, as a value of one of TIFF's types."""
    value = struct.pack(">HH", orientation, 0) if kind == 3 else struct.pack(">I", orientation)
    return b"MM\0*" + struct.pack(">IHHHI", 8, 1, 0x112, kind, count) + value + bytes(4)


def _with_tiff(kind: str, tiff: bytes) -> bytes:
    """A picture with these EXIF data."""
    whole = _save(_waves(75, 49, 3), kind)
    if kind == "JPEG":
        return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + whole[2:]
    return whole[:33] + _png_file([(b"eXIf", tiff)])[8:] + whole[33:]


def _raw_profile(tiff: bytes) -> PngImagePlugin.PngInfo:
    """EXIF data as ImageMagick wrote them into a PNG's text, before there was a chunk for them."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(tiff) + 6:8d}\n{(b'Exif' + bytes(2) + tiff).hex()}\n", zip=True)
    return text


def _animated() -> bytes:
    """A PNG whose picture is no frame of its animation."""
    frames = [Image.fromarray(_waves(40, 40, 3)).rotate(90 * k) for k in range(3)]
    return _save(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True)


def _short_palette() -> bytes:
    """A PNG with more entries asked for than its palette has."""
    rows = b"".join(b"\0" + bytes((x + y) % 64 for x in range(80)) for y in range(48))
    header = struct.pack(">IIBBBBB", 80, 48, 8, 3, 0, 0, 0)
    return _png_file([(b"IHDR", header), (b"PLTE", bytes(range(30, 120))), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def _bmp16(masks: tuple[int, int, int]) -> bytes:
    """A bitmap of two bytes a pixel, with these bits for red, green and blue."""
    pixels = np.arange(52 * 40, dtype="<u2").reshape(40, 52) * 31
    header = struct.pack("<IiiHHIIiiII", 40, 52, 40, 1, 16, 3, pixels.nbytes, 0, 0, 0, 0) + struct.pack("<III", *masks)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + pixels.nbytes, 0, 0, 14 + len(header)) + header + pixels.tobytes()


def _corpus() -> dict[str, bytes]:
    profile = _profile()
    palette = Image.fromarray(_noise(60, 80, 3)).quantize(64)
    return {
        **{f"exif-{n}-{kind.lower()}": _oriented(kind, n) for kind in ("JPEG", "PNG", "WEBP") for n in range(1, 9)},
        "rgba-png": _save(_noise(90, 131, 4), "PNG"),
        "rgba-webp": _save(_noise(90, 131, 4), "WEBP", lossless=True, exact=True),
        "rgba-webp-lossy": _save(_noise(90, 131, 4), "WEBP"),
        "webp-lossy": _save(_waves(333, 501, 3), "WEBP"),
        "webp-with-a-tail": _save(_noise(90, 131, 4), "WEBP", lossless=True) + b"what another program left" * 3,
        "gray-png": _save(_noise(77, 50, 1), "PNG"),
        "gray-jpeg": _save(_waves(77, 50, 1), "JPEG"),
        "gray-alpha-png": _save(Image.fromarray(_noise(77, 50, 2), "LA"), "PNG"),
        "gray-16-bit-png": _save(RANDOM.integers(0, 65536, (70, 90)).astype(np.uint16), "PNG"),
        "gray-alpha-16-bit-png": _png16(2, 4),
        "rgb-16-bit-png": _png16(3, 2),
        "rgba-16-bit-png": _png16(4, 6),
        "one-bit-png": _save(Image.fromarray(_noise(60, 80, 1) > 127), "PNG"),
        "palette-png": _save(palette, "PNG"),
        "palette-trns-png": _save(palette, "PNG", transparency=bytes(range(0, 256, 4))),
        "palette-one-clear-png": _save(palette, "PNG", transparency=5),
        "rgb-trns-png": _save(_waves(40, 40, 3), "PNG", transparency=(40, 80, 120)),
        "gray-trns-png": _save(_waves(40, 40, 1), "PNG", transparency=40),
        "cmyk-jpeg": _save(Image.fromarray(_waves(100, 120, 4), "CMYK"), "JPEG", quality=95),
        "progressive-jpeg": _save(_waves(333, 501, 3), "JPEG", progressive=True),
        "odd-420-jpeg": _save(_waves(333, 501, 3), "JPEG", subsampling=2),
        "noise-jpeg": _save(_noise(333, 501, 3), "JPEG"),
        "gif": _save(palette, "GIF"),
        "gif-clear": _save(palette, "GIF", transparency=3),
        "gif-animated": _save(palette, "GIF", save_all=True, append_images=[palette.rotate(180)], duration=100),
        "bmp": _save(_noise(33, 51, 3), "BMP"),
        "gray-bmp": _save(_noise(33, 51, 1), "BMP"),
        "palette-bmp": _save(palette, "BMP"),
        "one-bit-bmp": _save(Image.fromarray(_noise(33, 51, 1) > 127), "BMP"),
        "rgba-bmp": _save(_noise(33, 51, 4), "BMP"),
        "1x1": _save(_noise(1, 1, 3).reshape(1, 1, 3), "PNG"),
        "1x1-clear": _save(Image.new("RGBA", (1, 1), (3, 200, 77, 9)), "PNG"),
        "5000x20": _save(_noise(20, 5000, 3), "PNG"),
        "20x5000": _save(_waves(5000, 20, 3), "JPEG"),
        "3000x2000": _save(_waves(2000, 3000, 3), "JPEG"),
        "already-32": _save(_noise(32, 32, 3), "PNG"),
        "profile-jpeg": _save(_waves(333, 501, 3), "JPEG", icc_profile=profile),
        "profile-png": _save(_waves(90, 131, 3), "PNG", icc_profile=profile),
        "profile-rgba-png": _save(_noise(90, 131, 4), "PNG", icc_profile=profile),
        "profile-webp": _save(_waves(90, 131, 3), "WEBP", icc_profile=profile),
        "interlaced-rgba": _interlaced(8, 6, 4),
        "interlaced-rgba-16-bit": _interlaced(16, 6, 4),
        "interlaced-rgb-16-bit-trns": _interlaced(16, 2, 3),
        "interlaced-gray-1-bit-trns": _interlaced(1, 0, 1),
        "interlaced-gray-2-bit-trns": _interlaced(2, 0, 1),
        "tall-20": _save(_noise(77, 20, 3), "PNG"),
        "wide-32": _save(_noise(32, 77, 3), "PNG"),
        # Written as EXIF has it not: no browser turns them.
        "exif-6-long-jpeg": _with_tiff("JPEG", _turn(6, kind=4)),
        "exif-6-long-png": _with_tiff("PNG", _turn(6, kind=4)),
        "exif-6-twice-jpeg": _with_tiff("JPEG", _turn(6, count=2)),
        "exif-6-behind-a-name-png": _with_tiff("PNG", b"Exif\0\0" + _turn(6)),
        "exif-6-in-a-text-png": _save(_waves(75, 49, 3), "PNG", pnginfo=_raw_profile(_turn(6))),
        "animated-png": _animated(),
        "short-palette-png": _short_palette(),
        "bmp-555": _bmp16((0x7C00, 0x3E0, 0x1F)),
        "bmp-565": _bmp16((0xF800, 0x7E0, 0x1F)),
    }


CORPUS = _corpus()


@pytest.fixture(scope="module")
def open_page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Opens a blank page beside a bundle whose contract was changed, and loads its classifier as `window.c`."""
    import assembly
    import conftest

    opened: list[Any] = []

    def open_bundle(channels: int, crop: str) -> Page:
        root = assembly.assemble(tmp_path_factory.mktemp("pixels") / "bundle")
        contract = root / "contract.json"
        text = contract.read_text(encoding="utf-8").replace('"crop": "center-square"', f'"crop": "{crop}"')
        contract.write_text(text, encoding="utf-8")
        (root / "blank.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>blank</title>', encoding="utf-8")
        site = conftest.Site(root)
        page = browser.new_page()
        opened.extend((page, site))
        page.goto(site.url + "blank.html")
        page.evaluate("async () => { const { load } = await import('./pagesight.js'); window.c = await load(); }")
        return page

    yield open_bundle
    for thing in opened:
        thing.close() if isinstance(thing, Page) else thing.stop()


@pytest.fixture(scope="module")
def cropping(open_page: Callable[..., Page]) -> Page:
    return open_page(3, "center-square")


@pytest.fixture(scope="module")
def squashing(open_page: Callable[..., Page]) -> Page:
    return open_page(3, "squash")


def _square(page: Page, data: bytes) -> np.ndarray:
    encoded = page.evaluate(
        """async (base64) => {
          const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
          const { data } = await c.square(new Blob([bytes]));
          return btoa(Array.from(data, (v) => String.fromCharCode(v)).join(""));
        }""",
        base64.b64encode(data).decode(),
    )
    return np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(32, 32, 3)


@pytest.mark.parametrize("name", CORPUS)
def test_the_model_sees_the_same_square_in_both_languages(cropping: Page, name: str) -> None:
    options = Input(side=32, channels=3, crop="center-square")
    np.testing.assert_array_equal(_square(cropping, CORPUS[name]), read_model_input(CORPUS[name], options))


@pytest.mark.parametrize("name", ["rgba-png", "5000x20", "20x5000", "exif-6-jpeg", "exif-1-png", "wide-32", "tall-20", "1x1"])
def test_squashing_is_the_same_too(squashing: Page, name: str) -> None:
    options = Input(side=32, channels=3, crop="squash")
    np.testing.assert_array_equal(_square(squashing, CORPUS[name]), read_model_input(CORPUS[name], options))


@pytest.mark.parametrize("name", CORPUS)
def test_a_picture_read_in_strips_gives_what_it_gives_in_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Input(side=40, channels=3, crop="center-square")
    whole = read_model_input(CORPUS[name], options), np.asarray(decode(CORPUS[name]))
    monkeypatch.setattr("pagesight.pixels._STRIP", 300)
    np.testing.assert_array_equal(read_model_input(CORPUS[name], options), whole[0])
    np.testing.assert_array_equal(np.asarray(decode(CORPUS[name])), whole[1])


def test_a_changed_pixel_would_be_noticed(cropping: Page) -> None:
    pixels = _noise(32, 32, 3)
    changed = pixels.copy()
    changed[16, 16, 1] ^= 1
    options = Input(side=32, channels=3, crop="center-square")
    assert not np.array_equal(_square(cropping, _save(pixels, "PNG")), read_model_input(_save(changed, "PNG"), options))


def test_frames_and_bitmaps_give_the_square_of_their_file(cropping: Page, tmp_path: Path) -> None:
    same = cropping.evaluate(
        """async (base64) => {
          const blob = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
          const image = new Image();
          image.src = URL.createObjectURL(blob);
          await image.decode();
          const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const sources = [image, canvas, await createImageBitmap(image), context.getImageData(0, 0, image.width, image.height)];
          const expected = (await c.square(blob)).data.join();
          return Promise.all(sources.map(async (source) => (await c.square(source)).data.join() === expected));
        }""",
        base64.b64encode(CORPUS["noise-jpeg"]).decode(),
    )
    assert same == [True] * 4


@pytest.mark.parametrize("name", CORPUS)
def test_the_quick_look_of_a_scan_refuses_what_decoding_would_refuse(name: str) -> None:
    whole = CORPUS[name]
    for length in (len(whole), len(whole) - 30, len(whole) // 2, len(whole) // 5, 0):
        try:
            decode(whole[:length])
            why = ""
        except UnreadablePicture as cause:
            why = str(cause)
        if why:
            with pytest.raises(UnreadablePicture, match=f"^{re.escape(why)}$"):
                check(whole[:length])
        else:
            check(whole[:length])


def _without_its_last_scans(data: bytes) -> bytes:
    """A progressive JPEG, zeroed from the end of its first scan on, but for its own end."""
    first = data.index(b"\xff\xda")
    end = data.index(b"\xff\xc4", first)  # the table of codes that the second scan begins with
    return data[:end] + bytes(len(data) - end - 2) + data[-2:]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_without_its_last_scans(CORPUS["progressive-jpeg"]), "last scans are missing"),
        (CORPUS["exif-6-jpeg"].replace(b"Exif\0\0", b"Exif\0\7"), "EXIF"),
        (CORPUS["noise-jpeg"][:-2] + b"\xff\xe5\x99\x99", "longer than the file"),
        (CORPUS["bmp"][:-1], "last rows are missing"),
        (CORPUS["one-bit-bmp"][:10] + struct.pack("<I", 54) + CORPUS["one-bit-bmp"][14:], "before its palette ends"),
        (CORPUS["gray-png"][:-12], "end is missing"),
        (CORPUS["gray-png"][:-16] + b"\7\7\7\7" + CORPUS["gray-png"][-12:], "not what was written"),
        (CORPUS["gif"][:-1], "end is missing"),
    ],
    ids=[
        "progressive, zeroed",
        "odd EXIF",
        "segment too long",
        "BMP cut short",
        "BMP header lies",
        "PNG without end",
        "PNG altered",
        "GIF without end",
    ],
)
def test_what_decoders_mend_each_in_its_own_way_is_refused(data: bytes, why: str) -> None:
    for read in (check, decode, lambda data: read_model_input(data, Input(side=32))):
        with pytest.raises(UnreadablePicture, match=why):
            read(data)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "PNG"])
def test_what_is_saved_of_a_picture_again_tells_no_more_than_its_pixels(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "12 Elm Street"
    about = {"exif": exif, "icc_profile": b"12 Elm Street"} if kind == "PNG" else {"comment": b"12 Elm Street"}
    again = _save(decode(_save(_waves(60, 80, 3), kind, **about)), "JPEG")
    assert b"Elm" not in again


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_jpeg_to_learn_from_is_read_coarsely_and_hardly_differs(mode: str) -> None:
    y, x = np.mgrid[:1500, :2000] / 100
    drawn = np.stack([128 + 100 * np.sin(x), 128 + 100 * np.cos(y), 128 + 60 * np.sin(x * y)], axis=-1).astype(np.uint8)
    data, options = _save(Image.fromarray(drawn).convert(mode), "JPEG", quality=92), Input(side=64)
    exact, coarse = (read_model_input(data, options, exact=exact).astype(int) for exact in (True, False))
    assert not np.array_equal(exact, coarse)
    assert np.abs(exact - coarse).mean() < 1.5  # of 255; a pixel's own rounding is 0.5
    small = Input(side=600)  # not even half of it would leave twice the side
    np.testing.assert_array_equal(read_model_input(data, small), read_model_input(data, small, exact=False))
