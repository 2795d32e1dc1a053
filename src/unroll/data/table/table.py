"""A table on disk, memory-mapped: any row at any size, and every row knows its file and line."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.kinds import MISSING, Kind
from unroll.data.table.times import parse_times, to_datetime64
from unroll.errors import DataError, nearest

TABLE_FILE = "table.arrow"
META_FILE = "table.json"
#: The key under which the table file and its description hold the same random word.
TOKEN = "token"
_BLOCK = 4096
#: Characters that separate several labels in one cell, in the order in which they are looked for.
LABEL_SEPARATORS = (",", ";", "|")
#: Stands between the labels of a cell that was a list in its file: no label holds it.
UNIT_SEPARATOR = "\x1f"


class Column(NamedTuple):
    """What is known of a column after reading.

    Attributes:
        kind: what its cells hold.
        notation: for TIME, the notation of its times.
        separator: for LABELS, what stands between the labels.
        channels: for SERIES, the size I of every step.
    """

    kind: Kind
    notation: str | None = None
    separator: str | None = None
    channels: int | None = None


class Chunks:
    """A column on disk in chunks, with rows taken in any order without loading the rest."""

    def __init__(self, data: Any) -> None:
        self.chunks: list[Any] = [chunk for chunk in data.chunks if len(chunk)]
        self.starts: list[int] = [0]
        for chunk in self.chunks:
            self.starts.append(self.starts[-1] + len(chunk))

    def __len__(self) -> int:
        return self.starts[-1]

    def value(self, row: int) -> Any:
        """The Arrow scalar of one row, from 0."""
        index = bisect_right(self.starts, row) - 1
        return self.chunks[index][row - self.starts[index]]

    def blocks(self, rows: np.ndarray | None, size: int = 1 << 16) -> Iterator[Any]:
        """Yield Arrow arrays of at most `size` rows that together hold these rows (all rows if None), in order."""
        if rows is None:
            for chunk in self.chunks:
                for at in range(0, len(chunk), size):
                    yield chunk.slice(at, size)
            return
        starts = np.asarray(self.starts)
        for at in range(0, len(rows), size):
            wanted = rows[at : at + size]
            owner = np.searchsorted(starts, wanted, side="right") - 1
            if len(wanted) and (owner == owner[0]).all():
                yield self.chunks[owner[0]].take(pa.array(wanted - starts[owner[0]]))
                continue
            order = np.argsort(owner, kind="stable")
            pieces = [
                self.chunks[index].take(pa.array(wanted[order[owner[order] == index]] - starts[index]))
                for index in np.unique(owner)
            ]
            yield pa.concat_arrays(pieces).take(pa.array(np.argsort(order, kind="stable")))


class Texts(Sequence[str]):
    """The cells of one column as text, decoded when they are asked for."""

    def __init__(self, chunks: Chunks, rows: np.ndarray | None) -> None:
        self._chunks = chunks
        self._rows = rows

    def __len__(self) -> int:
        return len(self._chunks) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            rows = np.arange(len(self._chunks)) if self._rows is None else self._rows
            return Texts(self._chunks, rows[index])
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return as_text(self._chunks.value(int(position if self._rows is None else self._rows[position])).as_py())

    def __iter__(self) -> Iterator[str]:
        for block in self._chunks.blocks(self._rows, _BLOCK):
            yield from map(as_text, block.to_pylist())


def as_text(value: Any) -> str:
    """A cell as the text a reader would write: nothing for a missing one, no ``.0`` for a whole number."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)


