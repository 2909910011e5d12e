"""Promises about reading pictures: every file once, honest sides, nothing lost on bad input."""

import csv
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from pagesight import manifest, records
from pagesight.artifacts import SIDES, Dataset
from pagesight.errors import OptionError, ScanError
from pagesight.graph.tensorflow import tensorflow
from pagesight.options import Scanning
from pagesight.scan import scan

from .conftest import PhotoFolder, write_grays, write_photos


def skipped(dataset: Dataset) -> dict[str, str]:
    with (dataset.path / "skipped.csv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


def test_every_picture_gets_its_folders_name_and_one_side(photos: PhotoFolder, tmp_path: Path) -> None:
    dataset = scan(photos("disc", "square", per_class=20), Scanning(), tmp_path / "out")
    assert dataset.labels == ("disc", "square")
    assert [len(dataset.on(side)) for side in SIDES] == [26, 6, 8]
    assert {dataset.labels[p.label] for p in dataset.on("test")} == {"disc", "square"}
    assert all(p.path.startswith(dataset.labels[p.label] + "/") for p in dataset.pictures)


def test_labels_come_in_natural_order_and_any_script(photos: PhotoFolder, tmp_path: Path) -> None:
    names = ["10", "9", "été", "猫 🐈", "<script>alert(1)<", '"quoted"', "back\\slash", "x" * 200, "שלום"]
    dataset = scan(photos(*names, per_class=8), Scanning(), tmp_path / "out")
    assert dataset.labels[:2] == ("9", "10")
    assert set(dataset.labels) == set(names)


def test_groups_are_never_on_two_sides(photos: PhotoFolder, tmp_path: Path) -> None:
    dataset = scan(photos("a", "b", "c", per_class=30, groups=10), Scanning(group_by=r"person\d+"), tmp_path / "out")
    splits = {side: {p.group for p in dataset.on(side)} for side in SIDES}
    assert all(splits.values())
    assert not splits["train"] & splits["test"]
    assert not splits["train"] & splits["validation"]
    assert not splits["validation"] & splits["test"]
    assert dataset.facts.split == "group"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_split(photos: PhotoFolder, tmp_path: Path) -> None:
    root = photos("a", "b", per_class=20)
    first, again, other = (scan(root, Scanning(seed=s), tmp_path / name) for s, name in ((0, "1"), (0, "2"), (1, "3")))
    text = [(d.path / "dataset.json").read_bytes() for d in (first, again, other)]
    assert text[0] == text[1] != text[2]


def test_equal_pictures_share_a_side_and_are_reported_across_classes(photos: PhotoFolder, tmp_path: Path) -> None:
    root = photos("a", "b", per_class=20)
    original = next((root / "a").iterdir())
    for copy in ("a/copy1.jpg", "a/copy2.jpg", "b/stray.jpg"):
        (root / copy).write_bytes(original.read_bytes())
    dataset = scan(root, Scanning(), tmp_path / "out")
    same = [p for p in dataset.pictures if p.sha256 == next(p.sha256 for p in dataset.pictures if p.path == "b/stray.jpg")]
    assert len(same) == 4
    assert len({p.side for p in same}) == 1
    assert dataset.facts.duplicates.extra == 3
    assert "b/stray.jpg" in dataset.facts.duplicates.across_classes[0]


def huge_png() -> bytes:
    """A PNG of a few bytes that claims 60000×60000 pixels."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def with_broken(photos: PhotoFolder) -> Path:
    root = photos("a", "b", per_class=12)
    good = next((root / "a").iterdir()).read_bytes()
    (root / "a" / "truncated.jpg").write_bytes(good[: len(good) // 2])
    (root / "a" / "empty.jpg").write_bytes(b"")
    (root / "a" / "text.png").write_text("no picture at all")
    (root / "a" / "bomb.png").write_bytes(huge_png())
    (root / "a" / "dangling.jpg").symlink_to("nowhere.jpg")
    (root / "a" / ".hidden.jpg").write_bytes(b"rubbish")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "._a.jpg").write_bytes(b"rubbish")
    (root / "a" / "loop").symlink_to(root / "a", target_is_directory=True)
    return root


def test_broken_pictures_are_skipped_listed_and_the_scan_goes_on(with_broken: Path, tmp_path: Path) -> None:
    dataset = scan(with_broken, Scanning(), tmp_path / "out")
    reasons = skipped(dataset)
    assert sorted(reasons) == ["a/bomb.png", "a/dangling.jpg", "a/empty.jpg", "a/text.png", "a/truncated.jpg"]
    assert reasons["a/empty.jpg"] == "is empty"
    assert reasons["a/text.png"] == "is not a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC or JPEG XL picture"
    assert "claims" in reasons["a/bomb.png"]
    assert "damaged" in reasons["a/truncated.jpg"]
    assert reasons["a/dangling.jpg"] == "is a link to nothing"
    assert dataset.facts.skipped == 5
    assert len(dataset.pictures) == 24


def test_strict_fails_on_a_broken_picture_and_writes_nothing(with_broken: Path, tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="and 4 more"):
        scan(with_broken, Scanning(strict=True), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".out")]


def test_a_picture_with_the_wrong_extension_is_read_for_what_it_is(photos: PhotoFolder, tmp_path: Path) -> None:
    root = photos("a", "b")
    Image.new("RGB", (9, 7), "red").save(root / "a" / "really-a-png.jpg", "PNG")
    assert scan(root, Scanning(), tmp_path / "out").facts.skipped == 0


def test_a_zip_gives_what_its_folder_gives(photos: PhotoFolder, tmp_path: Path) -> None:
    root = photos("a", "b")
    archive = tmp_path / "with space.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(root.rglob("*.jpg")):
            file.write(path, Path("some folder") / path.relative_to(root))
    one, other = scan(root, Scanning(), tmp_path / "1"), scan(archive, Scanning(), tmp_path / "2")
    assert [(p.path, p.sha256, p.side) for p in one.pictures] == [(p.path, p.sha256, p.side) for p in other.pictures]
    assert other.read_bytes(other.pictures[0]) == one.read_bytes(one.pictures[0])
    again = Dataset.open(tmp_path / "2")
    assert again.read_bytes(again.pictures[0]) == one.read_bytes(one.pictures[0])


def test_an_address_gives_what_a_folder_gives(photos: PhotoFolder, tmp_path: Path) -> None:
    gfile = tensorflow().io.gfile
    root = photos("a", "b")
    for path in root.rglob("*.jpg"):
        gfile.makedirs(f"ram://bucket/photos/{path.parent.name}")
        with gfile.GFile(f"ram://bucket/photos/{path.parent.name}/{path.name}", "wb") as file:
            file.write(path.read_bytes())
    one, other = scan(root, Scanning(), tmp_path / "1"), scan("ram://bucket/photos/", Scanning(), tmp_path / "2")
    assert [(p.path, p.sha256, p.side) for p in one.pictures] == [(p.path, p.sha256, p.side) for p in other.pictures]
    assert Dataset.open(tmp_path / "2").read_bytes(other.pictures[0]) == one.read_bytes(one.pictures[0])
    first = (tmp_path / "2").stat().st_ino
    assert scan("ram://bucket/photos/", Scanning(), tmp_path / "2").path.stat().st_ino == first
    gfile.remove(f"ram://bucket/photos/{one.pictures[0].path}")
    assert len(scan("ram://bucket/photos/", Scanning(), tmp_path / "2").pictures) == len(one.pictures) - 1


@pytest.mark.parametrize("address", ["ram://nowhere/photos", "unknown://host/photos"])
def test_an_address_that_cannot_be_read_is_said_in_words(address: str, tmp_path: Path) -> None:
    with pytest.raises(ScanError, match=address) as caught:
        scan(address, Scanning(), tmp_path / "out")
    assert "\n" not in caught.value.what
    assert list(tmp_path.iterdir()) == []


def test_local_pictures_are_scanned_without_tensorflow(photos: PhotoFolder, tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "pagesight", "scan", str(photos("a", "b")), "-o", str(tmp_path / "out")]
    predicted = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert " pagesight.scan" in predicted
    assert " tensorflow" not in predicted


@pytest.mark.parametrize("name", ["../escape.jpg", "/absolute.jpg", "a/../../escape.jpg", "C:/windows.jpg", "a\\..\\..\\x.jpg"])
def test_an_archive_that_wants_out_is_refused(name: str, tmp_path: Path) -> None:
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, b"x")
    with pytest.raises(ScanError, match="outside its folder"):
        scan(archive, Scanning(), tmp_path / "deep" / "out")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["deep", "evil.zip"]


def test_an_archive_that_would_explode_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file, file.open("a/zeros.bmp", "w") as entry:
        for _ in range(150):
            entry.write(bytes(1_000_000))
    with pytest.raises(ScanError, match="would grow"):
        scan(archive, Scanning(), tmp_path / "out")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"rubbish")
    with pytest.raises(ScanError, match="not a zip archive"):
        scan(tmp_path / "photos.zip", Scanning(), tmp_path / "out")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda root: None, "does not exist"),
        (lambda root: root.mkdir(), "holds no pictures"),
        (lambda root: write_photos(root, ["only"]), "holds one class, 'only'"),
        (lambda root: write_photos(root, ["a", "b"], per_class=3), "holds 3 pictures that can be read; at least 8"),
        (
            lambda root: [write_photos(root, ["a", "b"]), (root / "c").mkdir(), (root / "c" / "x.jpg").write_bytes(b"")],
            "0 pictures",
        ),
    ],
    ids=["missing", "empty", "one class", "few", "none readable"],
)
def test_a_folder_that_cannot_be_learned_from_is_refused(make: object, what: str, tmp_path: Path) -> None:
    make(tmp_path / "photos")  # type: ignore[operator]
    with pytest.raises(ScanError, match=what) as caught:
        scan(tmp_path / "photos", Scanning(), tmp_path / "out")
    assert caught.value.fix
    assert not (tmp_path / "out").exists()


def test_loose_pictures_without_class_folders_are_told_so(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "loose.png")
    with pytest.raises(ScanError, match="no class folders"):
        scan(tmp_path, Scanning(), tmp_path / "out")


def test_what_is_no_regular_expression_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^--group-by '\[' is not a valid regular expression: [^\n]+$"):
        scan(tmp_path / "nothing-there", Scanning(group_by="["), tmp_path / "out")


@pytest.mark.parametrize(("group_by", "what"), [("nobody", "matches no picture"), ("person", "1 group")])
def test_a_group_expression_that_does_not_work_is_refused(group_by: str, what: str, photos: PhotoFolder, tmp_path: Path) -> None:
    with pytest.raises(ScanError, match=what):
        scan(photos("a", "b"), Scanning(group_by=group_by), tmp_path / "out")


def test_pictures_of_other_things_are_shared_out_each_once_and_none_that_a_class_has(photos: PhotoFolder, tmp_path: Path) -> None:
    known = photos("disc", "square", per_class=8)
    ood = write_grays(tmp_path / "others" / "deep", 12).parent
    shutil.copy(ood / "deep" / "03.png", ood / "again.png")
    shutil.copy(next((known / "disc").iterdir()), ood / "disc.jpg")
    dataset = scan(known, Scanning(unknown=str(ood)), tmp_path / "out")
    assert [len(dataset.unknown_on(side)) for side in SIDES] == [4, 4, 4]
    shown = [p for side in SIDES for p in dataset.unknown_on(side)]
    assert len({p.sha256 for p in shown}) == 12
    assert not {p.sha256 for p in shown} & {p.sha256 for p in dataset.pictures}
    again = Dataset.open(dataset.path)
    assert {again.read_bytes(p)[:4] for p in shown} == {b"\x89PNG"}
    with pytest.raises(ScanError, match="is not a folder"):
        scan(known, Scanning(unknown=str(tmp_path / "nowhere")), tmp_path / "out")
    with pytest.raises(ScanError, match="2 pictures of other things"):
        scan(known, Scanning(unknown=str(write_grays(tmp_path / "few", 2))), tmp_path / "out")


def test_nothing_is_read_again_until_a_file_changes(photos: PhotoFolder, tmp_path: Path) -> None:
    root = photos("a", "b")
    first = scan(root, Scanning(), tmp_path / "out").path.stat().st_ino
    assert scan(root, Scanning(), tmp_path / "out").path.stat().st_ino == first
    os.utime(next((root / "a").iterdir()), (1, 1))
    assert scan(root, Scanning(), tmp_path / "out").path.stat().st_ino != first


def change_in_place(file: Path) -> None:
    """Other bytes, but the same size and time."""
    status, data = file.stat(), file.read_bytes()
    file.write_bytes(data[:-12] + bytes(10) + data[-2:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no time of changes")
def test_a_file_changed_in_place_with_its_size_and_time_kept_is_read_again(photos: PhotoFolder, tmp_path: Path) -> None:
    root = photos("a", "b")
    first = scan(root, Scanning(), tmp_path / "out").path.stat().st_ino
    change_in_place(next((root / "a").iterdir()))
    assert scan(root, Scanning(), tmp_path / "out").path.stat().st_ino != first


def test_a_picture_found_to_be_another_is_scanned_again_as_the_error_says_whatever_its_times_say(
    photos: PhotoFolder, tmp_path: Path
) -> None:
    root = photos("a", "b")
    dataset = scan(root, Scanning(), tmp_path / "out")
    key = (manifest.read(dataset.path) or {})["key"]
    picture = dataset.pictures[0]
    change_in_place(root / picture.path)
    assert manifest.is_fresh(dataset.path, "scan", key)
    with pytest.raises(ScanError, match="is not the file that was scanned") as caught:
        dataset.read_bytes(picture)
    assert "`build` does by itself" in caught.value.fix
    assert not manifest.is_fresh(dataset.path, "scan", key)


def test_force_reads_all_pictures_again(photos: PhotoFolder, tmp_path: Path) -> None:
    first = scan(photos("a", "b"), Scanning(), tmp_path / "out").path.stat().st_ino
    assert scan(tmp_path / "photos", Scanning(), tmp_path / "out", force=True).path.stat().st_ino != first


def test_the_dataset_names_no_path_of_this_machine(photos: PhotoFolder, tmp_path: Path) -> None:
    dataset = scan(photos("a", "b"), Scanning(), tmp_path / "out")
    assert str(tmp_path) not in json.dumps(records.to_json(dataset.facts))
