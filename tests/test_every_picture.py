"""Promises about learning from every picture: none counts for a model that has seen it, and chance is no success."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagesight import backbones, calibration
from pagesight.artifacts import Dataset, Picture
from pagesight.errors import OptionError, TrainError
from pagesight.export import export
from pagesight.options import Naming, Quantization, Scanning, Training
from pagesight.quantize import quantize
from pagesight.records.training import Choice, TestAccuracy, TrainingFacts, Tried, Weights
from pagesight.report.training_findings import training_findings
from pagesight.scan import scan
from pagesight.train import _check_accuracy, train
from pagesight.training import network, selection, upper_part
from pagesight.training.candidates import starts
from pagesight.training.every_picture import _half, are_few
from pagesight.training.folds import folds_of
from pagesight.training.head import LinearHeads, Method
from pagesight.training.predictor import Predictor
from pagesight.training.upper_part import UpperPart

from .conftest import write_photos

LITE = Training(backbone="efficientnet_lite0_128")


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Discs and squares: 10 pictures of each."""
    root = tmp_path_factory.mktemp("few")
    return scan(write_photos(root / "photos", ["disc", "square"], 10), Scanning(), root / "scan")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fine-tuning of a few steps on one view of each picture: what is promised here holds however long it learns."""
    monkeypatch.setattr(upper_part, "steps_for", lambda _: 3)
    monkeypatch.setattr(upper_part, "_VIEWS", (1, 1))


def picture(number: int, label: int, group: str, sha256: str = "") -> Picture:
    return Picture(f"{label}/{number}.png", label, group, "train", sha256 or f"sha {label} {number}")


def test_groups_and_equal_bytes_are_never_in_two_folds() -> None:
    pictures = [picture(i, label, f"person {i % 7}") for label in (0, 1) for i in range(30)]
    pictures += [picture(100, 0, "alone", "same"), picture(101, 1, "another", "same")]
    folds = folds_of(pictures, 5, 0)
    assert folds is not None
    assert len(set(folds.tolist())) == 5
    for person in range(7):
        assert len({fold for p, fold in zip(pictures, folds, strict=True) if p.group == f"person {person}"}) == 1
    assert folds[-1] == folds[-2]


def test_few_is_told_by_the_smallest_class_and_by_what_all_together_take() -> None:
    assert are_few(np.array([100, 400]))
    assert not are_few(np.array([101, 101]))
    assert not are_few(np.array([90, 100_000]))  # a small class does not make the others small
    assert not are_few(np.full(1000, 90))


def test_a_class_from_one_group_alone_cannot_be_cross_validated() -> None:
    pictures = [picture(i, 0, "one") for i in range(9)] + [picture(i, 1, f"{i}") for i in range(9)]
    assert folds_of(pictures, 5, 0) is None


def test_the_head_is_scikit_learns_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    chance = np.random.default_rng(0)
    for rows, columns in ((40, 200), (200, 20)):
        labels = np.arange(rows) % 3
        features = (chance.normal(size=(rows, columns)) + labels[:, None] * 0.3).astype(np.float32)
        kernel, bias = LinearHeads(features).solve(np.arange(rows), np.eye(3)[labels], Method("logistic", 0.1))
        standardized = (features - features.mean(0)) / features.std()
        theirs = LogisticRegression(C=0.1, max_iter=1000, tol=1e-8).fit(standardized, labels).decision_function(standardized)
        ours = features @ kernel + bias
        assert np.abs((ours - ours.mean(1, keepdims=True)) - (theirs - theirs.mean(1, keepdims=True))).max() < 0.02


def test_the_other_head_is_scikit_learns_discriminant_analysis_at_the_scale_of_a_logistic_one() -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    chance = np.random.default_rng(0)
    for rows, columns in ((40, 200), (200, 20)):
        labels = np.arange(rows) % 4
        features = (chance.normal(size=(rows, columns)) * chance.uniform(0.1, 3, columns)).astype(np.float32)
        features[:, :3] += np.eye(4)[labels][:, :3]
        kernel, bias = LinearHeads(features).solve(np.arange(rows), np.eye(4)[labels], Method("discriminant", 0.3))
        ours = features @ kernel + bias
        theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).fit(features, labels).decision_function(features)
        ours, theirs = (logits - logits.mean(1, keepdims=True) for logits in (ours, theirs))
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 1 - 1e-6
        ordered = np.sort(ours, axis=1)
        assert (ordered[:, -1] - ordered[:, -2]).mean() == pytest.approx(5, rel=1e-4)


def test_of_two_heads_the_one_that_is_right_more_often_is_taken_and_pictures_of_no_class_ask_for_a_logistic_one() -> None:
    recipe, task = recipe_of([20, 20], 2.0)
    chance = np.random.default_rng(2)  # what varies in both classes alike hides what tells them apart
    hidden = (recipe.embeddings + 9 * chance.normal(size=(40, 1)) @ chance.normal(size=(1, 30))).astype(np.float32)
    recipe = replace(recipe, embeddings=hidden, heads=LinearHeads(np.concatenate([hidden, hidden])))
    chosen = selection._best_head(recipe, task)
    assert chosen.method.name == "discriminant"
    logistic = selection._asked(replace(recipe, method=Method("logistic", 0.3)), task, recipe.out_of_fold.folds)
    assert chosen.out_of_fold.right(task.labels).sum() > logistic.out_of_fold.right(task.labels).sum()
    some = replace(task, labels=task.labels[4:36], ood=8)
    folds = np.arange(32) % 5
    assert (
        selection._best_head(replace(recipe, out_of_fold=selection.OutOfFold(np.zeros((32, 2)), folds)), some).method.name
        == "logistic"
    )


@pytest.mark.usefixtures("brief")
def test_the_upper_part_learns_for_the_whole_network_and_begins_again_where_it_began() -> None:
    backbone = backbones.named("mobilenet_v1_025_128")
    model, _ = network.build(backbone, 2, network.Weights("starter", str(backbone.starter)))
    labels = np.arange(16) % 2
    inputs = np.full((16, 128, 128, 3), 40, np.uint8) + (labels * 120).astype(np.uint8)[:, None, None, None]
    predictor = Predictor.of(model)
    before = predictor.embeddings(inputs)
    upper = UpperPart(model, inputs, 16, seed=0)
    head = LinearHeads(before).solve(np.arange(16), np.eye(2)[labels], Method("logistic", 1.0))
    upper.fit(np.arange(16), np.eye(2)[labels], head, np.ones(16))
    logits, whole = upper.logits(np.arange(16)), predictor.probabilities(inputs)
    assert np.abs(calibration.softmax(logits) - whole).max() < 0.02  # the maps in between are kept as float16
    assert np.abs(predictor.embeddings(inputs) - before).max() > 1e-6
    seen = []
    upper.solve_head(np.arange(4), lambda embeddings: (seen.append(embeddings), head)[1])
    assert np.abs(seen[0][:4] - predictor.embeddings(inputs[:4])).max() < 0.02
    assert np.abs(seen[0][4:] - predictor.embeddings(inputs[:4, :, ::-1])).max() < 0.02
    assert np.array_equal(model.get_layer("head").get_weights()[0], head[0])
    upper.reset()
    assert np.array_equal(predictor.embeddings(inputs), before)


def recipe_of(counts: list[int], shift: float) -> tuple[selection.Recipe, selection.Task]:
    """A head, cross-validated, on features drawn around one center for each class; `counts` pictures of them."""
    labels = np.repeat(np.arange(len(counts)), counts)
    features = np.random.default_rng(0).normal(size=(len(labels), 30)).astype(np.float32)
    features[np.arange(len(labels)), labels] += shift
    heads = LinearHeads(np.concatenate([features, features]))
    candidate = selection.Candidate("drawn", None, np.zeros((0, 8, 8, 3), np.uint8), 1, 1)
    folds = np.arange(len(labels)) % 5
    task = selection.Task(labels, len(counts), lambda _: folds)
    recipe = selection.Recipe(
        candidate, "frozen", Method("logistic", 1.0), selection.OutOfFold(np.zeros((1, 1)), folds), heads, features
    )
    return replace(recipe, out_of_fold=selection.asked_again(recipe, task, folds)), task


def test_rare_classes_count_more_where_that_recognizes_them_more_often_and_not_where_all_have_as_many() -> None:
    recipe, task = recipe_of([150, 12], 2.0)
    chosen = selection._balanced(recipe, task)
    assert chosen.balance > 0
    rare = task.labels == 1
    assert chosen.out_of_fold.right(task.labels)[rare].sum() > recipe.out_of_fold.right(task.labels)[rare].sum()
    weights = task.weights(np.arange(len(task.labels)), 1.0)
    assert [weights[task.labels == label].sum() for label in (0, 1)] == pytest.approx([81, 81])
    assert selection._balanced(*recipe_of([30, 30], 2.0)).balance == 0


def test_more_pictures_are_said_to_help_where_all_are_worth_more_than_half_of_them() -> None:
    recipe, task = recipe_of([60, 60, 60], 2.0)
    half = _half(recipe, task)
    accuracy = recipe.out_of_fold.right(task.labels).mean()
    assert half is not None
    assert half.pictures == 90
    assert half.accuracy < accuracy
    assert 0.02 < half.expected_gain < 1 - accuracy
    assert half.expected_gain < accuracy - half.accuracy  # by a power law, ever less
    choice, measured = Choice("", 1, "", half=half), TestAccuracy(180, accuracy, (0.0, 1.0))
    facts = TrainingFacts("drawn", Weights("imagenet"), ("a", "b", "c"), accuracy=measured, choice=choice)
    (finding,) = training_findings(facts)
    assert "about 60 more per class" in finding.what
    easy = _half(*recipe_of([60, 60, 60], 9.0))
    assert easy is not None
    assert easy.expected_gain == 0


def test_a_larger_network_is_told_of_only_where_both_answered_the_same_pictures_in_the_same_folds() -> None:
    tried = (Tried("drawn", "frozen", 0.9, 1, 10), Tried("large", "frozen", 0.93, 2, 20), Tried("large", "fine-tuned", 0.99, 2, 20))
    facts = TrainingFacts("drawn", Weights("imagenet"), ("a", "b"), accuracy=TestAccuracy(100, 0.9, (0.0, 1.0)))
    (finding,) = training_findings(replace(facts, choice=Choice("frozen", 1, "", tried)))
    assert "large classified 93.0% correctly" in finding.what
    tuned = replace(facts, choice=Choice("fine-tuned", 1, "", (*tried, Tried("drawn", "fine-tuned", 0.9, 1, 10))))
    assert not list(training_findings(tuned))


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_all_pictures_are_learned_from_and_each_is_asked_of_a_model_that_had_not_seen_it(few: Dataset, tmp_path: Path) -> None:
    trained = train(few, LITE, tmp_path / "out")
    accuracy, answers = trained.facts.accuracy, trained.out_of_fold
    assert accuracy is not None
    assert answers is not None
    probabilities, folds = answers
    labels = np.array([p.label for p in few.pictures])
    assert (accuracy.n, accuracy.folds) == (20, int(folds.max()) + 1)
    assert accuracy.float_ == (probabilities.argmax(1) == labels).mean()
    assert accuracy.float_ > 0.8
    assert accuracy.p_value < 0.01
    assert trained.facts.choice is not None
    assert "by cross-validation" in trained.facts.choice.why
    # What it answers to pictures that it has learned from is no accuracy, whichever command asks.
    web = quantize(export(trained, Naming("a", "A"), tmp_path / "export"), Quantization("none"), tmp_path / "web", few)
    assert web.facts.storage.top1_agreement == 1
    assert web.facts.accuracy is None


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_an_accuracy_that_chance_gives_fails_unless_it_is_allowed(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", ["disc", "square"], 12)
    for number, file in enumerate(sorted(photos.rglob("*.*"))):  # both shapes in both folders: there is nothing to learn
        if number % 2:
            other = photos / ("square" if file.parent.name == "disc" else "disc")
            file.rename(other / f"moved {number}{file.suffix}")
    dataset = scan(photos, Scanning(), tmp_path / "scan")
    with pytest.raises(TrainError, match="no better than always predicting"):
        train(dataset, LITE, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    guessed = TestAccuracy(24, 0.5, (0.3, 0.7), folds=5, p_value=0.6)
    _check_accuracy(guessed, Training(min_accuracy=0.0))
    with pytest.raises(TrainError, match="no better than always predicting"):
        _check_accuracy(guessed, Training())


def test_of_networks_that_are_about_as_good_the_smallest_is_taken() -> None:
    labels = np.arange(100) % 2

    def recipe(name: str, size: int, wrong: int, first: int = 0) -> selection.Recipe:
        is_wrong = (np.arange(100) >= first) & (np.arange(100) < first + wrong)
        logits = np.eye(2)[np.where(is_wrong, 1 - labels, labels)] * 5
        candidate = selection.Candidate(name, None, np.zeros((0, 8, 8, 3), np.uint8), size, size)
        heads = LinearHeads(np.eye(3, dtype=np.float32))
        return selection.Recipe(
            candidate, "frozen", Method("logistic", 1.0), selection.OutOfFold(logits, labels), heads, np.zeros((0, 3), np.float32)
        )

    large, close, far = recipe("large", 3, 10), recipe("close", 2, 11, first=50), recipe("far", 1, 30)
    assert selection.smallest_of_the_best([large, close, far], labels).candidate.name == "close"
    assert selection.smallest_of_the_best([large, far], labels).candidate.name == "large"
    assert selection._preferred([close, large, far], labels, "balanced").candidate.name == "close"
    assert selection._preferred([close, large, far], labels, "accurate").candidate.name == "large"
    better = recipe("better", 4, 1)
    assert selection._preferred([close, better, far], labels, "accurate").candidate.name == "better"


def test_a_network_learns_as_a_whole_only_where_it_is_cheap_and_its_pictures_fit_into_memory() -> None:
    assert selection.part_for(90_000_000, 400 * 224 * 224 * 3) == 1
    assert selection.part_for(90_000_000, 10_000 * 224 * 224 * 3) == selection.UPPER
    assert selection.part_for(300_000_000, 400 * 224 * 224 * 3) == selection.UPPER


@pytest.mark.usefixtures("brief")
def test_a_fine_tuning_that_comes_to_nothing_on_all_pictures_gives_way_to_frozen_features(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = backbones.named("mobilenet_v1_025_128")
    model, _ = network.build(backbone, 2, network.Weights("starter", str(backbone.starter)))
    labels = np.arange(16) % 2
    inputs = np.full((16, 128, 128, 3), 40, np.uint8) + (labels * 120).astype(np.uint8)[:, None, None, None]
    folds = np.arange(16) // 2 % 4
    task = selection.Task(labels, 2, lambda _: folds)
    first = model.get_weights()
    frozen = selection.frozen(selection.Candidate("plain", model, inputs, 1, 1, 16), task, folds)
    assert frozen.out_of_fold.right(labels).all()
    tuned = replace(frozen, kind="fine-tuned", upper=UpperPart(model, inputs, 16, seed=0))
    monkeypatch.setattr(upper_part, "_LEARNING_RATE", 0.0)
    assert selection.refit(tuned, [frozen, tuned], task, "balanced").kind == "fine-tuned"
    monkeypatch.setattr(upper_part, "_LEARNING_RATE", float("nan"))
    assert selection.refit(tuned, [frozen, tuned], task, "balanced").kind == "frozen"
    assert all((a == b).all() for a, b in zip(model.get_weights()[:-2], first[:-2], strict=True))
    assert (Predictor.of(model).probabilities(inputs).argmax(1) == labels).all()


def test_weights_for_hands_are_never_taken_unasked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert {s.weights.kind for s in starts(Training())} == {"imagenet"}
    assert {s.backbone.family for s in starts(Training())} == {"EfficientNetLite0"}
    assert [s.backbone.name for s in starts(Training(weights="starter"))] == ["mobilenet_v1_025_128"]
    with pytest.raises(OptionError, match="weights of one network"):
        (tmp_path / "w.h5").write_bytes(b"")
        starts(Training(weights=str(tmp_path / "w.h5")))
    with pytest.raises(TrainError, match="fits in 400,000 bytes"):
        starts(Training(max_bytes=400_000))
