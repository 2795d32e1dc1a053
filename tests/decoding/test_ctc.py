"""CTC's decoders against all paths, written out."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from unroll.decoding.ctc import GreedyDecoder, PrefixBeam, align, greedy


def steps(seed: int, count: int = 5, letters: int = 3) -> np.ndarray:
    """Log-probabilities of some steps, (S, V)."""
    raw = np.random.default_rng(seed).normal(0, 2, (count, letters))
    return raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))


def collapsed(path: Sequence[int]) -> tuple[int, ...]:
    return tuple(letter for letter, _ in itertools.groupby(path) if letter)


def all_texts(log_p_SV: np.ndarray) -> dict[tuple[int, ...], float]:
    """p of every text: the sum over all paths that give it."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(log_p_SV.shape[1]), repeat=len(log_p_SV)):
        found[collapsed(path)] += math.exp(sum(log_p_SV[step, letter] for step, letter in enumerate(path)))
    return found


class Bigrams:
    """A model of letters with a table."""

    order = 2

    def __init__(self, letters: int) -> None:
        table = np.random.default_rng(9).dirichlet(np.ones(letters), size=letters)
        self._table = np.log(table)

    def log_probabilities(self, before: tuple[int, ...]) -> np.ndarray:
        return self._table[before[-1] if before else 0]


def prior(model: Bigrams, text: Sequence[int]) -> float:
    return sum(float(model.log_probabilities((a,))[b]) for a, b in zip((0, *text), text, strict=False))


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_gives_every_text_the_sum_of_its_paths(seed: int) -> None:
    log_p = steps(seed)
    expected = all_texts(log_p)
    beam = PrefixBeam(10_000, unlikely=-math.inf)
    beam.push(log_p)
    found = {one.letters: math.exp(one.log_p) for one in beam.hypotheses()}
    for text, p in expected.items():
        assert found[text] == pytest.approx(p, rel=1e-9), text
    assert sum(found.values()) == pytest.approx(1)
    assert tuple(beam.finish()) == max(expected, key=lambda text: expected[text])


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_with_a_model_of_letters_finds_the_best_text(seed: int) -> None:
    log_p, model = steps(seed), Bigrams(3)
    weight, bonus = 0.7, 0.4
    expected = {
        text: math.log(p) + weight * prior(model, text) + bonus * len(text) for text, p in all_texts(log_p).items()
    }
    beam = PrefixBeam(10_000, model=model, weight=weight, bonus=bonus, unlikely=-math.inf)
    beam.push(log_p)
    best = beam.hypotheses()[0]
    assert best.letters == max(expected, key=lambda text: expected[text])
    assert best.score == pytest.approx(expected[best.letters])


def test_a_beam_can_be_right_where_the_best_path_is_wrong() -> None:
    log_p = np.log(np.array([[0.4, 0.35, 0.25], [0.4, 0.35, 0.25]]))
    assert greedy(log_p) == []
    beam = PrefixBeam(4)
    beam.push(log_p)
    assert beam.finish() == [1]
    assert all_texts(log_p)[(1,)] > all_texts(log_p)[()]


@pytest.mark.parametrize("seed", range(4))
def test_greedy_is_the_best_path(seed: int) -> None:
    log_p = steps(seed)
    paths = itertools.product(range(3), repeat=5)
    best = max(paths, key=lambda path: sum(log_p[step, letter] for step, letter in enumerate(path)))
    assert tuple(greedy(log_p)) == collapsed(best)


@pytest.mark.parametrize("seed", range(4))
def test_pieces_give_what_the_whole_gives(seed: int) -> None:
    log_p = steps(seed, 12, 4)
    model = Bigrams(4)
    whole, pieces, quick = (
        PrefixBeam(5, model=model, weight=0.5),
        PrefixBeam(5, model=model, weight=0.5),
        GreedyDecoder(),
    )
    whole.push(log_p)
    given: list[int] = []
    read: list[int] = []
    for part in np.split(log_p, [1, 4, 5, 9]):
        pieces.push(part)
        given += pieces.settled()
        read += quick.push(part)
    assert [*given, *pieces.finish()] == whole.finish()
    assert read == greedy(log_p)


def test_what_all_texts_share_is_given_out_and_not_given_out_again() -> None:
    sure = np.log(np.array([[0.01, 0.98, 0.01], [0.98, 0.01, 0.01], [0.01, 0.01, 0.98], [0.98, 0.01, 0.01]]))
    beam = PrefixBeam(1)
    beam.push(sure)
    assert beam.settled() == [1, 2]
    assert beam.settled() == []
    # The same letter again needs no blank before it now: there was one.
    beam.push(np.log(np.array([[0.01, 0.01, 0.98]])))
    assert beam.settled() == [2]


def test_a_letter_that_was_given_out_still_needs_a_blank_before_it_comes_again() -> None:
    beam = PrefixBeam(1)
    held = np.log(np.array([[0.01, 0.98, 0.01]]))
    beam.push(held)
    assert beam.settled() == [1]
    beam.push(held)
    assert beam.settled() == []


def test_forgetting_the_others_decides() -> None:
    beam = PrefixBeam(4)
    beam.push(np.log(np.array([[0.2, 0.5, 0.3]])))
    assert beam.settled() == []
    beam.forget_others()
    assert beam.settled() == [1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("text", [(), (1,), (1, 2), (2, 2), (1, 2, 1)])
def test_the_alignment_is_the_best_of_all_paths_that_give_the_text(seed: int, text: tuple[int, ...]) -> None:
    log_p = steps(seed, 6)
    paths = [path for path in itertools.product(range(3), repeat=6) if collapsed(path) == text]
    best = max(paths, key=lambda path: sum(log_p[step, letter] for step, letter in enumerate(path)))
    path = [0] * 6
    for placed in align(log_p, text):
        path[placed.first : placed.end] = [placed.letter] * (placed.end - placed.first)
    assert tuple(path) == best


def test_a_text_that_does_not_fit_cannot_be_aligned() -> None:
    with pytest.raises(ValueError, match="3 letters do not fit into 3 steps"):
        align(steps(0, 3), (1, 1, 2))


def test_no_steps_give_no_letters() -> None:
    assert greedy(np.empty((0, 3))) == []
    assert align(np.empty((0, 3)), ()) == []
    assert PrefixBeam(3).finish() == []


def test_a_beam_needs_a_width() -> None:
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        PrefixBeam(0)
