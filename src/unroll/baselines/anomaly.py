"""Simple detectors on a stream: how far a value is from what values were.

Shapes: T records, C channels.
"""

from __future__ import annotations

import numpy as np

#: Records of the sliding window, as the benchmark's own windowed Gaussian has it.
WINDOW = 6400


def windowed_gaussian(values: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Deviations (T,) of each record from the mean of the records before it, of the channel that is furthest away.

    Source: the Numenta anomaly benchmark's detector of that name.

    Args:
        values: (T, C), NaN where one is missing.
        window: how many records before it count.
    """
    return _furthest(np.stack([_windowed(column, window) for column in values.T], axis=1))


def static_threshold(values: np.ndarray, probation: int) -> np.ndarray:
    """Deviations (T,) of each record from the mean of the first `probation` records, of the channel that is furthest
    away.

    Args:
        values: (T, C), NaN where one is missing.
        probation: records that say what is usual.
    """
    first = values[: max(probation, 1)]
    count = np.maximum((~np.isnan(first)).sum(axis=0), 1)
    mean = np.nansum(first, axis=0) / count
    spread = np.sqrt(np.nansum(np.square(first - mean), axis=0) / count)
    return _furthest(np.abs(values - mean) / _floored(spread))


def _furthest(deviations: np.ndarray) -> np.ndarray:
    known = np.where(np.isnan(deviations), 0.0, deviations)
    return np.asarray(known.max(axis=1))


def _floored(spread: np.ndarray) -> np.ndarray:
    """The benchmark's floor of a deviation that is zero."""
    return np.where(spread > 0.0, spread, 1e-6)


def _windowed(values: np.ndarray, window: int) -> np.ndarray:
    known = ~np.isnan(values)
    # Sums of centred values lose fewer digits.
    centred = np.where(known, values, 0.0) - (values[known].mean() if known.any() else 0.0)
    centred = np.where(known, centred, 0.0)
    counts, sums, squares = (
        np.concatenate([[0.0], np.cumsum(part)]) for part in (known.astype(float), centred, centred**2)
    )
    ends = np.arange(len(values))
    begins = np.maximum(ends - window, 0)
    count = np.maximum(counts[ends] - counts[begins], 1.0)
    mean = (sums[ends] - sums[begins]) / count
    spread = np.sqrt(np.maximum((squares[ends] - squares[begins]) / count - mean**2, 0.0))
    # What is left of equal values by rounding is no deviation.
    spread[spread < 1e-7 * np.abs(centred).max(initial=0.0)] = 0.0
    away = np.abs(centred - mean) / _floored(spread)
    away[counts[ends] == 0] = 0.0
    return np.where(known, away, 0.0)
