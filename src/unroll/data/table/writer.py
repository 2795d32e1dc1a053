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
import pyarrow.compute as pc

from unroll.data.table.kinds import MAX_COLUMNS, MISSING, Kind
from unroll.data.table.table import (
    LABEL_SEPARATORS,
    META_FILE,
    TABLE_FILE,
    TOKEN,
    UNIT_SEPARATOR,
    Column,
    Table,
    to_float64,
)
from unroll.data.table.times import guess_notations, parse_times
from unroll.errors import DataError

_BATCH_ROWS = 1 << 16
_BATCH_CHARACTERS = 32 * 2**20
_KEEP_FREE = 256 * 2**20
_MAX_LABELS = 500
_HEAD = 500
_MAX_LABEL_LENGTH = 40
_TYPES = {
    "text": pa.large_string(),
    "labels": pa.large_string(),
    "json": pa.large_string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "series": pa.large_list(pa.float32()),
}


class Field(NamedTuple):
    """A column as it is written.

    Attributes:
        name: its name.
        storage: "text" (its kind is found out), "labels" (joined by U+001F), "json" (nested values as text), "number",
            "integer" or "series".
        channels: for a series, the size I of each step.
    """

    name: str
    storage: str = "text"
    channels: int | None = None


class _TextFacts:
    """What a column of text may still be, narrowed down batch by batch.

    The first cells alone settle nearly every column.
    """

    def __init__(self) -> None:
        self.number = True
        self.seen = False
        self.notations: list[str] | None = None
        self.separators = list(LABEL_SEPARATORS)
        self.labels: dict[str, set[str]] = {separator: set() for separator in LABEL_SEPARATORS}
        self.several: set[str] = set()

    def look(self, cells: Any) -> None:
        head = pc.utf8_lower(pc.utf8_slice_codeunits(cells, 0, 5))
        present = cells.filter(pc.invert(pc.is_in(head, value_set=pa.array([*MISSING, None], cells.type))))
        if len(present) == 0:
            return
        self.seen = True
        start = present.slice(0, _HEAD)
        if self.number:
            self.number = to_float64(start)[1] is None and (
                len(start) == len(present) or to_float64(present)[1] is None
            )
        if self.notations is None:
            self.notations = guess_notations(start)
        self.notations = [name for name in self.notations if parse_times(present, name).null_count == 0]
        if not self.number and not self.notations:
            self.separators = [
                separator for separator in self.separators if self._may_separate(separator, start, present)
            ]

    def _may_separate(self, separator: str, start: Any, cells: Any) -> bool:
        """Whether every cell may be labels without white space between separators, few in all."""
        label = rf"[^\s\{separator}]{{1,{_MAX_LABEL_LENGTH}}}"
        pattern = rf"^{label}(\{separator}{label})*$"
        if not all(pc.all(pc.match_substring_regex(some, pattern)).as_py() for some in (start, cells)):
            return False
        if pc.any(pc.match_substring(cells, separator)).as_py():
            self.several.add(separator)
        found = pc.unique(pc.list_flatten(pc.split_pattern(cells, separator)))
        self.labels[separator].update(found.slice(0, _MAX_LABELS + 1).to_pylist())
        return len(self.labels[separator]) <= _MAX_LABELS

    def column(self, rows: int) -> Column:
        if self.seen and self.notations:
            return Column(Kind.TIME, notation=self.notations[0])
        if self.seen and self.number:
            return Column(Kind.NUMBER)
        for separator in self.separators:
            if separator in self.several and 2 * len(self.labels[separator]) <= rows:
                return Column(Kind.LABELS, separator=separator)
        return Column(Kind.TEXT)


