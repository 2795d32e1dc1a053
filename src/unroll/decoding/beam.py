"""Beam search: the few likeliest beginnings, carried on side by side.

Shapes: N rows to decode, R hypotheses of all rows together, T tokens so far, V vocabulary, S places of a memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.decoding.decoder import Decoder
from unroll.decoding.states import select_rows
from unroll.errors import ConfigError
from unroll.ids import PAD_ID

#: From a state to the weights (R, S) with which its last step looked at a memory, zero where there is none.
Watch = Callable[[Any], Tensor]
_NEVER = float("-inf")
#: Coverage of a place that was never looked at, so that it costs much and not infinitely much.
_LEAST_COVERAGE = 1e-6


@dataclass(frozen=True)
class Beam:
    """How a beam search is done.

    Attributes:
        width: hypotheses that are carried on for each row; 1 is greedy search.
        length_penalty: alpha of Wu et al. 2016, "Google's neural machine translation system", equation 14: the
            log-probability is divided by ((5 + tokens) / 6) ** alpha, the end counted; 0 for the plain one.
        coverage_penalty: beta of the same equation, for places of the memory that are hardly looked at; 0 for none.
        min_length: tokens before the end, at least.
        max_length: tokens before the end, at most.
        block_ngrams: no n tokens come twice in a hypothesis; 0 for no such rule.
        forbidden: tokens that are never written.
        n_best: how many hypotheses of each row are given back, at most; not more than `width`.

    Raises:
        ConfigError: a value is out of range.
    """

    width: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    min_length: int = 0
    max_length: int = 100
    block_ngrams: int = 0
    forbidden: tuple[int, ...] = ()
    n_best: int = 1

    def __post_init__(self) -> None:
        for name in ("width", "n_best", "max_length"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} of a beam search must be at least 1, got {getattr(self, name)}")
        for name in ("length_penalty", "coverage_penalty", "min_length", "block_ngrams"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} of a beam search must be at least 0, got {getattr(self, name)}")
        if self.n_best > self.width:
            raise ConfigError(f"n_best must be at most width = {self.width}, got {self.n_best}; raise width")
        if self.min_length > self.max_length:
            raise ConfigError(f"min_length must be at most max_length = {self.max_length}, got {self.min_length}")

    def penalty(self, tokens: int) -> float:
        """What the log-probability of so many tokens, the end counted, is divided by."""
        return float(((5.0 + tokens) / 6.0) ** self.length_penalty)


class Hypothesis(NamedTuple):
    """One way to write a row.

    Attributes:
        tokens: without the end.
        score: what hypotheses are ordered by: the log-probability with the penalties.
        log_probability: of the tokens and the end.
        weights: (T + 1, S), how each token and the end looked at the row's own places; None if nobody watched.
    """

    tokens: tuple[int, ...]
    score: float
    log_probability: float
    weights: Tensor | None


class _Live(NamedTuple):
    """Hypotheses that go on, those of a row together and best first.

    Attributes:
        row: (R,) whose they are.
        tokens: (R, T).
        total: (R,) float64 log-probabilities.
        weights: (R, T, S), or None.
    """

    row: Tensor
    tokens: Tensor
    total: Tensor
    weights: Tensor | None

    def of(self, rows: Tensor) -> _Live:
        """Those of some numbers, in that order."""
        weights = None if self.weights is None else self.weights[rows]
        return _Live(self.row[rows], self.tokens[rows], self.total[rows], weights)


@torch.no_grad()
def beam_search(
    decoder: Decoder,
    state: Any,
    rows: int,
    beam: Beam,
    *,
    start: int = PAD_ID,
    end: int = PAD_ID,
    limits: Sequence[int] | None = None,
    forced: Sequence[Sequence[int]] | None = None,
    watch: Watch | None = None,
    places: Sequence[int] | None = None,
) -> list[list[Hypothesis]]:
    """The best hypotheses of every row.

    A hypothesis that ends leaves its place in the beam empty (Sutskever, Vinyals, Le 2014, "Sequence to sequence
    learning with neural networks", section 3.2), so a beam of width 1 is greedy search. A row's search is over when its
    beam is empty, or when nothing in it can still be better than what has ended. Of equally good candidates the one of
    the better hypothesis comes first, then the one with the lower token. No row sees another.

    Args:
        decoder: in evaluation mode.
        state: the state of `rows` rows before the start token.
        rows: N.
        beam: how to search.
        start: the token that is read first.
        end: the token that ends a hypothesis.
        limits: for each row its own `max_length`; those of the beam hold besides.
        forced: for each row the tokens that it begins with; their log-probabilities count, whatever is forbidden.
        watch: what tells how the memory was looked at; needed for a coverage penalty and for weights.
        places: for each row how many places its own memory has, the first of S; None if all have S.

    Returns:
        For each row at most `n_best` hypotheses, best first; at least one.

    Raises:
        ConfigError: the end is forbidden, a coverage penalty has no `watch`, or what is given for each row is not given
            for as many.
    """
    if end in beam.forbidden:
        raise ConfigError(f"the end of a text, token {end}, cannot be forbidden")
    if beam.coverage_penalty and watch is None:
        raise ConfigError("a coverage penalty needs a decoder that tells how it looks at its memory")
    for name, given in (("limits", limits), ("forced", forced), ("places", places)):
        if given is not None and len(given) != rows:
            raise ConfigError(f"{name} of a beam search: expected one for each of {rows} rows, got {len(given)}")
    begins = forced or [()] * rows
    longest = [min(beam.max_length, limit) for limit in limits or [beam.max_length] * rows]
    rules = _Rules(beam, end, [max(limit, len(begin)) for limit, begin in zip(longest, begins, strict=True)], begins)
    device = decoder.device
    live = _Live(
        torch.arange(rows, device=device),
        torch.empty(rows, 0, dtype=torch.int64, device=device),
        torch.zeros(rows, dtype=torch.float64, device=device),
        None,
    )
    ended: list[list[Hypothesis]] = [[] for _ in range(rows)]
    ids = torch.full((rows, 1), start, dtype=torch.int64, device=device)
    while len(live.row):
        logits, state = decoder.step(ids, state)
        if watch is not None:
            seen = watch(state).unsqueeze(1)
            live = live._replace(weights=seen if live.weights is None else torch.cat([live.weights, seen], dim=1))
        gains = torch.log_softmax(logits, dim=-1)
        chosen = _candidates(live, rules.applied(gains, live), [beam.width - len(found) for found in ended])
        went_on = []
        for parent, token, total in chosen:
            if token == end:
                row = int(live.row[parent])
                ended[row].append(_finished(live, parent, total, beam, None if places is None else places[row]))
            else:
                went_on.append((parent, token, total))
        went_on = _worth_while(went_on, live, ended, rules)
        parents = torch.tensor([one[0] for one in went_on], dtype=torch.int64, device=device)
        ids = torch.tensor([[one[1]] for one in went_on], dtype=torch.int64, device=device).reshape(-1, 1)
        live = live.of(parents)._replace(
            total=torch.tensor([one[2] for one in went_on], dtype=torch.float64, device=device)
        )
        live = live._replace(tokens=torch.cat([live.tokens, ids], dim=1))
        state = select_rows(state, parents)
    return [sorted(found, key=lambda one: -one.score)[: beam.n_best] for found in ended]


class _Rules:
    """Which tokens a hypothesis may be carried on with."""

    def __init__(self, beam: Beam, end: int, longest: Sequence[int], forced: Sequence[Sequence[int]]) -> None:
        self.beam = beam
        self.longest = longest
        self._end = end
        self._forced = forced

    def applied(self, gains_RV: Tensor, live: _Live) -> Tensor:
        """Log-probabilities with minus infinity where a token may not be written."""
        length = live.tokens.shape[1]
        allowed = gains_RV.clone()
        if self.beam.forbidden:
            allowed[:, list(self.beam.forbidden)] = _NEVER
        if length < self.beam.min_length:
            allowed[:, self._end] = _NEVER
        size = self.beam.block_ngrams
        if size and length >= size:
            windows_RWN = live.tokens.unfold(1, size, 1)
            recent = live.tokens[:, length - size + 1 :].unsqueeze(1)
            hypothesis, window = (windows_RWN[..., : size - 1] == recent).all(dim=-1).nonzero(as_tuple=True)
            allowed[hypothesis, windows_RWN[hypothesis, window, -1]] = _NEVER
        for number, row in enumerate(live.row.tolist()):
            begins = self._forced[row]
            only = begins[length] if length < len(begins) else self._end if length >= self.longest[row] else None
            if only is not None:
                allowed[number] = _NEVER
                allowed[number, only] = gains_RV[number, only]
        # Where the rules leave nothing to write, the text ends.
        stuck = (allowed == _NEVER).all(dim=-1)
        allowed[stuck, self._end] = gains_RV[stuck, self._end]
        return allowed


def _candidates(live: _Live, gains_RV: Tensor, places: Sequence[int]) -> list[tuple[int, int, float]]:
    """The best continuations of every row, as many as it has places: (hypothesis, token, log-probability)."""
    width = min(max(places), gains_RV.shape[1])
    best, tokens = gains_RV.topk(width, dim=-1)
    # topk says nothing of the order of equals. Where equals stand on both sides of its edge, which is rare, sort.
    tied = ((gains_RV >= best[:, -1:]).sum(dim=-1) > width) & (best[:, -1] > _NEVER)
    if tied.any():
        ordered, order = gains_RV[tied].sort(dim=-1, descending=True, stable=True)
        best[tied], tokens[tied] = ordered[:, :width], order[:, :width]
    totals = (live.total.unsqueeze(1) + best).tolist()
    found: dict[int, list[tuple[float, int, int]]] = {}
    for number, (row, own, named) in enumerate(zip(live.row.tolist(), totals, tokens.tolist(), strict=True)):
        found.setdefault(row, []).extend((-total, number, token) for total, token in zip(own, named, strict=True))
    return [
        (number, token, -cost)
        for row, own in found.items()
        for cost, number, token in sorted(own)[: places[row]]
        if cost < float("inf")
    ]


def _finished(live: _Live, number: int, total: float, beam: Beam, places: int | None) -> Hypothesis:
    tokens = tuple(live.tokens[number].tolist())
    weights = None if live.weights is None else live.weights[number, :, :places]
    score = total / beam.penalty(len(tokens) + 1)
    if beam.coverage_penalty and weights is not None:
        covered = weights.double().sum(dim=0).clamp(min=_LEAST_COVERAGE, max=1.0)
        score += beam.coverage_penalty * float(covered.log().sum())
    return Hypothesis(tokens, score, total, weights)


def _worth_while(
    candidates: list[tuple[int, int, float]], live: _Live, ended: Sequence[Sequence[Hypothesis]], rules: _Rules
) -> list[tuple[int, int, float]]:
    """Those that may still become one of the best of their row, were every further token certain."""
    beam = rules.beam
    kept = []
    for parent, token, total in candidates:
        row = int(live.row[parent])
        found = sorted((one.score for one in ended[row]), reverse=True)
        reachable = total / beam.penalty(rules.longest[row] + 1)
        if len(found) < beam.n_best or reachable > found[beam.n_best - 1]:
            kept.append((parent, token, total))
    return kept
