"""Times as people and programs spell them, brought to plain notations: words around dates, periods, zones by name.

Each rule is a pattern and what stands in its place; only cells that no plain notation fits are rewritten.
"""

from __future__ import annotations

import functools
import re

import pyarrow as pa
import pyarrow.compute as pc

#: Longer cells are texts, and a time has at least a digit.
_MOST = 64
_DIGIT = re.compile(r"[0-9]")
#: Cells that are rewritten one by one, and looks of cells beyond which they are texts.
_FEW, _LOOKS = 32, 500
#: Hours east of Greenwich of zones by their short names. Those with several meanings (CST, IST, BST) are none.
_ZONES = {
    "+00:00": "WET",
    "+01:00": "CET|MEZ|WEST|WESZ",
    "+02:00": "CEST|MESZ|EET|OEZ|SAST",
    "+03:00": "EEST|OESZ|MSK",
    "+08:00": "HKT|SGT",
    "+09:00": "KST|JST",
    "+10:00": "AEST",
    "+11:00": "AEDT",
    "+12:00": "NZST",
    "+13:00": "NZDT",
    "-04:00": "EDT",
    "-05:00": "EST",
    "-06:00": "MDT",
    "-07:00": "MST|PDT",
    "-08:00": "PST",
}
#: Names of months in German, French and Spanish that English does not have.
_MONTHS = {
    "Jan": "januar|jänner|janvier|janv|enero|ene",
    "Feb": "februar|février|fevrier|févr|fevr|febrero",
    "Mar": "märz|maerz|mär|mrz|mars|marzo",
    "Apr": "avril|avr|abril|abr",
    "May": "mai|mayo",
    "Jun": "juni|juin|junio",
    "Jul": "juli|juillet|juil|julio",
    "Aug": "août|aout|agosto|ago",
    "Sep": "septembre|septiembre",
    "Oct": "oktober|okt|octobre|octubre",
    "Nov": "novembre|noviembre",
    "Dec": "dezember|dez|décembre|decembre|déc|diciembre|dic",
}
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_DATE = r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}"
_ZONED = r"(?: ?\([A-Z]{3,4}\)|Z|[+-][0-9]{2}:?[0-9]{2})?"
#: A span is the time at which it begins.
_SPANS = (
    (rf"^({_DATE}(?:[ T]{_CLOCK}{_ZONED})?)(?: - | ?[–~/] ?| to )(?:{_DATE}[ T])?{_CLOCK}{_ZONED}$", r"\1"),
    (rf"^({_DATE})(?: - | ?[–~/] ?| to ){_DATE}$", r"\1"),
)
_BLANKS = ((r"^[ \t]+", ""), (r"[ \t]+$", ""))
_WORDS = (
    # Weekdays say nothing that the date does not.
    (r" ?\((?:[월화수목금토일月火水木金土日](?:요일|曜日)?|(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6})\)", ""),
    (r",? [월화수목금토일]요일", ""),
    (r"(?i),? (?:mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?$", ""),
    (r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?\.?,? ([0-9a-z])", r"\1"),
    # Years, months, days, hours and minutes with their words behind them.
    (r"^([0-9]{4}) ?[年년] ?([0-9]{1,2}) ?[月월] ?([0-9]{1,2}) ?[日일]", r"\1-\2-\3"),
    (r"^'?([0-9]{2}) ?[年년] ?([0-9]{1,2}) ?[月월] ?([0-9]{1,2}) ?[日일]", r"\1-\2-\3"),
    (r"^([0-9]{4}) ?年 ?([0-9]{1,2}) ?月$", r"\1/\2"),
    (r"^([0-9]{4}) ?(?:年|년도?)$", r"\1Y"),
    (r"^([0-9]{4})\. ?([0-9]{1,2})\. ?([0-9]{1,2})\.? (.*[0-9].*)$", r"\1.\2.\3 \4"),
    (r"^([0-9]{4})- ([0-9]{1,2})- ([0-9]{1,2})", r"\1-\2-\3"),
    (r"([시時时点]) ?([0-9]) ?([분分])", r"\1 0\2\3"),
    (r"([분分]) ?([0-9]) ?([초秒])", r"\1 0\2\3"),
    (r"([0-9]{1,2}) ?[시時时点] ?([0-9]{2}) ?[분分] ?([0-9]{2}) ?[초秒]$", r"\1:\2:\3"),
    (r"([0-9]{1,2}) ?[시時时点] ?([0-9]{2}) ?[분分]$", r"\1:\2"),
    (r"([0-9]{1,2}) ?[시時时点]$", r"\1:00"),
    (r"(?:午前|上午)", "오전"),
    (r"(?:午後|下午)", "오후"),
    (r"([0-9]) ?(오[전후])", r"\1 \2"),
    (r"(오[전후])([0-9])", r"\1 \2"),
    # Google Forms writes the half of the day behind the time.
    (r" ([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?) (오[전후])", r" \2 \1"),
    (r"([0-9]) (?:Uhr|uur)$", r"\1"),
    (r" ([0-9]{1,2})h([0-9]{2})$", r" \1:\2"),
    (r"( [0-9]{1,2}) ?([AaPp]\.?[Mm]\.?)$", r"\1:00 \2"),
)
_SIGNS = (
    # SAS and Stata write months as names without signs, or as M.
    (r"^([0-9]{1,2})([A-Za-z]{3})([0-9]{4})(?::|[ T]?)([0-9]{1,2}:.*)$", r"\1-\2-\3 \4"),
    (r"^([0-9]{1,2})([A-Za-z]{3})([0-9]{4})$", r"\1-\2-\3"),
    (r"^([0-9]{1,2})([A-Za-z]{3})([0-9]{2})$", r"\1-\2-\3"),
    (r"^([A-Za-z]{3})([0-9]{2}|[0-9]{4})$", r"\1-\2"),
    (r"^([0-9]{4})m([0-9]{1,2})$", r"\1M\2"),
    (r"^([0-9]{4})h([12])$", r"\1H\2"),
    (r"^([0-9]{4})w([0-9]{2})$", r"\1W\2"),
    # What stands between a date and its time of day.
    (rf"([0-9]), ?((?:오[전후] )?{_CLOCK})", r"\1 \2"),
    (rf"([0-9]) at ({_CLOCK})", r"\1 \2"),
    (rf"^([0-9]{{4}}[-./][0-9]{{1,2}}[-./][0-9]{{1,2}})[-_]({_CLOCK})", r"\1 \2"),
    (
        r"^([0-9]{4})[-_]([0-9]{1,2})[-_]([0-9]{1,2})[-_ ]([0-9]{1,2})[-_]([0-9]{2})[-_]([0-9]{2})$",
        r"\1-\2-\3 \4:\5:\6",
    ),
    (r"^([0-9]{4})[-_]([0-9]{1,2})[-_]([0-9]{1,2})[-_ ]([0-9]{1,2})[-_]([0-9]{2})$", r"\1-\2-\3 \4:\5"),
    (r"^([0-9]{4})[-_]([0-9]{1,2})[-_]([0-9]{1,2})[-_]([0-9]{1,2})$", r"\1-\2-\3 \4"),
    (r"^([0-9]{4})_([0-9]{1,2})_([0-9]{1,2})$", r"\1-\2-\3"),
    (r"^([0-9]{8}):([0-9]{2}|[0-9]{4})$", r"\1 \2"),
    (r"^([0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}) ([0-9]{1,2})\.([0-9]{2})\.([0-9]{2})$", r"\1 \2:\3:\4"),
    (r"^([0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}) ([0-9]{1,2})\.([0-9]{2})$", r"\1 \2:\3"),
    (r"^([0-9]{1,2})/([A-Za-z]{3,9})/([0-9]{4}):", r"\1-\2-\3 "),
    (r"^([0-9]{1,2})/([A-Za-z]{3,9})/([0-9]{2,4})", r"\1-\2-\3"),
    (rf"^([A-Za-z]{{3}}) +([0-9]{{1,2}}) ({_CLOCK}) ([0-9]{{4}})$", r"\1 \2 \4 \3"),
    (rf"^([A-Za-z]{{3}}) +([0-9]{{1,2}}) ([0-9]{{4}} {_CLOCK})", r"\1 \2 \3"),
    (r"^([0-9]{1,2})\. ?([A-Za-z]{3,9}\.? [0-9]{4})", r"\1 \2"),
    (r"(:[0-9]{2}),([0-9]{1,9})", r"\1.\2"),
)
_ZONE_RULES = (
    *((rf"([0-9]) ?\(?(?:{names})\)?$", rf"\1{offset}") for offset, names in _ZONES.items()),
    (r"([+-][0-9]{2}:?[0-9]{2}|Z)(?:\[[A-Za-z_/+-]+\]| \([A-Za-z ]+\))$", r"\1"),
    *((rf"(:[0-9]{{2}}(?:\.[0-9]+)?) ?\(?(?:UTC|GMT)\{sign}([0-9])\)?$", rf"\1{sign}0\2:00") for sign in ("+", "-")),
    (r"(:[0-9]{2}(?:\.[0-9]+)?) ?\(?(?:UTC|GMT)?([+-][0-9]{2})\)?$", r"\1\2:00"),
    (r"(:[0-9]{2}(?:\.[0-9]+)?) ?\(?(?:UTC|GMT)?([+-][0-9]{2}):?([0-9]{2})\)?$", r"\1\2:\3"),
    (r"([0-9]) ?\((?:UTC|GMT)\)$", r"\1Z"),
)
_FISCAL = (
    # A fiscal year is called as the calendar's.
    (r"^(?:FY|Fy|fy) ?'?([0-9]{4})$", r"\1Y"),
    (r"^([0-9]{4}) ?(?:FY|Fy|fy)$", r"\1Y"),
    (r"^(?:FY|Fy|fy) ?'?([0-6][0-9])$", r"20\1Y"),
    (r"^(?:FY|Fy|fy) ?'?([7-9][0-9])$", r"19\1Y"),
    (r"^(?:FY|Fy|fy) ?([0-9]{4}[/–-][0-9]{2,4})$", r"\1"),
    (r"^(?:FY|Fy|fy) ?'?([0-6][0-9])([/–-][0-9]{2})$", r"20\1\2"),
    (r"^(?:FY|Fy|fy) ?'?([0-9]{4})[ /-]{0,3}([QH])([1-4])$", r"\1\2\3"),
    (r"^(?:FY|Fy|fy) ?'?([0-6][0-9])[ /-]{0,3}([QH])([1-4])$", r"20\1\2\3"),
    (r"^(?:FY|Fy|fy) ?'?([7-9][0-9])[ /-]{0,3}([QH])([1-4])$", r"19\1\2\3"),
    (r"^([QH])([1-4])[ /-]{0,3}(?:FY|Fy|fy) ?'?([0-9]{4})$", r"\3\1\2"),
    (r"^([QH])([1-4])[ /-]{0,3}(?:FY|Fy|fy) ?'?([0-6][0-9])$", r"20\3\1\2"),
    (r"^([QH])([1-4])[ /-]{0,3}(?:FY|Fy|fy) ?'?([7-9][0-9])$", r"19\3\1\2"),
    (r"^([1-4])([QH])[ /-]{0,3}(?:FY|Fy|fy) ?'?([0-9]{4})$", r"\3\2\1"),
    (r"^([1-4])([QH])[ /-]{0,3}(?:FY|Fy|fy) ?'?([0-6][0-9])$", r"20\3\2\1"),
)
_PERIODS = (
    (r"^([0-9]{4})[ ./-]?[Qq]([1-4])(?:/[4])?$", r"\1Q\2"),
    (r"^([0-9]{4})(?: ?년 ?|[. ]{1,2})([1-4])(?:/[4])? ?분기$", r"\1Q\2"),
    (r"^([0-9]{4})[. ]([1-4])/[4]$", r"\1Q\2"),
    (r"^([0-9]{4})[. ]?([1-4])[Qq]$", r"\1Q\2"),
    (r"^([12][0-9]{3}):([1-4])$", r"\1Q\2"),
    (r"^([1-4])[Qq][ '/-]?([0-9]{4})$", r"\2Q\1"),
    (r"^'?([0-6][0-9])(?:[. ]?([1-4])[Qq]|년 ?([1-4]) ?분기)$", r"20\1Q\2\3"),
    (r"^'?([7-9][0-9])(?:[. ]?([1-4])[Qq]|년 ?([1-4]) ?분기)$", r"19\1Q\2\3"),
    (r"^(?:[Qq]([1-4])[ '/-]{1,2}|([1-4])[Qq][ ']?)([0-6][0-9])$", r"20\3Q\1\2"),
    (r"^(?:[Qq]([1-4])[ '/-]{1,2}|([1-4])[Qq][ ']?)([7-9][0-9])$", r"19\3Q\1\2"),
    (r"^([0-9]{4})[ ./-]?[HhSs]([12])$", r"\1H\2"),
    (r"^(?:[Hh]([12])[ /-]|([12])[Hh][ '/-]?)([0-9]{4})$", r"\3H\1\2"),
    (r"^(?:[Hh]([12])[ '/-]{1,2}|([12])[Hh][ ']?)([0-6][0-9])$", r"20\3H\1\2"),
    (r"^(?:[Hh]([12])[ '/-]{1,2}|([12])[Hh][ ']?)([7-9][0-9])$", r"19\3H\1\2"),
    (r"^([0-9]{4}) ?년? ?상반기$", r"\1H1"),
    (r"^([0-9]{4}) ?년? ?하반기$", r"\1H2"),
    (r"(?i)^([0-9]{4})(?:[ /-]?(?:W|WK|Week) ?|년 ?)([0-9])주?차?$", r"\1W0\2"),
    (r"(?i)^([0-9]{4})(?:[ /-]?(?:W|WK|Week) ?|년 ?)([0-9]{2})주?차?$", r"\1W\2"),
    (r"(?i)^(?:KW|W|WK|Week) ?([0-9])[ ,/-]{1,2}([0-9]{4})$", r"\2W0\1"),
    (r"(?i)^(?:KW|W|WK|Week) ?([0-9]{2})[ ,/-]{1,2}([0-9]{4})$", r"\2W\1"),
)
_MONTH_RULES = tuple((rf"(?i)(^|[ .-])(?:{names})($|[ .-])", rf"\1{month}\2") for month, names in _MONTHS.items())
_RULES = (*_BLANKS, *_SPANS, *_MONTH_RULES, *_WORDS, *_SIGNS, *_ZONE_RULES, *_FISCAL, *_PERIODS)


def may_be_time(cell: str) -> bool:
    """Whether a cell is short and holds a digit."""
    return len(cell) <= _MOST and _DIGIT.search(cell) is not None


def plain_spelling(cells: pa.Array) -> pa.Array:
    """Texts with what is spelled in words, with other signs or as a period in plain notation; nulls stay.

    >>> plain_spelling(pa.array(["2024년 3월 1일 (금) 오후 3시", "2024-03-01 09:00 KST", "1Q24"])).to_pylist()
    ['2024-3-1 오후 3:00', '2024-03-01 09:00+09:00', '2024Q1']
    """
    if len(cells) <= _FEW:
        return pa.array([None if cell is None else _plain(cell) for cell in cells.to_pylist()], cells.type)
    # Times of a column look alike but for their digits: what a rule changes is seen on one cell of each look.
    looks = pc.unique(pc.replace_substring_regex(cells, "[0-9]", "0")).drop_null().to_pylist()
    if len(looks) > _LOOKS:
        looks = None
    for pattern, replacement in _RULES:
        if looks is not None:
            changed = [_loose(pattern).sub(replacement, look) for look in looks]
            if changed == looks:
                continue
            # A cell of that look may have the digits that the rule asks for, or not.
            looks = list(dict.fromkeys([*looks, *(_DIGIT.sub("0", look) for look in changed)]))
        cells = pc.replace_substring_regex(cells, pattern, replacement)
    return cells


def _plain(cell: str) -> str:
    for pattern, replacement in _RULES:
        cell = _exact(pattern).sub(replacement, cell)
    return cell


@functools.cache
def _exact(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@functools.cache
def _loose(pattern: str) -> re.Pattern[str]:
    """A pattern for which every digit is a zero."""
    return re.compile(re.sub(r"\[[0-9-]+\]", "0", pattern))
