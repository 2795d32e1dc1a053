"""The doctor on rows that stand more than once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np

from unroll.data.doctor.finding import Finding, at_row, counted, share
from unroll.data.doctor.text import folded
from unroll.data.table.kinds import Kind
from unroll.data.table.splits import Split
from unroll.data.table.table import Table


def look_at_repeats(table: Table, target: str | None, inputs: Sequence[str], split: Split | None) -> Iterator[Finding]:
    exact = _hashes(table, tuple(inputs))
    order = np.argsort(exact, kind="stable")
    same = exact[order][1:] == exact[order][:-1]
    if same.any():
        row = int(order[1:][same].min())
        text = f"{counted(int(same.sum()), 'row')} repeat{'s' if same.sum() == 1 else ''} the input of an earlier one"
        yield at_row(
            table, row, "warning", text, "look whether they are meant; a copy in train and test flatters the score"
        )
    if target is not None and target not in inputs and table.kinds[target] is not Kind.SERIES and same.any():
        labels = _hashes(table, (target,))[order]
        differ = same & (labels[1:] != labels[:-1])
        if differ.any():
            row = int(order[1:][differ].min())
            text = f"{counted(int(differ.sum()), 'row')} with the input of another row but a different target"
            yield at_row(table, row, "warning", text, "settle which is right; no model can get both")
    if split is None:
        return
    texts = [name for name in inputs if table.kinds[name] is Kind.TEXT]
    loose = _hashes(table, tuple(inputs), fold=True) if texts else exact
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


def _hashes(table: Table, columns: tuple[str, ...], fold: bool = False) -> np.ndarray:
    """A 64-bit number per row, int64 (rows,), that is equal where these columns are.

    With `fold` it is equal also where only case, width, spaces or punctuation differ.
    """
    total = np.zeros(len(table), dtype=np.uint64)
    for column in columns:
        hashes = np.fromiter(map(hash, _values(table, column, fold)), dtype=np.int64, count=len(table))
        # An odd factor mixes the columns, so that swapped cells differ; overflow is meant.
        total = total * np.uint64(0x9E3779B97F4A7C15) + hashes.astype(np.uint64)
    return total.astype(np.int64)


def _values(table: Table, column: str, fold: bool) -> Iterable[Hashable]:
    if table.kinds[column] is Kind.SERIES:
        return (table.series(column, row).tobytes() for row in range(len(table)))
    if table.details(column).is_list and not fold:
        return table.labels(column)
    return map(folded, table.texts(column)) if fold else table.texts(column)
