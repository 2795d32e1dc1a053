"""What a classifier stands beside: the majority, TF-IDF with logistic regression, the nearest neighbour.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unroll.baselines.series_classification import (
    MINIROCKET,
    NEIGHBOURS,
    affordable,
    has_minirocket,
    minirocket,
    warping_neighbours,
)
from unroll.baselines.text import tfidf_regression
from unroll.metrics.classification import accuracy, label_f1
from unroll.tasks.base import Scores
from unroll.tasks.classify.examples import SeriesExamples
from unroll.tasks.classify.scores import measure, tuned_thresholds

#: Baseline name -> split -> scores.
BaselineScores = dict[str, dict[str, Scores]]

#: Share of the train split on which a choice is made where there is no validation split.
_HELD_OUT = 0.1

#: Letters of the texts that TF-IDF is fitted on, at most, and of those that its penalty is chosen on: a letter takes
#: some sixty bytes of n-grams and of the solver's copies, so that more rows would take more memory than the training.
_LETTERS = 40_000_000
_LETTERS_CHOSEN_ON = 10_000_000
#: Texts whose n-grams are counted at a time where only predictions are wanted.
_BLOCK = 10_000


def majority(
    truth_NK: np.ndarray, train: np.ndarray, splits: Mapping[str, np.ndarray], *, several: bool
) -> BaselineScores:
    """Every row gets the shares of the train split, so the most frequent class is predicted."""
    shares = truth_NK[train].mean(axis=0)
    predicted = {split: np.tile(shares, (len(rows), 1)) for split, rows in splits.items()}
    return {"majority": _scored(truth_NK, predicted, splits, several=several)}


def text_baselines(
    texts: Sequence[str], truth_NK: np.ndarray, train: np.ndarray, splits: Mapping[str, np.ndarray], *, several: bool
) -> BaselineScores:
    """Majority, and the better on validation of word and character TF-IDF with logistic regression.

    Args:
        texts: of all rows of the table.
        truth_NK: (rows, K) bool, of all rows.
        train: rows of the train split.
        splits: rows of the other splits.
        several: whether a row may have several labels.
    """
    fit_rows, choice_rows = _choice_rows(train, splits)
    fitted = _bounded(texts, fit_rows, _LETTERS)
    chosen_on = _bounded(texts, choice_rows, _LETTERS_CHOSEN_ON)
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
    name = baseline.name
    if len(fitted) < len(fit_rows):
        name += f", fitted on {len(fitted):,} of {len(fit_rows):,} rows"

    def probabilities(rows: np.ndarray) -> np.ndarray:
        blocks = np.array_split(rows, range(_BLOCK, len(rows), _BLOCK))
        return np.concatenate([baseline.probabilities([texts[int(row)] for row in block]) for block in blocks])

    predicted = {split: probabilities(rows) for split, rows in splits.items()}
    return majority(truth_NK, train, splits, several=several) | {
        name: _scored(truth_NK, predicted, splits, several=several)
    }


def series_baselines(
    examples: SeriesExamples,
    truth_NK: np.ndarray,
    train: np.ndarray,
    splits: Mapping[str, np.ndarray],
    *,
    several: bool,
) -> BaselineScores:
    """Majority, the nearest neighbour, Euclidean and, where it is quick enough, by dynamic time warping, and MiniRocket
    where aeon is installed."""
    scores = majority(truth_NK, train, splits, several=several)
    mean, deviation = examples.statistics(train)
    scale = np.where(deviation > 0, deviation, 1.0)
    known = [(examples.row(int(row)) - mean) / scale for row in train]
    asked = {split: [(examples.row(int(row)) - mean) / scale for row in rows] for split, rows in splits.items()}
    for name, neighbours in NEIGHBOURS.items():
        if neighbours is warping_neighbours and not all(affordable(known, rows) for rows in asked.values()):
            continue
        predicted = {split: truth_NK[train][neighbours(known, rows)].astype(float) for split, rows in asked.items()}
        scores[name] = _scored(truth_NK, predicted, splits, several=several)
    if has_minirocket() and not several:
        answers = minirocket(known, truth_NK[train].argmax(axis=1), asked, seed=0)
        predicted = {split: np.eye(truth_NK.shape[1])[numbers] for split, numbers in answers.items()}
        scores[MINIROCKET] = _scored(truth_NK, predicted, splits, several=False)
    return scores


def _choice_rows(train: np.ndarray, splits: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on and rows to choose on; never the test split."""
    if "validation" in splits:
        return train, splits["validation"]
    order = np.random.default_rng(0).permutation(train)
    count = max(1, round(len(order) * _HELD_OUT))
    return np.sort(order[count:]), np.sort(order[:count])


def _bounded(texts: Sequence[str], rows: np.ndarray, letters: int) -> np.ndarray:
    """These rows, or as many of them, drawn at random, as have about so many letters."""
    some = rows[:: max(1, len(rows) // 1000)]
    mean = max(1.0, float(np.mean([len(texts[int(row)]) for row in some])))
    most = max(1, int(letters / mean))
    return rows if len(rows) <= most else np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _scored(
    truth_NK: np.ndarray, predicted: Mapping[str, np.ndarray], splits: Mapping[str, np.ndarray], *, several: bool
) -> dict[str, Scores]:
    thresholds = None
    if several:
        known = "validation" in splits
        thresholds = (
            tuned_thresholds(truth_NK[splits["validation"]], predicted["validation"])
            if known
            else np.full(truth_NK.shape[1], 0.5)
        )
    return {
        split: Scores(measure(truth_NK[rows], predicted[split], thresholds=thresholds))
        for split, rows in splits.items()
    }
