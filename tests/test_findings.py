"""Promises about findings: what is said of the pictures is true of them."""

import ast
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pagesight.report import findings, near_duplicates
from pagesight.report.finding import TITLES
from pagesight.report.image_statistics import Looks, Seen

from .conftest import ROOT
from .seen import scene, seen_of


def _resaved(model_input: NDArray[np.uint8], quality: int = 50) -> NDArray[np.uint8]:
    out = io.BytesIO()
    Image.fromarray(model_input).resize((80, 80)).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out).resize(model_input.shape[:2]))


def _found(seen: Seen, *, grouped: bool = False, side: int = 96) -> dict[str, findings.Finding]:
    pairs = near_duplicates.near_duplicates(seen.looks, seen.labels)
    return {f.kind: f for f in findings.find(seen, pairs, ("yes", "no"), side, grouped=grouped)}


def test_planted_near_duplicates_are_found_and_unrelated_pictures_are_not() -> None:
    rng = np.random.default_rng(0)
    inputs = [scene(rng) for _ in range(400)]
    planted = [(3, 400), (77, 401), (200, 402), (201, 403)]
    inputs += [_resaved(inputs[a]) for a, _ in planted]
    seen = seen_of(inputs)
    assert near_duplicates.near_duplicates(seen.looks, seen.labels).tolist() == [list(pair) for pair in planted]


def test_thousands_of_equal_flat_pictures_take_no_longer_than_others() -> None:
    n = 3_000
    looks = Looks(np.zeros(n, np.uint64), np.zeros((n, 16, 16), np.uint8), *(np.ones(n, np.float32),) * 2, np.ones(n, np.int64))
    pairs = near_duplicates.near_duplicates(looks, np.zeros(n, np.int64))
    assert len(pairs) < 70 * n
    assert near_duplicates.families(pairs) == [list(range(n))]


def test_a_test_picture_that_was_seen_in_training_inflates_the_score() -> None:
    rng = np.random.default_rng(1)
    inputs = [scene(rng) for _ in range(6)]
    inputs.append(_resaved(inputs[0]))
    seen = seen_of(inputs, splits=["train"] * 5 + ["test", "test"])
    finding = _found(seen)["near_duplicates_across_sides"]
    assert finding.severity == "serious"
    assert "1 of 2 test pictures" in finding.what
    assert "likely inflated" in finding.what
    assert "--group-by" in finding.fix
    assert set(finding.rows) == {0, 6}
    assert findings.leaked(seen, near_duplicates.near_duplicates(seen.looks, seen.labels)).tolist() == [6]


def test_the_same_picture_in_two_classes_is_reported() -> None:
    rng = np.random.default_rng(2)
    inputs = [scene(rng) for _ in range(4)]
    finding = _found(seen_of([*inputs, _resaved(inputs[1])], labels=[0, 0, 0, 1, 1]))["same_picture_in_two_classes"]
    assert "the first in no and yes" in finding.what
    assert set(finding.rows) == {1, 4}


def test_pictures_of_two_classes_that_are_much_alike_but_no_copies_are_not_reported() -> None:
    rng = np.random.default_rng(6)
    inputs = [scene(rng) for _ in range(4)]
    alike = inputs[1].copy()
    alike[40:60, 30:60] = alike[40:60, 30:60] // 2 + 80  # another finger is up
    kinds = [_found(seen_of([*inputs, alike], labels=[0, 0, 0, 1, label])) for label in (0, 1)]
    assert "near_duplicates" in kinds[0]
    assert not {"near_duplicates", "same_picture_in_two_classes"} & set(kinds[1])


def test_a_burst_that_the_split_tore_apart_is_reported_with_an_expression_that_mends_it() -> None:
    rng = np.random.default_rng(3)
    inputs, paths, splits = [], [], []
    for number in range(12):
        first = scene(rng)
        for frame in range(4):
            jitter = rng.integers(-25, 26, first.shape) + 2 * frame
            inputs.append(np.clip(first + jitter, 0, 255).astype(np.uint8))
            paths.append(f"yes/clip{number:02d}_{frame:03d}.jpg")
            splits.append("test" if frame == 3 else "train")
    finding = _found(seen_of(inputs, paths=paths, splits=splits))["bursts"]
    assert "12 bursts (48 pictures" in finding.what
    assert r"--group-by '[^/]+(?=[-_. ]\d+\.\w+$)'" in finding.fix


def test_pictures_that_are_dark_blurred_or_tiny_are_found() -> None:
    rng = np.random.default_rng(4)
    inputs = [scene(rng) for _ in range(6)]
    inputs[1] = (inputs[1] * 0.08).astype(np.uint8)
    inputs[4] = np.asarray(Image.fromarray(inputs[4]).filter(ImageFilter.GaussianBlur(4)))
    result = _found(seen_of(inputs), side=128)
    assert result["too_dark"].rows == (1,)
    assert result["too_blurred"].rows == (4,)
    assert len(result["tiny"].rows) == 6
    assert "tiny" not in _found(seen_of(inputs), side=96)


def test_a_confident_mistake_is_a_suspect_and_an_unsure_one_is_not() -> None:
    rng = np.random.default_rng(5)
    inputs = [scene(rng) for _ in range(4)]
    seen = seen_of(inputs, labels=[0, 0, 1, 1], said=[0, 1, 1, 0], sure=[0.97, 0.99, 0.96, 0.6], own=[0.97, 0.01, 0.96, 0.4])
    finding = _found(seen)["mislabel_suspects"]
    assert finding.rows == (1,)
    assert "0/0001.jpg" in finding.what


def test_unequal_and_small_classes_are_reported() -> None:
    rng = np.random.default_rng(6)
    result = _found(seen_of([scene(rng) for _ in range(40)], labels=[0] * 34 + [1] * 6))
    assert "34 pictures, “no” only 6" in result["imbalance"].what
    assert "“no” has fewer than 20 pictures" in result["too_few"].what


def test_every_kind_of_finding_has_a_heading_in_the_report() -> None:
    calls = [
        node
        for file in (ROOT / "converter" / "pagesight" / "report").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
    ]
    kinds = {node.args[0].value for node in calls if isinstance(node.args[0], ast.Constant)}
    assert len(kinds) > 10
    assert kinds == TITLES.keys()
