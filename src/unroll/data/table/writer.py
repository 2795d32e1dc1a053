"""Writing a table: rows stream in batches into one Arrow IPC file, and the kind of each column is found on the way."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from unroll.data.table.facts import TextFacts
from unroll.data.table.kinds import MAX_COLUMNS, Column, Kind, Problem, ReadOptions
from unroll.data.table.table import FILE, LINE, LINES, META_FILE, PART, PROBLEMS, TABLE_FILE, TOKEN, Table
from unroll.errors import DataError

_BATCH_ROWS = 1 << 16
_BATCH_CHARACTERS = 32 * 2**20
_KEEP_FREE = 256 * 2**20
_TYPES = {
    "text": pa.large_string(),
    "list": pa.large_list(pa.large_string()),
    "json": pa.large_string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "series": pa.large_list(pa.float32()),
}
_MARKS = [
    (LINES, pa.large_list(pa.int64())),
    (PROBLEMS, pa.large_list(pa.struct([("kind", pa.string()), ("line", pa.int64()), ("text", pa.string())]))),
]


class Field(NamedTuple):
    """A column as it is written.

    Attributes:
        name: its name.
        storage: "text" (its kind is found out), "list" (of texts), "json" (nested values as text), "number", "integer"
            or "series".
        channels: for a series, the size I of each step.
    """

    name: str
    storage: str = "text"
    channels: int | None = None


class Row(NamedTuple):
    """One row of a file.

    Attributes:
        cells: one per column: a text, a list of texts, a flat float32 array, or None.
        line: where it starts, from 1.
        part: 0 train, 1 validation, 2 test, if the file says so of this row; what is said of the whole file holds more.
        item_lines: the line of every item of its lists.
        problems: what is wrong with it.
    """

    cells: Sequence[Any]
    line: int
    part: int | None = None
    item_lines: Sequence[int] | None = None
    problems: Sequence[Problem] = ()


class Batch(NamedTuple):
    """Many rows at once: an Arrow array per column, of the column's type; their lines count up from `line`."""

    arrays: Sequence[pa.Array]
    line: int


class _FileSink:
    """An Arrow file of the store, which stands beside its description when it is complete."""

    def __init__(self, store: Path, schema: pa.Schema) -> None:
        self._store = store
        self._temporary = store / f"{TABLE_FILE}.{os.getpid()}.tmp"
        self._sink = pa.OSFile(str(self._temporary), "wb")
        self._writer = pa.ipc.new_file(self._sink, schema)

    def write(self, batch: pa.RecordBatch, before: int) -> None:
        if shutil.disk_usage(self._store).free < _KEEP_FREE:
            raise DataError(
                f"the disk is nearly full after {before} rows; free space or store the table elsewhere", self._store
            )
        self._writer.write_batch(batch)

    def discard(self) -> None:
        self._writer.close()
        self._sink.close()
        self._temporary.unlink(missing_ok=True)

    def finish(self, meta: dict[str, Any]) -> Table:
        self._writer.close()
        self._sink.close()
        # A crash between the two replacements leaves two files whose tokens differ, which `Table.open` refuses.
        temporary = self._store / f"{META_FILE}.{os.getpid()}.tmp"
        temporary.write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")
        temporary.replace(self._store / META_FILE)
        self._temporary.replace(self._store / TABLE_FILE)
        return Table.open(self._store)


class _MemorySink:
    """The batches themselves: what is in memory already stays there."""

    def __init__(self, store: Path, schema: pa.Schema) -> None:
        self._store = store
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch, before: int) -> None:
        self._batches.append(batch)

    def discard(self) -> None:
        self._batches.clear()

    def finish(self, meta: dict[str, Any]) -> Table:
        return Table(self._store, pa.Table.from_batches(self._batches, self._schema), meta)


