"""What a detector is worth: the benchmark's score, alerts held against windows, and the error of its forecasts.

Shapes: T records, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from unroll.baselines.anomaly import static_threshold, windowed_gaussian
from unroll.metrics.alerts import Alerts, alert_scores
from unroll.metrics.nab import PROFILES, Scored, best_threshold, normalised, score_at, sweep
from unroll.tasks.base import Score, Scores
from unroll.tasks.detect.settings import DetectSettings
from unroll.tasks.detect.watching import Watched, begins_of

#: The profile by which the threshold is chosen.
CHOSEN_BY = "standard"
#: Digits of rarity from which on a record is an alert where nothing is labelled: as unlikely as one in 100,000.
UNLABELLED = 5.0


def _benchmark(watched: Sequence[Watched], news: Sequence[np.ndarray]) -> list[Scored]:
    return [
        Scored(score, own.windows or [], own.probation)
        for own, score in zip(watched, news, strict=True)
        if own.windows is not None
    ]


def best_on(watched: Sequence[Watched]) -> float:
    """The threshold with the best score of the benchmark's standard profile, on all labelled streams together.

    It lies in the middle between the lowest score that is an alert and the next one below, so that the last bits of a
    score do not decide.
    """
    swept = sweep(_benchmark(watched, [own.news for own in watched]), PROFILES[CHOSEN_BY])
    best = best_threshold(swept)
    below = swept.thresholds[swept.thresholds < best]
    if not np.isfinite(best):
        return float(below.max()) + 1.0 if len(below) else UNLABELLED
    return (best + float(below.max())) / 2 if len(below) else best


def nab_scores(scored_series: Sequence[Scored], threshold: float) -> dict[str, float]:
    """The benchmark's score of every profile."""
    found = {}
    windows = sum(len(item.windows) for item in scored_series)
    for name, profile in PROFILES.items():
        swept = sweep(scored_series, profile)
        if not swept.scores[0]:
            continue
        found[f"nab_{name}"] = normalised(score_at(swept, threshold), swept, windows, profile)
    return found


def forecast_skill(watched: Sequence[Watched]) -> float:
    """How much smaller the absolute error of the forecasts is than that of the last value: 1 is perfect, 0 no better.

    Every stream and channel counts by its own last-value error, so that units do not matter.
    """
    shares = []
    for own in watched:
        values = own.stream.values
        last = _last_known(values)
        for number in range(values.shape[1]):
            part = slice(max(own.probation, 1), None)
            error = np.abs(values[part, number] - own.expected[part, number])
            naive = np.abs(values[part, number] - last[part, number])
            both = ~np.isnan(error) & ~np.isnan(naive)
            if both.any() and naive[both].sum() > 0:
                shares.append(float(error[both].sum() / naive[both].sum()))
    return 1.0 - float(np.mean(shares)) if shares else float("nan")


def _last_known(values: np.ndarray) -> np.ndarray:
    """(T, C) the last value before each record that is not missing."""
    places = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    latest = np.maximum.accumulate(places, axis=0)[:-1]
    found = np.full(values.shape, np.nan)
    found[1:] = np.where(latest < 0, np.nan, np.take_along_axis(values, np.maximum(latest, 0), axis=0))
    return found


def metrics_of(watched: Sequence[Watched], threshold: float, settings: DetectSettings) -> dict[str, Score]:
    """Metrics by name, the one that is watched first."""
    labelled = [own for own in watched if own.windows is not None]
    begins = [begins_of(own, threshold, settings)[0] for own in watched]
    records = sum(max(len(own.scores) - own.probation, 0) for own in watched)
    found: dict[str, float] = {}
    if labelled:
        found |= nab_scores(_benchmark(watched, [own.news for own in watched]), threshold)
        found |= _alert_metrics(watched, begins)
    found["forecast_skill"] = forecast_skill(watched)
    if records:
        found["alerts_per_10,000_records"] = 1e4 * sum(map(len, begins)) / records
    return _with_score(found)


def _alert_metrics(watched: Sequence[Watched], begins: Sequence[Sequence[int]]) -> dict[str, float]:
    counted = alert_scores(
        [
            Alerts(own_begins, own.windows, own.probation)
            for own, own_begins in zip(watched, begins, strict=True)
            if own.windows is not None
        ]
    )
    found = {"alert_precision": counted.precision, "alert_recall": counted.recall, "alert_f1": counted.f1}
    if counted.delays:
        found["delay_in_records"] = float(np.median(counted.delays))
    return {name: value for name, value in found.items() if not np.isnan(value)}


def _with_score(found: Mapping[str, float]) -> dict[str, Score]:
    """The metrics, and before them the one that the run is judged by: the benchmark's, or the forecasts' skill."""
    named = {name: Score(value) for name, value in found.items() if not np.isnan(value)}
    first = next((name for name in ("nab_standard", "forecast_skill") if name in named), None)
    return named if first is None else {"score": named[first], **named}


def baselines_of(watched: Sequence[Watched]) -> dict[str, Scores]:
    """Simple detectors, each with its own best threshold for each profile, chosen as the model's is; without labels the
    last value as forecast."""
    labelled = [own for own in watched if own.windows is not None]
    if not labelled:
        return {"last value": Scores(_with_score({"forecast_skill": 0.0}))}
    detectors: dict[str, Callable[[Watched], np.ndarray]] = {
        "windowed Gaussian": lambda own: windowed_gaussian(own.stream.values),
        "static threshold": lambda own: static_threshold(own.stream.values, own.probation),
    }
    reached = {}
    for name, detector in detectors.items():
        said = [own._replace(news=detector(own)) for own in labelled]
        scored_series = _benchmark(said, [own.news for own in said])
        threshold = best_threshold(sweep(scored_series, PROFILES[CHOSEN_BY]))
        found = nab_scores(scored_series, threshold)
        # An alert of theirs is a stretch of records above the threshold.
        begins = [_rises(own.news >= threshold, own.probation) for own in said]
        reached[name] = Scores(_with_score(found | _alert_metrics(said, begins)))
    return reached


def _rises(flags: np.ndarray, probation: int) -> list[int]:
    high = flags.copy()
    high[:probation] = False
    return [int(at) for at in np.flatnonzero(high & ~np.concatenate([[False], high[:-1]]))]
