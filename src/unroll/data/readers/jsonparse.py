"""JSON and JSONL cut into rows, every row with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from unroll.data.readers.jsonshapes import Shape, rows_apart, rows_inside, rows_of_columns, shape_of
from unroll.data.readers.lines import numbered_lines
from unroll.data.table.kinds import MAX_JSON_BYTES
from unroll.errors import DataError

#: Keys of turns of a conversation.
_WHO, _SAYS = ("role", "from", "speaker"), ("content", "value", "text", "utterance", "message")


class JsonRow(NamedTuple):
    """One row: its cells by column, its line, and the key under which it stood in a JSON object of lists."""

    cells: Mapping[str, Any]
    line: int
    key: str | None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) != len(pairs):
        raise ValueError("a key stands twice in one object")
    for key in cells:
        # JSON can write half of a character ("\ud800"), which no name of a column can be.
        if not key.isascii() and any("\ud800" <= character <= "\udfff" for character in key):
            raise ValueError(f"the key {key!a} holds half of a character (a lone surrogate)")
    return cells


DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=str)


def _is_turn(item: Any) -> bool:
    """Whether an item of a row that is a list says who speaks and what."""
    return isinstance(item, dict) and any(key in item for key in _WHO) and any(key in item for key in _SAYS)


def _cells(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(map(_is_turn, value)):
        return {"turns": value}
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
            value = DECODER.decode(line.strip())
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
            value, end = DECODER.raw_decode(self.text, self.at)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError):
                self.skip(error.pos)
                # Python writes its dicts and lists with single quotes.
                python = self.text[error.pos : error.pos + 1] == "'"
                raise self.error(error.msg + ("; write it with json.dump, not str" if python else "")) from error
            raise self.error(_reason(error)) from error
        self.skip(end)
        return value

    def error(self, reason: str) -> DataError:
        return DataError(f"not JSON: {reason}", self.path, self.line)


def json_text(path: Path, encoding: str) -> str:
    """The whole text of a JSON file.

    Raises:
        DataError: a file over the limit, or one that cannot be read.
    """
    parts, size = [], 0
    for _, line in numbered_lines(path, encoding, longest=MAX_JSON_BYTES):
        size += len(line) + 1
        if size > MAX_JSON_BYTES:
            raise DataError(
                f"more than {MAX_JSON_BYTES} characters of JSON, which cannot be streamed; write one row per "
                f"line (.jsonl)",
                path,
            )
        parts.append(line)
    return parts[0] if len(parts) == 1 else "\n".join(parts)


class JsonDocument:
    """A JSON file that is one value, with the lines of its texts.

    Args:
        path: the file.
        encoding: its encoding.

    Raises:
        DataError: no JSON, or a file over the limit.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self._cursor = _Cursor(json_text(path, encoding), path)
        #: What the file holds.
        self.value = self._cursor.value()
        if self._cursor.peek():
            raise self._cursor.error("text after the end")
        self.rewind()

    def rewind(self) -> None:
        """Begin to ask for lines anew."""
        self._cursor = _Cursor(self._cursor.text, self._cursor.path)

    def line(self, value: Any) -> int:
        """The line of a text or number, which must be asked for in the order of the file; that of the one before if
        it is not found."""
        for written in (json.dumps(value, ensure_ascii=False), json.dumps(value)):
            at = self._cursor.text.find(written, self._cursor.at)
            if at >= 0:
                self._cursor.skip(at)
                break
        return self._cursor.line


def json_rows(path: Path, encoding: str) -> Iterator[JsonRow]:
    """Yield the rows of a JSON file: ``[row, ...]`` or an object of one of the shapes of `shape_of`.

    A row is an object, a list of cells or one cell.

    Raises:
        DataError: another shape, no JSON, or a file over the limit.
    """
    cursor = _Cursor(json_text(path, encoding), path)
    first = cursor.peek()
    if not first:
        raise DataError("the file is empty; expected a list of rows", path)
    if first == "[":
        yield from _items(cursor, None)
    elif first == "{":
        value = cursor.value()
        if cursor.peek() == "{":
            # Objects one after the other, each over several lines.
            yield JsonRow(_cells(value), 1, None)
            while cursor.peek() == "{":
                line = cursor.line
                yield JsonRow(_cells(cursor.value()), line, None)
            if cursor.peek():
                raise cursor.error("text after the end")
            return
        shape = shape_of(value)
        inside = rows_apart(value) or rows_inside(value)
        if inside is not None:
            yield from (JsonRow(cells, 1, None) for cells in inside)
        elif shape.form == "columns":
            yield from (JsonRow(cells, 1, None) for cells in rows_of_columns(value))
        elif shape.form == "record":
            yield JsonRow(value, 1, None)
        elif shape.form == "rows":
            yield from (JsonRow(cells, 1, None) for cells in value.values())
        else:
            where, cursor = cursor, _Cursor(cursor.text, path)
            yield from _lists(cursor, shape)
            cursor = where
    else:
        raise DataError("expected a list of rows or an object of lists", path, cursor.line)
    if cursor.peek():
        raise cursor.error("text after the end")


def _lists(cursor: _Cursor, shape: Shape) -> Iterator[JsonRow]:
    """The rows of an object of lists, one list after the other."""
    cursor.take("{")
    while cursor.peek() != "}":
        key = cursor.value()
        cursor.take(":")
        if shape.form == "one" and key != shape.key:
            cursor.value()
        elif cursor.peek() != "[":
            raise DataError(
                f'key {key!r} holds no list; expected [row, ...], {{"train": [row, ...], "test": [...]}} or '
                '{"text": [...], "label": [...]}; write other JSON as .jsonl, one row per line',
                cursor.path,
                cursor.line,
            )
        else:
            yield from _items(cursor, None if shape.form == "one" else str(key))
        if cursor.peek() != "}":
            cursor.take(",")
    cursor.take("}")


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
