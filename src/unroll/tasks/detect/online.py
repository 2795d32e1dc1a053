"""Statistics that learn from one number at a time, in plain floats: the same records give the same bits, however the
stream was cut.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

#: A number is in the tail from so many deviations above the mean on; the tail has a distribution of its own.
_TAIL = 2.0
#: Numbers before a tail says anything, and numbers in it before its shape is believed.
_LEAST, _LEAST_ABOVE = 20, 10
#: The tail remembers this share of what the body does: under a normal distribution so many are in it.
_SHARE_ABOVE = 0.05
#: The rarity of a change after which nothing is as it always was; there is no tail to judge it by.
_NEVER = 10.0
_LN_TEN = math.log(10.0)


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

    def restore(self, state: Sequence[float]) -> None:
        """Take up what `state` gave."""
        self.count, self.mean, self.variance = int(state[0]), float(state[1]), float(state[2])


class Tail:
    """How rare a number is, judged by those before it: peaks over a threshold that moves along.

    What lies above mean + 2 deviations follows a generalised Pareto distribution with the mean and the variance of what
    lay there so far, so that a heavy tail makes a large number less of a surprise than a normal distribution would.

    Source: Siffer, Fouque, Termier, Largouet 2017, "Anomaly detection in streams with extreme value theory", sections
    3 and 4; here fitted by moments (Hosking, Wallis 1987, "Parameter and quantile estimation for the generalized Pareto
    distribution", section 3), which needs no memory of the numbers.

    Args:
        most: numbers by which it is judged what is usual.
    """

    __slots__ = ("_above", "_body", "_count", "_seen")

    def __init__(self, most: int) -> None:
        self._body = Running(most)
        self._above = Running(max(1, int(_SHARE_ABOVE * most)))
        self._seen = 0
        self._count = 0

    def take(self, number: float) -> float:
        """How rare so large a number is, as the number of zeros (3: one in a thousand), 0 outside the tail; then it is
        learned from."""
        body = self._body
        digits = 0.0
        if body.count >= _LEAST:
            excess = number - body.mean - _TAIL * math.sqrt(body.variance)
            if excess > 0.0:
                digits = self._digits(excess) if body.variance > 0.0 else _NEVER
                self._above.take(excess)
                self._count += 1
            self._seen += 1
        body.take(number)
        return digits

    def _digits(self, excess: float) -> float:
        above = self._above
        before = -math.log10((self._count + 1) / (self._seen + 1))
        if above.count < _LEAST_ABOVE or above.variance <= 0.0:
            # Too few to tell the shape: the tail of an exponential distribution, one deviation of the body long.
            return before + excess / (math.sqrt(self._body.variance) * _LN_TEN)
        ratio = above.mean * above.mean / above.variance
        shape = max(0.5 * (1.0 - ratio), 0.0)
        size = 0.5 * above.mean * (ratio + 1.0)
        if shape < 1e-6:
            return before + excess / (size * _LN_TEN)
        return before + math.log10(1.0 + shape * excess / size) / shape

    def state(self) -> list[Any]:
        """All that it knows, for JSON; floats keep every bit."""
        return [self._body.state(), self._above.state(), self._seen, self._count]

    def restore(self, state: Sequence[Any]) -> None:
        """Take up what `state` gave."""
        self._body.restore(state[0])
        self._above.restore(state[1])
        self._seen, self._count = state[2], state[3]


class Channel:
    """What is known of one channel of a stream, and how surprising its next value is.

    Four views of a record are judged: the error of the forecast, the mean of the last few errors (Ahmad, Lavin, Purdy,
    Agha 2017, "Unsupervised real-time anomaly detection for streaming data", section 3.2), how high the value is and
    how low. Their digits are added, as logarithms of probabilities are (Fisher's method): a record that is a little
    strange in every view is as strange as one that is very strange in one.

    Args:
        short: records over which an error is averaged.
        long: records by which it is judged what is usual.
    """

    __slots__ = ("_error", "_errors", "_high", "_low", "_mean", "_values", "last", "same", "short", "size")

    def __init__(self, short: int, long: int) -> None:
        self.short = short
        self._values = Running(long)
        self._error, self._mean, self._high, self._low = (Tail(long) for _ in range(4))
        self._errors: deque[float] = deque(maxlen=short)
        self.last = math.nan
        self.same = 0
        self.size = 1.0

    def scaled(self, value: float) -> float:
        """A value as the network sees it."""
        return (value - self._values.mean) / self.size

    def in_units(self, scaled: float) -> float:
        """What the network says, as a value."""
        return self._values.mean + scaled * self.size

    def take(self, value: float, expected: float | None) -> float:
        """How surprising a value is, in digits of rarity; then it is learned from."""
        digits = self._high.take(value) + self._low.take(-value)
        if expected is not None:
            error = abs(value - expected)
            self._errors.append(error)
            digits += self._error.take(error) + self._mean.take(sum(self._errors) / len(self._errors))
        self.same = self.same + 1 if value == self.last else 1
        self.last = value
        self._values.take(value)
        self._resize()
        return digits

    def _resize(self) -> None:
        variance = self._values.variance
        self.size = math.sqrt(variance) if variance > 0.0 else 1.0

    def state(self) -> dict[str, Any]:
        """All that it knows, for JSON; floats keep every bit."""
        return {
            "values": self._values.state(),
            "tails": [tail.state() for tail in (self._error, self._mean, self._high, self._low)],
            "errors": list(self._errors),
            "last": None if math.isnan(self.last) else self.last,
            "same": self.same,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._values.restore(state["values"])
        for tail, own in zip((self._error, self._mean, self._high, self._low), state["tails"], strict=True):
            tail.restore(own)
        self._errors = deque(state["errors"], maxlen=self.short)
        self.last = math.nan if state["last"] is None else state["last"]
        self.same = state["same"]
        self._resize()
