"""JSONL, and JSON as one list of rows or as {part or label: list of rows}: every row with its line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unroll.data.readers.lines import numbered_lines
from unroll.data.table.kinds import MAX_JSON_BYTES
from unroll.data.table.splits import part_of
from unroll.data.table.table import UNIT_SEPARATOR
from unroll.data.table.writer import Field, Writer
from unroll.errors import DataError

_SAMPLE = 1000


class JsonRow(NamedTuple):
    """One row: its cells by column, its line, and the key under which it stood in a JSON object of lists."""

    cells: Mapping[str, Any]
    line: int
    key: str | None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=str)


def _cells(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and not all(isinstance(item, int | float) for item in value):
        return {f"column{index}": item for index, item in enumerate(value, 1)}
    return {"column1": value}


def jsonl_rows(path: Path, encoding: str) -> Iterator[JsonRow]:
    """Yield the rows of a JSONL file; blank lines are left out.

    Raises:
        DataError: a line is no JSON.
    """
    for number, line in numbered_lines(path, encoding):
        if not line.strip():
            continue
        try:
            value = _DECODER.decode(line.strip())
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"not JSON: {_reason(error)}; expected one object or list per line", path, number
            ) from error
        yield JsonRow(_cells(value), number, None)


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


class _Cursor:
    """A place in a JSON text that knows its line."""

    def __init__(self, text: str, path: Path) -> None:
        self.text = text
        self.path = path
        self.at = 0
        self.line = 1

    def skip(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def peek(self) -> str:
        """The next visible character, which is where the cursor then stands; empty at the end."""
        at = self.at
        while at < len(self.text) and self.text[at] in " \t\r\n":
            at += 1
        self.skip(at)
        return self.text[at : at + 1]

    def take(self, character: str) -> None:
        found = self.peek()
        if found != character:
            raise self.error(f"expected {character!r}, got {found or 'the end of the file'!r}")
        self.skip(self.at + 1)

    def value(self) -> Any:
        self.peek()
        try:
            value, end = _DECODER.raw_decode(self.text, self.at)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError):
                self.skip(error.pos)
                raise self.error(error.msg) from error
            raise self.error(_reason(error)) from error
        self.skip(end)
        return value

    def error(self, reason: str) -> DataError:
        return DataError(f"not JSON: {reason}", self.path, self.line)


def json_rows(path: Path, encoding: str) -> Iterator[JsonRow]:
    """Yield the rows of a JSON file: ``[row, ...]`` or ``{key: [row, ...], ...}``.

    A row is an object, a list of cells or one cell.

    Raises:
        DataError: another shape, no JSON, or a file over the limit.
    """
    parts, size = [], 0
    for _, line in numbered_lines(path, encoding):
        size += len(line) + 1
        if size > MAX_JSON_BYTES:
            raise DataError(
                f"more than {MAX_JSON_BYTES} characters of JSON, which cannot be streamed; write one row per "
                f"line (.jsonl)",
                path,
            )
        parts.append(line)
    cursor = _Cursor("\n".join(parts), path)
    first = cursor.peek()
    if not first:
        raise DataError("the file is empty; expected a list of rows", path)
    if first == "[":
        yield from _items(cursor, None)
    elif first == "{":
        cursor.take("{")
        while cursor.peek() != "}":
            key = cursor.value()
            if not isinstance(key, str):
                raise cursor.error("expected a key in quotes")
            cursor.take(":")
            if cursor.peek() != "[":
                raise DataError(
                    f'key {key!r} holds no list; expected [row, ...] or {{"train": [row, ...], "test": '
                    f"[...]}}; write other JSON as .jsonl, one row per line",
                    path,
                    cursor.line,
                )
            yield from _items(cursor, key)
            if cursor.peek() != "}":
                cursor.take(",")
        cursor.take("}")
    else:
        raise DataError("expected a list of rows or an object of lists", path, cursor.line)
    if cursor.peek():
        raise cursor.error("text after the end")


def _items(cursor: _Cursor, key: str | None) -> Iterator[JsonRow]:
    cursor.take("[")
    while cursor.peek() != "]":
        line = cursor.line
        yield JsonRow(_cells(cursor.value()), line, key)
        if cursor.peek() != "]":
            cursor.take(",")
            if cursor.peek() == "]":
                raise cursor.error("a comma before the closing bracket")
    cursor.take("]")


class Layout(NamedTuple):
    """How the values of JSON rows become columns.

    Attributes:
        fields: the columns.
        keys: "none", "part" (the key of a list names the part), "both" (likewise, and several keys name one part, so
            it is kept as a column)
            or "label" (the key is the label).
    """

    fields: tuple[Field, ...]
    keys: str


def layout_of(rows: Iterable[JsonRow]) -> Layout:
    """Settle the columns by all rows: names in order of appearance, and what each holds in the first rows."""
    shapes: dict[str, set[tuple[str, int]]] = {}
    keys: dict[str, int | None] = {}
    for number, row in enumerate(rows):
        if row.key is not None and row.key not in keys:
            keys[row.key] = part_of(row.key)
        if number < _SAMPLE:
            for name, value in row.cells.items():
                found = shapes.setdefault(name, set())
                if value is not None:
                    found.add(_shape(value))
        else:
            for name in row.cells.keys() - shapes.keys():
                shapes[name] = {_shape(row.cells[name])}
    fields = tuple(_field(name, found) for name, found in shapes.items())
    if not keys:
        return Layout(fields, "none")
    if None in keys.values():
        return Layout((*fields, Field(_free("label", shapes))), "label")
    if len(set(keys.values())) < len(keys):
        return Layout((*fields, Field(_free("split", shapes))), "both")
    return Layout(fields, "part")


def _free(name: str, taken: Mapping[str, object]) -> str:
    return name if name not in taken else _free(name + "_", taken)


def _shape(value: Any) -> tuple[str, int]:
    if isinstance(value, list):
        if all(_is_number(item) or item is None for item in value):
            return ("series", 1 if value else 0)
        if all(isinstance(item, str) for item in value):
            return ("labels", 0)
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
    if known <= {("labels", 0)} and known:
        return Field(name, "labels")
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
    if field.storage == "labels":
        if not isinstance(value, list) or not all(
            isinstance(item, str) and UNIT_SEPARATOR not in item for item in value
        ):
            raise DataError(f"column {field.name!r} must hold lists of text, got {json.dumps(value)[:40]}", path, line)
        text = UNIT_SEPARATOR.join(value)
    elif field.storage == "json" and not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = _scalar(value, field, path, line)
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


def write_rows(writer: Writer, rows: Iterable[JsonRow], layout: Layout, path: Path, part: int | None) -> None:
    """Add JSON rows to a table; `part` is the part of the whole file, if it has one."""
    names = [field.name for field in layout.fields]
    current: str | None = None
    writer.begin(path, part)
    for row in rows:
        if row.key is not None and row.key != current and layout.keys in ("part", "both"):
            current = row.key
            writer.part(part_of(row.key) if part is None else part)
        keyed = row.cells if layout.keys in ("none", "part") else {**row.cells, names[-1]: row.key}
        unknown = keyed.keys() - set(names)
        if unknown:
            raise DataError(
                f"column {min(unknown)!r} is not in the first file, which has {', '.join(names[:12])}", path, row.line
            )
        cells = [
            convert(keyed.get(field.name), field, path, row.line)
            if field.name in keyed or field.storage != "series"
            else np.empty(0, np.float32)
            for field in layout.fields
        ]
        writer.add(cells, row.line, sum(len(cell) for cell in cells if cell is not None))
