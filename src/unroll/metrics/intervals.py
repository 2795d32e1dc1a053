"""95 % confidence intervals: in closed form for a share, by resampling for everything else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

#: Two-sided 95 % point of the normal distribution.
_Z = 1.959963984540054

#: Resamples of a bootstrap: enough for two digits of a 2.5 % point, few enough to be quick on any test part.
RESAMPLES = 500


class Interval(NamedTuple):
    """Where the true value lies with 95 % confidence."""

    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval:
    """The score interval of a share.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Raises:
        ValueError: there are no trials, or more successes than trials.
    """
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"wilson: expected 0 <= successes <= trials and trials > 0, got {successes} and {trials}")
    share = successes / trials
    spread = _Z * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    scale = 1 + _Z**2 / trials
    centre = share + _Z**2 / (2 * trials)
    return Interval(max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def bootstrap(
    statistic: Callable[[np.ndarray], float], rows: int, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval | None:
    """The percentile interval of a statistic of some rows.

    Source: Efron, Tibshirani 1993, "An introduction to the bootstrap", section 13.3.

    Args:
        statistic: from row numbers (with repetitions) to a value; NaN where the resample does not define it.
        rows: how many rows there are.
        seed: of the resampling.
        resamples: how often rows are drawn.

    Returns:
        The 2.5 % and 97.5 % points over the resamples that define the statistic; None if fewer than half do.
    """
    draw = np.random.default_rng(seed)
    values = np.array([statistic(draw.integers(0, rows, rows)) for _ in range(resamples)]) if rows else np.empty(0)
    values = values[~np.isnan(values)]
    if values.size * 2 < resamples:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(low), float(high))
