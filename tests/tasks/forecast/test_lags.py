"""Values far back: which are looked up, where, what they are worth, and nothing of the future."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import unroll
from unroll.data.series.frequency import Frequency
from unroll.errors import ConfigError
from unroll.tasks.forecast.job import ForecastJob
from unroll.tasks.forecast.lags import choose_lags, distances, places
from unroll.tasks.forecast.season import Rhythm
from unroll.tasks.forecast.task import ForecastTask
from unroll.tasks.pipeline import Plan, plan_run, predict_run, train_run

TASKS = {"forecast": ForecastTask()}
SMALL = ["model.hidden_size=4", "model.engine=torch", "training.epochs=1"]
HOUR = 3_600_000_000


def plan_of(values: np.ndarray, where: Path, *overrides: str) -> Plan:
    """The plan of series in columns, one a column, by days."""
    where.mkdir(parents=True, exist_ok=True)
    dates = np.datetime64("2024-01-01") + np.arange(len(values))
    names = [f"s{i}" for i in range(values.shape[1])]
    cells = [["" if np.isnan(value) else repr(value) for value in row] for row in values.tolist()]
    lines = [",".join([str(date), *row]) for date, row in zip(dates, cells, strict=True)]
    (where / "data.csv").write_text("\n".join([",".join(["day", *names]), *lines, ""]), encoding="utf-8")
    config = {"data": {"path": str(where / "data.csv")}}
    return plan_run(config, [*SMALL, *overrides], TASKS, where / "store", say=lambda text: None)


def job_of(values: np.ndarray, where: Path, *overrides: str) -> ForecastJob:
    job = plan_of(values, where, *overrides).job
    assert isinstance(job, ForecastJob)
    return job


def shaken(job: ForecastJob) -> ForecastJob:
    """With random weights everywhere: an untrained head gives the same whatever it sees."""
    with torch.no_grad():
        for parameter in job.model.parameters():
            parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return job


def waves(days: int, season: int, series: int = 1, seed: int = 0) -> np.ndarray:
    """A pattern without any form that returns after a season, and a little noise."""
    draw = np.random.default_rng(seed)
    pattern = draw.normal(size=(season, series))
    return np.round(pattern[np.arange(days) % season] + 0.05 * draw.normal(size=(days, series)), 4)


def test_a_lag_that_is_not_known_yet_is_looked_up_once_more() -> None:
    """Step by step: the latest known step at a whole number of lags before it."""
    found = places((1, 3, 20), past=5, horizon=9)
    for row, step in enumerate(range(-5, 9)):
        for column, lag in enumerate((1, 3, 20)):
            at = step - lag
            while at >= 0:
                at -= lag
            assert found[row, column] == at
    assert found.max() == -1


def hourly(horizon: int = 24) -> Rhythm:
    return Rhythm(Frequency("1 hour", 24, "us", HOUR), 24, "")


@pytest.mark.parametrize(
    ("rhythm", "longer", "expected"),
    [
        (hourly(), 168, {24, 48, 72, 168, 336, 504, 8736, 17472, 26208}),
        (Rhythm(Frequency("1 day", 7, "us", 24 * HOUR), 7, ""), 365, {7, 14, 21, 364, 728, 1092}),
        (Rhythm(Frequency("1 week", 52, "us", 168 * HOUR), 52, ""), 1, {52, 104, 156}),
        (Rhythm(Frequency("1 month", 12, "month", 1), 12, ""), 1, {12, 24, 36}),
        (Rhythm(Frequency("3 months", 4, "month", 3), 4, ""), 1, {4, 8, 12}),
        (Rhythm(Frequency("step 1", 1, "step", 1), 9, ""), 1, {9, 18, 27}),
        (Rhythm(None, 1, ""), 1, set()),
    ],
)
def test_distances_follow_from_the_step_of_time(rhythm: Rhythm, longer: int, expected: set[int]) -> None:
    assert set(distances(rhythm, longer)) - {1, 2, 3} == expected


def test_by_themselves_lags_are_those_the_window_does_not_reach_and_half_of_the_windows_know() -> None:
    possible = distances(hourly(), 168)
    assert choose_lags("auto", possible, 168, 24, [2000]) == (336, 504)
    assert choose_lags("auto", possible, 24, 24, [2000]) == (48, 72, 168, 336, 504)
    assert choose_lags("auto", possible, 168, 24, [500]) == ()
    assert choose_lags("none", possible, 24, 24, [2000]) == ()
    assert choose_lags((336, 5, 5), possible, 24, 24, [2000]) == (5, 336)
    with pytest.raises(ConfigError, match="no series has a value 400 steps before another in its train part"):
        choose_lags((7, 400), possible, 24, 24, [100, 400])


@pytest.mark.parametrize(("given", "kept"), [("none", "none"), ("12", (12,)), ("14,7,7", (7, 14)), ("[9]", (9,))])
def test_lags_are_given_as_steps(given: str, kept: object, tmp_path: Path) -> None:
    job = job_of(waves(90, 7), tmp_path, f"model.lags={given}", "model.input_length=10")
    assert job._settings.lags == kept
    assert job.data.saved.lags == (() if kept == "none" else kept)


def test_lags_go_in_by_themselves_where_they_tell_more_than_the_window(tmp_path: Path) -> None:
    """A pattern that the window does not reach is worth them; a walk, and what the window holds, are not."""
    options = ("model.season=30", "model.horizon=6", "model.smoothing=false")
    longer = job_of(waves(420, 30), tmp_path / "a", *options, "model.input_length=8")
    # A week of days is among the returns, where the window does not reach it.
    assert longer.data.saved.lags == (14, 21, 30, 60, 90)
    assert any(note.startswith("beside them each step looks back by 14, 21, 30, 60, 90 st") for note in longer.notes)
    walk = np.round(np.cumsum(np.random.default_rng(5).normal(size=(420, 1)), axis=0), 4)
    assert job_of(walk, tmp_path / "b", *options, "model.input_length=8").data.saved.lags == ()
    assert job_of(waves(420, 30), tmp_path / "c", *options, "model.input_length=90").data.saved.lags == ()
    # With few windows nothing is told from chance.
    assert job_of(waves(150, 30), tmp_path / "d", *options, "model.input_length=8").data.saved.lags == ()


def test_whether_lags_tell_more_does_not_depend_on_what_validates_and_tests(tmp_path: Path) -> None:
    values = waves(420, 30)
    changed = values.copy()
    changed[340:] = np.random.default_rng(7).normal(size=changed[340:].shape).round(4)
    options = ("model.season=30", "model.horizon=6", "model.smoothing=false", "model.input_length=8")
    split = "model.split=[330,40,50]"
    one, two = (job_of(own, tmp_path / name, *options, split) for name, own in (("a", values), ("b", changed)))
    assert one.data.saved.lags == two.data.saved.lags == (14, 21, 30, 60, 90)


@pytest.mark.parametrize("given", ["0", "7,-1", "often", "1e9", "7,x", "2.5"])
def test_what_is_no_step_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected auto, none, or numbers of steps from 1 on"):
        job_of(waves(90, 7), tmp_path, f"model.lags={given}")


def test_lags_are_the_values_as_measured(tmp_path: Path) -> None:
    """Against the series itself, one value at a time; what is missing or before its first step is unknown."""
    values = waves(90, 7, series=2)
    values[[20, 41], [0, 1]] = np.nan
    job = job_of(
        values, tmp_path, "model.lags=2,30", "model.input_length=6", "model.horizon=4", "model.smoothing=false"
    )
    store, saved = job.data.store, job.data.saved
    series, origins = np.array([0, 1, 1, 0]), np.array([6, 30, 60, 50])
    window = store.gather(series, origins, saved.input_length, saved.horizon).window
    assert window.lagged is not None
    known = 0
    for row, (own, origin) in enumerate(zip(series, origins, strict=True)):
        for step in range(-6, 4):
            for column, lag in enumerate((2, 30)):
                at = step - lag
                while at >= 0:
                    at -= lag
                value = values[origin + at, own] if origin + at >= 0 else np.nan
                scaled = (value - store.scaling[own].centre) / store.scaling[own].size
                assert float(window.lagged[row, step + 6, column]) == pytest.approx(scaled, rel=1e-5, nan_ok=True)
                known += not np.isnan(value)
    assert 0 < known < 4 * 10 * 2


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("model.smoothing=true",),
        ("model.smoothing=false", "model.decoder=recurrent"),
        ("model.likelihood=gaussian",),
        ("model.likelihood=student-t", "model.decoder=recurrent"),
    ],
    ids=" ".join,
)
def test_no_forecast_with_lags_knows_what_comes_after_it(options: tuple[str, ...], tmp_path: Path) -> None:
    """Lags below, at and above the horizon; the weights are random, so that every input counts."""
    values = 5 + waves(150, 7, series=2)
    changed = values.copy()
    after = len(values) - 6
    changed[after:] = 500.0
    found = []
    for name, own in (("a", values), ("b", changed)):
        job = shaken(job_of(own, tmp_path / name, *options, "model.lags=1,5,7,30", "model.combine=false"))
        windows = job.data.windows["test"].all()
        made = job.predictor().forecasts(job.data.store, windows, np.array(job.data.begins("test")))
        keep = windows[1] <= after
        assert keep.sum() >= 4
        assert not np.array_equal(made.mean[keep][0], made.mean[keep][1])
        found.append((made.quantiles[keep], made.mean[keep]))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_every_lag_is_heard(tmp_path: Path) -> None:
    """A change at one lag alone, outside the window, changes the forecast; for every decoder."""
    values = 5 + waves(150, 7)
    for options in (("model.decoder=direct",), ("model.decoder=recurrent",), ("model.likelihood=gaussian",)):
        base = ("model.lags=40", "model.input_length=8", "model.combine=false", "model.smoothing=false", *options)
        job = shaken(job_of(values, tmp_path / "-".join(options), *base))
        store, saved = job.data.store, job.data.saved
        batch = store.gather(np.array([0]), np.array([100]), saved.input_length, saved.horizon)
        network = job.predictor().network
        assert batch.window.lagged is not None
        # A step of the window, and one of the horizon.
        for at in (3, saved.input_length + 2):
            moved = batch.window.lagged.clone()
            moved[0, at, 0] += 1.0
            with torch.no_grad():
                one, two = network(batch.window).mean, network(batch.window._replace(lagged=moved)).mean
            assert not torch.equal(one, two)


def test_a_season_longer_than_the_window_is_forecast_by_its_lag(tmp_path: Path) -> None:
    """Nothing in a window of 8 steps says what a season of 30 without any form will bring; its lag does."""
    values = waves(240, 30)
    errors = {}
    for name, lags in (("without", "none"), ("with", "30")):
        job = job_of(
            values,
            tmp_path / name,
            *("model.season=30", "model.horizon=10", "model.input_length=8", "model.smoothing=false"),
            *("model.time_features=false", "model.combine=false", f"model.lags={lags}"),
        )
        torch.manual_seed(0)
        optimiser = torch.optim.Adam(job.model.parameters(), 0.01)
        job.model.train()
        for epoch in range(20):
            for batch in job.batches(epoch):
                loss = job.loss(job.model, batch, torch.device("cpu"))
                optimiser.zero_grad()
                (loss.total / loss.items).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        errors[name] = job.validate()["mae"]
    assert errors["with"] < 0.5 * errors["without"]


def test_a_run_with_lags_goes_on_and_is_loaded_and_predicts(tmp_path: Path) -> None:
    values = waves(80, 7, series=2)
    options = ("model.lags=20", "model.input_length=10", "training.epochs=2", "training.checkpoint_every=0")
    quiet: dict[str, Any] = {"say": lambda text: None, "with_baselines": False}
    whole = train_run(plan_of(values, tmp_path / "a", *options), tmp_path / "whole", **quiet)

    class Stop(Exception):
        pass

    stopped = plan_of(values, tmp_path / "b", *options)
    loss, calls = stopped.job.loss, []

    def interrupted(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == len(stopped.job.batches(0)) + 1:
            raise Stop
        return loss(*given)

    stopped.job.loss = interrupted  # type: ignore[method-assign, assignment]
    with pytest.raises(Stop):
        train_run(stopped, tmp_path / "cut", **quiet)
    resumed = train_run(plan_of(values, tmp_path / "c", *options), tmp_path / "cut", resume=True, **quiet)
    files = [folder.path / "model.safetensors" for folder in (whole, resumed)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads((whole.path / "series.json").read_text(encoding="utf-8"))["lags"] == [20]
    rows = [{"day": str(np.datetime64("2024-01-01") + t), "s0": a, "s1": b} for t, (a, b) in enumerate(values.tolist())]
    asked = list(predict_run(whole, TASKS, rows))
    # A history that ends before the lag is answered, too, and otherwise.
    short = list(predict_run(whole, TASKS, rows[-12:]))
    assert np.isfinite(short[0]["mean"]).all()
    assert short[0]["mean"] != asked[0]["mean"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_program_that_runs_the_file_gives_the_lags_itself(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra export)")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra export)")
    job = shaken(job_of(waves(90, 7), tmp_path, "model.lags=3,30", "model.input_length=10", "model.horizon=4"))
    (part,) = job.predictor().network_parts()
    assert list(part.inputs)[-2:] == ["lagged", "lagged_ahead"]
    done = unroll.interop.export_named(
        part.module, part.inputs, tmp_path / "it.onnx", outputs=part.outputs, least=part.least
    )
    window = job.data.store.gather(np.array([0, 0]), np.array([20, 60]), 10, 4).window
    assert window.lagged is not None
    assert window.lagged.isnan().any()
    given = {"past": window.past, "known": window.known[:, :10], "ahead": window.known[:, 10:]}
    given = {name: value for name, value in given.items() if name in part.inputs}
    given |= {"lagged": window.lagged[:, :10], "lagged_ahead": window.lagged[:, 10:]}
    asked = ort.InferenceSession(done.path, providers=["CPUExecutionProvider"])
    quantiles, mean = asked.run(None, {name: value.numpy() for name, value in given.items()})
    with torch.no_grad():
        expected = job.predictor().network(window)
    np.testing.assert_allclose(quantiles, expected.quantiles.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mean, expected.mean.numpy(), rtol=1e-4, atol=1e-5)
