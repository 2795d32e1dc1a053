"""Answers as programs write them into the cells of tables: `{'text': ['1815'], 'answer_start': [16]}` and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.data import Kind, Table
from unroll.data.readers.literals import json_value, python_value
from unroll.errors import DataError
from unroll.tasks.reading import are_structured

#: Rows by which it is told whether answers are written so.
_LOOKED_AT = 50
#: How numpy writes arrays in a cell of pandas.
_ARRAY = re.compile(r"array\((\[.*?\])(?:,\s*dtype=[\w.<>'\"]+)?\)", re.DOTALL)


class Held(NamedTuple):
    """What a cell says.

    Attributes:
        texts: the answers; none where the question has none.
        starts: where they stand, in characters; none where the cell does not say.
    """

    texts: tuple[str, ...]
    starts: tuple[int, ...]


def are_held(table: Table, column: str) -> bool:
    """Whether the cells are objects or lists of objects, by the first ones."""
    if table.kinds[column] is not Kind.TEXT or table.details(column).is_list:
        return False
    return are_structured(list(table.texts(column, np.arange(min(len(table), _LOOKED_AT)))))


def held_answers(table: Table, column: str) -> list[Held] | None:
    """The answers of every row, where the cells are objects or lists of objects; None where they are plain.

    Raises:
        DataError: a cell is none, unlike the first ones; with file and line.
    """
    if not are_held(table, column):
        return None
    found = []
    for row, cell in enumerate(table.texts(column)):
        held = answers_in(cell)
        if held is None:
            raise DataError(
                "expected answers as {'text': ['1815'], 'answer_start': [16]} or a list of such objects, got"
                f" {cell[:60]!r}",
                *table.place(row),
            )
        found.append(held)
    return found


def answers_in(cell: str) -> Held | None:
    """The answers of a cell; None if it holds no object with `text`.

    >>> answers_in("{'text': array(['1815', 'in 1815'], dtype=object), 'answer_start': array([16, 13], dtype=int32)}")
    Held(texts=('1815', 'in 1815'), starts=(16, 13))
    >>> answers_in('[{"text": "1815", "answer_start": 16}]')
    Held(texts=('1815',), starts=(16,))
    """
    value = _value(cell.strip())
    if isinstance(value, Mapping) and "text" in value:
        return _held(_listed(value["text"]), _listed(value.get("answer_start")))
    if isinstance(value, list) and all(isinstance(item, Mapping) and "text" in item for item in value):
        starts = [item["answer_start"] for item in value if "answer_start" in item]
        return _held([item["text"] for item in value], starts)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return _held(value, [])
    return None


def _held(texts: Sequence[Any], starts: Sequence[Any]) -> Held | None:
    if not all(isinstance(text, str) for text in texts) or not all(type(start) is int for start in starts):
        return None
    return Held(tuple(texts), tuple(starts))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _value(cell: str) -> Any:
    for read in (json_value, lambda text: python_value(_ARRAY.sub(r"\1", text))):
        try:
            return read(cell)
        except ValueError:
            continue
    return None
