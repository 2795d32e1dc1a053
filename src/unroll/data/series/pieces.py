"""Times whose parts stand in columns of their own: the month of a year, the hour of a date, the minute of an hour."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.series.clock import to_instants, to_wall
from unroll.data.table.kinds import Kind
from unroll.data.table.notations import MONTHS
from unroll.data.table.spelling import plain_spelling
from unroll.data.table.table import Table

#: Columns that are looked at.
_LOOKED_AT = 40
_YEAR = re.compile("(?i)^(year|yr|yyyy|년|년도|연도)$")
#: A part as a number, perhaps with a word or a letter beside it: 3, M03, W05, Q1, 3월, 24시.
_PART = re.compile(r"(?i)^(?:[QMWH]|WK ?|Week )?0*([0-9]{1,3})(?: ?(?:월|일|시|분|초|분기|주|주차|Q|h))?$")
_MONTH_NAME = re.compile(f"(?i)^({'|'.join(MONTHS)})[a-z]{{0,6}}\\.?$")
#: A time of day; without minutes it names its half of the day.
_OF_DAY = re.compile(
    r"^(?P<ko>오[전후])? ?(?P<hour>\d{1,2})(?P<rest>[:.]\d{2}(?:[:.]\d{2}(?:\.\d{1,6})?)?)? ?(?P<en>[AaPp]\.?[Mm]\.?)?$"
)
#: A span of the day is the time at which it begins.
_SPAN = re.compile(r"(?<=[0-9시]) ?[-~–] ?[0-9]{1,2}(?::[0-9]{2}|시)$")
_OF_DAY_NAME = re.compile(r"(?i)^<?(time|hhmm|hrmn|hms|hour|hr|시간|시각|시간대|tm)>?$")
#: What stands between letters and signs of a name says the same: Hour Ending, hour_ending.
_BETWEEN = re.compile(r"[\W_]+")
#: A part of a time as Power BI and OLAP cubes name it, behind its table: Date[Year].
_OF_TABLE = re.compile(r"(?i).*\[(year|quarter|month|week|day|hour|date|연도|년도|분기|월|일|날짜)\]$")


class Piece(NamedTuple):
    """A column that goes on where another column of times ends.

    Attributes:
        name: of the column.
        add: takes times (rows,) datetime64[us] and gives them with what the column says of them.
        form: how its cells say it, as `add_cells` takes it.
        counted: (rows,) where it counts the hours or half hours that have passed of a day, of which there may be 23 or
            25: the number of each, from 1; None where it says what a clock shows.
    """

    name: str
    add: Callable[[np.ndarray], np.ndarray]
    form: str
    counted: np.ndarray | None = None


class _Part(NamedTuple):
    """Whole numbers within bounds, under usual names, and the unit of which they count so many."""

    form: str
    names: re.Pattern[str]
    least: int
    most: int
    unit: str
    size: int = 1


def _part(form: str, names: str, least: int, most: int, unit: str, size: int = 1) -> _Part:
    return _Part(form, re.compile(f"(?i)^({names})$"), least, most, unit, size)


_MONTH = _part("month", "month|mon|mo|mnth|mm|period|월", 1, 12, "M")
_QUARTER = _part("quarter", "quarter|qtr|qrt|분기", 1, 4, "M", 3)
_WEEK = _part("week", "week|wk|weeknum|weekno|weeknumber|weekofyear|isoweek|epiweek|주|주차", 1, 53, "W")
_DAY_OF_YEAR = _part("day of year", "doy|dayofyear|yday|julianday|jday", 1, 366, "D")
_DAY = _part("day", "day|dom|dy|dd|mday|dayofmonth|일", 1, 31, "D")
_HOUR = _part("hour", "(?:opr?|oper|delivery|trading|market|mkt)?(?:hour|hr|he)|hh|hourending|hourofday|시", 0, 25, "h")
#: These may as well say how long something took: they are hours of days that come again.
_TIME = _part("hour of day", "time|시간|시간대|시각", 0, 24, "h")
_MINUTE = _part("minute", "minute|min|mn|mi|분", 0, 59, "m")
_SECOND = _part("second", "second|sec|ss|초", 0, 59, "s")
_HALF_HOUR = _part("half hour", "settlementperiod|halfhour|halfhourperiod", 1, 50, "m", 30)
#: All that are no names of series where a column of dates or years is there.
_ALL = (_MONTH, _QUARTER, _WEEK, _DAY_OF_YEAR, _HOUR, _TIME, _MINUTE, _SECOND, _HALF_HOUR)
_BY_FORM = {part.form: part for part in (*_ALL, _DAY)}
#: How a cell says the time of day: as a clock shows it, or in digits, 930 and 1745, or 93000 with seconds.
_CLOCK, _HHMM, _HHMMSS = "time of day", "hhmm", "hhmmss"


def is_year(table: Table, column: str) -> bool:
    """Whether a column of numbers or times holds years by its name."""
    return table.kinds.get(column) in (Kind.NUMBER, Kind.TIME) and _YEAR.match(own_name(column)) is not None


def own_name(column: str) -> str:
    """How a part of a time is called without the table that it stands in.

    >>> own_name("Date[Year]"), own_name("Load[kW]")
    ('Year', 'Load[kW]')
    """
    found = _OF_TABLE.fullmatch(column.strip())
    return column if found is None else found[1]


def completing(table: Table, column: str) -> list[Piece]:
    """The columns that go on where a column of times ends: they stand for it together."""
    others = [name for name in table.columns[:_LOOKED_AT] if name != column]
    if is_year(table, column):
        for part in (_QUARTER, _WEEK, _DAY_OF_YEAR):
            found = _first(table, others, part)
            # A month says more than its quarter, and the day of a month more than its week.
            if found and not _first(table, others, _MONTH):
                return [*found, *(_clock(table, others, column, found) if part is _DAY_OF_YEAR else [])]
        months = _first(table, others, _MONTH)
        days = [*months, *_first(table, others, _DAY)] if months else []
        return [*days, *_clock(table, others, column, days)] if len(days) > 1 else days
    if table.kinds.get(column) is not Kind.TIME or ":" in table.texts(column)[0]:
        return []
    return _clock(table, others, column, [])


def together(times: np.ndarray, pieces: Sequence[Piece], zone: str | None = None) -> np.ndarray:
    """Times (rows,), years as numbers or moments, with what pieces say of them.

    Args:
        times: of a wall clock.
        pieces: what goes on where they end.
        zone: whose clock it is: hours that are counted go on through its changes. None: every day has 24.
    """
    if pieces and times.dtype.kind == "f":
        times = first_days(times)
    for piece in pieces:
        if piece.counted is None or zone is None:
            times = piece.add(times)
        else:
            times = to_wall(to_instants(times, zone) + (piece.add(times) - times), zone)
    return times


def first_days(years: np.ndarray) -> np.ndarray:
    """The first moments of years (rows,) float64; NaT where one is missing."""
    missing = np.isnan(years)
    counted = np.where(missing, 1970, years).astype(np.int64) - 1970
    return np.where(missing, np.datetime64("NaT", "us"), counted.astype("datetime64[Y]").astype("datetime64[us]"))


def names_part(name: str) -> bool:
    """Whether a column is called as a part of a time: its values name no series."""
    return _is_called(name, *_ALL) or _OF_DAY_NAME.match(name.strip()) is not None


def _is_called(name: str, *parts: _Part) -> bool:
    plain = _BETWEEN.sub("", own_name(name))
    return any(part.names.match(plain) for part in parts)


def _clock(table: Table, others: list[str], column: str, days: Sequence[Piece]) -> list[Piece]:
    """The columns of the time of day, beside a column of dates or of years, to which pieces add their days."""

    def comes_again() -> bool:
        times = table.numbers(column) if table.kinds[column] is Kind.NUMBER else table.times(column)
        times = together(times, days)
        return len(np.unique(times)) < len(times)

    for name in others:
        found = _of_day(table, name, comes_again)
        if found is not None:
            return [Piece(name, functools.partial(np.add, _as_moments(found[0])), found[1])]
    half_hours = _first(table, others, _HALF_HOUR)
    if half_hours:
        return half_hours
    hours = _first(table, others, _HOUR)
    if not hours and any(_is_called(name, _TIME) for name in others) and comes_again():
        hours = _first(table, others, _TIME)
    minutes = _first(table, others, _MINUTE) if hours else []
    return [*hours, *minutes, *(_first(table, others, _SECOND) if minutes else [])]


def _first(table: Table, others: list[str], part: _Part) -> list[Piece]:
    for name in others:
        held = _whole(table, name, part) if _is_called(name, part) else None
        if held is not None:
            counts = part is _HALF_HOUR or (part is _HOUR and held.max() == part.most)
            if counts and held.min() < 1:
                return []
            return [Piece(name, _adding(part, held), part.form, held if counts else None)]
    return []


def _adding(part: _Part, held: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    counted = (held - part.least) * part.size

    def add(times: np.ndarray) -> np.ndarray:
        if part.unit == "M":
            return np.asarray(times.astype("datetime64[M]") + counted, dtype="datetime64[us]")
        if part.unit == "W":
            # The first week of ISO 8601 is that of the fourth of January; the first day of 1970 was a Thursday.
            fourth = times.astype("datetime64[D]") + 3
            monday = fourth - ((fourth.astype(np.int64) + 3) % 7)
            return np.asarray(monday + 7 * counted, dtype="datetime64[us]")
        return np.asarray(times + counted.astype(f"timedelta64[{part.unit}]"), dtype="datetime64[us]")

    return add


def _whole(table: Table, name: str, part: _Part) -> np.ndarray | None:
    """Whole numbers within the bounds of a part, int64 (rows,); None if the column holds anything else."""
    if table.kinds[name] is Kind.NUMBER:
        values = table.numbers(name)
    elif table.kinds[name] is Kind.TEXT:
        values = _each(table, name, lambda cell: _number_of(cell, months=part is _MONTH))
    else:
        return None
    if np.isnan(values).any() or (values != np.floor(values)).any():
        return None
    if values.min() < part.least or values.max() > part.most:
        return None
    return values.astype(np.int64)


def _number_of(cell: str, *, months: bool) -> float:
    month = _MONTH_NAME.match(cell) if months else None
    if month is not None:
        return float(MONTHS.index(month[1].lower()) + 1)
    found = _PART.match(_SPAN.sub("", cell))
    return np.nan if found is None else float(found[1])


def _number_in(cell: str, *, months: bool) -> float:
    """As `_number_of`, or a plain number."""
    found = _number_of(cell, months=months)
    if np.isnan(found):
        with contextlib.suppress(ValueError):
            found = float(cell)
    return found if np.isfinite(found) else np.nan


def _of_day(table: Table, name: str, comes_again: Callable[[], bool]) -> tuple[np.ndarray, str] | None:
    """Times of day in seconds, float64 (rows,), and how cells say them; None if a cell holds anything else."""
    if table.kinds[name] is Kind.TEXT:
        seconds, form = _each(table, name, _seconds_of), _CLOCK
    elif table.kinds[name] is Kind.NUMBER and _OF_DAY_NAME.match(name.strip()) and comes_again():
        values = table.numbers(name)
        if np.isnan(values).any() or values.max() <= _HOUR.most:
            return None
        form = _HHMM if values.max() <= 2400 else _HHMMSS
        seconds = _seconds_of_digits(values, form)
    else:
        return None
    return None if np.isnan(seconds).any() else (seconds, form)


def _as_moments(seconds: np.ndarray) -> np.ndarray:
    return np.rint(seconds * 1e6).astype(np.int64).astype("timedelta64[us]")


def add_cells(times: np.ndarray, cells: Sequence[str], form: str) -> np.ndarray:
    """Times (rows,) datetime64[us] with what the cells of a further column say; NaT where one says nothing of the kind.

    >>> add_cells(np.array(["2024-01-31", "2024-01-31"], "datetime64[us]"), ["9:30 pm", "?"], "time of day").tolist()[0]
    datetime.datetime(2024, 1, 31, 21, 30)
    """
    part = _BY_FORM.get(form)
    if form == _CLOCK:
        held = np.array([_seconds_of(cell.strip()) for cell in cells])
    else:
        held = np.array([_number_in(cell.strip(), months=part is _MONTH) for cell in cells])
        if part is None:
            held = _seconds_of_digits(held, form)
        else:
            held[(held != np.floor(held)) | (held < part.least) | (held > part.most)] = np.nan
    wrong = np.isnan(held)
    plain = np.where(wrong, 0 if part is None else part.least, held)
    added = times + _as_moments(plain) if part is None else _adding(part, plain.astype(np.int64))(times)
    return np.where(wrong, np.datetime64("NaT", "us"), added)


def _seconds_of(cell: str) -> float:
    plain = _SPAN.sub("", cell)
    found = _OF_DAY.match(plain)
    if found is None or not any(found.group("ko", "rest", "en")):
        # Only what no clock shows needs the rules of spelling, which take a thousand times as long.
        found = _OF_DAY.match(plain_spelling(pa.array([plain]))[0].as_py())
    half = None if found is None else found["ko"] or found["en"]
    if found is None or not (found["rest"] or half):
        return np.nan
    hour, (minute, *second) = int(found["hour"]), (re.split("[:.]", found["rest"] or ":0", maxsplit=2)[1:])
    if half is not None:
        if not 1 <= hour <= 12:
            return np.nan
        hour = hour % 12 + 12 * (half == "오후" or half[0] in "Pp")
    return np.nan if hour > 24 else (hour * 60 + int(minute)) * 60 + float((second or ["0"])[0].replace(":", "."))


def _seconds_of_digits(values: np.ndarray, form: str) -> np.ndarray:
    """Seconds of numbers that are hours and minutes, 930 and 1745, or with seconds, 93000; NaN where they are none."""
    whole = np.where(np.isnan(values) | (values != np.floor(values)) | (values < 0), -1, values).astype(np.int64)
    whole = whole * 100 if form == _HHMM else whole
    hours, minutes, seconds = whole // 10_000, whole // 100 % 100, whole % 100
    wrong = (whole < 0) | (hours > 24) | (minutes > 59) | (seconds > 59)
    return np.where(wrong, np.nan, (hours * 60.0 + minutes) * 60 + seconds)


def _each(table: Table, name: str, read: Callable[[str], float]) -> np.ndarray:
    """What is read from each cell, float64 (rows,); a value that comes again is read once. NaN where one is none."""
    parts = []
    for block in table.text_blocks(name):
        coded = pc.dictionary_encode(block)
        known = []
        for cell in coded.dictionary.to_pylist():
            known.append(read(cell.strip()))
            # One that is none decides.
            if np.isnan(known[-1]):
                return np.full(len(table), np.nan)
        codes = pc.fill_null(coded.indices, len(known)).to_numpy(zero_copy_only=False)
        parts.append(np.array([*known, np.nan])[codes])
    return np.concatenate(parts) if parts else np.full(len(table), np.nan)
