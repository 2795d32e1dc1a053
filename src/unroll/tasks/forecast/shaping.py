"""What series may hold, and series with other ends: cut after their last value, longer, begun earlier."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from unroll.data import Frequency, Table, TimeSeries
from unroll.data.series.ids import VALUES
from unroll.errors import DataError
from unroll.tasks.forecast.settings import Saved

#: The share of a series that may be missing without a word from the user; it is said.
_FEW_MISSING = 0.1


def check_missing(table: Table, series: Sequence[TimeSeries], policy: str) -> None:
    """Raise if values are missing and the settings do not allow it.

    Raises:
        DataError: says how many are missing and where the first is.
    """
    for error in missing_values(table, series, policy):
        raise error


def missing_values(table: Table, series: Sequence[TimeSeries], policy: str) -> Iterator[DataError]:
    """An error for each series that lacks more values than the settings allow: "error" allows none, "auto" a tenth.

    Args:
        table: where the series come from.
        series: the series.
        policy: "interpolate" allows any number.
    """
    if policy == "interpolate":
        return
    for item in series:
        gaps = np.flatnonzero(np.isnan(item.values))
        if len(gaps) > (_FEW_MISSING * len(item.values) if policy == "auto" else 0):
            # A step that is not in the file at all is shown by the row before it.
            row = int(item.rows[gaps[0]]) if item.rows[gaps[0]] >= 0 else int(item.rows[gaps[0] - 1])
            many = f", more than {_FEW_MISSING:.0%}" if policy == "auto" else ""
            yield DataError(
                f"series '{item.name}': {len(gaps)} of {len(item.values)} values are missing{many}, the first at"
                f" {item.clock.text(item.times[gaps[:1]])[0]}; fill them in, bridge them with --set"
                " model.missing=interpolate, or let every row be a step with --set model.steps=rows",
                *table.place(row),
            )


def check_counts(table: Table, series: Sequence[TimeSeries]) -> None:
    """Raise if a value is no whole number from 0 on.

    Raises:
        DataError: says which and where.
    """
    for item in series:
        wrong = np.flatnonzero((item.values < 0) | (item.values != np.round(item.values)) & ~np.isnan(item.values))
        if len(wrong):
            raise DataError(
                f"series '{item.name}': likelihood negative-binomial needs whole numbers from 0 on, got"
                f" {item.values[wrong[0]]:g}; choose model.likelihood=gaussian or student-t",
                *table.place(int(item.rows[wrong[0]])),
            )


def until_last_value(series: TimeSeries) -> TimeSeries:
    """The series without the steps after its last known value."""
    kept = slice(0, int(np.flatnonzero(~np.isnan(series.values))[-1]) + 1)
    return series._replace(
        times=series.times[kept],
        values=series.values[kept],
        covariates=series.covariates[kept],
        rows=series.rows[kept],
    )


def begun_earlier(series: TimeSeries, steps: int) -> TimeSeries:
    """The series with so many steps before its first one, of which nothing is known."""
    if steps <= 0:
        return series
    frequency = series.frequency
    if frequency is not None and not frequency.slots:
        times = frequency.grid(series.times[0], steps, -steps)
    else:
        gap = np.median(np.diff(series.times).astype(np.int64 if series.times.dtype.kind == "M" else np.float64))
        back = np.arange(-steps, 0) * gap
        times = series.times[0] + (back.astype(np.int64).astype("m8[us]") if series.times.dtype.kind == "M" else back)
    return series._replace(
        times=np.concatenate([times, series.times]),
        values=np.concatenate([np.full(steps, np.nan), series.values]),
        covariates=np.concatenate([np.full((steps, series.covariates.shape[1]), np.nan), series.covariates]),
        rows=np.concatenate([np.full(steps, -1, dtype=np.int64), series.rows]),
    )


def extended(series: TimeSeries, steps: int) -> TimeSeries:
    """The series with at least `steps` steps without a value after its last known one.

    Covariates of steps that are put in are NaN.
    """
    known = np.flatnonzero(~np.isnan(series.values))
    length = (int(known[-1]) + 1 if len(known) else 0) + steps
    more = length - len(series.values)
    if more <= 0 or series.frequency is None:
        return series
    return series._replace(
        times=_longer(series, series.frequency, length),
        values=np.concatenate([series.values, np.full(more, np.nan)]),
        covariates=np.concatenate([series.covariates, np.full((more, series.covariates.shape[1]), np.nan)]),
        rows=np.concatenate([series.rows, np.full(more, -1, dtype=np.int64)]),
    )


def _longer(series: TimeSeries, frequency: Frequency, length: int) -> np.ndarray:
    times = series.times
    if frequency.unit == "row":
        return np.concatenate([times, frequency.grid(times[-1], length - len(times), 1)])
    # Counted from the first row of the data: its day, such as the 30th of every month, is that of all others.
    first = int(np.argmax(series.rows >= 0))
    return np.concatenate([times[:first], frequency.grid(times[first], length - first)])


def series_of_text(text: str, saved: Saved) -> TimeSeries:
    """Numbers separated by blanks or commas as the series that a model knows.

    Raises:
        DataError: the model needs more than numbers, or these are none.
    """
    if saved.covariates or saved.cycles:
        needed = ", ".join((*saved.covariates, *([saved.time] if saved.cycles and saved.time else [])))
        raise DataError(f"the model needs the columns {needed} beside the values; give rows with --file or as JSON")
    try:
        values = np.array([float(word) for word in re.split(r"[\s,;]+", text.strip())])
    except ValueError:
        values = np.full(1, np.nan)
    if not np.isfinite(values).all():
        raise DataError(f"expected numbers separated by blanks or commas, got {text[:60]!r}")
    size = 1.0 if saved.frequency is None or saved.frequency.unit != "step" else saved.frequency.size
    steps = np.arange(len(values), dtype=np.float64)
    frequency = Frequency(f"step {size:g}", saved.season, "step", size)
    # Where the model knows one series only, the numbers are taken as its own.
    name = next(iter(saved.scaling)) if len(saved.scaling) == 1 else ""
    return TimeSeries(name, steps, values, np.empty((len(values), 0)), (), frequency, np.full(len(values), -1))


def check_names(table: Table, names: Collection[str], known: Collection[str]) -> None:
    """Raise if a series is a known one whose id was read as a number: it would be forecast as a new one.

    Args:
        table: where the series are from.
        names: of the series.
        known: names of those that were there in training.

    Raises:
        DataError: one is 1 or 1.0, and training had 01.
    """
    numbers = {_as_number(name): name for name in known}
    for name in names:
        meant = numbers.get(_as_number(name))
        if name not in known and meant is not None and meant not in names:
            raise DataError(
                f"series '{name}' was not there in training, and '{meant}', which is the same as a number, was; write"
                " ids as they were written then, as texts (pandas: dtype=str)",
                table.paths[0],
            )


def _as_number(name: str) -> str:
    """An id as it is left where it, or its parts, were read as numbers.

    >>> _as_number("007/milk"), _as_number("7.0/milk"), _as_number("000")
    ('7/milk', '7/milk', '0')
    """
    parts = name.split(VALUES)
    plain = [re.sub(r"^0+(?=\d)|\.0+$", "", part) if re.fullmatch(r"\d+(\.0+)?", part) else part for part in parts]
    return VALUES.join(plain)
