"""What forecasts are worth: errors, intervals, and the sections that show them.

Shapes: W windows, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.baselines.forecast import FITTED, QUICK, Method, naive2, seasonal_naive
from unroll.metrics.forecast import blocks_of, crps, mase_scale, means_with_intervals, owa, pinball, smape
from unroll.report import Section, words
from unroll.report.charts import Axis, AxisKind, Band, Curve, Plot
from unroll.tasks.base import Score, Scores
from unroll.tasks.forecast.windows import SeriesStore

#: Windows of a split that are scored; where more are possible, origins are further apart. Said aloud.
MOST_SCORED = {"validation": 1_500, "test": 20_000}
#: The squared error in the data's own units, whose root is a score.
_SQUARE = "mse_in_units"
#: Windows for which Naive2 is fitted anew beside each, at most.
_NAIVE2 = 5_000
#: Windows that are drawn, and steps of history before them.
_DRAWN = 4
_DRAWN_SEASONS = 4
#: Rows of the backtest table.
_STRETCHES = 8


class Forecasts(NamedTuple):
    """Forecasts of windows beside what came, in the series' own units.

    Attributes:
        series: (W,) numbers of series.
        origins: (W,) step at which the horizon begins.
        truth: (W, N), NaN where unknown.
        point: (W, N), for errors that count by size: the median.
        mean: (W, N), for squared errors.
        quantiles: (W, N, Q); Q = 0 for a method that gives none.
    """

    series: np.ndarray
    origins: np.ndarray
    truth: np.ndarray
    point: np.ndarray
    mean: np.ndarray
    quantiles: np.ndarray


class Yardstick(NamedTuple):
    """What errors are measured by.

    Attributes:
        sizes: (S,) what errors of each series are divided by in mse, mae and pinball; ones for the series' own units.
        mase: (S,) MASE's scale of each series; NaN where it is not defined.
        levels: (Q,) the quantiles.
        season: steps.
        said: what mse and mae are in, in words.
    """

    sizes: np.ndarray
    mase: np.ndarray
    levels: np.ndarray
    season: int
    said: str


def make_yardstick(
    store: SeriesStore, begins: Sequence[int], levels: Sequence[float], season: int, *, standardised: bool
) -> Yardstick:
    """The yardstick of a split that begins at these steps: MASE's scale comes from all values before it."""
    sizes = np.array([scaling.size if standardised else 1.0 for scaling in store.scaling])
    scales = np.array([mase_scale(store.measured(i, begin), season) for i, begin in enumerate(begins)])
    said = "in standard deviations of each series' train part" if standardised else "in the series' own units"
    return Yardstick(sizes, scales, np.asarray(levels), season, said)


def errors_of(forecasts: Forecasts, yardstick: Yardstick) -> dict[str, np.ndarray]:
    """Every kind of error of every step, (W, N) each, NaN where the truth is unknown or the error is not defined."""
    size = yardstick.sizes[forecasts.series][:, None]
    absolute = np.abs(forecasts.truth - forecasts.point)
    errors = {
        "mae": absolute / size,
        "mse": np.square((forecasts.truth - forecasts.mean) / size),
        "smape": smape(forecasts.truth, forecasts.point),
        "mase": absolute / yardstick.mase[forecasts.series][:, None],
    }
    if forecasts.quantiles.shape[-1]:
        errors["pinball"] = pinball(forecasts.truth, forecasts.quantiles, yardstick.levels) / size
        errors["crps"] = crps(forecasts.truth, forecasts.quantiles, yardstick.levels) / size
        inside = (forecasts.truth >= forecasts.quantiles[..., 0]) & (forecasts.truth <= forecasts.quantiles[..., -1])
        errors["coverage"] = np.where(np.isnan(forecasts.truth), np.nan, inside)
    if (yardstick.sizes != 1.0).any():
        errors["mae_in_units"] = absolute
        errors[_SQUARE] = np.square(forecasts.truth - forecasts.mean)
    return errors


def scores_of(forecasts: Forecasts, yardstick: Yardstick, *, intervals: bool = True) -> dict[str, Score]:
    """Metrics by name, the one that is watched first; a metric that is not defined anywhere is left out."""
    horizon = forecasts.truth.shape[1]
    length = max(horizon, yardstick.season)
    blocks = (
        blocks_of(forecasts.series, forecasts.origins, length)
        if intervals
        else np.zeros(len(forecasts.series), np.int64)
    )
    means = means_with_intervals(errors_of(forecasts, yardstick), blocks)
    scores = {
        name: Score(value, None if interval is None else (interval.low, interval.high))
        for name, (value, interval) in means.items()
        if not np.isnan(value)
    }
    if _SQUARE in scores:
        value, bounds = scores.pop(_SQUARE)
        root = None if bounds is None else (float(np.sqrt(bounds[0])), float(np.sqrt(bounds[1])))
        scores["rmse_in_units"] = Score(float(np.sqrt(value)), root)
    return scores


