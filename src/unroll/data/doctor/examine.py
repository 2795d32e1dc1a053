"""The data doctor: what a data set holds, and what in it would falsify or spoil a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from unroll.data.doctor.finding import Finding, at_row, counted, row_hashes, share
from unroll.data.doctor.text import look_at_lengths, look_at_text
from unroll.data.doctor.time import look_at_times, look_at_values
from unroll.data.series.timeseries import series_from_table
from unroll.data.table.kinds import Kind
from unroll.data.table.splits import Split
from unroll.data.table.table import Table, as_text, to_float64
from unroll.errors import DataError

_ORDER = {"error": 0, "warning": 1, "note": 2}
_RARE = 5
_LISTED = 12
#: A column with more classes than this is text or a number, not a class.
_MAX_CLASSES = 1000
_WIDE = 60


def examine(
    table: Table,
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    time: str | None = None,
    series: str | None = None,
    split: Split | None = None,
) -> list[Finding]:
    """Look at a table the way a careful colleague would before training on it.

    Args:
        table: the data.
        target: the column to predict, if known.
        inputs: the columns to predict from; empty: all that are not named otherwise.
        time: the column of times, for series.
        series: the column of series ids.
        split: the parts, to look for rows that stand in two of them.

    Returns:
        Errors first, then warnings, then notes.

    Raises:
        DataError: a named column does not exist.
    """
    for name in (target, *inputs, time, series):
        if name is not None:
            table.details(name)
    chosen = tuple(inputs) or tuple(name for name in table.columns if name not in (target, time, series))
    findings = [*_what_was_read(table), *_columns(table, target, chosen)]
    if time is not None:
        findings += look_at_times(table, time, series)
    elif len(table.columns) > _WIDE:
        findings += _series_in_rows(table)
    if target is not None and time is None:
        findings += _target(table, target, split)
        findings += _giveaways(table, target, chosen)
    if time is None and chosen and len(table.columns) <= _WIDE:
        findings += _repeats(table, target, chosen, split)
    return sorted(findings, key=lambda finding: _ORDER[finding.level])


def _what_was_read(table: Table) -> Iterator[Finding]:
    yield from (Finding("note", note) for note in table.notes)
    names = [f"{name} ({kind.value})" for name, kind in table.kinds.items()]
    more = f", ... ({len(names)} in all)" if len(names) > _LISTED else ""
    yield Finding("note", f"{counted(len(table), 'row')}; columns {', '.join(names[:_LISTED])}{more}")


def _columns(table: Table, target: str | None, inputs: Sequence[str]) -> Iterator[Finding]:
    numeric = []
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
        if len(table) > 1 and _is_constant(table, name):
            text = f"column {name!r} holds one value in every row ({table.texts(name)[0][:40]!r})"
            if name != target:
                yield Finding("warning", text, table.paths[0], None, "leave it out; it says nothing")
    if len(numeric) <= _WIDE:
        yield from look_at_values(table, numeric)


def _is_constant(table: Table, column: str) -> bool:
    first = None
    for block in table.blocks(column):
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
    for block in table.blocks(column):
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
    numeric = [name for name, kind in table.kinds.items() if kind is Kind.NUMBER]
    if len(numeric) * 2 < len(table.columns):
        return
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
    holes = [one for one in found if np.isnan(one.values).any()]
    if holes:
        text = f"values are missing inside {counted(len(holes), 'series', 'series')}, first in {holes[0].name!r}"
        yield at_row(
            table, int(holes[0].rows[0]), "warning", text, "fill them, or let the task say what it does with them"
        )
    flat = [one for one in found if len(one.values) > 1 and np.ptp(one.values) == 0]
    if flat:
        text = f"{counted(len(flat), 'series', 'series')} with one value at all steps, first {flat[0].name!r}"
        yield at_row(table, int(flat[0].rows[0]), "warning", text, "leave them out; there is nothing to forecast")


def class_codes(table: Table, column: str) -> tuple[list[str], np.ndarray]:
    """The distinct cells of a column in order of appearance, and each row's position in that list, int64 (rows,)."""
    codes: dict[str, int] = {}
    parts = []
    for block in table.blocks(column):
        encoded = block.dictionary_encode()
        own = [codes.setdefault(as_text(value), len(codes)) for value in encoded.dictionary.to_pylist()]
        indices = encoded.indices.to_numpy(zero_copy_only=False)
        if encoded.indices.null_count:
            indices = np.where(np.isnan(indices), len(own), indices).astype(np.int64)
            own.append(codes.setdefault("", len(codes)))
        parts.append(np.asarray(own, dtype=np.int64)[indices])
    return list(codes), np.concatenate(parts) if parts else np.empty(0, np.int64)


