"""A network on the shoulders of simple forecasts: weights, what is inside, and nothing of the future."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from unroll.baselines.forecast import FITTED, seasonal_naive
from unroll.errors import DataError
from unroll.tasks.forecast.combination import (
    Weights,
    beats,
    choose_network,
    choose_simple,
    weights_in_words,
)
from unroll.tasks.forecast.inside import Inside, fit_inside
from unroll.tasks.forecast.job import ForecastJob
from unroll.tasks.forecast.shoulders import kept_of
from unroll.tasks.forecast.task import ForecastTask
from unroll.tasks.pipeline import plan_run, train_run

TASKS = {"forecast": ForecastTask()}
SMALL = ["model.hidden_size=4", "model.engine=torch", "training.epochs=1"]


def job_of(values: np.ndarray, where: Path, *overrides: str) -> ForecastJob:
    """The job of series in columns, one a column, by days."""
    where.mkdir(parents=True, exist_ok=True)
    dates = np.datetime64("2024-01-01") + np.arange(len(values))
    names = [f"s{i}" for i in range(values.shape[1])]
    lines = [f"{date}," + ",".join(f"{v!r}" for v in row) for date, row in zip(dates, values.tolist(), strict=True)]
    (where / "data.csv").write_text("day," + ",".join(names) + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    config = {"data": {"path": str(where / "data.csv")}}
    job = plan_run(config, [*SMALL, *overrides], TASKS, where / "store", say=lambda text: None).job
    assert isinstance(job, ForecastJob)
    return job


def weekly(days: int = 150, series: int = 1, seed: int = 0) -> np.ndarray:
    t = np.arange(days)[:, None] + np.arange(series)
    noise = np.random.default_rng(seed).normal(size=(days, series))
    return np.round((50 + 0.1 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 7)) + noise, 4)


def test_simple_weights_find_the_right_one_and_the_right_mixture() -> None:
    truth = np.random.default_rng(0).normal(size=(40, 5))
    noise = np.random.default_rng(1).normal(size=(3, 40, 5))
    members = np.stack([truth + 2 * noise[0], truth + 0.01 * noise[1], truth + 3.0])
    assert choose_simple(members, truth, np.ones(40)).tolist() == [0, 1, 0]
    # Errors of opposite sign cancel only in a mixture.
    members = np.stack([truth + 1.0, truth - 1.0, truth + 5.0])
    assert choose_simple(members, truth, np.ones(40)).tolist() == [0.5, 0.5, 0]
    truth[::2] = np.nan
    assert choose_simple(members, truth, np.ones(40)).tolist() == [0.5, 0.5, 0]


def test_the_networks_weight_follows_its_errors_and_few_windows_hold_it_in_the_middle() -> None:
    draw = np.random.default_rng(2)
    truth = draw.normal(size=(60, 4))
    good, bad = truth + 0.1 * draw.normal(size=(60, 4)), truth + 2 * draw.normal(size=(60, 4))
    blocks, one = np.arange(60), np.zeros(60, np.int64)
    assert choose_network(good, bad, truth, np.ones(60), blocks) > 0.9
    assert choose_network(bad, good, truth, np.ones(60), blocks) < 0.1
    close = truth + 0.11 * draw.normal(size=(60, 4))
    assert choose_network(close, good, truth, np.ones(60), one) == pytest.approx(0.5, abs=0.1)


def test_beyond_chance_is_told_from_chance() -> None:
    draw = np.random.default_rng(3)
    truth = draw.normal(size=(200, 3))
    blocks = np.arange(200) // 4
    worse = truth + 1.1 * draw.normal(size=(200, 3))
    same = truth + 1.1 * draw.normal(size=(200, 3))
    better = truth + 0.5 * draw.normal(size=(200, 3))
    assert beats(better, worse, truth, np.ones(200), blocks)
    assert not beats(worse, better, truth, np.ones(200), blocks)
    assert not beats(same, worse, truth, np.ones(200), blocks)


def test_weights_are_said_heaviest_first() -> None:
    words = weights_in_words(("naive", "theta", "mean"), Weights(np.array([0.25, 0.75, 0.0]), 0.6))
    assert words == "the network 60 %, theta 30 %, naive 10 %"
    assert weights_in_words(("naive",), Weights(np.ones(1), 1.0)) == "the network alone"


@pytest.mark.parametrize("logarithm", [True, False])
def test_what_smoothing_leaves_and_back(logarithm: bool) -> None:
    values = [weekly(120)[:, 0], weekly(90, seed=1)[:, 0] - (0 if logarithm else 200)]
    saved, inside = fit_inside(values, ["a", "b"], np.array([100, 80]), 7, (7,))
    series, origins = np.array([0, 1, 0]), np.array([100, 81, 110])
    past = np.stack([values[i][o - 14 : o] for i, o in zip(series, origins, strict=True)])
    ahead = np.stack([values[i][o : o + 7] for i, o in zip(series, origins, strict=True)])
    seen, wanted = inside.forward(series, origins, past, ahead)
    np.testing.assert_allclose(inside.back(series, origins, wanted), ahead, rtol=1e-6)
    # A network that gives nothing forecasts as smoothing does; the season is not in what is left.
    assert np.abs(seen).max() < np.abs(past - past.mean()).max()
    assert np.abs(inside.back(series, origins, np.zeros((3, 7))) - ahead).mean() < 2.5
    # What was fitted is kept: another history of the same series, cut off, gives the same states.
    again = Inside([own[:-5] for own in values], ["a", "b"], np.array([100, 80]), 7, saved)
    np.testing.assert_allclose(again.forward(series, origins, past, ahead)[0], seen, rtol=1e-5)
    assert again.series == saved.series


def test_a_new_series_gets_a_smoothing_of_its_own() -> None:
    saved, _ = fit_inside([weekly(120)[:, 0]], ["a"], np.array([100]), 7, (7,))
    cold = Inside([1000 * weekly(60, seed=5)[:, 0]], ["new"], np.array([60]), 7, saved)
    made = cold.back(np.array([0]), np.array([50]), np.zeros((1, 7)))
    assert np.abs(made - 1000 * weekly(60, seed=5)[50:57, 0]).mean() < 5000


def test_a_random_walk_is_called_one_and_forecast_as_one(tmp_path: Path) -> None:
    walk = np.round(100 + np.cumsum(np.random.default_rng(7).normal(size=(300, 1)), axis=0), 4)
    job = job_of(walk, tmp_path)
    job.settle()
    kept = kept_of(job.network)
    assert kept is not None
    assert kept.weights.walk
    assert "random walk as far as the data tell" in job.notes[-1]
    assert job.remarks(job.evaluate("test"))[0] == job.notes[-1]
    windows = job.data.windows["test"].all()
    found = job.predictor().forecasts(job.data.store, windows, np.array(job.data.begins("test")))
    last = np.array([walk[origin - 1, 0] for origin in windows[1]])
    np.testing.assert_allclose(found.point, np.repeat(last[:, None], found.point.shape[1], axis=1))


def test_the_band_of_a_short_series_comes_from_before_its_validation_part(tmp_path: Path) -> None:
    job = job_of(weekly(110), tmp_path)
    job.settle()
    ratios = job.network.ratios
    assert ratios is not None
    assert len(ratios) > len(job.data.windows["validation"])
    assert not ratios.isnan().all(dim=1).any()


def test_the_combination_is_near_a_method_that_is_fitted_anew_for_every_window(tmp_path: Path) -> None:
    job = job_of(weekly(150), tmp_path)
    job.settle()
    theta, _ = FITTED["theta"]
    windows = job.data.windows["test"].all()
    found = job.predictor().forecasts(job.data.store, windows, np.array(job.data.begins("test")))
    histories = [job.data.store.history(0, origin) for origin in windows[1]]
    errors = [
        np.abs(np.stack([method(history, 7, 7) for history in histories]) - found.truth).mean()
        for method in (theta, seasonal_naive)
    ]
    assert np.abs(found.point - found.truth).mean() < min(1.1 * errors[0], 0.8 * errors[1])


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("model.combine=false",),
        ("model.smoothing=true",),
        ("model.smoothing=false",),
        ("model.smoothing=true", "model.decoder=recurrent"),
        ("model.likelihood=gaussian",),
        ("model.likelihood=student-t", "model.decoder=recurrent"),
    ],
    ids=" ".join,
)
def test_no_forecast_knows_what_comes_after_it(options: tuple[str, ...], tmp_path: Path) -> None:
    """The same run on data whose last steps are other ones: every forecast made before them is the same."""
    values = weekly(150, series=2)
    changed = values.copy()
    after = len(values) - 6
    changed[after:] = 500.0
    found = []
    for name, own in (("a", values), ("b", changed)):
        job = job_of(own, tmp_path / name, *options)
        job.settle()
        windows = job.data.windows["test"].all()
        made = job.predictor().forecasts(job.data.store, windows, np.array(job.data.begins("test")))
        keep = windows[1] <= after
        assert keep.sum() >= 4
        found.append((made.quantiles[keep], made.mean[keep]))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_band_around_values_that_are_mostly_zero_is_one(tmp_path: Path) -> None:
    """Intermittent demand: below the last value, most often 0, there is nothing, so the band has one side at most."""
    draw = np.random.default_rng(9)
    job = job_of(((draw.random(700) < 0.15) * draw.poisson(4, 700)).astype(float)[:, None], tmp_path)
    job.settle()
    scores = job.evaluate("test").metrics
    assert 0.7 < scores["coverage"].value < 0.9
    assert scores["pinball"].value < 0.5


def test_what_was_combined_is_said_and_kept(tmp_path: Path) -> None:
    said: list[str] = []
    values = weekly(120)
    where = tmp_path / "data"
    job_of(values, where)
    made = plan_run({"data": {"path": str(where / "data.csv")}}, SMALL, TASKS, tmp_path / "s", say=said.append)
    folder = train_run(made, tmp_path / "out", say=said.append, with_baselines=False)
    assert any(text.startswith("exponential smoothing of each series inside") for text in said)
    assert any(text.startswith("The forecast is ") for text in said)
    loaded = ForecastTask().load(folder)
    one, two = kept_of(made.job.network), kept_of(loaded.network)  # type: ignore[arg-type]
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.spread, two.spread)
    assert one.weights.network == two.weights.network


def test_counts_are_forecast_by_their_own_likelihood(tmp_path: Path) -> None:
    counts = np.random.default_rng(4).poisson(3 + 2 * (np.arange(140) % 7 == 0))[:, None].astype(float)
    for decoder in ("direct", "recurrent"):
        options = ("model.likelihood=negative-binomial", f"model.decoder={decoder}", "model.combine=false")
        job = job_of(counts, tmp_path / decoder, *options)
        assert job.data.store.scaling[0].size == 1.0
        loss = job.loss(job.model, job.batches(0)[0], next(job.model.parameters()).device)
        loss.total.backward()
        windows = job.data.windows["test"].all()
        made = job.predictor().forecasts(job.data.store, windows, np.array(job.data.begins("test")))
        assert (made.quantiles >= 0).all()
        np.testing.assert_allclose(made.quantiles, made.quantiles.round(), atol=1e-4)
        again = job.predictor().forecasts(job.data.store, windows, np.array(job.data.begins("test")))
        np.testing.assert_array_equal(again.quantiles, made.quantiles)
    with pytest.raises(DataError, match=r"needs whole numbers from 0 on, got \d+\.5"):
        job_of(counts + 0.5, tmp_path / "half", "model.likelihood=negative-binomial")


@pytest.mark.parametrize("name", ["gaussian", "student-t"])
@pytest.mark.parametrize("decoder", ["direct", "recurrent"])
def test_a_likelihood_learns_the_spread(name: str, decoder: str, tmp_path: Path) -> None:
    values = np.round(5 + 2 * np.random.default_rng(6).normal(size=(400, 1)), 4)
    options = (f"model.likelihood={name}", f"model.decoder={decoder}", "model.combine=false", "model.smoothing=false")
    job = job_of(values, tmp_path, *options, "model.level=none")
    learn(job, 80)
    windows = job.data.windows["test"].all()
    made = job.predictor().forecasts(job.data.store, windows, np.array(job.data.begins("test")))
    width = (made.quantiles[..., 2] - made.quantiles[..., 0]).mean()
    assert width == pytest.approx(2 * 1.2816 * 2, rel=0.25)


def learn(job: ForecastJob, steps: int) -> None:
    """So many steps of training, by hand."""
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(job.model.parameters(), 0.02)
    job.model.train()
    batches = [batch for epoch in range(steps) for batch in job.batches(epoch)][:steps]
    for batch in batches:
        loss = job.loss(job.model, batch, torch.device("cpu"))
        optimiser.zero_grad()
        (loss.total / loss.items).backward()
        optimiser.step()
    job.model.eval()
