"""From scores to alerts: one alert for one event, with hysteresis and a memory of recent alarms."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any


class Peaks:
    """The highest of the last `rest` numbers, in constant time."""

    __slots__ = ("_count", "_falling", "_rest")

    def __init__(self, rest: int) -> None:
        self._rest = rest
        self._count = 0
        # Numbers that are higher than all after them, each with its place; the first is the highest.
        self._falling: deque[tuple[float, int]] = deque()

    def news(self, score: float) -> float:
        """The score if it is higher than all of the last `rest`, else 0; it then belongs to them."""
        falling, count = self._falling, self._count
        while falling and falling[0][1] < count - self._rest:
            falling.popleft()
        highest = falling[0][0] if falling else 0.0
        while falling and falling[-1][0] <= score:
            falling.pop()
        falling.append((score, count))
        self._count = count + 1
        return score if score > highest else 0.0

    def state(self) -> list[Any]:
        """All that it knows, for JSON."""
        return [self._count, [list(pair) for pair in self._falling]]

    def restore(self, state: list[Any]) -> None:
        """Take up what `state` gave."""
        self._count = state[0]
        self._falling = deque((float(score), int(at)) for score, at in state[1])


class Alarm:
    """Says when an alert begins and when it is over.

    An alert begins at a record whose score is at least the threshold and higher than all of the last `rest` records. It
    is over once `short` records in a row are below the threshold times `calm`; until then nothing begins.

    Args:
        threshold: of the score.
        calm: share of the threshold below which it is calm again.
        short: how many calm records end an alert.
    """

    def __init__(self, threshold: float, calm: float, short: int) -> None:
        self._threshold = threshold
        self._low = threshold * calm
        self._short = short
        self.open = False
        self._calm = 0

    def hear(self, score: float, news: float) -> str | None:
        """ "begin", "end" or None for a record with this score, of which so much is news."""
        if self.open:
            self._calm = self._calm + 1 if score < self._low or score == 0.0 else 0
            if self._calm < self._short:
                return None
            self.open = False
            return "end"
        if news >= self._threshold and news > 0.0:
            self.open = True
            self._calm = 0
            return "begin"
        return None

    def state(self) -> dict[str, Any]:
        """All that it knows, for JSON."""
        return {"open": self.open, "calm": self._calm}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.open, self._calm = state["open"], state["calm"]
