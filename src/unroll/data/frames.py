"""Data that is in memory already, as a table: frames, columns, records, arrays and pairs of them.

Everything becomes Arrow columns, which most of it is made of; cells that are Arrow already are not copied.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from unroll.data.images.held import is_held_picture, is_picture, is_record_of_picture, picture_bytes, with_files
from unroll.data.readers.jsonshapes import nested_in, opened
from unroll.data.readers.parquet import batches_of, fields_of, settle
from unroll.data.reshaped import marked_rows, reshaped
from unroll.data.table.kinds import ReadOptions
from unroll.data.table.partcolumns import PART_NAMES
from unroll.data.table.table import Table
from unroll.data.table.times import guess_notations
from unroll.data.table.writer import Writer
from unroll.errors import DataError

_BATCH = 1 << 16
#: Cells of an index by which times written as text are told, and rows by which objects in cells are.
_INDEX_CELLS, _LOOKED_AT = 20, 1000
#: Said of arrays that have the shape of pictures, but not the type.
_PICTURES = (
    "; pictures are arrays (H, W, 3) of uint8: (255 * x).astype('uint8') of shares, x.transpose(1, 2, 0) of (3, H, W)"
)
#: What columns are called where the data has no names.
TEXT, LABEL, SERIES, VALUE, TOKENS, TAGS, IMAGE = "text", "label", "series", "value", "tokens", "tags", "image"


class Frame(NamedTuple):
    """Rows in memory.

    Attributes:
        columns: an Arrow table.
        name: what errors call it.
        part: 0 train, 1 validation, 2 test; None if it does not say.
    """

    columns: pa.Table
    name: str
    part: int | None = None


def is_file(data: object) -> bool:
    """Whether the data is named by a path or by the name of a built-in set, not held in memory."""
    return isinstance(data, str | Path)


def frames_of(data: object, *, target: str | None = None) -> list[Frame]:
    """Data in memory as Arrow columns.

    Args:
        data: a frame of pandas, polars or pyarrow, or anything that offers its columns as an Arrow stream; a mapping
            from names to columns; a sequence of mappings, one per row; a sequence of texts; an array (N, T, F), (N, T)
            or, of one series, (T,); a pair of texts or arrays and their labels; a pair of lists of tokens and lists of
            tags; a `datasets.Dataset`, or a `DatasetDict`, whose splits become parts.
        target: what the column of labels of a pair is called; "label" (of tokens: "tags") if None.

    Raises:
        DataError: it is none of these, or its columns differ in length.
    """
    module = type(data).__module__.partition(".")[0]
    try:
        if module == "datasets" and isinstance(data, dict):
            frames = _splits(data)
        elif module == "datasets":
            frames = [Frame(_dataset(data), "Dataset")]
        else:
            frames = [Frame(*_frame(_without_torch(data), module, target))]
        return [frame._replace(columns=reshaped(frame.columns)) for frame in frames]
    except UnicodeEncodeError as error:
        raise DataError(
            f"{type(data).__name__}: a text holds a lone surrogate ({error.object[error.start]!a}), which is half a"
            " character and no text; remove it"
        ) from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        said = "; ".join(str(part).splitlines()[0] for part in error.args)
        raise DataError(f"{type(data).__name__}: the columns cannot be read ({said[:200]})") from error


def table_of(frames: Sequence[Frame], store: Path, options: ReadOptions | None = None) -> Table:
    """Make a table of rows in memory; they stay there.

    Args:
        frames: of the same columns.
        store: a folder for what a task may write beside it.
        options: what is known of numbers, dates and columns.

    Raises:
        DataError: a column holds what cannot be read; there are no rows; the frames differ in their columns.
    """
    frames = [frame._replace(columns=with_files(frame.columns, store / "held")) for frame in frames]
    first = frames[0]
    # In brackets, so that it cannot be the name of a file.
    path = Path(f"<{first.name}>")
    fields = fields_of(first.columns.schema, path)
    sample = next((batch for batch in first.columns.slice(0, 256).to_batches() if len(batch)), None)
    fields = fields if sample is None else settle(fields, sample)
    names = [field.name for field in fields]
    with Writer(store, fields, path, options=options, in_memory=True) as writer:
        for frame in frames:
            missing = set(names) - set(frame.columns.schema.names)
            if missing:
                raise DataError(f"column {min(missing)!r} of the first frame is missing", f"<{frame.name}>")
            writer.begin(Path(f"<{frame.name}>"), frame.part)
            batches = frame.columns.select(names).to_batches(max_chunksize=_BATCH)
            for batch in batches_of(batches, fields, Path(f"<{frame.name}>")):
                writer.add(batch)
        return writer.finish([f"{first.name}: {writer.total:,} rows in memory"], "memory")


def _frame(data: Any, module: str, target: str | None) -> tuple[pa.Table, str]:
    name = type(data).__name__
    if isinstance(data, pa.Table):
        return data, name
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data]), name
    if module == "pandas":
        return _pandas(data), name
    if isinstance(data, Mapping) and data and all(map(_is_indexed, data.values())):
        import pandas

        # Columns that share their times are put side by side by them.
        return _pandas(pandas.DataFrame(dict(data))), name
    if isinstance(data, Mapping):
        return pa.table({str(key): _column(values) for key, values in data.items()}), name
    if isinstance(data, np.ndarray) and data.dtype.names:
        return pa.table({key: _column(np.asarray(data[key])) for key in data.dtype.names}), name
    if isinstance(data, np.ndarray):
        return pa.table({_array_name(data): _column(data)}), name
    if isinstance(data, tuple) and len(data) == 2 and not any(isinstance(part, str) for part in data):
        return _pair(*data, target), "(inputs, labels)"
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data), name
    if isinstance(data, Sequence) and not isinstance(data, bytes | bytearray):
        return _rows(data, target), name
    raise DataError(
        f"expected a path, a frame of pandas, polars or pyarrow, a dict of columns, a list of dicts, (texts, labels),"
        f" a datasets.Dataset or an array (N, T, F), got {type(data).__name__}"
    )


def _pandas(data: Any) -> pa.Table:
    if data.ndim == 1:
        data = data.to_frame(data.name if data.name is not None else TEXT)
    if _says_something(data.index):
        data = data.reset_index()
    # Names of several levels, as yfinance gives them, are one name.
    names = [
        " ".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)
        for name in data.columns
    ]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"DataFrame: two columns are called {twice!r}; rename or drop one")
    # A period is its first moment, as months and quarters are in files.
    columns = {}
    for name, column in zip(names, (data.iloc[:, at] for at in range(len(names))), strict=True):
        column = column.dt.to_timestamp() if _of_periods(column.dtype) else column
        kind = getattr(getattr(column.dtype, "categories", None), "dtype", column.dtype)
        # Bins of pandas.cut have no type in Arrow that is a text or a number; people read them as words.
        columns[name] = _cells(column.astype("str") if str(kind).startswith("interval") else column)
    return pa.table(columns)


def _says_something(index: Any) -> bool:
    """Whether the index of a pandas frame holds more than the numbers of its rows: times, names of series."""
    if any(name is not None for name in index.names) or index.nlevels > 1:
        return True
    if index.dtype.kind == "M" or _of_periods(index.dtype):
        return True
    cells = index[:_INDEX_CELLS].tolist()
    return bool(cells) and all(isinstance(cell, str) for cell in cells) and bool(guess_notations(pa.array(cells)))


def _is_indexed(column: Any) -> bool:
    """Whether it is a series of pandas whose index says something."""
    named = type(column).__module__.startswith("pandas") and column.ndim == 1 and hasattr(column, "index")
    return named and _says_something(column.index)


def _of_periods(dtype: Any) -> bool:
    return type(dtype).__name__ == "PeriodDtype"


def _cells(values: Any) -> pa.Array | pa.ChunkedArray:
    """Cells as Arrow infers them; texts among numbers make all of them texts, as they would be in a file."""
    try:
        return pa.array(values, from_pandas=True) if type(values).__module__.startswith("pandas") else pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        if any(is_picture(cell) or isinstance(cell, Path) for cell in itertools.islice(iter(values), _INDEX_CELLS)):
            return _of_pictures(list(values))
        if not isinstance(values, Sequence) and not hasattr(values, "tolist"):
            raise
        cells = values.tolist() if hasattr(values, "tolist") else list(values)
        if all(cell is None or cell != cell or isinstance(cell, list | tuple | dict) for cell in cells):
            # Lists of unlike items, such as entities (0, 3, "PER"), have no type in Arrow, and one in JSON.
            return pa.array([json.dumps(cell) if isinstance(cell, list | tuple | dict) else None for cell in cells])
        if not all(cell is None or isinstance(cell, str | bool | int | float) for cell in cells):
            raise
    return pa.array([None if cell is None or cell != cell else _word(cell) for cell in cells], pa.large_string())


def _of_pictures(cells: list[Any]) -> pa.Array:
    """Pictures in memory as the bytes of their files; paths as texts."""
    if any(isinstance(cell, Path) for cell in cells):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.large_string())
    wrong = next((cell for cell in cells if cell is not None and picture_bytes(cell) is None), None)
    if wrong is not None:
        raise DataError(f"a column of pictures holds {type(wrong).__name__}; make all of them pictures")
    return pa.array([picture_bytes(cell) for cell in cells], pa.large_binary())


def _word(cell: str | float) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _rows(data: Sequence[Any], target: str | None = None) -> pa.Table:
    first = next((row for row in data if row is not None), None)
    if is_held_picture(first) or isinstance(first, Path):
        return pa.table({IMAGE: _column(data)})
    if isinstance(first, Mapping | tuple) and (marked := marked_rows(data)) is not None:
        return marked
    if isinstance(first, Mapping):
        nested = nested_in(row for row in data[:_LOOKED_AT] if isinstance(row, Mapping))
        nested -= {name for name in nested if is_record_of_picture(first.get(name))}
        data = [opened(row, nested) if isinstance(row, Mapping) else row for row in data] if nested else data
        # All rows may say something of a column, so that one which begins late is a column, too.
        wrong = next((at for at, row in enumerate(data) if not isinstance(row, Mapping)), None)
        if wrong is not None:
            raise DataError(f"expected a list of dicts, got {type(data[wrong]).__name__} as row {wrong}; take it out")
        names = dict.fromkeys(str(name) for row in data for name in row)
        return pa.table({name: _column([row.get(name) for row in data]) for name in names})
    if isinstance(first, str):
        return pa.table({TEXT: _column(data)})
    if isinstance(first, np.ndarray) and first.dtype.kind not in "OUS":
        return pa.table({SERIES: _column(data)})
    if isinstance(first, tuple) and all(isinstance(row, tuple) and len(row) == 2 for row in data):
        # What zip(texts, labels) gives; tokens come as lists.
        inputs, labels = zip(*data, strict=True)
        return _pair(list(inputs), list(labels), target)
    if isinstance(first, np.ndarray | Sequence) and len(first) and isinstance(first[0], str):
        return pa.table({TOKENS: _column(data)})
    if isinstance(first, Sequence) and len(first) and _is_numbers(first):
        return pa.table({SERIES: _column([_numbers(row, at) for at, row in enumerate(data)])})
    if isinstance(first, int | float | np.number):
        return pa.table({VALUE: _column(data)})
    if first is None:
        raise DataError("no rows of data: the sequence is empty")
    raise DataError(f"expected a list of dicts, of texts, of arrays or of lists of tokens, got {type(first).__name__}")


def _is_numbers(row: Sequence[Any]) -> bool:
    """Whether it is a list of numbers, or of equally long lists of them."""
    try:
        return np.asarray(row).dtype.kind in "iuf"
    except ValueError:
        return False


def _numbers(row: Any, at: int) -> np.ndarray:
    try:
        return np.asarray(row, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"expected a list of numbers, or of equally long lists of them, as row {at}") from None


def _without_torch(data: Any) -> Any:
    """Tensors as arrays, also as columns, rows and parts of a pair."""
    if isinstance(data, dict):
        return {name: _without_torch(value) for name, value in data.items()}
    if isinstance(data, list | tuple) and any(type(item).__module__.startswith("torch") for item in data):
        parts = [_without_torch(item) for item in data]
        return parts if isinstance(data, list) else tuple(parts)
    if type(data).__module__.startswith("torch") and hasattr(data, "detach"):
        return data.detach().cpu().numpy()
    return data


def _pair(inputs: Any, labels: Any, target: str | None) -> pa.Table:
    if len(inputs) != len(labels):
        raise DataError(f"(inputs, labels): expected as many labels as inputs, got {len(labels)} for {len(inputs)}")
    table = pa.table({_array_name(inputs): _column(inputs)}) if isinstance(inputs, np.ndarray) else _rows(inputs)
    default = {TOKENS: TAGS, IMAGE: "caption"}.get(table.column_names[0], LABEL)
    return table.append_column(target or default, _column(labels))


def _array_name(data: np.ndarray) -> str:
    if len(data) and is_picture(data[0]):
        return IMAGE
    if data.dtype.kind in "OU":
        return TEXT
    return SERIES if data.ndim > 1 else VALUE


def _column(values: Any) -> pa.Array | pa.ChunkedArray:
    """One column; an array of two or three dimensions is a series in every row."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, np.ndarray | Sequence) and len(values) and is_picture(values[0]):
        return _of_pictures(list(values))
    if isinstance(values, np.ndarray) and values.ndim > 1:
        return _series(values)
    if isinstance(values, Sequence) and len(values) and isinstance(values[0], np.ndarray):
        if values[0].dtype.kind in "OUS":
            return _cells([cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in values])
        return _ragged(values)
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    if isinstance(values, np.ndarray) and values.dtype.kind in "OU":
        return _cells(values.tolist())
    return _cells(values)


