"""Columns that say which part each row belongs to, or number folds: they say nothing of what a row is about."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

import numpy as np

from unroll.data.table.codes import cell_codes
from unroll.data.table.kinds import Kind
from unroll.data.table.splits import PART_NAMES, Split
from unroll.data.table.table import Table

#: Words of parts that stand in cells alone: those of Kaggle's competitions with two boards.
_WORDS = {**PART_NAMES, "publictest": 1, "public_test": 1, "privatetest": 2, "private_test": 2, "holdout": 2}
#: How columns are called that say of one part whether a row belongs to it.
_ASKS = re.compile(
    r"(?i)(?:is|in)[ _]?(?:the[ _]?)?(train|training|test|testing|val|validation|dev|eval|holdout)(?:[ _]?set)?"
    r"|(train|test|val|validation|eval|holdout)[ _](?:flag|mask|ind|indicator)"
)
_YES, _NO = ("1", "true", "yes", "y", "t", "1.0"), ("0", "false", "no", "n", "f", "0.0", "")
#: How columns are called whose numbers are those of folds or parts, and how many of them there are at most.
_FOLDS = re.compile(r"(?i)(?:(?:k|cv|outer|inner|test)?[ _]?folds?(?:[ _]?(?:id|no|nr|num|number))?|splits?|partition)")
_MOST_FOLDS = 20
#: Columns that are looked at, and distinct cells up to which words are read.
_LOOKED_AT, _FEW = 60, 8


class _Said(NamedTuple):
    columns: tuple[str, ...]
    parts: np.ndarray


def told_parts(table: Table, used: Container[str | None]) -> Table:
    """The table without columns that say parts or folds; each row is in the part that they say.

    Parts that the files say stand. What was done is said in `notes`.

    Args:
        table: the data.
        used: columns that the user gave a meaning, which they keep.
    """
    names = [name for name in table.columns[:_LOOKED_AT] if name not in used]
    names = [name for name in names if table.kinds[name] in (Kind.TEXT, Kind.NUMBER)]
    folds = [name for name in names if _numbers_folds(table, name)]
    said = _words(table, names) or _answers(table, [name for name in names if name not in folds])
    notes = [
        f"'{name}' numbers folds or parts and is no input; with train and test in it, it is obeyed" for name in folds
    ]
    hidden = [*folds]
    parts = table.parts
    if said is not None:
        hidden += said.columns
        shown = "', '".join(said.columns)
        # Several files without parts may be a series each, which parts would join.
        if parts is None and (len(table.paths) == 1 or table.in_memory):
            parts = said.parts
            counts = [(int((parts == part).sum()), word) for part, word in enumerate(Split._fields)]
            held = ", ".join(f"{count:,} {word}" for count, word in counts if count)
            notes.append(f"'{shown}' says which part a row belongs to ({held}) and is no input")
        else:
            notes.append(f"'{shown}' says which part a row belongs to, as the files do, and is not used")
    if not hidden or len(hidden) == len(table.columns):
        return table
    return table.without(hidden, parts, notes)


def without_parts(table: Table, used: Container[str | None]) -> Table:
    """The table of rows to answer for without such columns, where there may be one value of them; its parts stay.

    Args:
        table: the rows.
        used: columns that the model was trained with.
    """
    told = told_parts(table, used)
    called = [name for name in told.columns if _ASKS.fullmatch(name.strip()) or _FOLDS.fullmatch(name.strip())]
    hidden = {*table.columns} - {*told.columns} | {name for name in called if name not in used}
    return table.without(hidden, table.parts, ()) if hidden and len(hidden) < len(table.columns) else table


def _words(table: Table, names: list[str]) -> _Said | None:
    """A column in which every cell is a word of a part, train and another at least."""
    for name in names:
        if table.kinds[name] is not Kind.TEXT or table.texts(name)[0].strip().casefold() not in _WORDS:
            continue
        cells, codes = cell_codes(table, name)
        found = [_WORDS.get(cell.strip().casefold()) for cell in cells[: _FEW + 1]]
        known = [part for part in found if part is not None]
        if len(known) == len(cells) and 0 in known and len(set(known)) > 1:
            return _Said((name,), np.array(known, np.int8)[codes])
    return None


def _answers(table: Table, names: list[str]) -> _Said | None:
    """Columns that say yes or no, each of one part."""
    parts: np.ndarray | None = None
    columns = []
    for name in names:
        asked = _ASKS.fullmatch(name.strip())
        if asked is None:
            continue
        part = _WORDS[(asked[1] or asked[2]).casefold()]
        cells, codes = cell_codes(table, name)
        words = [cell.strip().casefold() for cell in cells]
        if len(words) != 2 or sum(word in _YES for word in words) != 1 or sum(word in _NO for word in words) != 1:
            continue
        yes = np.array([word in _YES for word in words])[codes]
        columns.append(name)
        if parts is None:
            # What does not train tests, unless another column says otherwise.
            parts = np.full(len(table), 0 if part else 2, np.int8)
        parts[yes] = part
    if parts is None or not (parts == 0).any():
        return None
    return _Said(tuple(columns), parts)


def _numbers_folds(table: Table, name: str) -> bool:
    """Whether a column is called as one of folds and holds few whole numbers, each often."""
    if table.kinds[name] is not Kind.NUMBER or not _FOLDS.fullmatch(name.strip()):
        return False
    cells, _ = cell_codes(table, name)
    whole = all(cell.strip().lstrip("-").removesuffix(".0").isdigit() for cell in cells)
    return whole and 2 <= len(cells) <= min(_MOST_FOLDS, len(table) // 2)
