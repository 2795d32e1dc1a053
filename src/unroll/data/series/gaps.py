"""Values that are missing in a row that is one series.

Shapes: T time, I features of one step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Mended(NamedTuple):
    """A series without gaps.

    Attributes:
        values: (T, I), as given; steps at the end without any value are no steps.
        filled: how many values stand on a straight line between their neighbours in time.
        missing: the step with the first missing value, from 0; None if there is none.
    """

    values: np.ndarray
    filled: int
    missing: int | None


def mended(values: np.ndarray) -> Mended | None:
    """Cut steps without any value off the end, and fill the gaps: by a straight line between the values before and
    after, at the ends by the nearest value. None if a feature has no value at all.

    Args:
        values: (T, I), NaN where a value is missing.
    """
    missing = np.isnan(values)
    if not missing.any():
        return Mended(values, 0, None)
    present = np.flatnonzero(~missing.all(axis=1))
    length = int(present[-1]) + 1 if len(present) else 0
    values, missing = values[:length].copy(), missing[:length]
    if missing.all(axis=0).any() or length == 0:
        return None
    steps = np.arange(length)
    for feature in np.flatnonzero(missing.any(axis=0)):
        gap = missing[:, feature]
        values[gap, feature] = np.interp(steps[gap], steps[~gap], values[~gap, feature])
    first = int(missing.any(axis=1).argmax()) if missing.any() else None
    return Mended(values, int(missing.sum()), first)
