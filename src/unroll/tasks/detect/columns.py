"""Which columns of a table are the time, the channels and the labels; and the streams in it, in the order of rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.series.ids import find_ids, id_columns
from unroll.data.series.moments import further, moments
from unroll.data.series.pieces import is_year
from unroll.data.series.rows import series_rows
from unroll.data.series.when import dated_column
from unroll.errors import DataError, nearest
from unroll.tasks.detect.marks import is_label, marks_of

_CHANGE_NAMES = re.compile(r"(?i)^change[_ ]?point")
_TIME_NAMES = re.compile(r"(?i)^(time|timestamp|date|datetime|t|step|index|epoch|시간|시각|날짜|일시)$")


class Columns(NamedTuple):
    """The columns that a detector uses.

    Attributes:
        time: of dates or numbers; None: rows are in the order of time.
        series: of the streams' names, several with commas between them; None: every file is a stream.
        channels: the values that are watched.
        labels: columns that say where anomalies are, never an input.
    """

    time: str | None
    series: str | None
    channels: tuple[str, ...]
    labels: tuple[str, ...]


class Stream(NamedTuple):
    """One stream, in the order in which its records came.

    Attributes:
        name: of its file or series.
        times: (T,) datetime64[us], float64, or None.
        values: (T, C) float64; NaN where one is missing or not finite.
        labels: (T, number of label columns) bool.
        rows: (T,) rows of the table.
    """

    name: str
    times: np.ndarray | None
    values: np.ndarray
    labels: np.ndarray
    rows: np.ndarray

    def microseconds(self) -> list[int] | None:
        """The times as `Watcher.push` takes them; None where they are not on a calendar."""
        if self.times is None or self.times.dtype.kind != "M":
            return None
        found: list[int] = self.times.astype("datetime64[us]").astype(np.int64).tolist()
        return found

    def moments(self) -> list[int] | list[float] | list[None]:
        """The times as a session takes them."""
        if self.times is None:
            return [None] * len(self.values)
        on_calendar = self.microseconds()
        found: list[float] = self.times.tolist()
        return found if on_calendar is None else on_calendar


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The columns that the config names, and for the rest the likeliest; None if there is nothing to watch.

    Raises:
        DataError: a column that was named is not there, or holds no numbers.
    """
    given = id_columns(data.series, table.columns)
    for name in (data.time, *given, data.target, *data.inputs):
        if name is not None and name not in table.columns:
            raise DataError(
                f"no column '{name}'{nearest(name, table.columns)}; the columns are {', '.join(table.columns[:12])}",
                table.paths[0],
            )
    for name in data.inputs:
        if table.kinds[name] is not Kind.NUMBER:
            raise DataError(f"column '{name}' holds {table.kinds[name].value}, and a channel numbers", table.paths[0])
    time = data.time or _time_column(table, data)
    numbers = [name for name in table.columns if table.kinds[name] is Kind.NUMBER]
    others = [name for name in table.columns if name not in (time, *given, *data.inputs)]
    labels = [data.target] if data.target is not None else [name for name in others if is_label(table, name)]
    series = data.series or _series_column(table, time, (*labels, *data.inputs))
    taken = (*labels, *id_columns(series, table.columns), *(() if time is None else further(table, time)))
    channels = data.inputs or tuple(name for name in others if name in numbers and name not in taken)
    return Columns(time, series, channels, tuple(labels)) if channels else None


def _series_column(table: Table, time: str | None, taken: Sequence[str]) -> str | None:
    """The columns in which times repeat, where they stand twice as those of several streams do."""
    if time is None:
        return None
    times = moments(table, time)
    if len(np.unique(times)) * 2 > len(times):
        return None
    return find_ids(table, times, (time, *further(table, time), *taken))


def _time_column(table: Table, data: DataConfig) -> str | None:
    taken = {*id_columns(data.series, table.columns), data.target, *data.inputs}
    dated = dated_column(table, taken)
    if dated is not None:
        return dated
    free = [name for name in table.columns if name not in taken]
    # A year that goes on in columns of months and days is no channel, and neither are they.
    whole = next((name for name in free if is_year(table, name) and further(table, name)), None)
    if whole is not None:
        return whole
    numbers = (name for name in free[:1] if table.kinds[name] is Kind.NUMBER and _TIME_NAMES.match(name))
    return next(numbers, None)


def streams_of(table: Table, columns: Columns) -> list[Stream]:
    """The streams of a table, each in the order of its rows.

    Raises:
        DataError: a time or a label is missing; with file and line.
    """
    times = _times(table, columns.time)
    values = np.stack([table.numbers(name) for name in columns.channels], axis=1)
    values[~np.isfinite(values)] = np.nan
    labels = np.zeros((len(table), len(columns.labels)), bool)
    for place, name in enumerate(columns.labels):
        labels[:, place] = marks_of(table, name)
    return [
        Stream(name or table.paths[0].name, None if times is None else times[rows], values[rows], labels[rows], rows)
        for name, rows in series_rows(table, columns.series)
        if len(rows)
    ]


def _times(table: Table, time: str | None) -> np.ndarray | None:
    if time is None:
        return None
    # Seconds since 1970 stay numbers, as a stream of them is read.
    plain = table.kinds[time] is Kind.NUMBER and not further(table, time)
    times = table.numbers(time) if plain else moments(table, time)
    missing = np.isnan(times) if times.dtype.kind == "f" else np.isnat(times)
    if missing.any():
        raise DataError(
            f"column '{time}': the time is missing; fill it in or take the row out", *table.place(int(missing.argmax()))
        )
    return times


def changes(columns: Columns) -> list[bool]:
    """Of every label column, whether it marks changes, not whole stretches."""
    return [_CHANGE_NAMES.match(name) is not None for name in columns.labels]
