"""The network's forecasts combined with simple ones, as they are used and as their weights are fitted.

Shapes: S series, W windows, N steps of the horizon, C simple forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from unroll.baselines.rolling import Origins, naive
from unroll.metrics.forecast import blocks_of
from unroll.models.forecaster import Forecaster
from unroll.tasks.forecast.band import SCALES, Usual, fit_band, local_scale
from unroll.tasks.forecast.calibration import evidence_of, ratios_of
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
#: Stretches of validation from which on it can tell that a forecast beats the last value.
_LEAST_BLOCKS = 4


class Kept(NamedTuple):
    """What a run keeps of its combination.

    Attributes:
        weights: how it is put together.
        spread: (N, Q) quantiles of the errors of the simple forecasts, in units of the local scale.
        scale: the name of that scale, one of `SCALES`.
    """

    weights: Weights
    spread: np.ndarray
    scale: str = "size"


def kept_of(network: Forecaster) -> Kept | None:
    """How a network's forecasts are combined; None for one that stands alone."""
    if network.combination is None or network.spread is None:
        return None
    values = network.combination.cpu().double().numpy()
    scale = "size" if network.local is None else list(SCALES)[int(network.local)]
    return Kept(Weights(values[:-2], float(values[-2]), bool(values[-1])), network.spread.cpu().double().numpy(), scale)


def keep(network: Forecaster, kept: Kept) -> None:
    """Write it into the network's own tensors."""
    if network.combination is not None and network.spread is not None:
        values = np.concatenate([kept.weights.simple, [kept.weights.network, float(kept.weights.walk)]])
        network.combination.copy_(torch.from_numpy(values))
        network.spread.copy_(torch.from_numpy(kept.spread))
    if network.local is not None:
        network.local.fill_(list(SCALES).index(kept.scale))


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
    forecasts: Forecasts, store: SeriesStore, fitted: np.ndarray, kept: Kept | None, saved: Saved
) -> Forecasts:
    """The network's forecasts moved towards the simple ones; the band is a mean of theirs with the same weights."""
    if kept is None or kept.weights.network >= 1 or not len(forecasts.series):
        return forecasts
    at = origins_of(store, forecasts.series, forecasts.origins, fitted, saved)
    simple = combined_simple(at, saved.simple, kept.weights.simple)
    share = kept.weights.network
    point = share * forecasts.point + (1 - share) * simple
    mean = share * forecasts.mean + (1 - share) * simple
    around = share * (forecasts.quantiles - forecasts.point[..., None])
    quantiles = point[..., None] + around + (1 - share) * _band(at, _usual(store, forecasts.series), kept)
    return forecasts._replace(point=point, mean=mean, quantiles=quantiles)


def _usual(store: SeriesStore, series: np.ndarray) -> Usual:
    """Of the series that these windows are of, in the order of their numbers."""
    scaling = [store.scaling[number] for number in np.unique(series).tolist()]
    # A scaling without a centre is by the mean size.
    levels = [abs(own.centre) if own.centre else own.size for own in scaling]
    return Usual(np.array([own.size for own in scaling]), np.array(levels))


def _band(at: Origins, usual: Usual, kept: Kept) -> np.ndarray:
    scale = local_scale(kept.scale, at, usual, walk=kept.weights.walk)
    return np.asarray(scale[:, None, None] * kept.spread)


class Parts(NamedTuple):
    """Where the parts of all series lie that weights are found on.

    Attributes:
        fitted: (S,) how many first steps the simple forecasts are fitted on to be tried.
        begins: (S,) where validation begins.
        ends: (S,) where it ends.
    """

    fitted: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    @property
    def short(self) -> bool:
        """Whether simple forecasts are tried before validation, too."""
        return bool((self.fitted < self.begins).any())

    def earlier(self, horizon: int, most: int) -> Windows:
        """The windows before validation in which the simple forecasts are tried."""
        return split_windows(self.fitted.tolist(), self.begins.tolist(), 1, horizon, most=most)


