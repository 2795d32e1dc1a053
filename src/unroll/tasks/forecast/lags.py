"""Values far back: at distances that follow from the step of time, where the window does not reach.

Shapes: K lags, T steps of the past, N steps of the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from unroll.errors import ConfigError
from unroll.tasks.forecast.season import Rhythm

_DAY = 86_400_000_000
#: A year of whole weeks, so that a Monday looks back on a Monday.
_YEAR = 364
#: How many returns of a season are looked back on.
_RETURNS = 3


def distances(rhythm: Rhythm, longer: int) -> tuple[int, ...]:
    """Steps after which a series may repeat itself: some returns of its season, of the further one, of the week and of
    the year, where steps are equal in time.

    Args:
        rhythm: the step and the season.
        longer: the further season; 1 for none.
    """
    frequency = rhythm.frequency
    cycles = {rhythm.season, longer}
    if frequency is not None and frequency.unit == "us":
        for days in (7, _YEAR):
            steps = days * _DAY / frequency.size
            if steps == int(steps):
                cycles.add(int(steps))
    elif frequency is not None and frequency.unit == "month" and 12 % frequency.size == 0:
        cycles.add(int(12 / frequency.size))
    # A year of days is looked back on by that of weeks.
    cycles -= {365} if _YEAR in cycles else set()
    return tuple(sorted({cycle * times for cycle in cycles if cycle > 1 for times in range(1, _RETURNS + 1)}))


def choose_lags(
    given: Literal["auto", "none"] | Sequence[int],
    possible: Sequence[int],
    input_length: int,
    horizon: int,
    trains: Sequence[int],
) -> tuple[int, ...]:
    """The lags of a model, rising.

    By themselves those are chosen which the window does not reach and which half of the train windows know.

    Args:
        given: as the settings give them.
        possible: as `distances` gives them.
        input_length: T.
        horizon: N.
        trains: steps of the train part of each series.

    Raises:
        ConfigError: a lag that was asked for is known in no train part.
    """
    if given == "none":
        return ()
    if given == "auto":
        usual = int(np.median(np.asarray(trains)))
        first, last = input_length, usual - horizon
        return tuple(lag for lag in possible if lag > input_length and lag <= (first + last) // 2)
    lags = tuple(sorted(set(map(int, given))))
    longest = max(trains)
    if lags and lags[-1] >= longest:
        raise ConfigError(
            f"model.lags: no series has a value {lags[-1]} steps before another in its train part, the longest of which"
            f" has {longest} steps; give lags below that"
        )
    return lags


def places(lags: Sequence[int], past: int, horizon: int) -> np.ndarray:
    """(T + N, K) where each lag of each step of a window stands, counted from the origin: below 0, so known.

    A step of the horizon whose lag is not known yet looks back by the lag once more, as the seasonal naive forecast
    does, so that what decodes all steps at once and what decodes one after the other see the same.
    """
    steps = np.arange(-past, horizon)[:, None]
    every = np.asarray(lags, dtype=np.int64).reshape(1, -1)
    return np.asarray(steps - every * (np.maximum(steps, 0) // every + 1))
