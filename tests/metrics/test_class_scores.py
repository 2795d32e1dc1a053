"""All scores at once: the names, the values and what the intervals hold."""

import numpy as np
import pytest

from unroll.metrics.class_scores import score_classes, score_labels
from unroll.metrics.intervals import wilson


def test_classes() -> None:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 3, 150)
    scores = np.eye(3)[truth] + draw.random((150, 3))
    measured = score_classes(truth, scores / scores.sum(axis=1, keepdims=True))
    assert list(measured) == ["accuracy", "macro_f1", "roc_auc", "calibration_error"]
    right = int((scores.argmax(axis=1) == truth).sum())
    assert measured["accuracy"].value == pytest.approx(right / 150)
    assert measured["accuracy"].interval == wilson(right, 150)
    for value, interval in measured.values():
        assert interval is not None
        assert 0 <= interval.low <= interval.high <= 1
        assert interval.low - 0.02 <= value <= interval.high + 0.02


def test_without_intervals_the_values_are_the_same() -> None:
    draw = np.random.default_rng(1)
    truth, scores = draw.integers(0, 2, 40), draw.dirichlet([1, 1], 40)
    with_intervals, without = score_classes(truth, scores), score_classes(truth, scores, intervals=False)
    assert {name: found.value for name, found in with_intervals.items()} == {n: f.value for n, f in without.items()}
    assert all(found.interval is None for found in without.values())


def test_area_of_two_classes_does_not_depend_on_which_is_called_positive() -> None:
    draw = np.random.default_rng(2)
    truth, scores = draw.integers(0, 2, 60), draw.dirichlet([1, 1], 60)
    straight = score_classes(truth, scores, intervals=False)["roc_auc"].value
    mirrored = score_classes(1 - truth, scores[:, ::-1], intervals=False)["roc_auc"].value
    assert straight == pytest.approx(mirrored)


def test_large_area_gets_no_interval() -> None:
    draw = np.random.default_rng(3)
    scores = draw.dirichlet(np.ones(700), 100)
    measured = score_classes(draw.integers(0, 700, 100), scores)
    assert measured["roc_auc"].interval is None
    assert measured["macro_f1"].interval is not None


def test_labels_count_a_row_right_only_if_all_its_labels_are() -> None:
    truth = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], dtype=bool)
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.2], [0.3, 0.45]])
    measured = score_labels(truth, scores, np.array([0.5, 0.4]))
    assert measured["accuracy"].value == 0.75
    assert measured["micro_f1"].value == pytest.approx(2 * 3 / (4 + 3))
    assert list(measured) == ["accuracy", "micro_f1", "macro_f1", "roc_auc", "calibration_error"]