def parts_of(begins: Sequence[int], ends: Sequence[int], saved_season: int, horizon: int) -> Parts:
    """Simple forecasts have few parameters: where the validation part is short, they are tried before it, too."""
    first, last = np.maximum(np.asarray(begins), 1), np.asarray(ends)
    if int(np.median(last - first)) >= _HORIZONS * horizon:
        return Parts(first, first, last)
    return Parts(np.maximum(first // 2, np.minimum(first, 2 * saved_season)), first, last)


def fit_combination(
    network: Forecaster, store: SeriesStore, validation: Windows, parts: Parts, levels: Sequence[float], saved: Saved
) -> tuple[Kept, np.ndarray]:
    """What would have been best up to the end of the validation part, and the errors (W, N) of the windows before that
    part in units of their band, which are those of the simple forecasts, made as much smaller as the combination's are.

    Args:
        network: trained.
        store: all series.
        validation: the windows of the validation part.
        parts: where the parts lie.
        levels: (Q,) the quantiles.
        saved: the sizes.
    """
    sizes = np.array([scaling.size for scaling in store.scaling])
    tried = split_windows(parts.fitted.tolist(), parts.ends.tolist(), 1, saved.horizon, most=_WINDOWS).all()
    at = origins_of(store, *tried, parts.fitted, saved)
    truth = store.truth(*tried, saved.horizon)
    members = simple_forecasts(at, saved.simple)
    simple = choose_simple(members, truth, sizes[tried[0]])
    windows = validation.all()
    raw = run_windows(network, store, *windows, saved)
    at_validation = origins_of(store, *windows, parts.begins, saved)
    together = combined_simple(at_validation, saved.simple, simple)
    # Series of one time go up and down together: they are no evidence of each other, but each is of the network.
    stretches = blocks_of(np.zeros_like(windows[0]), windows[1], saved.horizon)
    scale = sizes[windows[0]]
    share = choose_network(raw.point, together, raw.truth, scale, blocks_of(*windows, saved.horizon))
    best = share * raw.point + (1 - share) * together
    own = np.tensordot(simple, members, axes=1)
    earlier = blocks_of(np.zeros_like(tried[0]), tried[1], saved.horizon)
    better = beats(own, naive(at), truth, sizes[tried[0]], earlier)
    if stretches.max() + 1 >= _LEAST_BLOCKS:
        better = better or beats(best, naive(at_validation), raw.truth, scale, stretches)
    weights = Weights(simple, share)
    if not better and "naive" in saved.simple:
        only = np.array([float(name == "naive") for name in saved.simple])
        weights = Weights(only, 0.0, walk=True)
        own = naive(at)
    scale_name, spread = fit_band(
        at,
        truth - own,
        _usual(store, tried[0]),
        levels,
        walk=weights.walk,
        evidence=stretches_of(*tried, saved.horizon),
    )
    kept = Kept(weights, spread, scale_name)
    before = tried[1] + saved.horizon <= parts.begins[tried[0]]
    simply = Kept(weights._replace(network=0.0), spread, scale_name)
    given = Forecasts(*tried, truth, own, own, own[..., None] + _band(at, _usual(store, tried[0]), simply))
    # What the network makes of the simple forecasts' errors is told by windows that both have answered.
    whole = _mean_ratio(on_shoulders(raw, store, parts.begins, kept, saved))
    alone = _mean_ratio(on_shoulders(raw, store, parts.begins, simply, saved))
    earlier_ratios = ratios_of(Forecasts(*(values[before] for values in given)))
    return kept, earlier_ratios * (whole / alone if alone > 0 else 1.0)


def _mean_ratio(forecasts: Forecasts) -> float:
    ratios = np.abs(ratios_of(forecasts))
    return float(np.nanmean(ratios)) if not np.isnan(ratios).all() else 0.0


def stretches_of(series: np.ndarray, origins: np.ndarray, horizon: int) -> float:
    """How much evidence windows are: so many of one series that have no common step. What series of one time have in
    common is not known, so theirs counts by the root of their number.
    """
    if not len(series):
        return 1.0
    used, owners = np.unique(series, return_inverse=True)
    first, last = np.full(len(used), np.iinfo(np.int64).max), np.zeros(len(used), np.int64)
    np.minimum.at(first, owners, origins)
    np.maximum.at(last, owners, origins)
    own = [evidence_of(float(span), horizon) for span in (last - first + 1).tolist()]
    return float(min(len(series), np.sum(own) / np.sqrt(len(used))))