def _target(table: Table, target: str, split: Split | None) -> Iterator[Finding]:
    if table.kinds[target] is Kind.SERIES:
        return
    if table.kinds[target] is Kind.LABELS:
        yield from _label_sets(table, target)
        return
    names, codes = class_codes(table, target)
    if "" in names:
        rows = np.flatnonzero(codes == names.index(""))
        text = f"the target {target!r} is empty in {counted(len(rows), 'row')}"
        yield at_row(table, int(rows[0]), "error", text, "fill the cells or take the rows out")
    if len(names) == 1:
        text = f"the target {target!r} has one class only ({names[0][:40]!r})"
        yield at_row(table, 0, "error", text, "nothing can be learnt from it; name another target column")
        return
    if len(names) > _MAX_CLASSES or len(names) * 2 > len(codes) or _is_measured(table, target, names):
        yield Finding(
            "note", f"target {target!r}: {len(names):,} different values in {counted(len(codes), 'row')}, so no classes"
        )
        return
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    listed = ", ".join(f"{names[i][:30]} {counts[i]:,} ({share(int(counts[i]), len(codes))})" for i in order[:_LISTED])
    yield Finding("note", f"target {target!r}: {len(names)} classes: {listed}{', ...' if len(names) > _LISTED else ''}")
    rare = [int(i) for i in order if counts[i] < _RARE]
    if rare:
        row = int(np.flatnonzero(codes == rare[-1])[0])
        text = (
            f"{counted(len(rare), 'class', 'classes')} with fewer than {_RARE} rows: "
            f"{', '.join(names[i][:30] for i in rare[:_LISTED])}"
        )
        yield at_row(
            table,
            row,
            "warning",
            text,
            "collect more, merge or leave them out; so few can be neither learnt nor tested",
        )
    if counts.max() > 20 * max(counts.min(), 1) and counts.min() >= _RARE:
        yield Finding(
            "warning",
            f"the largest class has {counts.max() // max(counts.min(), 1)} times the rows of the smallest",
            table.paths[0],
            None,
            "go by macro-F1 rather than accuracy, or use class weights",
        )
    if split is not None:
        yield from _classes_by_part(table, names, codes, split)


def _is_measured(table: Table, column: str, values: Sequence[str]) -> bool:
    """Whether a column of numbers measures something rather than numbering classes."""
    return table.kinds[column] is Kind.NUMBER and (len(values) > 200 or any("." in value for value in values))


