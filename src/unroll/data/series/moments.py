"""The times of a column, whatever it holds: dates, seconds since 1970, dates as numbers, years or step numbers."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from unroll.data.series.changes import lengths_advice
from unroll.data.series.pieces import completing, together
from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.data.table.times import guess_notations, moves_evenly, parse_times, to_datetime64
from unroll.errors import DataError

#: Seconds since 1970 of the years 1990 and 2100: numbers between them are moments, and steps of no one's counting.
_FIRST, _LAST = 631_152_000, 4_102_444_800
#: Days since the end of 1899, as spreadsheets write dates, of the years 1985 and 2060; and columns that hold dates.
_FIRST_DAY, _LAST_DAY, _DAY_ZERO = 31_048, 58_441, np.datetime64("1899-12-30", "us")
_DATED = re.compile(
    r"(?i)(^|[\W_])(date|day|datetime|date[_ ]?time|timestamp|when|ds|month|week|period|quarter)([\W_]|$)"
    r"|날짜|일자|일시|년월|시점|기준일|시간|시각|주차|분기|日付|日期|日時|(^|[\W_])(datum|zeit|zeitstempel|fecha|dato)([\W_]|$)"
)
#: Numbers between which the digits of a date and an hour, and perhaps a minute and a second, are: of 1900 to 2200.
_BARE = (1_900_010_100, 22_000_000_000_000)
#: How columns of years with shares are called, the fewest that tell them, and how far a share is from a month's.
_YEARS = re.compile(r"(?i)(^|[\W_])(time|date|year|yr|decimal|t|index)([\W_]|$)|연도|년도|시간|시점|datum|jahr")
_LEAST_SHARES, _AWAY = 6, 0.12
#: How many of a unit make a second, and in words.
_SINCE = " since 1970"
_UNITS = ((1, "seconds"), (10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds"))


#: A step that is counted, in words.
_COUNTED = re.compile(r"(?i)((?:d|day|t|step|w|week|wk|m|month|period|h|hour|q|quarter|y|year)[ _-]?)(\d{1,9})")


def moments(table: Table, column: str, zone: str | None = None) -> np.ndarray:
    """The times of a column, (rows,) datetime64[us], or float64 where it holds years or step numbers.

    What further columns say of the same times (`further`) is added; where they count hours, those of a zone's days.

    Raises:
        DataError: it holds something else, with file and line.
    """
    if is_counted(table, column):
        found = (_COUNTED.fullmatch(cell.strip()) for cell in table.texts(column))
        return np.array([float(match[2]) for match in found if match is not None])
    if table.kinds.get(column) is not Kind.NUMBER:
        times = table.times(column)
    else:
        read = _numbers_as_moments(table, column)
        times = table.numbers(column) if read is None else read[0]
    return together(times, completing(table, column), zone)


def further(table: Table, column: str) -> tuple[str, ...]:
    """The columns that go on where a column of times ends: month and day of a year, the time of day of a date."""
    return tuple(piece.name for piece in completing(table, column))


def further_forms(table: Table, column: str) -> dict[str, str]:
    """How each column that goes on where a column of times ends says it, as `add_cells` takes it."""
    return {piece.name: piece.form for piece in completing(table, column)}


def check_counted(table: Table, column: str) -> None:
    """Refuse hours or half hours that are counted through changes of a clock which nobody has named.

    Raises:
        DataError: a day has 23 or 25 hours; with the zones whose days those are.
    """
    piece = next((own for own in completing(table, column) if own.counted is not None), None)
    if piece is None or piece.counted is None:
        return
    per_hour = 2 if piece.form == "half hour" else 1
    days, owner = np.unique(table.times(column).astype("datetime64[D]"), return_inverse=True)
    most = np.zeros(len(days), np.int64)
    np.maximum.at(most, owner.reshape(-1), piece.counted)
    inside = (np.arange(len(days)) > 0) & (np.arange(len(days)) < len(days) - 1)
    # The first and the last day may be cut.
    odd = np.flatnonzero((most == 25 * per_hour) | ((most == 23 * per_hour) & inside))
    lengths = [int(most[at]) // per_hour for at in odd]
    advice = lengths_advice(days[odd], lengths) if len(odd) else None
    # A day may lack its last hour; one that has an hour more changes the clock.
    if advice is None and not any(hours > 24 for hours in lengths):
        return
    first = int((owner.reshape(-1) == odd[0]).argmax())
    raise DataError(
        f"columns '{column}' and '{piece.name}': {days[odd[0]]} has {most[odd[0]]} {piece.form}s, as where clocks"
        f" change; {advice or 'name the zone with --set data.zone=ZONE'}",
        *table.place(first),
    )


def is_counted(table: Table, column: str) -> bool:
    """Whether a column of texts counts steps, each a number behind one word: d_1, d_2, or week 1, week 2."""
    if table.kinds.get(column) is not Kind.TEXT:
        return False
    found = (_COUNTED.fullmatch(cell.strip()) for cell in table.texts(column))
    first = _COUNTED.fullmatch(table.texts(column)[0].strip())
    # H1, H2, ... under any other name than that of hours are names of series.
    if first is None or not column.strip().casefold().startswith(first[1].strip(" _-").casefold()):
        return False
    return all(match is not None and match[1] == first[1] for match in found)


def offsets_of(table: Table, column: str, zone: str | None) -> np.ndarray | None:
    """The offsets from UTC of the times of a column, (rows,) minutes; None if they are those of a clock on the wall.

    Numbers that count from 1970 on are in UTC, which says something where a zone is named.
    """
    if zone is not None and since_1970(table, column):
        return np.zeros(len(table), np.int64)
    return table.offsets(column)


def since_1970(table: Table, column: str) -> bool:
    """Whether a column holds numbers that count from 1970 on: moments of UTC, whatever a clock showed."""
    read = _numbers_as_moments(table, column) if table.kinds.get(column) is Kind.NUMBER else None
    return read is not None and read[1].endswith(_SINCE)


def _numbers_as_moments(table: Table, column: str) -> tuple[np.ndarray, str] | None:
    """As `from_numbers`, of a column of numbers, whose name may promise a date or a year."""
    values = table.numbers(column)
    read = from_numbers(values, dated=_DATED.search(column) is not None)
    return _from_shares(values) if read is None and _YEARS.search(column) is not None else read


def said_of(table: Table, column: str) -> str | None:
    """What the numbers of a column of times are, in words, with the first as an example; None of plain ones."""
    if table.kinds.get(column) is not Kind.NUMBER:
        return None
    read = _numbers_as_moments(table, column)
    if read is None:
        return None
    values = table.numbers(column)
    at = int((~np.isnan(values)).argmax())
    return f"'{column}' holds {read[1]}: {values[at]:.15g} is {str(read[0][at])[:19].replace('T', ' ')}"


def from_numbers(values: np.ndarray, *, dated: bool = False) -> tuple[np.ndarray, str] | None:
    """Numbers that are moments, as such, and what they are in words; None if they are plain numbers.

    Args:
        values: (rows,)
        dated: whether they stand under the name of a date, as the days since 1899 of spreadsheets do.

    >>> from_numbers(np.array([1.7e9, 1.7e9 + 60]))[1], from_numbers(np.array([20240131.0]))[1]
    ('seconds since 1970', 'yearmonthday')
    >>> from_numbers(np.array([45292.0, 45292.5]), dated=True)[0].astype(str).tolist()
    ['2024-01-01T00:00:00.000000', '2024-01-01T12:00:00.000000']
    >>> from_numbers(np.array([1999.0, 2000.0])) is None
    True
    """
    known = values[~np.isnan(values)]
    if len(known) == 0 or not np.isfinite(known).all():
        return None
    bare = _from_digits(values) if known.min() >= _BARE[0] and known.max() < _BARE[1] else None
    if bare is not None:
        return bare
    for per_second, unit in _UNITS:
        if known.min() >= _FIRST * per_second and known.max() < _LAST * per_second:
            held = np.where(np.isnan(values), 0.0, values)
            # Microseconds of today are exact in a float64.
            exact = np.rint(held * (10**6 / per_second)).astype(np.int64).astype("datetime64[us]")
            return np.where(np.isnan(values), np.datetime64("NaT", "us"), exact), f"{unit}{_SINCE}"
    if dated and known.min() >= _FIRST_DAY and known.max() < _LAST_DAY:
        return _from_days(values), "days of a spreadsheet"
    if dated and (periods := _from_periods(values)) is not None:
        return periods
    return _from_digits(values) if known.min() >= 1e5 and known.max() < 1e8 else None


def _from_digits(values: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Numbers whose digits are those of dates, and perhaps of hours, as moments; None if they are no such."""
    known = values[~np.isnan(values)]
    if (known != np.floor(known)).any():
        return None
    cells = pa.array([None if np.isnan(value) else str(int(value)) for value in values], pa.large_string())
    names = guess_notations(cells)
    if not names and known.max() < 1e10 and (known % 100 == 24).any():
        # Hours that end: the last of a day is its 24th.
        read = _from_digits(values - values % 100)
        hours = np.where(np.isnan(values), 0, values % 100).astype("timedelta64[h]")
        return None if read is None or (known % 100 > 24).any() else (read[0] + hours, read[1])
    return (to_datetime64(parse_times(cells, names[0])), names[0]) if names else None


