"""How wide the band of the simple forecasts is: by their errors from many origins, in units that grow and shrink with
the series.

Errors of a series that grows are smaller in its past than later, and those of a series that is calm now are smaller
than those of its past. So each error is divided by a local scale, known when the forecast is made, whichever of a few
tells the past errors best. Errors grow with the steps ahead, and those of one lead are few: all leads share their
quantiles, each in units of its own mean, which rises with the lead; that of a random walk with the root of it.

Source: scores divided by what is known of their size, "normalised" or locally weighted conformal prediction: Lei,
G'Sell, Rinaldo, Tibshirani, Wasserman 2018, "Distribution-free predictive inference for regression", section 5.2; the
root: Hyndman, Athanasopoulos, "Forecasting: principles and practice", section 5.5.

Shapes: S series, W windows, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.baselines.rolling import Origins
from unroll.metrics.forecast import pinball
from unroll.tasks.forecast.calibration import quantiles_of

#: What a further scale must gain on the best before it, as a share of the pinball loss, if the evidence is one window;
#: it falls with the root of the evidence, as chance does.
_GAIN = 0.2
#: Steps, or seasons, whose mean is the level; twice as many show how much a series moves.
_LEAST = 6
#: How far a level may fall below the usual one, and changes below the usual size, so that a calm stretch has a band.
_CALM, _STILL = 0.1, 1e-3
#: The least that an edge lies away from the forecast, as a share of the mean error.
_LEAST_SIDE = 0.25


class Usual(NamedTuple):
    """What is usual for series, from their train parts, so that no window changes it.

    Attributes:
        sizes: (S,) their deviations, or what else they are scaled by.
        levels: (S,) their mean sizes.
    """

    sizes: np.ndarray
    levels: np.ndarray


def _level(at: Origins, usual: Usual) -> np.ndarray:
    """In proportion to the mean of the last season."""
    found = np.empty(len(at.owners))
    for number, carried in enumerate(at.carried()):
        rows = np.flatnonzero(at.owners == number)
        steps = max(at.season, _LEAST) if at.season else 1
        level = _running(np.abs(carried), at.origins[rows], steps) / usual.levels[number]
        found[rows] = usual.sizes[number] * np.maximum(level, _CALM)
    return found


def _size(at: Origins, usual: Usual) -> np.ndarray:
    """The same for all windows of a series."""
    return np.asarray(usual.sizes[at.owners])


def _moves(at: Origins, usual: Usual) -> np.ndarray:
    """Half way, in logarithms, between the series' size and the mean of its last changes."""
    found = np.empty(len(at.owners))
    for number, carried in enumerate(at.carried()):
        rows = np.flatnonzero(at.owners == number)
        changes = np.abs(np.diff(carried, prepend=carried[:1]))
        moved = _running(changes, at.origins[rows], 2 * max(at.season, _LEAST))
        found[rows] = np.sqrt(usual.sizes[number] * np.maximum(moved, _STILL * usual.sizes[number]))
    return found


def _running(values: np.ndarray, origins: np.ndarray, steps: int) -> np.ndarray:
    """(W,) the mean of the last values before each origin; of all where there are fewer."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(origins - steps, 0)
    return np.asarray((sums[origins] - sums[first]) / np.maximum(origins - first, 1))


#: Name -> the scale (W,) of windows, from what comes before them and what is usual for their series. Errors of what is
#: above zero grow with it more often than not, so that comes first.
SCALES = {"level": _level, "size": _size, "moves": _moves}


def local_scale(name: str, at: Origins, usual: Usual, *, walk: bool) -> np.ndarray:
    """(W,) the scale of windows; what is known of a walk is its last value, so that is its level."""
    return SCALES[name](at._replace(season=0) if walk else at, usual)


def fit_band(
    at: Origins, errors_WN: np.ndarray, usual: Usual, levels: Sequence[float], *, walk: bool, evidence: float
) -> tuple[str, np.ndarray]:
    """The local scale whose band has the least pinball loss on these windows, and its quantiles (N, Q).

    Args:
        at: the windows.
        errors_WN: what came minus what was forecast, NaN where unknown.
        usual: of the series in `at`.
        levels: (Q,).
        walk: whether errors grow with the root of the steps ahead.
        evidence: so many windows tell about as much, if none shares steps with another.
    """
    best, chosen, spread = np.inf, "size", np.zeros((errors_WN.shape[1], len(levels)))
    positive = all(np.nanmin(own, initial=np.inf) > 0 for own in at.values)
    for name in SCALES:
        if name == "level" and not positive:
            continue
        scales_W = local_scale(name, at, usual, walk=walk)
        own = _spread(errors_WN / scales_W[:, None], levels, walk=walk, evidence=evidence)
        band_WNQ = scales_W[:, None, None] * own
        loss = pinball(errors_WN, band_WNQ, np.asarray(levels)) / usual.sizes[at.owners][:, None]
        total = float(np.nanmean(loss)) if not np.isnan(loss).all() else np.inf
        if total < best * (1 - _GAIN / np.sqrt(evidence)):
            best, chosen, spread = total, name, own
    return chosen, spread


def _spread(errors_WN: np.ndarray, levels: Sequence[float], *, walk: bool, evidence: float) -> np.ndarray:
    """(N, Q) quantiles of errors: each lead's mean size times the quantiles that all leads share."""
    known = ~np.isnan(errors_WN)
    if not known.any():
        return np.zeros((errors_WN.shape[1], len(levels)))
    leads = np.sqrt(np.arange(1, errors_WN.shape[1] + 1)) if walk else _rising(errors_WN, known)
    errors = (errors_WN / leads)[known]
    shared = quantiles_of(errors, levels, evidence)
    # Where most errors are none, as between zeros, an edge would lie on the forecast, and no error had a unit.
    least = _LEAST_SIDE * float(np.abs(errors).mean()) * np.sign(np.asarray(levels) - 0.5)
    return np.asarray(leads[:, None] * np.where(np.abs(shared) < np.abs(least), least, shared))


def _rising(errors_WN: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(N,) mean absolute errors by lead, the nearest that never fall (pool adjacent violators); above zero."""
    counts = known.sum(axis=0)
    means = np.where(known, np.abs(errors_WN), 0.0).sum(axis=0) / np.maximum(counts, 1)
    blocks: list[list[float]] = []
    for mean, count in zip(means.tolist(), counts.tolist(), strict=True):
        blocks.append([mean, float(count), 1])
        while len(blocks) > 1 and (blocks[-2][0] >= blocks[-1][0] or blocks[-1][1] == 0):
            last = blocks.pop()
            weight = blocks[-1][1] + last[1]
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + last[0] * last[1]) / max(weight, 1.0),
                weight,
                blocks[-1][2] + last[2],
            ]
    found = np.concatenate([np.full(int(block[2]), block[0]) for block in blocks])
    return np.asarray(np.maximum(found, max(1e-9 * float(means.max()), np.finfo(np.float64).tiny)))
