"""Bands that hold as much as they say, also where errors change."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.tasks.forecast.calibration import (
    calibrated,
    evidence_of,
    factors_of,
    pool_size,
    quantiles_of,
    ratios_of,
    widening,
)
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


def test_with_little_evidence_both_sides_share_their_errors() -> None:
    lopsided = np.concatenate([np.linspace(-2.0, 0.0, 5001), np.linspace(0.0, 6.0, 5001)])
    # A tenth lies below -1.6, a tenth above 4.8, and of the sizes a fifth above 3.6.
    assert quantiles_of(lopsided, LEVELS, 1e9).tolist() == pytest.approx([-1.6, 0.0, 4.8], rel=1e-3)
    assert quantiles_of(lopsided, LEVELS, 1e-9).tolist() == pytest.approx([-3.6, 0.0, 3.6], rel=1e-3)
    assert quantiles_of(lopsided, LEVELS, 20.0).tolist() == pytest.approx([-2.6, 0.0, 4.2], rel=1e-3)
    assert factors_of(np.full((3, 2), np.nan), LEVELS, 3.0) is None


def test_little_evidence_widens_as_students_t_does() -> None:
    """Tabulated 0.9 quantiles of t with 5 and 20 degrees of freedom, over that of the normal distribution."""
    assert widening(LEVELS, 5.0) == pytest.approx([1.475884 / 1.281552, 1.0, 1.475884 / 1.281552], rel=1e-5)
    assert widening(LEVELS, 20.0)[2] == pytest.approx(1.325341 / 1.281552, rel=1e-5)
    assert 1.0 < widening(LEVELS, 1e6)[2] < 1.0001
    assert np.isfinite(widening(LEVELS, 1.0)).all()


def test_windows_that_share_steps_are_little_evidence() -> None:
    assert evidence_of(60, 1) == 60
    assert evidence_of(60, 11) == 10
    assert evidence_of(3, 50) == 1
    pool = np.random.default_rng(3).normal(size=(100, 11))
    raw = forecasts_of(np.zeros((2, 11)), 1.0)
    # A pool that is worth less makes a wider band.
    few, many = (calibrated(raw, LEVELS, pool, None, worth).quantiles[..., 2] for worth in (4.0, 400.0))
    assert few.mean() > 1.1 * many.mean()


def test_bands_from_a_few_windows_hold_their_share_on_average() -> None:
    """Three hundred short series, each with a pool of its own of five values: normal errors, which t is exact for."""
    draw = np.random.default_rng(5)
    held = []
    for _ in range(300):
        pool = ratios_of(forecasts_of(draw.normal(size=(5, 1)), 1.0))
        held.append(share_inside(calibrated(forecasts_of(draw.normal(size=(40, 1)), 1.0), LEVELS, pool, None)))
    assert np.mean(held) == pytest.approx(0.8, abs=0.06)


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
