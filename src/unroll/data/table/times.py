"""Dates and times written as text: which notation a column uses, and its values as datetime64[us]."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.notations import ALL, BARE_HOURS, MONTHS, OFFSET, SEASON, WEEKDAY, ZONED, looks_like
from unroll.data.table.spelling import may_be_time, plain_spelling

#: How the World Bank and Korea's statistics write the year of a step.
_YEAR = re.compile(r"(\d{4})(?: \[YR\1\]| ?년)")
#: Names of months, short or whole, as a pattern for each.
_MONTH_NAMES = tuple(
    rf"\b{short}({rest})?\b\.?"
    for short, rest in zip(
        MONTHS,
        ("uary", "ruary", "ch", "il", "", "e", "y", "ust", "t|tember", "ober", "ember", "ember"),
        strict=True,
    )
)
#: The first year of a season, and seasons from which they are told from months.
_FIRST_SEASON, _LEAST_SEASONS = 1500, 4
#: Stands between the notations of a column that fits two and makes no choice.
EITHER = "|"
#: Notations of numbers that are as often no times: they are times only where they make even steps.
_NUMBER_LIKE = ("yearmonth", "year.month", *(f"yearmonthday{hour}" for hour, _, _ in BARE_HOURS))
_BY_NAME = {name: (pattern, form) for name, pattern, form in ALL}
#: The end of a day as its last time; nobody's clock shows it.
_END_OF_DAY = r"([ T])24(:00(?::00(?:\.0+)?)?)$"
NOTATIONS = tuple(_BY_NAME)


def parse_times(cells: Any, notation: str) -> Any:
    """Parse an Arrow array of text; what does not fit becomes null.

    Args:
        cells: pyarrow array of strings, nulls allowed.
        notation: one of `NOTATIONS`.

    Returns:
        A pyarrow array of timestamp[us] (in UTC where the text names a zone) of the same length.
    """
    times = _read(cells, notation)
    # What no plain reading takes may be spelled otherwise.
    others = pc.and_(pc.is_null(times), pc.is_valid(cells))
    if not pc.any(others).as_py():
        return times
    return pc.replace_with_mask(times, others, _read(plain_spelling(cells.filter(others)), notation))


def _read(cells: Any, notation: str) -> Any:
    """Times of cells in plain spelling; null where one is none of this notation."""
    if notation not in _BY_NAME:
        fits = pc.fill_null(pc.match_substring_regex(cells, OFFSET.pattern), False)
        cells = pc.if_else(fits, cells, pa.scalar(None, cells.type))
        away = pa.array(_minutes(cells).astype("timedelta64[m]").astype("timedelta64[us]"))
        local = _read(pc.replace_substring_regex(cells, OFFSET.pattern, ""), notation.removesuffix(ZONED))
        return pc.subtract(local, away)
    pattern, form = _BY_NAME[notation]
    fits = pc.match_substring_regex(cells, "^(?:" + pattern.pattern + ")")
    cells = pc.if_else(pc.fill_null(fits, False), cells, pa.scalar(None, cells.type))
    late = pc.fill_null(pc.match_substring_regex(cells, _END_OF_DAY), False)
    if not pc.any(late).as_py():
        return _parsed(cells, form)
    times = _parsed(pc.replace_substring_regex(cells, _END_OF_DAY, r"\100\2"), form)
    return pc.if_else(late, pc.add(times, pa.scalar(datetime.timedelta(days=1), pa.duration("us"))), times)


def _parsed(cells: Any, form: str | None) -> Any:
    """The times of cells of one notation by its form."""
    if form is None or form == "zone":
        # Nanoseconds are cut off: times here have microseconds.
        cells = pc.replace_substring_regex(cells, r"(\.[0-9]{6})[0-9]{1,3}", r"\1")
        cells = pc.replace_substring_regex(cells, " ?(UTC|GMT)$", "Z")
        return _iso(cells, zone=form == "zone")
    if form == "week":
        return pa.array([_week(cell) for cell in cells.to_pylist()], pa.timestamp("us"))
    if form == "season":
        return pa.array([_season(cell) for cell in cells.to_pylist()], pa.timestamp("us"))
    cells = pc.utf8_lower(cells)
    if form.startswith("bare "):
        # Digits alone: what stands between them says nothing.
        return _bare(pc.replace_substring_regex(cells, "[^0-9]", ""), "%Y%m%d" + re.sub("[^%HMS]", "", form[5:]))
    if form == "%Y%m":
        # A number of six digits is longer than a month: the day comes to it.
        cells, form = (
            pc.binary_join_element_wise(cells, pa.scalar("01", cells.type), pa.scalar("", cells.type)),
            "%Y%m%d",
        )
    if form.endswith(" - "):
        # An interval is the time at which it begins.
        cells, form = pc.replace_substring_regex(cells, " - .*$", ""), form.removesuffix(" - ")
    if form.endswith(".f"):
        parts = pc.utf8_slice_codeunits(_joined(pc.replace_substring_regex(cells, r"^.*\.", ""), "000000", ""), 0, 6)
        cells, form = pc.replace_substring_regex(cells, r"\.\d+$", ""), form.removesuffix(".f")
        return pc.add(_strptime(_in_digits(cells, form), form), pc.cast(pc.cast(parts, pa.int64()), pa.duration("us")))
    if form.startswith("%"):
        return _strptime(_in_digits(cells, form), form)
    digits = pc.utf8_trim_whitespace(pc.replace_substring_regex(_with_month_numbers(cells), r"[^0-9]+", " "))
    if form == "korean":
        form = "year month day"
        month_only = pc.match_substring_regex(digits, r"^\d{4} \d{1,2}$")
        digits = pc.if_else(month_only, _joined(digits, "1"), digits)
    elif "quarter" in form:
        for quarter in range(4, 0, -1):
            place, month = (
                (f" {quarter}$", f" {3 * quarter - 2}")
                if form == "year quarter"
                else (
                    f"^{quarter} ",
                    f"{3 * quarter - 2} ",
                )
            )
            digits = pc.replace_substring_regex(digits, place, month)
        form = form.replace("quarter", "month")
    elif "half" in form:
        digits = pc.replace_substring_regex(pc.replace_substring_regex(digits, " 2$", " 7"), " 1$", " 1")
        form = form.replace("half", "month")
    if form == "year":
        digits, form = _joined(digits, "1"), "year month"
    letters = {"year": "%Y", "yr": "%y", "month": "%m", "day": "%d"}
    order = " ".join(letters[word] for word in form.split())
    if "day" not in form:
        digits, order = _joined(digits, "1"), order + " %d"
    return _strptime(digits, order)


def _strptime(cells: pa.Array, form: str) -> pa.Array:
    """Times of cells that begin with a digit; null for days that a month does not have, which C's strptime moves on."""
    times = pc.strptime(cells, format=form, unit="us", error_is_null=True)
    if "%d" not in form:
        return times
    # C's strptime takes "2018 1" for month, year and day: a cell must have as many numbers as its form has parts.
    parts = re.findall("%([A-Za-z])", form)
    digits = r"^[0-9]{8}$" if form == "%Y%m%d" else rf"^[0-9]+([^0-9]+[0-9]+){{{len(set(parts) - {'p'}) - 1}}}"
    whole = pc.and_(pc.is_valid(times), pc.fill_null(pc.match_substring_regex(cells, digits), False))
    times = pc.if_else(whole, times, pa.scalar(None, times.type))
    cells = pc.if_else(whole, cells, pa.scalar("11111111" if form == "%Y%m%d" else "1" + " 1" * 7, cells.type))
    if form == "%Y%m%d":
        days = pc.utf8_slice_codeunits(cells, 6, 8)
    else:
        days = pc.list_element(pc.split_pattern_regex(cells, "[^0-9]+"), parts.index("d"))
    real = pc.equal(pc.cast(days, pa.int64()), pc.day(times))
    return pc.if_else(real, times, pa.scalar(None, times.type))


