"""JSONL, and JSON as one list of rows or as {part or label: list of rows}: columns, cells, and the readers of both."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unroll.data.images.pictures import is_picture_name
from unroll.data.readers.features import named, names_beside
from unroll.data.readers.jsonparse import DECODER, JsonRow, json_rows, jsonl_rows
from unroll.data.readers.jsonshapes import nested_in, opened
from unroll.data.readers.lines import encoding_of
from unroll.data.readers.reader import Input, Source
from unroll.data.table.facts import names_labels
from unroll.data.table.splits import part_of
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_SAMPLE = 1000


class Layout(NamedTuple):
    """How the values of JSON rows become columns.

    Attributes:
        fields: the columns.
        keys: "none", "part" (the key of a list names the part), "both" (likewise, and several keys name one part, so
            it is kept as a column)
            or "label" (the key is the label).
        nested: columns whose cells are objects, the cells of which are columns.
    """

    fields: tuple[Field, ...]
    keys: str
    nested: frozenset[str] = frozenset()


def layout_of(rows: Iterable[JsonRow]) -> Layout:
    """Settle the columns by all rows: names in order of appearance, and what each holds in the first rows."""
    shapes: dict[str, set[tuple[str, int]]] = {}
    keys: dict[str, int | None] = {}
    classes: dict[str, bool] = {}
    for number, row in enumerate(rows):
        if row.key is not None and row.key not in keys:
            keys[row.key] = part_of(row.key)
        if number < _SAMPLE:
            for name, value in row.cells.items():
                found = shapes.setdefault(name, set())
                if value is not None:
                    found.add(_shape(value))
                    if isinstance(value, list) and names_labels(name):
                        classes[name] = classes.get(name, True) and all(type(item) is int for item in value)
        else:
            for name in row.cells.keys() - shapes.keys():
                shapes[name] = {_shape(row.cells[name])}
    fields = tuple(_field(name, found) for name, found in shapes.items())
    fields = _with_labels(fields, classes)
    if not keys:
        return Layout(fields, "none")
    if None in keys.values():
        called = "image" if all(is_picture_name(key) for key in keys) else "label"
        return Layout((*fields, Field(_free(called, shapes))), "label")
    if len(set(keys.values())) < len(keys):
        return Layout((*fields, Field(_free("split", shapes))), "both")
    return Layout(fields, "part")


def _with_labels(fields: tuple[Field, ...], classes: Mapping[str, bool]) -> tuple[Field, ...]:
    """Lists of whole numbers in a column called after labels are labels, unless they are tags of tokens."""
    if any(field.storage == "list" for field in fields):
        return fields
    return tuple(_with_names(f) if f.storage == "series" and classes.get(f.name, False) else f for f in fields)


def _free(name: str, taken: Mapping[str, object]) -> str:
    return name if name not in taken else _free(name + "_", taken)


def _shape(value: Any) -> tuple[str, int]:
    if isinstance(value, list):
        if all(_is_number(item) or item is None for item in value):
            return ("series", 1 if value else 0)
        if all(isinstance(item, str) for item in value):
            return ("list", 0)
        inner = {
            len(item) for item in value if isinstance(item, list) and all(_is_number(x) or x is None for x in item)
        }
        if len(inner) == 1 and all(isinstance(item, list) for item in value) and _shapes_agree(value):
            return ("series", inner.pop())
        return ("json", 0)
    return ("json", 0) if isinstance(value, dict) else ("text", 0)


def _shapes_agree(value: Sequence[Any]) -> bool:
    return all(isinstance(item, list) and all(_is_number(x) or x is None for x in item) for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _field(name: str, shapes: set[tuple[str, int]]) -> Field:
    known = shapes - {("series", 0)}
    if not shapes or known == {("text", 0)}:
        return Field(name)
    if known <= {("list", 0)} and known:
        return Field(name, "list")
    if len(known) == 1 and next(iter(known))[0] == "series":
        return Field(name, "series", next(iter(known))[1])
    return Field(name, "series", 1) if not known else Field(name, "json")


def convert(value: Any, field: Field, path: Path, line: int) -> Any:
    """One JSON value as the cell of a column.

    Raises:
        DataError: it does not fit the column.
    """
    if field.storage == "series":
        return _series(value, field, path, line)
    if value is None:
        return None
    if field.storage == "list":
        if isinstance(value, list) and names_labels(field.name):
            value = [str(item) if type(item) is int else item for item in value]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise DataError(f"column {field.name!r} must hold lists of text, got {json.dumps(value)[:40]}", path, line)
        return [_checked(item, field, path, line) for item in value]
    if field.storage == "json" and not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = _scalar(value, field, path, line)
    return _checked(text, field, path, line)


def _checked(text: str, field: Field, path: Path, line: int) -> str:
    """The text, if it can be stored and shown."""
    if "\0" in text:
        raise DataError(f"column {field.name!r} holds a NUL character; remove it", path, line)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise DataError(
            f"column {field.name!r} holds a lone surrogate, which is half a character and no text; remove it",
            path,
            line,
        )
    return text


def _scalar(value: Any, field: Field, path: Path, line: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ("" if math.isnan(value) else str(value))
    raise DataError(
        f"column {field.name!r} must hold text or a number, got {json.dumps(value)[:40]}; rows above have none nested",
        path,
        line,
    )


def _series(value: Any, field: Field, path: Path, line: int) -> Any:
    channels = field.channels or 1
    if isinstance(value, list) and channels == 1 and not any(isinstance(item, list) for item in value):
        flat = value
    elif isinstance(value, list) and all(isinstance(item, list) and len(item) == channels for item in value):
        flat = [number for item in value for number in item]
    else:
        raise DataError(
            f"column {field.name!r} must hold series with {channels} values per step, got {json.dumps(value)[:40]}",
            path,
            line,
        )
    if not all(_is_number(item) or item is None or item == "NaN" for item in flat):
        raise DataError(
            f"column {field.name!r}: a series may hold numbers only, got {json.dumps(value)[:40]}", path, line
        )
    return np.array([math.nan if item is None else item for item in flat], dtype=np.float32)


class JsonSource:
    """A file of JSON rows ready to be read.

    Args:
        path: the file.
        encoding: its encoding.
        layout: the columns, by the first file of the data set.
        names: of the classes of columns whose cells are numbers of classes.
        lines: whether every line is a row; else the file is one JSON value.
        held: its rows, where they were parsed to settle the columns; they are given away once.
    """

    marked = False
    empty = "the file is empty; expected at least one row"

    def __init__(
        self,
        path: Path,
        encoding: str,
        layout: Layout,
        names: Mapping[str, list[str]],
        *,
        lines: bool,
        held: list[JsonRow] | None = None,
    ) -> None:
        self.path = path
        self.encoding = encoding
        self.layout = layout
        self.names = names
        self._lines = lines
        self._held = held

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns."""
        return self.layout.fields

    @property
    def said(self) -> str:
        """Where the rows stand, and what the keys of the file are taken for."""
        said = {
            "none": f"{self.path.name.removesuffix('.gz')}: one row per {'line' if self._lines else 'item'}",
            "part": "parts by the keys of the file",
            "both": "parts by the keys of the file, which column 'split' keeps",
            "label": f"the keys of the file are in column {self.fields[-1].name!r}",
        }[self.layout.keys]
        return f"{said}, {encoding_of(self.path, self.encoding)}"

    def rows(self) -> Iterator[Row]:
        """The rows; a key that is missing in one is an empty cell.

        Raises:
            DataError: no JSON, a value that does not fit its column, or a key that is no column; with its line.
        """
        names = [field.name for field in self.fields]
        keys = self.layout.keys
        held, self._held = self._held, None
        given = _rows(self.path, self.encoding, lines=self._lines) if held is None else _given_away(held)
        for row in _opened(given, self.layout.nested):
            part = part_of(row.key) if row.key is not None and keys in ("part", "both") else None
            cells = row.cells if keys in ("none", "part") else {**row.cells, names[-1]: row.key}
            unknown = cells.keys() - set(names)
            if unknown:
                raise DataError(
                    f"column {min(unknown)!r} is not in the first file, which has {', '.join(names[:12])}",
                    self.path,
                    row.line,
                )
            converted = [
                convert(self._named(cells.get(field.name), field.name, row.line), field, self.path, row.line)
                if field.name in cells or field.storage != "series"
                else np.empty(0, np.float32)
                for field in self.fields
            ]
            yield Row(converted, row.line, part)

    def _named(self, value: Any, column: str, line: int) -> Any:
        names = self.names.get(column)
        if names is None:
            return value
        if isinstance(value, list):
            return [named(item, names, column, self.path, line) or "" for item in value]
        return named(value, names, column, self.path, line) if isinstance(value, int | float) else value

    def left(self) -> list[str]:
        """Nested values: what became of them."""
        parts = (
            [f"objects are columns of their own: {', '.join(sorted(self.layout.nested)[:8])}"]
            if self.layout.nested
            else []
        )
        nested = [field.name for field in self.fields if field.storage == "json"]
        return [*parts, *([f"nested values are kept as JSON text in {', '.join(nested[:8])}"] if nested else [])]


