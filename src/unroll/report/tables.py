"""Rows of plain values as a table that a template can write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unroll.report.words import number

_NUMERIC = re.compile(r"[-+<>]?\d[\d.,]*(\s×\s10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?( ?(%|ms|s|min))?( to [-+]?\d[\d.,]*%?| ± \d[\d.,]*)?")

#: Tables longer than this are folded away below their first rows.
_ROWS_SHOWN = 25


#: Characters up to which a column's texts stay on one line, and from which on they may break within a word.
_SHORT, _LONG = 28, 48


class Column(NamedTuple):
    """A column: its name, and what its cells are: "n" for numbers, "short", "long" or "" for texts between."""

    name: str
    kind: str


class Table(NamedTuple):
    """A table as text.

    Attributes:
        label: what it holds, for readers who cannot see it.
        columns: in order.
        shown: the first rows, a text for each column.
        rest: the other rows, which the page folds away.
    """

    label: str
    columns: Sequence[Column]
    shown: Sequence[Sequence[str]]
    rest: Sequence[Sequence[str]]


def as_table(rows: Sequence[Mapping[str, Any]], label: str) -> Table:
    """Return rows as a table in the order of the first row's keys.

    Example:
        >>> as_table([{"n": 1.5, "word": "x"}, {"n": None, "word": True}], "both")
        Table(label='both', columns=[Column(name='n', kind='n'), Column(name='word', kind='short')], \
shown=[['1.5', 'x'], ['', 'yes']], rest=[])
    """
    names = list(rows[0]) if rows else []
    lines = [[_cell(row.get(name)) for name in names] for row in rows]
    columns = [
        Column(str(name), _kind([row.get(name) for row in rows], [line[place] for line in lines]))
        for place, name in enumerate(names)
    ]
    return Table(label, columns, lines[:_ROWS_SHOWN], lines[_ROWS_SHOWN:])


def _kind(values: Sequence[object], texts: Sequence[str]) -> str:
    if all(map(_is_numeric, values)):
        return "n"
    longest = max(map(len, texts))
    return "short" if longest <= _SHORT else "long" if longest >= _LONG else ""


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)


def _is_numeric(value: object) -> bool:
    """Whether a cell stands well in a column of numbers: a number, one with its unit or interval, or nothing."""
    if isinstance(value, str):
        return not value or _NUMERIC.fullmatch(value) is not None
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
