"""A trained forecaster.

Shapes: W windows, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor

from unroll.bundle import DataConfig
from unroll.data import ReadOptions, Table, TimeSeries, read_table
from unroll.data.table.kinds import Column
from unroll.data.table.partcolumns import without_parts
from unroll.errors import ConfigError, DataError, nearest
from unroll.models.forecast_window import Window
from unroll.models.forecaster import Forecaster, SampledHead
from unroll.models.named import Horizon
from unroll.tasks.base import Example, Predictor, Record, Scores
from unroll.tasks.following import Followed
from unroll.tasks.forecast.calibration import calibrated, pool_size
from unroll.tasks.forecast.columns import as_cell, check_values, load_series, plain
from unroll.tasks.forecast.inside import Inside
from unroll.tasks.forecast.network import run_windows
from unroll.tasks.forecast.scores import MOST_SCORED, Forecasts, Yardstick, make_yardstick, scored
from unroll.tasks.forecast.settings import ForecastSettings, Saved
from unroll.tasks.forecast.shaping import (
    begun_earlier,
    check_missing,
    check_names,
    extended,
    series_of_text,
    until_last_value,
)
from unroll.tasks.forecast.shoulders import kept_of, on_shoulders
from unroll.tasks.forecast.windows import Scaling, SeriesStore, Windows, fit_scaling, split_windows
from unroll.tasks.parts import NetworkParts, numbers

#: What is not said of times that are days.
_MIDNIGHT = "T00:00:00"
#: Windows of the past that calibrate the bands of a prediction, over all series.
_PAST = 20_000


class ForecastPredictor(Predictor):
    """A trained forecaster.

    Args:
        network: with its weights.
        saved: its columns, sizes and scalings.
        settings: its settings.
        held: what the columns of its data held, which those of records hold again.
    """

    def __init__(
        self,
        network: Forecaster,
        saved: Saved,
        settings: ForecastSettings,
        held: Mapping[str, Column] = MappingProxyType({}),
    ) -> None:
        self._network = network.eval()
        self._held = held
        self._saved = saved
        self._settings = settings

    @property
    def horizon(self) -> int:
        """How many steps are forecast."""
        return self._saved.horizon

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The steps after each series' last known value.

        Records are the rows of a file like the training file: one prediction per series. A text is a whole series, its
        numbers separated by blanks or commas: one prediction per text.

        Raises:
            DataError: a series is too short, a column is missing, or what should be known ahead is not.
        """
        for series in self._series(records):
            yield from self._forecast(series)

    def predict_table(self, table: Table) -> Iterator[dict[str, Any]]:
        """The steps after the last known value of each series of a table.

        Raises:
            DataError: see `predict`; with file and line.
        """
        yield from self._forecast(self._open(table, future=True))

    def _series(self, records: Iterable[Record]) -> Iterator[list[TimeSeries]]:
        """A text is a series by itself; the rows together are all of theirs."""
        rows: list[dict[str, Any]] = []
        for record in records:
            if isinstance(record, str):
                yield [series_of_text(record, self._saved)]
            else:
                rows.append(dict(record))
        if not rows:
            return
        with tempfile.TemporaryDirectory(prefix="unroll-") as folder:
            file = Path(folder) / "records.jsonl"
            # The rows take the way of a data file, so that they are checked by the same rules.
            file.write_text(
                "".join(json.dumps(plain(row), ensure_ascii=False, default=as_cell) + "\n" for row in rows),
                encoding="utf-8",
            )
            try:
                table = read_table(file, ReadOptions(format="jsonl", columns=self._held), Path(folder) / "table")
                series = self._open(table, future=True)
            except DataError as error:
                # The file is of our own making; what the user has given is a record.
                text = str(error).removeprefix(f"{file}:{error.line}: ").removeprefix(f"{file}: ")
                raise DataError(text, "record" if error.line else None, error.line) from error
            yield series

    @property
    def network(self) -> Forecaster:
        """The network."""
        return self._network

    def encode(self, records: Sequence[Record]) -> tuple[Window]:
        """The last window of each series, in the scale of the network."""
        items = [item for series in self._series(records) for item in series]
        longer, origins, _ = self._ready(items)
        with tempfile.TemporaryDirectory(prefix="unroll-") as folder:
            store = self._store(longer, Path(folder), np.array(origins))
            saved = self._saved
            batch = store.gather(np.arange(len(longer)), np.array(origins), saved.input_length, saved.horizon)
            return (batch.window,)

    def example(self, records: Sequence[Record], row: int = 0) -> Example:
        """The last window of one series, the records being the rows of all of them, and its times."""
        items = [item for series in self._series(records) for item in series]
        longer, origins, _ = self._ready(items[row : row + 1])
        return Example((self.encode(records)[0].row(row),), self._times(longer[0], origins[0]))

    def followed(self, record: Record) -> Followed:
        """The rows are steps of one series, and what steps count for is the mean of its forecast."""
        return Followed(self, lambda answer: answer.mean(), "forecast", apart=False, reads=False)

    def _times(self, series: TimeSeries, origin: int) -> tuple[str, ...]:
        """What the steps of the window before an origin are called."""
        times = series.times[origin - self._saved.input_length : origin]
        if times.dtype.kind == "M":
            names = tuple(series.clock.text(times))
            midnight = all(name.endswith(_MIDNIGHT) for name in names)
            return tuple(name.removesuffix(_MIDNIGHT) for name in names) if midnight else names
        return tuple(f"{time:g}" for time in times)

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, N) the mean of every step of the horizon, in the scale of the network."""
        mean: Tensor = self._network(*inputs).mean
        return mean

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """(B,) half the square of the forecast: there is no right one yet."""
        return answer.square().sum(dim=1) / 2

    def network_parts(self) -> tuple[NetworkParts]:
        """The network from a window to the quantiles and the mean of every step after it, all in its own units.

        The simple forecasts that a prediction combines it with, and the errors that calibrate its band, are no network.

        Raises:
            ConfigError: the network draws paths at random.
        """
        network, saved = self._network, self._saved
        if isinstance(network.head, SampledHead):
            raise ConfigError(
                "its decoder is fed with draws from its own distribution, which no file repeats; train with"
                " --set model.decoder=direct, which gives the distribution itself"
            )
        known, seen = 2 * len(saved.cycles) + len(saved.ahead), len(saved.covariates) - len(saved.ahead) + saved.mask
        inputs = {"past": numbers("batch", "time")}
        if known:
            inputs["known"] = numbers("batch", "time", known)
            inputs["ahead"] = numbers("batch", saved.horizon, known)
        if seen:
            inputs["seen"] = numbers("batch", "time", seen)
        if saved.lags:
            inputs["lagged"] = numbers("batch", "time", len(saved.lags))
            inputs["lagged_ahead"] = numbers("batch", saved.horizon, len(saved.lags))
        metadata = {"unroll.series": saved.model_dump_json(), "unroll.quantiles": json.dumps(self._settings.quantiles)}
        least = {"time": max(1, network.linear_steps)}
        return (NetworkParts(Horizon(network, known, seen), inputs, ("quantiles", "mean"), metadata, least=least),)

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score a forecast from every step of every series that has enough steps before it.

        Raises:
            DataError: a column is missing or wrong, with file and line, or no series is long enough.
        """
        series = self._open(table, future=False)
        saved = self._saved
        lengths = [len(item.values) for item in series]
        stride = self._settings.stride
        begins = [saved.needed()] * len(series)
        windows = split_windows(begins, lengths, saved.needed(), saved.horizon, most=MOST_SCORED["test"], stride=stride)
        if len(windows) == 0:
            raise DataError(
                f"the model needs {saved.needed()} steps and scores {saved.horizon} after them; the longest series"
                f" has {max(lengths)}",
                table.paths[0],
            )
        fresh = np.array([self._fresh(item) for item in series])
        return self.score(self._store(series, table.store, np.array(begins)), windows, begins, fresh)

    def score(self, store: SeriesStore, windows: Windows, begins: Sequence[int], fresh: np.ndarray | None) -> Scores:
        """Score a forecast from every origin in turn, each from what came before it.

        Args:
            store: the series.
            windows: the origins.
            begins: (S,) where in each series the steps begin that are scored; the scale of MASE comes from those
                before.
            fresh: (S,) the first step of each series that training has not used, from which on its errors calibrate
                the band of what comes after; None: the band is calibrated on the validation split alone.
        """
        forecasts = self.forecasts(store, windows.all(), np.asarray(begins))
        forecasts = calibrated(forecasts, self._settings.quantiles, self._pool(), fresh, self.evidence())
        return scored(forecasts, self.yardstick(store, begins), store)

    def forecasts(self, store: SeriesStore, windows: tuple[np.ndarray, np.ndarray], fitted: np.ndarray) -> Forecasts:
        """Forecasts of windows, combined with the simple ones and not yet calibrated.

        Args:
            store: the series.
            windows: the series and the origin of each.
            fitted: (S,) how many first steps of each series the simple forecasts may be fitted on.
        """
        raw = run_windows(self._network, store, *windows, self._saved)
        return on_shoulders(raw, store, fitted, kept_of(self._network), self._saved)

    def _pool(self) -> np.ndarray:
        """(K, N) errors of validation, by which a band is calibrated; empty for a run that kept none."""
        ratios = self._network.ratios
        if ratios is None:
            return np.empty((0, self._saved.horizon))
        return np.asarray(ratios.cpu().double().numpy())

    def evidence(self) -> float | None:
        """How many windows without a common step the pool is worth. Those before validation were answered by the
        simple forecasts alone: the larger the network's share, the less they tell of its errors."""
        worth, kept = self._saved.evidence, kept_of(self._network)
        if worth is None or kept is None:
            return None if worth is None else worth[0]
        return worth[0] + (1 - kept.weights.network) * (worth[1] - worth[0])

    def _fresh(self, series: TimeSeries) -> int:
        """The first step of a series that neither trained the network nor calibrated its band in training."""
        if (series.rows < 0).all():
            # Numbers without times may be those of training.
            return len(series.times)
        until = self._saved.used_until.get(series.name)
        times = series.times.astype(np.int64) if series.times.dtype.kind == "M" else series.times
        return 0 if until is None else int(np.searchsorted(times, until, side="right"))

    def yardstick(self, store: SeriesStore, begins: Sequence[int]) -> Yardstick:
        """What errors of series that are scored from these steps on are measured by."""
        settings = self._settings
        return make_yardstick(store, begins, settings.quantiles, self._saved.season, standardised=settings.standardised)

    def _open(self, table: Table, *, future: bool) -> list[TimeSeries]:
        columns = self._saved.columns()
        table = without_parts(table, (*columns.named(table.columns), *self._held))
        for name in columns.named(table.columns):
            if name not in table.columns:
                raise DataError(
                    f"the model needs the column '{name}'{nearest(name, table.columns)}; the columns are"
                    f" {', '.join(table.columns[:12])}",
                    table.paths[0],
                )
        if columns.target is None and not columns.wide:
            check_values(table, columns, self._held)
        series = load_series(table, columns, self._saved.reading(), future=future)
        if self._saved.series is not None:
            check_names(table, [item.name for item in series], self._saved.scaling)
        # Steps to come have no value and are not missing.
        check_missing(table, [until_last_value(item) for item in series], self._settings.missing)
        return series

    def _store(self, series: Sequence[TimeSeries], folder: Path, fitted: np.ndarray) -> SeriesStore:
        saved = self._saved
        inside = None
        if saved.inside is not None:
            values, names = [item.values for item in series], [item.name for item in series]
            inside = Inside(values, names, fitted, saved.horizon, saved.inside)
        kind = "none" if self._settings.counts else self._settings.scaling
        # A series that was not there in training is scaled by its own values.
        scaling = [
            Scaling(*saved.scaling[item.name]) if item.name in saved.scaling else fit_scaling(kind, item.values)
            for item in series
        ]
        return SeriesStore(
            series,
            None,
            folder,
            scaling,
            ahead=saved.ahead,
            cycles=saved.cycles,
            mask=saved.mask,
            covariate_scaling=np.asarray(saved.covariate_scaling).reshape(-1, 2),
            inside=inside,
            lags=saved.lags,
        )

    def _ready(self, series: Sequence[TimeSeries]) -> tuple[list[TimeSeries], list[int], dict[str, str]]:
        """The series with the horizon behind them, where each horizon begins, and why the others are too short.

        Raises:
            DataError: all are too short, or a covariate of the horizon is missing.
        """
        saved = self._saved
        longer: list[TimeSeries] = []
        origins: list[int] = []
        short: dict[str, str] = {}
        for item in series:
            known = np.flatnonzero(~np.isnan(item.values))
            origin = int(known[-1]) + 1
            if origin < saved.least():
                short[item.name] = (
                    f"series '{item.name}': the model needs {saved.least()} steps to forecast from, got {origin};"
                    " give more history"
                )
                continue
            before = max(saved.input_length - origin, 0)
            item = extended(begun_earlier(item, before), saved.horizon)
            origin += before
            ahead = item.covariates[origin : origin + saved.horizon, list(saved.ahead)]
            if np.isnan(ahead).any():
                name = saved.covariates[saved.ahead[int(np.argmax(np.isnan(ahead).any(axis=0)))]]
                if name not in self._settings.static:
                    raise DataError(
                        f"series '{item.name}': '{name}' must be known for the {saved.horizon} steps after the last"
                        " value; add those rows and leave the target empty"
                    )
            longer.append(item)
            origins.append(origin)
        if not longer:
            raise DataError(next(iter(short.values())))
        return longer, origins, short

    def _forecast(self, series: Sequence[TimeSeries]) -> list[dict[str, Any]]:
        saved = self._saved
        longer, origins, short = self._ready(series)
        with tempfile.TemporaryDirectory(prefix="unroll-") as folder:
            store = self._store(longer, Path(folder), np.array(origins))
            forecasts = self._latest(store, longer, origins)
        found: dict[str, dict[str, Any]] = {name: {"series": name, "error": why} for name, why in short.items()}
        for row, item in enumerate(longer):
            times = item.times[origins[row] : origins[row] + saved.horizon]
            found[item.name] = {
                "series": item.name,
                "time": item.clock.text(times) if times.dtype.kind == "M" else times.tolist(),
                "mean": forecasts.mean[row].tolist(),
                "quantiles": {
                    f"{level:g}": forecasts.quantiles[row, :, q].tolist()
                    for q, level in enumerate(self._settings.quantiles)
                },
            }
            # What was bridged is said, also where no option was needed for it, and what a short history lacked.
            known = np.flatnonzero(~np.isnan(item.values[: origins[row]]))
            if missing := origins[row] - int(known[0]) - len(known):
                found[item.name]["missing"] = missing
            if known[0] > 0:
                found[item.name]["short_by"] = int(known[0])
        return [found[item.name] for item in series]

    def _latest(self, store: SeriesStore, series: Sequence[TimeSeries], origins: Sequence[int]) -> Forecasts:
        """The forecast of each series from its origin, its band calibrated on those before it."""
        saved = self._saved
        fresh = np.array([self._fresh(item) for item in series])
        most = min(pool_size(saved.horizon), _PAST // len(series)) if saved.calibrated else 0
        owners, begins, last = [], [], []
        for number, (origin, first) in enumerate(zip(origins, fresh.tolist(), strict=True)):
            ended = origin - saved.horizon + 1
            if saved.simple and not first:
                # What comes before the earliest of these windows is all that the simple forecasts are fitted on.
                most = min(most, origin // 3)
            past = np.arange(max(first, saved.needed(), ended - most), max(ended, 0))
            begins += [*past.tolist(), origin]
            owners += [number] * (len(past) + 1)
            last.append(len(begins) - 1)
        fitted = np.where(fresh > 0, fresh, np.array(origins))
        forecasts = self.forecasts(store, (np.array(owners), np.array(begins)), fitted)
        forecasts = calibrated(forecasts, self._settings.quantiles, self._pool(), fresh, self.evidence())
        return Forecasts(*(values[last] for values in forecasts))
