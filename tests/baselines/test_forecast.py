"""Baselines against closed forms, and against a second computation of the same thing."""

import numpy as np
import pytest
from statsmodels.tsa.seasonal import seasonal_decompose

from unroll.baselines.forecast import FITTED, QUICK, drift, is_seasonal, naive, naive2, seasonal_indices, seasonal_naive

SEASON = np.array([0.5, 1.0, 1.8, 0.7])


def test_naive_seasonal_naive_and_drift() -> None:
    history = np.array([1.0, 4.0, 2.0, 7.0])
    assert naive(history, 3).tolist() == [7, 7, 7]
    assert seasonal_naive(history, 5, 3).tolist() == [4, 2, 7, 4, 2]
    assert seasonal_naive(history, 2, 5).tolist() == [7, 7]
    assert drift(history, 2).tolist() == [9, 11]


@pytest.mark.parametrize("season", [4, 5])
@pytest.mark.parametrize("multiplicative", [True, False])
def test_seasonal_indices_are_those_of_statsmodels(season: int, multiplicative: bool) -> None:
    draw = np.random.default_rng(0)
    history = 50 + np.arange(43) + 10 * np.resize(draw.normal(size=season), 43) + draw.normal(size=43)
    model = "multiplicative" if multiplicative else "additive"
    expected = seasonal_decompose(history, model=model, period=season).seasonal[:season]
    assert seasonal_indices(history, season, multiplicative=multiplicative) == pytest.approx(expected)


def test_naive2_is_exact_on_a_level_with_a_season() -> None:
    season = SEASON / SEASON.mean()
    assert naive2(30 * np.resize(season, 42), 6, 4) == pytest.approx(30 * np.resize(season, 48)[42:])


def test_naive2_is_additive_where_values_are_not_above_zero() -> None:
    season = SEASON - SEASON.mean()
    assert naive2(np.resize(season, 42), 6, 4) == pytest.approx(np.resize(season, 48)[42:])


def test_naive2_without_a_season_is_naive() -> None:
    noise = np.random.default_rng(3).normal(size=40)
    assert not is_seasonal(noise, 4)
    assert naive2(noise, 3, 4) == pytest.approx(naive(noise, 3))


def test_the_test_for_a_season_is_m4s() -> None:
    """The organisers' formula in plain Python, on series at both sides of the limit."""
    draw = np.random.default_rng(4)
    seen = set()
    for strength in np.linspace(0, 0.8, 40):
        x = strength * np.resize([0.0, 1.0, 0.3, -0.5], 60) + draw.normal(size=60)
        mean, size = x.mean(), len(x)
        total = sum((v - mean) ** 2 for v in x)
        acf = [sum((x[t] - mean) * (x[t - k] - mean) for t in range(k, size)) / total for k in range(1, 5)]
        limit = 1.645 / np.sqrt(size) * np.sqrt(1 + 2 * sum(a * a for a in acf[:3]))
        assert is_seasonal(x, 4) == (abs(acf[3]) > limit)
        seen.add(is_seasonal(x, 4))
    assert seen == {True, False}


@pytest.mark.parametrize(("history", "season"), [(np.full(30, 5.0), 4), (np.arange(10.0), 4), (np.arange(9.0), 1)])
def test_there_is_no_season_in(history: np.ndarray, season: int) -> None:
    assert not is_seasonal(history, season)


@pytest.mark.parametrize("name", [*QUICK, *FITTED])
@pytest.mark.parametrize("season", [1, 4])
def test_every_method_gives_the_horizon(name: str, season: int) -> None:
    method = QUICK[name] if name in QUICK else FITTED[name][0]
    history = 20 + 5 * np.resize(SEASON, 41) + np.random.default_rng(5).normal(size=41)
    found = method(history, 6, season)
    assert found.shape == (6,)
    assert np.isfinite(found).all()