class Writer:
    """Writes one table into a folder.

    Use it as a context manager and call `finish`; without that nothing is left behind.

    Args:
        store: the folder; made if it is missing. A table that is there is replaced when this one is complete.
        fields: the columns in order.
        path: the first file, for errors about the columns.

    Raises:
        DataError: too many columns, or two of the same name.
    """

    def __init__(self, store: Path, fields: Sequence[Field], path: Path) -> None:
        if len(fields) > MAX_COLUMNS:
            raise DataError(f"{len(fields)} columns; at most {MAX_COLUMNS} can be read", path, 1)
        seen: set[str] = set()
        for field in fields:
            if field.name in seen:
                raise DataError(
                    f"two columns are called {field.name!r}; rename one, or say that there is no header", path, 1
                )
            seen.add(field.name)
        self._store = store
        self._fields = tuple(fields)
        self._facts = [_TextFacts() if field.storage == "text" else None for field in fields]
        self._paths: list[Path] = []
        self._part = -1
        self._any_part = False
        self._rows: list[Sequence[Any]] = []
        self._lines: list[int] = []
        self._file_of: list[int] = []
        self._part_of: list[int] = []
        self._size = 0
        self._total = 0
        schema = [(f"c{index}", _TYPES[field.storage]) for index, field in enumerate(fields)]
        #: Ties the table file to its description, which is a file of its own.
        self._token = secrets.token_hex(8)
        origin = [("file", pa.int32()), ("line", pa.int64()), ("part", pa.int8())]
        self._schema = pa.schema([*schema, *origin], metadata={TOKEN: self._token})
        store.mkdir(parents=True, exist_ok=True)
        self._temporary = store / f"{TABLE_FILE}.{os.getpid()}.tmp"
        self._sink = pa.OSFile(str(self._temporary), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)
        self._finished = False

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._writer.close()
            self._sink.close()
            self._temporary.unlink(missing_ok=True)

    @property
    def total(self) -> int:
        """Rows so far."""
        return self._total + len(self._rows)

    def begin(self, path: Path, part: int | None = None) -> None:
        """The following rows come from this file; `part` is 0 train, 1 validation, 2 test, None unknown."""
        self.part(part)
        self._paths.append(path)

    def part(self, part: int | None) -> None:
        """The following rows of the file belong to this part."""
        self._part = -1 if part is None else part
        self._any_part = self._any_part or part is not None

    def add(self, cells: Sequence[Any], line: int, size: int = 0) -> None:
        """One row: a cell per column (text, number, None or a flat float32 array), its line, and about its size."""
        self._rows.append(cells)
        self._lines.append(line)
        self._file_of.append(len(self._paths) - 1)
        self._part_of.append(self._part)
        self._size += size
        if len(self._rows) >= _BATCH_ROWS or self._size >= _BATCH_CHARACTERS:
            self._flush()

    def add_arrays(self, arrays: Sequence[Any], first_line: int) -> None:
        """Many rows at once: one Arrow array per column, of the column's type; lines count up from `first_line`."""
        self._flush()
        count = len(arrays[0])
        lines = np.arange(first_line, first_line + count)
        self._write([*arrays, *self._origin(np.full(count, len(self._paths) - 1), lines, np.full(count, self._part))])

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, self._schema.field(index).type) for index, column in enumerate(columns)]
        origin = self._origin(self._file_of, self._lines, self._part_of)
        self._rows, self._lines, self._file_of, self._part_of, self._size = [], [], [], [], 0
        self._write([*arrays, *origin])

    @staticmethod
    def _origin(files: Any, lines: Any, parts: Any) -> list[Any]:
        return [pa.array(files, pa.int32()), pa.array(lines, pa.int64()), pa.array(parts, pa.int8())]

    def _write(self, arrays: list[Any]) -> None:
        if shutil.disk_usage(self._store).free < _KEEP_FREE:
            raise DataError(
                f"the disk is nearly full after {self._total} rows; free space or store the table elsewhere",
                self._store,
            )
        for facts, array in zip(self._facts, arrays, strict=False):
            if facts is not None:
                facts.look(array)
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._total += len(arrays[0])

    def finish(self, notes: Sequence[str]) -> Table:
        """Complete the files, replace what was there, and map the table.

        Raises:
            DataError: there are no rows.
        """
        self._flush()
        if self._total == 0:
            raise DataError("no rows of data", self._paths[0] if self._paths else None)
        self._writer.close()
        self._sink.close()
        self._finished = True
        details = [self._detail(index) for index in range(len(self._fields))]
        meta = {
            "columns": [field.name for field in self._fields],
            "details": [
                {"kind": d.kind.value, "notation": d.notation, "separator": d.separator, "channels": d.channels}
                for d in details
            ],
            "paths": [str(path) for path in self._paths],
            "notes": list(notes),
            "parts": self._any_part,
            TOKEN: self._token,
        }
        # A crash between the two replacements leaves two files whose tokens differ, which `Table.open` refuses.
        temporary = self._store / f"{META_FILE}.{os.getpid()}.tmp"
        temporary.write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")
        temporary.replace(self._store / META_FILE)
        self._temporary.replace(self._store / TABLE_FILE)
        return Table.open(self._store)

    def _detail(self, index: int) -> Column:
        facts, field = self._facts[index], self._fields[index]
        if facts is not None:
            return facts.column(self._total)
        if field.storage == "series":
            return Column(Kind.SERIES, channels=field.channels)
        if field.storage == "labels":
            return Column(Kind.LABELS, separator=UNIT_SEPARATOR)
        if field.storage == "json":
            return Column(Kind.TEXT)
        return Column(Kind.NUMBER)
