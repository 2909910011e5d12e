"""Who may be learned from: sides, groups and equal bytes of pictures, as tables, archives and expressions tell them."""

import csv
import io
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pagesight import archives
from pagesight.artifacts import Dataset
from pagesight.errors import PagesightError, ScanError
from pagesight.options import Scanning
from pagesight.pictures import archive as picture_archives
from pagesight.pictures.classes import natural
from pagesight.pictures.label_tables import Columns
from pagesight.pictures.layouts import layout_of
from pagesight.pictures.tree import Tree
from pagesight.scan import scan
from pagesight.training.cross_validation import units_of
from tests.conftest import draw


def picture(path: Path, seed: int, kind: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(kind, np.random.default_rng(seed)).save(path)
    return path


def table(path: Path, *rows: tuple[str, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def persons(dataset: Dataset, side: str) -> set[str]:
    return {p.path.rsplit("/", 1)[-1][:7] for p in dataset.pictures if p.side == side}


def test_of_sides_that_are_there_no_group_is_learned_from_that_is_measured(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for kind, label in enumerate(("disc", "square")):
        for number in range(18):
            person = number % 6
            side = "test" if person == 0 and number < 12 else "train"  # person 0 stands on both
            picture(photos / side / label / f"person{person}_{number:02d}.png", 100 * kind + number, kind)
    dataset = scan(photos, Scanning(group_by=r"person\d", min_pictures=1), tmp_path / "out")
    assert persons(dataset, "test") == {"person0"}
    assert not persons(dataset, "test") & (persons(dataset, "train") | persons(dataset, "validation"))
    assert dataset.facts.leaked == 2


def test_what_chooses_is_not_learned_from_either(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for kind, label in enumerate(("disc", "square")):
        for side in ("train", "val", "test"):
            for number in range(6):
                picture(photos / side / label / f"{number}.png", 100 * kind + 10 * len(side) + number, kind)
        (photos / "train" / label / "again.png").write_bytes((photos / "val" / label / "0.png").read_bytes())
    dataset = scan(photos, Scanning(min_pictures=1), tmp_path / "out")
    assert dataset.facts.leaked == 2
    assert not [p for p in dataset.on("train") if "again" in p.path]


def test_equal_bytes_are_in_one_fold_whatever_groups_they_are_in(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for kind, label in enumerate(("disc", "square")):
        for number in range(6):
            one = picture(photos / label / "person1" / f"{number}.png", 10 * kind + number, kind)
            twin = photos / label / f"person{2 + number}" / "0.png"
            twin.parent.mkdir()
            twin.write_bytes(one.read_bytes())
    dataset = scan(photos, Scanning(min_pictures=1), tmp_path / "out")
    units = units_of(dataset.pictures)
    assert len(set(units)) == 12
    assert all(len({p.sha256 for p, u in zip(dataset.pictures, units, strict=True) if u == unit}) == 1 for unit in set(units))


def test_the_part_of_an_expression_that_matches_names_the_group(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for kind, label in enumerate(("disc", "square")):
        for number in range(8):
            who = f"person{number % 4}" if number % 2 else f"actor{number % 4}"
            picture(photos / label / f"{who}_{number}.png", 10 * kind + number, kind)
    dataset = scan(photos, Scanning(group_by=r"person(\d)|actor(\d)", min_pictures=1), tmp_path / "out")
    assert {p.group for p in dataset.pictures} == {"0", "1", "2", "3"}


def test_classes_with_fewer_pictures_than_parts_are_still_cut_by_group(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for kind, label in enumerate(("disc", "square")):
        for number in range(4):
            picture(photos / label / f"person{number}.png", 10 * kind + number, kind)
    dataset = scan(photos, Scanning(group_by=r"person\d", min_pictures=1, test=0.2), tmp_path / "out")
    assert {p.side for p in dataset.pictures} >= {"train", "test"}


def test_a_table_that_agrees_with_the_folders_brings_its_sides_and_its_other_labels_are_said(tmp_path: Path) -> None:
    rows = [("filename", "dataset", "label", "split")]
    for kind, label in enumerate(("disc", "square")):
        for number in range(20):
            picture(tmp_path / label / f"{label}{number}.png", 100 * kind + number, kind)
            rows.append((f"{label}{number}.png", "shapes", label, "test" if number < 5 else "train"))
    rows[1] = (*rows[1][:2], "square", "test")
    table(tmp_path / "labels.csv", *rows)
    _, layout = layout_of(Tree.read(tmp_path), "photos", Columns())
    assert Counter(p.side for p in layout.pictures) == {"test": 10, "train": 30}
    assert {p.label for p in layout.pictures if p.path.startswith("disc/")} == {"disc"}
    assert any("disc0.png" in note and "1 picture is of another class" in note for note in layout.notes)


def test_a_picture_on_two_sides_is_measured_and_not_learned_from(tmp_path: Path) -> None:
    names = [picture(tmp_path / "images" / f"{n}.png", n, n % 2).name for n in range(12)]
    table(tmp_path / "test.csv", ("filename", "label"), *((n, "ab"[i % 2]) for i, n in enumerate(names[:4])))
    table(tmp_path / "train.csv", ("filename", "label"), *((n, "ab"[i % 2]) for i, n in enumerate(names)))
    _, layout = layout_of(Tree.read(tmp_path), "photos", Columns())
    assert Counter(p.side for p in layout.pictures) == {"test": 4, "train": 8}
    assert any("4 pictures are on more than one side" in note for note in layout.notes)


@pytest.mark.parametrize("rows", [[("filename", "label"), ("elsewhere.png", "disc")], [("filename", "label"), ("0.png", "")]])
def test_a_table_that_labels_nothing_is_said(rows: list[tuple[str, ...]], tmp_path: Path) -> None:
    picture(tmp_path / "photos" / "0.png", 0)
    with pytest.raises(ScanError, match=r"labels\.csv"):
        layout_of(Tree.read(tmp_path / "photos"), "photos", Columns(), str(table(tmp_path / "labels.csv", *rows)))


def test_a_wide_row_widens_no_other_and_too_many_cells_are_refused(tmp_path: Path) -> None:
    names = [picture(tmp_path / f"{n}.png", n, n % 2).name for n in range(6)]
    rows = [(n, "ab"[i % 2]) for i, n in enumerate(names)]
    table(tmp_path / "labels.csv", ("filename", "label"), ("", *("x" * 5000)), *rows)
    assert len(layout_of(Tree.read(tmp_path), "photos", Columns())[1].pictures) == 6
    table(tmp_path / "labels.csv", ("filename", "label", *map(str, range(5000))), *(rows * 1000))
    with pytest.raises(ScanError, match="columns in"):
        layout_of(Tree.read(tmp_path), "photos", Columns())


def test_class_folders_stay_what_they_are_beside_a_large_json_file(tmp_path: Path) -> None:
    for kind, label in enumerate(("disc", "square")):
        picture(tmp_path / label / "0.png", kind, kind)
    with (tmp_path / "instances.json").open("wb") as file:
        file.truncate(65 * 1024**2)
    assert layout_of(Tree.read(tmp_path), "photos", Columns())[1].kind == "class folders"
    assert layout_of(Tree.read(tmp_path), "photos", Columns(), "none")[1].kind == "class folders"


def test_two_archives_of_one_class_keep_all_of_their_pictures(tmp_path: Path) -> None:
    (tmp_path / "zips").mkdir()
    for at, name in enumerate(("cat-samples.zip", "cat-samples (1).zip", "dog-samples.zip")):
        with zipfile.ZipFile(tmp_path / "zips" / name, "w") as packed:
            for number in range(5):
                one = picture(tmp_path / "one.png", 10 * at + number, at)
                packed.write(one, f"{number}.png")
    dataset = scan(tmp_path / "zips", Scanning(min_pictures=1), tmp_path / "out")
    assert Counter(dataset.labels[p.label] for p in dataset.pictures) == {"cat": 10, "dog": 5}


def test_a_class_of_a_project_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "lesson.tm", "w") as packed:
        for number, label in enumerate((" ..", "cat")):
            packed.write(picture(tmp_path / "one.png", number), f"{label}-!-0.png")
    with pytest.raises(ScanError, match="class called"):
        scan(tmp_path / "lesson.tm", Scanning(min_pictures=1), tmp_path / "out")


@pytest.mark.parametrize("name", [r"..\..\evil.png", r"C:\evil.png", "C:evil.png", "a/../../evil.png"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_names_that_lead_outside_on_any_system_are_refused(name: str, kind: str, tmp_path: Path) -> None:
    data = picture(tmp_path / "one.png", 0).read_bytes()
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "pack", "w") as zipped:
            zipped.writestr(name, data)
    else:
        with tarfile.open(tmp_path / "pack", "w") as tarred:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tarred.addfile(member, io.BytesIO(data))
    with pytest.raises(PagesightError, match="outside its folder"):
        archives.unpack(tmp_path / "pack", tmp_path / "into", picture_archives.RULES)


def test_a_tar_whose_names_are_as_long_as_books_is_refused_before_they_are_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 2 * 1024**2
    with tarfile.open(tmp_path / "pack.tar.gz", "w:gz") as tarred:
        tarred.addfile(tarfile.TarInfo("first"))
        tarred.addfile(member, io.BytesIO(b"a" * member.size))
    with pytest.raises(PagesightError, match="header of"):
        archives.unpack(tmp_path / "pack.tar.gz", tmp_path / "into", picture_archives.RULES)


def test_labels_of_any_length_are_sorted_by_the_numbers_in_them() -> None:
    assert sorted(["10", "9", "1" + "0" * 5000, "09", "b2", "b10"], key=natural) == ["09", "9", "10", "1" + "0" * 5000, "b2", "b10"]