def _from_periods(values: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Numbers that are years with weeks, 202453, or with quarters, 2024.4, as moments; None if they are no such."""
    if np.isnan(values).any():
        return None
    years, weeks = np.floor(values / 100), values % 100
    if (weeks == np.floor(weeks)).all() and weeks.min() >= 1 and 12 < weeks.max() <= 53 and _are_years(years):
        cells = [f"{year:.0f}W{week:02.0f}" for year, week in zip(years, weeks, strict=True)]
        return _in_order(cells, "year-W week", "a year and a week")
    years, quarters = np.floor(values), np.rint(values % 1 * 10)
    even = np.abs(values - years - quarters / 10).max() < 1e-6
    if even and set(quarters.tolist()) == {1.0, 2.0, 3.0, 4.0} and _are_years(years):
        cells = [f"{year:.0f}Q{quarter:.0f}" for year, quarter in zip(years, quarters, strict=True)]
        return _in_order(cells, "year Q quarter", "a year and a quarter")
    return None


def _from_shares(values: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Years with the share that has passed, 1959.0833 for February, as moments; None if they are no such.

    They may be those of the beginnings of months, or of their middles.
    """
    if len(values) < _LEAST_SHARES or np.isnan(values).any() or not _are_years(values):
        return None
    months = values % 1 * 12
    for begins in (0.0, 0.5):
        counted = np.rint(months - begins)
        if np.abs(months - begins - counted).max() > _AWAY or not counted.any():
            continue
        since = (np.floor(values) - 1970) * 12 + counted
        times = since.astype(np.int64).astype("datetime64[M]").astype("datetime64[us]")
        # Years of which one in a while has a share count something else.
        return (times, "years with the share that has passed") if moves_evenly(times) else None
    return None


def _are_years(values: np.ndarray) -> bool:
    return bool(values.min() >= 1800 and values.max() < 2200)


def _in_order(cells: list[str], notation: str, words: str) -> tuple[np.ndarray, str] | None:
    """The times of cells; None where one is none, or they do not move from one step to the next."""
    times = to_datetime64(parse_times(pa.array(cells), notation))
    return (times, words) if not np.isnat(times).any() and moves_evenly(times) else None


def _from_days(values: np.ndarray) -> np.ndarray:
    """Days since the end of 1899 as moments, to the second; to the minute where the seconds are but rounding."""
    held = np.where(np.isnan(values), 0.0, values)
    seconds = np.rint(held * 86_400).astype(np.int64)
    minutes = np.rint(held * 1_440).astype(np.int64) * 60
    exact = minutes if (np.abs(seconds - minutes) <= 1).all() else seconds
    moments = _DAY_ZERO + exact.astype("timedelta64[s]").astype("timedelta64[us]")
    return np.where(np.isnan(values), np.datetime64("NaT", "us"), moments)
