"""A forecaster's data: series on equal steps, split by time, scaled by their train splits, and the windows in them.

Shapes: S series, T steps of the past, N steps of the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from unroll.baselines.rolling import rolling_methods
from unroll.bundle import RunConfig
from unroll.data import Table, TimeSeries
from unroll.errors import DataError
from unroll.tasks.forecast.calibration import pool_size
from unroll.tasks.forecast.columns import Bounds, Columns, Reading, load_series, split_series
from unroll.tasks.forecast.further_back import tell_more
from unroll.tasks.forecast.inside import Inside, SavedInside, first_origin, fit_inside
from unroll.tasks.forecast.lags import choose_lags, distances
from unroll.tasks.forecast.scores import MOST_SCORED
from unroll.tasks.forecast.season import Rhythm, default_horizon, default_input_length, find_rhythm, longer_season
from unroll.tasks.forecast.settings import ForecastSettings, Saved, SavedFrequency
from unroll.tasks.forecast.shaping import check_counts, check_missing
from unroll.tasks.forecast.shoulders import Parts, parts_of, stretches_of
from unroll.tasks.forecast.windows import (
    SeriesStore,
    Windows,
    calendar_cycles,
    fit_scaling,
    split_windows,
)

#: Windows of one pass over the train split; where more are possible, as many are drawn anew for each pass. Said aloud.
EPOCH = 8_192

#: Train windows on which the start of the linear path is chosen.
_LOOKED_AT = 500

#: Train windows below which smoothing goes inside by itself.
_FEW = 2_000

#: Series from which a model is one of many series.
_MANY = 10


@dataclass(frozen=True)
class ForecastData:
    """Series, split by time.

    Attributes:
        saved: columns, sizes and scalings.
        store: all series.
        bounds: where each one's splits lie.
        windows: of "train", "validation" and "test".
        repeated: what the linear path repeats before training, in steps: a season, or 1.
        rhythm: how time moves.
        training: settings that suit so many windows.
        parts: where the simple forecasts are tried.
    """

    saved: Saved
    store: SeriesStore
    bounds: Sequence[Bounds]
    windows: Mapping[str, Windows]
    repeated: int
    rhythm: Rhythm
    training: Mapping[str, Any]
    parts: Parts

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" have windows."""
        return tuple(name for name in ("validation", "test") if len(self.windows[name]))

    def begins(self, split: str) -> list[int]:
        """(S,) where "validation" or "test" begins in each series."""
        return [own.train if split == "validation" else own.validation for own in self.bounds]


def prepare(table: Table, config: RunConfig, settings: ForecastSettings, columns: Columns) -> ForecastData:
    """Put the series on equal steps, split them by time, and fit their scalings on the train splits. The arrays are
    mapped in the table's store.

    Raises:
        DataError: values are missing, steps differ, or no series is long enough; with file and line.
        ConfigError: a series has fewer steps than the settings ask for.
    """
    series = load_series(table, columns, Reading(zone=config.data.zone, steps=steps_of(settings)))
    check_missing(table, series, settings.missing)
    if settings.counts:
        check_counts(table, series)

    def bounds_for(horizon: int) -> list[Bounds]:
        return split_series(
            table,
            series,
            rows=settings.split,
            fold=settings.fold,
            validation_fraction=config.data.validation_fraction,
            test_fraction=config.data.test_fraction,
            horizon=horizon,
        )

    # The horizon is needed to split and the split to look for a season, so the calendar's season stands in.
    calendar = next((item.frequency.season for item in series if item.frequency is not None), 1)
    lengths = [len(item.values) for item in series]
    bounds = bounds_for(settings.horizon or default_horizon(settings.season or calendar, lengths))
    rhythm = find_rhythm(series, [own.train for own in bounds], settings.season)
    horizon = settings.horizon or default_horizon(rhythm.season, lengths)
    bounds = bounds_for(horizon)
    trains = [max(own.train, 0) for own in bounds]
    length = settings.input_length or default_input_length(rhythm.season, horizon, trains)
    ahead = [columns.covariates.index(name) for name in (*settings.known_ahead, *settings.static)]
    cycles = calendar_cycles(series, trains) if settings.time_features else ()
    mask = any(np.isnan(item.values).any() for item in series)
    scaling = [
        fit_scaling("none" if settings.counts else settings.scaling, item.values[: max(end, 1)])
        for item, end in zip(series, trains, strict=True)
    ]
    longer = longer_season(rhythm, trains)
    inside = _inside(settings, series, np.array(trains), horizon, length, (rhythm.season, longer))
    lags = choose_lags(settings.lags, distances(rhythm, longer), length, horizon, trains)
    store = SeriesStore(
        series, bounds, table.store, scaling, ahead=ahead, cycles=cycles, mask=mask, inside=inside[1], lags=lags
    )
    least = length if inside[0] is None else max(length, first_origin(inside[0]))
    windows = _windows(bounds, least, horizon, settings.stride)
    if settings.lags == "auto" and lags and not tell_more(store, windows["train"], length, horizon):
        lags = store.lags = ()
    count = len(windows["train"])
    if count == 0:
        raise DataError(
            f"no series has a train part of {length} + {horizon} steps (the longest series has {max(lengths)}, of which"
            f" {max(trains)} train, as validation and test hold a horizon each); lower model.input_length, --horizon or"
            " the held-out fractions",
            table.paths[0],
        )
    many = len(series) >= _MANY
    parts = parts_of(trains, [own.validation for own in bounds], max(rhythm.season, longer), horizon)
    simple = rolling_methods(rhythm.season, longer) if settings.combine and len(windows["validation"]) else ()
    earlier = parts.earlier(horizon, pool_size(horizon)) if simple and parts.short else None
    validation = windows["validation"].all()
    held = validation if earlier is None else _joined(earlier.all(), validation)
    calibrated = min(len(held[0]), pool_size(horizon))
    # Of one series the latest windows are kept, of several some of all.
    kept = slice(-calibrated if calibrated and len(series) == 1 else 0, None)
    worth = [stretches_of(owners[kept], origins[kept], horizon) for owners, origins in (validation, held)]
    saved = Saved(
        time=columns.time,
        series=columns.series,
        target=columns.target,
        covariates=columns.covariates,
        wide=columns.wide,
        ahead=tuple(ahead),
        cycles=cycles,
        mask=mask,
        horizon=horizon,
        input_length=length,
        season=rhythm.season,
        hidden_size=settings.hidden_size or (64 if count >= 2_000 else 16),
        level=settings.level or ("none" if inside[0] or settings.counts else "mean" if many else "last"),
        spread=(many and not inside[0] and not settings.counts) if settings.spread is None else settings.spread,
        frequency=None if rhythm.frequency is None else SavedFrequency(**rhythm.frequency._asdict()),
        scaling={item.name: (own.centre, own.size) for item, own in zip(series, scaling, strict=True)},
        covariate_scaling=tuple((float(mean), float(size)) for mean, size in store.covariate_scaling),
        zone=config.data.zone,
        likely_zone=series[0].clock.zone,
        calibrated=calibrated,
        evidence=(worth[0], max(worth)),
        simple=simple,
        longer=longer,
        inside=inside[0],
        lags=lags,
        used_until={
            item.name: _time_number(item.times[max(own.validation, 1) - 1])
            for item, own in zip(series, bounds, strict=True)
        },
    )
    repeated = (
        _better_start(store, windows["train"], saved) if settings.has_path and not inside[0] else int(not inside[0])
    )
    return ForecastData(saved, store, bounds, windows, repeated, rhythm, _suggested(count), parts)


