"""Promises about folders that people really have: their labels and sides are read as they are meant, or what was seen is said."""

import json
import re
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from pagesight.errors import OptionError, ScanError
from pagesight.options import Scanning
from pagesight.scan import scan

from .conftest import draw
from .photo_folders import LABELS, RANDOM, pictures, scanned, sides


@pytest.mark.parametrize(
    ("train", "validation", "test"), [("train", "val", "test"), ("Training", "valid", "TESTING"), ("train2017", "dev", "test2017")]
)
def test_sides_that_are_there_are_kept(train: str, validation: str, test: str, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for kind, label in enumerate(LABELS):
        for side, count in ((train, 8), (validation, 3), (test, 4)):
            pictures(root / side / label, kind, count)
    (root / "data.yaml").write_text("names: [ants, bees]")
    dataset, notes = scanned(root, tmp_path)
    assert dataset.labels == LABELS
    assert sides(dataset) == {
        "train": dict.fromkeys(LABELS, 8),
        "validation": dict.fromkeys(LABELS, 3),
        "test": dict.fromkeys(LABELS, 4),
    }
    assert dataset.has_own_sides
    assert any("sides as they are: 16 train, 6 validation, 8 test" in note for note in notes)


def test_with_train_and_val_alone_val_is_what_is_measured(tmp_path: Path) -> None:
    root = tmp_path / "hymenoptera"
    for kind, label in enumerate(LABELS):
        pictures(root / "train" / label, kind, 12)
        pictures(root / "val" / label, kind, 5)
    dataset, _ = scanned(root, tmp_path)
    assert dataset.labels == LABELS
    found = sides(dataset)
    assert found["test"] == dict.fromkeys(LABELS, 5)
    assert all("/val/" in f"/{p.path}" for p in dataset.pictures if p.side == "test")
    assert found["train"]["ants"] + found["validation"]["ants"] == 12
    assert found["validation"]["ants"] >= 1


def test_sides_inside_of_class_folders_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for kind, label in enumerate(LABELS):
        pictures(root / label / "train", kind, 8)
        pictures(root / label / "test", kind, 4)
    dataset, _ = scanned(root, tmp_path)
    assert dataset.labels == LABELS
    assert sides(dataset)["test"] == dict.fromkeys(LABELS, 4)


def test_what_is_to_be_measured_is_not_learned_from_even_where_it_lies_in_both(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for kind, label in enumerate(LABELS):
        pictures(root / "train" / label, kind, 9)
        for path in pictures(root / "test" / label, kind, 4, start=50)[:2]:
            shutil.copy(path, root / "train" / label)
    dataset, notes = scanned(root, tmp_path)
    assert dataset.facts.leaked == 4
    asked = {p.sha256 for p in dataset.on("test")}
    assert len(asked) == 8
    assert not asked & {p.sha256 for p in dataset.pictures if p.side != "test"}
    assert any("4 pictures are left out of training" in note for note in notes)


def test_sides_without_class_folders_are_no_classes(tmp_path: Path) -> None:
    pictures(tmp_path / "photos" / "train", 0)
    pictures(tmp_path / "photos" / "val", 1)
    with pytest.raises(
        ScanError, match=r"holds the sides train, val, but no class folders in them.*train/ with 8 pictures"
    ) as caught:
        scan(tmp_path / "photos", Scanning(), tmp_path / "out")
    assert all(way in caught.value.fix for way in ("photos/cat/1.jpg", "photos/train", "photos/labels.csv"))
    shutil.rmtree(tmp_path / "photos" / "val")
    with pytest.raises(ScanError, match="holds the side train, but no class folders in it"):
        scan(tmp_path / "photos", Scanning(), tmp_path / "out")


def test_a_folder_around_it_all_is_stepped_into_whatever_lies_beside_it(tmp_path: Path) -> None:
    inner = tmp_path / "photos" / "dataset-v2" / "images"
    for kind, label in enumerate(LABELS):
        pictures(inner / label, kind)
    (tmp_path / "photos" / "README.txt").write_text("thanks")
    (tmp_path / "photos" / "license.json").write_text("{}")
    (tmp_path / "photos" / "dataset-v2" / "notes.md").write_text("more")
    pictures(tmp_path / "photos", 0, 1)
    dataset, _ = scanned(tmp_path / "photos", tmp_path)
    assert dataset.labels == LABELS
    assert len(dataset.pictures) == 16


def test_what_only_lies_beside_pictures_is_no_skipped_picture_and_an_empty_class_is_a_note(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for kind, label in enumerate(LABELS):
        pictures(root / label, kind)
        (root / label / "annotations.json").write_text("{}")
        (root / label / "notes.txt").write_text("words")
        (root / label / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
        (root / label / ".ipynb_checkpoints").mkdir()
        pictures(root / label / ".ipynb_checkpoints", 2, 1)
    (root / "wasps").mkdir()
    dataset, notes = scanned(root, tmp_path)
    assert dataset.labels == LABELS
    assert dataset.facts.skipped == 0
    assert notes == ["wasps is empty: no class is made of it"]


def test_formats_that_are_not_read_are_counted_with_what_to_do(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for kind, label in enumerate(LABELS):
        pictures(root / label, kind)
        for number in range(6):
            (root / label / f"IMG_{number}.CR2").write_bytes(b"II*\0\x10\0\0\0CR" + bytes(100))
        (root / label / "clip.mov").write_bytes(b"\0\0\0\x14ftypqt  " + bytes(100))
    draw(0, RANDOM).save(root / "ants" / "new.avif")
    dataset, notes = scanned(root, tmp_path)
    assert "12 RAW files are left out: export them as JPEG" in notes
    assert "2 videos are left out: pass --every-frames 10 to take every tenth frame" in notes
    assert any(note.startswith("1 AVIF picture is used, but left out of the comparison") for note in notes)
    assert dataset.facts.formats == {"AVIF": 1, "JPEG": 16}


def write_video(path: Path, kind: int, frames: int, codec: str) -> None:
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(frames):
            for packet in stream.encode(av.VideoFrame.from_image(draw(kind, RANDOM, 64))):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def test_every_so_many_frames_of_videos_and_gifs_are_pictures_whose_clips_stay_together(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for number in range(3):
        write_video(root / "ants" / f"{number}.mp4", 0, 9, "mpeg4")
        drawn = [draw(1, RANDOM) for _ in range(9)]
        drawn[0].save(root / "ants" / "x.gif")  # a still one: a picture, as ever
        (root / "bees").mkdir(exist_ok=True)
        drawn[0].save(root / "bees" / f"{number}.gif", save_all=True, append_images=drawn[1:], duration=100)
    write_video(root / "flies" / "one.webm", 2, 30, "libvpx")
    write_video(root / "flies" / "two.mov", 2, 3, "mpeg4")
    (root / "flies" / "broken.mp4").write_bytes((root / "flies" / "two.mov").read_bytes()[:200])
    cut = bytearray((root / "bees" / "2.gif").read_bytes())
    frames = [found.start() for found in re.finditer(b"!\xf9\x04", cut)]
    middle = (frames[6] + frames[7]) // 2  # of the third one that is taken: a frame that nobody takes is not missed
    cut[middle:] = bytes(len(cut) - middle)
    (root / "bees" / "2.gif").write_bytes(bytes(cut))
    dataset, notes = scanned(root, tmp_path, every_frames=3)
    counts = Counter(dataset.labels[p.label] for p in dataset.pictures)
    assert counts == {"ants": 10, "bees": 8, "flies": 11}
    assert any("2.gif is damaged" in note and "only the 2 frames before that are taken" in note for note in notes)
    assert dataset.facts.skipped == 1
    first = next(p for p in dataset.pictures if p.path.endswith("one.webm/000000.png"))
    assert dataset.read_bytes(first).startswith(b"\x89PNG")
    for clip in ("ants/0.mp4", "ants/2.mp4", "bees/1.gif"):
        assert len({p.side for p in dataset.pictures if f"/{clip}/" in p.path}) == 1
    assert len({p.side for p in dataset.pictures if "one.webm" in p.path}) > 1  # the only long one of its class


def test_classes_are_renamed_merged_and_put_in_order_without_touching_folders(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for kind, label in enumerate(("ant", "ants", "bees", "wasps=?")):
        pictures(root / label, kind)
    dataset, _ = scanned(root, tmp_path, label=("wasps=?=Wespen", "ants=Ameisen", "ant=Ameisen"))
    assert dataset.labels == ("Wespen", "Ameisen", "bees")
    assert Counter(p.label for p in dataset.pictures) == {0: 8, 1: 16, 2: 8}
    assert scanned(root, tmp_path, label=("bees",))[0].labels == ("bees", "ant", "ants", "wasps=?")
    with pytest.raises(OptionError, match=r"--label 'bee=Bienen' names no class; the classes are ant, ants, bees") as caught:
        scan(root, Scanning(label=("bee=Bienen",)), tmp_path / "other")
    assert caught.value.fix == "did you mean bees=Bienen?"


def test_a_page_with_its_samples_and_folders_are_learned_from_together(tmp_path: Path) -> None:
    page = tmp_path / "old page.zip"
    samples = [pictures(tmp_path / "s" / label, kind, 8) for kind, label in enumerate(LABELS)]
    with zipfile.ZipFile(page, "w") as archive:
        listed = []
        for label, of in zip(LABELS, samples, strict=True):
            for path in of:
                listed.append({"path": f"samples/{label}-{path.name}", "label": label})
                archive.write(path, f"page/{listed[-1]['path']}")
        archive.writestr("page/contract.json", json.dumps({"format": 1, "labels": LABELS, "samples": listed}))
        archive.writestr("page/icon.png", samples[0][0].read_bytes())
    for kind, label in enumerate(("bees", "wasps")):
        pictures(tmp_path / "more" / label, kind + 1, 10)
    for given in ([page, tmp_path / "more"], f"{page}+{tmp_path / 'more'}"):
        dataset, _ = scanned(given, tmp_path)  # type: ignore[arg-type]
        assert dataset.labels == ("ants", "bees", "wasps")
        assert Counter(dataset.labels[p.label] for p in dataset.pictures) == {"ants": 8, "bees": 18, "wasps": 10}


def teachable_machine_project(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps({"type": "image", "version": "2.4.5", "appdata": {"trainEpochs": 50}}))
        for kind, label in enumerate(("Class 1", "Class 2")):
            for number, picture in enumerate(pictures(path.parent / f"p{kind}", kind)):
                archive.write(picture, f"{label}-!-{number}.jpg")


def test_projects_and_samples_of_teachable_machine_are_read(tmp_path: Path) -> None:
    teachable_machine_project(tmp_path / "project.tm")
    dataset, _ = scanned(tmp_path / "project.tm", tmp_path)
    assert dataset.labels == ("Class 1", "Class 2")
    assert Counter(p.label for p in dataset.pictures) == {0: 8, 1: 8}
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    for kind in range(2):
        with zipfile.ZipFile(downloads / f"Class {kind + 1}-samples.zip", "w") as archive:
            for number, picture in enumerate(sorted((tmp_path / f"p{kind}").iterdir())):
                archive.write(picture, f"{number}.jpg")
    for given in (downloads, sorted(downloads.iterdir())):
        dataset, _ = scanned(given, tmp_path)
        assert dataset.labels == ("Class 1", "Class 2")
        assert Counter(p.label for p in dataset.pictures) == {0: 8, 1: 8}


def test_a_project_whose_samples_are_numbered_by_class_has_their_names_in_its_metadata(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "project.zip", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"labels": ["rock", "paper"]}))
        archive.writestr("model.json", "{}")
        for kind in range(2):
            for number, picture in enumerate(pictures(tmp_path / f"p{kind}", kind)):
                archive.write(picture, f"samples/{kind}_{number}.jpg")
    dataset, _ = scanned(tmp_path / "project.zip", tmp_path)
    assert dataset.labels == ("paper", "rock")


def test_the_same_pictures_in_the_class_folders_of_windows_are_read(tmp_path: Path) -> None:
    for kind, label in enumerate(LABELS):
        for path in pictures(tmp_path / "photos" / label, kind):
            Image.open(path).save(path.with_suffix(".BMP"))
            path.unlink()
    assert scanned(tmp_path / "photos", tmp_path)[0].facts.formats == {"BMP": 16}
