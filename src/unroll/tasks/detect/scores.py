"""What a detector is worth: the benchmark's score, alerts held against windows, and the error of its forecasts.

Shapes: T records, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from unroll.baselines.anomaly import static_threshold, windowed_gaussian
from unroll.metrics.alerts import Alerts, alert_scores
from unroll.metrics.nab import (
    PROFILES,
    Scored,
    alerts_score,
    best_threshold,
    normalised,
    raw_score,
    record_values,
    score_at,
    sweep,
)
from unroll.tasks.base import Score, Scores
from unroll.tasks.detect.settings import DetectSettings
from unroll.tasks.detect.watching import Watched, begins_of

#: Thresholds that are tried, spread over the share of records above them.
_TRIED = 200
#: Digits from which on a record is an alert where nothing is labelled: as rare as one in a million.
UNLABELLED = 6.0


def best_thresholds(watched: Sequence[Watched], settings: DetectSettings) -> list[float]:
    """For each profile of the benchmark the threshold with the best score, on all labelled streams together: the
    benchmark's protocol. Only the alerts of the first are raised; the others are there for their scores."""
    labelled = [own for own in watched if own.windows is not None]
    tried = _candidates(labelled)
    said = [[begins_of(own, threshold, settings) for own in labelled] for threshold in tried]
    found = []
    for profile in PROFILES.values():
        values = [record_values(len(own.scores), own.windows or [], profile) for own in labelled]
        scores = [
            sum(
                alerts_score(rows, own.windows or [], own.probation, value, profile)
                for rows, own, value in zip(begins, labelled, values, strict=True)
            )
            for begins in said
        ]
        found.append(tried[int(np.argmax(scores))] if scores else UNLABELLED)
    return found


def _candidates(watched: Sequence[Watched]) -> list[float]:
    """Thresholds from one that nothing reaches down to one that half of the records that are odd at all reach."""
    scores = np.concatenate([own.scores[own.probation :] for own in watched] or [np.empty(0)])
    odd = scores[scores > 0.0]
    if not len(odd):
        return []
    shares = np.geomspace(1.0 / len(odd), 0.5, _TRIED)
    return [float(odd.max()) + 1.0, *np.unique(np.quantile(odd, 1.0 - shares))[::-1].tolist()]


def _at(watched: Sequence[Watched], begins: Sequence[Sequence[int]]) -> list[Scored]:
    """Alerts as the benchmark takes them: a score of 1 where one begins, else 0."""
    found = []
    for own, rows in zip(watched, begins, strict=True):
        scores = np.zeros(len(own.scores))
        scores[list(rows)] = 1.0
        found.append(Scored(scores, own.windows or [], own.probation))
    return found


def nab_scores(watched: Sequence[Watched], thresholds: Sequence[float], settings: DetectSettings) -> dict[str, float]:
    """The benchmark's score of every profile, each with its own threshold."""
    labelled = [own for own in watched if own.windows is not None]
    found = {}
    for (name, profile), threshold in zip(PROFILES.items(), thresholds, strict=True):
        series = _at(labelled, [begins_of(own, threshold, settings) for own in labelled])
        if any(item.windows for item in series):
            found[f"nab_{name}"] = normalised(raw_score(series, profile), series, profile)
    return found


def forecast_skill(watched: Sequence[Watched]) -> float:
    """How much smaller the absolute error of the forecasts is than that of the last value: 1 is perfect, 0 no better.

    Of streams and channels, each by its own last-value error so that units do not matter, the median.
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
    return 1.0 - float(np.median(shares)) if shares else float("nan")


def _last_known(values: np.ndarray) -> np.ndarray:
    """(T, C) the last value before each record that is not missing."""
    places = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    latest = np.maximum.accumulate(places, axis=0)[:-1]
    found = np.full(values.shape, np.nan)
    found[1:] = np.where(latest < 0, np.nan, np.take_along_axis(values, np.maximum(latest, 0), axis=0))
    return found


def metrics_of(watched: Sequence[Watched], thresholds: Sequence[float], settings: DetectSettings) -> dict[str, Score]:
    """Metrics by name, the one that is watched first."""
    begins = [begins_of(own, thresholds[0], settings) for own in watched]
    records = sum(max(len(own.scores) - own.probation, 0) for own in watched)
    found = nab_scores(watched, thresholds, settings)
    if any(own.windows is not None for own in watched):
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
        series = [Scored(detector(own), own.windows or [], own.probation) for own in labelled]
        found: dict[str, float] = {}
        for profile_name, profile in PROFILES.items():
            if any(item.windows for item in series):
                swept = sweep(series, profile)
                raw = score_at(swept, best_threshold(swept))
                found[f"nab_{profile_name}"] = normalised(raw, series, profile)
        threshold = best_threshold(sweep(series, next(iter(PROFILES.values()))))
        # An alert of theirs is a stretch of records above the threshold.
        begins = [_rises(item.scores >= threshold, item.probation) for item in series]
        reached[name] = Scores(_with_score(found | _alert_metrics(labelled, begins)))
    return reached


def _rises(flags: np.ndarray, probation: int) -> list[int]:
    high = flags.copy()
    high[:probation] = False
    return [int(at) for at in np.flatnonzero(high & ~np.concatenate([[False], high[:-1]]))]
