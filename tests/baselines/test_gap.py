"""Gaps filled by counting, against the n-gram models' own distributions."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.baselines.gap import NGramGap
from unroll.baselines.ngram import NGramModel

V = 12


def rows(count: int, seed: int) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [2 + np.cumsum(draw.integers(0, 3, draw.integers(1, 9))) % (V - 2) for _ in range(count)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_many_probabilities_at_once_are_those_of_one_context_after_the_other(order: int) -> None:
    text = np.concatenate(rows(60, 0))
    model = NGramModel(text, V, order)
    draw = np.random.default_rng(1)
    contexts, tokens = draw.integers(0, V, (40, 2)), draw.integers(0, V, (40, 5))
    found = model.probabilities(tokens, contexts)
    for number in range(40):
        before = contexts[number][max(0, 3 - order) :]
        np.testing.assert_allclose(found[number], model.distribution(before)[tokens[number]], rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("left_only", [False, True])
def test_the_best_tokens_are_those_of_the_whole_product(order: int, left_only: bool) -> None:
    train = rows(80, 0)
    answers = np.arange(V) >= 2
    answers[5] = False
    gap = NGramGap(train, V, order, answers)
    text = np.concatenate([[0], *(part for row in train for part in (row, [0]))])
    left, right, alone = NGramModel(text, V, order), NGramModel(text[::-1].copy(), V, order), NGramModel(text, V, 1)
    edge = [0, 0]
    for row in rows(10, 2):
        gaps = np.arange(len(row))
        found = gap.best(row, gaps, 4, left_only=left_only)
        for at in gaps:
            scores = np.log(left.distribution(np.array([*edge, *row[:at]])[-order + 1 :] if order > 1 else edge[:0]))
            if not left_only:
                after = np.array([*edge, *row[:at:-1]])[-order + 1 :] if order > 1 else edge[:0]
                scores = scores + np.log(right.distribution(after)) - np.log(alone.distribution(np.array([])))
            scores[~answers] = -np.inf
            np.testing.assert_allclose(np.sort(scores)[::-1][:4], scores[found[at]], rtol=1e-9)


def test_fewer_answers_than_asked_for_are_filled_up_with_nothing() -> None:
    answers = np.zeros(V, dtype=bool)
    answers[3] = True
    gap = NGramGap([np.array([3, 4, 3])], V, 2, answers)
    assert gap.best(np.array([4, 4]), np.array([1]), 3).tolist() == [[3, 0, 0]]
    assert gap.best(np.array([4]), np.array([], dtype=np.int64), 3).shape == (0, 3)
