"""Exponential smoothing of many series at once, run through each series one time: what it forecasts from every step.

The equations are those of one series; here they run over all series and all parameters of a grid side by side, so that
the parameters are chosen by the errors of the part they may be fitted on, and no optimiser is needed.

Source: Hyndman, Koehler, Ord, Snyder 2008, "Forecasting with exponential smoothing", chapter 2 (error correction form,
additive season, damped trend); several seasons: Taylor 2003, "Short-term electricity demand forecasting using double
seasonal exponential smoothing", section 3.

Shapes: S series, T steps, P parameters of the grid, W windows, N steps of the horizon, M steps of a season.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: How far ahead the errors are looked at that choose the parameters: shares of the horizon.
_LEADS = (0.0, 0.5, 1.0)
#: Cycles of a season from which its start is estimated.
_CYCLES = 3
#: Series and parameters side by side, so many at most: what fits into a processor's cache is quickest.
_SIDE_BY_SIDE = 16_384


class Grid(NamedTuple):
    """Parameters that are tried, (P,) each.

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

    def one(self, chosen: np.ndarray) -> Grid:
        """The chosen parameters of each series, (S, 1) each."""
        return Grid(*(values[chosen][:, None] for values in self))


def make_grid(*, trend: bool, seasonal: bool) -> Grid:
    """The usual range of each parameter, in steps that a forecast feels."""
    found = [
        (alpha, alpha * share, 0.95, gamma)
        for alpha in (0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.999)
        for share in ((0.0, 0.05, 0.15) if trend else (0.0,))
        for gamma in ((0.0, 0.03, 0.1, 0.3) if seasonal else (0.0,))
    ]
    return Grid(*(np.array(values) for values in zip(*found, strict=True)))


class Smoothed(NamedTuple):
    """The states of the windows' origins, from which any horizon is forecast.

    Attributes:
        level: (W,).
        trend: (W,).
        damping: (W,).
        seasons: for each season (W, M), the next step's index first.
        rate: (W,) alpha.
    """

    level: np.ndarray
    trend: np.ndarray
    damping: np.ndarray
    seasons: tuple[np.ndarray, ...]
    rate: np.ndarray

    def ahead(self, horizon: int) -> np.ndarray:
        """(W, N) forecasts."""
        steps = np.arange(1, horizon + 1)
        powers = np.cumsum(self.damping[:, None] ** steps, axis=1)
        found = self.level[:, None] + self.trend[:, None] * powers
        for season in self.seasons:
            found = found + season[:, (steps - 1) % season.shape[1]]
        return np.asarray(found)


