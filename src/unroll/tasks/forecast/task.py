"""Many-to-one over a horizon: one or many series in, the steps after them out, with quantiles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Kind, Table
from unroll.data.doctor.finding import counted
from unroll.data.doctor.nearly import all_nearly, check_times, hidden_times, numbers_with_units
from unroll.data.doctor.standing import stand_ins
from unroll.data.series.ids import id_columns
from unroll.data.series.moments import further, said_of
from unroll.data.series.when import counting_anew
from unroll.data.series.wide import wide_of
from unroll.errors import ConfigError, DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.forecast.columns import Columns, Reading, counting, find_columns, load_series
from unroll.tasks.forecast.data import ForecastData, prepare, steps_of
from unroll.tasks.forecast.job import FILE, ForecastJob
from unroll.tasks.forecast.network import build_network
from unroll.tasks.forecast.notes import notes_of
from unroll.tasks.forecast.options import OPTIONS
from unroll.tasks.forecast.predictor import ForecastPredictor
from unroll.tasks.forecast.settings import ForecastSettings, Saved
from unroll.tasks.forecast.shaping import missing_values
from unroll.tasks.forecast.sums import sums_among
from unroll.tasks.reading import read_columns
from unroll.training import Monitor, TrainSettings

#: Columns of which it is said that a number may stand for no value.
_MOST_SAID = 3
#: More values than this are a measure, whatever they are called.
_MOST_CLASSES = 50


class ForecastTask(Task[ForecastSettings, ForecastData]):
    """Series to their next steps."""

    name = "forecast"
    summary = "the next steps of one or many time series, with quantiles"
    monitor = Monitor("mae", higher_is_better=False)
    # The error of the point forecast alone would pick weights whose band is overfitted.
    stopping = Monitor("pinball", higher_is_better=False)
    Settings = ForecastSettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of times beside columns of numbers, or one series per row."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"time": columns.time, "series": columns.series, "target": columns.target})
        what = f"'{columns.target}'" if columns.target is not None else "all columns of numbers"
        times = () if columns.time is None else (columns.time, *further(table, columns.time))
        if columns.wide:
            reason = "task forecast: every row is one series" + _wide_words(table, columns)
        else:
            over = f"over {' and '.join(map(repr, times))}" if times else "in the order of the rows"
            ids = " and ".join(map(repr, id_columns(columns.series, table.columns)))
            each = f", a series for each {ids}" if ids else ""
            reason = f"task forecast: {what} {over}{each}"
        chosen = data.target is None and columns.target is not None
        read = None if columns.time is None else said_of(table, columns.time)
        standing = [own.words() for own in stand_ins(table)][:_MOST_SAID] if columns.time is not None else []
        aside = counting(table, columns.time) if columns.target is None and not columns.wide else []
        notes = (
            *([read] if read else []),
            *(
                [f"not forecast: {', '.join(aside)} (what counts rows or seconds, or names all of them)"]
                if aside
                else []
            ),
            *([_others(table, columns)] if chosen else []),
            *standing,
            *sums_among(table, columns),
            *(
                _hidden(table, (*times, *id_columns(columns.series, table.columns)))
                if columns.target is None and columns.time is not None
                else ()
            ),
        )
        # No classifier has a class of its own for every row or every value of a measure, and none a time in pieces.
        measured = data.target is not None and _measures(table, data.target)
        counted = columns.series is not None and _counts(table, columns.time)
        sure = columns.wide or counted or (columns.time is not None and (measured or len(times) > 1))
        return Guess(0.95 if sure else 0.8 if columns.time is not None else 0.3, reason, filled, notes)

    def prepare(self, table: Table, config: RunConfig, settings: ForecastSettings) -> ForecastData:
        """Put the series on equal steps, split by time, fit the scalings."""
        named = (*settings.known_ahead, *settings.static)
        columns = find_columns(table, config.data, named)
        if columns is None:
            raise DataError(
                f"forecast needs a column of numbers over time, got {', '.join(table.columns[:12])}; name the columns"
                " with --target and --time",
                table.paths[0],
            )
        if columns.time is None and not columns.wide:
            check_times(table)
        if len(set(named)) < len(named):
            raise ConfigError("a column stands twice in model.known_ahead and model.static; name it once")
        return prepare(table, config, settings, columns)

    def refusals(self, table: Table, config: RunConfig) -> Iterator[DataError]:
        """Times that cannot be read or do not come in steps, and more missing values than the settings admit."""
        settings = validate(ForecastSettings, config.model, "model")
        columns = find_columns(table, config.data, (*settings.known_ahead, *settings.static))
        if columns is None:
            return
        if columns.time is None and not columns.wide:
            yield from hidden_times(table)
        series = load_series(table, columns, Reading(zone=config.data.zone, steps=steps_of(settings)))
        yield from missing_values(table, series, settings.missing)
        longest = max(len(item.values) for item in series)
        parts = 1 + sum(part > 0 for part in (config.data.validation_fraction, config.data.test_fraction))
        if settings.horizon is None or settings.split is not None or table.parts is not None:
            return
        if longest <= parts * settings.horizon:
            yield DataError(
                f"a horizon of {settings.horizon} steps needs more than {parts * settings.horizon} of them, as"
                f" validation and test hold one each; the longest series has {longest}",
                table.paths[0],
            )

    def build(
        self, data: ForecastData, config: RunConfig, settings: ForecastSettings, training: TrainSettings
    ) -> ForecastJob:
        """The network, whose linear path repeats the season or the last step."""
        network = build_network(data.saved, settings, data.repeated)
        notes = tuple(notes_of(data, settings, data.rhythm.said))
        return ForecastJob(data, network, settings, batch_size=training.batch_size, seed=config.seed, notes=notes)

    def load(self, folder: RunFolder) -> ForecastPredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(ForecastSettings, folder.config.model, "model")
        network = build_network(saved, settings)
        folder.load_weights(network)
        return ForecastPredictor(network, saved, settings, read_columns(folder.config.data))


def _counts(table: Table, time: str | None) -> bool:
    """Whether a column of times counts the steps of each series."""
    return time is not None and (table.kinds[time] is Kind.TEXT or time in counting_anew(table, table.columns))


def _hidden(table: Table, used: Sequence[str]) -> Iterator[str]:
    """What is said of columns that a few cells keep from being series."""
    for found in itertools.islice(all_nearly(table), _MOST_SAID):
        if found.holds == "numbers":
            cell = table.texts(found.column)[found.row][:40]
            line = table.place(found.row)[1]
            yield (
                f"not a series: '{found.column}', which holds numbers but for {counted(found.cells, 'cell')}, the first"
                f" {cell!r} in line {line}; correct it or leave it empty"
            )
    others = (own for own in numbers_with_units(table) if own.column not in used)
    for own in itertools.islice(others, _MOST_SAID):
        yield f"not a series: '{own.column}', which {own.words()}; write the numbers alone"


def _wide_words(table: Table, columns: Columns) -> str:
    """What names a row that is a series, and its first and last step."""
    wide = wide_of(table, columns.series)
    if wide is None:
        return ""
    ids = " and ".join(map(repr, id_columns(wide.series, table.columns)))
    steps = f"with the steps {wide.steps[0]} to {wide.steps[-1]}" if len(wide.steps) > 1 else f"in '{wide.steps[0]}'"
    return f", named by {ids}, {steps}"


def _others(table: Table, columns: Columns) -> str:
    """What is said of the columns of numbers beside the one that was chosen by its name."""
    time = () if columns.time is None else (*further(table, columns.time), *counting(table, columns.time))
    named = (*columns.named(table.columns), *time)
    others = [name for name in table.columns if table.kinds[name] is Kind.NUMBER and name not in named]
    return (
        f"not used: {', '.join(others[:6])}{', ...' if len(others) > 6 else ''}; --target COLUMN forecasts another,"
        " --set model.known_ahead=COLUMN takes in what is known of the time to come"
    )


def _measures(table: Table, target: str) -> bool:
    """Whether a column holds so many numbers that they are no classes."""
    if table.kinds[target] is not Kind.NUMBER:
        return False
    return len(np.unique(table.numbers(target))) > _MOST_CLASSES
