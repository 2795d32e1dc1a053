"""Entities in a column beside their text, in CSV and Parquet: as lists, or as such lists written into a cell."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from unroll.data.readers.delimited import Delimited, DelimitedReader
from unroll.data.readers.lines import encoding_of
from unroll.data.readers.literals import json_value, python_value
from unroll.data.readers.parquet import ParquetReader, ParquetSource
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.spans import ENTITIES, PARTED, TEXTS, WORDLESS, counted, marked_in, tagged
from unroll.data.table.writer import Batch, Field, Row
from unroll.errors import DataError

#: Rows by which entities are told.
_LOOKED_AT = 50
_NAMES = ("tokens", "tags")


def may_hold_spans(names: Iterable[str]) -> bool:
    """Whether columns are called as texts and their entities are."""
    small = {name.strip().casefold() for name in names}
    return not small.isdisjoint(ENTITIES) and not small.isdisjoint(TEXTS)


def with_lists(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose cells of entities are lists, as JSON or Python writes them; an empty cell is an empty list.

    >>> with_lists({"text": "Ana left", "label": "[(0, 3, 'PER')]"})
    {'text': 'Ana left', 'label': [(0, 3, 'PER')]}
    """
    return {name: _list(cell) if name.strip().casefold() in ENTITIES else cell for name, cell in row.items()}


def _list(cell: Any) -> Any:
    if cell is None or cell != cell:
        return []
    if not isinstance(cell, str):
        return cell
    if not cell.strip():
        return []
    if not cell.lstrip().startswith(("[", "{")):
        return cell
    for read in (json_value, python_value):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell


def hold_spans(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether every one of the first rows is a text beside its entities, and one has some."""
    found = [marked_in(with_lists(row)) for row in itertools.islice(rows, _LOOKED_AT)]
    return None not in found and any(marked is not None and marked.entities for marked in found)


class SpanColumnsSource:
    """A table of texts with entities ready to be read.

    Args:
        path: the file.
        inner: the table as it stands in the file.
        said: how the file was understood.
    """

    fields = tuple(Field(name, "list") for name in _NAMES)
    marked = True
    empty = "no texts with entities"

    def __init__(self, path: Path, inner: Source, said: str) -> None:
        self.said = f"{path.name}: texts beside their entities, as words and their tags (B-, I-, O){said}"
        self.inner = inner
        self._path = path
        self._parted = self._blank = 0

    def rows(self) -> Iterator[Row]:
        """Every text in order; what is wrong with its entities is written down beside it.

        Raises:
            DataError: a row is no text with entities, or the file cannot be read.
        """
        self._parted = self._blank = 0
        for cells, line in _rows(self.inner):
            marked = marked_in(with_lists(cells))
            if marked is None:
                raise DataError(
                    "expected a text and a list of its entities, each with start, end and label, as in the first rows",
                    self._path,
                    line,
                )
            row, parted = tagged(marked, line)
            if not row.cells[0] and not row.problems:
                self._blank += 1
                continue
            self._parted += parted
            yield row

    def left(self) -> list[str]:
        """Texts that have no words, and entities that hold a word in part."""
        return counted((self._blank, WORDLESS), (self._parted, PARTED)) + self.inner.left()


def _rows(source: Source) -> Iterator[tuple[dict[str, Any], int]]:
    names = [field.name for field in source.fields]
    for row in source.rows():
        if isinstance(row, Batch):
            for at, cells in enumerate(zip(*(array.to_pylist() for array in row.arrays), strict=True)):
                yield dict(zip(names, cells, strict=True)), row.line + at
        else:
            yield dict(zip(names, row.cells, strict=True)), row.line


class SpanColumnsReader:
    """Reads tables of texts with entities."""

    name = "span-columns"
    suffixes: tuple[str, ...] = ()
    summary = (
        "a table (CSV, Parquet) of texts with their entities in a column beside them, `[(0, 3, 'PER')]` or as JSON: a"
        " row per text, for tagging; known by the names and cells of its columns"
    )

    def recognises(self, file: Input) -> bool:
        """Columns called as texts and entities are, whose first cells are such."""
        try:
            return hold_spans(row for row, _ in _rows(self._table(file, None))) if self._may(file) else False
        except DataError:
            return False

    def open(self, file: Input, first: Source | None) -> SpanColumnsSource:
        """The columns are always the same."""
        inner = self._table(file, first.inner if isinstance(first, SpanColumnsSource) else None)
        is_text = isinstance(inner, Delimited)
        said = f", {encoding_of(file.path, file.options.encoding)}" if is_text else ", Parquet"
        return SpanColumnsSource(file.path, inner, said)

    def _may(self, file: Input) -> bool:
        if file.head.startswith(b"PAR1"):
            return may_hold_spans(field.name for field in ParquetReader().open(file, None).fields)
        first = next((line for _, line in file.lines if line.strip()), "")
        names = first.removeprefix("\ufeff").replace("\t", ",").replace(";", ",").replace('"', "").split(",")
        return file.opening[:1] not in (b"{", b"[") and may_hold_spans(names)

    def _table(self, file: Input, first: Source | None) -> Source:
        if file.head.startswith(b"PAR1"):
            return ParquetReader().open(file, first if isinstance(first, ParquetSource) else None)
        suffix = file.path.name.removesuffix(".gz").lower()
        form = "tsv" if suffix.endswith((".tsv", ".tab")) else "csv"
        return DelimitedReader(form).open(file, first if isinstance(first, Delimited) else None)
