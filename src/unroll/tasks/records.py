"""What a model is asked about, whatever it comes as, as one record after the other."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data import Kind, ReadOptions, Table
from unroll.data.frames import frames_of, table_of
from unroll.data.images.held import is_held_picture, is_picture
from unroll.data.images.places import picture_beside
from unroll.data.readers.jsonshapes import nested_in, opened
from unroll.data.readers.registry import ENDINGS
from unroll.data.readers.sound import sound_path
from unroll.errors import DataError
from unroll.tasks.base import Record

#: Rows that are taken from a table at a time.
_BLOCK = 1024
#: Characters at the end of a text in which the end of a file's name stands.
_LONGEST = max(map(len, ENDINGS))
#: Keys under which a record holds what was said in a conversation.
CONVERSATION = ("turns", "messages", "conversation", "conversations")


def is_missing(cell: object) -> bool:
    """Whether it is an empty cell: None, NaN, or what pandas has for them, which compares with nothing."""
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def records_of(
    data: object,
    store: Path,
    numbers: Collection[str] = (),
    options: ReadOptions | None = None,
    files: Collection[str] = (),
) -> Iterator[Record]:
    """Texts, paths, mappings and sound as they are; rows of frames, arrays and lists of tokens by way of a table.

    Args:
        data: a text, a record, several of them, or what `frames_of` takes.
        store: a folder for the table.
        numbers: as in `records_of_table`.
        options: how rows that come by way of a table are read.
        files: as in `records_of_table`.

    Raises:
        DataError: it is none of these.
    """
    alone = single_records(data)
    if alone is not None:
        return _examined(alone, is_file=bool(files))
    return records_of_table(table_of(frames_of(data), store, options), numbers, files)


def lists_as_records(data: object, columns: Collection[str]) -> object:
    """What is asked of a model that reads lists of tokens, with each list as a record of its own; anything else as it
    came.

    Without this a record `{"tokens": ["Anna", "sings"]}` is a column of two rows, and a pair of tokens a text with its
    label.

    Args:
        data: as in `records_of`.
        columns: those whose cells are lists of tokens.

    Raises:
        DataError: a list holds what is no token.
    """
    if isinstance(data, Mapping):
        named = next((name for name in columns if _is_sentence(data.get(name))), None)
        # Texts of several words are a column of sentences.
        if named is None or any(len(str(token).split()) > 1 for token in data[named]):
            return data
        return [{**data, named: _tokens(data[named])}]
    if columns and isinstance(data, list | tuple) and data and all(map(_is_sentence, data)):
        return [{next(iter(columns)): _tokens(tokens)} for tokens in data]
    return data


def _is_sentence(value: object) -> bool:
    """Whether it is a list whose items are no lists themselves."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list | tuple) and not any(isinstance(i, list | tuple | np.ndarray | dict) for i in value)


def _tokens(values: Iterable[Any]) -> list[str]:
    """Tokens as texts, numbers as they are written."""
    found = []
    for number, value in enumerate(values, 1):
        if not isinstance(value, str | int | float | np.number) or value != value:
            raise DataError(f"token {number} of a list is {value!r}; expected a text, so leave it out or write one")
        found.append(str(value))
    return found


def _examined(records: Iterator[Record], *, is_file: bool) -> Iterator[Record]:
    """Records, each looked at before it is answered.

    Args:
        records: one after the other.
        is_file: texts are names of files.

    Raises:
        DataError: a record is nothing that can be read, or a text that names a file of data.
    """
    for number, record in enumerate(records, 1):
        if isinstance(record, str):
            # A text that happens to be the name of such a file is much rarer than a file that was meant.
            if not is_file and record[-_LONGEST:].lower().endswith(ENDINGS) and os.path.isfile(record):
                raise DataError(
                    f"'{record}' is a file, and would be read as a text; its rows are asked for with --file {record},"
                    f" in Python with predict(Path('{record}'))"
                )
        elif not isinstance(record, Mapping | list | tuple | np.ndarray):
            got = "nothing" if is_missing(record) else f"{type(record).__name__} {record!r}"[:80]
            raise DataError(f"record {number}: expected a text, or a mapping from columns to values, got {got}")
        yield record


