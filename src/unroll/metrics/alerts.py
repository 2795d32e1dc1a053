"""Alerts held against windows: how many were right, how many windows were found, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Alerts(NamedTuple):
    """The alerts of a series, and where its anomalies are.

    Attributes:
        begins: records at which alerts begin.
        windows: first and last record of each anomaly.
        probation: records at the beginning that are not scored.
    """

    begins: Sequence[int]
    windows: Sequence[tuple[int, int]]
    probation: int


class AlertScores(NamedTuple):
    """What alerts are worth.

    Attributes:
        alerts: how many there are.
        right: of them, those inside a window.
        windows: how many windows end after the probation.
        found: of them, those with an alert inside.
        delays: of every window found, the records from its beginning to its first alert.
    """

    alerts: int
    right: int
    windows: int
    found: int
    delays: tuple[int, ...]

    @property
    def precision(self) -> float:
        """The share of alerts that are right; NaN without an alert."""
        return self.right / self.alerts if self.alerts else float("nan")

    @property
    def recall(self) -> float:
        """The share of windows that are found; NaN without a window."""
        return self.found / self.windows if self.windows else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 0 where nothing is right, NaN where there is neither alert nor window."""
        if not self.alerts and not self.windows:
            return float("nan")
        precision, recall = (self.precision if self.alerts else 0.0), (self.recall if self.windows else 0.0)
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def alert_scores(series: Sequence[Alerts]) -> AlertScores:
    """Count alerts and windows of several series together.

    >>> alert_scores([Alerts([7, 12, 40], [(10, 20), (50, 60)], 5)])
    AlertScores(alerts=3, right=1, windows=2, found=1, delays=(2,))
    """
    alerts = right = windows = found = 0
    delays: list[int] = []
    for item in series:
        begins = np.array([at for at in item.begins if at >= item.probation], np.int64)
        alerts += len(begins)
        inside = np.zeros(len(begins), bool)
        for first, last in item.windows:
            if last < item.probation:
                continue
            windows += 1
            hits = (begins >= first) & (begins <= last)
            inside |= hits
            if hits.any():
                found += 1
                delays.append(int(begins[hits].min()) - max(first, item.probation))
        right += int(inside.sum())
    return AlertScores(alerts, right, windows, found, tuple(delays))