class Table:
    """Rows of a data file, in the order of the files, memory-mapped from an Arrow IPC file.

    Attributes:
        columns: names of the columns; without a header column1, column2, ...
        kinds: what each column holds.
        paths: the files that were read, in order.
        notes: what was guessed while reading, in words.
        parts: int8 per row: 0 train, 1 validation, 2 test, where the files themselves say so, else None.
        store: the folder that holds the table; another process opens it with `Table.open`.
    """

    columns: tuple[str, ...]
    paths: tuple[Path, ...]
    notes: tuple[str, ...]
    parts: np.ndarray | None
    store: Path

    def __init__(self, store: Path, data: Any, meta: Mapping[str, Any]) -> None:
        self.store = store
        self.columns = tuple(meta["columns"])
        self.paths = tuple(Path(path) for path in meta["paths"])
        self.notes = tuple(meta["notes"])
        self._details = {
            name: Column(Kind(entry["kind"]), entry["notation"], entry["separator"], entry["channels"])
            for name, entry in zip(self.columns, meta["details"], strict=True)
        }
        self._chunks = {name: Chunks(data.column(position)) for position, name in enumerate(self.columns)}
        self._files = Chunks(data.column("file"))
        self._lines = Chunks(data.column("line"))
        self._length = int(data.num_rows)
        self.parts = data.column("part").to_numpy().astype(np.int8) if meta["parts"] else None

    @classmethod
    def open(cls, store: Path | str) -> Table:
        """Map a table that `read_table` has stored; the processes of one run share its pages.

        Raises:
            DataError: the folder holds no complete table.
        """
        folder = Path(store)
        try:
            meta = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
            data = pa.ipc.open_file(pa.memory_map(str(folder / TABLE_FILE))).read_all()
            if data.schema.metadata[TOKEN.encode()] != meta[TOKEN].encode():
                raise ValueError("the table and its description are of two readings")
            return cls(folder, data, meta)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"no complete stored table ({type(error).__name__}); read the data file again", folder
            ) from error

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """What each column holds."""
        return {name: column.kind for name, column in self._details.items()}

    def details(self, column: str) -> Column:
        """Kind, notation of times, separator of labels and number of channels of a column."""
        self._chunks_of(column)
        return self._details[column]

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        columns = ", ".join(f"{name}: {column.kind.value}" for name, column in list(self._details.items())[:8])
        more = f", ... ({len(self.columns)} columns)" if len(self.columns) > 8 else ""
        return f"Table({len(self)} rows; {columns}{more})"

    def texts(self, column: str, rows: np.ndarray | None = None) -> Sequence[str]:
        """The cells of a column as text, decoded when they are asked for.

        Args:
            column: its name; a column of series has no text.
            rows: row numbers, in any order; None for all.

        Raises:
            DataError: no such column, or it holds series.
        """
        chunks = self._chunks_of(column)
        if self._details[column].kind is Kind.SERIES:
            raise DataError(f"column {column!r} holds series, not text; name a text column", self.paths[0])
        return Texts(chunks, None if rows is None else np.asarray(rows, dtype=np.int64))

    def labels(self, column: str, rows: np.ndarray | None = None) -> list[tuple[str, ...]]:
        """The labels of each cell of a column of LABELS; one label per non-empty cell of any other column.

        Args:
            column: its name.
            rows: row numbers; None for all.
        """
        texts = self.texts(column, rows)
        separator = self._details[column].separator
        if separator is None:
            return [(text,) if text else () for text in texts]
        return [tuple(text.split(separator)) if text else () for text in texts]

    def numbers(self, column: str, rows: np.ndarray | None = None) -> np.ndarray:
        """The cells of a column as float64 (rows,), NaN where a cell is empty or says NA, NaN or null.

        Args:
            column: its name.
            rows: row numbers; None for all.

        Raises:
            DataError: a cell is no finite number, with its file and line.
        """
        chunks = self._chunks_of(column)
        if self._details[column].kind is Kind.SERIES:
            raise DataError(f"column {column!r} holds series, not single numbers; name a numeric column", self.paths[0])
        rows = None if rows is None else np.asarray(rows, dtype=np.int64)
        parts, at = [], 0
        for block in chunks.blocks(rows):
            values, bad = to_float64(block)
            if bad is not None:
                row = at + bad if rows is None else int(rows[at + bad])
                cell = as_text(chunks.value(row).as_py())
                raise DataError(
                    f"column {column!r} must hold numbers, got {cell[:40]!r}; correct the cell or leave it empty",
                    *self.place(row),
                )
            parts.append(values)
            at += len(values)
        return np.concatenate(parts) if parts else np.empty(0)

    def times(self, column: str, rows: np.ndarray | None = None) -> np.ndarray:
        """The cells of a TIME column as datetime64[us] (rows,), NaT where a cell is empty.

        Args:
            column: its name.
            rows: row numbers; None for all.

        Raises:
            DataError: the column holds no times; with the place of the first cell that differs in notation.
        """
        chunks = self._chunks_of(column)
        notation = self._details[column].notation
        if notation is None:
            cell = (
                as_text(chunks.value(0).as_py())[:40]
                if len(self) and self._details[column].kind is not Kind.SERIES
                else "a series"
            )
            raise DataError(
                f"column {column!r} must hold dates or times of one notation such as 2024-01-31 or 2024-01-31 "
                f"12:00, starts with {cell!r}",
                *self.place(0),
            )
        rows = None if rows is None else np.asarray(rows, dtype=np.int64)
        parts = [to_datetime64(parse_times(block, notation)) for block in chunks.blocks(rows)]
        return np.concatenate(parts) if parts else np.empty(0, "datetime64[us]")

    def series(self, column: str, row: int) -> np.ndarray:
        """One series of a SERIES column, (T, I) float32; missing values are NaN.

        Raises:
            DataError: the column holds no series.
        """
        channels = self._series_channels(column)
        values = self._chunks[column].value(row).values
        flat = (
            np.empty(0, np.float32)
            if values is None
            else values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        )
        return flat.reshape(-1, channels)

    def lengths(self, column: str) -> np.ndarray:
        """The length of every row's cell, int64 (rows,): characters of text, steps of a series.

        Never holds the column in memory.
        """
        chunks = self._chunks_of(column)
        if self._details[column].kind is Kind.SERIES:
            channels = self._series_channels(column)
            parts = [
                pc.fill_null(pc.list_value_length(block), 0).to_numpy(zero_copy_only=False) // channels
                for block in chunks.blocks(None)
            ]
        else:
            parts = [
                pc.fill_null(pc.utf8_length(_text_block(block)), 0).to_numpy(zero_copy_only=False)
                for block in chunks.blocks(None)
            ]
        return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)

    def place(self, row: int) -> tuple[Path, int]:
        """The file and the line, from 1, at which a row starts.

        In a Parquet file the line is the row number, from 1.
        """
        return self.paths[self._files.value(int(row)).as_py()], self._lines.value(int(row)).as_py()

    def blocks(self, column: str, rows: np.ndarray | None = None) -> Iterator[Any]:
        """The column as Arrow arrays, block by block, for work that must be fast on many rows."""
        return self._chunks_of(column).blocks(None if rows is None else np.asarray(rows, dtype=np.int64))

    def _series_channels(self, column: str) -> int:
        self._chunks_of(column)
        channels = self._details[column].channels
        if channels is None:
            raise DataError(f"column {column!r} holds {self._details[column].kind.value}, not series", self.paths[0])
        return channels

    def _chunks_of(self, column: str) -> Chunks:
        if column not in self._chunks:
            known = ", ".join(self.columns[:12]) + (", ..." if len(self.columns) > 12 else "")
            raise DataError(
                f"no column {column!r}{nearest(column, self.columns)}; the columns are {known}", self.paths[0]
            )
        return self._chunks[column]


