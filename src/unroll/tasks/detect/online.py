"""Statistics that learn from one record at a time, in plain floats: the same records give the same bits, however the
stream was cut.

Source of the likelihood: Ahmad, Lavin, Purdy, Agha 2017, "Unsupervised real-time anomaly detection for streaming data",
section 3.2: the mean of the last few errors, held against the usual mean and deviation of such means.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

#: Deviations from which on the tail of the normal distribution is computed by its expansion: before it underflows.
_FAR = 25.0
_ROOT_TWO = math.sqrt(2.0)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)

#: An error below this share of the values' deviation is never a surprise: a perfect forecast so far makes none so.
_FLOOR = 1e-3
#: A value this share of the range beyond all values so far is a surprise by itself, as in the benchmark's own detector.
_TOLERANCE = 0.05
#: Records after which an error can be judged at all.
_LEAST = 20


def digits(deviations: float) -> float:
    """How rare so large a value is under a normal distribution, as the number of zeros: 3 is one in a thousand.

    >>> round(digits(0.0), 3), round(digits(3.0902), 3), round(digits(40.0))
    (0.301, 3.0, 349)
    """
    if deviations < _FAR:
        return -math.log10(0.5 * math.erfc(deviations / _ROOT_TWO))
    square = deviations * deviations
    tail = math.log10(deviations * _ROOT_TWO_PI) - math.log10(1.0 - 1.0 / square)
    return square / (2.0 * math.log(10.0)) + tail


class Running:
    """Mean and variance of all numbers so far; from `most` numbers on old ones are forgotten at that rate."""

    __slots__ = ("_most", "count", "mean", "variance")

    def __init__(self, most: int) -> None:
        self._most = most
        self.count = 0
        self.mean = 0.0
        self.variance = 0.0

    def take(self, value: float) -> None:
        """Learn from a number."""
        if self.count < self._most:
            self.count += 1
        share = 1.0 / self.count
        away = value - self.mean
        self.mean += share * away
        self.variance = (1.0 - share) * (self.variance + share * away * away)

    def state(self) -> list[float]:
        """All that it knows."""
        return [self.count, self.mean, self.variance]

    def restore(self, state: list[float]) -> None:
        """Take up what `state` gave."""
        self.count, self.mean, self.variance = int(state[0]), float(state[1]), float(state[2])


class Channel:
    """What is known of one channel of a stream.

    Args:
        short: records over which an error is averaged.
        long: records by which it is judged what is usual.
    """

    __slots__ = ("_errors", "_usual", "_values", "highest", "last", "lowest", "same", "short", "size")

    def __init__(self, short: int, long: int) -> None:
        self.short = short
        self._values = Running(long)
        self._usual = Running(long)
        self._errors: deque[float] = deque(maxlen=short)
        self.lowest = math.inf
        self.highest = -math.inf
        self.last = math.nan
        self.same = 0
        self.size = 1.0

    def scaled(self, value: float) -> float:
        """A value as the network sees it."""
        return (value - self._values.mean) / self.size

    def in_units(self, scaled: float) -> float:
        """What the network says, as a value."""
        return self._values.mean + scaled * self.size

    def score(self, value: float, expected: float | None) -> float:
        """How surprising a value is, in digits of rarity; then it is learned from."""
        score = 0.0
        if expected is not None:
            errors, usual = self._errors, self._usual
            errors.append(abs(value - expected))
            mean = sum(errors) / len(errors)
            if usual.count >= _LEAST:
                spread = max(math.sqrt(usual.variance), _FLOOR * self.size)
                score = digits((mean - usual.mean) / spread)
            usual.take(mean)
        reach = self.highest - self.lowest
        if value > self.highest:
            if reach > 0.0:
                score = max(score, self._beyond(value - self.highest, reach))
            self.highest = value
        if value < self.lowest:
            if reach > 0.0:
                score = max(score, self._beyond(self.lowest - value, reach))
            self.lowest = value
        self.same = self.same + 1 if value == self.last else 1
        self.last = value
        return score

    def _beyond(self, excess: float, reach: float) -> float:
        return 10.0 * min(1.0 + excess / reach, 2.0) if excess > _TOLERANCE * reach else 0.0

    def learn(self, value: float) -> None:
        """Learn the scale of the values from one of them."""
        self._values.take(value)
        variance = self._values.variance
        self.size = math.sqrt(variance) if variance > 0.0 else 1.0

    def state(self) -> dict[str, Any]:
        """All that it knows, for JSON; floats keep every bit."""
        return {
            "values": self._values.state(),
            "usual": self._usual.state(),
            "errors": list(self._errors),
            "range": [self.lowest, self.highest] if self.highest >= self.lowest else None,
            "last": None if math.isnan(self.last) else self.last,
            "same": self.same,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._values.restore(state["values"])
        self._usual.restore(state["usual"])
        self._errors = deque(state["errors"], maxlen=self.short)
        self.lowest, self.highest = state["range"] if state["range"] is not None else (math.inf, -math.inf)
        self.last = math.nan if state["last"] is None else state["last"]
        self.same = state["same"]
        variance = self._values.variance
        self.size = math.sqrt(variance) if variance > 0.0 else 1.0
