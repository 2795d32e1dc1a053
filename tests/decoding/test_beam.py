"""Beam search against greedy search and against all texts there are, written here a second time."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from unroll.decoding import Beam, Hypothesis, beam_search, select_rows
from unroll.errors import ConfigError
from unroll.layers import Attention, Memory

V, H, S, N = 5, 6, 4, 3
END = 0
PLACES = torch.tensor([4, 1, 3])


class Writing(NamedTuple):
    """The state of a small network that writes and looks at a memory."""

    h: Tensor
    memory: Memory
    weights: Tensor


class Writer(nn.Module):
    """Reads a token, changes its state, looks at a memory, and says what comes next."""

    def __init__(self, scale: float = 2.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(V, H)
        self.cell = nn.GRUCell(H, H)
        self.attention = Attention(H, H)
        self.output = nn.Linear(2 * H, V)
        self.double()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.mul_(scale)

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def begin(self) -> Writing:
        generator = torch.Generator().manual_seed(3)
        values = torch.randn(N, S, H, dtype=torch.float64, generator=generator)
        h = torch.randn(N, H, dtype=torch.float64, generator=generator)
        return Writing(h, self.attention.remember(values, PLACES), values.new_zeros(N, S))

    def step(self, ids_BT: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = self.cell(self.embedding(ids_BT[:, -1]), state.h)
        mean, weights = self.attention(h, state.memory)
        return self.output(torch.cat([h, mean], dim=-1)), Writing(h, state.memory, weights)


def watch(state: Writing) -> Tensor:
    return state.weights


def search(beam: Beam, writer: Writer | None = None, **options: Any) -> list[list[Hypothesis]]:
    writer = writer or Writer()
    return beam_search(writer, writer.begin(), N, beam, watch=watch, places=PLACES.tolist(), **options)


@functools.cache
@torch.no_grad()
def told(row: int, tokens: Sequence[int]) -> tuple[float, Tensor]:
    """Log-probability of a text and its end, and how it looked at the memory: one row alone, read token by token."""
    writer = Writer()
    state = select_rows(writer.begin(), torch.tensor([row]))
    total, seen, before = 0.0, [], END
    for token in (*tokens, END):
        logits, state = writer.step(torch.tensor([[before]]), state)
        total += float(torch.log_softmax(logits[0], -1)[token])
        seen.append(state.weights[0, : PLACES[row]])
        before = token
    return total, torch.stack(seen)


def allowed(tokens: tuple[int, ...], beam: Beam, begins: tuple[int, ...]) -> bool:
    if len(tokens) < beam.min_length or tokens[: len(begins)] != begins:
        return False
    if set(tokens[len(begins) :]) & set(beam.forbidden):
        return False
    n = beam.block_ngrams
    grams = [tokens[i : i + n] for i in range(len(tokens) - n + 1)] if n else []
    return len(grams) == len(set(grams))


def exhaustive(row: int, beam: Beam, begins: tuple[int, ...]) -> list[tuple[float, tuple[int, ...]]]:
    """Every text that the rules allow with its score, best first."""
    found = []
    for length in range(beam.max_length + 1):
        for tokens in itertools.product(range(1, V), repeat=length):
            if allowed(tokens, beam, begins):
                total, weights = told(row, tokens)
                score = total / ((5 + length + 1) / 6) ** beam.length_penalty
                for place in weights.sum(0).tolist():
                    score += beam.coverage_penalty * math.log(min(max(place, 1e-6), 1.0))
                found.append((score, tokens))
    return sorted(found, reverse=True)


WIDE = 100
BEAMS = {
    "plain": Beam(WIDE, length_penalty=0.0, max_length=3, n_best=20),
    "length": Beam(WIDE, length_penalty=1.3, max_length=3, n_best=20),
    "coverage": Beam(WIDE, coverage_penalty=0.7, max_length=3, n_best=20),
    "least": Beam(WIDE, min_length=2, max_length=3, n_best=20),
    "ngrams": Beam(WIDE, block_ngrams=2, max_length=3, n_best=20),
    "single": Beam(WIDE, block_ngrams=1, max_length=3, n_best=20),
    "forbidden": Beam(WIDE, forbidden=(2, 4), max_length=3, n_best=10),
    "best alone": Beam(WIDE, length_penalty=2.0, max_length=3),
}


@pytest.mark.parametrize("name", list(BEAMS))
@pytest.mark.parametrize("begins", [((), (), ()), ((3,), (), (2, 2))])
def test_a_wide_beam_finds_what_looking_at_every_text_finds(name: str, begins: Any) -> None:
    beam = BEAMS[name]
    found = search(beam, forced=begins)
    for row in range(N):
        if name in ("ngrams", "single") and begins[row] == (2, 2):
            # What is forced may break the rule, which then holds for what comes after: not what `exhaustive` lists.
            continue
        best = exhaustive(row, beam, begins[row])[: beam.n_best]
        assert [one.tokens for one in found[row]] == [tokens for _, tokens in best]
        assert [one.score for one in found[row]] == pytest.approx([score for score, _ in best], rel=1e-10)


@pytest.mark.parametrize("limit", [1, 3, 30])
def test_width_one_is_greedy_search(limit: int) -> None:
    for scale in (1.0, 2.0, 3.0):
        writer = Writer(scale)
        for row, (only,) in enumerate(search(Beam(1, max_length=limit), writer)):
            state = select_rows(writer.begin(), torch.tensor([row]))
            tokens: list[int] = []
            token = END
            with torch.no_grad():
                while len(tokens) < limit:
                    logits, state = writer.step(torch.tensor([[token]]), state)
                    token = int(logits[0].argmax())
                    if token == END:
                        break
                    tokens.append(token)
            assert only.tokens == tuple(tokens)


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_a_row_does_not_see_the_batch_around_it(width: int) -> None:
    writer = Writer()
    beam = Beam(width, max_length=12, n_best=width, block_ngrams=3, coverage_penalty=0.2)
    together = search(beam, writer, limits=[12, 5, 9])
    for row, limit in enumerate([12, 5, 9]):
        alone = beam_search(
            writer,
            select_rows(writer.begin(), torch.tensor([row])),
            1,
            beam,
            limits=[limit],
            watch=watch,
            places=[int(PLACES[row])],
        )[0]
        assert [one.tokens for one in alone] == [one.tokens for one in together[row]]
        for one, other in zip(alone, together[row], strict=True):
            assert one.score == pytest.approx(other.score, rel=1e-12)
            assert len(one.tokens) <= limit
            torch.testing.assert_close(one.weights, other.weights)


def test_a_hypothesis_tells_its_probability_and_where_it_looked() -> None:
    for row, found in enumerate(search(Beam(4, max_length=8, n_best=4))):
        assert len(found) == 4
        assert len({one.tokens for one in found}) == 4
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        for one in found:
            total, weights = told(row, one.tokens)
            assert one.log_probability == pytest.approx(total, rel=1e-12)
            assert one.weights is not None
            torch.testing.assert_close(one.weights, weights)


def test_a_wider_beam_is_no_worse_here_and_twice_the_same_search_is_the_same() -> None:
    scores = [[best[0].score for best in search(Beam(width, max_length=3))] for width in (1, 4, WIDE)]
    for row in range(N):
        assert scores[0][row] <= scores[2][row] + 1e-12
        assert scores[1][row] <= scores[2][row] + 1e-12
    first, second = search(Beam(3, n_best=3)), search(Beam(3, n_best=3))
    assert [[(one.tokens, one.score) for one in row] for row in first] == [
        [(one.tokens, one.score) for one in row] for row in second
    ]


class Undecided(nn.Module):
    """Every token is equally likely, always."""

    device = torch.device("cpu")

    def step(self, ids_BT: Tensor, state: Any) -> tuple[Tensor, Any]:
        return torch.zeros(len(ids_BT), 300), state


@pytest.mark.parametrize("width", [1, 2, 5])
def test_of_equals_the_lower_token_comes_first(width: int) -> None:
    beam = Beam(width, forbidden=(1,), min_length=1, max_length=1, n_best=width)
    found = beam_search(Undecided(), (torch.zeros(2, 1),), 2, beam)
    # Token 1 may not be written and the end not yet, so 2, 3, ... are what is left.
    assert [[one.tokens for one in row] for row in found] == [[(2 + k,) for k in range(width)]] * 2


def test_where_the_rules_leave_nothing_the_text_ends() -> None:
    beam = Beam(2, forbidden=tuple(range(2, 300)), block_ngrams=1, min_length=5, max_length=9)
    (found,) = beam_search(Undecided(), (torch.zeros(1, 1),), 1, beam)
    assert found[0].tokens == (1,)


def test_a_forced_beginning_may_be_longer_than_the_text_may_become() -> None:
    found = search(Beam(3, max_length=2), forced=[(1, 2, 3), (), (4,)])
    assert found[0][0].tokens == (1, 2, 3)
    assert found[0][0].log_probability == pytest.approx(told(0, (1, 2, 3))[0])
    assert found[2][0].tokens[0] == 4
    assert len(found[1][0].tokens) <= 2


def test_a_mistake_is_named() -> None:
    for wrong, words in (
        ({"width": 0}, "width of a beam search must be at least 1, got 0"),
        ({"n_best": 6}, "n_best must be at most width = 5, got 6"),
        ({"min_length": 9, "max_length": 8}, "min_length must be at most max_length = 8, got 9"),
        ({"length_penalty": float("nan")}, "length_penalty of a beam search must be at least 0"),
    ):
        with pytest.raises(ConfigError, match=words):
            Beam(**wrong)
    with pytest.raises(ConfigError, match="the end of a text, token 0, cannot be forbidden"):
        search(Beam(forbidden=(0,)))
    with pytest.raises(ConfigError, match="limits of a beam search: expected one for each of 3 rows, got 1"):
        search(Beam(), limits=[4])
    writer = Writer()
    with pytest.raises(ConfigError, match="coverage penalty needs a decoder that tells"):
        beam_search(writer, writer.begin(), N, Beam(coverage_penalty=0.1))
