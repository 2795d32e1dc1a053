"""Rows below a table that sum it up, and names of what sums others up: Total, Average, 합계."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from unroll.data.table.kinds import MISSING
from unroll.data.table.numbers import looks_like_number
from unroll.data.table.times import guess_notations

#: Words of sums and of other figures about a whole column, as spreadsheets and offices write them.
_SUMS = (
    r"(?:grand|sub|sub-|overall|column|row)?[ _]?totals?|sum|sums|in total|total general|totale|totaal|total général"
    r"|all|summe|gesamt|gesamtsumme|gesamtergebnis|insgesamt|zwischensumme|somme|suma|soma|итого|всего"
    r"|총?합계|총계|소계|누계|계|합|전체|총|총합|合計|合计|总计|總計|小計|小计"
)
_FIGURES = (
    r"average|avg\.?|mean|median|min\.?|minimum|max\.?|maximum|std\.?(?:[ _]?dev\.?)?|stdev|standard deviation|count"
    r"|mittelwert|durchschnitt|moyenne|promedio|media|média|gemiddelde"
    r"|평균|최대|최소|최고|최저|최댓값|최솟값|최대값|최소값|중앙값|표준편차|건수|平均"
)
_SUM = re.compile(rf"(?i)(?:{_SUMS})(?: ?\(.{{0,20}}\))? ?[:：]?")
_FIGURE = re.compile(rf"(?i)(?:{_SUMS}|{_FIGURES})(?: ?\(.{{0,20}}\))? ?[:：]?")
#: A longer cell is no such word.
_LONGEST = 40


def names_sum(cell: str) -> bool:
    """Whether a cell is called as the sum of others.

    >>> [names_sum(cell) for cell in ("Grand Total", "합계", "Summe:", "Totalitarian", "Average")]
    [True, True, True, False, False]
    """
    return len(cell) <= _LONGEST and _SUM.fullmatch(cell.strip()) is not None


def names_figure(cell: str) -> bool:
    """Whether a cell is called as a figure about other cells: their sum, their mean, the largest.

    >>> [names_figure(cell) for cell in ("Average", "평균", "Meaning", "Total (kWh)")]
    [True, True, False, True]
    """
    return len(cell) <= _LONGEST and _FIGURE.fullmatch(cell.strip()) is not None


def closes(cells: Sequence[str], above: Sequence[Sequence[str]]) -> bool:
    """Whether the last row of a table sums up those above it, and is none of them.

    Its first cell that is not empty says so, beside nothing but numbers. Where names stand above that cell, it might
    be one more of them, unless other cells are empty that none above is.

    >>> closes(["Total", "30"], [["2024-01", "10"], ["2024-02", "20"]]), closes(["Total", "30"], [["Ulm", "30"]])
    (True, False)
    >>> closes(["Total", "", "9"], [["a", "b", "4"], ["c", "d", "5"]])
    True
    """
    full = [(at, cell.strip()) for at, cell in enumerate(cells) if cell.strip()]
    if len(full) < 2 or not names_figure(full[0][1]) or not above:
        return False
    if not all(looks_like_number(cell) or cell.lower() in MISSING for _, cell in full[1:]):
        return False
    first = full[0][0]
    column = [row[first].strip() for row in above]
    if any(map(names_figure, column)):
        return False
    lacking = [at for at, cell in enumerate(cells) if not cell.strip()]
    return all(map(_is_value, column)) or any(all(row[at].strip() for row in above) for at in lacking)


def _is_value(cell: str) -> bool:
    return cell.lower() in MISSING or looks_like_number(cell) or bool(guess_notations(pa.array([cell])))
