"""What the keys of a JSON object stand for: parts, labels, columns or rows. And objects in cells, opened to columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from unroll.data.readers.dialect import is_common
from unroll.data.readers.features import names_in_list
from unroll.data.table.splits import part_of
from unroll.data.table.times import guess_notations

#: Usual names from which on the keys of an object name columns, not labels.
_NAMES = 2
#: Keys of the objects of a column, at most, so that each becomes a column; more are no record but a dictionary.
_MOST_KEYS = 24
#: Objects in objects in objects are opened so deep.
_DEPTH = 3


class Shape(NamedTuple):
    """What an object is.

    Attributes:
        form: "lists": the keys name parts or labels, and every value is a list of rows; "one": one key holds the list
            of rows, the others speak of it; "columns": the keys name columns; "rows": every value is a row;
            "record": the object is one row, whose cells are objects that have nothing in common.
        key: of the rows, of form "one".
    """

    form: Literal["lists", "one", "columns", "rows", "record"]
    key: str | None = None


def shape_of(value: Mapping[str, Any]) -> Shape:
    """What the keys of an object stand for.

    >>> shape_of({"good": ["fine"], "bad": ["dull"]}).form, shape_of({"text": ["fine", "dull"], "label": [1, 0]}).form
    ('lists', 'columns')
    >>> shape_of({"version": "1.0", "data": [{"text": "fine"}]})
    Shape(form='one', key='data')
    """
    cells = list(value.values())
    usual = sum(map(is_common, value)) >= _NAMES
    if cells and all(isinstance(cell, dict) and cell for cell in cells):
        alike = all(cell.keys() == cells[0].keys() for cell in cells)
        keys = list(cells[0])
        # pandas writes a column as an object from its index, which counts or holds times, to its cells.
        index = all(key.isdigit() for key in keys) or bool(guess_notations(pa.array(keys)))
        if not set.intersection(*(set(cell) for cell in cells)) and len(cells) <= _MOST_KEYS:
            return Shape("record")
        return Shape("columns") if alike and index else Shape("rows")
    if all(isinstance(cell, list) for cell in cells):
        even = len({len(cell) for cell in cells}) == 1 and len(cells[0]) > 0
        plain = not any(isinstance(item, dict) for cell in cells for item in cell)
        numbers = any(all(isinstance(item, int | float) for item in cell) for cell in cells)
        if (
            (usual or numbers)
            and even
            and plain
            and len(cells) > 1
            and not any(part_of(key) is not None for key in value)
        ):
            return Shape("columns")
    lists = [key for key, cell in value.items() if isinstance(cell, list) and cell and isinstance(cell[0], dict)]
    if len(lists) == 1 and part_of(lists[0]) is None:
        return Shape("one", lists[0])
    return Shape("lists")


def rows_inside(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The only list of objects that objects in objects hold, as of `{"info": {...}, "set": {"items": [{...}]}}`; None
    where a list stands at the top, or there are several.

    >>> rows_inside({"info": {"by": "us"}, "set": {"items": [{"text": "fine"}]}})
    [{'text': 'fine'}]
    """
    if any(isinstance(cell, list) for cell in value.values()):
        return None
    found = list(itertools.islice(_lists_inside(value, _DEPTH), 2))
    return found[0] if len(found) == 1 else None


def rows_apart(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of an object that says beside them what their columns are: as pandas writes a frame with ``orient``
    split or tight, and as the server of Hugging Face sends rows; None of any other.

    >>> rows_apart({"columns": ["text", "label"], "index": [0], "data": [["fine", "pos"]]})
    [{'text': 'fine', 'label': 'pos'}]
    >>> rows_apart({"features": [{"name": "text"}], "rows": [{"row_idx": 0, "row": {"text": "fine"}}]})
    [{'text': 'fine'}]
    """
    columns, data, rows = (value.get(key) for key in ("columns", "data", "rows"))
    if isinstance(columns, list) and isinstance(data, list) and data and all(isinstance(row, list) for row in data):
        width = len(columns)
        if all(isinstance(name, str | int) for name in columns) and all(len(row) == width for row in data):
            # pandas counts columns without names.
            names = [name if isinstance(name, str) else f"column{at}" for at, name in enumerate(columns, 1)]
            return [dict(zip(names, row, strict=True)) for row in data]
    if isinstance(rows, list) and rows and isinstance(value.get("features"), list):
        inside = [row.get("row") if isinstance(row, dict) else None for row in rows]
        if all(isinstance(row, dict) for row in inside):
            classes = names_in_list(value["features"])
            return [{key: _as_name(cell, classes.get(key)) for key, cell in row.items()} for row in inside if row]
    return None


def _as_name(cell: Any, names: list[str] | None) -> Any:
    """The name of a class, or of those in a list; any other cell as it is."""
    if names and isinstance(cell, list):
        return [_as_name(item, names) for item in cell]
    return names[cell] if names and type(cell) is int and 0 <= cell < len(names) else cell


def _lists_inside(value: Mapping[str, Any], depth: int) -> Iterator[list[dict[str, Any]]]:
    for cell in value.values():
        if isinstance(cell, list) and cell and all(isinstance(item, dict) for item in cell):
            yield cell
        elif isinstance(cell, dict) and depth:
            yield from _lists_inside(cell, depth - 1)


def rows_of_columns(value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of an object of columns, each a list, or an object from numbers of rows to cells."""
    columns = [list(cells.values()) if isinstance(cells, dict) else cells for cells in value.values()]
    for cells in zip(*columns, strict=True):
        yield dict(zip(value, cells, strict=True))


def nested_in(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The columns whose cells are objects of a few keys, which become columns of their own; deeper ones as a.b."""
    inside: dict[str, set[str] | None] = {}
    for cells in rows:
        _look(cells, "", inside, _DEPTH)
    return frozenset(name for name, keys in inside.items() if keys and len(keys) <= _MOST_KEYS)


def _look(cells: Mapping[str, Any], before: str, inside: dict[str, set[str] | None], depth: int) -> None:
    for name, value in cells.items():
        path = before + name
        if isinstance(value, dict) and depth and "." not in name:
            known = inside.setdefault(path, set())
            if known is not None:
                known.update(value)
            _look(value, path + ".", inside, depth - 1)
        elif value is not None:
            inside[path] = None


def opened(cells: Mapping[str, Any], nested: frozenset[str], before: str = "") -> dict[str, Any]:
    """The cells of a row with those in objects as cells of their own.

    >>> opened({"id": 1, "data": {"text": "fine"}}, frozenset({"data"}))
    {'id': 1, 'data.text': 'fine'}
    """
    found: dict[str, Any] = {}
    for name, value in cells.items():
        path = before + name
        if path not in nested:
            found[path] = value
        elif isinstance(value, dict):
            found.update(opened(value, nested, path + "."))
        elif value is not None:
            found[path] = value
    return found
