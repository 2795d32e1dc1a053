"""Exponential smoothing of many series at once, run through each series one time: what it expects from every step on.

The equations are those of one series; here they run over all series and all parameters of a grid side by side, so that
the parameters are chosen by the errors of the part they may be fitted on, and no optimiser is needed.

Source: Hyndman, Koehler, Ord, Snyder 2008, "Forecasting with exponential smoothing", chapter 2 (error correction form,
additive season, damped trend); several seasons: Taylor 2003, "Short-term electricity demand forecasting using double
seasonal exponential smoothing", section 3.

Shapes: S series, T steps, P parameters of the grid, W windows, N steps of the horizon, M steps of a season.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

#: How far ahead the errors are looked at that choose the parameters: shares of the horizon.
_LEADS = (0.0, 0.5, 1.0)
#: Cycles of a season from which its start is estimated.
CYCLES = 2
#: Steps from which the level's start is estimated where there is no season.
LEAST = 4
#: Series from which on fewer parameters are tried.
_MANY = 2_000
#: Series and parameters side by side, so many at most: what fits into a processor's cache is quickest.
_SIDE_BY_SIDE = 16_384


class Parameters(NamedTuple):
    """Parameters, (P,) of a grid or (S,) of series.

    Attributes:
        level: by how much of an error the level moves, alpha.
        trend: by how much the trend moves, beta.
        damping: what is left of the trend a step later, phi.
        season: by how much a season moves, gamma.
    """

    level: np.ndarray
    trend: np.ndarray
    damping: np.ndarray
    season: np.ndarray

    def taken(self, places: np.ndarray) -> Parameters:
        """Those at these places."""
        return Parameters(*(values[places] for values in self))


def make_grid(*, trend: bool, seasonal: bool, coarse: bool = False) -> Parameters:
    """The usual range of each parameter, in steps that a forecast feels; in fewer where there are very many series."""
    rates = (0.02, 0.1, 0.3, 0.6, 0.95) if coarse else (0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.999)
    shares = (0.0, 0.1) if coarse else (0.0, 0.05, 0.15)
    gammas = (0.0, 0.1) if coarse else (0.0, 0.03, 0.1, 0.3)
    found = [
        (alpha, alpha * share, 0.95, gamma)
        for alpha in rates
        for share in (shares if trend else (0.0,))
        for gamma in (gammas if seasonal else (0.0,))
    ]
    return Parameters(*(np.array(values) for values in zip(*found, strict=True)))


class Path(NamedTuple):
    """The states after each step of one series.

    Attributes:
        level: (T,).
        trend: (T,).
        damping: of the trend.
        seasons: for each (M + T,): the index that holds M steps later; the first M are those before the first step.
        rate: alpha.
    """

    level: np.ndarray
    trend: np.ndarray
    damping: float
    seasons: tuple[np.ndarray, ...]
    rate: float

    def ahead(self, origins: np.ndarray, horizon: int) -> np.ndarray:
        """(W, N) forecasts from these origins, each at least 1: the states after the step before are known."""
        steps = np.arange(horizon)
        powers = np.cumsum(self.damping ** (steps + 1))
        found = self.level[origins - 1][:, None] + self.trend[origins - 1][:, None] * powers
        return np.asarray(found + self.season(origins, steps))

    def season(self, origins: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """(W, steps) the seasons' sum at steps from the origins, negative for the past, as known at the origins."""
        found = np.zeros((len(origins), len(steps)))
        for own in self.seasons:
            length = len(own) - len(self.level)
            found += own[origins[:, None] + steps % length]
        return found


