"""Columns of objects in Arrow, opened to columns of their own, as the objects of JSON rows are."""

from __future__ import annotations

import pyarrow as pa

#: Keys of the objects of a column, at most, so that each becomes a column, and how deep objects are opened.
_MOST_KEYS, _DEPTH = 24, 3


def opened_columns(table: pa.Table) -> pa.Table:
    """A table with the fields of its objects as columns, `translation.en`; pictures and sound stay in one piece.

    >>> opened_columns(pa.table({"a": [{"b": 1, "c": "x"}], "d": [2]})).column_names
    ['a.b', 'a.c', 'd']
    """
    for _ in range(_DEPTH):
        if not any(_is_object(field.type) for field in table.schema):
            break
        columns: dict[str, pa.ChunkedArray] = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            if _is_object(column.type):
                inner = [column.type.field(at).name for at in range(column.type.num_fields)]
                columns.update({f"{name}.{key}": part for key, part in zip(inner, column.flatten(), strict=True)})
            else:
                columns[name] = column
        table = pa.table(columns, metadata=table.schema.metadata)
    return table


def opened_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of such a table."""
    return opened_columns(schema.empty_table()).schema


def _is_object(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind) or not 0 < kind.num_fields <= _MOST_KEYS:
        return False
    inner = [kind.field(at).type for at in range(kind.num_fields)]
    return not any(pa.types.is_binary(one) or pa.types.is_large_binary(one) for one in inner)
