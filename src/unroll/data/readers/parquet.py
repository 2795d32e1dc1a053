"""Parquet, and any other stream of Arrow batches, as rows of a table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unroll.data.readers.lines import blocks
from unroll.data.table.table import UNIT_SEPARATOR
from unroll.data.table.writer import Field, Writer
from unroll.errors import DataError

_BATCH = 1 << 14


@contextmanager
def _file(path: Path, store: Path) -> Iterator[Any]:
    """The opened Parquet file; a gzipped one is unpacked into the store first, because Parquet is read from its end."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    plain = store / "unpacked.parquet" if packed else path
    try:
        if packed:
            store.mkdir(parents=True, exist_ok=True)
            with plain.open("wb") as target:
                for block in blocks(path):
                    if shutil.disk_usage(store).free < 256 * 2**20:
                        raise DataError(
                            "the disk is nearly full while unpacking; free space or store the table elsewhere", path
                        )
                    target.write(block)
        with pq.ParquetFile(plain) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"cannot be read as Parquet ({str(error).splitlines()[0][:120]})", path) from error
    finally:
        if packed:
            plain.unlink(missing_ok=True)


def parquet_schema(path: Path, store: Path) -> Any:
    """The Arrow schema of a Parquet file.

    Raises:
        DataError: it is no Parquet file.
    """
    with _file(path, store) as file:
        return file.schema_arrow


def write_parquet(writer: Writer, path: Path, store: Path, fields: tuple[Field, ...], part: int | None) -> None:
    """Add the rows of a Parquet file; the line of a row is its number, from 1.

    Raises:
        DataError: a damaged file, or columns that differ from the first file's.
    """
    with _file(path, store) as file:
        missing = {field.name for field in fields} - set(file.schema_arrow.names)
        if missing:
            raise DataError(
                f"column {min(missing)!r} of the first file is missing; the columns are "
                f"{', '.join(file.schema_arrow.names[:12])}",
                path,
            )
        writer.begin(path, part)
        write_batches(
            writer, file.iter_batches(batch_size=_BATCH, columns=[field.name for field in fields]), fields, path
        )


def write_batches(writer: Writer, batches: Iterable[Any], fields: tuple[Field, ...], path: Path) -> None:
    """Add Arrow record batches with columns of these names."""
    line = 1
    for batch in batches:
        arrays = [
            _convert(batch.column(batch.schema.get_field_index(field.name)), field, path, line) for field in fields
        ]
        if len(batch):
            writer.add_arrays(arrays, line)
        line += len(batch)


def fields_of(schema: Any, path: Path) -> tuple[Field, ...]:
    """The columns for an Arrow schema. How many channels a series has is settled later, by `settle`.

    Raises:
        DataError: a column of bytes.
    """
    return tuple(
        Field(entry.name, _storage(entry.type, entry.name, path))
        for entry in schema
        if not entry.name.startswith("__index_level_")
    )


def settle(fields: tuple[Field, ...], first: Any) -> tuple[Field, ...]:
    """Fill in the channels of series by the first batch of rows."""
    found = []
    for field in fields:
        if field.storage == "series":
            kind = first.schema.field(field.name).type
            values = next(
                (value for value in first.column(first.schema.get_field_index(field.name)).to_pylist() if value), None
            )
            nested = _is_list(kind.value_type)
            channels = len(values[0]) if nested and values is not None and values[0] is not None else 1
            field = field._replace(channels=max(channels, 1))
        found.append(field)
    return tuple(found)


def first_batch(path: Path, store: Path) -> Any:
    """The first rows of a Parquet file.

    Raises:
        DataError: it holds none.
    """
    with _file(path, store) as file:
        for batch in file.iter_batches(batch_size=256):
            if len(batch):
                return batch
    raise DataError("the file holds columns but no rows", path)


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _storage(kind: Any, name: str, path: Path) -> str:
    if pa.types.is_dictionary(kind):
        return _storage(kind.value_type, name, path)
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return "integer"
    if _is_number(kind):
        return "number"
    if _is_list(kind):
        inner = kind.value_type
        if _is_number(inner) or (_is_list(inner) and _is_number(inner.value_type)):
            return "series"
        return "labels" if _is_text(inner) else "json"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        raise DataError(f"column {name!r} holds bytes, not text or numbers; take it out or decode it", path)
    return "json" if pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_union(kind) else "text"


def _convert(array: Any, field: Field, path: Path, line: int) -> Any:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if field.storage == "integer":
        return pc.cast(array, pa.int64())
    if field.storage == "number":
        values = pc.cast(array, pa.float64(), safe=False)
        return pc.if_else(pc.fill_null(pc.is_nan(values), False), pa.scalar(None, pa.float64()), values)
    if field.storage == "series":
        return _series(array, field, path, line)
    if field.storage == "labels":
        return pc.cast(pc.binary_join(array, UNIT_SEPARATOR), pa.large_string())
    if field.storage == "json":
        return pa.array(
            [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in array.to_pylist()],
            pa.large_string(),
        )
    if pa.types.is_timestamp(array.type):
        return pc.cast(
            pc.strftime(pc.cast(array, pa.timestamp("us", array.type.tz), safe=False), format="%Y-%m-%d %H:%M:%S"),
            pa.large_string(),
        )
    return pc.cast(array, pa.large_string())


def _series(array: Any, field: Field, path: Path, line: int) -> Any:
    channels = field.channels or 1
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
