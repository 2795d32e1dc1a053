"""The usual step of a series of times, and the season that goes with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_DAY = 86_400_000_000
#: microseconds, label, steps per season
_NAMED = (
    (7 * _DAY, "1 week", 52),
    (_DAY, "1 day", 7),
    (_DAY // 24, "1 hour", 24),
    (_DAY // 48, "30 minutes", 48),
    (_DAY // 96, "15 minutes", 96),
    (_DAY // 144, "10 minutes", 144),
    (_DAY // 288, "5 minutes", 288),
    (_DAY // 1440, "1 minute", 60),
    (1_000_000, "1 second", 60),
)
_MONTHS = {1: ("1 month", 12), 3: ("3 months", 4), 6: ("6 months", 2), 12: ("1 year", 1)}


#: Units of steps of months whose day is a working day.
FIRST, LAST = "month's first working day", "month's last working day"


class Frequency(NamedTuple):
    """The usual step between two times.

    Attributes:
        label: in words, such as "1 hour", "1 month", "1 business day" or "step 1".
        season: steps after which the usual season returns (24 for hours, 12 for months); 1 if there is none.
        unit: "us" (microseconds), "month", `FIRST` or `LAST` (months, on a working day), "business day", "step" (times
            are plain numbers), or "row": a step is a row, whatever time passes to the next.
        size: how many units make one step; for rows the usual time to the next, in microseconds or plain numbers.
        slots: for rows, at which microseconds after Monday 0:00 they come, where they keep to a week's calendar.
    """

    label: str
    season: int
    unit: str
    size: float
    slots: tuple[int, ...] = ()

    def grid(self, start: Any, length: int, begin: int = 0) -> np.ndarray:
        """Times in equal steps.

        Args:
            start: datetime64 or a number, of which type the times are.
            length: how many times.
            begin: how many steps after `start` the first of them is; below 0 before it, where steps have no slots.
        """
        count = np.arange(begin, begin + length)
        if self.unit == "step" or isinstance(start, float):
            return np.asarray(float(start) + self.size * count, dtype=np.float64)
        if self.slots:
            return _next_slots(start, begin + length, self.slots)[begin:]
        first = np.datetime64(start, "us")
        if self.unit in ("us", "row"):
            return np.asarray(first + (int(self.size) * count).astype("timedelta64[us]"))
        if self.unit == "business day":
            day = first.astype("datetime64[D]")
            return np.asarray(np.busday_offset(day, count).astype("datetime64[us]") + (first - day))
        month = first.astype("datetime64[M]")
        months = month + int(self.size) * count
        if self.unit in (FIRST, LAST):
            hour = first - first.astype("datetime64[D]")
            return np.asarray(_working_day(months, self.unit).astype("datetime64[us]") + hour)
        within = first - month
        # The 30th of a short month is its last day.
        last_day = (months + 1).astype("datetime64[D]").astype("datetime64[us]") - np.timedelta64(_DAY, "us")
        moved = np.minimum(months.astype("datetime64[us]") + within, last_day + within % np.timedelta64(_DAY, "us"))
        if _at_month_end(np.array([first]))[0]:
            last = (months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
            moved = last.astype("datetime64[us]") + (first - first.astype("datetime64[D]"))
        return np.asarray(moved)


def _next_slots(start: Any, length: int, slots: tuple[int, ...]) -> np.ndarray:
    """`start` and the `length - 1` slots of the week after it."""
    first = np.datetime64(start, "us")
    monday = week_start(np.array([first]))[0]
    weeks = np.arange(length // len(slots) + 2) * np.timedelta64(7 * _DAY, "us")
    times = (monday + weeks[:, None] + np.array(slots, dtype="timedelta64[us]")).ravel()
    return np.concatenate([[first], times[times > first][: max(0, length - 1)]])[:length]


def week_start(times: np.ndarray) -> np.ndarray:
    """Monday 0:00 of the week of each time."""
    days = times.astype("datetime64[D]")
    # 1970-01-01 was a Thursday.
    return np.asarray((days - (days.astype(np.int64) + 3) % 7).astype("datetime64[us]"))


def _at_month_end(times: np.ndarray) -> np.ndarray:
    days = times.astype("datetime64[D]")
    return np.asarray((days + 1).astype("datetime64[M]") != days.astype("datetime64[M]"))


def frequency_of(times: np.ndarray) -> Frequency | None:
    """The usual step of rising times.

    Args:
        times: (T,) datetime64[us] or float64, rising.

    Returns:
        The step that at least half of the neighbours have, in calendar months where those fit; None with fewer than
        three times or no usual step.
    """
    if len(times) < 3:
        return None
    if times.dtype.kind == "f":
        step = _usual(np.round(np.diff(times), 9))
        return None if step is None else Frequency(f"step {step:g}", 1, "step", float(step))
    days = times.astype("datetime64[D]")
    same_hour = len(np.unique(times - days)) == 1
    if same_hour and (
        len(np.unique((days - days.astype("datetime64[M]")).astype(np.int64))) == 1 or _at_month_end(times).all()
    ):
        months = _usual(np.diff(times.astype("datetime64[M]").astype(np.int64)))
        if months is not None and months > 0:
            label, season = _MONTHS.get(int(months), (f"{int(months)} months", 1))
            return Frequency(label, season, "month", int(months))
    if same_hour and (monthly := _monthly(days)) is not None:
        return monthly
    step = _usual(np.diff(times).astype(np.int64))
    if step is None or step <= 0:
        return None
    if step == _DAY and same_hour and len(times) >= 8 and np.is_busday(days).all():
        return Frequency("1 business day", 5, "business day", 1)
    for size, label, season in _NAMED:
        if step == size:
            return Frequency(label, season, "us", int(step))
    per_day = _DAY // int(step) if _DAY % int(step) == 0 else 1
    seconds = step / 1_000_000
    label = (
        f"{seconds / 86400:g} days"
        if seconds % 86400 == 0
        else f"{seconds / 60:g} minutes"
        if seconds % 60 == 0
        else f"{seconds:g} seconds"
    )
    return Frequency(label, per_day if 1 < per_day <= 1440 else 1, "us", int(step))


def _monthly(days: np.ndarray) -> Frequency | None:
    """Steps of months whose days are not the same number: one day in each month, by a rule that all keep to."""
    months = days.astype("datetime64[M]")
    apart = np.diff(months.astype(np.int64))
    size = _usual(apart)
    if size is None or size < 1 or (apart < 1).any():
        return None
    name, season = _MONTHS.get(int(size), (f"{int(size)} months", 1))
    for unit in (FIRST, LAST):
        if (_working_day(months, unit) == days).all():
            day = unit.removeprefix("month's ")
            return Frequency(f"{name}, on its {day}", season, unit, int(size))
    within = (days - months.astype("datetime64[D]")).astype(np.int64)
    short = within < within.max()
    if (_at_month_end(days) | ~short).all():
        return Frequency(name, season, "month", int(size))
    return None


def _working_day(months: np.ndarray, unit: str) -> np.ndarray:
    """The first or the last working day of each month."""
    if unit == FIRST:
        return np.asarray(np.busday_offset(months.astype("datetime64[D]"), 0, roll="forward"))
    return np.asarray(np.busday_offset((months + 1).astype("datetime64[D]"), -1, roll="forward"))


def steps_between(times: np.ndarray, frequency: Frequency) -> np.ndarray | None:
    """How many steps lie between neighbours, int64 (T - 1,); None if some time lies off the grid of its predecessor."""
    if frequency.unit == "row":
        return np.ones(max(0, len(times) - 1), dtype=np.int64)
    if frequency.unit == "step":
        exact = np.diff(times) / frequency.size
        steps = np.round(exact)
        return steps.astype(np.int64) if np.allclose(exact, steps, atol=1e-6) else None
    if frequency.unit == "us":
        whole, rest = np.divmod(np.diff(times).astype(np.int64), int(frequency.size))
        return None if rest.any() else whole
    days = times.astype("datetime64[D]")
    if frequency.unit == "business day":
        return np.asarray(np.busday_count(days[:-1], days[1:]), dtype=np.int64)
    whole, rest = np.divmod(np.diff(times.astype("datetime64[M]").astype(np.int64)), int(frequency.size))
    return None if rest.any() else whole


def _usual(differences: np.ndarray) -> float | None:
    values, counts = np.unique(differences, return_counts=True)
    best = int(counts.argmax())
    return values[best].item() if counts[best] * 2 >= len(differences) else None