def _bare(cells: pa.Array, form: str) -> pa.Array:
    """Times of digits without signs between them: the day by itself, and the time of day."""
    days = _strptime(pc.utf8_slice_codeunits(cells, 0, 8), "%Y%m%d")
    cells = pc.if_else(pc.is_valid(days), cells, pa.scalar(None, cells.type))
    digits = pc.if_else(pc.equal(pc.utf8_length(cells), 10), _joined(cells, "00", ""), cells)
    return pc.strptime(digits, format="%Y%m%d%H%M" if form.endswith("%H") else form, unit="us", error_is_null=True)


def _joined(cells: pa.Array, text: str, between: str = " ") -> pa.Array:
    kind = cells.type
    return pc.binary_join_element_wise(cells, pa.scalar(text, kind), pa.scalar(between, kind))


def _with_month_numbers(cells: pa.Array) -> pa.Array:
    """Names of months as their numbers; without it the names would be those of the machine's language."""
    for number, pattern in enumerate(_MONTH_NAMES, start=1):
        cells = pc.replace_substring_regex(cells, pattern, str(number))
    return cells


def _in_digits(cells: pa.Array, form: str) -> pa.Array:
    """Cells in small letters brought to the form: one space between parts, months as numbers, am and pm."""
    if form.endswith("%p"):
        cells = pc.replace_substring_regex(pc.replace_substring(cells, " 오전", " am"), " 오후", " pm")
        cells = pc.replace_substring_regex(cells, r" ([ap]m) ([0-9:]+)$", r" \2 \1")
    if form.startswith(("%m %d %Y", "%d %m %Y", "%d %m %y", "%Y %m %d")):
        cells = pc.replace_substring_regex(cells, "^" + WEEKDAY.lower(), "")
        cells = pc.replace_substring_regex(_with_month_numbers(cells), r"[ ,-]+", " ")
    cells = pc.replace_substring_regex(cells, r"(\d)t(\d)", r"\1 \2")
    if form.endswith("%p"):
        cells = pc.replace_substring_regex(cells, r" ?([ap])\.?m\.?$", r" \1m")
    return pc.utf8_rtrim(cells, ".")