def _rows(path: Path, encoding: str, *, lines: bool) -> Iterator[JsonRow]:
    return (jsonl_rows if lines else json_rows)(path, encoding)


def _opened(rows: Iterable[JsonRow], nested: frozenset[str]) -> Iterator[JsonRow]:
    """Rows with the cells of objects as cells of their own."""
    return iter(row._replace(cells=opened(row.cells, nested)) for row in rows) if nested else iter(rows)


def _given_away(rows: list[JsonRow]) -> Iterator[JsonRow]:
    """Rows in order, each of which is let go when the next is asked for."""
    rows.reverse()
    while rows:
        yield rows.pop()


def _open(file: Input, first: Source | None, *, lines: bool) -> JsonSource:
    path, encoding = file.path, file.options.encoding
    if isinstance(first, JsonSource):
        return JsonSource(path, encoding, first.layout, first.names, lines=lines)
    # A key may appear first in the last row: lines, which may be more than memory holds, are read twice for that.
    held = None if lines else list(_rows(path, encoding, lines=False))

    def rows() -> Iterable[JsonRow]:
        return _rows(path, encoding, lines=True) if held is None else held

    nested = nested_in(row.cells for row in itertools.islice(rows(), _SAMPLE))
    layout = layout_of(_opened(rows(), nested))._replace(nested=nested)
    if not layout.fields:
        raise DataError(JsonSource.empty, path)
    names = {name: own for name, own in names_beside(path).items() if name in {f.name for f in layout.fields}}
    fields = tuple(_with_names(field) if field.name in names else field for field in layout.fields)
    return JsonSource(path, encoding, layout._replace(fields=fields), names, lines=lines, held=held)


