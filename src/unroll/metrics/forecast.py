"""Errors of forecasts, and intervals that respect that neighbouring windows share their steps.

Shapes: W windows, N steps of the horizon, Q quantiles, K blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unroll.metrics.intervals import RESAMPLES, Interval


def smape(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Symmetric absolute percentage error of every step, 0 to 200; 0 where truth and forecast are both 0.

    Source: Makridakis et al. 2020, "The M4 competition", section 2.3: 2 |y - f| / (|y| + |f|) * 100.

    Args:
        truth: any shape; NaN where it is unknown.
        forecast: the same shape.
    """
    size = np.abs(truth) + np.abs(forecast)
    return np.asarray(200.0 * np.abs(truth - forecast) / np.where(size == 0, 1.0, size))


def mase_scale(history: np.ndarray, season: int) -> float:
    """What MASE divides by: the mean absolute difference of values one season apart, before the forecasts.

    Source: Makridakis et al. 2020, section 2.3, after Hyndman, Koehler 2006.

    Args:
        history: (T,) values; NaN where one is missing.
        season: steps; 1 for a series without a season.

    Returns:
        NaN if no two values are a season apart, or all such pairs are equal: MASE is then not defined.
    """
    if len(history) <= season:
        return float("nan")
    apart = np.abs(history[season:] - history[:-season])
    apart = apart[~np.isnan(apart)]
    scale = float(apart.mean()) if apart.size else 0.0
    return scale if scale > 0 else float("nan")


def pinball(truth: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Pinball loss of every step, averaged over the quantiles.

    Source: Koenker, Bassett 1978, "Regression quantiles": max(q (y - f), (q - 1) (y - f)).

    Args:
        truth: (W, N).
        quantiles: (W, N, Q).
        levels: (Q,) between 0 and 1.

    Returns:
        (W, N).
    """
    error = truth[..., None] - quantiles
    return np.asarray(np.maximum(levels * error, (levels - 1) * error).mean(axis=-1))


def crps(truth: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of every step, from the quantiles that there are.

    It is twice the pinball loss, integrated over the levels: here each level stands for the levels nearest to it.

    Source: Gneiting, Ranjan 2011, "Comparing density forecasts using threshold- and quantile-weighted scoring rules",
    section 2.2, equation 10.

    Args:
        truth: (W, N).
        quantiles: (W, N, Q).
        levels: (Q,) between 0 and 1, rising.

    Returns:
        (W, N).
    """
    error = truth[..., None] - quantiles
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
    return np.asarray(2.0 * np.maximum(levels * error, (levels - 1) * error) @ np.diff(edges))


def owa(smape_of: float, mase_of: float, smape_naive2: float, mase_naive2: float) -> float:
    """Overall weighted average: the mean of sMAPE and MASE, each divided by that of Naive2.

    Source: Makridakis et al. 2020, "The M4 competition", section 2.3.

    Returns:
        NaN where Naive2 is without an error.
    """
    if smape_naive2 <= 0 or mase_naive2 <= 0:
        return float("nan")
    return (smape_of / smape_naive2 + mase_of / mase_naive2) / 2


def blocks_of(series: np.ndarray, origins: np.ndarray, length: int) -> np.ndarray:
    """The block of each window: the windows of one series whose origins lie in the same stretch of `length` steps.

    Args:
        series: (W,) number of the window's series.
        origins: (W,) step at which its horizon begins.
        length: steps of a block; at least the horizon, so that only windows at the edges share steps across blocks.

    Returns:
        (W,) int64 from 0.
    """
    if len(series) == 0:
        return np.empty(0, np.int64)
    pairs = np.stack([series, (origins - origins.min()) // max(length, 1)], axis=1)
    return np.asarray(np.unique(pairs, axis=0, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def means_with_intervals(
    errors: Mapping[str, np.ndarray], blocks: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, tuple[float, Interval | None]]:
    """The mean of each kind of error over all its known steps, and its 95 % interval by a block bootstrap.

    Source: Carlstein 1986, "The use of subseries values for estimating the variance of a general statistic from a
    stationary sequence" (blocks that do not overlap); the percentile interval.

    Args:
        errors: by name, (W, N); NaN where an error is not defined.
        blocks: (W,) the block of each window, from 0: whole blocks are drawn, since windows of one are not independent.
        seed: of the draw.
        resamples: how often blocks are drawn.

    Returns:
        Mean (NaN if nothing is defined) and interval; no interval with fewer than four blocks.
    """
    count = int(blocks.max()) + 1 if len(blocks) else 0
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples) if count >= 4 else None
    with_intervals: dict[str, tuple[float, Interval | None]] = {}
    for name, values in errors.items():
        known = ~np.isnan(values)
        total = np.bincount(blocks, np.where(known, values, 0.0).sum(axis=1), count)
        items = np.bincount(blocks, known.sum(axis=1), count)
        if items.sum() == 0:
            with_intervals[name] = (float("nan"), None)
            continue
        interval = None
        if draws is not None:
            weight = draws @ items
            means = (draws @ total)[weight > 0] / weight[weight > 0]
            low, high = np.quantile(means, [0.025, 0.975])
            interval = Interval(float(low), float(high))
        with_intervals[name] = (float(total.sum() / items.sum()), interval)
    return with_intervals
