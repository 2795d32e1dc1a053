"""Questions with choices, of which the answer is a letter or a number: that is not learnt, and is asked about."""

from __future__ import annotations

import re

import numpy as np

from unroll.data import Kind, Table
from unroll.errors import DataError
from unroll.tasks.base import Guess
from unroll.tasks.reading import are_structured

#: What lists of choices are called, and columns of one choice each.
_LISTS = frozenset(("choices", "options", "endings", "candidates", "선택지", "보기"))
_ONE = re.compile(
    r"(?i)(?:choice|option|opt|answer|ans|ending|candidate|distractor|sol|선택지|보기)[ _-]?[a-h0-9]|[a-e]$"
)
#: Names of columns without a header.
_UNNAMED = re.compile(r"column\d+$")
_LETTERS = "abcdefgh"
#: Rows by which it is told, and choices, at least.
_LOOKED_AT, _LEAST = 200, 2


def refuse_choices(table: Table, guess: Guess) -> None:
    """Raise if the answer is the letter or the number of one of the choices that stand beside it.

    Raises:
        DataError: it is.
    """
    target = guess.data.target
    rows = np.arange(min(len(table), _LOOKED_AT))
    lists = [name for name in table.columns if _LISTS & set(name.casefold().split(".")) and _is_list(table, name, rows)]
    if target is None or (target not in lists and not _names_choices(table, target, rows)):
        return
    ones = [name for name in table.columns if _ONE.match(name) and name != target and table.kinds[name] is Kind.TEXT]
    several = f"'{ones[0]}' to '{ones[-1]}'" if len(ones) > _LEAST else _unnamed(table, target)
    beside = f"'{lists[0]}'" if lists else several
    if beside is None:
        return
    number = "number" if table.kinds[target] is Kind.NUMBER else "letter or number"
    what = f"the choices in {beside}"
    if target not in lists:
        what = f"'{target}' is the {number} of one of {what}"
    raise DataError(
        f"{what}, which differ from row to row, are not learnt; name a column of classes with"
        " --target, or write question and answer as texts for --task chat",
        table.paths[0],
    )


def _is_list(table: Table, name: str, rows: np.ndarray) -> bool:
    if table.details(name).is_list:
        return True
    return table.kinds[name] is Kind.TEXT and are_structured(list(table.texts(name, rows)))


def _names_choices(table: Table, target: str, rows: np.ndarray) -> bool:
    """Whether all cells are letters of choices, or small numbers."""
    if table.kinds[target] is Kind.NUMBER:
        found = set(table.numbers(target, rows).tolist())
        return all(value == int(value) and 0 <= value < len(_LETTERS) for value in found if value == value)
    if table.kinds[target] is not Kind.TEXT or table.details(target).is_list:
        return False
    return {cell.strip().casefold() for cell in table.texts(target, rows)} <= set(_LETTERS)


def _unnamed(table: Table, target: str) -> str | None:
    """The columns of choices in a table without names, as MMLU has it: a question, as many as there are letters."""
    if table.kinds[target] is not Kind.TEXT or not all(map(_UNNAMED.match, table.columns)):
        return None
    letters = sorted({cell.strip() for cell in table.texts(target)})
    others = [name for name in table.columns if name != target and table.columns.index(name) < len(table.columns) - 1]
    if len(letters) <= _LEAST or letters != list(_LETTERS.upper()[: len(letters)]) or len(others) != len(letters) + 1:
        return None
    return f"'{others[1]}' to '{others[-1]}'"