def steps_of(settings: ForecastSettings) -> Literal["auto", "time", "rows"]:
    """What a step is: who asks for values to be bridged takes what is not there for missing."""
    return "time" if settings.steps == "auto" and settings.missing == "interpolate" else settings.steps


def _inside(
    settings: ForecastSettings,
    series: Sequence[TimeSeries],
    trains: np.ndarray,
    horizon: int,
    length: int,
    seasons: tuple[int, int],
) -> tuple[SavedInside, Inside] | tuple[None, None]:
    """The smoothing inside the network, where it is asked for, or where series are many or short."""
    windows = int(np.maximum(trains - length - horizon + 1, 0).sum())
    usual_for = (len(series) >= _MANY or windows < _FEW) and not settings.counts
    wanted = usual_for if settings.smoothing is None else settings.smoothing
    if not wanted:
        return None, None
    usual = np.quantile(trains, 0.1)
    # What is left of a train part after the start of a season must be enough to learn from.
    usable = [season for season in sorted(set(seasons)) if season > 1 and 3 * season + horizon <= usual]
    values, names = [item.values for item in series], [item.name for item in series]
    return fit_inside(values, names, np.maximum(trains, 1), horizon, usable)


def _joined(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The series and origins of both."""
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def _time_number(time: np.datetime64 | np.float64) -> int | float:
    """A time as a number that JSON holds exactly: microseconds, or as it is."""
    return int(time.astype("datetime64[us]").astype(np.int64)) if isinstance(time, np.datetime64) else float(time)


def _windows(bounds: Sequence[Bounds], past: int, horizon: int, stride: int | None) -> dict[str, Windows]:
    """The windows of each split."""
    train = [max(own.train, 0) for own in bounds]
    validation, test = [own.validation for own in bounds], [own.test for own in bounds]
    return {
        "train": split_windows([0] * len(train), train, past, horizon),
        "validation": split_windows(train, validation, past, horizon, most=MOST_SCORED["validation"], stride=stride),
        "test": split_windows(validation, test, past, horizon, most=MOST_SCORED["test"], stride=stride),
    }


def _better_start(store: SeriesStore, train: Windows, saved: Saved) -> int:
    """What the linear path repeats before training: a season or the last step, whichever errs less on train."""
    season, horizon = saved.season, saved.horizon
    if not 1 < season <= saved.input_length:
        return 1
    some = np.linspace(0, len(train) - 1, min(len(train), _LOOKED_AT)).astype(np.int64)
    batch = store.gather(*train.locate(some), saved.input_length, horizon)
    past, truth, known = batch.window.past.numpy(), batch.truth.numpy(), batch.known.numpy()
    seasonal = past[:, -season:][:, np.arange(horizon) % season]
    errors = [float(np.abs(truth - guess)[known].mean()) for guess in (past[:, -1:], seasonal)]
    return season if errors[1] < errors[0] else 1


def _suggested(windows: int) -> dict[str, Any]:
    """Training settings for so many windows: few windows are read more often, in smaller batches."""
    if windows < 500:
        return {"epochs": 150, "batch_size": 32, "learning_rate": 2e-3, "patience": 30, "average": 0.99}
    if windows < 2_000:
        return {"epochs": 40, "batch_size": 64, "learning_rate": 2e-3, "patience": 8, "average": 0.99}
    if windows < 20_000:
        return {"epochs": 25, "batch_size": 128, "learning_rate": 2e-3, "patience": 5, "average": 0.99}
    return {"epochs": 40, "batch_size": 128, "learning_rate": 3e-3, "patience": 8, "average": 0.99}
