"""The score of the Numenta anomaly benchmark: early alerts earn, late ones earn less, false ones cost.

Source: Lavin, Ahmad 2015, "Evaluating real-time anomaly detection algorithms: the Numenta anomaly benchmark", section
III; the published scorer decides where the paper is silent (what a window's place is, where a false alert's cost
begins).

Shapes: T records of a series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: The first records of a series are not scored: this share, of so many records at most.
PROBATION, PROBATION_OF = 0.15, 5000

#: From three widths behind a window on, a false alert costs all that it can.
_FAR = 3.0


class Profile(NamedTuple):
    """What alerts are worth to someone.

    Attributes:
        hit: what the earliest alert in a window earns at its first record.
        false: what an alert costs far behind every window.
        missed: what a window without an alert costs.
    """

    hit: float
    false: float
    missed: float


#: The three profiles of the benchmark.
PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward_low_fp": Profile(1.0, 0.22, 1.0),
    "reward_low_fn": Profile(1.0, 0.11, 2.0),
}


class Scored(NamedTuple):
    """A series with what a detector said of it and where its anomalies are.

    Attributes:
        scores: (T,) the anomaly score of every record.
        windows: first and last record of each window, in order; they do not overlap.
        probation: how many records at the beginning are not scored.
    """

    scores: np.ndarray
    windows: Sequence[tuple[int, int]]
    probation: int


class Sweep(NamedTuple):
    """The raw score of every threshold that makes a difference.

    Attributes:
        thresholds: falling; a record is an alert if its score is at least the threshold. The first is above all.
        scores: the raw score of each.
    """

    thresholds: np.ndarray
    scores: np.ndarray


def probation_length(records: int) -> int:
    """How many records of a series the benchmark does not score."""
    return int(min(np.floor(PROBATION * records), PROBATION * PROBATION_OF))


def place_value(place: np.ndarray | float) -> np.ndarray:
    """What an alert is worth by its place relative to a window: -1 its left edge, 0 its right edge, above 0 behind it.

    >>> [round(float(place_value(place)), 5) for place in (-1.0, -0.5, 0.0, 1.0, 3.0)]
    [0.98661, 0.84828, 0.0, -0.98661, -1.0]
    """
    place = np.asarray(place, np.float64)
    return np.where(place >= _FAR, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(place, _FAR))) - 1.0)


def record_values(length: int, windows: Sequence[tuple[int, int]], profile: Profile) -> np.ndarray:
    """What an alert at each record would add, (T,): in a window what it earns, elsewhere what it costs."""
    values = np.full(length, -profile.false)
    for number, (first, last) in enumerate(windows):
        width = last - first + 1
        inside = np.arange(first, last + 1)
        values[inside] = profile.hit * place_value(-(last - inside + 1) / width) / place_value(-1.0)
        until = windows[number + 1][0] if number + 1 < len(windows) else length
        behind = np.arange(last + 1, until)
        # A window of one record has no width to measure by: behind it is far behind it.
        place = (behind - last) / (width - 1) if width > 1 else np.full(len(behind), _FAR)
        values[behind] = profile.false * place_value(place)
    return values


def sweep(series: Sequence[Scored], profile: Profile) -> Sweep:
    """Try every threshold on all series at once.

    Of the alerts in a window the most valuable counts, which is the earliest; every alert outside costs.
    """
    scores, values, owners = [], [], []
    taken = 0
    for item in series:
        owner = np.full(len(item.scores), -1)
        for number, (first, last) in enumerate(item.windows):
            owner[first : last + 1] = taken + number
        taken += len(item.windows)
        value = record_values(len(item.scores), item.windows, profile)
        scores.append(item.scores[item.probation :])
        values.append(value[item.probation :])
        owners.append(owner[item.probation :])
    score, value, owner = np.concatenate(scores), np.concatenate(values), np.concatenate(owners)
    order = np.argsort(-score, kind="stable")
    score, value, owner = score[order], value[order], owner[order]
    gains = np.where(owner < 0, value, 0.0)
    windows = np.unique(owner[owner >= 0])
    for window in windows:
        rows = np.flatnonzero(owner == window)
        best = np.maximum.accumulate(np.concatenate([[-profile.missed], value[rows]]))
        gains[rows] = np.diff(best)
    start = -profile.missed * len(windows)
    ends = np.flatnonzero(np.append(score[1:] != score[:-1], True)) if len(score) else np.empty(0, np.int64)
    return Sweep(np.concatenate([[np.inf], score[ends]]), np.concatenate([[start], start + np.cumsum(gains)[ends]]))


def best_threshold(swept: Sweep) -> float:
    """The threshold with the best score; of equal ones the highest."""
    return float(swept.thresholds[int(np.argmax(swept.scores))])


def score_at(swept: Sweep, threshold: float) -> float:
    """The raw score of alerts at this threshold and above."""
    return float(swept.scores[int(np.count_nonzero(swept.thresholds >= threshold)) - 1])


def raw_score(series: Sequence[Scored], profile: Profile) -> float:
    """The raw score of the records whose score is 1 or more."""
    return score_at(sweep(series, profile), 1.0)


def alerts_score(
    begins: Sequence[int], windows: Sequence[tuple[int, int]], probation: int, values: np.ndarray, profile: Profile
) -> float:
    """The raw score of one series' alerts: what `raw_score` says of them, without the other records.

    Args:
        begins: records of alerts, none in the probation part.
        windows: first and last record of each window.
        probation: records that are not scored.
        values: (T,) what `record_values` gave.
        profile: what alerts are worth.
    """
    rows = np.asarray(begins, np.int64)
    outside = np.ones(len(rows), bool)
    total = 0.0
    for first, last in windows:
        hits = (rows >= first) & (rows <= last)
        outside &= ~hits
        if last >= probation:
            total += max(float(values[rows[hits]].max(initial=-np.inf)), -profile.missed)
    return total + float(values[rows[outside]].sum())


def normalised(raw: float, series: Sequence[Scored], profile: Profile) -> float:
    """A raw score on the scale where no alert at all is 0 and an alert at the start of every window, and no other, is
    100."""
    windows = sum(len(item.windows) for item in series)
    # A window that ends in the probation part is never missed.
    nothing = -profile.missed * sum(last >= item.probation for item in series for _, last in item.windows)
    return 100.0 * (raw - nothing) / (profile.hit * windows - nothing)
