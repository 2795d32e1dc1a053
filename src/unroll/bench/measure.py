"""Timing of several contenders so that a noisy machine treats them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

#: Seconds before each block. Some pools of threads spin for several milliseconds after their work.
_PAUSE = 0.05


@dataclass(frozen=True)
class Timing:
    """Seconds per call over several rounds.

    Attributes:
        samples: of each round in turn.
        median: of the samples.
        low: lower quartile.
        high: upper quartile.
    """

    samples: tuple[float, ...]
    median: float
    low: float
    high: float

    def over(self, other: Timing) -> float:
        """How many times as long as another contender takes: the median of the ratios within each round.

        A machine that others use as well may take twice as long from one minute to the next. Within a round it treats
        both alike; two medians may come from different minutes.
        """
        return statistics.median(own / others for own, others in zip(self.samples, other.samples, strict=True))


def summary(samples: Sequence[float]) -> Timing:
    """Median and quartiles."""
    taken = tuple(samples)
    if len(taken) == 1:
        return Timing(taken, taken[0], taken[0], taken[0])
    low, median, high = statistics.quantiles(taken, n=4, method="inclusive")
    return Timing(taken, median, low, high)


def once(call: Callable[[], Any], repeats: int) -> float:
    """Seconds per call over `repeats` calls."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def alternate(
    calls: Sequence[Callable[[], Any]],
    *,
    rounds: int,
    seconds: float,
    between: Callable[[], None] | None = None,
) -> list[Timing]:
    """Time contenders in turns, each time in another order.

    A round gives every contender one block of calls of about `seconds`, after a pause and an untimed call: thread
    pools spin for a while after their work, and would otherwise take the next contender's cores.

    Args:
        calls: what to time.
        rounds: how many blocks each gets.
        seconds: the length of a block.
        between: called once per round, for what must be measured under the same conditions.
    """
    repeats = []
    for call in calls:
        call()
        repeats.append(max(1, min(2000, round(seconds / max(once(call, 1), 1e-7)))))
    samples: list[list[float]] = [[] for _ in calls]
    for round_number in range(rounds):
        if between is not None:
            between()
        order = [(index + round_number) % len(calls) for index in range(len(calls))]
        for index in order:
            time.sleep(_PAUSE)
            calls[index]()
            samples[index].append(once(calls[index], repeats[index]))
    return [summary(taken) for taken in samples]