def smooth(
    values: Sequence[np.ndarray],
    fitted: np.ndarray,
    owners: np.ndarray,
    origins: np.ndarray,
    horizon: int,
    seasons: Sequence[int] = (),
    *,
    trend: bool = True,
) -> Smoothed:
    """Fit every series on its first steps, run through the rest, and keep the states of some origins.

    A missing value moves no state: what was expected stands for it.

    Args:
        values: of each series, NaN where missing.
        fitted: (S,) how many first steps of each the parameters and the start may know; at least 1.
        owners: (W,) the series of each window.
        origins: (W,) its origin, the first step that is not known; at least `fitted` of its series.
        horizon: N, whose errors choose the parameters.
        seasons: lengths in steps; one that the fitted part does not cover twice stays zero.
        trend: whether there is a damped trend.
    """
    count = len(values)
    grid = make_grid(trend=trend, seasonal=bool(seasons))
    parts: list[Smoothed] = []
    where: list[np.ndarray] = []
    # Series of like length run together.
    order = np.argsort([len(own) for own in values], kind="stable")
    width = max(1, _SIDE_BY_SIDE // len(grid.level))
    for at in range(0, count, width):
        some = order[at : at + width]
        block_ST = _together([values[i] for i in some])
        known = fitted[some]
        fit = np.arange(block_ST.shape[1]) < known[:, None]
        start = _start(np.where(fit, block_ST, np.nan), seasons)
        errors = _Pass(start, grid, len(some), horizon).errors(np.where(fit, block_ST, np.nan)[:, : known.max()])
        best = grid.one(np.argmin(errors, axis=1))
        place = np.full(count, -1)
        place[some] = np.arange(len(some))
        rows = np.flatnonzero(place[owners] >= 0)
        if len(rows):
            parts.append(_Pass(start, best, len(some), horizon).states(block_ST, place[owners[rows]], origins[rows]))
            where.append(rows)
    back = np.argsort(np.concatenate(where)) if where else np.empty(0, np.int64)
    joined = [np.concatenate([getattr(part, name) for part in parts])[back] for name in ("level", "trend", "damping")]
    cycles = tuple(np.concatenate([part.seasons[j] for part in parts])[back] for j in range(len(seasons)))
    return Smoothed(joined[0], joined[1], joined[2], cycles, np.concatenate([part.rate for part in parts])[back])


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
    head = fit_ST[:, : max(2, _CYCLES * longest)]
    level = _mean(head[:, : max(longest, 4)], fit_ST)
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
        folded = np.where(counts == season, folded - own, np.nan)
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
    """One pass through a block of series: the equations, for all parameters side by side."""

    def __init__(self, start: _Start, grid: Grid, count: int, horizon: int) -> None:
        shape = np.broadcast_shapes((count, 1), grid.level.shape)
        self.grid = grid
        self.level = np.broadcast_to(start.level[:, None], shape).copy()
        self.trend = np.zeros(shape)
        self.seasons = [
            np.broadcast_to(indices.T[:, :, None], (indices.shape[1], *shape)).copy() for indices in start.seasons
        ]
        self.horizon = horizon

    def _step(self, t: int, value: np.ndarray) -> None:
        """Move the states by the error of step `t`; values (S,)."""
        grid = self.grid
        slope = grid.damping * self.trend
        expected = self.level + slope
        for season in self.seasons:
            expected = expected + season[t % len(season)]
        error = value[:, None] - expected
        np.nan_to_num(error, copy=False)
        self.level += slope + grid.level * error
        self.trend = slope + grid.trend * error
        for season in self.seasons:
            season[t % len(season)] += grid.season * error

    def errors(self, block_ST: np.ndarray) -> np.ndarray:
        """(S, P) mean absolute errors at some leads, after the first quarter."""
        leads = sorted({max(1, round(share * self.horizon)) for share in _LEADS})
        powers = {lead: np.cumsum(self.grid.damping ** np.arange(1, lead + 1)[:, None], axis=0)[-1] for lead in leads}
        steps = block_ST.shape[1]
        total = np.zeros(self.level.shape)
        seen = np.zeros(self.level.shape)
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

    def states(self, block_ST: np.ndarray, owners: np.ndarray, origins: np.ndarray) -> Smoothed:
        """The states of windows; the grid holds one set of parameters for each series."""
        order = np.argsort(origins, kind="stable")
        level, trend = np.empty(len(owners)), np.empty(len(owners))
        seasons = tuple(np.empty((len(owners), len(season))) for season in self.seasons)
        at = 0
        for t in range(int(origins.max()) + 1):
            end = at
            while end < len(order) and origins[order[end]] == t:
                end += 1
            if end > at:
                rows = order[at:end]
                own = owners[rows]
                level[rows], trend[rows] = self.level[own, 0], self.trend[own, 0]
                for kept, season in zip(seasons, self.seasons, strict=True):
                    kept[rows] = np.roll(season[:, own, 0], -(t % len(season)), axis=0).T
                at = end
            if t < block_ST.shape[1]:
                self._step(t, block_ST[:, t])
        return Smoothed(level, trend, self.grid.damping[owners, 0], seasons, self.grid.level[owners, 0])