def with_owa(scores: dict[str, Score], against: Mapping[str, Score]) -> dict[str, Score]:
    """The metrics with OWA beside them, where sMAPE and MASE of Naive2 on the same windows are known."""
    names = ("smape", "mase")
    if not all(name in part for part in (scores, against) for name in names):
        return scores
    value = owa(*(part[name].value for part in (scores, against) for name in names))
    if np.isnan(value):
        return scores
    found = {}
    for name, score in scores.items():
        found[name] = score
        if name == "mase":
            found["owa"] = Score(value)
    return found


def naive2_scores(forecasts: Forecasts, yardstick: Yardstick, store: SeriesStore) -> dict[str, Score]:
    """sMAPE and MASE of Naive2 on these windows; nothing where they are too many to fit it anew for each."""
    if len(forecasts.series) > _NAIVE2:
        return {}
    horizon = forecasts.truth.shape[1]
    pairs = zip(forecasts.series.tolist(), forecasts.origins.tolist(), strict=True)
    points = np.stack([naive2(store.history(*pair), horizon, yardstick.season) for pair in pairs])
    return scores_of(forecasts._replace(point=points, quantiles=points[..., None][..., :0]), yardstick, intervals=False)


def methods_for(windows: int) -> dict[str, Method]:
    """The baselines that are quick enough for so many windows."""
    return {**QUICK, **{name: method for name, (method, most) in FITTED.items() if windows <= most}}


def baseline_forecasts(
    store: SeriesStore, series: np.ndarray, origins: np.ndarray, horizon: int, season: int
) -> dict[str, Forecasts]:
    """What each baseline forecasts for each window, from all of the series that comes before it."""
    methods = methods_for(len(series))
    points = {name: np.empty((len(series), horizon)) for name in methods}
    for row, (number, origin) in enumerate(zip(series.tolist(), origins.tolist(), strict=True)):
        history = store.history(number, origin)
        for name, method in methods.items():
            points[name][row] = method(history, horizon, season)
    truth = store.truth(series, origins, horizon)
    none = np.empty((*truth.shape, 0))
    return {name: Forecasts(series, origins, truth, point, point, none) for name, point in points.items()}


def sections_of(forecasts: Forecasts, yardstick: Yardstick, store: SeriesStore) -> list[Section]:
    """Forecasts beside what came, errors by step ahead, and the backtest."""
    levels = yardstick.levels
    share = words.percent(levels[-1] - levels[0], digits=0)
    rows = shown_windows(forecasts)
    return [
        Section(
            "Forecasts",
            f"What came, the median forecast, and the band that should hold {share} of what comes (quantiles"
            f" {levels[0]:g} to {levels[-1]:g}). Windows are spread evenly over the part, not chosen by how well they"
            " went.",
            charts=lambda: forecast_plots(forecasts, yardstick, store, rows),
        ),
        Section(
            "Error by step ahead",
            f"Mean absolute error, {yardstick.said}, of the first step ahead to the last, beside the seasonal naive"
            " forecast of the same windows.",
            charts=lambda: [horizon_plot(forecasts, yardstick, store)],
        ),
        Section(
            "Rolling-origin backtest",
            "The model is trained once and forecasts from every origin in turn, each time knowing all that came before"
            f" it and nothing after. Origins in stretches of equal number; MAE and MSE {yardstick.said}.",
            table=backtest_rows(forecasts, yardstick, store),
        ),
    ]


def shown_windows(forecasts: Forecasts) -> np.ndarray:
    """Windows to draw: of different series where there are several, else spread evenly over time."""
    several = np.unique(forecasts.series)
    if len(several) >= _DRAWN:
        chosen = several[np.linspace(0, len(several) - 1, _DRAWN).astype(int)]
        return np.array([int(np.flatnonzero(forecasts.series == number)[-1]) for number in chosen])
    return np.unique(np.linspace(0, len(forecasts.series) - 1, _DRAWN).astype(int))


