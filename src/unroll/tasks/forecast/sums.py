"""Series that sum up others, by their names or as columns: said aloud, as parts and their sum are forecast apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unroll.data import Kind, Table
from unroll.data.series.ids import VALUES, id_codes
from unroll.data.series.moments import further
from unroll.data.series.wide import wide_of
from unroll.data.table.sums import names_sum
from unroll.tasks.forecast.columns import Columns, counting

#: Series up to which all are looked at, and those that are named.
_LOOKED_AT, _SAID = 100_000, 3
#: Columns that one may sum up.
_COLUMNS = 60


def sums_among(table: Table, columns: Columns) -> Iterator[str]:
    """What is said of series that sum up others beside them, one sentence at most."""
    wide = wide_of(table, columns.series) if columns.wide else None
    ids = columns.series if wide is None else wide.series
    if ids is None:
        if columns.target is None and columns.time is not None:
            taken = {columns.time, *further(table, columns.time), *counting(table, columns.time), *columns.covariates}
            yield from _summed_columns(table, [name for name in table.columns if name not in taken])
        return
    names, codes = id_codes(table, ids)
    if len(names) < 3 or len(names) > _LOOKED_AT:
        return
    found = [at for at, name in enumerate(names) if _sums(name)]
    if 0 < len(found) < len(names):
        first = table.place(int((codes == found[0]).argmax()))[1]
        # An empty name is that of rows which hold for all.
        shown = ", ".join(f"'{names[at]}'" if names[at] else "the one without a name" for at in found[:_SAID])
        more = f" and {len(found) - _SAID} more" if len(found) > _SAID else ""
        yield (
            f"called as sums of the other series: {shown}{more}, first in line {first}; each is forecast as a series of"
            " its own beside its parts, and counts in every score (take its rows out if it shall not)"
        )


def _summed_columns(table: Table, names: list[str]) -> Iterator[str]:
    """What is said of columns that are called as sums, and hold those of the others."""
    numbers = [name for name in names if table.kinds[name] is Kind.NUMBER]
    for name in numbers:
        others = [other for other in numbers if other != name]
        if not names_sum(name) or not 2 <= len(others) <= _COLUMNS:
            continue
        together = np.nansum([table.numbers(other) for other in others], axis=0)
        own = table.numbers(name)
        known = ~np.isnan(own)
        if known.any() and np.allclose(own[known], together[known], rtol=1e-3):
            yield f"'{name}' holds the sums of the other columns, and is forecast as one more series beside its parts"


def _sums(name: str) -> bool:
    """Whether the name of a series, or a part of it, is called as a sum, or is empty."""
    return not name.strip() or any(names_sum(part) or part.strip() == "*" for part in name.split(VALUES))