def single_records(data: object) -> Iterator[Record] | None:
    """Data that is a text, a record, or several of them, as records; None for what comes as a table."""
    if isinstance(data, str):
        return iter([data])
    if isinstance(data, Mapping) and (_is_conversation(data) or not (data and all(map(_is_column, data.values())))):
        # One cell that is no column makes the others cells, too: the tokens of a record, or its samples.
        return iter([plain_record(data)])
    # An array (H, W, 3) by itself may as well be (N, T, F).
    if _is_sound(data) or (_is_picture(data) and not isinstance(data, np.ndarray)) or isinstance(data, Path):
        data = [data]
    if isinstance(data, list | tuple) and data:
        first = data[0]
        if isinstance(first, str | Mapping | Path) or _is_sound(first) or _is_picture(first):
            return map(_record, data)
    if isinstance(data, Iterator):
        return map(_record, data)
    return None


def _is_sound(value: object) -> bool:
    """Whether it is samples and how many of them make a second."""
    if not (isinstance(value, tuple) and len(value) == 2):
        return False
    return isinstance(value[0], np.ndarray) and isinstance(value[1], int | float | np.integer)


def _is_picture(value: object) -> bool:
    """Whether it is a picture, or the bytes of one."""
    return is_picture(value) or (isinstance(value, bytes) and is_held_picture(value))


def _record(value: Any) -> Record:
    """A record by whatever stands for it."""
    if isinstance(value, Path):
        return str(value)
    if _is_sound(value):
        samples, rate = value
        return {"audio": samples, "rate": rate}
    if _is_picture(value):
        return {"image": value}
    record: Record = value
    return plain_record(record)


def plain_record(record: Record) -> Record:
    """A record with the cells of its objects as cells of their own beside them, named as columns of files are."""
    if not isinstance(record, Mapping) or not any(isinstance(value, Mapping) for value in record.values()):
        return record
    return {**opened(record, nested_in([record])), **record}


def _file(cell: str, table: Table, row: int) -> str | bytes:
    """The file that a cell names; of a picture that the data held itself, its content, which outlives the table."""
    if Path(cell).is_relative_to(table.store):
        return Path(cell).read_bytes()
    folder = table.place(row)[0].parent
    path = sound_path(cell, folder)
    return str(path if os.path.isfile(path) else picture_beside(cell, folder))


def _is_column(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) and not is_picture(value)


def _is_conversation(data: Mapping[str, Any]) -> bool:
    """Whether it is what was said in one conversation, turn after turn, and no column of conversations."""
    turns = next((data[name] for name in CONVERSATION if name in data), None)
    if len(data) > 1 and any(isinstance(cell, list) for name, cell in data.items() if name not in CONVERSATION):
        return False
    return isinstance(turns, list) and all(
        (isinstance(turn, str) and not turn.lstrip().startswith("[")) or isinstance(turn, Mapping) for turn in turns
    )


def records_of_table(table: Table, numbers: Collection[str] = (), files: Collection[str] = ()) -> Iterator[Record]:
    """Yield the rows of a table: its cells by column, or the text alone if there is one column of text.

    Args:
        table: the rows.
        numbers: columns whose cells are wanted as numbers; all others come as they are written, so that an id such as
            007 stays what it is.
        files: columns whose cells name files, which are looked for beside the table's own.
    """
    alone = len(table.columns) == 1 and table.kinds[table.columns[0]] is Kind.TEXT
    for start in range(0, len(table), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(table)))
        cells: dict[str, list[Any]] = {}
        for column in table.columns:
            kind = table.kinds[column]
            if kind is Kind.SERIES:
                cells[column] = [table.series(column, int(row)).tolist() for row in rows]
            elif column in numbers and kind is Kind.NUMBER:
                cells[column] = table.numbers(column, rows).tolist()
            elif table.details(column).is_list:
                cells[column] = list(map(list, table.labels(column, rows)))
            elif column in files:
                named = zip(table.texts(column, rows), rows, strict=True)
                cells[column] = [_file(cell, table, int(row)) for cell, row in named]
            else:
                cells[column] = list(table.texts(column, rows))
        for index in range(len(rows)):
            first = cells[table.columns[0]][index]
            yield first if alone and isinstance(first, str) else {name: cells[name][index] for name in table.columns}