def _text_block(block: Any) -> Any:
    return (
        block
        if pa.types.is_large_string(block.type) or pa.types.is_string(block.type)
        else pc.cast(block, pa.large_string())
    )


def to_float64(block: Any) -> tuple[np.ndarray, int | None]:
    """Convert an Arrow array of text or numbers to float64.

    Returns:
        The values, NaN for missing cells, and the position of the first cell that is no finite number (None if all
        are).
    """
    if pa.types.is_integer(block.type) or pa.types.is_floating(block.type) or pa.types.is_boolean(block.type):
        values = np.asarray(pc.cast(block, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        return values, _first(np.isinf(values))
    cells = pc.utf8_trim_whitespace(_text_block(block))
    missing = pc.is_in(pc.utf8_lower(cells), value_set=pa.array([*MISSING, None], cells.type))
    numeric = pc.match_substring_regex(cells, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")
    good = pc.fill_null(numeric, False)
    bad = np.asarray(pc.invert(pc.or_(good, missing)).to_numpy(zero_copy_only=False), dtype=bool)
    digits = pc.utf8_ltrim(pc.if_else(good, cells, pa.scalar(None, cells.type)), "+")
    values = np.asarray(pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return values, _first(bad | np.isinf(values))


def _first(mask: np.ndarray) -> int | None:
    return int(mask.argmax()) if mask.any() else None
