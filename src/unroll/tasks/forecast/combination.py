"""A network on the shoulders of simple forecasts: weights chosen on the past, so that no forecast is worse than they.

First simple forecasts are combined with each other, by how they did from many origins before the test part; then the
network with them, by the validation part alone, which it has not been trained on.

Source: Caruana et al. 2004, "Ensemble selection from libraries of models", section 2 (forward selection with
replacement); that combinations beat their parts: Makridakis et al. 2020, "The M4 competition", section 4.

Shapes: S series, W windows, N steps of the horizon, C simple forecasts, B blocks of windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.baselines.rolling import ROLLING, Origins

#: How often a simple forecast is added to the combination: weights are so many-th parts.
_ROUNDS = 20
#: What a further member must gain, as a share of the loss: below that the smaller combination stays.
_GAIN = 1e-3
#: Steps between the network's weights that are tried, and how strongly few blocks of windows hold it at one half.
_GRID, _HELD = 20, 2.0
#: Draws of the bootstrap that asks whether anything beats the naive forecast.
_DRAWS = 500


class Weights(NamedTuple):
    """How a forecast is put together.

    Attributes:
        simple: (C,) of the simple forecasts; they sum to 1.
        network: of the network; the simple ones together have the rest.
        walk: whether nothing was found that beats the last value: a random walk, as far as the data tell.
    """

    simple: np.ndarray
    network: float
    walk: bool = False


def simple_forecasts(at: Origins, names: Sequence[str]) -> np.ndarray:
    """(C, W, N) what each of these methods forecasts."""
    return np.stack([ROLLING[name](at) for name in names])


def combined_simple(at: Origins, names: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """(W, N) the weighted mean of the methods whose weight is above zero."""
    found = np.zeros((len(at.owners), at.horizon))
    for name, weight in zip(names, weights.tolist(), strict=True):
        if weight > 0:
            found += weight * ROLLING[name](at)
    return found


def choose_simple(forecasts_CWN: np.ndarray, truth_WN: np.ndarray, sizes_W: np.ndarray) -> np.ndarray:
    """(C,) weights of simple forecasts with the least mean absolute error, greedily.

    Args:
        forecasts_CWN: what each forecasts.
        truth_WN: what came, NaN where unknown.
        sizes_W: what errors of each window are divided by.
    """
    known = ~np.isnan(truth_WN)
    scale = np.broadcast_to(sizes_W[:, None], truth_WN.shape)[known]
    truth = truth_WN[known] / scale
    members = forecasts_CWN[:, known] / scale
    total = np.zeros_like(truth)
    counts = np.zeros(len(members))
    best, kept = np.inf, counts.copy()
    for added in range(1, _ROUNDS + 1):
        losses = np.array([np.abs((total + member) / added - truth).mean() for member in members])
        chosen = int(losses.argmin())
        total += members[chosen]
        counts[chosen] += 1
        if losses[chosen] < best * (1 - _GAIN):
            best, kept = float(losses[chosen]), counts / added
    return kept


def choose_network(
    network_WN: np.ndarray, simple_WN: np.ndarray, truth_WN: np.ndarray, sizes_W: np.ndarray, blocks_W: np.ndarray
) -> float:
    """The network's weight with the least mean absolute error, held at one half the more the fewer blocks there are."""
    known = ~np.isnan(truth_WN)
    scale = np.broadcast_to(sizes_W[:, None], truth_WN.shape)[known]
    network, simple, truth = (values[known] / scale for values in (network_WN, simple_WN, truth_WN))
    tried = np.linspace(0, 1, _GRID + 1)
    losses = np.array([np.abs(w * network + (1 - w) * simple - truth).mean() for w in tried])
    least = losses.min()
    if not np.isfinite(least) or least <= 0:
        return 0.0
    held = _HELD / max(1, len(np.unique(blocks_W))) * np.square(tried - 0.5)
    return float(tried[int((losses / least + held).argmin())])


def beats(
    better_WN: np.ndarray, than_WN: np.ndarray, truth_WN: np.ndarray, sizes_W: np.ndarray, blocks_W: np.ndarray
) -> bool:
    """Whether a forecast's absolute errors are smaller than another's beyond chance: the one-sided 95 % limit of a
    block bootstrap lies below zero."""
    gain = (np.abs(better_WN - truth_WN) - np.abs(than_WN - truth_WN)) / sizes_W[:, None]
    known = ~np.isnan(gain)
    if not known.any():
        return False
    count = int(blocks_W.max()) + 1
    totals = np.bincount(blocks_W, np.where(known, gain, 0.0).sum(axis=1), count)
    items = np.bincount(blocks_W, known.sum(axis=1), count)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _DRAWS)
    weight = np.maximum(draws @ items, 1)
    return float(np.quantile((draws @ totals) / weight, 0.95)) < 0


def weights_in_words(names: Sequence[str], weights: Weights) -> str:
    """What is combined, heaviest first."""
    order = np.argsort(-weights.simple, kind="stable")
    parts = [
        f"{names[i]} {100 * (1 - weights.network) * weights.simple[i]:.0f} %" for i in order if weights.simple[i] > 0
    ]
    if weights.network >= 1:
        return "the network alone"
    return ", ".join(([f"the network {100 * weights.network:.0f} %"] if weights.network > 0 else []) + parts)
