"""Scores with their intervals under each other on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from unroll.report.charts.scale import Scale, widened


class Lane(NamedTuple):
    """One score beside others.

    Attributes:
        name: whose it is.
        value: the score.
        bounds: its interval, if it has one.
        text: the score as people read it.
        ours: whether it is the model's own and not a baseline's.
    """

    name: str
    value: float
    bounds: tuple[float, float] | None
    text: str
    ours: bool


class Placed(NamedTuple):
    """A lane with its places in percent of the width; None where there is nothing to draw."""

    lane: Lane
    dot: float | None
    whisker: tuple[float, float] | None


@dataclass(frozen=True)
class Lanes:
    """Scores on one scale, drawn in HTML so that long names wrap on a phone."""

    rows: Sequence[Lane]

    kind: ClassVar[str] = "lanes"

    def placed(self) -> Iterator[Placed]:
        """Return every lane with the places of its dot and its interval; nothing where no value is finite.

        Example:
            >>> [p.dot for p in Lanes([Lane("a", 1.0, None, "1", True), Lane("b", 2.0, None, "2", False)]).placed()]
            [5.36, 94.64]
        """
        ends = [end for row in self.rows for end in (row.value, *(row.bounds or ())) if math.isfinite(end)]
        if not ends:
            return
        low, high = widened(min(ends), max(ends))
        margin = 0.06 * (high - low)
        scale = Scale(low - margin, high + margin, 0.0, 100.0)
        for row in self.rows:
            dot = round(scale.place(row.value), 2) if math.isfinite(row.value) else None
            whisker = None
            if row.bounds is not None and all(map(math.isfinite, row.bounds)):
                left, right = (scale.place(end) for end in row.bounds)
                whisker = round(left, 2), round(right - left, 2)
            yield Placed(row, dot, whisker)
