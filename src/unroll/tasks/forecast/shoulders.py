"""The network's forecasts combined with simple ones, as they are used and as their weights are fitted.

Shapes: S series, W windows, N steps of the horizon, C simple forecasts.
"""

from __future__ import annotations

import numpy as np
import torch

from unroll.baselines.rolling import Origins, naive
from unroll.metrics.forecast import blocks_of
from unroll.models.forecaster import Forecaster
from unroll.tasks.forecast.combination import (
    Weights,
    beats,
    choose_network,
    choose_simple,
    combined_simple,
    simple_forecasts,
)
from unroll.tasks.forecast.network import run_windows
from unroll.tasks.forecast.scores import Forecasts
from unroll.tasks.forecast.settings import Saved
from unroll.tasks.forecast.windows import SeriesStore, Windows, split_windows

#: Windows from which the weights of simple forecasts are found, and how many horizons the validation part must have
#: so that it alone is enough for that.
_WINDOWS, _HORIZONS = 1_500, 10


def weights_of(network: Forecaster) -> Weights | None:
    """How a network's forecasts are combined; None for one that stands alone."""
    kept = network.combination
    if kept is None:
        return None
    values = kept.cpu().double().numpy()
    return Weights(values[:-2], float(values[-2]), bool(values[-1]))


def keep_weights(network: Forecaster, weights: Weights) -> None:
    """Write the weights into the network's own tensor."""
    if network.combination is not None:
        values = np.concatenate([weights.simple, [weights.network, float(weights.walk)]])
        network.combination.copy_(torch.from_numpy(values))


def origins_of(
    store: SeriesStore, series: np.ndarray, origins: np.ndarray, fitted: np.ndarray, saved: Saved
) -> Origins:
    """Windows as the simple forecasts take them: of each series only what comes before its windows may be fitted on.

    Args:
        store: all series.
        series: (W,) numbers of series.
        origins: (W,).
        fitted: (S,) how many first steps of each series may be fitted on; fewer where a window begins before.
        saved: the sizes.
    """
    used, owners = np.unique(series, return_inverse=True)
    earliest = np.full(len(used), np.iinfo(np.int64).max)
    np.minimum.at(earliest, owners, origins)
    values = [store.measured(int(number), int(store.lengths[number])) for number in used]
    known = np.minimum(np.maximum(fitted[used], 1), earliest)
    return Origins(values, known, owners, origins, saved.horizon, saved.season, saved.longer)


def on_shoulders(
    forecasts: Forecasts, store: SeriesStore, fitted: np.ndarray, weights: Weights | None, saved: Saved
) -> Forecasts:
    """The network's forecasts moved towards the simple ones; the shape of the band stays the network's."""
    if weights is None or weights.network >= 1 or not len(forecasts.series):
        return forecasts
    at = origins_of(store, forecasts.series, forecasts.origins, fitted, saved)
    simple = combined_simple(at, saved.simple, weights.simple)
    share = weights.network
    point = share * forecasts.point + (1 - share) * simple
    mean = share * forecasts.mean + (1 - share) * simple
    quantiles = forecasts.quantiles + (point - forecasts.point)[..., None]
    return forecasts._replace(point=point, mean=mean, quantiles=quantiles)


def fit_weights(
    network: Forecaster, store: SeriesStore, validation: Windows, begins: np.ndarray, ends: np.ndarray, saved: Saved
) -> Weights:
    """The weights that would have been best up to the end of the validation part.

    Args:
        network: trained.
        store: all series.
        validation: the windows of the validation part.
        begins: (S,) where that part begins in each series.
        ends: (S,) where it ends.
        saved: the sizes.
    """
    sizes = np.array([scaling.size for scaling in store.scaling])
    # The simple forecasts have few parameters: where the validation part is short, they are tried before it, too.
    short = int(np.median(ends - begins)) < _HORIZONS * saved.horizon
    fitted = np.maximum(begins // 2, np.minimum(begins, 2 * max(saved.season, saved.longer))) if short else begins
    tried = split_windows(
        (fitted if short else begins).tolist(), ends.tolist(), 1, saved.horizon, most=_WINDOWS
    ).all()
    at = origins_of(store, *tried, fitted, saved)
    truth = store.truth(*tried, saved.horizon)
    members = simple_forecasts(at, saved.simple)
    simple = choose_simple(members, truth, sizes[tried[0]])
    windows = validation.all()
    raw = run_windows(network, store, *windows, saved)
    at_validation = origins_of(store, *windows, begins, saved)
    together = combined_simple(at_validation, saved.simple, simple)
    # Series of one time go up and down together: they are no evidence of each other, but each is of the network.
    stretches = blocks_of(np.zeros_like(windows[0]), windows[1], saved.horizon)
    scale = sizes[windows[0]]
    share = choose_network(raw.point, together, raw.truth, scale, blocks_of(*windows, saved.horizon))
    best = share * raw.point + (1 - share) * together
    own = np.tensordot(simple, members, axes=1)
    earlier = blocks_of(np.zeros_like(tried[0]), tried[1], saved.horizon)
    better = beats(own, naive(at), truth, sizes[tried[0]], earlier)
    better = better or beats(best, naive(at_validation), raw.truth, scale, stretches)
    if better or "naive" not in saved.simple:
        return Weights(simple, share)
    return Weights(np.array([float(name == "naive") for name in saved.simple]), 0.0, walk=True)
