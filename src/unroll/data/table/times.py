"""Dates and times written as text: which notation a column uses, and its values as datetime64[us]."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: (name, what a cell looks like, strptime format or None for ISO 8601). The order decides where two notations fit all
#: cells.
_NOTATIONS: tuple[tuple[str, re.Pattern[str], str | None], ...] = (
    ("year-month-day", re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$"), None),
    (
        "year-month-day with zone",
        re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})$"),
        "zone",
    ),
    ("year-month", re.compile(r"\d{4}-\d{2}$"), "%Y-%m"),
    ("year/month/day", re.compile(r"\d{4}/\d{1,2}/\d{1,2}$"), "%Y/%m/%d"),
    ("year/month/day hour:minute", re.compile(r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}$"), "%Y/%m/%d %H:%M"),
    (
        "year/month/day hour:minute:second",
        re.compile(r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}:\d{2}$"),
        "%Y/%m/%d %H:%M:%S",
    ),
    ("year.month.day", re.compile(r"\d{4}\.\d{1,2}\.\d{1,2}\.?$"), "%Y.%m.%d"),
    ("month/day/year", re.compile(r"\d{1,2}/\d{1,2}/\d{4}$"), "%m/%d/%Y"),
    ("day/month/year", re.compile(r"\d{1,2}/\d{1,2}/\d{4}$"), "%d/%m/%Y"),
    ("month/day/year hour:minute", re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}$"), "%m/%d/%Y %H:%M"),
    ("day/month/year hour:minute", re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}$"), "%d/%m/%Y %H:%M"),
    ("day.month.year", re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}$"), "%d.%m.%Y"),
    ("month day year", re.compile(r"[A-Za-z]{3} \d{1,2},? \d{4}$"), "%b %d %Y"),
    ("day month year", re.compile(r"\d{1,2} [A-Za-z]{3} \d{4}$"), "%d %b %Y"),
    ("yearmonthday", re.compile(r"(16|17|18|19|20|21)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])$"), "%Y%m%d"),
    ("Korean", re.compile(r"\d{4}년 ?\d{1,2}월( ?\d{1,2}일)?$"), "korean"),
)
_BY_NAME = {name: (pattern, form) for name, pattern, form in _NOTATIONS}
NOTATIONS = tuple(_BY_NAME)


def parse_times(cells: Any, notation: str) -> Any:
    """Parse an Arrow array of text; what does not fit becomes null.

    Args:
        cells: pyarrow array of strings, nulls allowed.
        notation: one of `NOTATIONS`.

    Returns:
        A pyarrow array of timestamp[us] (in UTC where the text names a zone) of the same length.
    """
    pattern, form = _BY_NAME[notation]
    fits = pc.match_substring_regex(cells, "^(?:" + pattern.pattern + ")")
    cells = pc.if_else(pc.fill_null(fits, False), cells, pa.scalar(None, cells.type))
    if form == "korean":
        digits = pc.replace_substring_regex(cells, r"[^0-9]+", " ")
        digits = pc.utf8_trim_whitespace(digits)
        month_only = pc.match_substring_regex(digits, r"^\d{4} \d{1,2}$")
        cells, form = (
            pc.if_else(
                month_only,
                pc.binary_join_element_wise(digits, pa.scalar("1", digits.type), pa.scalar(" ", digits.type)),
                digits,
            ),
            "%Y %m %d",
        )
    elif form == "%b %d %Y":
        cells = pc.replace_substring(cells, ",", "")
    elif form == "%Y.%m.%d":
        cells = pc.utf8_rtrim(cells, ".")
    if form is None or form == "zone":
        return _iso(cells, zone=form == "zone")
    return pc.strptime(cells, format=form, unit="us", error_is_null=True)


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


def guess_notations(cells: Any) -> list[str]:
    """The notations that fit every non-null cell of an Arrow array of text; empty if there is no cell."""
    cells = cells.drop_null()
    if len(cells) == 0:
        return []
    first = cells[0].as_py()
    fitting = [name for name, pattern, _ in _NOTATIONS if pattern.match(first)]
    return [name for name in fitting if parse_times(cells, name).null_count == 0]


def parse_offsets(cells: Any) -> np.ndarray:
    """(rows,) int64 minutes east of Greenwich that the texts of an Arrow array name at their ends; 0 where none is."""
    parts = pc.extract_regex(cells, r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})$")
    sign, hours, minutes = (pc.struct_field(parts, index) for index in range(3))
    total = pc.add(pc.multiply(pc.cast(hours, pa.int64()), 60), pc.cast(minutes, pa.int64()))
    signed = pc.if_else(pc.equal(sign, "-"), pc.negate(total), total)
    return np.asarray(pc.fill_null(signed, 0).to_numpy(zero_copy_only=False), dtype=np.int64)


def names_zone(notation: str) -> bool:
    """Whether times of this notation name their offset from UTC."""
    return _BY_NAME[notation][1] == "zone"


def to_datetime64(values: Any) -> np.ndarray:
    """Turn an Arrow array of timestamp[us] into datetime64[us]; null becomes NaT."""
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype="datetime64[us]")
