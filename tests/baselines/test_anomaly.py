"""Simple detectors against a record at a time in plain numpy."""

from __future__ import annotations

import numpy as np

from unroll.baselines.anomaly import static_threshold, windowed_gaussian


def test_windowed_gaussian_is_the_distance_from_the_records_before():
    rng = np.random.default_rng(0)
    values = rng.normal(5.0, 2.0, (40, 2))
    values[7, 1] = np.nan
    found = windowed_gaussian(values, window=12)
    for at in range(2, 40):
        away = []
        for column in values.T:
            before = column[max(0, at - 12) : at]
            before = before[~np.isnan(before)]
            if not np.isnan(column[at]):
                away.append(abs(column[at] - before.mean()) / max(before.std(), 1e-12))
        # One record before has no deviation.
        if at > 2:
            np.testing.assert_allclose(found[at], max(away), rtol=1e-9)
    assert found[0] == 0.0


def test_windowed_gaussian_of_a_constant_is_calm_until_it_changes():
    values = np.full((50, 1), 0.1)
    values[30] = 0.2
    found = windowed_gaussian(values)
    assert (found[1:30] < 1.0).all()
    assert found[30] > 1e4


def test_static_threshold_is_the_distance_from_the_probation_part():
    values = np.array([[1.0], [3.0], [1.0], [3.0], [9.0], [np.nan]])
    np.testing.assert_allclose(static_threshold(values, 4), [1, 1, 1, 1, 7, 0])