class Writer:
    """Writes one table into a folder.

    Use it as a context manager and call `finish`; without that nothing is left behind.

    Args:
        store: the folder; made if it is missing. A table that is there is replaced when this one is complete.
        fields: the columns in order.
        path: the first file, for errors about the columns.
        marked: whether rows come with the lines of their items and with what is wrong with them.
        in_memory: keep the rows in memory, where they are; no other process can open the table then.
        options: what is known of numbers, dates and columns.

    Raises:
        DataError: too many columns, or two of the same name.
    """

    def __init__(
        self,
        store: Path,
        fields: Sequence[Field],
        path: Path,
        *,
        marked: bool = False,
        in_memory: bool = False,
        options: ReadOptions | None = None,
    ) -> None:
        if len(fields) > MAX_COLUMNS:
            raise DataError(f"{len(fields)} columns; at most {MAX_COLUMNS} can be read", path, 1)
        seen: set[str] = set()
        for field in fields:
            if field.name in seen:
                raise DataError(
                    f"two columns are called {field.name!r}; rename one, or say that there is no header", path, 1
                )
            seen.add(field.name)
        self._fields = tuple(fields)
        self._options = options or ReadOptions()
        given = (self._options.decimal, self._options.day_first)
        self._facts = [TextFacts(*given, field.name) if field.storage == "text" else None for field in fields]
        self._paths: list[Path] = []
        self._part = -1
        self._any_part = False
        self._lists = [index for index, field in enumerate(fields) if field.storage == "list"]
        self._marked = marked
        self._rows: list[Row] = []
        self._file_of: list[int] = []
        self._part_of: list[int] = []
        self._size = 0
        self._total = 0
        schema = [(f"c{index}", _TYPES[field.storage]) for index, field in enumerate(fields)]
        #: Ties the table file to its description, which is a file of its own.
        self._token = secrets.token_hex(8)
        origin = [(FILE, pa.int32()), (LINE, pa.int64()), (PART, pa.int8())]
        marks = _MARKS if marked else []
        self._schema = pa.schema([*schema, *origin, *marks], metadata={TOKEN: self._token})
        store.mkdir(parents=True, exist_ok=True)
        self._sink = _MemorySink(store, self._schema) if in_memory else _FileSink(store, self._schema)
        self._finished = False

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._sink.discard()

    @property
    def total(self) -> int:
        """Rows so far."""
        return self._total + len(self._rows)

    def begin(self, path: Path, part: int | None = None) -> None:
        """The following rows come from this file; `part` is 0 train, 1 validation, 2 test, None unknown."""
        self._paths.append(path)
        self._part = -1 if part is None else part
        self._any_part = self._any_part or part is not None

    def add(self, row: Row | Batch) -> None:
        """One row of the file, or many."""
        if isinstance(row, Batch):
            self._flush()
            count = len(row.arrays[0])
            lines = np.arange(row.line, row.line + count)
            files, parts = np.full(count, len(self._paths) - 1), np.full(count, self._part)
            self._write([*row.arrays, *_origin(files, lines, parts)])
            return
        part = self._part
        if row.part is not None and part < 0:
            part, self._any_part = row.part, True
        self._rows.append(row)
        self._file_of.append(len(self._paths) - 1)
        self._part_of.append(part)
        self._size += sum(len(cell) for cell in row.cells if cell is not None)
        for index in self._lists:
            self._size += sum(map(len, row.cells[index] or ()))
        if len(self._rows) >= _BATCH_ROWS or self._size >= _BATCH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        try:
            arrays = self._arrays()
        except UnicodeEncodeError as error:
            row = next((at for at, row in enumerate(self._rows) if _holds_half(row)), 0)
            raise DataError(
                "a text holds a lone surrogate, which is half a character and no text; remove it",
                self._paths[self._file_of[row]],
                self._rows[row].line,
            ) from error
        self._rows, self._file_of, self._part_of, self._size = [], [], [], 0
        self._write(arrays)

    def _arrays(self) -> list[pa.Array]:
        """The columns of the rows that wait, with what is kept beside them."""
        columns = zip(*(row.cells for row in self._rows), strict=True)
        arrays = [pa.array(column, self._schema.field(index).type) for index, column in enumerate(columns)]
        arrays += _origin(self._file_of, [row.line for row in self._rows], self._part_of)
        if self._marked:
            problems = [[problem._asdict() for problem in row.problems] or None for row in self._rows]
            marks = ([row.item_lines for row in self._rows], problems)
            arrays += [pa.array(cells, kind) for cells, (_, kind) in zip(marks, _MARKS, strict=True)]
        return arrays

    def _write(self, arrays: list[pa.Array]) -> None:
        for facts, array in zip(self._facts, arrays, strict=False):
            if facts is not None:
                facts.look(array)
        self._sink.write(pa.record_batch(arrays, schema=self._schema), self._total)
        self._total += len(arrays[0])

    def finish(self, notes: Sequence[str], format: str) -> Table:
        """Complete the files, replace what was there, and map the table.

        Args:
            notes: what was guessed, in words.
            format: the name of the reader.

        Raises:
            DataError: there are no rows.
        """
        self._flush()
        if self._total == 0:
            raise DataError("no rows of data", self._paths[0] if self._paths else None)
        self._finished = True
        sure = {facts.numbers.sure for facts in self._facts if facts is not None} - {None}
        decimals = [mark for mark in sure if mark is not None]
        details = [self._detail(index, decimals) for index in range(len(self._fields))]
        meta = {
            "columns": [field.name for field in self._fields],
            "details": [{**d._asdict(), "kind": d.kind.value} for d in details],
            "paths": [str(path) for path in self._paths],
            "notes": list(notes),
            "parts": self._any_part,
            "format": format,
            "marked": self._marked,
            "in_memory": isinstance(self._sink, _MemorySink),
            TOKEN: self._token,
        }
        return self._sink.finish(meta)

    def _detail(self, index: int, decimals: Sequence[str]) -> Column:
        facts, field = self._facts[index], self._fields[index]
        known = self._options.columns.get(field.name)
        if facts is not None:
            # What were lists in training may be texts here; they are none of one item for each letter.
            known = None if known is not None and known.is_list else known
            column = facts.column(self._total, decimals, known)
            again = known is not None or column.kind is not Kind.NUMBER
            return column if again else column._replace(missing=self._options.missing)
        if field.storage == "series":
            return Column(Kind.SERIES, channels=field.channels)
        if field.storage == "list":
            return Column(Kind.LABELS)
        if field.storage == "json":
            return Column(Kind.TEXT)
        return Column(Kind.NUMBER, missing=self._options.missing if known is None else known.missing)


def _holds_half(row: Row) -> bool:
    """Whether a text of a row is none: half a character stands in it."""
    texts = [cell for cell in row.cells if isinstance(cell, str)]
    texts += [item for cell in row.cells if isinstance(cell, list) for item in cell]
    return any("\ud800" <= sign <= "\udfff" for text in texts for sign in text)


def _origin(files: Sequence[int] | np.ndarray, lines: Sequence[int] | np.ndarray, parts: Any) -> list[pa.Array]:
    return [pa.array(files, pa.int32()), pa.array(lines, pa.int64()), pa.array(parts, pa.int8())]
