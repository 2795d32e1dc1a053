"""The band of the simple forecasts: wider where the series is larger or wilder, and the further ahead the wider."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unroll.baselines.rolling import Origins, naive
from unroll.tasks.forecast.band import SCALES, Usual, fit_band
from unroll.tasks.forecast.job import ForecastJob
from unroll.tasks.forecast.shoulders import kept_of, stretches_of
from unroll.tasks.forecast.task import ForecastTask
from unroll.tasks.pipeline import plan_run

LEVELS = (0.1, 0.5, 0.9)
ONE = Usual(np.ones(1), np.ones(1))


def windows_of(*values: np.ndarray, horizon: int = 4, season: int = 1, fitted: int = 40) -> Origins:
    """A window from every origin behind the fitted part of each series."""
    counts = [len(own) - horizon - fitted + 1 for own in values]
    owners = np.repeat(np.arange(len(values)), counts)
    origins = np.concatenate([np.arange(fitted, fitted + count) for count in counts])
    return Origins(list(values), np.full(len(values), fitted), owners, origins, horizon, season)


def errors_at(at: Origins) -> np.ndarray:
    """What came minus the naive forecast."""
    ahead = at.origins[:, None] + np.arange(at.horizon)
    truth = np.stack([at.values[owner][steps] for owner, steps in zip(at.owners, ahead, strict=True)])
    return np.asarray(truth - naive(at))


def noises(kind: str, count: int = 900) -> np.ndarray:
    draw = np.random.default_rng(0)
    noise = draw.normal(size=count)
    level = 100 * np.exp(np.linspace(0, 2, count))
    calm = np.where(np.arange(count) // 150 % 2 == 0, 1.0, 6.0)
    return {
        "size": np.linspace(100, 900, count) + 5 * noise,
        "level": level * (1 + 0.05 * noise),
        "moves": 1000 + calm * noise,
    }[kind]


@pytest.mark.parametrize("kind", list(SCALES))
def test_the_scale_is_that_by_which_errors_grow(kind: str) -> None:
    at = windows_of(noises(kind))
    chosen, spread = fit_band(at, errors_at(at), ONE, LEVELS, walk=False, evidence=200.0)
    assert chosen == kind
    band = SCALES[chosen](at, ONE)[:, None, None] * spread
    errors = errors_at(at)
    inside = (errors >= band[..., 0]) & (errors <= band[..., 2])
    # It holds its share in every part of the series, not only on the whole.
    for part in np.array_split(inside, 3):
        assert part.mean() == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("kind", list(SCALES))
def test_a_scale_knows_nothing_of_what_comes(kind: str) -> None:
    values = noises("level")
    changed = values.copy()
    changed[500:] *= -7.0
    found = []
    for own in (values, changed):
        at = windows_of(own, season=6)
        found.append(SCALES[kind](at, Usual(np.array([3.0]), np.array([50.0])))[at.origins <= 500])
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] > 0).all()


def test_the_level_is_that_of_each_series_and_of_none_that_falls_below_zero() -> None:
    values = noises("level")
    at = windows_of(values, 3 * values)
    scale = SCALES["level"](at, Usual(np.array([2.0, 5.0]), np.array([100.0, 100.0])))
    assert scale[at.owners == 0][-1] == pytest.approx(2.0 * values[-10:-4].mean() / 100)
    assert scale[at.owners == 1][-1] == pytest.approx(5.0 * 3 * values[-10:-4].mean() / 100)
    both = Usual(np.ones(2), np.ones(2))
    assert fit_band(at, errors_at(at), both, LEVELS, walk=False, evidence=200.0)[0] == "level"
    at = windows_of(values, values - 2000.0)
    assert fit_band(at, errors_at(at), both, LEVELS, walk=False, evidence=200.0)[0] != "level"


def test_what_may_be_fitted_on_changes_no_scale() -> None:
    """Weights are found with half of a series fitted on, and used with more of it."""
    values = noises("level")
    at = windows_of(values)
    for scale in SCALES.values():
        longer = at._replace(fitted=np.array([300]))
        np.testing.assert_array_equal(scale(at, ONE), scale(longer, ONE))


def test_a_band_never_narrows_with_the_lead_and_that_of_a_walk_widens_with_its_root() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=2_000)) + 500
    at = windows_of(walk, horizon=9)
    _, spread = fit_band(at, errors_at(at), ONE, LEVELS, walk=True, evidence=400.0)
    np.testing.assert_allclose(spread[:, 2], spread[0, 2] * np.sqrt(np.arange(1, 10)))
    # Its steps are normal of deviation 1, and the scale is its last value.
    assert spread[0, 2] * np.mean(walk[at.origins - 1]) == pytest.approx(1.2816, rel=0.15)
    np.testing.assert_array_equal(spread[:, 1], 0.0)
    # By the mean errors: a lead whose errors happen to be smaller than those before has the width of the ones before.
    errors = np.random.default_rng(2).normal(size=(400, 4)) * np.array([1.0, 3.0, 2.0, 4.0])
    at = windows_of(np.arange(443.0))
    _, spread = fit_band(at, errors, ONE, LEVELS, walk=False, evidence=400.0)
    assert spread[1, 2] == spread[2, 2]
    assert (np.diff(spread[:, 2]) >= 0).all()
    assert spread[1, 2] / spread[0, 2] == pytest.approx(2.5, rel=0.15)


def test_leads_that_are_never_known_have_the_width_of_the_one_before() -> None:
    errors = np.random.default_rng(2).normal(size=(57, 4))
    errors[:, 2:] = np.nan
    at = windows_of(np.arange(100.0) + 3)
    _, spread = fit_band(at, errors, ONE, LEVELS, walk=False, evidence=20.0)
    assert spread[3, 2] == spread[1, 2] > 0
    _, none = fit_band(at, np.full((57, 4), np.nan), ONE, LEVELS, walk=False, evidence=20.0)
    assert (none == 0).all()


def test_series_of_one_time_are_less_evidence_than_as_many_windows_of_one() -> None:
    origins = np.arange(60)
    assert stretches_of(np.zeros(60, np.int64), origins, 11) == 10
    assert stretches_of(np.repeat(np.arange(4), 60), np.tile(origins, 4), 11) == 20
    assert stretches_of(np.arange(3), np.zeros(3, np.int64), 11) == pytest.approx(3 / np.sqrt(3))
    assert stretches_of(origins[:0], origins[:0], 11) == 1


def test_windows_before_validation_tell_little_of_a_network_that_answers_nearly_alone(tmp_path: Path) -> None:
    rows = "".join(f"{1900 + i},{20 + i % 5}\n" for i in range(90))
    (tmp_path / "data.csv").write_text("year,value\n" + rows, encoding="utf-8")
    config = {"data": {"path": str(tmp_path / "data.csv")}}
    tasks = {"forecast": ForecastTask()}
    job = plan_run(config, ["model.hidden_size=4"], tasks, tmp_path / "store", say=lambda text: None).job
    assert isinstance(job, ForecastJob)
    few, many = job.data.saved.evidence or (0.0, 0.0)
    assert 1 <= few < many
    assert job.network.combination is not None
    for share, wanted in ((0.0, many), (1.0, few), (0.5, (few + many) / 2)):
        job.network.combination[-2] = share
        assert job.predictor().evidence() == pytest.approx(wanted)


def test_the_band_of_a_series_that_grows_grows_with_it(tmp_path: Path) -> None:
    count = 240
    draw = np.random.default_rng(8)
    values = np.round(50 * np.exp(0.01 * np.arange(count) + 0.04 * draw.normal(size=count)), 4)
    months = np.datetime64("1990-01") + np.arange(count)
    rows = "".join(f"{month},{value!r}\n" for month, value in zip(months, values.tolist(), strict=True))
    (tmp_path / "data.csv").write_text("month,value\n" + rows, encoding="utf-8")
    config = {"data": {"path": str(tmp_path / "data.csv")}}
    tasks = {"forecast": ForecastTask()}
    job = plan_run(config, ["model.hidden_size=4"], tasks, tmp_path / "store", say=lambda text: None).job
    assert isinstance(job, ForecastJob)
    job.settle()
    kept = kept_of(job.network)
    assert kept is not None
    assert kept.scale == "level"
    assert job.evaluate("test").metrics["coverage"].value == pytest.approx(0.8, abs=0.12)
