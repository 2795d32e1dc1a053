"""Which columns of a table are the time, the series and the values; the series in them, and where each is split."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Frequency, Kind, Table, TimeSeries, on_grid, series_from_table
from unroll.data.series.calendar import as_rows, row_steps
from unroll.data.series.changes import days_advice
from unroll.data.series.clock import check_zone
from unroll.data.series.frequency import steps_between
from unroll.data.series.ids import find_ids, id_columns, names_all
from unroll.data.series.moments import further, moments, said_of, since_1970
from unroll.data.series.when import counting_columns, time_column
from unroll.data.series.wide import LEAST, LISTED, wide_of
from unroll.data.table.chunks import as_text
from unroll.data.table.kinds import Column
from unroll.errors import ConfigError, DataError, nearest
from unroll.tasks.forecast.measures import measured

#: Columns of numbers up to which all are forecast, whatever they are called, where there is one series.
_WHOLE = 3

#: How columns of moments as numbers are called.
_STAMP = re.compile(r"(?i)(^|[\W_])(unix|epoch|time ?stamp|ts|time)([\W_]|$)")

#: Rows and columns by which series are told from features, the fewest that tell it, and how alike neighbours must be.
_LOOKED_AT, _COLUMNS_LOOKED_AT, _LEAST_ROWS, _SMOOTH = 2000, 20, 30, 0.7


class Columns(NamedTuple):
    """The columns that a forecast uses.

    Attributes:
        time: of dates or numbers; None: rows are in the order of time, or every row is a series.
        series: of series ids, several with commas between them; None: one series, or one per target.
        target: the values; None: all columns of numbers that are not named otherwise.
        covariates: known of the past, or ahead, or constant; see the settings.
        wide: whether every row is one series.
    """

    time: str | None
    series: str | None
    target: str | None
    covariates: tuple[str, ...]
    wide: bool

    def named(self, columns: Container[str]) -> tuple[str, ...]:
        """All of them, where a table has these columns: several that name the series are one each."""
        named = (self.time, *id_columns(self.series, columns), self.target, *self.covariates)
        return tuple(name for name in named if name is not None)


def find_columns(table: Table, data: DataConfig, covariates: Sequence[str] = ()) -> Columns | None:
    """The columns that the config names, and for the rest the likeliest; None if nothing can be forecast.

    Raises:
        DataError: a column that was named is not there.
    """
    named = (*covariates, *(name for name in data.inputs if name not in covariates))
    for name in (data.time, *id_columns(data.series, table.columns), data.target, *named):
        if name is not None and name not in table.columns:
            raise DataError(
                f"no column '{name}'{nearest(name, table.columns)}; the columns are {', '.join(table.columns[:12])}",
                table.paths[0],
            )
    if data.time is None and data.target in (None, LISTED) and table.kinds.get(LISTED) is Kind.SERIES:
        wide = wide_of(table, data.series)
        return None if wide is None else Columns(None, wide.series, None, named, True)
    chosen = {*id_columns(data.series, table.columns), data.target, *data.inputs}
    time = data.time or time_column(table, chosen)
    taken = {time, *named, *(() if time is None else further(table, time)), *counting(table, time)}
    taken.update(id_columns(data.series, table.columns))
    if data.target is not None:
        series = data.series or _series_column(table, time, {*taken, data.target})
        return Columns(time, series, data.target, named, False)
    numbers = [name for name in table.columns if table.kinds[name] is Kind.NUMBER and name not in taken]
    if not numbers:
        return None
    # Rows that are named may have fewer steps.
    enough = len(numbers) >= LEAST or (data.series is not None and len(numbers) > 1)
    wide = wide_of(table, data.series) if time is None and enough else None
    if wide is not None:
        return Columns(time, wide.series, None, named, True)
    # Without a time, several columns of numbers are more likely features of rows than series, unless they move smoothly
    # from row to row.
    if time is None and len(numbers) > 1 and not (numbers == list(table.columns) and _smooth(table)):
        return None
    series = data.series or _series_column(table, time, taken)
    ids = id_columns(series, table.columns)
    numbers = [name for name in numbers if name not in ids]
    # One series of two or three columns is as often meant to be forecast whole.
    one = time is not None and (series is not None or len(numbers) > _WHOLE)
    target = measured(numbers) if one else None
    return Columns(time, series, target, named, False)


def _smooth(table: Table) -> bool:
    """Whether most columns of numbers hold in each row nearly what they held in the row before."""
    if len(table) < _LEAST_ROWS:
        return False
    rows = np.arange(min(len(table), _LOOKED_AT))
    near = []
    for name in table.columns[:_COLUMNS_LOOKED_AT]:
        values = table.numbers(name, rows)
        values = values[~np.isnan(values)]
        centred = values - values.mean() if len(values) else values
        power = float(np.square(centred).sum())
        near.append(power > 0 and float((centred[1:] * centred[:-1]).sum()) > _SMOOTH * power)
    return sum(near) * 2 > len(near)


def counting(table: Table, time: str | None) -> list[str]:
    """Columns of numbers that are no series: those that count rows or seconds, and that name what all rows are of."""
    taken = {time} if time is None else {time, *further(table, time)}
    numbers = [name for name in table.columns if table.kinds[name] is Kind.NUMBER and name not in taken]
    # The only numbers are what is forecast, whatever they look like.
    if len(numbers) < 2:
        return []
    naming = [name for name in table.columns[:_COLUMNS_LOOKED_AT] if time is not None and names_all(table, name)]
    stamps = [name for name in numbers if time is not None and _STAMP.search(name) and said_of(table, name) is not None]
    # As above: where nothing else is left, they are what is forecast.
    stamps = stamps if len(stamps) < len(numbers) else []
    return [name for name in (*counting_columns(table), *naming, *stamps) if name != time]


def _series_column(table: Table, time: str | None, taken: set[str | None]) -> str | None:
    """The columns in which times repeat: without them they would stand twice."""
    if time is None:
        return None
    times = moments(table, time)
    return None if len(np.unique(times)) == len(times) else find_ids(table, times, {*taken, time})


class Reading(NamedTuple):
    """How times are read.

    Attributes:
        zone: whose calendar they are in; None: that of the offsets they name.
        likely: a zone that is taken where they agree with it.
        steps: "time": steps are equal in time; "rows": each row is one; "auto": as the times are.
        step: the step of a run, of time or a row, which series to forecast keep: a few rows may look like another.
    """

    zone: str | None = None
    likely: str | None = None
    steps: Literal["auto", "time", "rows"] = "auto"
    step: Frequency | None = None


def load_series(
    table: Table, columns: Columns, reading: Reading | None = None, *, future: bool = False
) -> list[TimeSeries]:
    """The series on equal steps; missing steps inside are NaN.

    Args:
        table: the data.
        columns: which are used.
        reading: how times are read; None: as they are.
        future: keep the steps after the last known value, which then hold what is known ahead.

    Raises:
        ConfigError: the zone is none that is known.
        DataError: a time stands twice, lies between the steps, or a cell is no number; with file and line.
    """
    reading = reading or Reading()
    if reading.zone is not None:
        check_zone(reading.zone)
    targets: str | list[str] | None = columns.target
    if columns.target is None and not columns.wide:
        completing = () if columns.time is None else further(table, columns.time)
        taken = {columns.time, *columns.covariates, *completing, *counting(table, columns.time)}
        taken.update(id_columns(columns.series, table.columns))
        targets = [name for name in table.columns if table.kinds[name] is Kind.NUMBER and name not in taken]
    found = series_from_table(
        table,
        time=columns.time,
        series=columns.series,
        target=targets,
        covariates=columns.covariates,
        zone=reading.zone,
        likely=reading.likely,
    )
    rows = _rows_calendar(found, reading) if columns.time is not None else None
    loaded = []
    for series in found:
        if rows is not None:
            series = series._replace(frequency=rows)
        elif reading.step is not None and columns.time is not None:
            series = _stepping(table, columns, series, reading.step)
        _check_steps(table, columns, series)
        whole = on_grid(series)
        known = np.flatnonzero(~np.isnan(whole.values))
        if len(known) == 0:
            raise DataError(f"series '{whole.name}' has no value", *table.place(int(series.rows[0])))
        kept = slice(int(known[0]), None if future else int(known[-1]) + 1)
        loaded.append(
            whole._replace(
                times=whole.times[kept],
                values=whole.values[kept],
                covariates=whole.covariates[kept],
                rows=whole.rows[kept],
            )
        )
    return loaded


def check_values(table: Table, columns: Columns, held: Mapping[str, Column]) -> None:
    """Refuse rows without any values, such as those to come of a competition: a forecast goes on from what was.

    Raises:
        DataError: no column of numbers is there that might be a series, as there were in training.
    """
    taken = {*columns.named(table.columns), *(() if columns.time is None else further(table, columns.time))}
    if any(table.kinds[name] is Kind.NUMBER for name in table.columns if name not in taken and name in held):
        return
    values = [name for name, own in held.items() if own.kind is Kind.NUMBER and name not in table.columns]
    if values:
        raise DataError(
            f"no column '{values[0]}': a forecast goes on from the values so far; give the rows with them, and those to"
            " come below, empty, if something of them is known",
            table.paths[0],
        )


def _rows_calendar(found: Sequence[TimeSeries], reading: Reading) -> Frequency | None:
    """The calendar of series whose steps are rows; None if steps are of time."""
    if reading.step is not None and reading.step.unit == "row":
        return reading.step
    if reading.steps == "time":
        return None
    times = [series.clock.wall(series.times) for series in found]
    return as_rows(times) if reading.steps == "rows" else row_steps(times)


def _stepping(table: Table, columns: Columns, series: TimeSeries, step: Frequency) -> TimeSeries:
    """The series with the step of a run.

    Raises:
        DataError: it moves in other steps.
    """
    between = steps_between(series.times, step)
    fits = between is not None and bool((between > 0).all())
    if fits and step.unit == "business day":
        fits = bool(np.is_busday(series.times.astype("datetime64[D]")).all())
    # Where no two neighbours are one step apart, what is missing is not the exception.
    sparse = fits and between is not None and len(between) > 1 and bool((between > 1).all())
    own = series.frequency
    if own is not None and own != step and (sparse or not fits):
        raise DataError(
            f"column '{columns.time}': series '{series.name}' moves in steps of {own.label}, and the model was trained"
            f" on steps of {step.label}; resample the series, or train a model on it",
            *table.place(int(series.rows[0])),
        )
    return series._replace(frequency=step) if fits else series


def _check_steps(table: Table, columns: Columns, series: TimeSeries) -> None:
    if len(series.times) < 3:
        return
    advice = "resample the series to equal steps first, or let every row be a step with --set model.steps=rows"
    if series.frequency is None:
        raise DataError(
            f"column '{columns.time}': series '{series.name}' has no usual step of time; {advice}",
            *table.place(int(series.rows[1])),
        )
    if steps_between(series.times, series.frequency) is not None:
        return
    absolute = columns.time is not None and (series.clock.is_utc or since_1970(table, columns.time))
    if absolute and series.times.dtype.kind == "M":
        advice = days_advice(series.times) or advice
    for at in range(1, len(series.times)):
        if steps_between(series.times[at - 1 : at + 1], series.frequency) is None:
            gap = series.times[at] - series.times[at - 1]
            shown = f"{gap:g}" if series.times.dtype.kind == "f" else str(gap.astype("timedelta64[s]"))
            if series.frequency.unit == "us":
                odd = int((np.diff(series.times).astype(np.int64) % int(series.frequency.size) != 0).sum())
                shown += f" (the first of {odd:,})" if odd > 1 else ""
            raise DataError(
                f"column '{columns.time}': series '{series.name}' moves in steps of {series.frequency.label}, and here"
                f" by {shown}; {advice}",
                *table.place(int(series.rows[at])),
            )


class Bounds(NamedTuple):
    """Where a series' splits lie: train [0, train), validation [train, validation), test [validation, test)."""

    train: int
    validation: int
    test: int


