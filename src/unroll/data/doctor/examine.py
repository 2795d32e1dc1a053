"""The data doctor: what a data set holds, and what in it would falsify or spoil a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from unroll.data.doctor.classes import look_at_giveaways, look_at_target
from unroll.data.doctor.finding import Finding, at_row, counted
from unroll.data.doctor.folding import folded
from unroll.data.doctor.repeats import look_at_repeats
from unroll.data.doctor.text import look_at_lengths, look_at_text
from unroll.data.doctor.time import look_at_sticking, look_at_times, look_at_values
from unroll.data.series.ids import id_columns
from unroll.data.series.moments import moments
from unroll.data.series.rows import series_rows
from unroll.data.series.timeseries import series_from_table
from unroll.data.series.wide import Wide, wide_of
from unroll.data.table.kinds import Kind
from unroll.data.table.numbers import to_float64
from unroll.data.table.splits import Split
from unroll.data.table.table import Table
from unroll.errors import DataError

_ORDER = {"error": 0, "warning": 1, "note": 2}
_LISTED = 12
_WIDE = 60


def examine(
    table: Table,
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    time: str | None = None,
    series: str | None = None,
    split: Split | None = None,
    zone: str | None = None,
    as_they_stand: bool = False,
) -> list[Finding]:
    """Look at a table the way a careful colleague would before training on it.

    Args:
        table: the data.
        target: the column to predict, if known.
        inputs: the columns to predict from; empty: all that are not named otherwise.
        time: the column of times, for series.
        series: the column of series ids.
        split: the parts, to look for rows that stand in two of them.
        zone: whose calendar the times are in; None: that of the offsets they name.
        as_they_stand: whether rows are used in the order in which they stand, whatever their times are.

    Returns:
        Errors first, then warnings, then notes.

    Raises:
        DataError: a named column does not exist.
    """
    ids = id_columns(series, table.columns)
    for name in (target, *inputs, time, *ids):
        if name is not None:
            table.details(name)
    chosen = tuple(inputs) or tuple(name for name in table.columns if name not in (target, time, *ids))
    wide = wide_of(table)
    findings = [*_what_was_read(table), *_columns(table, target, chosen, wide)]
    if time is not None:
        findings += look_at_times(table, time, series, zone, as_they_stand=as_they_stand)
        findings += _sticking(table, time, series)
    elif wide is not None:
        findings += _series_in_rows(table)
    if target is not None and time is None:
        findings += look_at_target(table, target, split)
        if len(table.columns) <= _WIDE:
            findings += look_at_giveaways(table, target, chosen)
    if time is None and chosen and len(table.columns) <= _WIDE:
        findings += look_at_repeats(table, target, chosen, split)
    return sorted(folded(findings), key=lambda finding: _ORDER[finding.level])


def _sticking(table: Table, time: str, series: str | None) -> Iterator[Finding]:
    numbers = [name for name, kind in table.kinds.items() if kind is Kind.NUMBER and name != time]
    try:
        times = moments(table, time)
        groups = [rows[np.argsort(times[rows], kind="stable")] for _, rows in series_rows(table, series)]
        yield from look_at_sticking(table, numbers[:_WIDE], groups)
    except DataError:
        # What cannot be read is an error of its own.
        return


def _what_was_read(table: Table) -> Iterator[Finding]:
    yield from (Finding("note", note) for note in table.notes)
    names = [f"{name} ({kind.value})" for name, kind in table.kinds.items()]
    more = f", ... ({len(names)} in all)" if len(names) > _LISTED else ""
    yield Finding("note", f"{counted(len(table), 'row')}; columns {', '.join(names[:_LISTED])}{more}")


def _columns(table: Table, target: str | None, inputs: Sequence[str], wide: Wide | None) -> Iterator[Finding]:
    numeric = []
    steps = frozenset(() if wide is None else wide.steps)
    for name, kind in table.kinds.items():
        if kind is Kind.SERIES:
            yield from _series(table, name)
            continue
        if kind is Kind.NUMBER:
            numeric.append(name)
        elif kind is Kind.TEXT:
            yield from _nearly_numbers(table, name)
            if name in inputs:
                yield from look_at_text(table, name)
        if len(table) > 1 and name not in steps and not _is_empty(table, name) and _is_constant(table, name):
            text = f"column {name!r} holds one value in every row ({table.texts(name)[0][:40]!r})"
            if name != target:
                yield Finding("warning", text, table.paths[0], None, "leave it out; it says nothing")
    # Of a series in a row, a step at which it has ended is not missing.
    if wide is None:
        yield from look_at_values(table, numeric)


def _is_empty(table: Table, column: str) -> bool:
    """Whether no cell holds anything, which the look at texts says."""
    return table.kinds[column] is Kind.TEXT and not table.lengths(column).any()


def _is_constant(table: Table, column: str) -> bool:
    first = None
    for block in table.text_blocks(column):
        values = pc.unique(block.slice(0, 1000))
        if len(values) > 1 or len(values := pc.unique(block)) > 1:
            return False
        if first is not None and values[0] != first:
            return False
        first = values[0]
    return True


def _nearly_numbers(table: Table, column: str) -> Iterator[Finding]:
    """A column of text that holds numbers but for a few cells: most often a typing error or a second header."""
    bad_rows, at, first = 0, 0, -1
    for block in table.text_blocks(column):
        if at == 0 and to_float64(block.slice(0, 1))[1] is not None and to_float64(block.slice(1, 1))[1] is not None:
            return
        values, bad = to_float64(block)
        if bad is not None:
            cells = np.isnan(values) & np.asarray(pc.fill_null(pc.greater(pc.utf8_length(block), 0), False))
            bad_rows += int(cells.sum())
            first = at + bad if first < 0 else first
            if bad_rows > 0.05 * (at + len(block)):
                return
        at += len(block)
    if 0 < bad_rows <= 0.05 * at:
        cell = table.texts(column)[first][:40]
        text = f"column {column!r} holds numbers but for {counted(bad_rows, 'row')}, first {cell!r}"
        yield at_row(table, first, "warning", text, "correct the cells, or leave them empty, to use it as a number")


def _series(table: Table, column: str) -> Iterator[Finding]:
    yield from look_at_lengths(table, column, "steps")
    empty = np.flatnonzero(table.lengths(column) == 0)
    if len(empty):
        text = f"column {column!r}: {counted(len(empty), 'series', 'series')} without a step"
        yield at_row(table, int(empty[0]), "warning", text, "take the rows out")
    missing, flat, first_missing, first_flat = 0, 0, -1, -1
    for row in range(len(table)):
        values = table.series(column, row)
        if np.isnan(values).any():
            missing += 1
            first_missing = row if first_missing < 0 else first_missing
        elif len(values) > 1 and (values == values[0]).all():
            flat += 1
            first_flat = row if first_flat < 0 else first_flat
    if missing:
        text = f"column {column!r}: values are missing in {counted(missing, 'series', 'series')}"
        yield at_row(table, first_missing, "warning", text, "fill them, or let the task say what it does with them")
    if flat:
        text = f"column {column!r}: {counted(flat, 'series', 'series')} with one value at all steps"
        yield at_row(table, first_flat, "warning", text, "look whether the sensor was off")


def _series_in_rows(table: Table) -> Iterator[Finding]:
    """A table of one series per row, such as M4's."""
    try:
        found = series_from_table(table)
    except DataError as error:
        yield Finding("error", str(error), error.path, error.line, "correct the cell, or take the row out")
        return
    lengths = [len(one.values) for one in found]
    yield Finding(
        "note",
        f"one series per row: {counted(len(found), 'series', 'series')} of {min(lengths)} to {max(lengths)} steps",
    )
    # What a series has not yet begun with is not missing.
    holes = [one for one in found if np.isnan(one.values[int((~np.isnan(one.values)).argmax()) :]).any()]
    if holes:
        text = f"values are missing inside {counted(len(holes), 'series', 'series')}, first in {holes[0].name!r}"
        yield at_row(
            table, int(holes[0].rows[0]), "warning", text, "fill them, or let the task say what it does with them"
        )
    flat = [one for one in found if len(one.values) > 1 and np.ptp(one.values) == 0]
    if flat:
        text = f"{counted(len(flat), 'series', 'series')} with one value at all steps, first {flat[0].name!r}"
        yield at_row(table, int(flat[0].rows[0]), "warning", text, "leave them out; there is nothing to forecast")