def forecast_plots(forecasts: Forecasts, yardstick: Yardstick, store: SeriesStore, rows: np.ndarray) -> list[Plot]:
    """One plot per window: the history, what came, the median and the band."""
    horizon = forecasts.truth.shape[1]
    plots = []
    for row in rows.tolist():
        number, origin = int(forecasts.series[row]), int(forecasts.origins[row])
        before = min(origin, max(2 * horizon, min(_DRAWN_SEASONS * yardstick.season, 5 * horizon)))
        times = store.times(number)[origin - before : origin + horizon]
        past = store.measured(number, origin)[origin - before :]
        places, axis = _time_axis(times)
        ahead = places[before:]
        band = forecasts.quantiles[row]
        # What came begins at the last known value, so that its line does not hang in the air.
        layers: list[Curve | Band] = [
            Curve("history", places[:before], past.tolist(), colour=6),
            Curve("what came", places[before - 1 :], [*past[-1:], *forecasts.truth[row]], colour=6, dashed=True),
        ]
        if band.shape[-1]:
            layers.append(Band("band", ahead, band[:, 0].tolist(), band[:, -1].tolist(), colour=1))
        layers.append(Curve("median", ahead, forecasts.point[row].tolist(), colour=1))
        plots.append(Plot(f"{store.names[number]}, from {_time_text(times[before])}", layers, axis, wide=True))
    return plots


def horizon_plot(forecasts: Forecasts, yardstick: Yardstick, store: SeriesStore) -> Plot:
    """The error of each step ahead, beside the seasonal naive's."""
    errors = errors_of(forecasts, yardstick)["mae"]
    horizon = errors.shape[1]
    steps = list(range(1, horizon + 1))
    pairs = zip(forecasts.series.tolist(), forecasts.origins.tolist(), strict=True)
    repeated = np.stack([seasonal_naive(store.history(*pair), horizon, yardstick.season) for pair in pairs])
    naive_errors = errors_of(forecasts._replace(point=repeated), yardstick)["mae"]
    return Plot(
        "Mean absolute error",
        [
            Curve("this model", steps, _column_means(errors).tolist(), dots=True),
            Curve("seasonal naive", steps, _column_means(naive_errors).tolist(), colour=6, dashed=True),
        ],
        Axis("steps ahead", AxisKind.WHOLE),
        Axis(low=0.0),
        wide=True,
    )


def backtest_rows(forecasts: Forecasts, yardstick: Yardstick, store: SeriesStore) -> list[dict[str, Any]]:
    """Errors over stretches of origins in the order of time; over series where each has one window."""
    errors = errors_of(forecasts, yardstick)
    order = np.argsort(forecasts.origins, kind="stable")
    together = len(np.unique(forecasts.series)) > 1
    rows = []
    for part in np.array_split(order, min(_STRETCHES, len(order))):
        first, last = part[0], part[-1]
        entry: dict[str, Any] = {}
        if together:
            entry["origins"] = f"step {forecasts.origins[first]} to {forecasts.origins[last]}"
        else:
            times = store.times(int(forecasts.series[first]))
            entry["from"] = _time_text(times[forecasts.origins[first]])
            entry["to"] = _time_text(times[forecasts.origins[last]])
        entry["windows"] = len(part)
        for name, values in errors.items():
            if name == _SQUARE:
                continue
            known = values[part][~np.isnan(values[part])]
            mean = float(known.mean()) if known.size else None
            entry[words.metric_name(name)] = "" if mean is None else words.metric_value(name, mean)
        rows.append(entry)
    return rows


def scored(forecasts: Forecasts, yardstick: Yardstick, store: SeriesStore) -> Scores:
    """Metrics with intervals, and the sections."""
    scores = with_owa(scores_of(forecasts, yardstick), naive2_scores(forecasts, yardstick, store))
    return Scores(scores, sections_of(forecasts, yardstick, store))


def baseline_scores(forecasts: Mapping[str, Forecasts], yardstick: Yardstick) -> dict[str, Scores]:
    """Metrics of every baseline by its name."""
    reached = {name: scores_of(own, yardstick) for name, own in forecasts.items()}
    against = reached.get("Naive2", {})
    return {name: Scores(with_owa(own, against)) for name, own in reached.items()}


def _column_means(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _time_axis(times: np.ndarray) -> tuple[list[float], Axis]:
    """Where moments lie on the axis, and the axis."""
    if np.issubdtype(times.dtype, np.datetime64):
        return times.astype("datetime64[s]").astype(np.float64).tolist(), Axis(kind=AxisKind.TIME)
    return times.astype(np.float64).tolist(), Axis()


def _time_text(time: Any) -> str:
    """A time as people write it: without seconds, and without the hour where it is midnight."""
    if isinstance(time, np.datetime64):
        shown = str(time.astype("datetime64[m]")).replace("T", " ")
        return shown.removesuffix(" 00:00")
    return f"{float(time):g}"
