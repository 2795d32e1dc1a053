"""Simple forecasts from many origins of many series, each from one pass through its series.

`unroll.baselines.forecast` fits every method anew for every window, as competitions do. Here parameters are fitted
once, on the first part of a series, and what comes after only moves the states: quick enough to stand under a model.

Shapes: S series, T steps, W windows, N steps of the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from unroll.baselines.forecast import is_seasonal, seasonal_indices
from unroll.baselines.smoothing import fit, paths

#: By how many ranges of the fitted part a forecast in logarithms may leave it.
_FURTHEST = 1.0


class Origins(NamedTuple):
    """Windows to forecast.

    Attributes:
        values: of each series, NaN where missing.
        fitted: (S,) how many first steps of each series parameters may be fitted on.
        owners: (W,) the series of each window.
        origins: (W,) its first step that is not known; at least `fitted` of its series.
        horizon: N.
        season: steps; 1 for none.
        longer: a further season in steps, such as the week of hours; 1 for none.
    """

    values: Sequence[np.ndarray]
    fitted: np.ndarray
    owners: np.ndarray
    origins: np.ndarray
    horizon: int
    season: int
    longer: int = 1

    def carried(self) -> list[np.ndarray]:
        """The values, each missing one replaced by the last one before it; the first known one before that."""
        return [_carried(own) for own in self.values]

    def seasons(self) -> tuple[int, ...]:
        """Those that are there, the shorter first."""
        return tuple(sorted({season for season in (self.season, self.longer) if season > 1}))


def _carried(values: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        return np.zeros_like(values)
    at = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.asarray(values[known[np.maximum(at, 0)]])


def _repeated(at: Origins, season: int) -> np.ndarray:
    """The last season again and again, where the history holds one; else the last value."""
    found = np.empty((len(at.owners), at.horizon))
    carried = at.carried()
    for number in np.unique(at.owners):
        rows = np.flatnonzero(at.owners == number)
        origins = at.origins[rows][:, None]
        places = origins - season + np.arange(at.horizon) % season
        found[rows] = carried[number][np.where(origins >= season, places, origins - 1)]
    return found


def naive(at: Origins) -> np.ndarray:
    """The last value again and again."""
    return _repeated(at, 1)


def seasonal_naive(at: Origins) -> np.ndarray:
    """The last season again and again."""
    return _repeated(at, at.season)


def longer_naive(at: Origins) -> np.ndarray:
    """The last longer season again and again."""
    return _repeated(at, at.longer)


def mean(at: Origins) -> np.ndarray:
    """The mean of all that came before."""
    found = np.empty(len(at.owners))
    for number in np.unique(at.owners):
        rows = np.flatnonzero(at.owners == number)
        own = at.values[number]
        known = np.cumsum(~np.isnan(own))[at.origins[rows] - 1]
        found[rows] = np.cumsum(np.nan_to_num(own))[at.origins[rows] - 1] / np.maximum(known, 1)
    return np.repeat(found[:, None], at.horizon, axis=1)


class _Adjusted(NamedTuple):
    """Series without their season, and what a forecast of theirs is multiplied by and raised by."""

    values: list[np.ndarray]
    factors: np.ndarray
    shifts: np.ndarray


def _adjusted(at: Origins) -> _Adjusted:
    """Classical decomposition of each fitted part by M4's rule: where the test finds a season, multiplicative where
    all values are above zero."""
    values: list[np.ndarray] = []
    factors = np.ones((len(at.owners), at.horizon))
    shifts = np.zeros((len(at.owners), at.horizon))
    ahead = np.arange(at.horizon)
    for number, (own, carried) in enumerate(zip(at.values, at.carried(), strict=True)):
        part = carried[: at.fitted[number]]
        if not is_seasonal(part, at.season):
            values.append(own)
            continue
        multiplicative = bool((part > 0).all())
        indices = seasonal_indices(part, at.season, multiplicative=multiplicative)
        if multiplicative and indices.min() <= 0:
            values.append(own)
            continue
        whole = np.resize(indices, len(own))
        rows = np.flatnonzero(at.owners == number)
        put_back = indices[(at.origins[rows][:, None] + ahead) % at.season]
        if multiplicative:
            values.append(own / whole)
            factors[rows] = put_back
        else:
            values.append(own - whole)
            shifts[rows] = put_back
    return _Adjusted(values, factors, shifts)


def naive2(at: Origins) -> np.ndarray:
    """The last value of the seasonally adjusted series, with the season put back."""
    own = _adjusted(at)
    return np.asarray(naive(at._replace(values=own.values)) * own.factors + own.shifts)


def theta(at: Origins) -> np.ndarray:
    """The theta method on the seasonally adjusted series: simple exponential smoothing with half the trend's slope.

    Source: Hyndman, Billah 2003, "Unmasking the Theta method", section 2; the slope is that of all values before the
    origin.
    """
    own = _adjusted(at)
    levels, rates = _smoothed(at._replace(values=own.values), (), trend=False)
    slopes = _slopes(own.values, at.owners, at.origins)
    # The smoothed level lags a trend by (1 - alpha) / alpha steps at most; a level that hardly moves has no such lag.
    lag = (1 - (1 - rates) ** at.origins) / rates
    drift = 0.5 * slopes[:, None] * (np.arange(at.horizon) + np.minimum(lag, at.horizon)[:, None])
    return np.asarray((levels + drift) * own.factors + own.shifts)


def _smoothed(at: Origins, seasons: Sequence[int], *, trend: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(W, N) forecasts of exponential smoothing, and (W,) the rate of each window's level."""
    parameters = fit(at.values, at.fitted, at.horizon, seasons, trend=trend)
    found, rates = np.empty((len(at.owners), at.horizon)), parameters.level[at.owners]
    for number, path in paths(at.values, at.fitted, parameters, seasons):
        rows = np.flatnonzero(at.owners == number)
        found[rows] = path.ahead(at.origins[rows], at.horizon)
    return found, rates


