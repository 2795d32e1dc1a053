"""All scores of a classifier at once, with their 95 % intervals.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from unroll.metrics.classification import (
    RocAuc,
    accuracy,
    calibration_error,
    confusion_matrix,
    label_f1,
    macro_f1,
)
from unroll.metrics.intervals import Interval, bootstrap, wilson

#: Rows times classes above which the area under the curve gets no interval: it would take longer than the training.
_AREA_CELLS = 60_000


class Measured(NamedTuple):
    """A value and its 95 % interval, if there is one."""

    value: float
    interval: Interval | None


def score_classes(truth: np.ndarray, probabilities_NK: np.ndarray, *, intervals: bool = True) -> dict[str, Measured]:
    """Scores where every row has one class.

    Args:
        truth: (N,) class numbers.
        probabilities_NK: (N, K).
        intervals: whether to compute them; they cost some hundred times the scores themselves.
    """
    rows, classes = probabilities_NK.shape
    predicted = probabilities_NK.argmax(axis=1)
    right = predicted == truth
    sure = probabilities_NK.max(axis=1)
    chosen = np.eye(classes, dtype=bool)[truth]
    # With two classes the second curve is the mirror of the first.
    curves = slice(1, 2) if classes == 2 else slice(None)
    measured = {"accuracy": Measured(accuracy(truth, predicted), wilson(int(right.sum()), rows) if intervals else None)}
    statistics: dict[str, Callable[[np.ndarray], float]] = {
        "macro_f1": lambda some: macro_f1(confusion_matrix(truth[some], predicted[some], classes)),
        "roc_auc": RocAuc(chosen[:, curves], probabilities_NK[:, curves]),
        "calibration_error": lambda some: calibration_error(sure[some], right[some]),
    }
    return measured | _resampled(statistics, rows, classes, intervals)


def score_labels(
    truth_NK: np.ndarray, probabilities_NK: np.ndarray, thresholds: np.ndarray, *, intervals: bool = True
) -> dict[str, Measured]:
    """Scores where a row has any number of labels. Accuracy is the share of rows whose set of labels was met exactly.

    Args:
        truth_NK: (N, K) bool.
        probabilities_NK: (N, K).
        thresholds: (K,) a label is predicted where its probability is at or above its threshold.
        intervals: whether to compute them.
    """
    rows, labels = probabilities_NK.shape
    predicted = probabilities_NK >= thresholds
    exact = (predicted == truth_NK).all(axis=1)
    measured = {
        "accuracy": Measured(
            float(exact.mean()) if rows else float("nan"), wilson(int(exact.sum()), rows) if intervals else None
        )
    }
    statistics: dict[str, Callable[[np.ndarray], float]] = {
        "micro_f1": lambda some: label_f1(truth_NK[some], predicted[some])[0],
        "macro_f1": lambda some: label_f1(truth_NK[some], predicted[some])[1],
        "roc_auc": RocAuc(truth_NK, probabilities_NK),
        "calibration_error": lambda some: calibration_error(probabilities_NK[some].ravel(), truth_NK[some].ravel()),
    }
    return measured | _resampled(statistics, rows, labels, intervals)


def _resampled(
    statistics: Mapping[str, Callable[[np.ndarray], float]], rows: int, classes: int, intervals: bool
) -> dict[str, Measured]:
    everything = np.arange(rows)
    measured = {}
    for name, statistic in statistics.items():
        costly = name == "roc_auc" and rows * classes > _AREA_CELLS
        interval = bootstrap(statistic, rows) if intervals and not costly else None
        measured[name] = Measured(statistic(everything), interval)
    return measured
