"""Smoothed n-gram language models: what a recurrent one must stand beside.

Shapes: N tokens of a text, V vocabulary, K order.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np


class Smoothing(Enum):
    """How probability is kept back for what was not seen.

    KNESER_NEY: interpolated, with three discounts an order (Chen, Goodman 1999, "An empirical study of smoothing
    techniques for language modeling", section 3, "modified Kneser-Ney"). WITTEN_BELL: interpolated (Witten, Bell
    1991, method C; Chen, Goodman 1999, section 2.4).
    """

    KNESER_NEY = "kneser-ney"
    WITTEN_BELL = "witten-bell"


class _Order(NamedTuple):
    """The k-grams of one order; a context is the number of a (k-1)-gram.

    Attributes:
        keys: context * V + token, sorted; the place of a key is the number of its k-gram.
        share: of each k-gram: its discounted count over its context's total.
        rest: of each context: the probability that goes to the shorter context.
    """

    keys: np.ndarray
    share: np.ndarray
    rest: np.ndarray


class NGramModel:
    """Probabilities of a token after the K - 1 before it, or fewer at the start of a text.

    Example:
        >>> import numpy as np
        >>> from unroll.baselines.ngram import NGramModel
        >>> model = NGramModel(np.array([0, 1, 0, 1, 0, 2]), vocabulary=3, order=2)
        >>> int(model.distribution(np.array([0])).argmax())
        1

    Args:
        tokens: (N,) integers in [0, V), one text.
        vocabulary: V.
        order: K, at least 1.
        smoothing: how probability is kept back.

    Raises:
        ValueError: there are no tokens, a token is outside the vocabulary, or the order is below 1.
    """

    def __init__(
        self, tokens: np.ndarray, vocabulary: int, order: int, smoothing: Smoothing = Smoothing.KNESER_NEY
    ) -> None:
        tokens = np.asarray(tokens, dtype=np.int64)
        if order < 1:
            raise ValueError(f"NGramModel: order must be at least 1, got {order}")
        if not tokens.size or int(tokens.min()) < 0 or int(tokens.max()) >= vocabulary:
            raise ValueError(f"NGramModel: expected tokens in [0, {vocabulary}), got {tokens.size} tokens")
        self.vocabulary = vocabulary
        self.order = order
        self.smoothing = smoothing
        self._orders: list[_Order] = []
        numbers, counts, keys = [], [], []
        # The number of the k-gram that ends at each position, for k = 0, 1, ...; -1 where the text has too few tokens.
        ended = np.zeros(len(tokens), dtype=np.int64)
        for k in range(1, order + 1):
            before = ended if k == 1 else np.concatenate([[-1], ended[:-1]])
            whole = before >= 0
            unique, inverse, count = np.unique(
                before[whole] * vocabulary + tokens[whole], return_inverse=True, return_counts=True
            )
            ended = np.full(len(tokens), -1, dtype=np.int64)
            ended[whole] = inverse
            keys.append(unique)
            counts.append(count)
            numbers.append(ended)
        for k in range(order):
            contexts = 1 if k == 0 else len(keys[k - 1])
            if smoothing is Smoothing.WITTEN_BELL:
                self._orders.append(_witten_bell(keys[k], counts[k], contexts, vocabulary))
                continue
            count = counts[k]
            if k + 1 < order:
                # Below the highest order a k-gram counts once for every different token before it.
                first = np.unique(numbers[k + 1], return_index=True)[1]
                first = first[numbers[k + 1][first] >= 0]
                count = np.bincount(numbers[k][first], minlength=len(keys[k]))
            self._orders.append(_kneser_ney(keys[k], count, contexts, vocabulary))

    def log_probabilities(self, tokens: np.ndarray, context: np.ndarray | None = None) -> np.ndarray:
        """ln p of every token of a text, each after all that stand before it.

        Args:
            tokens: (N,) integers in [0, V).
            context: tokens that stand before the text, or None.

        Returns:
            (N,) float64.
        """
        tokens = np.asarray(tokens, dtype=np.int64)
        before = np.zeros(0, dtype=np.int64) if context is None else np.asarray(context, dtype=np.int64)
        before = before[max(0, len(before) - self.order + 1) :]
        text = np.concatenate([before, tokens])
        probability = np.full(len(text), 1.0 / self.vocabulary)
        ended = np.zeros(len(text), dtype=np.int64)
        for k, table in enumerate(self._orders):
            contexts = ended if k == 0 else np.concatenate([[-1], ended[:-1]])
            ended = self._step(table, contexts, text, probability)
        logarithm: np.ndarray = np.log(probability[len(before) :])
        return logarithm

    def probabilities(self, tokens: np.ndarray, contexts: np.ndarray) -> np.ndarray:
        """p of some tokens after each of many contexts.

        Args:
            tokens: (M, C) integers in [0, V).
            contexts: (M, K - 1) the tokens before each.

        Returns:
            (M, C) float64.
        """
        rows, width = tokens.shape
        probability = np.full(rows * width, 1.0 / self.vocabulary)
        flat = tokens.reshape(-1).astype(np.int64)
        for k, table in enumerate(self._orders):
            number = np.zeros(rows, dtype=np.int64)
            for place, below in zip(range(contexts.shape[1] - k, contexts.shape[1]), self._orders, strict=False):
                wanted = number * self.vocabulary + contexts[:, place]
                place = np.minimum(np.searchsorted(below.keys, wanted), len(below.keys) - 1)
                number = np.where((number >= 0) & (below.keys[place] == wanted), place, -1)
            self._step(table, np.repeat(number, width), flat, probability)
        return probability.reshape(rows, width)

    def distribution(self, context: np.ndarray) -> np.ndarray:
        """p of every token after a context, (V,)."""
        context = np.asarray(context, dtype=np.int64)
        probability = np.full(self.vocabulary, 1.0 / self.vocabulary)
        every = np.arange(self.vocabulary)
        for k, table in enumerate(self._orders):
            number = self._number(context[len(context) - k :]) if k <= len(context) else -1
            self._step(table, np.full(self.vocabulary, number), every, probability)
        return probability

    def _number(self, gram: np.ndarray) -> int:
        """The number of a k-gram; -1 if it was not seen."""
        number = 0
        for token, table in zip(gram.tolist(), self._orders, strict=False):
            place = int(np.searchsorted(table.keys, number * self.vocabulary + token))
            if place == len(table.keys) or table.keys[place] != number * self.vocabulary + token:
                return -1
            number = place
        return number

    def _step(self, table: _Order, contexts: np.ndarray, tokens: np.ndarray, probability: np.ndarray) -> np.ndarray:
        """Mix the next order into `probability`, in place; the numbers of the k-grams that end at each place."""
        known = contexts >= 0
        wanted = contexts * self.vocabulary + tokens
        places = np.minimum(np.searchsorted(table.keys, wanted), len(table.keys) - 1)
        seen = known & (table.keys[places] == wanted)
        probability[known] *= table.rest[contexts[known]]
        probability[seen] += table.share[places[seen]]
        return np.where(seen, places, -1)


def _witten_bell(keys: np.ndarray, counts: np.ndarray, contexts: int, vocabulary: int) -> _Order:
    owner = keys // vocabulary
    total = np.bincount(owner, weights=counts, minlength=contexts)
    types = np.bincount(owner, minlength=contexts)
    everything = total + types
    # A context that nothing follows (the end of the text) passes all on to the shorter one.
    rest = np.divide(types, everything, out=np.ones(contexts), where=everything > 0)
    return _Order(keys, counts / everything[owner], rest)


def _kneser_ney(keys: np.ndarray, counts: np.ndarray, contexts: int, vocabulary: int) -> _Order:
    owner = keys // vocabulary
    taken = np.concatenate([[0.0], _discounts(counts)])[np.minimum(counts, 3)]
    total = np.bincount(owner, weights=counts, minlength=contexts)
    mass = np.bincount(owner, weights=taken, minlength=contexts)
    rest = np.divide(mass, total, out=np.ones(contexts), where=total > 0)
    share = np.divide(counts - taken, total[owner], out=np.zeros(len(keys)), where=total[owner] > 0)
    return _Order(keys, share, rest)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """D1, D2 and D3+ of Chen, Goodman 1999, equation 26; where too few counts define one, 0.5, which keeps the
    sum at one.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == n)) for n in (1, 2, 3, 4))
    if not (n1 and n2 and n3 and n4):
        return np.full(3, 0.5)
    y = n1 / (n1 + 2 * n2)
    discounts = np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return np.where((discounts > 0) & (discounts < np.array([1, 2, 3])), discounts, 0.5)