def _slopes(values: Sequence[np.ndarray], owners: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """(W,) the slope of the least squares line through all known values before each origin."""
    found = np.zeros(len(owners))
    for number in np.unique(owners):
        rows = np.flatnonzero(owners == number)
        own = values[number]
        known = ~np.isnan(own)
        y, t = np.nan_to_num(own - np.nan_to_num(own[known][0] if known.any() else 0.0)), np.arange(len(own))
        y = np.where(known, y, 0.0)
        sums = [np.cumsum(part)[origins[rows] - 1] for part in (known, known * t, known * t * t, y, y * t)]
        n, st, stt, sy, sty = (part.astype(np.float64) for part in sums)
        spread = n * stt - st * st
        found[rows] = np.where(spread > 0, (n * sty - st * sy) / np.where(spread > 0, spread, 1.0), 0.0)
    return found


def smoothing(at: Origins) -> np.ndarray:
    """Exponential smoothing with a damped trend and additive seasons."""
    return _smoothed(at, at.seasons())[0]


def level_smoothing(at: Origins) -> np.ndarray:
    """Exponential smoothing with additive seasons and no trend."""
    return _smoothed(at, at.seasons(), trend=False)[0]


def logarithmic_smoothing(at: Origins) -> np.ndarray:
    """Exponential smoothing of the logarithms, so that seasons and trend are factors; of the values themselves for
    series whose fitted part is not all above zero."""
    values, low, high = [], np.empty(len(at.values)), np.empty(len(at.values))
    positive = np.zeros(len(at.values), dtype=bool)
    for number, own in enumerate(at.values):
        part = own[: at.fitted[number]]
        part = part[~np.isnan(part)]
        positive[number] = len(part) > 0 and bool(part.min() > 0)
        if not positive[number]:
            values.append(own)
            continue
        # Later values may be zero; their logarithm must not be the end of the forecast.
        with np.errstate(invalid="ignore"):
            values.append(np.log(np.maximum(own, 0.5 * part.min())))
        low[number], high[number] = np.log(part.min()), np.log(part.max())
    found = _smoothed(at._replace(values=values), at.seasons())[0]
    rows = positive[at.owners]
    room = _FURTHEST * (high - low)[at.owners[rows]][:, None] + 1.0
    bottom, top = low[at.owners[rows]][:, None] - room, high[at.owners[rows]][:, None] + room
    found[rows] = np.exp(np.clip(found[rows], bottom, top))
    return found


#: Name -> the forecasts (W, N) of windows.
ROLLING: dict[str, Callable[[Origins], np.ndarray]] = {
    "naive": naive,
    "seasonal naive": seasonal_naive,
    "longer seasonal naive": longer_naive,
    "mean": mean,
    "Naive2": naive2,
    "theta": theta,
    "exponential smoothing": smoothing,
    "exponential smoothing without a trend": level_smoothing,
    "exponential smoothing of logarithms": logarithmic_smoothing,
}


def rolling_methods(season: int, longer: int) -> tuple[str, ...]:
    """The methods that differ from each other for these seasons."""
    without = set()
    if season <= 1:
        without |= {"seasonal naive", "Naive2"}
    if longer <= 1:
        without |= {"longer seasonal naive"}
    return tuple(name for name in ROLLING if name not in without)
