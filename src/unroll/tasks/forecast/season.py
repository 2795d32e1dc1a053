"""How time moves in series: the step, the season, and the lengths that follow from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.data import Frequency, TimeSeries
from unroll.errors import DataError

#: A day in microseconds.
_DAY = 86_400_000_000
#: Series whose season is looked for.
_LOOKED_AT = 50


class Rhythm(NamedTuple):
    """How time moves in the series.

    Attributes:
        frequency: the usual step; None for series of fewer than three steps.
        season: steps after which the season returns; 1 if there is none.
        said: how the season was found, in words.
    """

    frequency: Frequency | None
    season: int
    said: str


def find_rhythm(series: Sequence[TimeSeries], ends: Sequence[int], season: int | None) -> Rhythm:
    """The step and the season: as given, by the calendar, or from the train split's autocorrelation.

    Args:
        series: all series.
        ends: where each one's train split ends.
        season: as the settings give it; None: find it.

    Raises:
        DataError: the series have different steps.
    """
    steps = Counter(item.frequency.label for item in series if item.frequency is not None)
    if len(steps) > 1:
        raise DataError(
            f"all series of one model must have the same step of time, got {', '.join(steps)}; train one model for each"
        )
    frequency = next((item.frequency for item in series if item.frequency is not None), None)
    step = "step" if frequency is None else frequency.label
    if season is not None:
        return Rhythm(frequency, season, f"season of {season} steps, as given")
    if frequency is not None and frequency.season > 1:
        why = "by the calendar" if frequency.unit == "row" else f"by the step of {step}"
        return Rhythm(frequency, frequency.season, f"season of {frequency.season} steps, {why}")
    spread = np.linspace(0, len(series) - 1, min(len(series), _LOOKED_AT)).astype(int)
    seasons = Counter(detect_season(series[i].values[: ends[i]]) for i in np.unique(spread))
    best = seasons.most_common(1)[0][0]
    if best == 1:
        return Rhythm(frequency, 1, "no season was found in the train part; --set model.season=N if there is one")
    return Rhythm(
        frequency, best, f"season of {best} steps, found in the train part; --set model.season=N if it is another"
    )


def detect_season(values: np.ndarray) -> int:
    """The first strong peak of the autocorrelation of a series without its straight line; 1 if there is none.

    Lags up to a third of the series are looked at.
    """
    values = np.where(np.isnan(values), np.nanmean(values), values)
    count = len(values)
    if count < 12:
        return 1
    t = np.arange(count)
    rest = values - np.polyval(np.polyfit(t, values, 1), t)
    power = np.abs(np.fft.rfft(rest, 2 * count)) ** 2
    correlation = np.fft.irfft(power)[: count // 3 + 1]
    # A constant series leaves only rounding.
    if correlation[0] <= 1e-12 * max(1.0, float(np.square(values).sum())):
        return 1
    correlation = correlation / correlation[0]
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:])) + 1
    peaks = peaks[(peaks >= 2) & (correlation[peaks] > max(0.2, 3 / np.sqrt(count)))]
    if len(peaks) == 0:
        return 1
    strong = peaks[correlation[peaks] >= 0.8 * correlation[peaks].max()]
    return int(strong[0])


def default_horizon(season: int, lengths: Sequence[int]) -> int:
    """A season, or ten steps where there is none; a fifth of series that have fewer than four of them.

    So something is left to train on.

    >>> default_horizon(12, [120]), default_horizon(1, [120]), default_horizon(52, [120]), default_horizon(7, [10])
    (12, 10, 24, 2)
    """
    horizon = season if season > 1 else 10
    usual = int(np.median(np.asarray(lengths)))
    return horizon if usual >= 4 * horizon else max(1, usual // 5)


def default_input_length(season: int, horizon: int, train: Sequence[int]) -> int:
    """A week for days of 24 steps, else three seasons, at least two horizons, and at most half of what is left of the
    shorter series' train split."""
    wanted = max(7 * season if season == 24 else 3 * season, 2 * horizon)
    usable = int(np.quantile(np.asarray(train), 0.1)) - horizon
    return max(1, min(wanted, usable // 2))


def longer_season(rhythm: Rhythm, train: Sequence[int]) -> int:
    """A further season, where most train splits show it twice: the week of steps whose season is the day, the year of
    days; 1 for none."""
    season, frequency = rhythm.season, rhythm.frequency
    longer = 1
    if frequency is not None and frequency.unit == "us" and season * frequency.size == _DAY:
        longer = 7 * season
    elif frequency is not None and frequency.unit == "us" and frequency.size == _DAY:
        longer = 365
    # Steps without dates whose season is 24 are hours more often than not; what follows is chosen by its errors.
    elif frequency is not None and frequency.unit == "step" and season == 24:
        longer = 7 * season
    return longer if longer > season and np.quantile(np.asarray(train), 0.1) >= 2 * longer else 1
