"""From values to places on a chart, and the round values that an axis names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: Steps that people count time in, shortest first: amount and numpy's unit.
_TIME_STEPS = (
    *((amount, "s") for amount in (1, 5, 15, 30)),
    *((amount, "m") for amount in (1, 5, 15, 30)),
    *((amount, "h") for amount in (1, 3, 6, 12)),
    *((amount, "D") for amount in (1, 2, 7, 14)),
    *((amount, "M") for amount in (1, 3, 6)),
    *((amount * 10**power, "Y") for power in range(4) for amount in (1, 2, 5)),
)

#: Seconds of numpy's units of time; months and years on average.
_SECONDS = {"s": 1, "m": 60, "h": 3600, "D": 86_400, "M": 2_629_746, "Y": 31_556_952}

#: Powers of ten that an axis names at most, those that it writes out, and digits as an exponent has them.
_MOST_POWERS, _PLAIN_POWERS = 7, (-3, 6)
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Tick(NamedTuple):
    """A value that an axis names, and how it is written."""

    at: float
    text: str


class Scale(NamedTuple):
    """A stretch of values on a stretch of the picture.

    Attributes:
        low: the value at `start`.
        high: the value at `end`.
        start: a place, in the picture's units.
        end: another.
        log: whether equal ratios, not equal differences, are equally far apart.

    Example:
        >>> Scale(0.0, 10.0, 100.0, 200.0).place(2.5)
        125.0
        >>> Scale(1.0, 100.0, 0.0, 200.0, log=True).place(10.0)
        100.0
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return where a value is drawn."""
        low, high, value = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def widened(low: float, high: float) -> tuple[float, float]:
    """Make room around a single value.

    Example:
        >>> widened(4.0, 4.0)
        (2.0, 6.0)
        >>> widened(1.0, 2.0)
        (1.0, 2.0)
    """
    if high > low:
        return low, high
    room = abs(low) / 2 or 0.5
    return low - room, low + room


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return round numbers in steps of 1, 2 or 5 times a power of ten that span `low` to `high`.

    Example:
        >>> nice_ticks(3.0, 38.0)
        [0.0, 10.0, 20.0, 30.0, 40.0]
    """
    low, high = widened(low, high)
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def whole_ticks(low: float, high: float, wanted: int = 6) -> list[int]:
    """Return whole numbers within `low` to `high`, evenly spaced.

    Example:
        >>> whole_ticks(1, 14)
        [5, 10]
        >>> whole_ticks(1, 3)
        [1, 2, 3]
    """
    first, last = math.ceil(low), math.floor(high)
    step = next(s * 10**p for p in range(12) for s in (1, 2, 5) if (last - first) / (s * 10**p) <= wanted)
    return [tick for tick in range(first - first % step, last + 1, step) if tick >= first]


def number_ticks(values: Sequence[float]) -> list[Tick]:
    """Return ticks with short texts; numbers of four digits stay whole, so that years read as years.

    Example:
        >>> [tick.text for tick in number_ticks([1940, 1960, 1980])]
        ['1940', '1960', '1980']
        >>> [tick.text for tick in number_ticks([0, 5_000, 10_000])]
        ['0', '5k', '10k']
        >>> [tick.text for tick in number_ticks([0.83370, 0.83372, 0.83374])]
        ['0.8337', '0.83372', '0.83374']
    """
    if any(abs(value) >= 10_000 for value in values):
        return [Tick(value, short(value)) for value in values]
    texts = ([f"{value:.{digits}g}" for value in values] for digits in range(4, 18))
    apart = next(found for found in texts if len(set(found)) == len(set(values)))
    return [Tick(value, text) for value, text in zip(values, apart, strict=True)]


def log_ticks(low: float, high: float) -> list[Tick]:
    """Return 1, 2 and 5 times the powers of ten within `low` to `high`, or the powers alone where that is enough; of
    many powers every second or third.

    Example:
        >>> [tick.text for tick in log_ticks(900, 30_000)]
        ['1k', '2k', '5k', '10k', '20k']
        >>> [tick.text for tick in log_ticks(1e-6, 10)]
        ['10⁻⁶', '10⁻⁴', '10⁻²', '1']
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 4 else (1,)
    every = math.ceil(len(powers) / _MOST_POWERS)
    values = [
        (power, factor * 10.0**power)
        for power in powers
        for factor in factors
        if power % every == 0 and low * 0.999 <= factor * 10.0**power <= high * 1.001
    ]
    if all(_PLAIN_POWERS[0] <= power <= _PLAIN_POWERS[1] for power, _ in values):
        return [Tick(value, short(value)) for _, value in values]
    # A factor stands before a power only where four powers or fewer are in sight.
    return [Tick(value, power_of_ten(power, round(value / 10.0**power))) for power, value in values]


def power_of_ten(power: int, factor: int = 1) -> str:
    """Return a power of ten as people write it.

    Example:
        >>> power_of_ten(-5), power_of_ten(7, 2), power_of_ten(0)
        ('10⁻⁵', '2\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁷', '1')
    """
    if power == 0:
        return str(factor)
    written = f"10{str(power).translate(_RAISED)}"
    return written if factor == 1 else f"{factor}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{written}"


def time_ticks(low: float, high: float, wanted: int = 6) -> list[Tick]:
    """Return round times within `low` to `high`, both in seconds since 1970.

    Example:
        >>> [tick.text for tick in time_ticks(0.0, 2.0 * 86_400)]
        ['01-01', '12:00', '01-02', '12:00', '01-03']
        >>> [tick.text for tick in time_ticks(0.0, 2.0 * 31_556_952)]
        ['1970-01', '1970-07', '1971-01', '1971-07', '1972-01']
    """
    low, high = widened(low, high)
    amount, unit = next(step for step in _TIME_STEPS if (high - low) / (step[0] * _SECONDS[step[1]]) <= wanted)
    seconds = np.array([low, high]).astype(np.int64).astype("datetime64[s]")
    first, last = seconds.astype(f"datetime64[{unit}]").astype(np.int64).tolist()
    ticks = []
    # Numpy counts years from 1970, people from 0; the other units' steps meet 1970 anyway.
    begin = first - (first + 1970 if unit == "Y" else first) % amount
    for index in range(begin, last + amount, amount):
        moment = np.int64(index).astype(f"datetime64[{unit}]")
        at = float(moment.astype("datetime64[s]").astype(np.int64))
        if low <= at <= high:
            ticks.append(Tick(at, _moment(moment, unit, high - low)))
    return ticks


def _moment(moment: np.datetime64, unit: str, span: float) -> str:
    """A time as an axis names it: no finer than its steps, and without what stays the same."""
    if unit in "YM":
        return str(moment)
    day, _, hour = str(moment.astype("datetime64[s]")).partition("T")
    if hour == "00:00:00":
        return day if span > 300 * _SECONDS["D"] else day[-5:]
    return hour if unit == "s" else hour[:5]


def short(value: float) -> str:
    """Return a number in as few characters as an axis has room for.

    Example:
        >>> short(20_000), short(0.25), short(1.5e6)
        ('20k', '0.25', '1.5M')
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{unit}"
    return f"{value:.4g}"
