"""Which rows belong to which series, and times in words."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from unroll.data.series.ids import id_codes
from unroll.data.table.table import Table


def shown(time: np.datetime64 | float) -> str:
    """A time without what is zero in it."""
    if isinstance(time, np.datetime64):
        return str(time).replace("T", " ").removesuffix(".000000").removesuffix(":00").removesuffix(" 00:00")
    return f"{float(time):g}"


def series_rows(table: Table, series: str | None) -> Iterator[tuple[str | None, np.ndarray]]:
    """The rows of each series, int64, in the order of the table; without a column of ids one nameless series, or one
    for each file of a folder, named by its place in it."""
    if series is None and table.parts is None and len(table.paths) > 1:
        owners = table.files()
        top = os.path.commonpath([path.parent for path in table.paths])
        for number, path in enumerate(table.paths):
            yield path.relative_to(top).as_posix(), np.flatnonzero(owners == number)
        return
    if series is None:
        yield None, np.arange(len(table), dtype=np.int64)
        return
    names, owner = id_codes(table, series)
    order = np.argsort(owner, kind="stable")
    cuts = np.searchsorted(owner[order], np.arange(1, len(names)))
    yield from zip(names, np.split(order, cuts), strict=True)