def split_series(
    table: Table,
    series: Sequence[TimeSeries],
    *,
    rows: tuple[int, int, int] | None,
    fold: int | None,
    validation_fraction: float,
    test_fraction: float,
    horizon: int,
) -> list[Bounds]:
    """Cut every series by time: as the files say, by numbers of rows, by the fold of a backtest, or by fractions.

    Args:
        table: where the series come from.
        series: the series.
        rows: steps that train, validate and test; later ones are not used. None: by fold or fractions.
        fold: horizons from the end of a series to the beginning of the one that tests; later ones are not used.
        validation_fraction: share of each series' steps; at least one horizon.
        test_fraction: likewise.
        horizon: N.

    Raises:
        ConfigError: a series has fewer steps than `rows` asks for, or a fold is asked for where files say the splits.
        DataError: the splits that the files say do not follow each other in time.
    """
    if fold is not None and table.parts is not None:
        raise ConfigError("the files say which rows test, and model.fold says another; give one of them")
    bounds = []
    for item in series:
        length = len(item.values)
        if fold is not None:
            end = max(length - (fold - 1) * horizon, 0)
            test = max(end - horizon, 0)
            held_out = max(horizon, round(validation_fraction * end)) if validation_fraction > 0 else 0
            bounds.append(Bounds(max(test - held_out, 0), test, end))
            continue
        if rows is not None:
            if sum(rows) > length:
                raise ConfigError(
                    f"model.split asks for {sum(rows)} steps, series '{item.name}' has {length}; lower the numbers"
                )
            bounds.append(Bounds(rows[0], rows[0] + rows[1], sum(rows)))
            continue
        split = _split_of(table, item)
        test = length
        if (split == 2).any():
            test = int(np.argmax(split == 2))
        elif test_fraction > 0:
            test = length - max(horizon, round(test_fraction * length))
        train = test
        if (split == 1).any():
            train = int(np.argmax(split == 1))
        elif validation_fraction > 0:
            train = test - max(horizon, round(validation_fraction * length))
        if not (split[:train] == 0).all() or not (split[train:test] <= 1).all():
            raise DataError(
                f"series '{item.name}': train, validation and test must follow each other in time",
                *table.place(int(item.rows[0])),
            )
        bounds.append(Bounds(max(train, 0), max(test, 0), length))
    return bounds


def _split_of(table: Table, series: TimeSeries) -> np.ndarray:
    """The split of every step by the files, int8; a step that was put in belongs to the split before it."""
    if table.parts is None:
        return np.zeros(len(series.rows), np.int8)
    own = np.where(series.rows >= 0, table.parts[series.rows], -1)
    held = np.maximum.accumulate(np.where(own >= 0, np.arange(len(own)), 0))
    return np.asarray(own[held], dtype=np.int8)


def as_cell(value: object) -> object:
    """What JSON has no type for as a cell of a file would say it: a moment, a date, a number of numpy."""
    return value.item() if isinstance(value, np.number | np.bool_) else str(value)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row for JSON: NaN, which JSON does not have, is a missing value, and a whole number has no ``.0``."""
    numbers = (float, np.floating)
    return {
        name: (None if np.isnan(value) else as_text(float(value))) if isinstance(value, numbers) else value
        for name, value in row.items()
    }
