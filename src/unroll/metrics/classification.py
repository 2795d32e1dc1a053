"""Scores of a classifier, in plain numpy.

Shapes: N rows, K classes.
"""

from __future__ import annotations

import numpy as np


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(K, K) counts: row = true class, column = predicted class.

    Args:
        truth: (N,) class numbers.
        predicted: (N,) class numbers.
        classes: K.
    """
    pairs = truth.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Share of rows whose class was met; NaN without rows."""
    return float(np.mean(truth == predicted)) if len(truth) else float("nan")


def f1_by_class(confusion: np.ndarray) -> np.ndarray:
    """(K,) F1 of every class, 2 TP / (2 TP + FP + FN); NaN for a class that is neither true nor predicted anywhere.

    Args:
        confusion: (K, K), row = true class.
    """
    hits = np.diagonal(confusion).astype(float)
    total = (confusion.sum(axis=0) + confusion.sum(axis=1)).astype(float)
    scores = np.full(len(hits), np.nan)
    np.divide(2 * hits, total, out=scores, where=total > 0)
    return scores


def macro_f1(confusion: np.ndarray) -> float:
    """Mean F1 over the classes that occur, true or predicted; every class counts the same. NaN without rows."""
    scores = f1_by_class(confusion)
    return float(np.nanmean(scores)) if confusion.sum() else float("nan")


def roc_auc(truth_NK: np.ndarray, score_NK: np.ndarray) -> float:
    """Chance that a row of a class scores above one of the rest, ties counted half; the mean over the classes.

    Classes without both sides are left out; NaN if none is left.

    Source: Hanley, McNeil 1982, "The meaning and use of the area under a receiver operating characteristic curve".

    Args:
        truth_NK: (N, K) bool, the true classes.
        score_NK: (N, K) higher means more likely of the class.
    """
    return RocAuc(truth_NK, score_NK)(np.arange(len(truth_NK)))


class RocAuc:
    """`roc_auc` of any choice of the same rows, which are sorted once: a bootstrap chooses hundreds of times.

    Args:
        truth_NK: (N, K) bool, the true classes.
        score_NK: (N, K) scores.
    """

    def __init__(self, truth_NK: np.ndarray, score_NK: np.ndarray) -> None:
        rows = len(truth_NK)
        self._order_NK = np.argsort(score_NK, axis=0, kind="stable")
        self._truth_NK = np.take_along_axis(truth_NK.astype(bool), self._order_NK, axis=0)
        sorted_NK = np.take_along_axis(score_NK, self._order_NK, axis=0)
        # Where each run of equal scores begins and ends.
        at_N1 = np.arange(rows)[:, None]
        new_NK = np.ones(sorted_NK.shape, dtype=bool)
        new_NK[1:] = (sorted_NK[1:] != sorted_NK[:-1]) & ~np.isnan(sorted_NK[:-1])
        last_NK = np.ones(sorted_NK.shape, dtype=bool)
        last_NK[:-1] = new_NK[1:]
        self._first_NK = np.maximum.accumulate(np.where(new_NK, at_N1, 0), axis=0)
        self._last_NK = np.minimum.accumulate(np.where(last_NK, at_N1, rows)[::-1], axis=0)[::-1]

    def __call__(self, chosen: np.ndarray) -> float:
        """`roc_auc` of the rows that are chosen, (M,) row numbers in which a row may stand more than once."""
        times_NK = np.bincount(chosen, minlength=len(self._order_NK))[self._order_NK]
        upto_NK = np.cumsum(times_NK, axis=0)
        before_NK = np.take_along_axis(upto_NK - times_NK, self._first_NK, axis=0)
        middle_NK = (before_NK + 1 + np.take_along_axis(upto_NK, self._last_NK, axis=0)) / 2
        times_NK = times_NK * self._truth_NK
        positives_K = times_NK.sum(axis=0)
        pairs_K = positives_K * (len(chosen) - positives_K)
        ranks_K = (times_NK * middle_NK).sum(axis=0) - positives_K * (positives_K + 1) / 2
        known = pairs_K > 0
        return float(np.mean(ranks_K[known] / pairs_K[known])) if known.any() else float("nan")


def reliability(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often answers of a given confidence are right.

    Args:
        confidence: (N,) in [0, 1].
        correct: (N,) bool.
        bins: how many equal bins [0, 1] is cut into.

    Returns:
        Rows, mean confidence and share of right answers per bin; the latter two are NaN in an empty bin.
    """
    where = np.clip((confidence * bins).astype(np.int64), 0, bins - 1)
    rows = np.bincount(where, minlength=bins)
    known = rows > 0
    mean = np.divide(np.bincount(where, confidence, bins), rows, out=np.full(bins, np.nan), where=known)
    right = np.divide(np.bincount(where, correct.astype(float), bins), rows, out=np.full(bins, np.nan), where=known)
    return rows, mean, right


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: the mean distance between confidence and share of right answers, weighted by rows.

    Source: Guo et al. 2017, "On calibration of modern neural networks", equation 3. NaN without rows.
    """
    rows, mean, right = reliability(confidence, correct, bins)
    if not rows.sum():
        return float("nan")
    known = rows > 0
    return float(np.sum(rows[known] * np.abs(mean[known] - right[known])) / rows.sum())


def label_f1(truth_NK: np.ndarray, predicted_NK: np.ndarray) -> tuple[float, float]:
    """(micro F1, macro F1) of several labels per row. A label that is neither true nor predicted anywhere is left out
    of the mean.

    Args:
        truth_NK: (N, K) bool.
        predicted_NK: (N, K) bool.
    """
    hits = (truth_NK & predicted_NK).sum(axis=0).astype(float)
    total = (truth_NK.sum(axis=0) + predicted_NK.sum(axis=0)).astype(float)
    known = total > 0
    if not known.any():
        return float("nan"), float("nan")
    return float(2 * hits.sum() / total.sum()), float(np.mean(2 * hits[known] / total[known]))


def best_threshold(truth: np.ndarray, score: np.ndarray) -> float:
    """The threshold on one label's score that gives the greatest F1 where rows at or above it are called positive.

    It lies half way to the next lower score, so that it does not hang on the last digit. 0.5 if no row is positive.

    Args:
        truth: (N,) bool.
        score: (N,) in [0, 1].
    """
    positives = int(truth.sum())
    if not positives:
        return 0.5
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(score) + 1) + positives)
    # A threshold cannot part equal scores: only the last of them is a place to cut.
    cut = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmax(np.where(cut, f1, -1.0)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)
