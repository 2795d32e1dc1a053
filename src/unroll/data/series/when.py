"""Which column of a table holds the times of its rows, and which one merely counts them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from unroll.data.series.ids import find_ids
from unroll.data.series.moments import further, is_counted, moments, said_of
from unroll.data.series.pieces import own_name
from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.data.table.times import moves_evenly

#: Names that hold the time as numbers, wherever the column stands, and such that count it.
_MOMENTS = re.compile(
    r"(?i)^(year|yr|ts|time|date|datetime|epoch|unix[_ ]?time|time[_ ]?period|연도|년도|.+_(ts|time)|.*time_?stamp.*"
    r"|.*(date|time|epoch)[_ ]?(ms|us|ns|s|utc|local)|.*(일시|시각|일자|날짜|년월|시점))$"
)
_COUNTERS = re.compile(
    r"(?i)^(ds|t|step|time[_ ]?step|time[_ ]?idx|tick|cycles?|period|time[_ ]in[_ ]cycles"
    r"|nth[_ ](day|week|month|hour))$"
)
#: Names that hold it where the column is the first.
_FIRST = re.compile(
    r"(?i)^(time|date|datetime|timestamp|year|month|t|step|index|no|연도|년도|시간|시각|날짜|일자|일시|번호)$"
)
#: Names of columns that count rows: those that programs give to what has none, and what people call a number.
_COUNTS = re.compile(
    r"^(Unnamed: 0|column1_?|X)$|(?i:^(index|id|no\.?|instant|(entry|record|row)([_ ]?(id|no|num|number))?|seq)$)"
)
#: What columns are called whose file names none.
_UNNAMED = re.compile(r"column\d+_?$")
#: Rows of a column of dates that are looked at, and columns among which one that counts is looked for.
_LOOKED_AT, _COLUMNS = 1000, 12
#: Steps of a run that is counted, on average, and rows of which that all are alike says nothing.
_RUN, _FEW = 5, 3


def dated_column(table: Table, taken: Collection[str | None]) -> str | None:
    """The first column of dates; what stands in every row of some is no time of it."""
    dated = (name for name in table.columns if name not in taken and table.kinds[name] is Kind.TIME)
    return next((name for name in dated if len(table) < _FEW or _moves(table, name) or further(table, name)), None)


def _moves(table: Table, name: str) -> bool:
    """Whether a column holds more than one value."""
    rows = np.linspace(0, len(table) - 1, min(len(table), _LOOKED_AT)).astype(np.int64)
    return len(set(table.texts(name, rows))) > 1


def time_column(table: Table, taken: Collection[str | None]) -> str | None:
    """The column of times: of dates, of numbers that are moments by their name, or of numbers that count."""
    dated = dated_column(table, taken)
    if dated is not None or len(table) < _FEW:
        return dated
    free = [name for name in table.columns if name not in taken]
    numbers = [name for name in free if table.kinds[name] is Kind.NUMBER]
    counted = [name for name in free if is_counted(table, name)]
    named = [name for name in numbers if _COUNTERS.match(name) or (name == free[0] and _FIRST.match(name))]
    named += counting_anew(table, free)
    named += [name for name in numbers[:_COLUMNS] if _rises_evenly(table, name)]
    called = [name for name in numbers if _MOMENTS.match(own_name(name))]
    for name in dict.fromkeys([*called, *named, *counted]):
        times = moments(table, name) if name in counted or not np.isnan(table.numbers(name)).any() else None
        # Numbers that are no moments may count anything, unless they rise, or do so for each of several series.
        if times is not None and (
            times.dtype.kind == "M" or (np.diff(times) > 0).all() or find_ids(table, times, {*taken, name})
        ):
            return name
    return None


def _rises_evenly(table: Table, name: str) -> bool:
    """Whether a column holds moments as numbers that rise in mostly even steps, or moments that its name promises."""
    values = table.numbers(name)
    if np.isnan(values).any() or said_of(table, name) is None:
        return False
    rising = np.diff(values)
    return bool((rising > 0).all() and moves_evenly(moments(table, name)))


def counting_anew(table: Table, names: Sequence[str]) -> Iterator[str]:
    """Columns of a file that names none which count from one for each value of the column before them: the cycles of
    an engine, the steps of a run."""
    for before, name in itertools.pairwise(names[:_COLUMNS]):
        pair = (before, name)
        if not all(_UNNAMED.match(one) and table.kinds[one] is Kind.NUMBER for one in pair):
            continue
        owners, steps = map(table.numbers, pair)
        anew = np.append(True, np.diff(owners) != 0)
        counted = (steps[anew] == 1).all() and (np.diff(steps)[~anew[1:]] == 1).all()
        if counted and 1 < anew.sum() <= len(anew) // _RUN:
            yield name


def counting_columns(table: Table) -> list[str]:
    """Columns that count the rows from 0 or 1 and are called so, or have no name."""
    found = []
    for name in table.columns[:_COLUMNS]:
        if table.kinds[name] is Kind.NUMBER and len(table.columns) > 1 and _COUNTS.match(name):
            values = table.numbers(name)
            if values[0] in (0.0, 1.0) and (np.diff(values) == 1).all():
                found.append(name)
    return found
