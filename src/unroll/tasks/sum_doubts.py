"""The last row of a table that sums up those above it and would be learnt as one more."""

from __future__ import annotations

import numpy as np

from unroll.data import Kind, Table
from unroll.data.table.sums import names_figure
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task

#: Rows of a table at least, and columns that are looked at.
_LEAST, _COLUMNS = 4, 100


def refuse_sums(table: Table, task: Task, guess: Guess) -> None:
    """Raise if the last row is called as a sum and would be classified, or learnt from.

    Raises:
        DataError: it does; with its file and line.
    """
    if task.name != "classify" or len(table) < _LEAST or len(table.columns) < 2 or table.in_memory:
        return
    last = np.array([len(table) - 1])
    used = (guess.data.target, *guess.data.inputs)
    for name in table.columns[:_COLUMNS]:
        if table.kinds[name] not in (Kind.TEXT, Kind.LABELS):
            continue
        cell = table.texts(name, last)[0].strip()
        if not names_figure(cell) or (name not in used and name != table.columns[0]):
            continue
        if sum(other.strip() == cell for other in table.texts(name)) == 1:
            raise DataError(
                f"column '{name}': the last row, {cell!r}, sums up the others and would be learnt as one of them; take"
                " it out",
                *table.place(len(table) - 1),
            )
