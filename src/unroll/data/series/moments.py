"""The times of a column, whatever it holds: dates, seconds since 1970, dates as numbers, years or step numbers."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.data.table.times import guess_notations, parse_times, to_datetime64

#: Seconds since 1970 of the years 1990 and 2100: numbers between them are moments, and steps of no one's counting.
_FIRST, _LAST = 631_152_000, 4_102_444_800
#: Columns that are looked at.
_LOOKED_AT = 40
#: How many of a unit make a second, and in words.
_UNITS = ((1, "seconds"), (10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds"))


#: A time of day in a column of its own; what it takes to be one, and names of columns that go on with a year or a date.
_OF_DAY = r"^\d{1,2}[:.]\d{2}([:.]\d{2}(\.\d{1,6})?)?$"
_MONTH, _DAY, _HOUR = (re.compile(f"(?i)^({names})$") for names in ("month|mon|mo|월", "day|dom|일", "hour|hr|hh|시"))
_YEAR = re.compile("(?i)^(year|yr|yyyy|년|년도|연도)$")


def moments(table: Table, column: str) -> np.ndarray:
    """The times of a column, (rows,) datetime64[us], or float64 where it holds years or step numbers.

    What further columns say of the same times (`further`) is added.

    Raises:
        DataError: it holds something else, with file and line.
    """
    if table.kinds.get(column) is not Kind.NUMBER:
        times = table.times(column)
    else:
        values = table.numbers(column)
        read = from_numbers(values)
        times = values if read is None else read[0]
    for name, held in _completing(table, column):
        if _MONTH.match(name):
            years = np.where(np.isnan(times), 1970, times).astype(np.int64) - 1970
            months = years.astype("datetime64[Y]").astype("datetime64[M]") + (held - 1)
            times = months.astype("datetime64[us]")
        elif _DAY.match(name):
            times = times + (held - 1).astype("timedelta64[D]")
        else:
            times = times + (held if held.dtype.kind == "m" else held.astype("timedelta64[h]"))
    return times


def further(table: Table, column: str) -> tuple[str, ...]:
    """The columns that go on where a column of times ends: month and day of a year, the time of day of a date."""
    return tuple(name for name, _ in _completing(table, column))


def _completing(table: Table, column: str) -> list[tuple[str, np.ndarray]]:
    """The columns that go on where a column of times ends, and what they hold: whole numbers or times of day."""
    others = [name for name in table.columns[:_LOOKED_AT] if name != column]

    def first(names: re.Pattern[str], least: int, most: int) -> list[tuple[str, np.ndarray]]:
        held = ((name, _whole(table, name, least, most)) for name in others if names.match(name))
        return [(name, values) for name, values in held if values is not None][:1]

    if table.kinds.get(column) is Kind.NUMBER and _YEAR.match(column):
        months = first(_MONTH, 1, 12)
        days = first(_DAY, 1, 31) if months else []
        return [*months, *days, *(first(_HOUR, 0, 24) if days else [])]
    if table.kinds.get(column) is not Kind.TIME or ":" in table.texts(column)[0]:
        return []
    for name in others:
        if table.kinds[name] is Kind.TEXT and (of_day := _of_day(table, name)) is not None:
            return [(name, of_day)]
    return first(_HOUR, 0, 24)


def _whole(table: Table, name: str, least: int, most: int) -> np.ndarray | None:
    """Whole numbers within bounds, int64 (rows,); None if the column holds anything else."""
    if table.kinds[name] is not Kind.NUMBER:
        return None
    values = table.numbers(name)
    if np.isnan(values).any() or (values != np.floor(values)).any() or values.min() < least or values.max() > most:
        return None
    return values.astype(np.int64)


def _of_day(table: Table, name: str) -> np.ndarray | None:
    """Times of day, timedelta64[us] (rows,); None if a cell holds anything else."""
    found = []
    for block in table.text_blocks(name):
        if block.null_count or not pc.all(pc.match_substring_regex(block, _OF_DAY)).as_py():
            return None
        for cell in block.to_pylist():
            hour, minute, *second = re.split("[:.]", cell, maxsplit=2)
            found.append((int(hour) * 60 + int(minute)) * 60 + float((second or ["0"])[0].replace(":", ".")))
    return np.rint(np.array(found) * 1e6).astype(np.int64).astype("timedelta64[us]")


def from_numbers(values: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Numbers that are moments, as such, and what they are in words; None if they are plain numbers.

    >>> from_numbers(np.array([1.7e9, 1.7e9 + 60]))[1], from_numbers(np.array([20240131.0]))[1]
    ('seconds since 1970', 'yearmonthday')
    >>> from_numbers(np.array([1999.0, 2000.0])) is None
    True
    """
    known = values[~np.isnan(values)]
    if len(known) == 0 or not np.isfinite(known).all():
        return None
    for per_second, unit in _UNITS:
        if known.min() >= _FIRST * per_second and known.max() < _LAST * per_second:
            held = np.where(np.isnan(values), 0.0, values)
            # Microseconds of today are exact in a float64.
            exact = np.rint(held * (10**6 / per_second)).astype(np.int64).astype("datetime64[us]")
            return np.where(np.isnan(values), np.datetime64("NaT", "us"), exact), f"{unit} since 1970"
    if (known != np.floor(known)).any() or known.min() < 1e5 or known.max() >= 1e8:
        return None
    cells = pa.array([None if np.isnan(value) else str(int(value)) for value in values], pa.large_string())
    names = guess_notations(cells)
    return (to_datetime64(parse_times(cells, names[0])), names[0]) if names else None
