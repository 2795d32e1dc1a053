"""Rows in memory in the shapes in which their files would be read: objects as columns, entities and words as tags."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from unroll.data.readers.parquet import is_list
from unroll.data.readers.spancolumns import hold_spans, may_hold_spans, with_lists
from unroll.data.readers.spans import Marked, marked_in, tagged
from unroll.data.readers.structs import opened_columns
from unroll.data.readers.wordtable import columns_named
from unroll.errors import DataError

#: Rows by which entities are told.
_LOOKED_AT = 50


def reshaped(table: pa.Table) -> pa.Table:
    """Columns with objects opened, entities beside texts as tags, and words gathered to sentences.

    Raises:
        DataError: an entity does not fit its text; with the row.
    """
    if may_hold_spans(table.column_names) and hold_spans(table.slice(0, _LOOKED_AT).to_pylist()):
        marked = marked_rows([with_lists(row) for row in table.to_pylist()])
        if marked is not None:
            return marked
    return _sentences(opened_columns(table))


def _sentences(table: pa.Table) -> pa.Table:
    """A table of words, with the sentence and the tag of each in columns, as a row per sentence."""
    found = columns_named(table.column_names)
    if found is None or any(is_list(field.type) for field in table.schema):
        return table
    groups: list[list[int]] = []
    name: Any = None
    for row, cell in enumerate(table.column(found.sentence).to_pylist()):
        # Where a sentence is named once, the cells below are empty, or NaN.
        if not groups or (cell is not None and cell == cell and cell != "" and cell != name):
            groups.append([])
            name = cell
        groups[-1].append(row)
    if len(groups) == table.num_rows:
        return table
    columns = {}
    for at, called in ((found.word, "tokens"), *((at, found.names[at]) for at in found.others), (found.tag, "tags")):
        cells = ["" if cell is None else str(cell) for cell in table.column(at).to_pylist()]
        columns[called] = pa.array([[cells[row] for row in group] for group in groups])
    return pa.table(columns)


def marked_rows(rows: Sequence[Any]) -> pa.Table | None:
    """Texts with entities, in any form that files have them in, as words and tags; None if the rows are none.

    Raises:
        DataError: an entity does not fit its text; with the row.
    """
    first = [marked_in(row) for row in itertools.islice(rows, _LOOKED_AT)]
    if None in first or not any(marked is not None and marked.entities for marked in first):
        return None
    columns: dict[str, list[Any]] = {"tokens": [], "tags": [], "intent": []}
    for number, row in enumerate(rows):
        marked = marked_in(row)
        if marked is None:
            raise DataError(
                f"expected a text with its entities as in the rows above, got {str(row)[:60]!r} as row {number}"
            )
        found = _tagged(marked, number)
        for name, cell in zip(columns, (*found, marked.intent), strict=True):
            columns[name].append(cell)
    if not any(columns["intent"]):
        del columns["intent"]
    return pa.table(columns)


def _tagged(marked: Marked, number: int) -> Sequence[Any]:
    row, _ = tagged(marked, number)
    if row.problems:
        raise DataError(f"row {number}: {row.problems[0].text}; correct it or take the row out")
    return row.cells
