"""Exponential smoothing of many series against the recursion in plain Python and against statsmodels."""

import numpy as np
import pytest
from statsmodels.tsa.holtwinters import SimpleExpSmoothing

from unroll.baselines.forecast import naive as naive_of_one
from unroll.baselines.forecast import seasonal_naive as seasonal_naive_of_one
from unroll.baselines.rolling import ROLLING, Origins, rolling_methods
from unroll.baselines.smoothing import Parameters, fit, paths

NAN = float("nan")


def by_hand(
    values: list[float], level: float, seasons: list[list[float]], rates: tuple[float, float, float, float]
) -> tuple[float, float, list[list[float]]]:
    """Level, trend and seasons after all values, one step at a time."""
    alpha, beta, phi, gamma = rates
    trend, seasons = 0.0, [list(season) for season in seasons]
    for t, value in enumerate(values):
        slope = phi * trend
        expected = level + slope + sum(season[t % len(season)] for season in seasons)
        error = 0.0 if value != value else value - expected
        level, trend = level + slope + alpha * error, slope + beta * error
        for season in seasons:
            season[t % len(season)] += gamma * error
    return level, trend, seasons


def some_series(length: int, seed: int = 0) -> np.ndarray:
    t = np.arange(length)
    noise = np.random.default_rng(seed).normal(size=length)
    return 20 + 3 * np.sin(2 * np.pi * t / 4) + 2 * (t % 12 < 3) + 0.1 * t + 0.3 * noise


@pytest.mark.parametrize("seasons", [(), (4,), (4, 12)])
def test_paths_are_the_recursion_of_one_series(seasons: tuple[int, ...]) -> None:
    values = [some_series(60), some_series(41, 1)]
    values[0][[30, 31]] = NAN
    rates = [(0.3, 0.05, 0.95, 0.1), (0.7, 0.0, 0.95, 0.03)]
    parameters = Parameters(*(np.array(part) for part in zip(*rates, strict=True)))
    for number, path in paths(values, np.array([36, 36]), parameters, seasons):
        own = values[number]
        first = [part[:season].tolist() for part, season in zip(path.seasons, seasons, strict=True)]
        start = own[: max((4, *seasons))].mean()
        for origin in (7, 35, len(own)):
            level, trend, indices = by_hand(own[:origin].tolist(), start, first, rates[number])
            powers = np.cumsum(0.95 ** np.arange(1, 15))
            wanted = [
                level + trend * powers[n] + sum(index[(origin + n) % len(index)] for index in indices)
                for n in range(14)
            ]
            np.testing.assert_allclose(path.ahead(np.array([origin]), 14)[0], wanted, rtol=1e-9)


def test_a_level_alone_is_that_of_statsmodels() -> None:
    values = some_series(50)
    parameters = Parameters(np.array([0.4]), np.zeros(1), np.array([0.95]), np.zeros(1))
    ((_, path),) = paths([values], np.array([50]), parameters)
    fitted = SimpleExpSmoothing(values, initialization_method="known", initial_level=values[:4].mean())
    assert path.level[-1] == pytest.approx(fitted.fit(smoothing_level=0.4, optimized=False).forecast(1)[0])


def test_the_start_of_a_season_is_found_and_kept() -> None:
    season = np.array([3.0, -1.0, 0.0, -2.0])
    values = 10 + np.resize(season, 40)
    parameters = fit([values], np.array([30]), 4, (4,))
    ((_, path),) = paths([values], np.array([30]), parameters, (4,))
    np.testing.assert_allclose(path.ahead(np.array([25, 40]), 6)[1], 10 + np.resize(season, 6), atol=1e-6)
    # Steps of the past are told by the same indices.
    np.testing.assert_allclose(path.season(np.array([25]), np.arange(-5, 0))[0], np.resize(season, 25)[-5:], atol=1e-6)


def test_parameters_are_those_that_made_the_series() -> None:
    draw = np.random.default_rng(2)
    noise = draw.normal(size=(2, 600))
    walk, level = np.cumsum(noise[0]), 5 + noise[1]
    chosen = fit([walk, level], np.array([600, 600]), 3, trend=False)
    assert chosen.level[0] >= 0.7
    assert chosen.level[1] <= 0.1


def windows(values: list[np.ndarray]) -> Origins:
    owners, origins = np.array([0, 1, 0, 1, 1]), np.array([50, 45, 61, 70, 52])
    return Origins(values, np.array([48, 44]), owners, origins, 6, 4, 12)


def test_rolling_naive_forecasts_are_those_of_each_window() -> None:
    at = windows([some_series(80), some_series(80, 1)])
    for row, (owner, origin) in enumerate(zip(at.owners, at.origins, strict=True)):
        history = at.values[owner][:origin]
        np.testing.assert_array_equal(ROLLING["naive"](at)[row], naive_of_one(history, 6))
        np.testing.assert_array_equal(ROLLING["seasonal naive"](at)[row], seasonal_naive_of_one(history, 6, 4))
        np.testing.assert_allclose(ROLLING["mean"](at)[row], history.mean())


@pytest.mark.parametrize("name", ROLLING)
def test_no_rolling_forecast_looks_ahead(name: str) -> None:
    values = [some_series(80), some_series(80, 1)]
    before = ROLLING[name](windows(values))
    assert np.isfinite(before).all()
    for row, (owner, origin) in enumerate(zip(windows(values).owners, windows(values).origins, strict=True)):
        other = [own.copy() for own in values]
        other[owner][origin:] = 900.0
        np.testing.assert_array_equal(ROLLING[name](windows(other))[row], before[row])
        other[owner][origin - 1] += 50.0
        assert (ROLLING[name](windows(other))[row] != before[row]).any() == (name != "longer seasonal naive")


def test_a_missing_value_is_no_value() -> None:
    values = [some_series(80), some_series(80, 1)]
    holes = [own.copy() for own in values]
    for own in holes:
        own[[20, 21, 40]] = NAN
    for name in ("mean", "theta", "exponential smoothing", "exponential smoothing of logarithms"):
        np.testing.assert_allclose(ROLLING[name](windows(holes)), ROLLING[name](windows(values)), atol=1.5)


def test_methods_without_a_season_leave_those_out_that_need_one() -> None:
    assert "Naive2" not in rolling_methods(1, 1)
    assert "longer seasonal naive" in rolling_methods(24, 168)
    assert "longer seasonal naive" not in rolling_methods(24, 1)
