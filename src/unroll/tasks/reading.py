"""From the data config of a run to how its files are read, and back: what the columns held is kept with the run."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence

from unroll.bundle import DataConfig
from unroll.data import Kind, ReadOptions, Table
from unroll.data.table.kinds import Column
from unroll.errors import ConfigError

#: The beginning of a list or an object as Python writes it.
_PYTHON_LIST = re.compile(r"[\[{]\s*(['\[({\]]|\d)")
#: Columns whose kinds are kept with a run, at most.
_WIDE = 200


def read_options(data: DataConfig) -> ReadOptions:
    """How the files of a data config are read.

    Raises:
        ConfigError: `data.columns` says something that no column holds.
    """
    columns = read_columns(data)
    return ReadOptions(
        data.format,
        data.encoding,
        data.delimiter,
        data.header,
        data.decimal,
        data.day_first,
        data.missing,
        columns,
        data.files,
    )


def read_columns(data: DataConfig) -> dict[str, Column]:
    """What the columns held in training, by the config.

    Raises:
        ConfigError: `data.columns` says something that no column holds.
    """
    try:
        return {name: Column.read(words) for name, words in data.columns.items()}
    except ValueError as error:
        raise ConfigError(f"data.columns: {error}; leave it out, and the columns are recognised again") from None


def held_columns(table: Table) -> dict[str, str]:
    """What the columns hold, for the config of a run.

    Plain numbers of a wide table are left out: they look the same again, and there may be thousands.
    """
    details = {name: table.details(name) for name in table.columns}
    if len(details) > _WIDE:
        details = {name: column for name, column in details.items() if column != Column(Kind.NUMBER)}
    return {name: column.words() for name, column in itertools.islice(details.items(), _WIDE)}


def short_name(column: str) -> str:
    """How a column is called, without the objects that it stood in: the `label` of `annotation.label`."""
    return column.strip().rpartition(".")[2].casefold()


def are_structured(cells: Sequence[str]) -> bool:
    """Whether most cells are lists or objects, as JSON or Python writes them."""
    full = [cell.strip() for cell in cells if cell.strip()]
    return bool(full) and 2 * sum(map(is_structured, full)) > len(full)


def is_structured(cell: str) -> bool:
    """Whether it is a list or an object as JSON or Python writes it."""
    if not cell.startswith(("[", "{")) or not cell.endswith(("]", "}")):
        return False
    try:
        json.loads(cell)
    except (ValueError, RecursionError):
        return _PYTHON_LIST.match(cell) is not None
    return True
