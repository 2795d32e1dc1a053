"""Columns that would hold numbers or times but for a few cells: a word for a missing value, a unit, a sum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.doctor.finding import counted
from unroll.data.table.chunks import text_block
from unroll.data.table.kinds import INFINITE, MISSING, Kind
from unroll.data.table.numbers import PLAIN, NumberFacts, to_float64
from unroll.data.table.table import Table
from unroll.data.table.times import guess_notations, parse_times
from unroll.errors import DataError

#: The share of cells that may differ, the cells that are looked at, the fewest that tell a column, and the columns.
_FEW, _LOOKED_AT, _LEAST, _COLUMNS = 0.05, 2000, 8, 200
#: Cells whose notations of times are looked for in others.
_PROBES = 9


#: A number in digits of any script, with a sign (those of accounts, too), and a unit or a letter behind it.
_BESIDE = re.compile(r"(?P<sign>[△▲▽▼] ?)?[+-]?\d(?:[\d.,'’٫٬]|[ \u00a0\u202f](?=\d{3}))*\s?(?P<beside>[^\d\s]{0,12})$")
#: Different signs and units of one column at most.
_UNITS = 4


class Nearly(NamedTuple):
    """A column of text that is nearly something else.

    Attributes:
        column: its name.
        holds: "numbers" or "times".
        cells: how many differ.
        row: of the first of them.
    """

    column: str
    holds: str
    cells: int
    row: int


def nearly(table: Table) -> Nearly | None:
    """The first column of text that holds numbers or times but for a few cells; None if there is none."""
    return next(all_nearly(table), None)


def all_nearly(table: Table) -> Iterator[Nearly]:
    """Every column of text that holds numbers or times but for a few cells."""
    for name, cells in _texts(table):
        for holds, wrong in _wrong(cells):
            count = int(wrong.sum())
            if 0 < count <= max(1, int(_FEW * len(wrong))):
                yield Nearly(name, holds, count, int(wrong.argmax()))
                break


def _texts(table: Table) -> Iterator[tuple[str, pa.Array]]:
    """Every column of text that is looked at, with its first cells."""
    for name in table.columns[:_COLUMNS]:
        if table.kinds[name] is Kind.TEXT:
            yield name, text_block(next(table.blocks(name))).slice(0, _LOOKED_AT)


class TwoNotations(NamedTuple):
    """A column of text that holds times in two notations, as where only some of them name a zone.

    Attributes:
        column: its name.
        cells: how many are written as fewer are.
        row: of the first of them.
        example: a cell of the other notation.
    """

    column: str
    cells: int
    row: int
    example: str


def two_notations(table: Table) -> Iterator[TwoNotations]:
    """Every column of text that holds times in two notations."""
    for name, cells in _texts(table):
        found = [(notation, wrong) for notation, wrong in _times_wrong(cells) if not wrong.all()]
        for at, (_, one) in enumerate(found):
            other = next((own for _, own in found[at + 1 :] if not (one & own).any()), None)
            if other is None or not one.any() or not other.any():
                continue
            # Those that are fewer: what is wrong in the notation of the others and right in their own.
            fewer, more = sorted((one & ~other, other & ~one), key=np.sum)
            if fewer.any():
                row = int(fewer.argmax())
                yield TwoNotations(name, int(fewer.sum()), row, table.texts(name)[int(more.argmax())])
                break


def hidden_times(table: Table) -> Iterator[DataError]:
    """What a column of times is not read as one for: a few cells that are none, or two notations."""
    for found in all_nearly(table):
        if found.holds == "times":
            yield _nearly_error(table, found)
    for own in two_notations(table):
        cell = table.texts(own.column)[own.row][:40]
        yield DataError(
            f"column {own.column!r} holds times in two notations: {counted(own.cells, 'cell')} such as {cell!r}, the"
            f" others as {own.example[:40]!r}; write all in one (or name the task with --task, if it is text)",
            *table.place(own.row),
        )


def check_times(table: Table) -> None:
    """Refuse a table in which a column of times is not read as one.

    Raises:
        DataError: see `hidden_times`; with the first of the cells.
    """
    for error in hidden_times(table):
        raise error


class Beside(NamedTuple):
    """A column of text whose cells are numbers with something beside them, or in other digits.

    Attributes:
        column: its name.
        cell: the first such cell.
        row: of it.
    """

    column: str
    cell: str
    row: int

    def words(self) -> str:
        """What it holds, and an example."""
        return f"holds numbers with something beside them, or in other digits ({self.cell[:40]!r})"


def numbers_with_units(table: Table) -> Iterator[Beside]:
    """The columns of text that hold numbers in no notation that is read: with units, letters for thousands, a sign
    behind them, or in digits of another script."""
    for name, cells in _texts(table):
        full = [
            (row, cell.strip())
            for row, cell in enumerate(cells.to_pylist())
            if cell and cell.strip().lower() not in MISSING
        ]
        found = [_BESIDE.match(cell) for _, cell in full]
        units = {match["beside"] for match in found if match is not None}
        if len(full) >= _LEAST and None not in found and len(units) <= _UNITS:
            odd = next((at for at, match in enumerate(found) if match and (match["beside"] or match["sign"])), 0)
            yield Beside(name, full[odd][1], full[odd][0])


def check_nearly(table: Table, *, holds: str | None = None) -> None:
    """Refuse a table in which a few cells hide what a column is.

    Args:
        table: the data.
        holds: "numbers" or "times"; None: either.

    Raises:
        DataError: a column holds numbers or times but for a few cells; with the first of them.
    """
    found = nearly(table)
    if found is None or holds not in (None, found.holds):
        return
    raise _nearly_error(table, found)


def _nearly_error(table: Table, found: Nearly) -> DataError:
    cell = table.texts(found.column)[found.row][:40]
    return DataError(
        f"column {found.column!r} holds {found.holds} but for {counted(found.cells, 'cell')}, the first {cell!r};"
        " correct it, leave it empty or take its row out (or name the task with --task, if it is text)",
        *table.place(found.row),
    )


def _parted(cells: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Which cells are missing, bool (rows,), and those that are not."""
    marks = pa.array([*MISSING, *INFINITE, None], cells.type)
    lowered = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
    missing = np.asarray(pc.is_in(lowered, value_set=marks).to_numpy(zero_copy_only=False), dtype=bool)
    return missing, cells.filter(pa.array(~missing))


