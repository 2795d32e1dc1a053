"""Bands that mean what they say: a network's quantiles are stretched until past forecasts lie in them as often as they
should.

The band of a forecast is calibrated on the forecasts before it whose truth is known by then: first on those of the
validation split (split conformal prediction), then on the latest of the series itself, so that it follows a series
whose errors grow or shrink.

Source: Romano, Patterson, Candes 2019, "Conformalized quantile regression", section 4, here with the errors divided by
the network's own band; the sliding window of the latest errors: Xu, Xie 2021, "Conformal prediction interval for
dynamic time-series" (EnbPI), section 3; levels that are moved by what was missed: Gibbs, Candes 2021, "Adaptive
conformal inference under distribution shift", section 2.

Shapes: S series, W windows, K windows of the past, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from unroll.models.likelihood import student_quantile
from unroll.tasks.forecast.scores import Forecasts

#: Windows of the past that a band is calibrated on: so many horizons, and no fewer than that.
_HORIZONS, _LEAST = 20, 100
#: By how much of what a quantile has missed in one horizon its level is moved for the next; how far levels stay from
#: the median's.
_GAIN, _EDGE = 0.1, 0.01
#: Evidence from which on steps ahead are told apart; with as much as the second, half of a quantile is its own side's.
_APART, _SHARED = 30, 20.0
#: The least share of a band's width that either side has, and the largest error in units of a side.
_LEAST_SIDE, _FAR = 0.01, 1e6
#: Degrees of freedom that are assumed at least: below, Student's t has no variance.
_LEAST_EVIDENCE = 2.1


def pool_size(horizon: int) -> int:
    """How many windows of the past a band is calibrated on, at most."""
    return max(_LEAST, _HORIZONS * horizon)


def ratios_of(forecasts: Forecasts) -> np.ndarray:
    """(W, N) errors in units of the network's own band: 1 where the truth lies on its upper edge, -1 on its lower; NaN
    where the truth is unknown."""
    error = forecasts.truth - forecasts.point
    above, below = _half_widths(forecasts.point, forecasts.quantiles)
    width = np.where(error >= 0, above, below)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where((error == 0) & ~np.isnan(width), 0.0, error / width)
    # A band without any width says nothing of how far an error went: far outside, and still a number.
    return np.asarray(np.clip(ratios, -_FAR, _FAR))


def _half_widths(point: np.ndarray, quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the band's edges lie above and below the point, each at least a little of the whole width: where most
    values are zeros, one side may have none."""
    above, below = quantiles[..., -1] - point, point - quantiles[..., 0]
    least = _LEAST_SIDE * (quantiles[..., -1] - quantiles[..., 0])
    return np.maximum(above, least), np.maximum(below, least)


def stretched(forecasts: Forecasts, rows: np.ndarray, factors_NQ: np.ndarray) -> np.ndarray:
    """(rows, N, Q) quantiles whose distances from the median are the band's half widths times the factors."""
    point = forecasts.point[rows]
    above, below = _half_widths(point, forecasts.quantiles[rows])
    width = np.where(factors_NQ >= 0, above[..., None], below[..., None])
    return np.asarray(point[..., None] + width * factors_NQ)


def evidence_of(windows: float, horizon: int) -> float:
    """How many windows without a common step tell about as much as so many that each begin a step after the other:
    errors `n` steps ahead have nothing in common from `n` steps on, and the mean lead is (N + 1) / 2."""
    return max(1.0, 2.0 * windows / (horizon + 1))


def factors_of(pool_KN: np.ndarray, levels: Sequence[float] | np.ndarray, evidence: float) -> np.ndarray | None:
    """(N, Q) by what the half widths are multiplied so that each quantile means what it says on the windows of a pool;
    None if the pool is empty.

    Steps ahead are told apart where there is enough evidence for each; else all share their errors.

    Args:
        pool_KN: ratios, NaN where unknown.
        levels: (Q,).
        evidence: so many windows tell about as much, if none shares steps with another.
    """
    known = ~np.isnan(pool_KN)
    if not known.any():
        return None
    if evidence >= _APART and known.sum(axis=0).min() >= _LEAST:
        columns = [pool_KN[known[:, n], n] for n in range(pool_KN.shape[1])]
        return np.stack([quantiles_of(values, levels, evidence) for values in columns])
    shared = quantiles_of(pool_KN[known], levels, evidence)
    return np.tile(shared, (pool_KN.shape[1], 1))


def quantiles_of(values: np.ndarray, levels: Sequence[float] | np.ndarray, evidence: float) -> np.ndarray:
    """(Q,) quantiles, the middle one 0, the median as it is; what they lack because values are few is `widening`'s.

    A quantile of each side rests on the errors of that side, which are few where there is little evidence. The less
    there is, the more both sides share their errors, as if they were symmetric.
    """
    ordered, sizes = np.sort(values), np.sort(np.abs(values))
    own = evidence / (evidence + _SHARED)
    found = []
    for place, level in enumerate(levels):
        if place == len(levels) // 2:
            found.append(0.0)
            continue
        side, upper = max(level, 1 - level), place > len(levels) // 2
        both = _at(sizes, max(0.0, 2 * side - 1))
        signed = max(0.0, _at(ordered, side) if upper else -_at(ordered, 1 - side))
        size = own * signed + (1 - own) * both
        found.append(size if upper else -size)
    return np.array(found)


