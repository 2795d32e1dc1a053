"""Steps that are rows: trading days, shifts, events. Found by what the times do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.data.series.frequency import Frequency, frequency_of, steps_between, week_start

_DAY = np.timedelta64(86_400_000_000, "us")
_WEEK = 7 * _DAY
_WEEK_US = int(_WEEK.astype(np.int64))
#: A slot of the week is open if rows stand in this share of its weeks; rows in others are exceptions, so many at most.
_OPEN, _EXCEPTIONS = 0.5, 0.05
#: Of the times in open slots that are not in the data (holidays), the largest share, and the most days in a row.
_CLOSED_SHARE, _CLOSED_DAYS = 0.1, 12
#: Rows of a series without a usual step, from which on they are believed to be events.
_LEAST_EVENTS = 20
#: Weeks that times must cover before a calendar is believed; slots of one that is remembered.
_LEAST_WEEKS, _MOST_SLOTS = 3, 2_016


def row_steps(series: Sequence[np.ndarray]) -> Frequency | None:
    """The calendar of series whose steps are rows; None where steps of time explain the times, or nothing does.

    Steps are rows where the gaps between equal steps keep to a calendar of the week (no Sundays, no nights) or are
    single days off of working days (holidays), and where times have no usual step at all.

    Args:
        series: the times of each, rising, datetime64[us] of the wall clock or plain numbers.
    """
    series = [times for times in series if len(times) > 2]
    steps = [frequency_of(times) for times in series]
    if not series or not any(_is_broken(times, step) for times, step in zip(series, steps, strict=True)):
        return None
    if all(step is None for step in steps):
        return as_rows(series) if max(map(len, series)) >= _LEAST_EVENTS else None
    if any(times.dtype.kind != "M" for times in series):
        return None
    rows = as_rows(series)
    # Where every step of the week is open, what lies between is no calendar but a time that is wrong.
    if any(step is not None and step.unit == "us" and len(rows.slots) * step.size >= _WEEK_US for step in steps):
        return None
    # With one slot a week the step is the week, and one that is not there is missing.
    return rows if len(rows.slots) > 1 and _only_closed(series, rows.slots) else None


def _is_broken(times: np.ndarray, step: Frequency | None) -> bool:
    between = None if step is None else steps_between(times, step)
    return between is None or bool((between != 1).any())


def as_rows(series: Sequence[np.ndarray]) -> Frequency:
    """Rows as steps, with the calendar of the week that they keep to, if they do."""
    gaps = np.concatenate([np.diff(times) for times in series if len(times) > 1] or [np.ones(1)])
    if gaps.dtype.kind != "m":
        return Frequency("1 row", 1, "row", float(np.median(gaps)))
    size = float(np.median(gaps.astype("timedelta64[us]").astype(np.int64)))
    slots = _weekly_slots(series)
    if not slots:
        return Frequency("1 row", 1, "row", size)
    days = {slot // int(_DAY.astype(np.int64)) for slot in slots}
    per_day = len(slots) // len(days)
    if per_day > 1:
        return Frequency(f"1 row, {_days_text(days)} at {per_day} times a day", per_day, "row", size, slots)
    return Frequency(f"1 row, {_days_text(days)}", max(1, len(slots)), "row", size, slots)


def _days_text(days: set[int]) -> str:
    if days == set(range(5)):
        return "working days"
    names = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
    if len(days) == 7:
        return "every day"
    return (
        ", ".join(names[day] for day in sorted(days))
        if len(days) < 5
        else ("every day but " + ", ".join(names[day] for day in range(7) if day not in days))
    )


def _weekly_slots(series: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The slots of the week, in microseconds after Monday 0:00, in which nearly all times lie; empty if there are
    none."""
    weeks = sum(float((times[-1] - times[0]) / _WEEK) for times in series)
    if weeks < _LEAST_WEEKS:
        return ()
    slots, counts = np.unique(
        np.concatenate([(times - week_start(times)).astype(np.int64) for times in series]), return_counts=True
    )
    usual = counts >= _OPEN * weeks
    if not usual.any() or usual.sum() > _MOST_SLOTS or counts[~usual].sum() > _EXCEPTIONS * counts.sum():
        return ()
    return tuple(slots[usual].tolist())


def _only_closed(series: Sequence[np.ndarray], slots: tuple[int, ...]) -> bool:
    """Whether what is missing in the open slots is whole days off, few and short, so that nothing was lost."""
    week = np.array(slots, dtype="timedelta64[us]")
    everywhere = len({slot // int(_DAY.astype(np.int64)) for slot in slots}) == 7
    expected, missing = 0, 0
    for times in series:
        first = week_start(times[:1])[0]
        weeks = int((times[-1] - first) / _WEEK) + 1
        due = (first + np.arange(weeks)[:, None] * _WEEK + week).ravel()
        due = due[(due >= times[0]) & (due <= times[-1])]
        absent = due[~np.isin(due, times)]
        expected += len(due)
        missing += len(absent)
        off = np.unique(absent.astype("datetime64[D]"))
        if np.isin(off, times.astype("datetime64[D]")).any():
            return False
        # A day that is never closed on the calendar, and lies between others, was lost.
        if len(off) and everywhere:
            return False
        runs = np.split(off, np.flatnonzero(np.diff(off) > np.timedelta64(3, "D")) + 1)
        if any(len(run) > _CLOSED_DAYS for run in runs):
            return False
    return missing <= _CLOSED_SHARE * max(expected, 1)
