"""What a classifier stands beside: the majority, TF-IDF with logistic regression, the nearest neighbour.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unroll.baselines.series_classification import NEIGHBOURS, affordable, warping_neighbours
from unroll.baselines.text import tfidf_regression
from unroll.metrics.classification import accuracy, label_f1
from unroll.tasks.base import Scores
from unroll.tasks.classify.examples import SeriesExamples
from unroll.tasks.classify.scores import measure, tuned_thresholds

#: Baseline name -> part -> scores.
Found = dict[str, dict[str, Scores]]

#: Share of the train part on which a choice is made where there is no validation part.
_HELD_OUT = 0.1


def majority(truth_NK: np.ndarray, train: np.ndarray, parts: Mapping[str, np.ndarray], *, several: bool) -> Found:
    """Every row gets the shares of the train part, so the most frequent class is the answer."""
    shares = truth_NK[train].mean(axis=0)
    answers = {part: np.tile(shares, (len(rows), 1)) for part, rows in parts.items()}
    return {"majority": _scored(truth_NK, answers, parts, several=several)}


def text_baselines(
    texts: Sequence[str], truth_NK: np.ndarray, train: np.ndarray, parts: Mapping[str, np.ndarray], *, several: bool
) -> Found:
    """Majority, and the better on validation of word and character TF-IDF with logistic regression.

    Args:
        texts: of all rows of the table.
        truth_NK: (rows, K) bool, of all rows.
        train: row numbers of the train part.
        parts: row numbers of the other parts.
        several: whether a row may have several labels.
    """
    fitted, chosen_on = _choice_rows(train, parts)
    truth = truth_NK[chosen_on]

    def score(probabilities: np.ndarray) -> float:
        if several:
            return label_f1(truth, probabilities >= tuned_thresholds(truth, probabilities))[0]
        return accuracy(truth.argmax(axis=1), probabilities.argmax(axis=1))

    baseline = tfidf_regression(
        [texts[int(row)] for row in fitted],
        truth_NK[fitted],
        [texts[int(row)] for row in chosen_on],
        score,
        exclusive=not several,
    )
    answers = {part: baseline.probabilities([texts[int(row)] for row in rows]) for part, rows in parts.items()}
    return majority(truth_NK, train, parts, several=several) | {
        baseline.name: _scored(truth_NK, answers, parts, several=several)
    }


def series_baselines(
    examples: SeriesExamples, truth_NK: np.ndarray, train: np.ndarray, parts: Mapping[str, np.ndarray], *, several: bool
) -> Found:
    """Majority, and the nearest neighbour: Euclidean and, where it is quick enough, by dynamic time warping."""
    found = majority(truth_NK, train, parts, several=several)
    mean, deviation = examples.statistics(train)
    scale = np.where(deviation > 0, deviation, 1.0)
    known = [(examples.row(int(row)) - mean) / scale for row in train]
    asked = {part: [(examples.row(int(row)) - mean) / scale for row in rows] for part, rows in parts.items()}
    for name, neighbours in NEIGHBOURS.items():
        if neighbours is warping_neighbours and not all(affordable(known, rows) for rows in asked.values()):
            continue
        answers = {part: truth_NK[train][neighbours(known, rows)].astype(float) for part, rows in asked.items()}
        found[name] = _scored(truth_NK, answers, parts, several=several)
    return found


def _choice_rows(train: np.ndarray, parts: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on and rows to choose on; never the test part."""
    if "validation" in parts:
        return train, parts["validation"]
    order = np.random.default_rng(0).permutation(train)
    count = max(1, round(len(order) * _HELD_OUT))
    return np.sort(order[count:]), np.sort(order[:count])


def _scored(
    truth_NK: np.ndarray, answers: Mapping[str, np.ndarray], parts: Mapping[str, np.ndarray], *, several: bool
) -> dict[str, Scores]:
    thresholds = None
    if several:
        known = "validation" in parts
        thresholds = (
            tuned_thresholds(truth_NK[parts["validation"]], answers["validation"])
            if known
            else np.full(truth_NK.shape[1], 0.5)
        )
    return {part: Scores(measure(truth_NK[rows], answers[part], thresholds=thresholds)) for part, rows in parts.items()}
