"""An axis: what it shows, how far it reaches, and what it names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from unroll.report.charts.scale import (
    Scale,
    Tick,
    log_ticks,
    nice_ticks,
    number_ticks,
    time_ticks,
    whole_ticks,
    widened,
)


class AxisKind(Enum):
    """What the values of an axis are."""

    LINEAR = "linear"
    SHARE = "share"
    """Shares of 1, named in percent."""
    WHOLE = "whole"
    """Counts, such as epochs: only whole numbers are named."""
    LOG = "log"
    """Values above 0 over several powers of ten."""
    TIME = "time"
    """Seconds since 1970."""


class Axis(NamedTuple):
    """One axis of a plot.

    Attributes:
        label: what it shows; empty for nothing.
        kind: what its values are.
        low: a value that it reaches down to at least.
        high: a value that it reaches up to at least.
        names: of the places 0, 1, 2 ..., for things that have no order; the kind then does not matter.
    """

    label: str = ""
    kind: AxisKind = AxisKind.LINEAR
    low: float | None = None
    high: float | None = None
    names: Sequence[str] = ()

    def reach(self, values: Sequence[float]) -> tuple[float, float]:
        """Return the least and the largest value that the axis must hold; a single value gets room around it."""
        known = [*values, *(end for end in (self.low, self.high) if end is not None)]
        if self.kind is AxisKind.SHARE and min(known) >= 0 and max(known) <= 1:
            low, high = widened(min(known), max(known))
            return max(low, 0.0), min(high, 1.0)
        if self.kind is not AxisKind.LOG:
            return widened(min(known), max(known))
        low, high = (math.log10(end) for end in (min(known), max(known)))
        room = max(0.05 * (high - low), (0.6 - (high - low)) / 2)
        return 10 ** (low - room), 10 ** (high + room)

    def ticks(self, low: float, high: float) -> list[Tick]:
        """Return what the axis names between `low` and `high`, and perhaps just beyond on a linear one."""
        if self.names:
            return [Tick(float(place), name) for place, name in enumerate(self.names)]
        match self.kind:
            case AxisKind.WHOLE:
                return number_ticks(whole_ticks(low, high))
            case AxisKind.LOG:
                return log_ticks(low, high)
            case AxisKind.TIME:
                return time_ticks(low, high)
            case AxisKind.SHARE:
                named = [value for value in nice_ticks(low, high) if value <= 1 + 1e-9 or high > 1]
                return [Tick(value, f"{100 * value:.4g}%") for value in named]
        return number_ticks(nice_ticks(low, high))

    def scale(self, low: float, high: float, start: float, end: float) -> Scale:
        """Return the axis laid on a stretch of the picture."""
        return Scale(low, high, start, end, self.kind is AxisKind.LOG)
