"""From scores to alerts: one alert for one event, with hysteresis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Alarm:
    """Says when an alert begins and when it is over.

    An alert begins at a record whose score is at least the threshold. It is over once `rest` records in a row are below
    the threshold times `calm`; until then nothing begins.

    Args:
        threshold: of the score.
        calm: share of the threshold below which it is calm again.
        rest: how many calm records end an alert.
    """

    __slots__ = ("_low", "_quiet", "_rest", "_threshold", "open")

    def __init__(self, threshold: float, calm: float, rest: int) -> None:
        self._threshold = threshold
        self._low = threshold * calm
        self._rest = rest
        self.open = False
        self._quiet = 0

    def hear(self, score: float) -> str | None:
        """Return "begin", "end" or None for a record with this score."""
        if self.open:
            self._quiet = self._quiet + 1 if score < self._low else 0
            if self._quiet < self._rest:
                return None
            self.open = False
            return "end"
        if score >= self._threshold:
            self.open = True
            self._quiet = 0
            return "begin"
        return None

    def state(self) -> dict[str, Any]:
        """All that it knows, for JSON."""
        return {"open": self.open, "quiet": self._quiet, "rest": self._rest}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.open, self._quiet, self._rest = state["open"], state["quiet"], state["rest"]


def begins(scores: np.ndarray, threshold: float, calm: float, rest: int) -> np.ndarray:
    """The records (int64) at which alerts of a whole stream begin: what an `Alarm` says of it, at once.

    Records at or above the lower bound that are at most `rest` apart belong to one stretch; in it an alert begins at
    the first record at or above the threshold.

    Args:
        scores: (T,).
        threshold: as in `Alarm`; above 0.
        calm: likewise.
        rest: likewise; at least 1.
    """
    warm = np.flatnonzero(scores >= threshold * calm)
    high = scores[warm] >= threshold
    stretch = np.concatenate([[0], np.cumsum(np.diff(warm) > rest)]) if len(warm) else warm
    _, first = np.unique(stretch[high], return_index=True)
    found: np.ndarray = warm[high][first]
    return found
