"""Promises about training: it learns, it can be repeated to the byte, it stops in time, it goes on where it was killed."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pagesight import backbones, calibration, locks, manifest, pixels
from pagesight.artifacts import Dataset, Picture, TrainedModel
from pagesight.contract import Input
from pagesight.errors import OptionError, OutputError, PagesightError, ScanError, TrainError
from pagesight.export import export
from pagesight.graph.tensorflow import tensorflow
from pagesight.options import Naming, Scanning, Schedule, Training
from pagesight.scan import scan
from pagesight.train import _as_it_began, _decided, train
from pagesight.training import loop, network
from pagesight.training.predictor import Predictor
from pagesight.training.schedule import BRIEF, FULL, GENTLE, choose_schedule

from .conftest import SHARED, write_grays, write_photos

BATCH = Schedule(batch=8)
TINY = Training(backbone="mobilenet_v1_025_96", weights="random", epochs=3, schedule=BATCH)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Discs and squares: 24 pictures of each."""
    root = tmp_path_factory.mktemp("shapes")
    unknown = str(write_grays(root / "grays", 15))
    return scan(write_photos(root / "photos", ["disc", "square"], 24), Scanning(unknown=unknown), root / "scan")


@pytest.fixture(scope="session")
def learned(shapes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """One whole run."""
    return train(shapes, TINY, tmp_path_factory.mktemp("learned") / "out")


@pytest.mark.slow
def test_two_runs_with_one_seed_give_the_same_bytes_also_when_one_writes_curves_for_tensorboard(
    shapes: Dataset, learned: TrainedModel, tmp_path: Path
) -> None:
    trained = train(shapes, replace(TINY, tensorboard=str(tmp_path / "curves")), tmp_path / "out")
    assert manifest.list_files(trained.path) == manifest.list_files(learned.path)
    (file,) = (tmp_path / "curves").iterdir()
    read: dict[str, dict[int, float]] = {}
    for record in tensorflow().data.TFRecordDataset(str(file)):
        event = tensorflow().compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            read.setdefault(value.tag, {})[event.step] = float(tensorflow().make_ndarray(value.tensor))
    history = trained.facts.history
    assert set(read) == set(asdict(history[0]))
    for tag, by_epoch in read.items():
        assert by_epoch == pytest.approx({number: getattr(epoch, tag) for number, epoch in enumerate(history, 1)})


@pytest.mark.slow
def test_easy_shapes_are_learned_and_measured_on_the_test_side_alone(shapes: Dataset, tmp_path: Path) -> None:
    trained = train(shapes, replace(TINY, epochs=8, min_accuracy=0.9), tmp_path / "out")
    accuracy = trained.facts.accuracy
    assert accuracy.n == len(shapes.on("test"))
    assert 0.9 <= accuracy.float_ <= 1
    assert accuracy.interval95[0] < accuracy.float_
    assert trained.facts.history[-1].loss < trained.facts.history[0].loss


@pytest.mark.slow
def test_probabilities_are_scaled_in_the_model_and_the_threshold_is_what_validation_says_of_them(
    shapes: Dataset, learned: TrainedModel, tmp_path: Path
) -> None:
    decision = learned.facts.decision
    assert (decision.ood, decision.ood_given) == (5, True)
    crossed = learned.facts.accuracy.cross_validated  # 24 pictures a class are few
    assert (crossed.n, crossed.folds) == (len(shapes.pictures), 5)
    assert crossed.interval95[0] < crossed.value <= crossed.interval95[1]
    saved = export(learned, Naming("n", "N"), tmp_path / "saved")
    applied = saved.contract.decision
    assert (applied.temperature, applied.threshold) == (decision.temperature, decision.threshold)
    ask = tensorflow().saved_model.load(str(saved.path / "saved_model")).signatures["serving_default"]

    def asked(pictures: list[Picture]) -> NDArray[np.float32]:
        inputs = [pixels.read_model_input(shapes.read_bytes(p), Input(96)) for p in pictures]
        return np.asarray(ask(image=np.float32(inputs))["probabilities"])

    known, ood = asked(shapes.on("validation")), asked(shapes.unknown_on("validation"))
    labels = np.array([p.label for p in shapes.on("validation")])
    raw = [calibration.scaled(answers, 1 / decision.temperature) for answers in (known, ood)]
    again = calibration.decide(raw[0], labels, raw[1], None)
    # The minimizer stops within 1e-4; the float32 of another graph moves it less. Of two classes, the higher probability follows a
    # temperature that is 1 % off by less than 0.003.
    assert again.temperature == pytest.approx(decision.temperature, rel=0.01)
    assert again.threshold == pytest.approx(decision.threshold, abs=0.005)
    sure = known.max(1)[known.argmax(1) == labels]
    assert (sure < decision.threshold - 1e-6).sum() <= len(sure) * (1 - calibration.ACCEPTED)


def test_a_model_that_is_too_sure_is_divided_by_its_temperature_before_it_is_written(shapes: Dataset) -> None:
    model, _ = network.build(backbones.named("mobilenet_v1_025_96"), 2, None)
    inputs = np.random.default_rng(0).integers(0, 256, (16, 96, 96, 3), np.uint8)
    inputs, labels = np.concatenate([inputs, inputs]), np.arange(32) // 16  # each picture in both classes: half are wrong
    head, predictor = model.get_layer("head"), Predictor.of(model)
    kernel, bias = head.get_weights()
    logits = predictor.embeddings(inputs) @ kernel + bias
    head.set_weights([weights * (8 / np.abs(logits[:, 0] - logits[:, 1]).mean()) for weights in (kernel, bias)])
    before = predictor.probabilities(inputs)
    splits = {"validation": (inputs, labels), "decides": (inputs[:4], labels[:4])}
    decided = _decided(model, predictor, splits, shapes, Training())
    assert decided.temperature > 1.5
    assert predictor.probabilities(inputs) == pytest.approx(calibration.scaled(before, decided.temperature), abs=1e-4)


@pytest.mark.slow
def test_a_model_below_its_bar_is_not_written_and_a_lower_bar_takes_it_without_training_again(
    shapes: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(TrainError, match=r"below 110\.0%") as caught:
        train(shapes, replace(TINY, epochs=1, min_accuracy=1.1), tmp_path / "out")
    assert "--min-accuracy" in caught.value.fix
    assert not (tmp_path / "out").exists()
    assert len(train(shapes, replace(TINY, epochs=1), tmp_path / "out").facts.history) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_training_stops_when_validation_no_longer_improves(shapes: Dataset, tmp_path: Path) -> None:
    trained = train(shapes, replace(TINY, epochs=4, schedule=replace(BATCH, patience=1, learning_rate=0.0)), tmp_path / "out")
    assert len(trained.facts.history) < 4


@pytest.mark.parametrize(
    ("images_per_class", "epochs", "steps"), [(1, 0, 72), (9.9, 0, 72), (10, 0, 24), (500, 0, 24), (5, 2, 24)], ids=str
)
def test_a_class_of_few_pictures_is_shown_more_often_where_nobody_asked_for_so_many_epochs(
    images_per_class: float, epochs: int, steps: int
) -> None:
    assert choose_schedule(Training(epochs=epochs), "imagenet", 0.5, images_per_class).steps == steps


def test_a_starter_that_tells_the_classes_apart_is_trained_gently_and_another_is_not() -> None:
    assert choose_schedule(Training(), "starter", 0.95, 40) == GENTLE
    for first_weights, accuracy in (("starter", 0.8), ("imagenet", 0.95), ("starter", float("nan"))):
        assert choose_schedule(Training(), first_weights, accuracy, 40) == FULL
    assert choose_schedule(Training(epochs=2), "starter", 0.95, 40) == replace(GENTLE, epochs=2)
    assert choose_schedule(Training(schedule=BATCH, epochs=2), "starter", 0.95, 40) == replace(BATCH, epochs=2)


def test_many_pictures_are_learned_in_fewer_epochs_unless_no_layer_can_be_frozen_or_somebody_counts_them() -> None:
    assert choose_schedule(Training(), "imagenet", 0.5, 50) == BRIEF
    for options, first_weights, images_per_class in (
        (Training(), "random", 500),
        (Training(epochs=9), "imagenet", 500),
        (Training(), "hub", 500),
        (Training(), "imagenet", 49),
    ):
        assert not choose_schedule(options, first_weights, 0.5, images_per_class).freeze


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"freeze": 8}, r"conv1|conv_[dp]w_[1-5][/_]"),
        ({"freeze": 16, "freeze_batch_norm": True}, r"conv1|conv_[dp]w_(\d|1[01])[/_]|.*_bn/"),
    ],
    ids=["lower", "lower and norms"],
)
def test_layers_that_are_frozen_stay_as_they_were_and_the_others_learn(options: dict[str, Any], kept: str) -> None:
    backbone = backbones.named("mobilenet_v1_025_128")
    model, _ = network.build(backbone, 2, network.parse_weights("starter", backbone))
    before = {v.name: v.numpy() for v in model.variables}
    side = np.random.default_rng(0).integers(0, 256, (16, 128, 128, 3), np.uint8), np.arange(16) % 2
    splits = {"train": side, "validation": side}
    history = loop.fine_tune(model, Predictor.of(model), splits, replace(BATCH, epochs=1, steps=2, **options), loop.Run())
    assert np.isfinite(history[0]["validation_loss"])
    same = {v.name for v in model.variables if np.array_equal(before[v.name], v.numpy())}
    assert same == {name for name in before if re.match(kept, name)}
    assert len(model.trainable_variables) == 83  # all of them, afterwards


