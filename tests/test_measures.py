"""Promises about what is measured: accuracy, calibration and the threshold are what a hand computes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pagesight import calibration, metrics, progress
from pagesight.contract import Decision


def test_the_calibration_error_is_what_a_hand_computes() -> None:
    # Two answers of 0.9, one right: a gap of 0.4 for half of all. Two of 0.6, both right: a gap of 0.4 for the other half.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    result = metrics.reliability(probabilities, np.array([0, 1, 0, 1]))
    assert result.ece == pytest.approx(0.4)
    assert result.counts.sum() == 4
    assert result.counts[[8, 13]].tolist() == [2, 2]  # (8/15, 9/15] and (13/15, 14/15]
    assert result.accuracy[[8, 13]].tolist() == [1, 0.5]


def test_answers_that_are_always_sure_and_right_have_no_calibration_error() -> None:
    assert metrics.reliability(np.eye(4), np.arange(4)).ece == 0


def _overconfident(n: int, factor: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities whose logits are `factor` times too large for their labels."""
    rng = np.random.default_rng(seed)
    honest = calibration.scaled(rng.dirichlet(np.ones(5), n), 0.7)
    labels = (honest.cumsum(1) < rng.random((n, 1))).sum(1)
    return calibration.scaled(honest, 1 / factor), labels


def test_temperature_scaling_calms_a_model_that_is_too_sure() -> None:
    held, held_labels = _overconfident(10_000, 3, 0)
    fresh, labels = _overconfident(10_000, 3, 1)
    temperature = calibration.fitted_temperature(held, held_labels)
    assert temperature == pytest.approx(3, rel=0.1)
    before = metrics.reliability(fresh, labels).ece
    after = metrics.reliability(calibration.scaled(fresh, temperature), labels).ece
    assert after < 0.02 < before / 4  # 15 bins of 10,000 answers are off by about 0.01 by chance
    assert (calibration.scaled(fresh, temperature).argmax(1) == fresh.argmax(1)).all()


def test_scaling_probabilities_is_scaling_logits() -> None:
    logits = np.random.default_rng(0).normal(size=(6, 4)) * 3

    def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(x) / np.exp(x).sum(1, keepdims=True)

    assert np.allclose(calibration.scaled(softmax(logits), 2.5), softmax(logits / 2.5))


def test_few_faultless_answers_do_not_make_the_model_sure_of_everything() -> None:
    probabilities = np.full((6, 3), 0.1) + 0.7 * np.eye(3)[[0, 1, 2, 0, 1, 2]]
    assert 0.2 < calibration.fitted_temperature(probabilities, np.array([0, 1, 2, 0, 1, 2])) < 2
    assert calibration.fitted_temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1


def test_the_threshold_accepts_the_stated_share_of_right_answers() -> None:
    probabilities, labels = _overconfident(1000, 1, 2)
    for share in (1.0, 0.95, 0.5):
        threshold = calibration.threshold_for(probabilities, labels, share)
        taken = metrics.accepted(probabilities, labels, threshold)
        assert share <= taken.right < share + 0.02
        assert taken.wrong <= taken.right
    assert calibration.threshold_for(np.zeros((0, 3)), np.zeros(0, np.int64), 0.95) == 0.5


def test_the_decision_lets_in_no_more_strangers_than_stated_and_few_right_answers_go() -> None:
    known, labels = _overconfident(2000, 3, 3)
    sure = np.full((100, 5), 0.02) + 0.9 * np.eye(5)[np.zeros(100, int)]
    for share, ood in ((0.01, sure), (0.1, sure), (0.01, np.full((100, 5), 0.2))):
        result = calibration.decide(known, labels, ood, share)
        assert result.temperature == pytest.approx(3, rel=0.15)
        assert (calibration.scaled(ood, result.temperature).max(1) >= result.threshold).mean() <= share
    assert metrics.accepted(calibration.scaled(known, result.temperature), labels, result.threshold).right >= 0.95
    nothing = np.zeros((0, 5), np.float32)
    assert calibration.decide(nothing, np.zeros(0, np.int64), nothing, 0.01) == Decision(1.0, 0.5)


def test_strangers_are_told_apart_and_counted() -> None:
    known = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.55, 0.45]])
    unknown = np.array([[0.6, 0.4], [0.5, 0.5]])
    result = metrics.ood_metrics(known, unknown, threshold=0.6, false_accepts=0.5)
    assert result.auroc == pytest.approx(7 / 8)  # of eight pairs one is the wrong way round: 0.55 and 0.6
    assert result.false_accepts == 0.5
    assert result.at.accepted == 1  # above 0.5, where one of two strangers is let in
    strict = metrics.ood_metrics(known, unknown, threshold=0.6, false_accepts=0.01).at
    assert (unknown.max(1) >= strict.threshold).sum() == 0
    assert strict.accepted == 0.75


def test_scores_by_class_are_scikit_learns() -> None:
    labels, predicted = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    result = metrics.per_class(labels, predicted, ("a", "b", "c"))
    assert [row.recall for row in result.classes] == [0.5, 1, 0]
    assert [row.precision for row in result.classes] == pytest.approx([0.5, 2 / 3, 0])
    assert result.macro.f1 == pytest.approx((0.5 + 0.8 + 0) / 3)
    assert metrics.confusion(labels, predicted, 3).tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_few_answers_leave_the_temperature_at_one_and_the_threshold_low() -> None:
    known, labels = _overconfident(12, 1, 4)
    assert calibration.fitted_temperature(known, labels) == 1
    sure = np.array([[0.99, 0.01], [0.98, 0.02], [0.97, 0.03], [0.02, 0.98]])
    right = np.array([0, 0, 0, 1])
    # Four right answers: what the next is sure of is hardly known, so that the threshold keeps near to guessing.
    assert calibration.affordable_threshold(sure, right) < 0.7
    assert calibration.affordable_threshold(np.repeat(sure, 100, 0), np.repeat(right, 100)) > 0.9


def test_being_right_by_chance_is_told_from_being_right() -> None:
    labels = np.repeat(np.arange(4), 10)
    assert metrics.better_than_guessing(12, labels) > 0.05
    assert metrics.better_than_guessing(30, labels) < 1e-6
    assert metrics.better_than_guessing(33, np.array([0] * 32 + [1] * 8)) > 0.05  # always the frequent class: 32 of 40


def test_things_that_are_taken_for_a_class_with_certainty_do_not_shut_the_page_and_the_price_is_said() -> None:
    notes: list[str] = []

    class Said(progress.Reporter):
        def note(self, text: str) -> None:
            notes.append(text)

    known, labels = _overconfident(500, 1, 5)
    certain = np.eye(5)[np.zeros(20, int)]
    with progress.shown_by(Said()):
        result = calibration.decide(known, labels, certain, 0.01)
    assert result.threshold == 1
    assert "accepts 20 of 20 pictures of other things and refuses" in notes[0]


def test_an_interval_holds_what_was_measured_also_at_its_ends() -> None:
    for n in range(1, 200):
        assert metrics.wilson(n, n)[1] == 1.0
        assert metrics.wilson(0, n)[0] == 0.0
        assert 0 < metrics.wilson(n, n)[0] < 1