def _are_times(cells: pa.Array, notation: str) -> np.ndarray:
    """Which cells are times in a notation, bool (rows,)."""
    return np.asarray(parse_times(cells, notation).is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def _times_wrong(cells: pa.Array) -> list[tuple[str, np.ndarray]]:
    """Notations of times that some cells have, and for each the cells that hold another text, bool (rows,)."""
    missing, present = _parted(cells)
    if len(present) < _LEAST:
        return []
    probes = np.unique(np.linspace(0, len(present) - 1, _PROBES).astype(int)).tolist()
    notations = dict.fromkeys(notation for probe in probes for notation in guess_notations(present.slice(probe, 1)))
    return [(notation, ~_are_times(cells, notation) & ~missing) for notation in notations]


def _wrong(cells: pa.Array) -> list[tuple[str, np.ndarray]]:
    """What a column may nearly hold, and for each the cells that do not fit, bool (rows,)."""
    missing, present = _parted(cells)
    if len(present) < _LEAST:
        return []
    found = []
    # A cell in the middle is neither a second header nor a sum at the end.
    for probe in (len(present) // 2, len(present) // 3):
        for notation in guess_notations(present.slice(probe, 1)):
            found.append(("times", ~_are_times(cells, notation) & ~missing))
        facts = NumberFacts()
        facts.look(present.slice(probe, 3), 3)
        for notation in facts.names or [PLAIN]:
            values, _ = to_float64(cells, notation)
            found.append(("numbers", np.isnan(values) & ~missing))
    return found
