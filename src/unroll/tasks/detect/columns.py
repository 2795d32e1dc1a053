"""Which columns of a table are the time, the channels and the labels; and the streams in it, in the order of rows."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.series.rows import series_rows
from unroll.errors import DataError, nearest

_LABEL_NAMES = re.compile(
    r"(?i)^(is[_ ]?)?(anomaly|anomalous|outlier|changepoint|change[_ ]point)([_ ]?(label|flag))?$"
)
_CHANGE_NAMES = re.compile(r"(?i)^change[_ ]?point")
_TIME_NAMES = re.compile(r"(?i)^(time|timestamp|date|datetime|t|step|index|epoch|시간|시각|날짜|일시)$")


class Columns(NamedTuple):
    """The columns that a detector uses.

    Attributes:
        time: of dates or numbers; None: rows are in the order of time.
        series: of the streams' names; None: every file is a stream.
        channels: the values that are watched.
        labels: columns of 0 and 1 that say where anomalies are, never an input.
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
    for name in (data.time, data.series, data.target, *data.inputs):
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
    free = [name for name in numbers if name not in (time, data.series, *data.inputs)]
    labels = [data.target] if data.target is not None else [name for name in free if _is_label(table, name)]
    channels = data.inputs or tuple(name for name in free if name not in labels)
    return Columns(time, data.series, channels, tuple(labels)) if channels else None


def _time_column(table: Table, data: DataConfig) -> str | None:
    taken = {data.series, data.target, *data.inputs}
    free = [name for name in table.columns if name not in taken]
    dated = next((name for name in free if table.kinds[name] is Kind.TIME), None)
    if dated is not None:
        return dated
    numbers = (name for name in free[:1] if table.kinds[name] is Kind.NUMBER and _TIME_NAMES.match(name))
    return next(numbers, None)


def _is_label(table: Table, name: str) -> bool:
    return _LABEL_NAMES.match(name) is not None and is_binary(table, name)


def is_binary(table: Table, name: str) -> bool:
    """Whether a column holds 0 and 1 alone, as labels do."""
    if table.kinds[name] is not Kind.NUMBER:
        return False
    values = table.numbers(name)
    return bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())


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
        given = table.numbers(name)
        wrong = ~np.isin(given, (0.0, 1.0))
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"column '{name}': expected 0 or 1 in a column of labels, got {given[row]:g}", *table.place(row)
            )
        labels[:, place] = given == 1.0
    return [
        Stream(name or table.paths[0].name, None if times is None else times[rows], values[rows], labels[rows], rows)
        for name, rows in series_rows(table, columns.series)
        if len(rows)
    ]


def _times(table: Table, time: str | None) -> np.ndarray | None:
    if time is None:
        return None
    times = table.numbers(time) if table.kinds[time] is Kind.NUMBER else table.times(time)
    missing = np.isnan(times) if times.dtype.kind == "f" else np.isnat(times)
    if missing.any():
        raise DataError(
            f"column '{time}': the time is missing; fill it in or take the row out", *table.place(int(missing.argmax()))
        )
    return times


def changes(columns: Columns) -> list[bool]:
    """Of every label column, whether it marks changes, not whole stretches."""
    return [_CHANGE_NAMES.match(name) is not None for name in columns.labels]
