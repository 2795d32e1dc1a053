"""Which columns name the series of a row: one, or several that do so together, as store and item."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterable, Mapping, Sequence

import numpy as np

from unroll.data.series.pieces import names_part
from unroll.data.table.codes import cell_codes
from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.errors import DataError

#: What stands between columns, and between their values in the name of a series.
COLUMNS, VALUES = ",", "/"
#: Steps that a series has at least, on average.
_LEAST_STEPS = 2
#: Columns that are tried together, and columns that are tried at all.
_TOGETHER, _TRIED = 3, 12
#: Of all pairs of a series and a time, the share that is there where nothing but the content speaks for a column: a
#: column of numbers may be a measure that by chance has no value twice at one time.
_TEXTS, _NUMBERS = 0.1, 0.5
#: What columns are called that name something which has a series.
_NAMES = re.compile(
    r"(?i)(?:^|[\W_\d])(?:stores?|shops?|items?|products?|sku|depts?|departments?|family|brand|ids?|nbr|no|code|country"
    r"|states?|province|region|city|county|district|stations?|sites?|sensors?|meters?|devices?|machines?|units?|engines?"
    r"|buildings?|zones?|locations?|customers?|users?|tickers?|symbols?|stocks?|series|entity|area|channel|warehouse"
    r"|route|line|plant|turbine|household|patient|subject|점포|매장|상품|품목|제품|지역|지점|시도|시군구|코드|번호|설비|센서)"
    r"(?:$|[\W_\d])|(?<=[a-z])I[Dd]$"
)


def id_columns(series: str | None, columns: Container[str]) -> tuple[str, ...]:
    """The columns that `series` names: itself, or those between its commas.

    >>> id_columns("store, item", ("store", "item", "sold")), id_columns("a,b", ("a,b", "c"))
    (('store', 'item'), ('a,b',))
    """
    if series is None:
        return ()
    if series in columns or COLUMNS not in series:
        return (series,)
    return tuple(name.strip() for name in series.split(COLUMNS))


def id_texts(table: Table, series: str) -> Sequence[str]:
    """What the series of each row is called: of several columns their values, with a stroke between them."""
    return texts_together(table, id_columns(series, table.columns))


def texts_together(table: Table, names: Sequence[str]) -> Sequence[str]:
    """The texts of each row in some columns, with a stroke between them."""
    if len(names) == 1:
        return table.texts(names[0])
    return [joined_values(cells) for cells in zip(*(table.texts(name) for name in names), strict=True)]


def names_all(table: Table, name: str) -> bool:
    """Whether a column of numbers is called as one of names, and holds one in every row: one store, one station."""
    if table.kinds[name] is not Kind.NUMBER or not _NAMES.search(name):
        return False
    values = table.numbers(name)
    if len(values) < 2 or not (values == values[0]).all() or values[0] != np.floor(values[0]):
        return False
    # Long numbers that differ are one as float64.
    return len(cell_codes(table, name)[0]) == 1


def name_of(record: Mapping[str, object], series: str | None) -> str:
    """What the series of one record is called; empty where none is named."""
    return joined_values(str(record.get(name, "")) for name in id_columns(series, record))


def joined_values(values: Iterable[str]) -> str:
    """The name of a series by the values of its columns; an empty one says nothing."""
    return VALUES.join(value for value in values if value)


def id_codes(table: Table, series: str) -> tuple[list[str], np.ndarray]:
    """The names of the series in order of appearance, and each row's position in that list, int64 (rows,)."""
    columns = [cell_codes(table, name) for name in id_columns(series, table.columns)]
    if len(columns) == 1:
        return columns[0]
    _, first, codes = np.unique(_together([own for _, own in columns]), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    names = [joined_values(cells[own[at]] for cells, own in columns) for at in first[order]]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return names, place[codes.reshape(-1)]


def find_ids(table: Table, times: np.ndarray, taken: Container[str | None]) -> str | None:
    """The fewest columns for whose values every time stands once, and several times; None if there are none.

    Args:
        table: the data.
        times: (rows,) the time of each row.
        taken: columns that hold something else.
    """
    moments = np.unique(times, return_inverse=True)[1].reshape(-1)
    usual = np.flatnonzero(moments == np.bincount(moments).argmax())
    # Where few times come twice, rows are repeated, and not series.
    often = 2 * int((np.bincount(moments)[moments] > 1).sum()) >= len(moments)
    codes: dict[str, np.ndarray] = {}
    for name in table.columns:
        # What is called as a part of the time names no series, even where it cannot be read.
        free = name not in taken and len(codes) < _TRIED and not names_part(name)
        own = _codes(table, name) if free else None
        # A value for every row names rows, and one value for all of them nothing.
        if own is not None and own.max() > 0 and (own.max() + 1) * _LEAST_STEPS <= len(table):
            codes[name] = own
    for size in range(1, _TOGETHER + 1):
        best: tuple[float, str] | None = None
        for names in itertools.combinations(codes, size):
            together = _together([codes[name] for name in names])
            if len(np.unique(together[usual])) < len(usual):
                continue
            share = _share(together, moments)
            named = all(map(_NAMES.search, names))
            texts = all(table.kinds[name] is Kind.TEXT for name in names)
            least = 0.0 if named else _TEXTS if texts else _NUMBERS
            if share is not None and share >= least and (named or often) and (best is None or share + named > best[0]):
                best = share + named, COLUMNS.join(names)
        if best is not None:
            return best[1]
    return None


def _codes(table: Table, name: str) -> np.ndarray | None:
    """A number for each value, (rows,) int64, if a column holds names or whole numbers."""
    if table.kinds[name] is Kind.TEXT:
        return cell_codes(table, name)[1]
    if table.kinds[name] is not Kind.NUMBER:
        return None
    try:
        values = table.numbers(name)
    except DataError:
        return None
    if np.isnan(values).any() or (values != np.floor(values)).any():
        return None
    # As they are written: 01 and 1 are two stores.
    return cell_codes(table, name)[1]


def _together(codes: Sequence[np.ndarray]) -> np.ndarray:
    """A number for each combination of values, (rows,) int64."""
    joined = codes[0]
    for own in codes[1:]:
        joined = np.unique(joined * (int(own.max()) + 1) + own, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return joined


def _share(series: np.ndarray, moments: np.ndarray) -> float | None:
    """Of all pairs of a series and a time the share that is there; None if one is there twice, or series are short."""
    count, times = int(series.max()) + 1, int(moments.max()) + 1
    if count * _LEAST_STEPS > len(series) or len(np.unique(series * times + moments)) < len(series):
        return None
    return len(series) / (count * times)
