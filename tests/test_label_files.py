"""Promises about labels that stand in a file: tables as contests and tools write them, and COCO's."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from pagesight.errors import ScanError
from pagesight.options import Scanning
from pagesight.scan import scan

from .photo_folders import LABELS, pictures, scanned, sides


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
