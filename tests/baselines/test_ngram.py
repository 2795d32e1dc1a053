"""The n-gram models against their defining equations, computed by counting in dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from unroll.baselines.ngram import NGramModel, Smoothing

V = 5


def text(length: int, seed: int) -> np.ndarray:
    """Tokens with some order in them: each near the last; the last token of the vocabulary never comes."""
    draw = np.random.default_rng(seed)
    return np.cumsum(draw.integers(0, 2, length) + draw.integers(0, 2, length)) % (V - 1)


def by_definition(tokens: list[int], order: int, smoothing: Smoothing, context: tuple[int, ...], token: int) -> float:
    """Chen, Goodman 1999, equations 24 to 26 (Kneser-Ney) and 15 with method C (Witten-Bell), by recursion."""
    grams = [Counter(tuple(tokens[i : i + k]) for i in range(len(tokens) - k + 1)) for k in range(order + 1)]

    def counted(k: int) -> Counter[tuple[int, ...]]:
        if smoothing is Smoothing.WITTEN_BELL or k == order:
            return grams[k]
        return Counter(gram[1:] for gram in grams[k + 1])

    def probability(history: tuple[int, ...]) -> float:
        k = len(history) + 1
        lower = probability(history[1:]) if history else 1 / V
        table = counted(k)
        followers = {gram[-1]: count for gram, count in table.items() if gram[:-1] == history}
        total = sum(followers.values())
        if total == 0:
            return lower
        if smoothing is Smoothing.WITTEN_BELL:
            return (followers.get(token, 0) + len(followers) * lower) / (total + len(followers))
        n = Counter(table.values())
        discounts = [0.5, 0.5, 0.5]
        if all(n[i] for i in (1, 2, 3, 4)):
            y = n[1] / (n[1] + 2 * n[2])
            wanted = [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
            discounts = [d if 0 < d < i else 0.5 for i, d in zip((1, 2, 3), wanted, strict=True)]
        taken = {t: discounts[min(c, 3) - 1] for t, c in followers.items()}
        own = followers.get(token, 0) - taken.get(token, 0.0)
        return own / total + sum(taken.values()) / total * lower

    return probability(context[max(0, len(context) - order + 1) :])


@pytest.mark.parametrize("smoothing", list(Smoothing))
@pytest.mark.parametrize(("order", "length"), [(1, 20), (2, 40), (3, 60), (4, 200)])
def test_probabilities_are_those_of_the_equations(smoothing: Smoothing, order: int, length: int) -> None:
    tokens = text(length, seed=order)
    model = NGramModel(tokens, V, order, smoothing)
    probe = np.random.default_rng(9).integers(0, V, 25)
    got = np.exp(model.log_probabilities(probe))
    for position, token in enumerate(probe.tolist()):
        context = tuple(probe[:position].tolist())
        expected = by_definition(tokens.tolist(), order, smoothing, context, token)
        assert got[position] == pytest.approx(expected, rel=1e-12)
        assert model.distribution(probe[:position])[token] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("smoothing", list(Smoothing))
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_after_every_context(smoothing: Smoothing, order: int) -> None:
    model = NGramModel(text(300, seed=3), V, order, smoothing)
    draw = np.random.default_rng(4)
    for length in (0, 1, 2, 3, 8):
        for _ in range(40):
            distribution = model.distribution(draw.integers(0, V, length))
            assert distribution.sum() == pytest.approx(1.0, abs=1e-12)
            assert (distribution > 0).all()


@pytest.mark.parametrize("smoothing", list(Smoothing))
def test_a_text_in_pieces_costs_what_it_costs_whole(smoothing: Smoothing) -> None:
    model = NGramModel(text(300, seed=5), V, 4, smoothing)
    probe = text(60, seed=6)
    whole = model.log_probabilities(probe)
    pieces = [model.log_probabilities(probe[at : at + 7], context=probe[:at]) for at in range(0, 60, 7)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=1e-13)


def test_longer_context_helps_on_a_text_with_order() -> None:
    train, held_out = text(4000, seed=7), text(500, seed=8)
    costs = [-NGramModel(train, V, order).log_probabilities(held_out).mean() for order in (1, 2)]
    assert costs[1] < costs[0] - 0.2


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        NGramModel(np.array([0]), V, 0)
    with pytest.raises(ValueError, match=r"expected tokens in \[0, 5\), got 0 tokens"):
        NGramModel(np.array([], dtype=np.int64), V, 2)
    with pytest.raises(ValueError, match=r"expected tokens in \[0, 5\)"):
        NGramModel(np.array([7]), V, 2)