def _week(cell: str | None) -> datetime.datetime | None:
    """The Monday of a week of ISO 8601, or the day of it that is named."""
    if cell is None:
        return None
    with contextlib.suppress(ValueError):
        week, day = re.findall(r"W(\d{2})-?(\d?)", cell)[0]
        date = datetime.date.fromisocalendar(int(cell[:4]), int(week), int(day or 1))
        return datetime.datetime.combine(date, datetime.time())
    return None


def _season(cell: str | None) -> datetime.datetime | None:
    """The first day of the former of two years that follow each other."""
    if cell is None:
        return None
    first, second = int(cell[:4]), cell[4:].lstrip(" /–-")
    follows = str(first + 1).endswith(second) and first >= _FIRST_SEASON
    return datetime.datetime(first, 1, 1) if follows else None


def settle(notations: Sequence[str], cells: pa.Array) -> str:
    """The one of several notations that makes even steps of some cells; all of them, joined, where none stands out.

    Day and month can stand in either order, and where no day is above 12 both orders fit.

    >>> settle(["month/day/year", "day/month/year"], pa.array(["01/01/2020", "01/02/2020", "01/03/2020"]))
    'month/day/year|day/month/year'
    >>> year = [f"01/{month:02}/{year}" for year in (2020, 2021) for month in range(1, 13)]
    >>> settle(["month/day/year", "day/month/year"], pa.array(year))
    'day/month/year'
    """
    if len(notations) < 2:
        return notations[0]
    if SEASON in notations:
        # Years of which each is followed by the next in every cell are no months, unless there are few.
        if len(pc.unique(cells)) >= _LEAST_SEASONS:
            return SEASON
        notations = [name for name in notations if name != SEASON]
        return settle(notations, cells)
    readings = {name: np.unique(to_datetime64(parse_times(cells, name))) for name in notations}
    notations = _without_year_first(notations, readings)
    first = readings[notations[0]]
    if all(np.array_equal(first, readings[name]) for name in notations):
        return notations[0]
    ranked = sorted(notations, key=lambda name: -_evenness(readings[name]))
    best, other = (_evenness(readings[name]) for name in ranked[:2])
    # As good as always even, and clearly more so than the other: at most half as many steps are odd.
    if best >= 0.5 and other < 1.0 and 2 * (1.0 - best) <= 1.0 - other:
        return ranked[0]
    same = [name for name in notations if np.array_equal(readings[name], readings[ranked[0]])]
    return EITHER.join(dict.fromkeys([*same[:1], *(name for name in notations if name not in same)][:2]))


