"""Bands that hold as much as they say, also where errors change."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.tasks.forecast.calibration import calibrated, factors_of, pool_size, ratios_of
from unroll.tasks.forecast.scores import Forecasts

LEVELS = (0.1, 0.5, 0.9)


def forecasts_of(truth_WN: np.ndarray, width: float, series: np.ndarray | None = None) -> Forecasts:
    """Forecasts of zero with a band of a width, one after the other."""
    count = len(truth_WN)
    point = np.zeros_like(truth_WN)
    quantiles = point[..., None] + width * np.array([-1.0, 0.0, 1.0])
    series = np.zeros(count, np.int64) if series is None else series
    return Forecasts(series, np.arange(count), truth_WN, point, point, quantiles)


def share_inside(forecasts: Forecasts) -> float:
    low, high = forecasts.quantiles[..., 0], forecasts.quantiles[..., -1]
    return float(((forecasts.truth >= low) & (forecasts.truth <= high)).mean())


@pytest.mark.parametrize("width", [0.01, 0.4, 30.0])
@pytest.mark.parametrize("shape", ["normal", "skewed", "heavy"])
def test_a_band_of_any_width_holds_its_share_of_later_errors(width: float, shape: str) -> None:
    draw = np.random.default_rng(0)
    make = {
        "normal": lambda size: draw.normal(size=size),
        "skewed": lambda size: draw.exponential(size=size) - 0.3,
        "heavy": lambda size: draw.standard_t(3, size=size),
    }[shape]
    pool = ratios_of(forecasts_of(make((2_000, 1)), width))
    band = calibrated(forecasts_of(make((4_000, 1)), width), LEVELS, pool, None)
    assert share_inside(band) == pytest.approx(0.8, abs=0.03)
    # Each quantile by itself means what it says, not their distance only.
    assert float((band.truth < band.quantiles[..., 0]).mean()) == pytest.approx(0.1, abs=0.025)
    assert float((band.truth > band.quantiles[..., 2]).mean()) == pytest.approx(0.1, abs=0.025)
    np.testing.assert_array_equal(band.quantiles[..., 1], band.point)


def test_few_errors_stretch_further_than_their_quantile() -> None:
    """By the rank (n + 1) q of split conformal prediction: of nine errors the largest, for 0.9."""
    factors = factors_of(np.arange(-4.0, 5.0)[:, None], LEVELS)
    assert factors is not None
    assert factors[0].tolist() == [-4.0, 0.0, 4.0]
    # Four windows of the same error at each of two steps are evidence of four, not of eight.
    twice = np.array([[-2.0, -2.0], [-1.0, -1.0], [1.0, 1.0], [2.0, 2.0]])
    factors = factors_of(twice, (0.25, 0.5, 0.75))
    assert factors is not None
    assert factors[0].tolist() == [-2.0, 0.0, 2.0]
    assert factors_of(np.full((3, 2), np.nan), LEVELS) is None


def test_errors_that_grow_are_followed_and_nothing_is_known_before_it_came() -> None:
    draw = np.random.default_rng(1)
    horizon, count = 3, 3_000
    size = np.where(np.arange(count) < 1_000, 1.0, 4.0)[:, None]
    truth = size * draw.normal(size=(count, horizon))
    raw = forecasts_of(truth, 1.0)
    pool = ratios_of(forecasts_of(draw.normal(size=(200, horizon)), 1.0))
    still = calibrated(raw, LEVELS, pool, None)
    moving = calibrated(raw, LEVELS, pool, np.zeros(1, np.int64))
    assert share_inside(still) < 0.55
    assert share_inside(moving) == pytest.approx(0.8, abs=0.03)
    # Where errors have just grown, the levels are moved at once, before the latest errors are all that count.
    first = slice(1_000 + 4 * horizon, 1_000 + 60 * horizon)
    late = moving._replace(**{name: value[first] for name, value in moving._asdict().items()})
    assert share_inside(late) > 0.72
    # What comes later changes nothing that stands before: up to the last window that has ended.
    other = truth.copy()
    other[2_000:] = 1e6
    changed = calibrated(forecasts_of(other, 1.0), LEVELS, pool, np.zeros(1, np.int64))
    np.testing.assert_array_equal(changed.quantiles[:2_000], moving.quantiles[:2_000])
    assert (changed.quantiles[2_000 + 2 * horizon :] != moving.quantiles[2_000 + 2 * horizon :]).any()
    # Windows that the network was trained on say nothing.
    trained = calibrated(raw, LEVELS, pool, np.full(1, count))
    np.testing.assert_array_equal(trained.quantiles, still.quantiles)


def test_every_series_has_its_own_errors() -> None:
    draw = np.random.default_rng(2)
    series = np.repeat([0, 1], 1_500)
    truth = np.where(series[:, None] == 0, 1.0, 9.0) * draw.normal(size=(3_000, 1))
    raw = forecasts_of(truth, 1.0, series)._replace(origins=np.tile(np.arange(1_500), 2))
    band = calibrated(raw, LEVELS, ratios_of(forecasts_of(draw.normal(size=(100, 1)), 1.0)), np.zeros(2, np.int64))
    for number in (0, 1):
        own = band._replace(**{name: value[series == number] for name, value in band._asdict().items()})
        assert share_inside(own) == pytest.approx(0.8, abs=0.04)


def test_without_errors_or_with_one_quantile_nothing_is_changed() -> None:
    raw = forecasts_of(np.ones((5, 2)), 1.0)
    assert calibrated(raw, LEVELS, np.empty((0, 2)), np.zeros(1, np.int64)) is raw
    assert calibrated(raw, (0.5,), np.ones((200, 2)), None) is raw
    assert pool_size(1) == 100
    assert pool_size(24) == 480