def _series(values: np.ndarray) -> pa.Array:
    if values.ndim > 3:
        raise DataError(f"expected an array (N, T, F) or (N, T), got one of {values.ndim} dimensions{_PICTURES}")
    rows, steps = values.shape[:2]
    return _stacked(values.reshape(rows * steps, *values.shape[2:]), [steps] * rows)


def _ragged(rows: Sequence[np.ndarray]) -> pa.Array:
    if any(row.ndim not in (1, 2) or row.shape[1:] != rows[0].shape[1:] for row in rows):
        shapes = sorted({row.shape for row in rows})[:5]
        got = f"{', '.join(map(str, shapes))}{_PICTURES if any(len(shape) == 3 for shape in shapes) else ''}"
        raise DataError(f"expected arrays (T,) or (T, F) of one and the same F, got {got}")
    return _stacked(np.concatenate(rows), [len(row) for row in rows])


def _stacked(steps: np.ndarray, lengths: Sequence[int]) -> pa.Array:
    """Steps of series one after the other, (total T,) or (total T, F), as rows of so many steps."""
    values = pa.array(np.ascontiguousarray(steps, dtype=np.float32).reshape(-1))
    if steps.ndim > 1:
        values = pa.FixedSizeListArray.from_arrays(values, steps.shape[1])
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)