def _label_sets(table: Table, target: str) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    several, empty, first_empty = 0, 0, -1
    for row, labels in enumerate(table.labels(target)):
        several += len(labels) > 1
        if not labels:
            empty += 1
            first_empty = row if first_empty < 0 else first_empty
        for label in labels:
            counts[label] = counts.get(label, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{name[:30]} {count:,}" for name, count in ranked[:_LISTED])
    text = f"target {target!r}: {len(counts)} labels, {counted(several, 'row')} with several: {listed}"
    yield Finding("note", text + (", ..." if len(ranked) > _LISTED else ""))
    if empty:
        text = f"the target {target!r} has no label in {counted(empty, 'row')}"
        yield at_row(table, first_empty, "note", text, "")
    rare = [name for name, count in ranked if count < _RARE]
    if rare:
        text = f"{counted(len(rare), 'label')} in fewer than {_RARE} rows: {', '.join(rare[:_LISTED])}"
        yield Finding("warning", text, table.paths[0], None, "collect more, merge or leave them out")


def _classes_by_part(table: Table, names: Sequence[str], codes: np.ndarray, split: Split) -> Iterator[Finding]:
    known = set(codes[split.train].tolist())
    for part, rows in (("validation", split.validation), ("test", split.test)):
        if len(rows) == 0:
            continue
        unseen = np.flatnonzero(~np.isin(codes[rows], list(known)))
        if len(unseen):
            row = int(rows[unseen[0]])
            text = (
                f"{counted(len(unseen), 'row')} of {part} have a class that train does not have, first "
                f"{names[codes[row]][:40]!r}"
            )
            yield at_row(table, row, "error", text, "move rows of this class to train, or take them out of " + part)
        absent = [names[code][:30] for code in sorted(known - set(codes[rows].tolist()))]
        if absent:
            text = f"{part} has no row of {counted(len(absent), 'class', 'classes')}: {', '.join(absent[:_LISTED])}"
            yield Finding(
                "warning", text, table.paths[0], None, f"its score says nothing about them; make {part} larger"
            )


def _giveaways(table: Table, target: str, inputs: Sequence[str]) -> Iterator[Finding]:
    """Input columns that name the target: each of their few values goes with one class only."""
    if table.kinds[target] in (Kind.SERIES, Kind.LABELS) or len(table.columns) > _WIDE:
        return
    names, codes = class_codes(table, target)
    if len(names) > _MAX_CLASSES or len(names) < 2:
        return
    for column in inputs:
        if table.kinds[column] is Kind.SERIES:
            continue
        values, own = class_codes(table, column)
        if len(values) < 2 or len(values) * 10 > len(codes):
            continue
        pairs = len(np.unique(own.astype(np.int64) * len(names) + codes))
        if pairs == len(values):
            text = (
                f"column {column!r} gives the target {target!r} away: each of its {len(values)} values goes with "
                f"one class"
            )
            yield Finding(
                "warning", text, table.paths[0], None, "leave it out of the inputs, unless it is known when predicting"
            )


def _repeats(table: Table, target: str | None, inputs: Sequence[str], split: Split | None) -> Iterator[Finding]:
    exact = row_hashes(table, tuple(inputs))
    order = np.argsort(exact, kind="stable")
    same = exact[order][1:] == exact[order][:-1]
    if same.any():
        row = int(order[1:][same].min())
        text = f"{counted(int(same.sum()), 'row')} repeat{'s' if same.sum() == 1 else ''} the input of an earlier one"
        yield at_row(
            table, row, "warning", text, "look whether they are meant; a copy in train and test flatters the score"
        )
    if target is not None and target not in inputs and table.kinds[target] is not Kind.SERIES and same.any():
        labels = row_hashes(table, (target,))[order]
        differ = same & (labels[1:] != labels[:-1])
        if differ.any():
            row = int(order[1:][differ].min())
            text = f"{counted(int(differ.sum()), 'row')} with the input of another row but a different target"
            yield at_row(table, row, "warning", text, "settle which is right; no model can get both")
    if split is None:
        return
    texts = [name for name in inputs if table.kinds[name] is Kind.TEXT]
    loose = row_hashes(table, tuple(inputs), fold=True) if texts else exact
    for part, rows in (("validation", split.validation), ("test", split.test)):
        yield Finding("note", f"{part}: {counted(len(rows), 'row')} beside {counted(len(split.train), 'row')} of train")
        if len(rows) == 0:
            continue
        copies = np.isin(exact[rows], exact[split.train])
        near = np.isin(loose[rows], loose[split.train]) & ~copies
        for found, how in (
            (copies, "with the input of a row of train"),
            (near, "that differ from a row of train in case, spacing or punctuation only"),
        ):
            if found.any():
                count = int(found.sum())
                text = f"{counted(count, 'row')} of {part} ({share(count, len(rows))}) {how}"
                advice = "take them out of train, or read the score with that in mind"
                yield at_row(table, int(rows[found.argmax()]), "warning", text, advice)
