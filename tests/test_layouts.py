"""Promises about folders that people really have: their labels and sides are read as they are meant, or what was seen is said."""

import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagesight.artifacts import Dataset
from pagesight.errors import OptionError, ScanError
from pagesight.options import Scanning
from pagesight.progress import Reporter, shown_by
from pagesight.scan import scan

from .conftest import draw

LABELS = ("ants", "bees")
_RANDOM = np.random.default_rng(5)


def pictures(folder: Path, kind: int, count: int = 8, start: int = 0) -> list[Path]:
    """`count` pictures of a kind in `folder`, each another."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start + n:04d}.jpg" for n in range(count)]
    for path in paths:
        draw(kind, _RANDOM).save(path)
    return paths


def sides(dataset: Dataset) -> dict[str, Counter[str]]:
    """How many pictures of each class stand on each side."""
    return {
        side: Counter(dataset.labels[p.label] for p in dataset.pictures if p.side == side)
        for side in ("train", "validation", "test")
    }


class Notes(Reporter):
    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


def scanned(root: Path | list[Path], tmp_path: Path, **options: object) -> tuple[Dataset, list[str]]:
    notes = Notes()
    with shown_by(notes):
        dataset = scan(root, Scanning(**options), tmp_path / "out")  # type: ignore[arg-type]
    opened = Dataset.open(dataset.path)
    assert all(opened.read_bytes(p) for p in opened.pictures)
    return opened, notes.told


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
    assert any("4 pictures are left out of what is learned" in note for note in notes)


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


def write_table(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def table_of(paths: dict[str, list[Path]], name: object) -> list[tuple[str, str]]:
    return [(name(path), label) for label, of in paths.items() for path in of]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("header", "separator", "name"),
    [
        ("filename,label", ",", lambda p: p.name),
        ("Image Path,Class Name,width", ",", lambda p: f"images/{p.name}"),
        ("id,breed", ",", lambda p: p.stem),
        ("file_name;category", ";", lambda p: f"C:\\Users\\me\\data\\images\\{p.name}"),
        ("image\tspecies", "\t", lambda p: f"/content/drive/photos/images/{p.name}"),
        ("what is it,who is it", ",", lambda p: p.name),
    ],
    ids=["names", "paths", "stems", "of windows", "of another machine", "odd headers"],
)
def test_a_table_beside_the_pictures_labels_them(header: str, separator: str, name: object, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    made = {label: pictures(root / "images", kind, start=100 * kind) for kind, label in enumerate(LABELS)}
    pictures(root / "images", 2, 1, start=900)
    width = ["640"] if header.endswith("width") else []
    rows = [separator.join([file, label, *width]) for file, label in [*table_of(made, name), ("nowhere.jpg", "ants")]]
    write_table(root / ("labels.tsv" if separator == "\t" else "labels.csv"), header, rows)
    dataset, notes = scanned(root, tmp_path)
    assert dataset.labels == LABELS
    assert Counter(dataset.labels[p.label] for p in dataset.pictures) == dict.fromkeys(LABELS, 8)
    assert all(dataset.labels[p.label] == LABELS[int(Path(p.path).stem) // 100] for p in dataset.pictures)
    assert any("1 picture is left out: not listed" in note for note in notes)
    assert any("1 row of labels" in note and "names no picture" in note for note in notes)


def test_a_table_without_a_header_labels_from_its_first_row_on(tmp_path: Path) -> None:
    made = {label: pictures(tmp_path / "photos", kind, start=100 * kind) for kind, label in enumerate(LABELS)}
    first, *rest = [f"{file},{label}" for file, label in table_of(made, lambda p: p.name)]
    write_table(tmp_path / "photos" / "labels.csv", first, rest)
    assert len(scanned(tmp_path / "photos", tmp_path)[0].pictures) == 16


def test_one_hot_columns_as_roboflow_writes_them_are_classes_and_its_folders_sides(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for side, count in (("train", 8), ("valid", 3), ("test", 3)):
        made = {label: pictures(root / side, kind, count, start=100 * kind) for kind, label in enumerate(LABELS)}
        rows = [f"{file}, {int(label == 'ants')}, {int(label == 'bees')}" for file, label in table_of(made, lambda p: p.name)]
        both = pictures(root / side, 2, 1, start=700)[0]
        write_table(root / side / "_classes.csv", "filename, ants, bees", [*rows, f"{both.name}, 1, 1"])
    (root / "README.roboflow.txt").write_text("exported")
    dataset, notes = scanned(root, tmp_path)
    assert dataset.labels == LABELS
    assert {side: sum(n.values()) for side, n in sides(dataset).items()} == {"train": 16, "validation": 6, "test": 6}
    assert any("1 row of train/_classes.csv has no single label" in note for note in notes)


def test_a_column_of_sides_and_tables_named_after_a_side_are_heeded(tmp_path: Path) -> None:
    made = {label: pictures(tmp_path / "a" / "images", kind, 12, start=100 * kind) for kind, label in enumerate(LABELS)}
    rows = [f"{path.name},{label},{'test' if n < 3 else 'train'}" for label, of in made.items() for n, path in enumerate(of)]
    write_table(tmp_path / "a" / "labels.csv", "filename,label,split", rows)
    assert sides(scanned(tmp_path / "a", tmp_path)[0])["test"] == dict.fromkeys(LABELS, 3)
    shutil.rmtree(tmp_path / "out")
    for side, count in (("train", 10), ("test", 4)):  # as Kaggle has them: the same names on both sides
        made = {label: pictures(tmp_path / "b" / side, kind, count, start=100 * kind) for kind, label in enumerate(LABELS)}
        write_table(
            tmp_path / "b" / f"{side}.csv", "id,label", [f"{file},{label}" for file, label in table_of(made, lambda p: p.stem)]
        )
    dataset, _ = scanned(tmp_path / "b", tmp_path)
    assert len(dataset.pictures) == 28
    assert sides(dataset)["test"] == dict.fromkeys(LABELS, 4)


def test_a_table_elsewhere_and_its_columns_can_be_named(tmp_path: Path) -> None:
    made = {label: pictures(tmp_path / "photos", kind, start=100 * kind) for kind, label in enumerate(LABELS)}
    rows = [f"{n},{file},{label},{n % 7}" for n, (file, label) in enumerate(table_of(made, lambda p: p.name))]
    write_table(tmp_path / "about.csv", "number,was,insect,rating", rows)
    with pytest.raises(ScanError, match=r"not clearly their labels; its columns are 'number', 'was', 'insect', 'rating'") as caught:
        scan(tmp_path / "photos", Scanning(labels_csv=str(tmp_path / "about.csv")), tmp_path / "out")
    assert "--label-column" in caught.value.fix
    dataset, _ = scanned(
        tmp_path / "photos", tmp_path, labels_csv=str(tmp_path / "about.csv"), label_column="insect", file_column="was"
    )
    assert dataset.labels == LABELS
    with pytest.raises(ScanError, match="has no column 'insekt'"):
        scan(tmp_path / "photos", Scanning(labels_csv=str(tmp_path / "about.csv"), label_column="insekt"), tmp_path / "other")
    with pytest.raises(ScanError, match="is not a file"):
        scan(tmp_path / "photos", Scanning(labels_csv=str(tmp_path / "nowhere.csv")), tmp_path / "other")


def test_a_table_that_says_other_than_the_folders_is_for_a_person_to_judge(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    made = {
        label: pictures(root / batch, kind, start=100 * kind)
        for kind, (label, batch) in enumerate(zip(LABELS, ("monday", "tuesday"), strict=True))
    }
    write_table(root / "labels.csv", "filename,label", [f"{file},{label}" for file, label in table_of(made, lambda p: p.name)])
    with pytest.raises(ScanError, match=r"the two do not agree: monday/0000.jpg is 'ants' there") as caught:
        scan(root, Scanning(), tmp_path / "out")
    assert "--labels-csv none" in caught.value.fix
    assert scanned(root, tmp_path, labels_csv="none")[0].labels == ("monday", "tuesday")
    assert scanned(root, tmp_path, labels_csv=str(root / "labels.csv"))[0].labels == LABELS


def coco(folder: Path, named: dict[str, list[str]]) -> dict[str, object]:
    """A COCO document with a category that nothing belongs to, as Roboflow writes one, and two boxes in the first picture."""
    names = ["all", *named]
    files = [(file, names.index(label)) for label, of in named.items() for file in of]
    boxes = [*enumerate(files), (0, files[0])]
    return {
        "images": [{"id": n, "file_name": file, "width": 48, "height": 48} for n, (file, _) in enumerate(files)],
        "annotations": [{"id": k, "image_id": n, "category_id": c, "bbox": [1, 1, 9, 9]} for k, (n, (_, c)) in enumerate(boxes)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
    }


@pytest.mark.parametrize("official", [True, False], ids=["annotations/instances_train2017.json", "train/_annotations.coco.json"])
def test_a_coco_file_labels_pictures_by_their_one_category(official: bool, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for side, count in (("train", 8), ("val", 4)):
        folder = root / (f"{side}2017" if official else side)
        named = {label: [p.name for p in pictures(folder, kind, count, start=100 * kind)] for kind, label in enumerate(LABELS)}
        document = coco(folder, named)
        mixed = pictures(folder, 2, 1, start=900)[0]
        document["images"].append({"id": 99, "file_name": mixed.name})  # type: ignore[attr-defined]
        document["annotations"] += [{"image_id": 99, "category_id": c} for c in (1, 2)]  # type: ignore[operator]
        file = root / "annotations" / f"instances_{side}2017.json" if official else folder / "_annotations.coco.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document))
    dataset, notes = scanned(root, tmp_path)
    assert dataset.labels == LABELS
    assert sides(dataset)["test"] == dict.fromkeys(LABELS, 4)
    assert any("2 pictures are left out: with more than one label" in note for note in notes)


def test_boxes_for_detection_are_no_classes(tmp_path: Path) -> None:
    for path in pictures(tmp_path / "photos" / "images", 0):
        file = tmp_path / "photos" / "labels" / f"{path.stem}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("0 0.5 0.5 0.2 0.2")
    with pytest.raises(ScanError, match="boxes for detection"):
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
    draw(0, _RANDOM).save(root / "ants" / "new.avif")
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
            for packet in stream.encode(av.VideoFrame.from_image(draw(kind, _RANDOM, 64))):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def test_every_so_many_frames_of_videos_and_gifs_are_pictures_whose_clips_stay_together(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for number in range(3):
        write_video(root / "ants" / f"{number}.mp4", 0, 9, "mpeg4")
        drawn = [draw(1, _RANDOM) for _ in range(9)]
        drawn[0].save(root / "ants" / "x.gif")  # a still one: a picture, as ever
        (root / "bees").mkdir(exist_ok=True)
        drawn[0].save(root / "bees" / f"{number}.gif", save_all=True, append_images=drawn[1:])
    write_video(root / "flies" / "one.webm", 2, 30, "libvpx")
    write_video(root / "flies" / "two.mov", 2, 3, "mpeg4")
    (root / "flies" / "broken.mp4").write_bytes((root / "flies" / "two.mov").read_bytes()[:200])
    cut = bytearray((root / "bees" / "2.gif").read_bytes())
    cut[len(cut) * 2 // 3 :] = bytes(len(cut) - len(cut) * 2 // 3)
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