@pytest.mark.parametrize("harm", ["truncated", "removed"])
def test_a_picture_that_changed_after_the_scan_is_named_and_costs_no_checkpoint(tmp_path: Path, harm: str) -> None:
    photos = write_photos(tmp_path / "photos", ["disc", "square"], 12)
    dataset = scan(photos, Scanning(), tmp_path / "scan")
    work = tmp_path / ".out.work"
    work.mkdir()
    (work / "checkpoint.npz").write_bytes(b"of an epoch before")
    broken = photos / dataset.on("train")[-1].path
    data = broken.read_bytes()
    broken.unlink()
    if harm == "truncated":
        broken.write_bytes(data[: len(data) // 2])
    with pytest.raises(ScanError, match=dataset.on("train")[-1].path) as caught:
        train(dataset, TINY, tmp_path / "out")
    assert "scan the pictures again" in caught.value.fix
    assert (work / "checkpoint.npz").exists()
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("*.tmp-*"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_run_killed_while_it_prepares_solves_the_head_or_trains_ends_with_the_same_bytes(
    shapes: Dataset, learned: TrainedModel, tmp_path: Path
) -> None:
    into = tmp_path / "killed"
    code = f"""
        from pathlib import Path
        from pagesight.artifacts import Dataset
        from pagesight.options import Schedule, Training
        from pagesight.train import train
        train(Dataset.open(Path({str(shapes.path)!r})), {TINY!r}, Path({str(into)!r}))
    """
    for sign in ("train.npy", "test.npy", "checkpoint.npz"):  # written first, before the head, and after an epoch
        begun = tmp_path / ".killed.work" / sign
        begun.unlink(missing_ok=True)
        running = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
        while not begun.exists() and running.poll() is None:
            time.sleep(0.01)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        assert begun.exists()
        assert not into.exists()
    resumed = train(shapes, TINY, into)
    assert manifest.list_files(resumed.path) == manifest.list_files(learned.path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["killed"]


def test_a_second_training_into_one_folder_at_the_same_time_is_refused(shapes: Dataset, tmp_path: Path) -> None:
    with locks.exclusive_lock(tmp_path / "out"), pytest.raises(OutputError, match="is being built by another process"):
        train(shapes, TINY, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_was_learned_is_back_after_the_cross_validation_also_where_that_fails() -> None:
    model, _ = network.build(backbones.named("mobilenet_v1_025_96"), 2, None)
    learned = model.get_weights()
    with pytest.raises(KeyboardInterrupt), _as_it_began(model, [np.zeros_like(w) for w in learned]):
        assert not any(w.any() for w in model.get_weights())
        raise KeyboardInterrupt
    assert all((a == b).all() for a, b in zip(model.get_weights(), learned, strict=True))


def test_a_weights_file_that_is_not_there_is_named(shapes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"no weights file nowhere\.h5"):
        train(shapes, replace(TINY, weights="nowhere.h5"), tmp_path / "out")


def test_an_unknown_backbone_is_answered_with_the_nearest_name(shapes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        train(shapes, replace(TINY, backbone="mobilenet_v1_25_96"), tmp_path / "out")
    assert "mobilenet_v1_025_96" in caught.value.fix


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x89HDF\r\n\x1a\n" + bytes(64)], ids=["empty", "text", "broken"])
def test_a_file_that_holds_no_weights_is_refused_in_one_sentence(shapes: Dataset, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wrong.h5").write_bytes(content)
    with pytest.raises(PagesightError, match=r"wrong\.h5 is (damaged|not a readable HDF5 file)") as caught:
        train(shapes, replace(TINY, weights=str(tmp_path / "wrong.h5")), tmp_path / "out")
    assert "\n" not in caught.value.what
    assert not (tmp_path / "out").exists()


def test_weights_of_another_width_are_refused_in_one_sentence(shapes: Dataset, tmp_path: Path, shared: Path) -> None:
    wider = shared / "weights" / "mobilenet_5_0_160_tf_no_top.h5"
    with pytest.raises(TrainError, match="does not hold weights of MobileNetV1") as caught:
        train(shapes, replace(TINY, weights=str(wider)), tmp_path / "out")
    assert "\n" not in caught.value.what


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobilenet_v2_035_96", "mobilenet_v3_small_075_96"])
def test_other_families_train_by_name(shapes: Dataset, tmp_path: Path, backbone: str) -> None:
    trained = train(shapes, replace(TINY, backbone=backbone, epochs=1), tmp_path / "out")
    assert trained.facts.backbone == backbone


@pytest.mark.slow
@pytest.mark.shared
def test_a_hub_handle_trains_with_its_batch_norms_kept_fresh(
    shapes: Dataset, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(SHARED / "tfhub"))
    options = Training(weights="https://tfhub.dev/google/imagenet/mobilenet_v1_025_128/feature_vector/5", epochs=2, schedule=BATCH)
    trained = train(shapes, replace(options, min_accuracy=0.9), tmp_path / "out")
    assert trained.facts.weights.kind == "hub"
