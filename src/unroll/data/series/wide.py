"""Tables of one series per row: which columns are the steps, what times their names are, and what names a row."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from unroll.data.series.ids import COLUMNS, id_columns, texts_together
from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.data.table.times import EITHER, bare_year, guess_notations, parse_times, settle, to_datetime64

#: Columns of numbers from which a row may be a series.
LEAST = 8
#: The column that holds the series of each row as a list.
LISTED = "target"
#: Columns before the steps that may name a row together.
_TOGETHER, _MOST_NAMES = 3, 12
#: The name of a step that is a number behind the same word: V2, d_17, 1999.
_NUMBERED = re.compile(r"(.*?)(\d{1,9})")
_FIRST_YEAR, _LAST_YEAR = 1500, 2200
#: How columns of classes are called: a row that has a class is an example of it.
_CLASS = re.compile(r"(?i)(label|labels|class|classes|target|y|category|라벨|레이블|분류|클래스)")


class Wide(NamedTuple):
    """A table of one series per row.

    Attributes:
        series: the column that names each row, or several with commas between them.
        steps: the columns of the steps, in the order of time.
        times: (steps,) datetime64[us] or years as float64, where the steps' names are such.
    """

    series: str
    steps: tuple[str, ...]
    times: np.ndarray | None


def wide_of(table: Table, series: str | None = None) -> Wide | None:
    """How rows are series; None if they are none.

    Args:
        table: the data.
        series: the columns that name the rows, if they are known.
    """
    listed = _listed(table, series)
    if listed is not None:
        return listed
    given = id_columns(series, table.columns)
    free = [name for name in table.columns if name not in given]
    if any(table.kinds[name] in (Kind.TIME, Kind.SERIES) for name in free):
        return None
    run = _steps(table, free)
    if run is not None:
        before = [name for name in table.columns if name not in run.names]
        if not given and run.times is None and _has_class(table, before, run.names):
            return None
        named = given or _names(table, before, numbers=run.times is not None)
        if named and _are_unique(table, named):
            return Wide(COLUMNS.join(named), *run)
        return None
    # All columns of numbers are steps, whatever they are called, where one column names the rows.
    numeric = tuple(name for name in free if table.kinds[name] is Kind.NUMBER)
    others = [name for name in free if table.kinds[name] is not Kind.NUMBER]
    if not given and (len(others) != 1 or len(numeric) < LEAST):
        return None
    named = given or (others[0],)
    return Wide(COLUMNS.join(named), numeric, None) if len(numeric) > 1 and _are_unique(table, named) else None


def _listed(table: Table, series: str | None) -> Wide | None:
    """A table whose rows hold their series as a list under the name that GluonTS and the Monash archive have for it."""
    if table.kinds.get(LISTED) is not Kind.SERIES or table.details(LISTED).channels != 1:
        return None
    if any(_CLASS.fullmatch(name) for name in table.columns if name != LISTED):
        return None
    others = [name for name in table.columns if table.kinds[name] in (Kind.TEXT, Kind.NUMBER)]
    named = id_columns(series, table.columns) or _names(table, others, numbers=True)
    return Wide(COLUMNS.join(named), (LISTED,), None) if named and _are_unique(table, named) else None


class _Run(NamedTuple):
    names: tuple[str, ...]
    times: np.ndarray | None


def _steps(table: Table, columns: Sequence[str]) -> _Run | None:
    """The columns next to each other whose names are those of steps, at least eight of numbers; the longest such."""
    best: list[str] = []
    # Years may stand in either order; other numbers that fall name no steps.
    falling = [
        names for names in _numbered_runs(columns[::-1]) if len(names) >= LEAST and step_times(names) is not None
    ]
    for names in (*_numbered_runs(columns), *_dated_runs(columns), *falling):
        best = max(best, names, key=len)
    numbers = [name for name in best if table.kinds[name] is Kind.NUMBER]
    # A step at which no series has a value holds nothing, and that is no word.
    if len(numbers) < LEAST or not all(name in numbers or _is_empty(table, name) for name in best):
        return None
    times = step_times(best)
    if times is None:
        return _Run(tuple(best), None)
    order = np.argsort(times, kind="stable")
    return _Run(tuple(best[at] for at in order), times[order])


def _numbered_runs(columns: Sequence[str]) -> Iterator[list[str]]:
    """Columns whose names are one word and numbers that rise evenly, by one where there is a word."""
    run: list[str] = []
    last: tuple[str, int] | None = None
    step = 0
    for name in columns:
        found = _NUMBERED.fullmatch(bare_year(name))
        own = None if found is None else (found[1], int(found[2]))
        moved = 0 if own is None or last is None or own[0] != last[0] else own[1] - last[1]
        goes_on = moved > 0 and (moved == 1 or own is None or not own[0]) and (len(run) < 2 or moved == step)
        if not goes_on:
            yield run
            run = []
        step, last = moved, own
        run = [*run, name] if own is not None else []
    yield run


def _dated_runs(columns: Sequence[str]) -> Iterator[list[str]]:
    """Columns whose names are times of one notation."""
    for is_time, names in itertools.groupby(columns, key=lambda name: bool(guess_notations(pa.array([name])))):
        run = list(names)
        if is_time and guess_notations(pa.array(run)):
            yield run


def step_times(names: Sequence[str]) -> np.ndarray | None:
    """The times that the names of steps are, datetime64[us] or years; None if they are none, or are not all different.

    >>> step_times(["1960 [YR1960]", "1961 [YR1961]"]), step_times(["V1", "V2"]) is None
    (array([1960., 1961.]), True)
    """
    texts = [bare_year(name) for name in names]
    if not texts:
        return None
    if all(len(text) == 4 and text.isdecimal() and _FIRST_YEAR <= int(text) <= _LAST_YEAR for text in texts):
        times = np.array(texts, dtype=np.float64)
    else:
        cells = pa.array(texts)
        notations = guess_notations(cells)
        notation = settle(notations, cells) if notations else EITHER
        if EITHER in notation:
            return None
        times = to_datetime64(parse_times(cells, notation))
    return times if len(np.unique(times)) == len(times) else None


def _has_class(table: Table, others: Sequence[str], steps: Sequence[str]) -> bool:
    """Whether a column may be what each row is an example of: by its name, or as what stands behind the steps."""
    end = table.columns.index(steps[-1])
    behind = [name for name in others if table.columns.index(name) > end]
    named = (name for name in others if _CLASS.fullmatch(name))
    return any(len(set(table.texts(name))) > 1 for name in named) or not all(_is_empty(table, name) for name in behind)


def _names(table: Table, columns: Sequence[str], *, numbers: bool) -> tuple[str, ...]:
    """The fewest of the columns that together name every row; none if no few do."""
    kinds = (Kind.TEXT, Kind.NUMBER) if numbers else (Kind.TEXT,)
    for kind in kinds:
        fitting = [name for name in columns[:_MOST_NAMES] if table.kinds[name] is kind]
        for size in range(1, _TOGETHER + 1):
            for names in itertools.combinations(fitting, size):
                if _are_unique(table, names) and all(texts_together(table, names)):
                    return names
    return ()


def _are_unique(table: Table, names: Sequence[str]) -> bool:
    """Whether no name stands twice in one file: a series may go on in a further file."""
    parts = np.zeros(len(table), np.int8) if table.parts is None else table.parts
    return len(set(zip(texts_together(table, names), parts.tolist(), strict=True))) == len(table)


def _is_empty(table: Table, name: str) -> bool:
    return table.kinds[name] is Kind.TEXT and not any(cell.strip() for cell in table.texts(name))
