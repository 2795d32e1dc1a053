"""Confidence intervals against published values, closed forms and coverage by simulation."""

import math

import numpy as np
import pytest

from unroll.metrics.intervals import bootstrap, wilson


def test_wilson_equals_statsmodels() -> None:
    from statsmodels.stats.proportion import proportion_confint

    for successes, trials in [(0, 10), (1, 10), (10, 10), (531, 557), (3, 1000)]:
        expected = proportion_confint(successes, trials, method="wilson")
        assert wilson(successes, trials) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, trials)


def test_wilson_covers_the_true_share() -> None:
    draws = np.random.default_rng(0).binomial(80, 0.9, 4000)
    covered = [low <= 0.9 <= high for low, high in (wilson(int(k), 80) for k in draws)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_bootstrap_of_a_mean_is_near_the_normal_interval() -> None:
    values = np.random.default_rng(1).normal(size=400)
    found = bootstrap(lambda rows: float(values[rows].mean()), 400, resamples=2000)
    assert found is not None
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.01)
    assert found.high == pytest.approx(values.mean() + half, abs=0.01)


def test_bootstrap_is_a_function_of_its_seed() -> None:
    values = np.random.default_rng(2).normal(size=50)

    def mean(rows: np.ndarray) -> float:
        return float(values[rows].mean())

    assert bootstrap(mean, 50, seed=3) == bootstrap(mean, 50, seed=3)
    assert bootstrap(mean, 50, seed=3) != bootstrap(mean, 50, seed=4)


def test_bootstrap_of_an_undefined_statistic_is_none() -> None:
    assert bootstrap(lambda rows: float("nan"), 20) is None
    assert bootstrap(lambda rows: 0.0, 0) is None