def _at(ordered: np.ndarray, level: float) -> float:
    """The quantile of sorted values, without a bias in its median whatever the distribution.

    Source: Hyndman, Fan 1996, "Sample quantiles in statistical packages", definition 8.
    """
    place = (len(ordered) + 1 / 3) * level - 2 / 3
    below = min(max(int(np.floor(place)), 0), len(ordered) - 1)
    above = min(below + 1, len(ordered) - 1)
    share = min(max(place - below, 0.0), 1.0)
    return float(ordered[below] + share * (ordered[above] - ordered[below]))


def widening(levels: Sequence[float], evidence: float) -> np.ndarray:
    """(Q,) by how much wider a band must be because its width is estimated from little: the quantile of Student's t
    over that of the normal distribution, as for a further value of a normal sample.

    Source: Hahn, Meeker 1991, "Statistical intervals", section 4.7 (prediction interval, mean known).
    """
    # Hundreds of horizons have the same evidence, and a tenth of a window changes nothing.
    return np.array(_widening(tuple(levels), round(max(evidence, _LEAST_EVIDENCE), 1)))


@lru_cache
def _widening(levels: tuple[float, ...], evidence: float) -> list[float]:
    side = torch.tensor([max(level, 1 - level) for level in levels], dtype=torch.float64)
    ratio = student_quantile(side, torch.tensor(evidence, dtype=torch.float64)) / torch.special.ndtri(side)
    return torch.where(side > 0.5, ratio, 1.0).tolist()


def _next_levels(
    aimed: np.ndarray, levels: Sequence[float], truth_WN: np.ndarray, quantiles_WNQ: np.ndarray
) -> np.ndarray:
    """(Q,) the levels to aim at next, after some windows have ended whose quantiles held less or more than they
    should."""
    known = ~np.isnan(truth_WN)
    if not known.any():
        return aimed
    below = (truth_WN[..., None] <= quantiles_WNQ)[known].mean(axis=0)
    moved = aimed + _GAIN * (np.asarray(levels) - below)
    upper = np.arange(len(levels)) > len(levels) // 2
    moved = np.where(upper, moved.clip(0.5 + _EDGE, 1.0), moved.clip(0.0, 0.5 - _EDGE))
    return np.asarray(moved)


def calibrated(
    forecasts: Forecasts,
    levels: Sequence[float],
    pool_KN: np.ndarray,
    fresh: np.ndarray | None,
    evidence: float | None = None,
) -> Forecasts:
    """Forecasts with calibrated bands.

    Args:
        forecasts: as the network gave them; their truth is used for later windows only.
        levels: (Q,).
        pool_KN: ratios of the windows that come before, oldest first; without any the bands are left as they are.
        fresh: (S,) the first origin in each series that training has not used: from there on a window counts for those
            that begin after its last step. None: the pool alone counts.
        evidence: how many windows without a common step the pool is worth; None: as windows of one series are.
    """
    pool_KN = pool_KN[~np.isnan(pool_KN).all(axis=1)] if len(pool_KN) else pool_KN
    if len(levels) == 1 or not len(pool_KN):
        return forecasts
    horizon = forecasts.truth.shape[1]
    worth = evidence_of(len(pool_KN), horizon) if evidence is None else evidence
    quantiles = forecasts.quantiles.copy()
    shared = factors_of(pool_KN, levels, worth)
    if shared is not None:
        shared = shared * widening(levels, worth)
    if fresh is None:
        if shared is not None:
            quantiles = stretched(forecasts, np.arange(len(quantiles)), shared)
        return forecasts._replace(quantiles=quantiles)
    ratios, most = ratios_of(forecasts), pool_size(horizon)
    order = np.lexsort((forecasts.origins, forecasts.series))
    for rows in np.split(order, np.flatnonzero(np.diff(forecasts.series[order])) + 1):
        origins = forecasts.origins[rows]
        usable = origins >= fresh[forecasts.series[rows[0]]]
        aimed, seen = np.array(levels), 0
        at = 0
        while at < len(rows):
            # The windows of one horizon share their factors: what ended before the first of them is known to all.
            end = int(np.searchsorted(origins, origins[at] + horizon))
            ended = rows[usable & (origins + horizon <= origins[at])]
            factors = shared
            if len(ended):
                new = ended[seen:]
                aimed = _next_levels(aimed, levels, forecasts.truth[new], quantiles[new])
                seen = len(ended)
                latest = ended[-most:]
                older = pool_KN[max(0, len(pool_KN) + len(latest) - most) :]
                span = int(forecasts.origins[latest[-1]] - forecasts.origins[latest[0]]) + 1
                own = min(float(len(latest)), evidence_of(span, horizon)) + worth * len(older) / len(pool_KN)
                factors = factors_of(np.concatenate([older, ratios[latest]]), aimed, own)
                factors = None if factors is None else factors * widening(levels, own)
            if factors is not None:
                quantiles[rows[at:end]] = stretched(forecasts, rows[at:end], factors)
            at = end
    return forecasts._replace(quantiles=quantiles)
