"""Promises about files of strangers: nothing in them runs, nothing of them stays, and what is wrong is said."""

from pathlib import Path

import pytest

from pagesight.adopt import Adoption, adopt
from pagesight.errors import AdoptError

from .cases import CASES, sound

HERE = Path(__file__).parent / "cases"
pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow warns about what it is asked to read


def test_each_case_says_what_it_expects() -> None:
    assert len(CASES) >= 30
    assert {p.parent.name for p in HERE.glob("*/expected_error.txt")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_or_broken_model_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    canary = tmp_path / "canary"
    source = CASES[name](tmp_path / "given", canary)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AdoptError) as caught:
        adopt(source, Adoption(labels="a,b"), tmp_path / "out" / "model")
    assert sorted(tmp_path.rglob("*")) == before, "something was written"
    assert not canary.exists(), "code of the file was run"
    predicted = f"error: {caught.value.what}\n  fix: {caught.value.fix}\n".replace(str(tmp_path / "given"), "GIVEN").replace(
        str(canary), "/CANARY"
    )
    assert predicted == (HERE / name / "expected_error.txt").read_text(encoding="utf-8")


def test_a_sound_file_of_the_same_making_is_taken(tmp_path: Path) -> None:
    sources = [
        sound.h5(tmp_path / "m.h5", sound.network()),
        sound.keras_file(tmp_path / "m.keras", sound.network()),
        sound.tfjs(tmp_path / "m"),
    ]
    for number, source in enumerate(sources):
        assert adopt(source, Adoption(labels="a,b"), tmp_path / f"out{number}").contract.labels == ("a", "b")


def test_a_trusted_file_may_run_its_code(tmp_path: Path) -> None:
    from .foreign_models import library, saved

    k = library("keras2")
    layers = [k.layers.Lambda(lambda x: x / 255.0), k.layers.Conv2D(2, 3), k.layers.GlobalAveragePooling2D(), k.layers.Dense(2)]
    source = saved(k.Sequential([k.layers.Input((8, 8, 3)), *layers]), tmp_path / "m.h5")
    with pytest.raises(AdoptError, match="a Lambda, whose code would have to be run"):
        adopt(source, Adoption(labels="a,b"), tmp_path / "out")
    assert adopt(source, Adoption(labels="a,b", trust=True), tmp_path / "out").contract.input.side == 8
