"""Many-to-one over a horizon: one or many series in, the steps after them out, with quantiles.

Shapes: S series, W windows, B batch, T steps of the past, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.cells import CELLS
from unroll.data import Table, TimeSeries
from unroll.data.batches import random_order
from unroll.errors import ConfigError, DataError
from unroll.models.forecaster import Window, forecast_loss
from unroll.tasks.base import Guess, Job, Predictor, Scores, Task
from unroll.tasks.forecast.data import (
    Bounds,
    Columns,
    default_horizon,
    default_input_length,
    find_columns,
    find_rhythm,
    load_series,
    split_series,
)
from unroll.tasks.forecast.network import build_network, run_windows
from unroll.tasks.forecast.options import OPTIONS
from unroll.tasks.forecast.predictor import ForecastPredictor
from unroll.tasks.forecast.scores import (
    MOST_SCORED,
    Answers,
    Yardstick,
    baseline_answers,
    baseline_scores,
    make_yardstick,
    scored,
    scores_of,
)
from unroll.tasks.forecast.settings import ForecastSettings, Saved, SavedFrequency
from unroll.tasks.forecast.windows import (
    SeriesStore,
    Windows,
    calendar_cycles,
    check_missing,
    fit_scaling,
    part_windows,
)
from unroll.training import Loss, Monitor, TrainSettings

#: What the run folder's file of series, scalings and sizes is called.
_FILE = "series.json"

#: Windows of one pass over the train part; where more are possible, as many are drawn anew for each pass. Said aloud.
_EPOCH = 4_096

#: Train windows on which the start of the linear path is chosen.
_LOOKED_AT = 500

#: Series from which a model is one of many series.
_MANY = 10


class ForecastJob(Job):
    """A forecaster opened on its data.

    Args:
        table: the data.
        config: the run's config.
        settings: its model section.
        columns: which columns are used.
    """

    def __init__(self, table: Table, config: RunConfig, settings: ForecastSettings, columns: Columns) -> None:
        self._seed = config.seed
        self._settings = settings
        series = load_series(table, columns)
        check_missing(table, series, settings.missing)
        lengths = [len(item.values) for item in series]
        # The horizon is needed to split and the split to look for a season, so the calendar's season stands in.
        calendar = next((item.frequency.season for item in series if item.frequency is not None), 1)
        self._bounds = self._split(
            table, series, config, settings.horizon or default_horizon(settings.season or calendar)
        )
        rhythm = find_rhythm(series, [own.train for own in self._bounds], settings.season)
        self._horizon = settings.horizon or default_horizon(rhythm.season)
        self._bounds = self._split(table, series, config, self._horizon)
        trains = [max(own.train, 0) for own in self._bounds]
        self._length = settings.input_length or default_input_length(rhythm.season, self._horizon, trains)
        self._season = rhythm.season
        ahead = [columns.covariates.index(name) for name in (*settings.known_ahead, *settings.static)]
        cycles = calendar_cycles(series, trains) if settings.time_features else ()
        mask = any(np.isnan(item.values).any() for item in series)
        scaling = [
            fit_scaling(settings.scaling, item.values[: max(end, 1)]) for item, end in zip(series, trains, strict=True)
        ]
        self._store = SeriesStore(series, self._bounds, table.store, scaling, ahead=ahead, cycles=cycles, mask=mask)
        self._train, self._parts = self._windows(trains)
        if len(self._train) == 0:
            raise DataError(
                f"no series has a train part of {self._length} + {self._horizon} steps (the longest train part has"
                f" {max(trains)}); lower model.input_length, --horizon or the held-out fractions",
                table.paths[0],
            )
        self.parts = tuple(name for name, windows in self._parts.items() if len(windows))
        many = len(series) >= _MANY
        self._saved = Saved(
            time=columns.time,
            series=columns.series,
            target=columns.target,
            covariates=columns.covariates,
            wide=columns.wide,
            ahead=tuple(ahead),
            cycles=cycles,
            mask=mask,
            horizon=self._horizon,
            input_length=self._length,
            season=self._season,
            hidden_size=settings.hidden_size or (64 if len(self._train) >= 2_000 else 16),
            level=settings.level or ("mean" if many else "last"),
            spread=many if settings.spread is None else settings.spread,
            frequency=None if rhythm.frequency is None else SavedFrequency(**rhythm.frequency._asdict()),
            scaling={item.name: (own.centre, own.size) for item, own in zip(series, scaling, strict=True)},
            covariate_scaling=tuple((float(mean), float(size)) for mean, size in self._store.covariate_scaling),
        )
        self._repeated = self._better_start() if settings.linear else 1
        self._network = build_network(self._saved, settings, self._repeated)
        self.model = self._network
        self._levels = torch.tensor(settings.quantiles)
        self.training = self._suggested()
        self._batch_size = validate(TrainSettings, {**self.training, **config.training}, "training").batch_size
        self.notes = tuple(self._say(series, lengths, rhythm.said, columns))

    def _split(self, table: Table, series: Sequence[TimeSeries], config: RunConfig, horizon: int) -> list[Bounds]:
        return split_series(
            table,
            series,
            rows=self._settings.split,
            validation_fraction=config.data.validation_fraction,
            test_fraction=config.data.test_fraction,
            horizon=horizon,
        )

    def _windows(self, trains: Sequence[int]) -> tuple[Windows, dict[str, Windows]]:
        shape = (self._length, self._horizon)
        stride = self._settings.stride
        validation, test = [own.validation for own in self._bounds], [own.test for own in self._bounds]
        train = part_windows([0] * len(trains), trains, *shape)
        return train, {
            "validation": part_windows(trains, validation, *shape, most=MOST_SCORED["validation"], stride=stride),
            "test": part_windows(validation, test, *shape, most=MOST_SCORED["test"], stride=stride),
        }

    def _better_start(self) -> int:
        """What the linear path repeats before training: a season or the last step, whichever errs less on train."""
        if not 1 < self._season <= self._length:
            return 1
        some = np.linspace(0, len(self._train) - 1, min(len(self._train), _LOOKED_AT)).astype(np.int64)
        batch = self._store.gather(*self._train.locate(some), self._length, self._horizon)
        past, truth, known = batch.window.past.numpy(), batch.truth.numpy(), batch.known.numpy()
        season = past[:, -self._season :][:, np.arange(self._horizon) % self._season]
        errors = [float(np.abs(truth - guess)[known].mean()) for guess in (past[:, -1:], season)]
        return self._season if errors[1] < errors[0] else 1

    def _suggested(self) -> dict[str, Any]:
        """Training settings for so many windows: few windows are read more often, in smaller batches."""
        if len(self._train) < 500:
            return {"epochs": 150, "batch_size": 32, "learning_rate": 2e-3, "patience": 30, "average": 0.99}
        if len(self._train) < 2_000:
            return {"epochs": 40, "batch_size": 64, "learning_rate": 2e-3, "patience": 8, "average": 0.99}
        if len(self._train) < 20_000:
            return {"epochs": 25, "batch_size": 128, "learning_rate": 2e-3, "patience": 5, "average": 0.99}
        return {"epochs": 40, "batch_size": 128, "learning_rate": 3e-3, "patience": 8, "average": 0.99}

    def _say(
        self, series: Sequence[TimeSeries], lengths: Sequence[int], season: str, columns: Columns
    ) -> Iterator[str]:
        saved = self._saved
        step = "" if saved.frequency is None else f" in steps of {saved.frequency.label}"
        count = (
            f"{len(series)} series of {min(lengths)} to {max(lengths)} steps"
            if len(series) > 1
            else (f"one series, '{series[0].name}', of {lengths[0]} steps")
        )
        yield f"{count}{step}; {season}"
        yield (
            f"{self._horizon} steps are forecast from the {self._length} before them"
            f" (--horizon, --set model.input_length=N)"
        )
        if self._store.missing:
            yield (
                f"{self._store.missing} of {sum(lengths)} values are missing: a straight line bridges a gap that a"
                " forecast looks back on, an open one holds its last value; none of them is scored"
            )
        if self._store.missing_covariates:
            yield (
                f"{self._store.missing_covariates} values of covariates are missing: each holds the last one before it"
            )
        parts = ", ".join(f"{len(self._parts[name])} {name}" for name in self.parts)
        yield f"windows by time: {len(self._train)} train, {parts}"
        for name in self.parts:
            stride = self._parts[name].stride
            if stride > 1:
                yield f"{name}: a forecast begins at every {stride}. step (--set model.stride=1 for every one)"
        if len(self._train) > _EPOCH:
            yield f"each epoch draws {_EPOCH} of the train windows"
        short = int((self._train.counts == 0).sum())
        if short:
            yield f"{short} series are too short for a train window of {self._length} + {self._horizon} steps"
        unscored = {name: int((self._parts[name].counts == 0).sum()) for name in self.parts}
        for name, number in unscored.items():
            if number:
                yield f"{number} series have no window in the {name} part"
        level = {"last": "the last value is", "mean": "the mean is", "none": "nothing is"}[saved.level]
        yield (
            f"each series is scaled by its train part ({self._settings.scaling}); {level} taken out of each window"
            + (", which is divided by its own deviation" if saved.spread else "")
            + (
                f"; the calendar's {', '.join(saved.cycles)} {'are' if len(saved.cycles) > 1 else 'is'} known"
                if saved.cycles
                else ""
            )
        )
        path = f" and a linear path that begins as the {'seasonal ' if self._repeated > 1 else ''}naive forecast"
        directions = " in both directions" if self._settings.bidirectional and self._settings.encoder in CELLS else ""
        yield (
            f"{self._settings.encoder} with {saved.hidden_size} features{directions}, {self._settings.decoder} decoder"
            f"{path if self._settings.linear else ''}; unless set otherwise: "
            + ", ".join(f"{key} {value:g}" for key, value in self.training.items())
        )

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Windows of the train part in random order; a new draw for each epoch where there are too many."""
        order = random_order(len(self._train), self._seed, epoch)[:_EPOCH]
        return [order[at : at + self._batch_size] for at in range(0, len(order), self._batch_size)]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Pinball loss and half the squared error of the mean, in units of each window."""
        batch = self._store.gather(*self._train.locate(rows), self._length, self._horizon)
        forecast = model(Window(*(tensor.to(device) for tensor in batch.window)))
        known = batch.known.to(device)
        total = forecast_loss(forecast, batch.truth.to(device), known, self._levels.to(device))
        return Loss(total, int(known.sum()), len(rows) * self._length)

    def validate(self) -> dict[str, float]:
        """The validation part's values, without intervals."""
        if "validation" not in self.parts:
            return {}
        answers = self._answers("validation")
        return {
            name: score.value
            for name, score in scores_of(answers, self._yardstick("validation"), intervals=False).items()
        }

    def evaluate(self, part: str) -> Scores:
        """Every origin of the part in turn, each forecast from what came before it."""
        return scored(self._answers(part), self._yardstick(part), self._store)

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Forecasts of each window from its series alone."""
        found: dict[str, dict[str, Scores]] = {}
        for part in self.parts:
            series, origins = self._parts[part].all()
            answers = baseline_answers(self._store, series, origins, self._horizon, self._season)
            for name, scores in baseline_scores(answers, self._yardstick(part)).items():
                found.setdefault(name, {})[part] = scores
        return found

    def save(self, folder: RunFolder) -> None:
        """Columns, sizes, and the scaling of each series."""
        folder.write_json(_FILE, self._saved.model_dump(mode="json"))

    def _yardstick(self, part: str) -> Yardstick:
        begins = [own.train if part == "validation" else own.validation for own in self._bounds]
        return make_yardstick(
            self._store, begins, self._settings.quantiles, self._season, standardised=self._settings.standardised
        )

    def _answers(self, part: str) -> Answers:
        return run_windows(self._network, self._store, *self._parts[part].all(), self._saved)


class ForecastTask(Task):
    """Series to their next steps."""

    name = "forecast"
    summary = "the next steps of one or many time series, with quantiles"
    monitor = Monitor("mae", higher_is_better=False)
    Settings = ForecastSettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of times beside columns of numbers, or one series per row."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"time": columns.time, "series": columns.series, "target": columns.target})
        what = f"'{columns.target}'" if columns.target is not None else "all columns of numbers"
        if columns.wide:
            reason = "task forecast: every row is one series"
        else:
            over = "in the order of the rows" if columns.time is None else f"over '{columns.time}'"
            each = "" if columns.series is None else f", a series for each '{columns.series}'"
            reason = f"task forecast: {what} {over}{each}"
        # No classifier has a class of its own for every row.
        return Guess(0.95 if columns.wide else 0.8 if columns.time is not None else 0.3, reason, filled)

    def open(self, table: Table, config: RunConfig, settings: Any) -> Job:
        """Put the series on equal steps, split by time, fit the scalings, build the model."""
        named = (*settings.known_ahead, *settings.static)
        columns = find_columns(table, config.data, named)
        if columns is None:
            raise DataError(
                f"forecast needs a column of numbers over time, got {', '.join(table.columns[:12])}; name the columns"
                " with --target and --time",
                table.paths[0],
            )
        if len(set(named)) < len(named):
            raise ConfigError("a column stands twice in model.known_ahead and model.static; name it once")
        return ForecastJob(table, config, settings, columns)

    def load(self, folder: RunFolder) -> Predictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(_FILE), str(folder.path / _FILE))
        settings = validate(ForecastSettings, folder.config.model, "model")
        network = build_network(saved, settings)
        folder.load_weights(network)
        return ForecastPredictor(network, saved, settings)
