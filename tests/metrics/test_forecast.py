"""Forecast errors against their definitions written out step by step."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from unroll.metrics.forecast import blocks_of, crps, mase_scale, means_with_intervals, owa, pinball, smape

NAN = float("nan")


def test_smape_is_m4s() -> None:
    truth, forecast = np.array([[100.0, 0.0, -2.0, NAN]]), np.array([[110.0, 0.0, 2.0, 1.0]])
    found = smape(truth, forecast)[0]
    assert found[0] == pytest.approx(200 * 10 / 210)
    assert found[1] == 0
    assert found[2] == 200
    assert math.isnan(found[3])


def test_mase_scale_is_the_seasonal_naive_error_of_the_history() -> None:
    history = np.array([1.0, 5.0, 2.0, NAN, 4.0, 9.0])
    # Pairs two apart: 1-2, 5-NaN, 2-4, NaN-9.
    assert mase_scale(history, 2) == pytest.approx((1 + 2) / 2)
    assert mase_scale(history, 1) == pytest.approx((4 + 3 + 5) / 3)


@pytest.mark.parametrize("history", [np.ones(5), np.arange(2.0), np.empty(0)])
def test_mase_scale_is_not_defined_without_differences(history: np.ndarray) -> None:
    assert math.isnan(mase_scale(history, 2))


def test_pinball_is_the_tilted_absolute_error() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    draw = np.random.default_rng(0)
    truth, quantiles = draw.normal(size=(4, 3)), draw.normal(size=(4, 3, 3))
    for w in range(4):
        for n in range(3):
            each = []
            for q, level in enumerate(levels):
                error = truth[w, n] - quantiles[w, n, q]
                each.append(level * error if error > 0 else (level - 1) * error)
            assert pinball(truth, quantiles, levels)[w, n] == pytest.approx(np.mean(each))


def test_pinball_is_least_at_the_true_quantile() -> None:
    truth = np.random.default_rng(1).normal(size=(20_000, 1))
    candidates = np.linspace(-2.5, 2.5, 101)
    losses = [pinball(truth, np.full((20_000, 1, 1), c), np.array([0.9])).mean() for c in candidates]
    assert candidates[int(np.argmin(losses))] == pytest.approx(1.2816, abs=0.06)


def test_blocks_hold_one_stretch_of_one_series() -> None:
    series, origins = np.array([0, 0, 0, 1, 1]), np.array([10, 13, 14, 10, 14])
    assert blocks_of(series, origins, 4).tolist() == [0, 0, 1, 2, 3]


def test_means_leave_out_what_is_not_known() -> None:
    found = means_with_intervals({"a": np.array([[1.0, NAN], [3.0, 5.0]]), "b": np.full((2, 2), NAN)}, np.array([0, 1]))
    assert found["a"] == (3.0, None)
    assert math.isnan(found["b"][0])


def test_intervals_come_from_whole_blocks() -> None:
    """50 blocks of 20 equal windows hold 50 values, not 1,000: the interval is as wide as that of 50."""
    values = np.random.default_rng(2).normal(size=50)
    errors = np.repeat(values, 20)[:, None]
    mean, interval = means_with_intervals({"a": errors}, np.repeat(np.arange(50), 20))["a"]
    assert interval is not None
    half = 1.96 * values.std() / math.sqrt(50)
    assert mean == pytest.approx(values.mean())
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.15)


def test_crps_of_many_quantiles_is_that_of_the_normal_distribution() -> None:
    """Gneiting, Raftery 2007, section 4.2: sigma (z (2 F(z) - 1) + 2 f(z) - 1 / sqrt(pi))."""
    normal = NormalDist(3.0, 2.0)
    levels = (np.arange(2_000) + 0.5) / 2_000
    quantiles = np.array([normal.inv_cdf(level) for level in levels])
    truth = np.array([[3.0, 5.5, -2.0]])
    found = crps(truth, np.broadcast_to(quantiles, (1, 3, 2_000)), levels)
    for value, y in zip(found[0], truth[0], strict=True):
        z, unit = (y - 3.0) / 2.0, NormalDist()
        wanted = 2.0 * (z * (2 * unit.cdf(z) - 1) + 2 * unit.pdf(z) - 1 / np.sqrt(np.pi))
        assert value == pytest.approx(wanted, rel=1e-3)


def test_owa_of_naive2_is_one() -> None:
    assert owa(18.383, 2.395, 18.383, 2.395) == 1.0
    # ES-RNN on M4 Hourly, as published: 0.440.
    assert owa(9.328, 0.893, 18.383, 2.395) == pytest.approx(0.440, abs=5e-4)
    assert np.isnan(owa(1.0, 1.0, 0.0, 1.0))
