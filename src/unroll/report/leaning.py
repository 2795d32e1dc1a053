"""The section of the report that shows which steps of a series an answer leans on.

Shapes: T time, I input size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot
from unroll.report.section import Section
from unroll.report.words import percent

#: Features of a step that are drawn at most.
_DRAWN = 3
#: A fall of the probability that is worth naming steps for.
_FALL = 0.01


class Leaning(NamedTuple):
    """What one answer leans on.

    Attributes:
        label: the class that was answered, and is true.
        place: where the row stands.
        values: (T, I) the series.
        probability: of the answer.
        drop: (T,) by how much that probability falls when the steps around this one are hidden.
    """

    label: str
    place: str
    values: np.ndarray
    probability: float
    drop: np.ndarray


def leaning_section(found: Sequence[Leaning], hidden: float) -> Section:
    """One series of each class, and below it what hiding each part of it costs.

    Args:
        found: the answers.
        hidden: share of a series that is hidden at once.
    """
    table = [
        {
            "class": one.label,
            "where": one.place,
            "probability": percent(one.probability),
            "leans most on steps": _steps(one.drop),
            "without them": percent(max(0.0, one.probability - float(one.drop.max()))),
        }
        for one in found
    ]
    text = (
        f"A part of a series, {percent(hidden)} of its steps, is replaced by a straight line, one part after the other"
        " (Zeiler and Fergus 2014, occlusion): by how much the probability of the right answer falls says how much it"
        " leans on that part. One row of each class that was answered rightly, the least sure, where a part can tip"
        " the answer. One that leans on steps which cannot matter, such as the edge of the recording, has learnt how"
        " the data were collected."
    )
    return Section("What the answers lean on", text, table, lambda: [plot for one in found for plot in _plots(one)])


def _steps(drop: np.ndarray) -> str:
    """The first and the last step of the part around the greatest fall that costs at least half as much."""
    peak = int(drop.argmax())
    if drop[peak] < _FALL:
        return "none in particular"
    low = high = peak
    while low > 0 and drop[low - 1] >= drop[peak] / 2:
        low -= 1
    while high + 1 < len(drop) and drop[high + 1] >= drop[peak] / 2:
        high += 1
    return f"{low + 1} to {high + 1}"


def _plots(one: Leaning) -> list[Chart]:
    steps = np.arange(1, len(one.values) + 1).tolist()
    names = [""] if one.values.shape[1] == 1 else [f"channel {k + 1}" for k in range(min(_DRAWN, one.values.shape[1]))]
    curves = [Curve(name, steps, one.values[:, k].astype(float).tolist()) for k, name in enumerate(names)]
    fall = Curve("", steps, one.drop.astype(float).tolist(), colour=2)
    # At least a tenth high, so that a fall that does not matter does not look like one.
    share = Axis("", AxisKind.SHARE, 0.0, 0.1)
    return [
        Plot(f"{one.label}: the series", curves, Axis("step"), wide=True),
        Plot(f"{one.label}: fall of the probability", [fall], Axis("step"), share, wide=True),
    ]