def _with_names(field: Field) -> Field:
    """A column of numbers of classes as one of their names."""
    return Field(field.name, "list") if field.storage == "series" else field


class JsonLinesReader:
    """Reads JSONL."""

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson")
    summary = (
        "one object, list or text per line; a key may be missing or come late; lists of numbers are series, lists of "
        "texts are labels; the keys of objects in cells are columns (`data.text`)"
    )

    def recognises(self, file: Input) -> bool:
        """Every line is an object; a single one may as well be a JSON file of one line."""
        if not file.opening.startswith(b"{"):
            return False
        lines = [line for _, line in file.lines if line.strip()]
        try:
            return len(lines) > (".json" in file.path.suffixes) and all(
                isinstance(DECODER.decode(line.strip()), dict) for line in lines
            )
        except (ValueError, RecursionError):
            return False

    def open(self, file: Input, first: Source | None) -> JsonSource:
        """Settle the columns by all rows of the first file."""
        return _open(file, first, lines=True)


class JsonReader:
    """Reads JSON."""

    name = "json"
    suffixes = (".json",)
    summary = (
        '`[row, ...]`, `{"train": [...], "test": [...]}`, `{label: [text, ...]}`, `{column: [cell, ...]}`, '
        'or an object with the rows under one key, `{"version": ..., "data": [...]}`'
    )

    def recognises(self, file: Input) -> bool:
        """Not told by its first lines: prose may begin with a bracket."""
        return False

    def open(self, file: Input, first: Source | None) -> JsonSource:
        """Settle the columns by all rows of the first file."""
        return _open(file, first, lines=False)
