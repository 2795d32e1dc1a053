"""The benchmark's score: worked values of the published scorer's tests, and a second, slow computation of the sweep."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unroll.metrics.nab import (
    PROFILES,
    Profile,
    Scored,
    alerts_score,
    best_threshold,
    normalised,
    place_value,
    probation_length,
    raw_score,
    record_values,
    score_at,
    sweep,
)

#: The cost matrix of the published scorer's unit tests, and two places' values that are written down there.
PUBLISHED = Profile(1.1, 0.11, 1.2)
FIRST, SECOND = 0.9866142981514305, 0.8482836399575131
TWO = [(1, 2), (4, 5)]


def raw(alerts: list[int], windows: list[tuple[int, int]], probation: int = 0, length: int = 7) -> float:
    """The raw score of alerts at some records."""
    scores = np.zeros(length)
    scores[alerts] = 1.0
    return score_at(sweep([Scored(scores, windows, probation)], PUBLISHED), 1.0)


@pytest.mark.parametrize(
    ("alerts", "windows", "probation", "expected"),
    [
        ([], [], 0, 0.0),
        ([1, 3], [], 0, -2 * 0.11),
        ([], TWO, 0, -2 * 1.2),
        ([1, 3], [], 4, 0.0),
        ([1, 3], [], 3, -0.11),
        ([2], [(1, 2)], 0, SECOND / FIRST * 1.1),
        ([2], TWO, 0, SECOND / FIRST * 1.1 - 1.2),
        ([4], [(4, 5)], 0, 1.1),
        ([4, 5], [(4, 5)], 0, 1.1),
        ([2, 4], TWO, 0, SECOND / FIRST * 1.1 + 1.1),
    ],
)
def test_score_agrees_with_the_published_scorers_worked_values(
    alerts: list[int], windows: list[tuple[int, int]], probation: int, expected: float
) -> None:
    assert raw(alerts, windows, probation) == pytest.approx(expected, abs=1e-9)


def test_place_values_are_those_that_the_published_scorer_documents() -> None:
    assert place_value(-1.0) == pytest.approx(FIRST, abs=1e-12)
    assert place_value(-0.5) == pytest.approx(SECOND, abs=1e-12)
    assert [float(place_value(place)) for place in (0.0, 3.0, 50.0)] == [0.0, -1.0, -1.0]
    assert place_value(1.0) == pytest.approx(-FIRST, abs=1e-12)


def test_an_alert_close_behind_a_window_costs_less_than_one_far_from_it() -> None:
    values = record_values(200, [(50, 70)], PROFILES["standard"])
    assert values[0] == values[49] == -0.11
    # The window is 21 records wide and is measured by 20 of them.
    assert values[72] == pytest.approx(0.11 * (2 / (1 + math.exp(5 * 2 / 20)) - 1))
    assert values[70 + 60] == -0.11
    assert (np.diff(values[71:131]) < 0).all()


def test_sweep_agrees_with_scoring_every_threshold_by_itself() -> None:
    rng = np.random.default_rng(0)
    profile = PROFILES["reward_low_fn"]
    series = [
        Scored(np.round(rng.random(60), 1), [(10, 20), (40, 47)], 9),
        Scored(np.round(rng.random(30), 1), [], 4),
        Scored(np.round(rng.random(25), 1), [(1, 3), (20, 24)], 3),
    ]
    swept = sweep(series, profile)
    assert (np.diff(swept.thresholds) < 0).all()
    for threshold, score in zip(swept.thresholds, swept.scores, strict=True):
        expected = 0.0
        for item in series:
            values = record_values(len(item.scores), item.windows, profile)
            alerts = {at for at in range(item.probation, len(values)) if item.scores[at] >= threshold}
            inside: set[int] = set()
            for first, last in item.windows:
                inside |= set(range(first, last + 1))
                hits = [values[at] for at in alerts if first <= at <= last]
                if last >= item.probation:
                    expected += max([*hits, -profile.missed])
            expected += sum(values[at] for at in alerts - inside)
        assert score == pytest.approx(expected), threshold
    best = best_threshold(swept)
    assert score_at(swept, best) == swept.scores.max()
    assert score_at(swept, best - 1e-9) == swept.scores.max()


@pytest.mark.parametrize("name", PROFILES)
def test_no_alert_is_0_and_the_first_record_of_every_window_is_100(name: str) -> None:
    windows = [(100, 140), (300, 340)]
    perfect, nothing = np.zeros(500), np.zeros(500)
    perfect[[100, 300]] = 1.0
    for scores, expected in ((perfect, 100.0), (nothing, 0.0)):
        series = [Scored(scores, windows, 75)]
        assert normalised(raw_score(series, PROFILES[name]), series, PROFILES[name]) == pytest.approx(expected)


def test_probation_is_capped_as_in_the_benchmark() -> None:
    assert [probation_length(records) for records in (100, 4033, 5000, 22695)] == [15, 604, 750, 750]


@pytest.mark.parametrize("name", PROFILES)
def test_alerts_of_one_series_by_themselves_have_the_same_score(name: str) -> None:
    rng = np.random.default_rng(1)
    windows, profile = [(3, 8), (30, 45), (60, 60)], PROFILES[name]
    values = record_values(80, windows, profile)
    for count in range(20):
        begins = np.sort(rng.choice(np.arange(12, 80), count, replace=False))
        scores = np.zeros(80)
        scores[begins] = 1.0
        expected = raw_score([Scored(scores, windows, 12)], profile)
        assert alerts_score(begins.tolist(), windows, 12, values, profile) == pytest.approx(expected)
