"""Time series out of a table: long form, one column per variable, or one row per series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from unroll.data.series.changes import zone_advice
from unroll.data.series.clock import Clock, in_calendar
from unroll.data.series.frequency import Frequency, frequency_of, steps_between
from unroll.data.series.ids import id_columns, id_texts
from unroll.data.series.moments import check_counted, further, moments, offsets_of
from unroll.data.series.rows import series_rows, shown
from unroll.data.series.wide import Wide, wide_of
from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.errors import DataError


class TimeSeries(NamedTuple):
    """One series in the order of time.

    Attributes:
        name: the series id, the column, or both.
        times: (T,) datetime64[us], or float64 if the time column holds numbers (years, step numbers) or there is none
            (0, 1, ...).
        values: (T,) float64; NaN where the value is missing.
        covariates: (T, C) float64; NaN where a value is missing.
        covariate_names: the C columns.
        frequency: the usual step of time; None if there is no usual one.
        rows: (T,) int64, the table's row of every step: `table.place(rows[t])` is its file and line; -1 for a step
            that `on_grid` put in.
        clock: whose calendar the times are in.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    covariates: np.ndarray
    covariate_names: tuple[str, ...]
    frequency: Frequency | None
    rows: np.ndarray
    clock: Clock = Clock()


def series_from_table(
    table: Table,
    *,
    time: str | None = None,
    series: str | None = None,
    target: str | Sequence[str] | None = None,
    covariates: Sequence[str] = (),
    zone: str | None = None,
    likely: str | None = None,
) -> list[TimeSeries]:
    """Take the time series out of a table.

    Long form: `time` and `series` name columns, every row is one step of one series. One column per variable: `time`
    alone; every target column is a series. One row per series: neither `time` nor a single `target`; the numeric
    columns in order are the steps, and empty cells at the end of a row are no steps (in the middle they are NaN). A row
    of a further file (validation, test) continues the series of its name.

    Args:
        table: the rows; steps may stand in any order.
        time: column of dates or of numbers; None: rows are in the order of time.
        series: column with the name of each row's series.
        target: column or columns with the values; None: all numeric columns that are not named otherwise.
        covariates: further numeric columns, known per step.
        zone: whose calendar the times are in, such as "Europe/Berlin"; None: that of the offsets they name.
        likely: a zone that is taken where the times agree with it.

    Returns:
        The series in the order of their first row, each sorted by time.

    Raises:
        DataError: a time is missing or stands twice in one series, or a cell is no number, with file and line; no
            column of numbers.
    """
    used = {time, *id_columns(series, table.columns), *covariates, *(() if time is None else further(table, time))}
    numeric = [name for name in table.columns if table.kinds[name] is Kind.NUMBER and name not in used]
    in_rows = time is None and target is None and not covariates
    if in_rows and (wide := wide_of(table, series)) is not None:
        return _series_per_row(table, wide)
    targets = [target] if isinstance(target, str) else list(target) if target is not None else numeric
    if not targets:
        raise DataError("no column of numbers to forecast; name the target column", table.paths[0])
    times = _times(table, time, zone)
    offsets = offsets_of(table, time, zone) if time is not None else None
    columns = {name: table.numbers(name) for name in targets}
    extra = np.stack([table.numbers(name) for name in covariates], axis=1) if covariates else np.empty((len(table), 0))
    found = []
    for name, rows in series_rows(table, series):
        own, clock = times[rows], Clock()
        if own.dtype.kind == "M":
            own, clock = in_calendar(own, None if offsets is None else offsets[rows], zone=zone, likely=likely)
        order = np.argsort(own, kind="stable")
        rows, own = rows[order], own[order]
        _check_duplicates(table, time, name, own, rows, clock)
        step = frequency_of(own)
        for column, values in columns.items():
            title = ", ".join(
                part for part in (name, column if len(columns) > 1 or name is None else None) if part is not None
            )
            found.append(TimeSeries(title, own, values[rows], extra[rows], tuple(covariates), step, rows, clock))
    return found


