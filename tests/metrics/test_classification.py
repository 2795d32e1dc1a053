"""Metrics of a classifier against scikit-learn and against their definitions."""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.metrics import confusion_matrix as sk_confusion

from unroll.metrics.classification import (
    RocAuc,
    accuracy,
    best_threshold,
    calibration_error,
    confusion_matrix,
    f1_by_class,
    label_f1,
    macro_f1,
    reliability,
    roc_auc,
)


def rows(seed: int, classes: int = 4, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, count)
    scores = draw.random((count, classes)) + 0.5 * np.eye(classes)[truth]
    return truth, scores / scores.sum(axis=1, keepdims=True)


def test_accuracy_confusion_and_f1_equal_scikit_learn() -> None:
    truth, scores = rows(0)
    predicted = scores.argmax(axis=1)
    matrix = confusion_matrix(truth, predicted, 4)
    np.testing.assert_array_equal(matrix, sk_confusion(truth, predicted))
    assert accuracy(truth, predicted) == pytest.approx(accuracy_score(truth, predicted))
    assert macro_f1(matrix) == pytest.approx(f1_score(truth, predicted, average="macro"))
    np.testing.assert_allclose(f1_by_class(matrix), f1_score(truth, predicted, average=None))


def test_class_that_never_occurs_does_not_pull_macro_f1_down() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 3)
    assert math.isnan(f1_by_class(matrix)[2])
    assert macro_f1(matrix) == pytest.approx((0.8 + 2 / 3) / 2)


def test_roc_auc_equals_scikit_learn_with_ties_and_by_counting_pairs() -> None:
    truth, scores = rows(1, classes=2)
    score = scores[:, 1].round(1)
    found = roc_auc((truth == 1)[:, None], score[:, None])
    assert found == pytest.approx(roc_auc_score(truth, score))
    pairs = score[truth == 1][:, None] - score[truth == 0][None, :]
    assert found == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


def test_roc_auc_of_many_classes_is_the_mean_of_one_against_the_rest() -> None:
    truth, scores = rows(2)
    expected = roc_auc_score(truth, scores, multi_class="ovr", average="macro")
    assert roc_auc(np.eye(4, dtype=bool)[truth], scores) == pytest.approx(expected)


def test_roc_auc_needs_both_sides() -> None:
    assert math.isnan(roc_auc(np.ones((3, 1), dtype=bool), np.arange(3.0)[:, None]))


def test_roc_auc_of_chosen_rows_is_that_of_the_rows_themselves() -> None:
    truth, scores = rows(3, classes=5, count=60)
    chosen_NK, scores = np.eye(5, dtype=bool)[truth], scores.round(1)
    scores[7:9, 2] = np.nan  # the greatest, and equal
    area = RocAuc(chosen_NK, scores)
    draw = np.random.default_rng(4)
    for _ in range(20):
        some = draw.integers(0, 60, draw.integers(0, 60))
        one_against_rest = [
            roc_auc_score(chosen_NK[some, k], np.nan_to_num(scores[some, k], nan=2.0))
            for k in range(5)
            if 0 < chosen_NK[some, k].sum() < len(some)
        ]
        assert area(some) == pytest.approx(np.mean(one_against_rest) if one_against_rest else math.nan, nan_ok=True)


def test_calibration_error_of_a_hand_made_case() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    correct = np.array([True, True, True, False, True, False])
    # Two bins of ten: |0.95 - 0.75| weighs 4 of 6, |0.55 - 0.5| weighs 2 of 6.
    assert calibration_error(confidence, correct, bins=10) == pytest.approx(4 / 6 * 0.2 + 2 / 6 * 0.05)


def test_confidence_of_exactly_one_falls_into_the_last_bin() -> None:
    counts, mean, right = reliability(np.array([1.0, 0.0]), np.array([True, False]), bins=5)
    assert counts.tolist() == [1, 0, 0, 0, 1]
    assert (mean[4], right[4]) == (1.0, 1.0)
    assert math.isnan(mean[2])


def test_perfectly_calibrated_answers_have_no_error() -> None:
    draw = np.random.default_rng(3)
    confidence = draw.random(200_000)
    assert calibration_error(confidence, draw.random(200_000) < confidence) < 0.01


def test_label_f1_equals_scikit_learn() -> None:
    draw = np.random.default_rng(4)
    truth, predicted = draw.random((100, 5)) < 0.3, draw.random((100, 5)) < 0.4
    micro, macro = label_f1(truth, predicted)
    assert micro == pytest.approx(f1_score(truth, predicted, average="micro"))
    assert macro == pytest.approx(f1_score(truth, predicted, average="macro"))


@pytest.mark.parametrize("seed", range(5))
def test_best_threshold_beats_every_threshold_there_is(seed: int) -> None:
    draw = np.random.default_rng(seed)
    truth = draw.random(60) < 0.3
    score = np.clip(draw.random(60).round(1) + 0.3 * truth, 0, 1)
    chosen = f1_score(truth, score >= best_threshold(truth, score))
    everywhere = [f1_score(truth, score >= cut, zero_division=0) for cut in np.unique(score)]
    assert chosen == pytest.approx(max(everywhere))


def test_threshold_without_positive_rows_is_one_half() -> None:
    assert best_threshold(np.zeros(3, dtype=bool), np.array([0.1, 0.2, 0.3])) == 0.5
