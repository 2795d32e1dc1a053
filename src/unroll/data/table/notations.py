"""Notations of dates and times: what a cell looks like, and the form by which it is read."""

from __future__ import annotations

import re

#: The name of a weekday may stand before a date; it says nothing that the date does not.
WEEKDAY = r"(?:(?:[Mm]on|[Tt]ue|[Ww]ed|[Tt]hu|[Ff]ri|[Ss]at|[Ss]un)[a-z]{0,6}\.?,? )?"
#: Names of months begin with these.
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: Dates: name, what a cell looks like, and the form that strptime takes.
_DATES = (
    ("year-month-day short", r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    ("year/month/day", r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    ("year.month.day", r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
    ("month/day/year", r"\d{1,2}/\d{1,2}/\d{4}", "%m/%d/%Y"),
    ("day/month/year", r"\d{1,2}/\d{1,2}/\d{4}", "%d/%m/%Y"),
    ("month-day-year", r"\d{1,2}-\d{1,2}-\d{4}", "%m-%d-%Y"),
    ("day-month-year", r"\d{1,2}-\d{1,2}-\d{4}", "%d-%m-%Y"),
    ("day.month.year", r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    ("month/day/yr", r"\d{1,2}/\d{1,2}/\d{2}", "%m/%d/%y"),
    ("day/month/yr", r"\d{1,2}/\d{1,2}/\d{2}", "%d/%m/%y"),
    ("day.month.yr", r"\d{1,2}\.\d{1,2}\.\d{2}", "%d.%m.%y"),
    ("yr/month/day", r"\d{2}/\d{1,2}/\d{1,2}", "%y/%m/%d"),
    ("yr-month-day", r"\d{2}-\d{1,2}-\d{1,2}", "%y-%m-%d"),
    ("yr.month.day", r"\d{2}\.\d{1,2}\.\d{1,2}", "%y.%m.%d"),
    ("year month-name day", r"\d{4}[ -][A-Za-z]{3,9}\.?[ -]\d{1,2}", "%Y %m %d"),
    ("month day year", WEEKDAY + r"[A-Za-z]{3,9}\.? \d{1,2},? \d{4}", "%m %d %Y"),
    ("day month year", WEEKDAY + r"\d{1,2}[ -][A-Za-z]{3,9}\.?,?[ -]\d{4}", "%d %m %Y"),
    ("day month yr", r"\d{1,2}[ -][A-Za-z]{3,9}\.?[ -]\d{2}", "%d %m %y"),
)
#: Times of day, behind a date.
_HOURS = (
    ("", "", ""),
    (" hour", r"[ T]\d{1,2}", " %H"),
    (" hour:minute", r"[ T]\d{1,2}:\d{2}", " %H:%M"),
    (" hour:minute:second", r"[ T]\d{1,2}:\d{2}:\d{2}", " %H:%M:%S"),
    (" hour:minute:second.fraction", r"[ T]\d{1,2}:\d{2}:\d{2}\.\d{1,9}", " %H:%M:%S.f"),
    (" hour:minute AM/PM", r" \d{1,2}:\d{2} ?[AaPp]\.?[Mm]\.?", " %I:%M %p"),
    (" hour:minute:second AM/PM", r" \d{1,2}:\d{2}:\d{2} ?[AaPp]\.?[Mm]\.?", " %I:%M:%S %p"),
    (" 오전/오후 hour:minute", r" 오[전후] \d{1,2}:\d{2}", " %I:%M %p"),
    (" 오전/오후 hour:minute:second", r" 오[전후] \d{1,2}:\d{2}:\d{2}", " %I:%M:%S %p"),
)
#: Dates without signs between their parts, and times of day behind them.
_BARE_DATE = r"(16|17|18|19|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
BARE_HOURS = (
    ("hour", r"([01]\d|2[0-3])", "%H"),
    ("hourminute", r"([01]\d|2[0-3])[0-5]\d", "%H%M"),
    ("hourminutesecond", r"([01]\d|2[0-3])[0-5]\d[0-5]\d", "%H%M%S"),
)
#: A year and the next, 2019/20: one that begins in the former.
SEASON = "year/next year"
_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
#: (name, what a cell looks like, strptime's form, or the name of a way of its own). The order decides where two
#: notations fit all cells and nothing else tells them apart.
ALL: tuple[tuple[str, re.Pattern[str], str | None], ...] = tuple(
    (name, re.compile(pattern + "$"), form)
    for name, pattern, form in (
        ("year-month-day", _ISO_DATE + r"([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?", None),
        (
            "year-month-day with zone",
            _ISO_DATE + r"[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z| ?UTC| ?GMT|[+-]\d{2}:?\d{2})",
            "zone",
        ),
        ("year-month", r"\d{4}-\d{2}", "%Y-%m"),
        *(
            (f"{day}{hour} to the next", rf"{a}{b} - {a}{b}", f"{c}{d} - ")
            for day, a, c in _DATES
            for hour, b, d in _HOURS
            if day.startswith("day") and hour.startswith(" hour:minute")
        ),
        *((day + hour, a + b, c + d) for day, a, c in _DATES for hour, b, d in _HOURS),
        ("year.month.day.", r"\d{4}\.\d{1,2}\.\d{1,2}\.?", "%Y.%m.%d"),
        ("yearmonthday", r"(16|17|18|19|20|21)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])", "%Y%m%d"),
        *((f"yearmonthday{hour}", _BARE_DATE + b, "bare " + d) for hour, b, d in BARE_HOURS),
        *(("yearmonthday" + hour, _BARE_DATE + b, "bare " + d) for hour, b, d in _HOURS[1:4]),
        *((f"yearmonthday T {hour}", _BARE_DATE + f"[ T_-]{b}", "bare " + d) for hour, b, d in BARE_HOURS[1:]),
        ("year. month. day", r"\d{4}\. ?\d{1,2}\. ?\d{1,2}\.?", "year month day"),
        ("year/month", r"\d{4}/\d{1,2}", "year month"),
        ("month/year", r"\d{1,2}/\d{4}", "month year"),
        ("month name year", r"[A-Za-z]{3,9}\.?[ -]\d{4}", "month year"),
        ("month name yr", r"[A-Za-z]{3,9}\.?(?: '|[ '-])\d{2}", "month yr"),
        ("yearmonth", r"(18|19|20|21)\d{2}(0[1-9]|1[0-2])", "%Y%m"),
        ("year.month", r"(18|19|20|21)\d{2}\.(0[1-9]|1[0-2])( ?월)?", "year month"),
        ("year month name", r"\d{4}[ -][A-Za-z]{3,9}\.?", "year month"),
        ("year M month", r"\d{4}-?M\d{1,2}", "year month"),
        ("year Q quarter", r"\d{4}[ -]?Q[1-4]", "year quarter"),
        ("Q quarter year", r"Q[1-4][ -/]?\d{4}", "quarter year"),
        ("year H half", r"\d{4}H[12]", "year half"),
        ("year Y", r"\d{4}Y", "year"),
        ("year-W week", r"\d{4}-?W\d{2}", "week"),
        ("year-W week-day", r"\d{4}-?W\d{2}-?[1-7]", "week"),
        (SEASON, r"\d{4} ?[/–-] ?(?:\d{2}|\d{4})", "season"),
        ("Korean", r"\d{4}년 ?\d{1,2}월( ?\d{1,2}일)?", "korean"),
    )
)
#: What the names of notations with a time of day end with where an offset from UTC, such as this, stands behind it.
ZONED, OFFSET = " with zone", re.compile(r" ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})$")
#: A time of day behind a date.
_TIMED = re.compile(r"[ T_]\d")


def looks_like(cell: str) -> list[str]:
    """The notations that a cell looks like; with an offset behind it, those of a time of day."""
    names = [name for name, pattern, _ in ALL if pattern.match(cell)]
    offset = OFFSET.search(cell)
    if names or offset is None:
        return names
    before = cell[: offset.start()]
    return [name + ZONED for name, pattern, _ in ALL if _TIMED.search(before) and pattern.match(before)]
