"""Promises about zips of pictures, however they were made: names come out right, what is damaged or hostile is a sentence."""

import io
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pagesight.errors import ScanError
from pagesight.options import Scanning
from pagesight.pictures import archive
from pagesight.scan import scan

from .conftest import draw


def picture(number: int = 0) -> bytes:
    target = io.BytesIO()
    draw(number, np.random.default_rng(number)).save(target, "JPEG")
    return target.getvalue()


def zipped(names: dict[str, bytes], *, packed: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", packed) as made:
        warnings.simplefilter("ignore", UserWarning)  # of names that stand there twice
        for name, data in names.items():
            made.writestr(zipfile.ZipInfo(name), data, packed)
    return target.getvalue()


def as_macos_writes_it(name: str, data: bytes) -> bytes:
    """A zip whose names are UTF-8 without the flag that says so."""
    plain = "x" * len(name.encode())
    return zipped({plain: data}).replace(plain.encode(), name.encode())


def test_names_that_windows_wrote_with_backslashes_become_folders(tmp_path: Path) -> None:
    names = {f"photos\\{label}\\{n}.jpg": picture(n + 10 * k) for k, label in enumerate(("ants", "bees")) for n in range(8)}
    (tmp_path / "windows.zip").write_bytes(zipped({"photos\\ants\\": b"", **names}))
    dataset = scan(tmp_path / "windows.zip", Scanning(), tmp_path / "out")
    assert dataset.labels == ("ants", "bees")
    assert len(dataset.pictures) == 16


def test_names_that_macos_wrote_without_saying_that_they_are_utf8_are_read(tmp_path: Path) -> None:
    (tmp_path / "mac.zip").write_bytes(as_macos_writes_it("Bienen grün/Käfer 蜂.jpg", picture()))
    archive.extract(tmp_path / "mac.zip", tmp_path / "out")
    assert (tmp_path / "out" / "Bienen grün" / "Käfer 蜂.jpg").read_bytes() == picture()


def test_a_zip_is_taken_for_what_it_is_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "project.tm").write_bytes(zipped({"../escape.jpg": b"x"}))
    with pytest.raises(ScanError, match="outside its folder"):
        archive.extract(tmp_path / "project.tm", tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "escape.jpg").exists()


def lying_directory() -> bytes:
    """The directory of the archive points beyond its end."""
    data = bytearray(zipped({"a/1.jpg": picture()}))
    at = data.rindex(b"PK\1\2")
    data[at + 42 : at + 46] = struct.pack("<I", 0xFFFFFF00)
    return bytes(data)


def bad_deflate() -> bytes:
    data = bytearray(zipped({"a/1.bmp": bytes(5000)}, packed=zipfile.ZIP_DEFLATED))
    data[40:60] = b"\xff" * 20
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (zipped({".": b"x"}), "without a name"),
        (zipped({"./": b"x", "./.": b"x"}), "without a name"),
        (zipped({"a": b"x", "a/b.jpg": b"x"}), "can be read: "),
        (zipped({"a/" + "n" * 300: b"x"}), "can be read: "),
        (lying_directory(), "can be read: "),
        (bad_deflate(), "can be read: "),
    ],
    ids=["a point", "points", "a file that is a folder", "a name too long", "a lying directory", "bad deflate"],
)
def test_what_is_wrong_with_a_zip_is_said_in_a_sentence(data: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "odd.zip").write_bytes(data)
    with pytest.raises(ScanError, match=what) as caught:
        archive.extract(tmp_path / "odd.zip", tmp_path / "out")
    assert "\n" not in caught.value.what
    assert caught.value.fix


def test_two_thousand_mutants_of_a_zip_are_unpacked_or_refused_in_a_sentence(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    seeds = [
        zipped({"a/1.bmp": bytes(900), "b\\2.txt": b"words" * 40}, packed=packed)
        for packed in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    ]
    said: list[str] = []
    for number in range(2000):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(random.integers(1, 4)):
            data[random.integers(0, len(data))] = random.integers(0, 256)
        (tmp_path / "mutant.zip").write_bytes(bytes(data[: len(data) if number % 5 else random.integers(0, len(data))]))
        try:
            archive.extract(tmp_path / "mutant.zip", tmp_path / "out")
        except ScanError as cause:
            said.append(cause.what)
        assert {p.name for p in tmp_path.iterdir()} <= {"mutant.zip", "out"}
    assert len(said) > 500
    assert not [sentence for sentence in said if "\n" in sentence]
