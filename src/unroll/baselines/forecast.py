"""Forecasts that a model must stand beside: each from the history of one series alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

#: A history of one series (oldest first, no NaN), the steps to forecast and the season -> (N,) forecasts.
Method = Callable[[np.ndarray, int, int], np.ndarray]


def naive(history: np.ndarray, horizon: int, season: int = 1) -> np.ndarray:
    """The last value again and again."""
    return np.full(horizon, history[-1])


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The last season again and again; the last value where the history is shorter than a season."""
    if len(history) < season:
        return naive(history, horizon)
    return np.asarray(np.resize(history[-season:], horizon))


def drift(history: np.ndarray, horizon: int, season: int = 1) -> np.ndarray:
    """The straight line through the first and the last value.

    Source: Hyndman, Athanasopoulos, "Forecasting: principles and practice", section 5.2.
    """
    slope = (history[-1] - history[0]) / (len(history) - 1) if len(history) > 1 else 0.0
    return np.asarray(history[-1] + slope * np.arange(1, horizon + 1))


def is_seasonal(history: np.ndarray, season: int) -> bool:
    """M4's test for a season: the autocorrelation at one season lies outside its 90 % limits.

    Source: Makridakis et al. 2020, "The M4 competition", appendix (`SeasonalityTest` of the organisers' benchmarks):
    needs three seasons; the limit is 1.645 sqrt((1 + 2 sum of squared autocorrelations at shorter lags) / T).
    """
    if season <= 1 or len(history) < 3 * season:
        return False
    centred = history - history.mean()
    total = float(centred @ centred)
    if total == 0:
        return False
    lags = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, season + 1)]) / total
    limit = 1.645 * np.sqrt((1 + 2 * float(np.square(lags[:-1]).sum())) / len(history))
    return bool(abs(lags[-1]) > limit)


def seasonal_indices(history: np.ndarray, season: int, *, multiplicative: bool) -> np.ndarray:
    """Classical decomposition: how each place in the season stands to a centred moving average, (season,).

    The first index is that of the first value of the history.

    Source: Hyndman, Athanasopoulos, "Forecasting: principles and practice", section 3.4 (R's `decompose`).
    """
    weights = np.full(season, 1 / season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5] / season
    trend = np.convolve(history, weights, mode="valid")
    first = (len(weights) - 1) // 2
    inner = history[first : first + len(trend)]
    detrended = inner / trend if multiplicative else inner - trend
    places = (np.arange(len(trend)) + first) % season
    means = np.bincount(places, detrended, season) / np.bincount(places, minlength=season)
    return np.asarray(means / means.mean() if multiplicative else means - means.mean())


def naive2(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """M4's benchmark Naive2: the last value of the seasonally adjusted series, with the season put back.

    The adjustment is multiplicative; additive where the history holds values that are not above zero, for which M4's
    own is not defined. Without a significant season it is the naive forecast.

    Source: Makridakis et al. 2020, "The M4 competition", section 2.2 and appendix.
    """
    if not is_seasonal(history, season):
        return naive(history, horizon)
    multiplicative = bool((history > 0).all())
    indices = seasonal_indices(history, season, multiplicative=multiplicative)
    last = indices[(len(history) - 1) % season]
    ahead = indices[(len(history) + np.arange(horizon)) % season]
    return np.asarray(history[-1] / last * ahead if multiplicative else history[-1] - last + ahead)


def theta(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The theta method with its season by decomposition, from statsmodels.

    Source: Assimakopoulos, Nikolopoulos 2000, "The theta model: a decomposition approach to forecasting".
    """
    from statsmodels.tsa.forecasting.theta import ThetaModel

    seasonal = is_seasonal(history, season)
    with warnings.catch_warnings():
        # statsmodels warns of optimisers that stop early; the forecast is scored like any other.
        warnings.simplefilter("ignore")
        method = "multiplicative" if (history > 0).all() else "additive"
        fitted = ThetaModel(history, period=season if seasonal else 1, deseasonalize=seasonal, method=method).fit()
        return np.asarray(fitted.forecast(horizon), dtype=np.float64)


def exponential_smoothing(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Holt-Winters' exponential smoothing with a damped trend and, where the test finds one, an additive season.

    Source: Hyndman, Athanasopoulos, "Forecasting: principles and practice", section 8.3; statsmodels' fit.
    """
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    seasonal = is_seasonal(history, season)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing(
            history,
            trend="add",
            damped_trend=True,
            seasonal="add" if seasonal else None,
            seasonal_periods=season if seasonal else None,
            initialization_method="estimated",
        )
        return np.asarray(model.fit().forecast(horizon), dtype=np.float64)


#: Quick enough for any number of windows.
QUICK: dict[str, Method] = {
    "naive": naive,
    "seasonal naive": seasonal_naive,
    "drift": drift,
    "Naive2": naive2,
}
#: Fitted anew for every window, so only where there are few: name -> method and the windows it is used on at most.
FITTED: dict[str, tuple[Method, int]] = {
    "theta": (theta, 500),
    "exponential smoothing": (exponential_smoothing, 40),
}
