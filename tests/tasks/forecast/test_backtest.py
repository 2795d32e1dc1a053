"""A backtest with refit: what each fold knows, and what is made of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import unroll
from unroll.backtesting import OURS
from unroll.cli.app import run
from unroll.errors import ConfigError, DataError

HORIZON = 5
SMALL: dict[str, Any] = {
    "target": "sales",
    "time": "day",
    "horizon": HORIZON,
    "epochs": 1,
    "hidden_size": 4,
    "progress": False,
}
#: A season and a length of window that do not depend on how much is known.
SETTINGS = {"model.season": 7, "model.input_length": 14, "model.combine": False}


def sales(days: int = 120) -> pd.DataFrame:
    step = np.arange(days)
    values = 50 + 10 * np.sin(2 * np.pi * step / 7) + np.random.default_rng(0).normal(size=days)
    return pd.DataFrame({"day": pd.date_range("2024-01-01", periods=days), "sales": values.round(3)})


@pytest.fixture(scope="module")
def two() -> unroll.backtesting.Backtest:
    return unroll.backtest(sales(), folds=2, settings=SETTINGS, **SMALL)


def test_a_fold_is_the_run_that_was_possible_then(two: unroll.backtesting.Backtest) -> None:
    earliest = two.folds[0].model
    known = sales().head(120 - HORIZON)
    then = unroll.train(known, settings=SETTINGS | {"model.fold": 1}, task="forecast", baselines=False, **SMALL)
    files = [(model.path / "model.safetensors").read_bytes() for model in (earliest, then)]
    assert files[0] == files[1]
    assert earliest.metrics["test"] == then.metrics["test"]


def test_rows_and_means_are_those_of_the_folds(two: unroll.backtesting.Backtest) -> None:
    frame, mean = two.to_frame(), two.mean()
    assert sorted(frame["fold"].unique()) == [1, 2]
    assert {OURS, "naive", "seasonal naive"} <= set(mean.index)
    for name in (OURS, "naive"):
        entries = [
            fold.model.metrics["test"] if name == OURS else fold.model.metrics["baselines"][name]["test"]
            for fold in two.folds
        ]
        assert mean["mae"][name] == pytest.approx(np.mean([entry["mae"]["value"] for entry in entries]))
    assert mean["mae"].is_monotonic_increasing
    # The naive forecast, computed by hand, of both horizons.
    values = sales()["sales"].to_numpy()
    cuts = [120 - HORIZON * back for back in (2, 1)]
    naive = [np.abs(values[cut : cut + HORIZON] - values[cut - 1]).mean() for cut in cuts]
    assert frame[frame["model"] == "naive"]["mae_in_units"].to_numpy() == pytest.approx(naive, rel=1e-5)
    assert repr(two).startswith("Backtest(2 folds, mean mae ")
    assert "naive" in two._repr_html_()


def test_the_horizon_of_the_latest_fold_holds_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    train = unroll.api.train

    def watched(data: object, **arguments: Any) -> unroll.Model:
        asked.append(arguments.get("horizon"))
        return train(data, **arguments)

    monkeypatch.setattr("unroll.api.train", watched)
    result = unroll.backtest(sales(60), folds=2, settings=SETTINGS, **{**SMALL, "horizon": None})
    assert asked == [None, 7]
    assert [fold.model.predictor.horizon for fold in result.folds] == [7, 7]  # type: ignore[attr-defined]


def test_the_command_shows_every_fold_and_where_its_report_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sales(60).to_csv(tmp_path / "sales.csv", index=False)
    small = ["--horizon", "5", "--epochs", "1", "--hidden-size", "4"]
    small += [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}".lower())]
    out = tmp_path / "runs"
    assert run(["backtest", str(tmp_path / "sales.csv"), "--folds", "2", *small, "--out", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["mean", "fold", "1", "fold", "2"] for line in said)
    (ours,) = (line for line in said if line.startswith(OURS))
    mean, first, second = (float(cell) for cell in ours.split()[-3:])
    assert mean == pytest.approx((first + second) / 2, rel=2e-3)
    assert said[-2:] == [f"report  {out}/fold1/report.html", f"        {out}/fold2/report.html"]
    assert all((out / f"fold{number}/report.html").is_file() for number in (1, 2))


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 1 fold, got 0"):
        unroll.backtest(sales(), folds=0, **SMALL)
    with pytest.raises(ConfigError, match=r"fold 1 of 3: .*no series has a train part.*; or go back 2 folds at most"):
        unroll.backtest(sales(36), folds=3, settings=SETTINGS, **SMALL)
    with pytest.raises(DataError, match="no series has a train part"):
        unroll.backtest(sales(16), folds=2, settings=SETTINGS, **SMALL)
    with pytest.raises(ConfigError, match="split and fold both"):
        unroll.backtest(sales(), folds=1, settings={"model.split": [60, 20, 20]}, **SMALL)
    with pytest.raises(ConfigError, match="the files say which rows test"):
        unroll.train(sales().head(115), test=sales().tail(5), task="forecast", settings={"model.fold": 1}, **SMALL)


def test_a_file_and_a_frame_are_read_by_columns_and_answered_as_their_rows(
    two: unroll.backtesting.Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = two.folds[-1].model
    sales().to_csv(tmp_path / "sales.csv", index=False)
    by_rows = list(model.predictor.predict(model.records(sales())))
    monkeypatch.setattr(model.predictor, "predict", None)
    assert [dict(answer) for answer in model.predict(tmp_path / "sales.csv")] == by_rows
    assert [dict(answer) for answer in model.predict(sales())] == by_rows