def on_grid(series: TimeSeries) -> TimeSeries:
    """Put a NaN step wherever one of the series' usual steps is missing.

    After that, equal distances in the array are equal times.

    Args:
        series: a series whose times all lie on its own grid; one without a usual step is returned as it is.

    Raises:
        DataError: a time lies between two grid points.
    """
    if series.frequency is None or len(series.times) < 2:
        return series
    steps = steps_between(series.times, series.frequency)
    if steps is None:
        raise DataError(
            f"series {series.name!r} has times between its steps of {series.frequency.label}; resample it to "
            f"equal steps first"
        )
    where = np.concatenate([[0], np.cumsum(steps)])
    length = int(where[-1]) + 1
    if length == len(series.times):
        return series
    if length > 100 * len(series.times):
        raise DataError(
            f"series {series.name!r} would grow from {len(series.times)} to {length} steps of "
            f"{series.frequency.label}; its gaps are too long to fill"
        )
    values = np.full(length, np.nan)
    values[where] = series.values
    covariates = np.full((length, series.covariates.shape[1]), np.nan)
    covariates[where] = series.covariates
    rows = np.full(length, -1, dtype=np.int64)
    rows[where] = series.rows
    times = series.frequency.grid(series.times[0], length)
    return series._replace(times=times, values=values, covariates=covariates, rows=rows)


def _times(table: Table, time: str | None, zone: str | None) -> np.ndarray:
    if time is None:
        return np.arange(len(table), dtype=np.float64)
    if zone is None:
        check_counted(table, time)
    values = moments(table, time, zone)
    missing = np.isnan(values) if values.dtype.kind == "f" else np.isnat(values)
    if missing.any():
        raise DataError(
            f"column {time!r}: the time is missing; fill it in or take the row out", *table.place(int(missing.argmax()))
        )
    return values


def _check_duplicates(
    table: Table, time: str | None, name: str | None, times: np.ndarray, rows: np.ndarray, clock: Clock
) -> None:
    twice = np.flatnonzero(times[1:] == times[:-1]) if len(times) > 1 else np.empty(0, np.int64)
    if len(twice):
        at = int(twice[0])
        row, before = (int(rows[at + 1]), int(rows[at]))
        own = "" if name is None else f" in series {name!r}"
        more = f" ({len(twice)} such rows{own})" if len(twice) > 1 else own
        naive = clock.zone is None and times.dtype.kind == "M"
        advice = (zone_advice(times) if naive else None) or (
            "remove one, or name the column of series ids (several: --series store,item)"
        )
        raise DataError(
            f"column {time!r}: time {shown(times[at])} stands a second time, first in line "
            f"{table.place(before)[1]}{more}; {advice}",
            *table.place(row),
        )


def _series_per_row(table: Table, wide: Wide) -> list[TimeSeries]:
    each: Iterable[np.ndarray]
    if table.kinds[wide.steps[0]] is Kind.SERIES:
        each = (table.series(wide.steps[0], row)[:, 0].astype(np.float64) for row in range(len(table)))
    else:
        each = np.stack([table.numbers(column) for column in wide.steps], axis=1)
    pieces: dict[str, list[tuple[int, np.ndarray]]] = {}
    for row, (label, values) in enumerate(zip(id_texts(table, wide.series), each, strict=True)):
        present = np.flatnonzero(~np.isnan(values))
        if len(present) == 0:
            raise DataError(f"series {label!r} has no value", *table.place(row))
        pieces.setdefault(label, []).append((row, values[: present[-1] + 1]))
    # What goes on in a further file is counted: the names of its steps begin anew there.
    dated = wide.times is not None and frequency_of(wide.times) is not None and len(pieces) == len(table)
    found = []
    for label, own in pieces.items():
        joined = np.concatenate([values for _, values in own])
        rows = np.concatenate([np.full(len(values), row, dtype=np.int64) for row, values in own])
        times = wide.times[: len(joined)] if dated and wide.times is not None else np.arange(len(joined), dtype=float)
        found.append(TimeSeries(label, times, joined, np.empty((len(joined), 0)), (), frequency_of(times), rows))
    return found
