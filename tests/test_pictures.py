"""Promises about formats: what is read comes out right, what is not is said by its name, no file takes the machine's memory."""

import importlib.util
import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagesight import decoders, pixels
from pagesight.contract import Input
from pagesight.pictures.model_inputs import pictures_in

from .conftest import write_photos

HERE = Path(__file__).parent / "pictures"
Y, X = np.mgrid[:75, :101]
WAVES = Image.fromarray(np.stack([X * 2, Y * 3, X + Y], -1).astype(np.uint8))
"""What waves.heic and waves.jxl show, 101×75."""


def saved(kind: str, image: Image.Image = WAVES, **how: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **how)
    return target.getvalue()


def test_of_many_pictures_some_are_chosen_from_all_folders_and_another_takes_the_place_of_one_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    for folder in ("ants", "bees", "cats"):
        (tmp_path / folder).mkdir()
        for number in range(4):
            Image.new("RGB", (8, 8)).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "ants" / "0.png").write_bytes(b"no picture")
    chosen = [path.relative_to(tmp_path).as_posix() for path, _ in pictures_in(tmp_path, 4)]
    assert len(chosen) == 4
    assert {path.split("/")[0] for path in chosen} == {"ants", "bees", "cats"}
    assert "ants/0.png" not in chosen


@pytest.mark.parametrize(
    ("data", "kind", "tolerance"),
    [
        (saved("JPEG", quality=95), "JPEG", 3),
        (saved("PNG"), "PNG", 0),
        (saved("WEBP", lossless=True), "WebP", 0),
        (saved("BMP"), "BMP", 0),
        (saved("TIFF", compression="tiff_lzw"), "TIFF", 0),
        (saved("PPM"), "PPM", 0),
        (saved("AVIF", quality=95), "AVIF", 3),
        ((HERE / "waves.heic").read_bytes(), "HEIC", 3),
        ((HERE / "waves.jxl").read_bytes(), "JPEG XL", 5),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_picture_of_each_format_is_read(data: bytes, kind: str, tolerance: float) -> None:
    assert pixels.check(data) == kind
    read = np.asarray(pixels.decode(data)).astype(int)
    assert read.shape == (75, 101, 3)
    assert np.abs(read - np.asarray(WAVES)).mean() <= tolerance
    assert pixels.read_model_input(data, Input(side=32)).shape == (32, 32, 3)


@pytest.mark.parametrize("kind", ["HEIC", "JPEG XL"])
def test_a_format_whose_library_is_missing_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    data = (HERE / ("waves.heic" if kind == "HEIC" else "waves.jxl")).read_bytes()
    with pytest.raises(decoders.UnreadFormat, match=kind) as caught:
        pixels.check(data)
    assert caught.value.format == kind
    assert "pip install" in decoders.FIXES[kind]


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [
        ("a.NEF", b"MM\0*\0\0\0\x08" + bytes(200), "RAW"),
        ("a.cr3", b"\0\0\0\x18ftypcrx " + bytes(200), "RAW"),
        ("clip.MOV", b"\0\0\0\x14ftypqt  " + bytes(200), "video"),
        ("clip.webm", b"\x1a\x45\xdf\xa3" + bytes(200), "video"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("layers.psd", b"8BPS" + bytes(200), "PSD"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_what_to_do(path: str, data: bytes, kind: str) -> None:
    with pytest.raises(decoders.UnreadFormat) as caught:
        pixels.check(data, path)
    assert caught.value.format == kind
    assert decoders.FIXES[kind]


PEAK = '''
import re, resource
def peak():
    """Bytes at the most; what a process counts of itself may include what its parent held when it was forked."""
    try:
        return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
'''
MEASURE = """
import sys
from pathlib import Path
from pagesight import pixels
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            print(pixels.check(file, path))
    except pixels.UnreadablePicture as why:
        print(why)
print(peak())
"""


@pytest.mark.slow
def test_two_hundred_million_pixels_are_read_within_a_gigabyte_and_what_would_take_more_is_refused(tmp_path: Path) -> None:
    Image.new("L", (14142, 14142), 90).save(tmp_path / "gray.png")
    Image.new("RGB", (14142, 14142), (90, 80, 70)).save(tmp_path / "photo.jpg")
    Image.new("P", (10000, 10000)).save(tmp_path / "bomb.gif", transparency=0)
    Image.new("RGB", (9000, 9000)).save(tmp_path / "large.webp", lossless=True, method=0)
    Image.new("L", (20000, 10001)).save(tmp_path / "too-large.png")
    Image.new("RGB", (14142, 14142)).save(tmp_path / "scan.tif", compression="packbits")
    names = ["gray.png", "photo.jpg", "bomb.gif", "large.webp", "too-large.png", "scan.tif"]
    command = [sys.executable, "-c", PEAK + MEASURE, *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    *said, peak = done.stdout.splitlines()
    assert said[:3] == ["PNG", "JPEG", "GIF"]
    assert said[3].startswith("would take 1.3 GB to decode")
    assert said[4] == "claims 20000×10001 pixels, more than 200 million"
    assert said[5] == "TIFF"
    assert int(peak) < 1_000_000_000


def mutants(count: int) -> list[bytes]:
    """Pictures of all formats with a few bytes changed, zeroed, left out or put in."""
    random = np.random.default_rng(3)
    seeds = [saved(kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")]
    seeds += [saved("JPEG", progressive=True), saved("TIFF", compression="tiff_lzw"), saved("PNG", WAVES.convert("P"))]
    seeds += [path.read_bytes() for path in sorted(HERE.glob("waves.*"))]
    made = []
    for number in range(count):
        data = bytearray(seeds[number % len(seeds)])
        at = int(random.integers(0, len(data)))
        length = int(random.integers(1, 24))
        noise = random.integers(0, 256, length, dtype=np.uint8).tobytes()
        way = number // len(seeds) % 4
        data[at : at + (0 if way == 0 else length)] = (noise, noise, bytes(length), b"")[way]
        made.append(bytes(data))
    return made


def bombs() -> dict[str, bytes]:
    """Files that claim far more than they hold."""
    frame = struct.pack("<HHHHB", 0, 0, 14000, 14000, 0)
    gif = b"GIF89a" + struct.pack("<HHBBB", 14000, 14000, 0x80, 0, 0) + bytes(6) + b"," + frame + b"\2\2\x44\1\0;"
    bmp = b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 1078, 40, 14000, 14000, 1, 8, 1, 0, 0, 0, 256, 256) + bytes(1024)
    return {
        "frame.gif": gif,
        "runs.bmp": bmp + b"\xff\7" * 40_000,
        "row.png": saved("PNG", Image.new("RGB", (9000, 9000))),
        "still.webp": saved("WEBP", Image.new("RGB", (6000, 6000)), lossless=True, method=0),
        "gray.avif": saved("AVIF", Image.new("L", (4000, 4000)), speed=10),
        "page.tif": saved("TIFF", Image.new("1", (14000, 14000)), compression="group4"),
        "digits.ppm": b"P3 14000 14000 255\n" + b"0 " * 100,
        "noise.jpg": b"\xff\xd8\xff" + bytes(range(256)) * 80,
        "header.jxl": b"\xff\x0a" + bytes(range(200, 256)),
        "cut.heic": (HERE / "waves.heic").read_bytes()[:400],
    }


SCAN = """
from pagesight.cli import main
try:
    main()
finally:
    print(peak() // 1024)
"""


def scan_apart(photos: Path, into: Path) -> tuple[str, int]:
    """What `pagesight scan` says, and the most memory that it took, in bytes."""
    command = [sys.executable, "-c", PEAK + SCAN, "scan", str(photos), "-o", str(into)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr, int(done.stdout.splitlines()[-1]) * 1024


@pytest.mark.slow
def test_a_folder_of_three_hundred_hostile_pictures_is_scanned_within_a_gigabyte(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", ["a", "b"], 8)
    for number, (name, data) in enumerate(list(bombs().items()) * 30):
        (tmp_path / "photos" / "ab"[number % 2] / f"{number}-{name}").write_bytes(data)
    said, peak = scan_apart(tmp_path / "photos", tmp_path / "out")
    assert "Traceback" not in said
    assert "Warning" not in said
    assert peak < 1_000_000_000


def test_a_folder_of_two_thousand_mutants_is_scanned_without_a_traceback_or_a_warning(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", ["a", "b"], 8)
    for number, data in enumerate(mutants(2000)):
        (tmp_path / "photos" / "ab"[number % 2] / f"{number}.jpg").write_bytes(data)
    said, _ = scan_apart(tmp_path / "photos", tmp_path / "out")
    reasons = [row.split(",", 1)[1] for row in (tmp_path / "out" / "skipped.csv").read_text().splitlines()]
    assert len(reasons) > 500
    assert all(reason.startswith(("reason", "is ", '"is ', "claims ", "would ", "has ")) for reason in reasons)
    assert "Traceback" not in said
    assert "Warning" not in said
    assert "unexpected error" not in said
    assert not [line for line in said.splitlines() if line.startswith(("tempfile", "LZW"))]


def test_a_jpeg_that_would_be_gone_through_again_and_again_is_refused() -> None:
    data = saved("JPEG", Image.new("L", (64, 64), 128), progressive=True)
    last = data.rindex(b"\xff\xda")
    scan, end = data[last:-2], data[-2:]
    assert pixels.check(data[:-2] + scan * 80 + end) == "JPEG"
    with pytest.raises(pixels.UnreadablePicture, match="more than 100 scans"):
        pixels.check(data[:-2] + scan * 120 + end)


@pytest.mark.skipif(importlib.util.find_spec("imagecodecs") is None, reason="imagecodecs is not installed")
def test_jpeg_xl_is_read_in_its_container_and_at_the_size_of_a_pixel() -> None:
    import imagecodecs

    bare = (HERE / "waves.jxl").read_bytes()

    def box(kind: bytes, content: bytes) -> bytes:
        return (len(content) + 8).to_bytes(4, "big") + kind + content

    start = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    # What looks like the beginning of a picture stands in another box before it.
    whole = start + box(b"xml ", b"\xff\x0a\xff\xff\xff") + box(b"jxlc", bare)
    assert decoders.jpeg_xl_size(whole) == decoders.jpeg_xl_size(bare) == (101, 75)
    assert np.array_equal(np.asarray(pixels.decode(whole)), np.asarray(pixels.decode(bare)))
    assert pixels.decode(imagecodecs.jpegxl_encode(np.full((1, 1, 3), 200, np.uint8), lossless=True)).size == (1, 1)
