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

import numpy as np

from unroll.tasks.forecast.scores import Forecasts

#: Windows of the past that a band is calibrated on: so many horizons, and no fewer than that.
_HORIZONS, _LEAST = 20, 100
#: By how much of what a quantile has missed in one horizon its level is moved for the next; how far levels stay from
#: the median's.
_GAIN, _EDGE = 0.1, 0.01


def pool_size(horizon: int) -> int:
    """How many windows of the past a band is calibrated on, at most."""
    return max(_LEAST, _HORIZONS * horizon)


def ratios_of(forecasts: Forecasts) -> np.ndarray:
    """(W, N) errors in units of the network's own band: 1 where the truth lies on its upper edge, -1 on its lower; NaN
    where the truth is unknown."""
    error = forecasts.truth - forecasts.point
    above = forecasts.quantiles[..., -1] - forecasts.point
    below = forecasts.point - forecasts.quantiles[..., 0]
    width = np.where(error >= 0, above, below)
    return np.asarray(error / np.maximum(width, np.finfo(np.float64).tiny))


def stretched(forecasts: Forecasts, rows: np.ndarray, factors_NQ: np.ndarray) -> np.ndarray:
    """(rows, N, Q) quantiles whose distances from the median are the band's half widths times the factors."""
    point = forecasts.point[rows][..., None]
    raw = forecasts.quantiles[rows]
    width = np.where(factors_NQ >= 0, raw[..., -1:] - point, point - raw[..., :1])
    return np.asarray(point + width * factors_NQ)


def factors_of(pool_KN: np.ndarray, levels: Sequence[float] | np.ndarray) -> np.ndarray | None:
    """(N, Q) by what the half widths are multiplied so that each quantile means what it says on the windows of a pool;
    None if the pool is empty.

    Steps ahead are told apart where each has enough windows; else all share their errors.
    """
    known = ~np.isnan(pool_KN)
    if not known.any():
        return None
    if known.sum(axis=0).min() >= _LEAST:
        columns = [pool_KN[known[:, n], n] for n in range(pool_KN.shape[1])]
        return np.stack([_quantiles(values, levels, len(values)) for values in columns])
    # The steps of one window err together: they are so many values, but no more evidence than windows.
    shared = _quantiles(pool_KN[known], levels, int(known.any(axis=1).sum()))
    return np.tile(shared, (pool_KN.shape[1], 1))


def _quantiles(values: np.ndarray, levels: Sequence[float] | np.ndarray, windows: int) -> np.ndarray:
    """(Q,) quantiles of which the values of a further window, exchangeable with these, lie below with at least the
    probability of an upper level, above with that of a lower one; the middle one is 0, the median as it is."""
    ordered, count = np.sort(values), len(values)
    found = []
    for place, level in enumerate(levels):
        side = max(level, 1 - level)
        rank = min(count, int(np.ceil(count * side * (windows + 1) / windows - 1e-9)))
        if place == len(levels) // 2:
            found.append(0.0)
        elif place > len(levels) // 2:
            found.append(max(0.0, ordered[rank - 1]))
        else:
            found.append(min(0.0, ordered[count - rank]))
    return np.array(found)


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
    forecasts: Forecasts, levels: Sequence[float], pool_KN: np.ndarray, fresh: np.ndarray | None
) -> Forecasts:
    """Forecasts with calibrated bands.

    Args:
        forecasts: as the network gave them; their truth is used for later windows only.
        levels: (Q,).
        pool_KN: ratios of the windows that come before, oldest first; without any the bands are left as they are.
        fresh: (S,) the first origin in each series that training has not used: from there on a window counts for those
            that begin after its last step. None: the pool alone counts.
    """
    if len(levels) == 1 or not len(pool_KN):
        return forecasts
    quantiles = forecasts.quantiles.copy()
    shared = factors_of(pool_KN, levels)
    if fresh is None:
        if shared is not None:
            quantiles = stretched(forecasts, np.arange(len(quantiles)), shared)
        return forecasts._replace(quantiles=quantiles)
    horizon = forecasts.truth.shape[1]
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
                factors = factors_of(np.concatenate([pool_KN, ratios[ended]])[-most:], aimed)
            if factors is not None:
                quantiles[rows[at:end]] = stretched(forecasts, rows[at:end], factors)
            at = end
    return forecasts._replace(quantiles=quantiles)