def fit(
    values: Sequence[np.ndarray],
    fitted: np.ndarray,
    horizon: int,
    seasons: Sequence[int] = (),
    *,
    trend: bool = True,
) -> Parameters:
    """(S,) the parameters with the least absolute errors one, half a horizon and a horizon ahead.

    Args:
        values: of each series, NaN where missing.
        fitted: (S,) how many first steps of each may be known; at least 1.
        horizon: N.
        seasons: lengths in steps; one that the fitted part does not cover twice stays zero.
        trend: whether there is a damped trend.
    """
    grid = make_grid(trend=trend, seasonal=bool(seasons), coarse=len(values) > _MANY)
    chosen = np.zeros(len(values), np.int64)
    for some in _blocks(fitted, max(1, _SIDE_BY_SIDE // len(grid.level))):
        fit_ST = _together([values[i][: fitted[i]] for i in some])
        every = Parameters(*(part[None, :] for part in grid))
        chosen[some] = np.argmin(_Pass(_start(fit_ST, seasons), every).errors(fit_ST, horizon), axis=1)
    return grid.taken(chosen)


def paths(
    values: Sequence[np.ndarray], fitted: np.ndarray, parameters: Parameters, seasons: Sequence[int] = ()
) -> Iterator[tuple[int, Path]]:
    """The states of each series after each of its steps, in any order: its number and its path.

    A missing value moves no state: what was expected stands for it.

    Args:
        values: of each series, NaN where missing.
        fitted: (S,) how many first steps the start may know.
        parameters: (S,) of each series.
        seasons: lengths in steps.
    """
    for some in _blocks(np.array([len(own) for own in values]), 256):
        block_ST = _together([values[i] for i in some])
        known = np.arange(block_ST.shape[1]) < fitted[some][:, None]
        own = Parameters(*(part[some][:, None] for part in parameters))
        level_ST, trend_ST, cycles = _Pass(_start(np.where(known, block_ST, np.nan), seasons), own).path(block_ST)
        for row, number in enumerate(some.tolist()):
            length = len(values[number])
            seasonal = tuple(
                cycle[row, : season + length].copy() for cycle, season in zip(cycles, seasons, strict=True)
            )
            yield (
                number,
                Path(
                    level_ST[row, :length].copy(),
                    trend_ST[row, :length].copy(),
                    float(parameters.damping[number]),
                    seasonal,
                    float(parameters.level[number]),
                ),
            )


def _blocks(lengths: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Numbers of series of like length, so many at a time."""
    order = np.argsort(lengths, kind="stable")
    for at in range(0, len(order), width):
        yield order[at : at + width]


def _together(values: Sequence[np.ndarray]) -> np.ndarray:
    block = np.full((len(values), max(len(own) for own in values)), np.nan)
    for row, own in enumerate(values):
        block[row, : len(own)] = own
    return block


class _Start(NamedTuple):
    level: np.ndarray
    seasons: tuple[np.ndarray, ...]


def _start(fit_ST: np.ndarray, seasons: Sequence[int]) -> _Start:
    """The level and the seasons before the first step: means of the first cycles, shorter seasons first."""
    longest = max((1, *seasons))
    head = fit_ST[:, : max(LEAST, CYCLES * longest)]
    level = _mean(head[:, : max(longest, LEAST)], fit_ST)
    rest = head - level[:, None]
    found = []
    for season in seasons:
        cycles = -(-rest.shape[1] // season)
        padded = np.full((len(rest), cycles * season), np.nan)
        padded[:, : rest.shape[1]] = rest
        folded = padded.reshape(len(rest), cycles, season)
        # Each cycle's own level is taken out first, so that a trend is not taken for a season.
        counts = (~np.isnan(folded)).sum(axis=2, keepdims=True)
        own = np.nansum(folded, axis=2, keepdims=True) / np.maximum(counts, 1)
        folded = np.where(2 * counts > season, folded - own, np.nan)
        counts = (~np.isnan(folded)).sum(axis=1)
        indices = np.nansum(folded, axis=1) / np.maximum(counts, 1)
        indices[counts.max(axis=1) < 2] = 0.0
        found.append(indices)
        rest = rest - np.tile(indices, (1, cycles))[:, : rest.shape[1]]
    return _Start(level, tuple(found))


def _mean(head: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The mean of the known values; of the whole part where the head has none; 0 where there is none at all."""
    means = []
    for part in (head, whole):
        counts = (~np.isnan(part)).sum(axis=1)
        means.append(np.where(counts > 0, np.nansum(part, axis=1) / np.maximum(counts, 1), np.nan))
    return np.asarray(np.nan_to_num(np.where(np.isnan(means[0]), means[1], means[0])))


class _Pass:
    """One pass through a block of series: the equations, for all parameters side by side.

    Args:
        start: the states before the first step.
        own: parameters, (1, P) or (S, 1) each.
    """

    def __init__(self, start: _Start, own: Parameters) -> None:
        shape = np.broadcast_shapes((len(start.level), 1), own.level.shape)
        self.own = own
        self.level = np.broadcast_to(start.level[:, None], shape).copy()
        self.trend = np.zeros(shape)
        self.seasons = [
            np.broadcast_to(indices.T[:, :, None], (indices.shape[1], *shape)).copy() for indices in start.seasons
        ]

    def _step(self, t: int, value: np.ndarray) -> None:
        """Move the states by the error of step `t`; values (S,)."""
        own = self.own
        slope = own.damping * self.trend
        expected = self.level + slope
        for season in self.seasons:
            expected = expected + season[t % len(season)]
        error = value[:, None] - expected
        np.nan_to_num(error, copy=False)
        self.level += slope + own.level * error
        self.trend = slope + own.trend * error
        for season in self.seasons:
            season[t % len(season)] += own.season * error

    def errors(self, block_ST: np.ndarray, horizon: int) -> np.ndarray:
        """(S, P) mean absolute errors at some leads, after the first quarter."""
        leads = sorted({max(1, round(share * horizon)) for share in _LEADS})
        powers = {lead: np.sum(self.own.damping ** np.arange(1, lead + 1)[:, None, None], axis=0) for lead in leads}
        steps = block_ST.shape[1]
        total, seen = np.zeros(self.level.shape), np.zeros(self.level.shape)
        waiting: dict[tuple[int, int], np.ndarray] = {}
        begin = steps // 4
        for t in range(steps):
            value = block_ST[:, t]
            known = ~np.isnan(value)[:, None]
            for lead in leads:
                made = waiting.pop((t, lead), None)
                if made is not None:
                    total += np.where(known, np.abs(np.nan_to_num(value)[:, None] - made), 0.0)
                    seen += known
            self._step(t, value)
            if t >= begin:
                for lead in leads:
                    made = self.level + self.trend * powers[lead]
                    for season in self.seasons:
                        made = made + season[(t + lead) % len(season)]
                    waiting[(t + lead, lead)] = made
        return np.asarray(total / np.maximum(seen, 1))

    def path(self, block_ST: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Levels and trends (S, T), and of each season its indices (S, M + T); the parameters are one set a series."""
        count, steps = block_ST.shape
        level, trend = np.empty((count, steps)), np.empty((count, steps))
        cycles = [np.empty((count, len(season) + steps)) for season in self.seasons]
        for cycle, season in zip(cycles, self.seasons, strict=True):
            cycle[:, : len(season)] = season[:, :, 0].T
        for t in range(steps):
            self._step(t, block_ST[:, t])
            level[:, t], trend[:, t] = self.level[:, 0], self.trend[:, 0]
            for cycle, season in zip(cycles, self.seasons, strict=True):
                cycle[:, len(season) + t] = season[t % len(season), :, 0]
        return level, trend, cycles
