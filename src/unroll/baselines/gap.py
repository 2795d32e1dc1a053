"""Filling a gap by counting: an n-gram model from the left, one from the right, and the two together.

Shapes: N tokens, M gaps, C candidates of a gap, V vocabulary, K order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.baselines.ngram import NGramModel
from unroll.ids import PAD_ID

#: Tokens that are tried in a gap: the most frequent of all, and the most frequent beside each neighbour.
_COMMON, _BESIDE = 100, 100
#: Gaps that are filled at once.
_CHUNK = 2_000


class NGramGap:
    """p(w | left) p(w | right) / p(w), with n-gram models of both directions (modified Kneser-Ney).

    This is Bayes' rule where the two sides are independent given the word. Only tokens that were seen beside one of
    the neighbours, and the most frequent ones, are tried.

    Args:
        rows: the training rows, ids in [2, V) or 1 for unknown; 0 stands at their edges.
        vocabulary: V.
        order: K, of both models.
        answers: (V,) bool: which tokens may be an answer.
    """

    def __init__(self, rows: Sequence[np.ndarray], vocabulary: int, order: int, answers: np.ndarray) -> None:
        edge = np.full(1, PAD_ID, dtype=np.int64)
        text = np.concatenate([edge, *(part for row in rows for part in (row.astype(np.int64), edge))])
        self.order = order
        self._answers = answers
        self._left = NGramModel(text, vocabulary, order)
        self._right = NGramModel(text[::-1], vocabulary, order)
        self._alone = NGramModel(text, vocabulary, 1)
        self._after = _companions(text[:-1], text[1:], vocabulary, answers)
        self._before = _companions(text[1:], text[:-1], vocabulary, answers)
        counts = np.bincount(text, minlength=vocabulary) * answers
        self._common = np.argsort(-counts, kind="stable")[: min(_COMMON, int(answers.sum()))]

    def best(self, row: np.ndarray, gaps: np.ndarray, count: int, *, left_only: bool = False) -> np.ndarray:
        """The likeliest tokens of gaps of one row, each as if it were the only one.

        Args:
            row: (N,) tokens.
            gaps: (M,) positions in it.
            count: how many tokens to give.
            left_only: look at what stands left of the gap alone.

        Returns:
            (M, count) tokens, the likeliest first; 0 where there are fewer.
        """
        width = max(self.order - 1, 1)
        edge = np.full(width, PAD_ID, dtype=np.int64)
        padded = np.concatenate([edge, row, edge])
        offsets = np.arange(width)
        return np.concatenate(
            [
                self._best(padded[at[:, None] + offsets], padded[at[:, None] + 2 * width - offsets], count, left_only)
                for at in (gaps[start : start + _CHUNK] for start in range(0, max(len(gaps), 1), _CHUNK))
            ]
        )

    def _best(self, left: np.ndarray, right: np.ndarray, count: int, left_only: bool) -> np.ndarray:
        if not len(left):
            return np.zeros((0, count), dtype=np.int64)
        shared = np.broadcast_to(self._common, (len(left), len(self._common)))
        candidates = np.concatenate([shared, self._after[left[:, -1]], self._before[right[:, -1]]], axis=1)
        # Of a token that was found twice only one may stay.
        candidates = np.sort(candidates, axis=1)
        candidates[:, 1:][candidates[:, 1:] == candidates[:, :-1]] = 0
        scores = np.log(self._left.probabilities(candidates, left))
        if not left_only:
            scores += np.log(self._right.probabilities(candidates, right))
            scores -= np.log(self._alone.probabilities(candidates, left))
        scores[~self._answers[candidates]] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        best = np.take_along_axis(candidates, order, axis=1)
        best[np.isneginf(np.take_along_axis(scores, order, axis=1))] = 0
        missing = count - best.shape[1]
        return np.pad(best, ((0, 0), (0, missing))) if missing > 0 else best


def _companions(tokens: np.ndarray, beside: np.ndarray, vocabulary: int, answers: np.ndarray) -> np.ndarray:
    """(V, C): for every token the most frequent of those beside it that may be an answer; 0 where there are fewer."""
    pairs, counts = np.unique(tokens * vocabulary + beside, return_counts=True)
    keep = answers[pairs % vocabulary]
    pairs, counts = pairs[keep], counts[keep]
    owner = pairs // vocabulary
    order = np.lexsort((pairs, -counts, owner))
    owner, partner = owner[order], (pairs % vocabulary)[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    table = np.zeros((vocabulary, _BESIDE), dtype=np.int64)
    table[owner[rank < _BESIDE], rank[rank < _BESIDE]] = partner[rank < _BESIDE]
    return table
