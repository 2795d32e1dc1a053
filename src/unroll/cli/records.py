"""What `unroll predict` is asked about: texts on the line, a data file, or lines of standard input."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from unroll.errors import DataError

if TYPE_CHECKING:
    from unroll.data import Table
    from unroll.tasks.base import Record

#: Rows that are taken from a table at a time.
_BLOCK = 1024


def records_of_lines(stream: BinaryIO, encoding: str, name: str = "standard input") -> Iterator[Record]:
    """Yield one record per line: texts, or JSON objects if the first line is one.

    Raises:
        DataError: a line is not in this encoding, or not a JSON object where the first one is; with the line.
    """
    as_json = False
    for number, raw in enumerate(stream, start=1):
        try:
            line = raw.decode(encoding)
        except UnicodeDecodeError as error:
            byte = f"byte {raw[error.start]:#04x} at column {error.start + 1}"
            raise DataError(f"expected {encoding}, got {byte}; give --encoding", name, number) from None
        line = line.rstrip("\r\n")
        if number == 1:
            line = line.removeprefix("\ufeff")
            as_json = line.lstrip().startswith("{") and _object(line) is not None
        if not as_json:
            yield line
            continue
        record = _object(line)
        if record is None:
            raise DataError("expected a JSON object, as in the first line, got something else", name, number)
        yield record


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def records_of_table(table: Table, numbers: Collection[str] = ()) -> Iterator[Record]:
    """Yield the rows of a table: its cells by column, or the text alone if there is one column of text.

    Args:
        table: the rows.
        numbers: columns whose cells are wanted as numbers; all others come as they are written, so that an id such as
            007 stays what it is.
    """
    import numpy as np

    from unroll.data import Kind

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
