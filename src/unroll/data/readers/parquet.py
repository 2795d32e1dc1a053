"""Parquet, and any other stream of Arrow batches, as rows of a table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unroll.data.images.held import holds_pictures, may_hold_pictures, with_files
from unroll.data.readers.features import named, names_beside, names_of_schema
from unroll.data.readers.lines import blocks
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.structs import opened_columns, opened_schema
from unroll.data.table.facts import names_labels
from unroll.data.table.writer import Batch, Field
from unroll.errors import DataError

_BATCH = 1 << 14
_KEEP_FREE = 256 * 2**20


@contextmanager
def _opened(file: Input) -> Iterator[pq.ParquetFile]:
    """The opened Parquet file; a gzipped one is unpacked first, because Parquet is read from its end."""
    path = file.path
    plain = path if file.head == b"" or _plainly(path) else file.scratch / "unpacked.parquet"
    try:
        if plain != path:
            file.scratch.mkdir(parents=True, exist_ok=True)
            with plain.open("wb") as target:
                for block in blocks(path):
                    if shutil.disk_usage(file.scratch).free < _KEEP_FREE:
                        raise DataError(
                            "the disk is nearly full while unpacking; free space or store the table elsewhere", path
                        )
                    target.write(block)
        with pq.ParquetFile(plain) as opened:
            yield opened
    except DataError:
        raise
    # A damaged file fails in many ways: its metadata are no UTF-8, a type is unknown, a size is past all memory.
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        OverflowError,
        MemoryError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise DataError(f"cannot be read as Parquet ({reason})", path) from error
    finally:
        if plain != path:
            plain.unlink(missing_ok=True)


def _plainly(path: Path) -> bool:
    with path.open("rb") as raw:
        return raw.read(2) != b"\x1f\x8b"


def batches_of(
    batches: Iterable[pa.RecordBatch],
    fields: Sequence[Field],
    path: Path,
    names: Mapping[str, list[str]] = MappingProxyType({}),
) -> Iterator[Batch]:
    """Arrow record batches as rows of these columns.

    Args:
        batches: the rows.
        fields: the columns.
        path: the file, for errors.
        names: of the classes of columns whose cells are numbers of classes.

    Raises:
        DataError: a series whose steps are not all of one size, or a number that is no class; the line is the row's
            number, from 1.
    """
    line = 1
    for batch in batches:
        if len(batch):
            columns = [batch.column(batch.schema.get_field_index(field.name)) for field in fields]
            columns = [
                _named(column, names[field.name], field.name, path, line) if field.name in names else column
                for column, field in zip(columns, fields, strict=True)
            ]
            arrays = [_convert(column, field, path, line) for column, field in zip(columns, fields, strict=True)]
            yield Batch(arrays, line)
        line += len(batch)


class ParquetSource:
    """A Parquet file ready to be read; the line of a row is its number, from 1."""

    marked = False
    empty = "the file holds columns but no rows"

    def __init__(
        self,
        file: Input,
        fields: tuple[Field, ...],
        names: Mapping[str, list[str]],
        pictures: frozenset[str] = frozenset(),
    ) -> None:
        self._file = file
        self.fields = fields
        self.names = names
        self.pictures = pictures

    @property
    def said(self) -> str:
        """That it is Parquet."""
        return f"{self._file.path.name}: Parquet"

    def rows(self) -> Iterator[Batch]:
        """The rows, many at a time.

        Raises:
            DataError: a damaged file, or columns that differ from the first file's.
        """
        with _opened(self._file) as file:
            names = opened_schema(file.schema_arrow).names
            missing = {field.name for field in self.fields} - set(names)
            if missing:
                raise DataError(
                    f"column {min(missing)!r} of the first file is missing; the columns are {', '.join(names[:12])}",
                    self._file.path,
                )
            read = file.iter_batches(batch_size=_BATCH, columns=[field.name for field in self.fields])
            plain = (part for batch in self._kept(read) for part in batch.to_batches())
            yield from batches_of(plain, self.fields, self._file.path, self.names)

    def _kept(self, read: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
        """The rows with objects opened, and with the pictures that the file holds in files."""
        for batch in read:
            table = opened_columns(pa.Table.from_batches([batch]))
            yield with_files(table, self._file.scratch / "held", self.pictures) if self.pictures else table

    def left(self) -> list[str]:
        """Nothing."""
        return []


class ParquetReader:
    """Reads Parquet."""

    name = "parquet"
    suffixes = (".parquet", ".pq")
    summary = (
        "columns, lists of numbers as series, the fields of objects as columns; also an Arrow dictionary, time stamps,"
        " or pictures, as `datasets` keeps them"
    )

    def recognises(self, file: Input) -> bool:
        """The mark that every such file begins with."""
        return file.head.startswith(b"PAR1")

    def open(self, file: Input, first: Source | None) -> ParquetSource:
        """Settle the columns by the schema of the first file."""
        if isinstance(first, ParquetSource):
            return ParquetSource(file, first.fields, first.names, first.pictures)
        with _opened(file) as opened:
            names = names_of_schema(opened.schema_arrow.metadata) or names_beside(file.path)
            schema = opened_schema(opened.schema_arrow)
            pictures = _pictures(schema, opened)
            schema = pa.schema([f.with_type(pa.large_string()) if f.name in pictures else f for f in schema])
            fields = fields_of(schema, file.path)
            if any(field.storage == "series" for field in fields):
                sample = next((batch for batch in opened.iter_batches(batch_size=256) if len(batch)), None)
                if sample is not None:
                    fields = settle(fields, opened_columns(pa.Table.from_batches([sample])).to_batches()[0])
        return ParquetSource(file, with_names(fields, names), names, pictures)


def _pictures(schema: pa.Schema, opened: pq.ParquetFile) -> frozenset[str]:
    """The columns that hold pictures, by the first rows."""
    may = [field.name for field in schema if may_hold_pictures(field.type)]
    first = next(opened.iter_batches(batch_size=64, columns=may), None) if may else None
    if first is None:
        return frozenset()
    return frozenset(name for name in may if holds_pictures(pa.chunked_array([first.column(name)])))


def with_names(fields: Sequence[Field], names: Mapping[str, list[str]]) -> tuple[Field, ...]:
    """Columns whose cells are numbers of classes as columns of their names."""
    return tuple(
        Field(field.name, "list" if field.storage in ("series", "list") else "text") if field.name in names else field
        for field in fields
    )


def _named(column: pa.Array, names: Sequence[str], name: str, path: Path, line: int) -> pa.Array:
    """Numbers of classes as their names."""
    cells = column.to_pylist()
    if is_list(column.type):
        rows = [
            None if cell is None else [named(item, names, name, path, line + at) or "" for item in cell]
            for at, cell in enumerate(cells)
        ]
        return pa.array(rows, pa.large_list(pa.large_string()))
    return pa.array([named(cell, names, name, path, line + at) for at, cell in enumerate(cells)], pa.large_string())


def fields_of(schema: pa.Schema, path: Path) -> tuple[Field, ...]:
    """The columns for an Arrow schema. How many channels a series has is settled later, by `settle`.

    Raises:
        DataError: a column of bytes.
    """
    kinds = {entry.name: entry.type for entry in schema}
    fields = tuple(
        Field(entry.name, _storage(entry.type, entry.name, path))
        for entry in schema
        # An index without a name mostly counts; one of times is what the rows are over.
        if not entry.name.startswith("__index_level_") or pa.types.is_timestamp(entry.type)
    )
    if any(field.storage == "list" for field in fields):
        # Beside lists of words, numbers are their tags.
        return fields
    return tuple(
        Field(field.name, "list") if field.storage == "series" and _are_labels(field.name, kinds[field.name]) else field
        for field in fields
    )


def _are_labels(name: str, kind: pa.DataType) -> bool:
    """Whether lists of whole numbers are labels, by the name of their column."""
    return names_labels(name) and bool(pa.types.is_integer(kind.value_type))


def settle(fields: tuple[Field, ...], first: pa.RecordBatch) -> tuple[Field, ...]:
    """Fill in the channels of series by the first batch of rows."""
    settled = []
    for field in fields:
        if field.storage == "series":
            kind = first.schema.field(field.name).type
            values = next(
                (value for value in first.column(first.schema.get_field_index(field.name)).to_pylist() if value), None
            )
            nested = is_list(kind.value_type)
            channels = len(values[0]) if nested and values is not None and values[0] is not None else 1
            field = field._replace(channels=max(channels, 1))
        settled.append(field)
    return tuple(settled)


def is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _storage(kind: pa.DataType, name: str, path: Path) -> str:
    if pa.types.is_dictionary(kind):
        return _storage(kind.value_type, name, path)
    if kind == pa.uint64():
        # As text every digit of an id is kept, and small numbers are numbers all the same.
        return "text"
    if pa.types.is_integer(kind):
        return "integer"
    if _is_number(kind):
        return "number"
    if is_list(kind):
        inner = kind.value_type
        if _is_number(inner) or (is_list(inner) and _is_number(inner.value_type)):
            return "series"
        return "list" if _is_text(inner) else "json"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        raise DataError(f"column {name!r} holds bytes, not text or numbers; take it out or decode it", path)
    return "json" if pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_union(kind) else "text"


def _decoded(array: pa.DictionaryArray) -> pa.Array:
    """The cells of a dictionary; polars keeps its words as views, which Arrow cannot take by number."""
    words = array.dictionary
    if pa.types.is_string_view(words.type):
        array = pa.DictionaryArray.from_arrays(array.indices, words.cast(pa.large_string()))
    return array.dictionary_decode()


def _convert(array: pa.Array, field: Field, path: Path, line: int) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = _decoded(array)
    if field.storage == "integer":
        return pc.cast(array, pa.int64())
    if field.storage == "number":
        values = pc.cast(array, pa.float64(), safe=False)
        return pc.if_else(pc.fill_null(pc.is_nan(values), False), pa.scalar(None, pa.float64()), values)
    if field.storage == "series":
        return _series(array, field, path, line)
    if field.storage == "list":
        return _lists(array)
    if field.storage == "json":
        return pa.array(
            [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in array.to_pylist()],
            pa.large_string(),
        )
    if pa.types.is_timestamp(array.type):
        # With the offset: without it the hour that autumn repeats would stand twice.
        form = "%Y-%m-%d %H:%M:%S" + ("" if array.type.tz in (None, "UTC") else "%z")
        return pc.cast(
            pc.strftime(pc.cast(array, pa.timestamp("us", array.type.tz), safe=False), format=form), pa.large_string()
        )
    return pc.cast(array, pa.large_string())


def _lists(array: pa.Array) -> pa.Array:
    """Lists of texts, or of numbers that are labels; an item that is missing is an empty text."""
    kind = pa.large_list(pa.large_string())
    if pc.any(pc.is_null(pc.list_flatten(array))).as_py():
        rows = array.to_pylist()
        texts = [None if row is None else ["" if item is None else str(item) for item in row] for row in rows]
        return pa.array(texts, kind)
    return pc.cast(array, kind)


def _series(array: pa.Array, field: Field, path: Path, line: int) -> pa.Array:
    channels = field.channels or 1
    flat = _flat(array, channels)
    if flat is not None:
        return flat
    rows = []
    for offset, value in enumerate(array.to_pylist()):
        try:
            flat = np.array([] if value is None else value, dtype=np.float32).reshape(-1)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"column {field.name!r} must hold series with {channels} values per step", path, line + offset
            ) from error
        if len(flat) != channels * (0 if value is None else len(value)):
            raise DataError(
                f"column {field.name!r} must hold series with {channels} values per step", path, line + offset
            )
        rows.append(flat)
    return pa.array(rows, pa.large_list(pa.float32()))


def _flat(array: pa.Array, channels: int) -> pa.Array | None:
    """Series whose values lie in one piece already, without a look at each; None if they do not."""
    steps = array.type.value_type
    fixed = pa.types.is_fixed_size_list(steps) and steps.list_size == channels
    if array.null_count or not (fixed or (channels == 1 and not is_list(steps))):
        return None
    values = pc.list_flatten(array)
    if fixed:
        if values.null_count:
            return None
        values = pc.list_flatten(values)
    if values.null_count:
        return None
    ends = np.cumsum(pc.list_value_length(array).to_numpy(zero_copy_only=False), dtype=np.int64) * channels
    offsets = pa.array(np.concatenate([[0], ends]), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, pc.cast(values, pa.float32(), safe=False))