def _without_year_first(notations: Sequence[str], readings: Mapping[str, np.ndarray]) -> Sequence[str]:
    """Notations without those of two digits for the year in front, where the others make the shorter time: a month of
    days under 23/01/01 and 01/01/23 may be one day of thirty years."""
    others = [name for name in notations if not name.startswith("yr")]
    if not others or len(others) == len(notations):
        return notations
    spans = {name: times[-1] - times[0] for name, times in readings.items() if len(times)}
    shortest = min((spans[name] for name in notations if name not in others and name in spans), default=None)
    shorter = shortest is None or any(spans[name] < shortest for name in others if name in spans)
    return others if shorter else notations


def _evenness(times: np.ndarray) -> float:
    """The share of the most usual step among the steps between rising times, in months where all are of one day."""
    if len(times) < 3:
        return 0.0
    steps = [np.diff(times).astype(np.int64)]
    months = times.astype("datetime64[M]")
    if len(np.unique((times - months).astype(np.int64))) == 1:
        steps.append(np.diff(months).astype(np.int64))
    return max(float(np.unique(step, return_counts=True)[1].max()) / len(step) for step in steps)


def _iso(cells: Any, *, zone: bool) -> Any:
    kind = pa.timestamp("us", "UTC") if zone else pa.timestamp("us")
    try:
        return pc.cast(cells, kind).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        values = []
        for cell in cells:
            try:
                values.append(None if not cell.is_valid else pc.cast(cell, kind).cast(pa.timestamp("us")))
            except pa.ArrowInvalid:
                values.append(None)
        return pa.array([None if value is None else value.value for value in values], pa.int64()).cast(
            pa.timestamp("us")
        )


def are_steps(notation: str, cells: pa.Array) -> bool:
    """Whether cells that might as well be plain numbers are times: they move from month to month.

    >>> are_steps("yearmonth", pa.array(["201911", "201912", "202001", "202002"]))
    True
    >>> are_steps("yearmonth", pa.array(["201911", "200003", "201001", "202002"]))
    False
    """
    if notation not in _NUMBER_LIKE:
        return True
    times = np.unique(to_datetime64(parse_times(cells, notation)))
    return moves_evenly(times)


def moves_evenly(times: np.ndarray) -> bool:
    """Whether most steps between the distinct ones of some times are alike, in time or in months."""
    times = np.unique(times)
    return len(times) > 2 and _evenness(times) >= 0.75


def guess_notations(cells: Any) -> list[str]:
    """The notations that fit every non-null cell of an Arrow array of text; empty if there is no cell."""
    cells = cells.drop_null()
    if len(cells) == 0:
        return []
    first = cells[0].as_py()
    fitting = looks_like(first)
    if not fitting and may_be_time(first):
        fitting = looks_like(plain_spelling(pa.array([first]))[0].as_py())
    return [name for name in fitting if parse_times(cells, name).null_count == 0]


def bare_year(name: str) -> str:
    """The name of a step without what stands beside its year.

    >>> bare_year("1960 [YR1960]"), bare_year("2020 년"), bare_year("2020-01")
    ('1960', '2020', '2020-01')
    """
    found = _YEAR.fullmatch(name)
    return name if found is None else found[1]


def parse_offsets(cells: Any) -> np.ndarray:
    """(rows,) int64 minutes east of Greenwich that the texts of an Arrow array name at their ends; 0 where none is."""
    named = pc.fill_null(pc.match_substring_regex(cells, OFFSET.pattern), True)
    if not pc.all(named).as_py():
        cells = pc.replace_with_mask(cells, pc.invert(named), plain_spelling(cells.filter(pc.invert(named))))
    return _minutes(cells)


def _minutes(cells: Any) -> np.ndarray:
    parts = pc.extract_regex(cells, r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})$")
    sign, hours, minutes = (pc.struct_field(parts, index) for index in range(3))
    total = pc.add(pc.multiply(pc.cast(hours, pa.int64()), 60), pc.cast(minutes, pa.int64()))
    signed = pc.if_else(pc.equal(sign, "-"), pc.negate(total), total)
    return np.asarray(pc.fill_null(signed, 0).to_numpy(zero_copy_only=False), dtype=np.int64)


def names_zone(notation: str) -> bool:
    """Whether times of this notation name their offset from UTC."""
    return notation.endswith(ZONED)


def to_datetime64(values: Any) -> np.ndarray:
    """Turn an Arrow array of timestamp[us] into datetime64[us]; null becomes NaT."""
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype="datetime64[us]")
