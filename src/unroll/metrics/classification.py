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


def binary_roc_auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Chance that a positive row scores above a negative one, ties counted half; NaN if one of the two is missing.

    Source: Hanley, McNeil 1982, "The meaning and use of the area under a receiver operating characteristic curve".

    Args:
        truth: (N,) bool.
        score: (N,) higher means more likely positive.
    """
    truth = truth.astype(bool)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle_rank = ends - (counts - 1) / 2
    ranks = middle_rank[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def roc_auc(truth_NK: np.ndarray, score_NK: np.ndarray) -> float:
    """Mean over the classes of `binary_roc_auc`, one class against the rest; classes without both sides are left out.

    Args:
        truth_NK: (N, K) bool, the true classes.
        score_NK: (N, K) scores.
    """
    values = [binary_roc_auc(truth_NK[:, k], score_NK[:, k]) for k in range(truth_NK.shape[1])]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


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
