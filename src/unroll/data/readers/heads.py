"""Heads of several lines: names above names, units below them, merged cells of spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unroll.data.table.kinds import MISSING

#: Lines of a head at most, rows below it that tell it, and characters of a cell in it.
_MOST, _LEAST_BELOW, _LONGEST = 4, 3, 60


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
            return count, _names(rows[:count])
    return None


def _holds_values(column: Sequence[str], is_value: Callable[[str], bool]) -> bool:
    cells = [cell.strip() for cell in column]
    present = [cell for cell in cells if not _is_missing(cell)]
    return bool(present) and all(map(is_value, present))


def _is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def _names(head: Sequence[Sequence[str]]) -> list[str]:
    columns = [[cell.strip() for cell in column] for column in zip(*head, strict=True)]
    first = [column[0] for column in columns]
    named = [name for name in first if name]
    if len(set(named)) == len(named) and len(named) >= len(first) - 1:
        # pandas writes the name of the index below the names of the levels.
        lone = columns[0][-1] if not any(column[-1] for column in columns[1:]) else ""
        return [lone or first[0], *first[1:]]
    return [" ".join(dict.fromkeys(cell for cell in column if cell)) for column in columns]
