"""Heads of several lines: names above names, units below them, merged cells of spreadsheets, titles above them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from unroll.data.table.kinds import MISSING

#: Lines of a head at most, rows below it that tell it, and characters of a cell in it.
_MOST, _LEAST_BELOW, _LONGEST = 4, 3, 60
#: Rows of titles above a head at most.
_TITLES = 20
#: Words of a cell in the second line of a head.
_WORDS = 3
#: The end of a sentence, which no name of a column has.
_ENDS = re.compile(r"\w[.!?。]$")
#: A cell of the rule below the head of a drawn table.
_RULE = re.compile(r":?-{2,}:?")


def head_of(rows: Sequence[Sequence[str]], is_value: Callable[[str], bool]) -> tuple[int, list[str]] | None:
    """How many lines a head has and the names it makes; None where it has one line or none.

    The last line of a head has words where all below has values. Names that stand once in the first line are names, and
    what is below them are units; others are joined with what is below them.

    Args:
        rows: the first rows of a file.
        is_value: whether a cell is a number or a time.

    >>> rows = [["Price", "Close", "Volume"], ["Ticker", "AAPL", "AAPL"], ["Date", "", ""], *[["1", "2", "3"]] * 3]
    >>> head_of(rows, str.isdigit)
    (3, ['Date', 'Close', 'Volume'])
    >>> head_of([["", "A", "A"], ["", "high", "low"], *[["1", "2", "3"]] * 3], str.isdigit)
    (2, ['', 'A high', 'A low'])
    >>> head_of([["", "day", ""], ["", "---", ""], *[["1", "2", "3"]] * 3], str.isdigit)
    (2, ['', 'day', ''])
    >>> head_of([["Station", "North"], ["Home", "50"], ["Time", "Rain"], *[["1", "2"]] * 3], str.isdigit)
    (3, ['Time', 'Rain'])
    """
    width = len(rows[0]) if rows else 0
    for count in range(min(_MOST, len(rows) - _LEAST_BELOW), 1, -1):
        below = [row for row in rows[count:] if len(row) == width]
        if len(below) < _LEAST_BELOW or any(len(row) != width for row in rows[:count]):
            continue
        columns = list(zip(*below, strict=True))
        valued = [at for at, column in enumerate(columns) if _holds_values(column, is_value)]
        last = [rows[count - 1][at].strip() for at in valued]
        words = [cell for cell in last if not _is_missing(cell) or len(cell) > 1]
        named = [cell for cell in rows[0] if cell.strip()]
        short = all(len(cell) <= _LONGEST for row in rows[:count] for cell in row)
        if 2 * len(valued) > width and words and short and named and not any(is_value(cell) for cell in last if cell):
            # A line of words and values above the last one says what the file is, as a station and where it stands.
            about = any(_is_mixed(row, is_value) for row in rows[1 : count - 1])
            return count, _names(rows[count - 1 : count] if about else rows[:count])
    return None


def merged_head(
    rows: Sequence[Sequence[str]], is_header: Callable[[Sequence[Sequence[str]]], bool]
) -> tuple[int, list[str]] | None:
    """The same where cells of a head of two lines are merged, so that some are empty, and every column has a name.

    Args:
        rows: the first rows of a file.
        is_header: whether the first of some rows names the columns.

    >>> merged_head([["Review", "", "Score"], ["title", "body", ""], ["So", "So good", "5"]], lambda rows: True)
    (2, ['Review title', 'body', 'Score'])
    """
    if len(rows) < _LEAST_BELOW or len(rows[0]) != len(rows[1]):
        return None
    first, second = ([cell.strip() for cell in row] for row in rows[:2])
    pairs = list(zip(first, second, strict=True))
    short = all(len(cell) <= _LONGEST and len(cell.split()) <= _WORDS for cell in second)
    if all(first) or not all(map(any, pairs)) or not short or len(set(second)) < 2 or not is_header(rows[1:]):
        return None
    return 2, [" ".join(dict.fromkeys(filter(None, pair))) for pair in pairs]


def titles_above(rows: Sequence[Sequence[str]], is_header: Callable[[Sequence[Sequence[str]]], bool]) -> int:
    """How many rows above the names of the columns are titles: lines of a spreadsheet of which few cells are filled.

    Args:
        rows: the first rows of a file.
        is_header: whether the first of some rows names the columns.

    >>> titles_above([["Reviews of May", ""], ["", ""], ["text", "label"], ["So good", "pos"]], lambda rows: True)
    2
    """
    width = len(rows[0]) if rows else 0
    filled = [sum(bool(cell.strip("\ufeff ")) for cell in row) for row in rows[: _TITLES + 1]]
    few = max(1, (width - 1) // 2)
    above = next((at for at, count in enumerate(filled) if count > few), 0)
    if not above or any(len(row) != width for row in rows[: above + 1]) or filled[above] < max(2, width - 1):
        return 0
    return above if is_header(rows[above:]) else 0


def stands_above_values(first: Sequence[str], rows: Sequence[Sequence[str]], is_value: Callable[[str], bool]) -> bool:
    """Whether a row can only hold names, however they are written: columns below hold values alone, and it none.

    >>> rows = [["1", "so good"], ["0", "so bad"], ["1", "fine"]]
    >>> stands_above_values(["#1 (1: good, 0: bad)", "text"], rows, str.isdigit)
    True
    >>> stands_above_values(["none", "It was so bad."], rows, str.isdigit)
    False
    """
    below = [row for row in rows if len(row) == len(first)]
    named = [cell for cell in first if cell]
    if len(below) < _LEAST_BELOW or len(set(named)) < len(named) or any(map(is_value, named)):
        return False
    if any(len(cell) > _LONGEST or _ENDS.search(cell) for cell in named if not _is_short(cell)):
        return False
    columns = list(zip(*below, strict=True))
    return any(name and _holds_values(column, is_value) for name, column in zip(first, columns, strict=True))


def _is_mixed(row: Sequence[str], is_value: Callable[[str], bool]) -> bool:
    present = [cell.strip() for cell in row if not _is_missing(cell.strip())]
    values = sum(map(is_value, present))
    return 0 < values < len(present)


def _is_short(cell: str) -> bool:
    return len(cell.split()) == 1


def _holds_values(column: Sequence[str], is_value: Callable[[str], bool]) -> bool:
    cells = [cell.strip() for cell in column]
    present = [cell for cell in cells if not _is_missing(cell)]
    return bool(present) and all(map(is_value, present))


def _is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def _names(head: Sequence[Sequence[str]]) -> list[str]:
    columns = [
        ["" if _RULE.fullmatch(cell.strip()) else cell.strip() for cell in column] for column in zip(*head, strict=True)
    ]
    first = [column[0] for column in columns]
    named = [name for name in first if name]
    if len(set(named)) == len(named) and len(named) >= len(first) - 1:
        # pandas writes the name of the index below the names of the levels.
        lone = columns[0][-1] if not any(column[-1] for column in columns[1:]) else ""
        return [lone or first[0], *first[1:]]
    return [" ".join(dict.fromkeys(cell for cell in column if cell)) for column in columns]
