"""A table on disk, memory-mapped: any row at any size, and every row knows its file and line."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.chunks import Chunks, Texts, as_text, text_block
from unroll.data.table.kinds import Column, Kind, Problem
from unroll.data.table.numbers import no_numbers, to_float64
from unroll.data.table.times import EITHER, names_zone, parse_offsets, parse_times, to_datetime64
from unroll.errors import DataError, nearest

TABLE_FILE = "table.arrow"
META_FILE = "table.json"
#: The key under which the table file and its description hold the same random word.
TOKEN = "token"
#: Arrow columns beside those of the data: where each row comes from, and what its reader found out about it.
FILE, LINE, PART, LINES, PROBLEMS = "file", "line", "part", "lines", "problems"


class Table:
    """Rows of a data file, in the order of the files, memory-mapped from an Arrow IPC file.

    Attributes:
        columns: names of the columns; without a header column1, column2, ...
        kinds: what each column holds.
        paths: the files that were read, in order.
        notes: what was guessed while reading, in words.
        parts: int8 per row: 0 train, 1 validation, 2 test, where the files themselves say so, else None.
        store: the folder that holds the table; another process opens it with `Table.open`.
        format: the name of the reader that read it.
        in_memory: whether the rows are in memory and not in a file.
        marked: whether the reader wrote down the line of every item of a row's lists, and what is wrong with a row.
    """

    columns: tuple[str, ...]
    paths: tuple[Path, ...]
    notes: tuple[str, ...]
    parts: np.ndarray | None
    store: Path
    format: str
    in_memory: bool
    marked: bool

    def __init__(self, store: Path, data: pa.Table, meta: Mapping[str, Any]) -> None:
        self.store = store
        self.columns = tuple(meta["columns"])
        self.paths = tuple(Path(path) for path in meta["paths"])
        self.notes = tuple(meta["notes"])
        self._details = {
            name: Column(
                Kind(entry["kind"]),
                entry["notation"],
                entry["separator"],
                entry["channels"],
                tuple(entry.get("missing", ())),
            )
            for name, entry in zip(self.columns, meta["details"], strict=True)
        }
        self._chunks = {name: Chunks(data.column(position)) for position, name in enumerate(self.columns)}
        self._files = Chunks(data.column(FILE))
        self._lines = Chunks(data.column(LINE))
        self._length = int(data.num_rows)
        self.parts = data.column(PART).to_numpy().astype(np.int8) if meta["parts"] else None
        self.format = meta["format"]
        self.in_memory = meta["in_memory"]
        self.marked = meta["marked"]
        self._item_lines = Chunks(data.column(LINES)) if self.marked else None
        self._problems = Chunks(data.column(PROBLEMS)) if self.marked else None

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

    def without(self, columns: Collection[str], parts: np.ndarray | None, notes: Iterable[str]) -> Table:
        """The same rows without some columns.

        Args:
            columns: those that are left out.
            parts: (rows,) int8, the part of each row; None: they name none.
            notes: what is said of it.
        """
        other = copy.copy(self)
        other.columns = tuple(name for name in self.columns if name not in columns)
        other._details = {name: self._details[name] for name in other.columns}
        other._chunks = {name: self._chunks[name] for name in other.columns}
        other.parts, other.notes = parts, (*self.notes, *notes)
        return other

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
        if self._details[column].is_list:
            return [tuple(cell or ()) for block in self.blocks(column, rows) for cell in block.to_pylist()]
        separator = self._details[column].separator
        if separator is None:
            return [(text,) if text else () for text in texts]
        cut = (map(str.strip, text.split(separator)) for text in texts)
        return [tuple(label for label in labels if label) for labels in cut]

    def numbers(self, column: str, rows: np.ndarray | None = None) -> np.ndarray:
        """The cells of a column as float64 (rows,), NaN where a cell says that there is no value.

        Args:
            column: its name.
            rows: row numbers; None for all.

        Raises:
            DataError: a cell is no finite number, with its file and line.
        """
        chunks = self._chunks_of(column)
        if self._details[column].kind is Kind.SERIES:
            raise DataError(f"column {column!r} holds series, not single numbers; name a numeric column", self.paths[0])
        notation = self._details[column].notation if self._details[column].kind is Kind.NUMBER else None
        if notation is not None and EITHER in notation:
            raise self._either(column, "--set data.decimal=. or --set data.decimal=, says which")
        rows = None if rows is None else np.asarray(rows, dtype=np.int64)
        parts, at = [], 0
        for block in chunks.blocks(rows):
            values, bad = to_float64(block, notation)
            if bad is not None:
                row = at + bad if rows is None else int(rows[at + bad])
                cell = as_text(chunks.value(row).as_py())
                more = sum(no_numbers(block, notation) for block in chunks.blocks(rows)) - 1
                others = f" and {more:,} more such cell{'s' if more > 1 else ''}" if more else ""
                raise DataError(
                    f"column {column!r} must hold numbers, got {cell[:40]!r}{others}; correct"
                    f" {'them or leave them' if more else 'the cell or leave it'} empty",
                    *self.place(row),
                )
            parts.append(values)
            at += len(values)
        numbers = np.concatenate(parts) if parts else np.empty(0)
        missing = self._details[column].missing
        return np.where(np.isin(numbers, missing), np.nan, numbers) if missing else numbers

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
        if notation is not None and EITHER in notation:
            raise self._either(column, "--set data.day_first=true or --set data.day_first=false says which")
        if notation is None or self._details[column].kind is not Kind.TIME:
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

    def offsets(self, column: str) -> np.ndarray | None:
        """The offsets from UTC that the cells of a TIME column name, (rows,) minutes; None if its notation has none."""
        notation = self.details(column).notation
        if notation is None or not names_zone(notation):
            return None
        parts = [parse_offsets(block) for block in self._chunks_of(column).blocks(None)]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

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
                pc.fill_null(pc.utf8_length(text_block(block)), 0).to_numpy(zero_copy_only=False)
                for block in chunks.blocks(None)
            ]
        return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)

    def place(self, row: int) -> tuple[Path, int]:
        """The file and the line, from 1, at which a row starts.

        In a Parquet file the line is the row number, from 1.
        """
        return self.paths[self._files.value(int(row)).as_py()], self._lines.value(int(row)).as_py()

    def files(self) -> np.ndarray:
        """(rows,) int64: which of `paths` each row is from."""
        blocks = [block.to_numpy(zero_copy_only=False) for block in self._files.blocks(None)]
        return np.concatenate(blocks).astype(np.int64) if blocks else np.empty(0, np.int64)

    def item_lines(self, row: int) -> list[int]:
        """The line of every item of a row's lists, such as the tokens of a sentence; empty if the reader knows none."""
        return [] if self._item_lines is None else self._item_lines.value(int(row)).as_py() or []

    def problems(self, row: int) -> list[Problem]:
        """What the reader found wrong with a row."""
        found = () if self._problems is None else self._problems.value(int(row)).as_py() or ()
        return [Problem(entry["kind"], entry["line"], entry["text"]) for entry in found]

    def blocks(self, column: str, rows: np.ndarray | None = None) -> Iterator[pa.Array]:
        """The column as Arrow arrays, block by block, for work that must be fast on many rows."""
        return self._chunks_of(column).blocks(None if rows is None else np.asarray(rows, dtype=np.int64))

    def text_blocks(self, column: str, rows: np.ndarray | None = None) -> Iterator[pa.Array]:
        """The cells as `texts` gives them, but in Arrow arrays; numbers that were numbers in their file stay numbers.

        Raises:
            DataError: no such column, or it holds series.
        """
        self.texts(column)
        is_list = self._details[column].is_list
        return (text_block(block) if is_list else block for block in self.blocks(column, rows))

    def fingerprint(self) -> dict[str, str | int]:
        """Name, rows, bytes and SHA-256 of the cells of all columns: the same rows, cut alike, have the same."""
        digest, size = hashlib.sha256(), 0
        for column in self.columns:
            for block in self.blocks(column):
                digest.update(pa.record_batch([block], [column]).serialize())
                size += block.nbytes
        return {"name": str(self.paths[0]), "rows": len(self), "bytes": size, "sha256": digest.hexdigest()}

    def _either(self, column: str, advice: str) -> DataError:
        """The error for a column whose cells have two meanings, shown by the first cell in which they differ."""
        is_time = self._details[column].kind is Kind.TIME
        names = (self._details[column].notation or "").split(EITHER)
        row, meanings = 0, ["", ""]
        for block in self.blocks(column):
            read = [
                to_datetime64(parse_times(block, name)) if is_time else to_float64(block, name)[0] for name in names
            ]
            missing = [np.isnat(values) if is_time else np.isnan(values) for values in read]
            differ = np.flatnonzero((read[0] != read[1]) & ~missing[0] & ~missing[1])
            if len(differ):
                row += int(differ[0])
                shown = [str(v[differ[0]])[:10] if is_time else f"{v[differ[0]]:g}" for v in read]
                meanings = [f"{value} ({name})" for value, name in zip(shown, names, strict=True)]
                break
            row += len(block)
        cell = self.texts(column)[row]
        return DataError(f"column {column!r}: {cell!r} is {' or '.join(meanings)}; {advice}", *self.place(row))

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
