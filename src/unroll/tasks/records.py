"""What a model is asked about, whatever it comes as, as one record after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data import Kind, ReadOptions, Table
from unroll.data.frames import frames_of, table_of
from unroll.tasks.base import Record

#: Rows that are taken from a table at a time.
_BLOCK = 1024


def records_of(
    data: object, store: Path, numbers: Collection[str] = (), options: ReadOptions | None = None
) -> Iterator[Record]:
    """Texts and mappings as they are; rows of frames, arrays and lists of tokens by way of a table.

    Args:
        data: a text, a record, several of them, or what `frames_of` takes.
        store: a folder for the table.
        numbers: as in `records_of_table`.
        options: how rows that come by way of a table are read.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(data, str):
        return iter([data])
    if isinstance(data, Mapping) and not any(_is_column(value) for value in data.values()):
        return iter([data])
    if isinstance(data, list | tuple) and data and isinstance(data[0], str | Mapping):
        return iter(data)
    if isinstance(data, Iterator):
        return data
    return records_of_table(table_of(frames_of(data), store, options), numbers)


def _is_column(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def records_of_table(table: Table, numbers: Collection[str] = ()) -> Iterator[Record]:
    """Yield the rows of a table: its cells by column, or the text alone if there is one column of text.

    Args:
        table: the rows.
        numbers: columns whose cells are wanted as numbers; all others come as they are written, so that an id such as
            007 stays what it is.
    """
    alone = len(table.columns) == 1 and table.kinds[table.columns[0]] is Kind.TEXT
    for start in range(0, len(table), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(table)))
        cells: dict[str, list[Any]] = {}
        for column in table.columns:
            kind = table.kinds[column]
            if kind is Kind.SERIES:
                cells[column] = [table.series(column, int(row)).tolist() for row in rows]
            elif column in numbers and kind is Kind.NUMBER:
                cells[column] = table.numbers(column, rows).tolist()
            elif table.details(column).is_list:
                cells[column] = list(map(list, table.labels(column, rows)))
            else:
                cells[column] = list(table.texts(column, rows))
        for index in range(len(rows)):
            yield cells[table.columns[0]][index] if alone else {name: cells[name][index] for name in table.columns}