def _splits(data: Mapping[str, Any]) -> list[Frame]:
    named = {name: PART_NAMES.get(str(name).lower()) for name in data}
    known = [name for name, part in named.items() if part is not None] or list(data)[:1]
    frames = [Frame(_dataset(data[name]), f"DatasetDict/{name}", named[name]) for name in known]
    return sorted(frames, key=lambda frame: frame.part or 0)


def _dataset(data: Any) -> pa.Table:
    """The columns of a `datasets.Dataset`, class numbers by their names; -1, no label, is an empty cell."""
    table = pa.Table.from_batches(_chunks(data))
    for name, feature in data.features.items():
        inner = getattr(feature, "feature", None)
        if type(feature).__name__ == "ClassLabel":
            names = pa.array(feature.names, pa.large_string())
            numbers = table.column(name).combine_chunks()
            known = pa.array([None if n is None or n < 0 else n for n in numbers.to_pylist()], pa.int64())
            table = table.set_column(table.schema.get_field_index(name), name, names.take(known))
        elif inner is not None and type(inner).__name__ == "ClassLabel":
            cells = table.column(name).to_pylist()
            words = [None if cell is None else [inner.names[n] if n >= 0 else "" for n in cell] for cell in cells]
            column = pa.array(words, pa.large_list(pa.large_string()))
            table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _chunks(data: Any) -> Iterator[pa.RecordBatch]:
    for piece in data.with_format("arrow").iter(_BATCH):
        yield from piece.to_batches()
