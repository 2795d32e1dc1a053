"""The forecast task from a file to answers, on small made-up data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unroll.bundle import RunFolder
from unroll.data import ReadOptions, read_table
from unroll.errors import BundleError, ConfigError, DataError
from unroll.tasks.forecast.calibration import calibrated
from unroll.tasks.forecast.job import ForecastJob
from unroll.tasks.forecast.task import ForecastTask
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run

TASKS = {"forecast": ForecastTask()}
SMALL = ["model.hidden_size=6", "model.engine=torch", "training.batch_size=32", "training.learning_rate=0.01"]
DAYS = 130


def sales(shop: int, days: int = DAYS) -> np.ndarray:
    """A weekly pattern, a slow trend, a jump where there is an offer, and a little noise."""
    t = np.arange(days)
    noise = np.random.default_rng(shop).normal(size=days)
    return 50 * (shop + 1) + 10 * np.sin(2 * np.pi * t / 7) + 0.05 * t + 8.0 * offers(shop, days) + 0.5 * noise


def offers(shop: int, days: int = DAYS) -> np.ndarray:
    return (np.random.default_rng(100 + shop).random(days) < 0.2).astype(float)


def write_sales(path: Path, shops: int = 2, days: int = DAYS, blank: int = 0) -> Path:
    dates = np.datetime64("2024-01-01") + np.arange(days)
    lines = ["shop,day,offer,sales"]
    for shop in range(shops):
        values = [f"{value:.4f}" for value in sales(shop, days)]
        values[days - blank :] = [""] * blank
        for date, offer, value in zip(dates, offers(shop, days), values, strict=True):
            lines.append(f"shop {shop},{date},{offer:g},{value}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def plan(path: Path, store: Path, *overrides: str, said: list[str] | None = None, **data: Any) -> Plan:
    heard: list[str] = [] if said is None else said
    values = {"data": {"path": str(path), "target": "sales", **data}}
    return plan_run(values, [*SMALL, *overrides], TASKS, store, say=heard.append)


def rows_of(path: Path) -> list[dict[str, Any]]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    return [{**row, "offer": float(row["offer"]), "sales": float(row["sales"] or "nan")} for row in rows]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Path, list[str]]:
    where = tmp_path_factory.mktemp("run")
    path = write_sales(where / "sales.csv")
    said: list[str] = []
    made = plan(path, where / "store", "training.epochs=12", 'model.known_ahead=["offer"]', said=said)
    return train_run(made, where / "out", say=said.append), path, said


def test_run_stands_beside_its_baselines(run: tuple[RunFolder, Path, list[str]]) -> None:
    folder, _, _ = run
    metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
    assert list(metrics["test"]) == [
        *("mae", "mse", "smape", "mase", "owa", "pinball", "crps", "coverage"),
        *("mae_in_units", "rmse_in_units"),
    ]
    assert set(metrics["baselines"]) == {
        "naive", "seasonal naive", "drift", "Naive2", "theta", "exponential smoothing"
    }  # fmt: skip
    # Only a model that uses the offers can beat all of them.
    best = min(parts["test"]["mae"]["value"] for parts in metrics["baselines"].values())
    assert metrics["test"]["mae"]["value"] < best
    units = {"mae_in_units", "rmse_in_units"}
    assert metrics["baselines"]["naive"]["test"].keys() == {"mae", "mse", "smape", "mase", "owa"} | units
    page = folder.report.read_text(encoding="utf-8")
    for title in ("Forecasts", "Error by step ahead", "Rolling-origin backtest"):
        assert title in page


def test_what_was_chosen_is_said(run: tuple[RunFolder, Path, list[str]]) -> None:
    said = "\n".join(run[2])
    assert "a series for each 'shop'" in said
    assert "2 series of 130 to 130 steps in steps of 1 day; season of 7 steps, by the step of 1 day" in said
    assert "7 steps are forecast from the 21 before them" in said
    assert "the calendar's week is known" in said


def test_a_loaded_model_scores_as_the_run_did(run: tuple[RunFolder, Path, list[str]], tmp_path: Path) -> None:
    """The last windows of the file through the other door: predict from the rows before, compare with the job's."""
    folder, path, _ = run
    job = plan(path, tmp_path / "store", 'model.known_ahead=["offer"]').job
    assert isinstance(job, ForecastJob)
    folder.load_weights(job.model)
    begins = np.array(job.data.begins("test"))
    raw = job.predictor().forecasts(job.data.store, job.data.windows["test"].all(), begins)
    ratios = job.network.get_buffer("ratios").double().numpy()
    answers = calibrated(raw, (0.1, 0.5, 0.9), ratios, begins, job.predictor().evidence())
    assert not np.allclose(answers.quantiles, raw.quantiles)
    blank = tmp_path / "blank.csv"
    rows = rows_of(write_sales(blank, blank=7))
    found = list(predict_run(folder, TASKS, rows))
    assert [answer["series"] for answer in found] == ["shop 0", "shop 1"]
    for number, answer in enumerate(found):
        last = np.flatnonzero(answers.series == number)[-1]
        assert answers.origins[last] == DAYS - 7
        assert answer["mean"] == pytest.approx(answers.mean[last], rel=1e-5)
        assert answer["quantiles"]["0.1"] == pytest.approx(answers.quantiles[last, :, 0], rel=1e-5)
        assert answer["time"][0] == "2024-05-03T00:00:00"


def test_evaluate_scores_every_window_of_a_file(run: tuple[RunFolder, Path, list[str]], tmp_path: Path) -> None:
    folder, path, _ = run
    scores = evaluate_run(folder, TASKS, tmp_path / "store", str(path))
    assert list(scores.metrics) == [
        *("mae", "mse", "smape", "mase", "owa", "pinball", "crps", "coverage"),
        *("mae_in_units", "rmse_in_units"),
    ]
    assert scores.metrics["mae"].interval is not None
    shorter = write_sales(tmp_path / "short.csv", days=20)
    with pytest.raises(DataError, match="needs 21 steps and scores 7 after them; the longest series has 20"):
        evaluate_run(folder, TASKS, tmp_path / "other", str(shorter))


def test_what_is_known_ahead_must_be_given(run: tuple[RunFolder, Path, list[str]], tmp_path: Path) -> None:
    folder, path, _ = run
    with pytest.raises(DataError, match="'offer' must be known for the 7 steps after the last value"):
        list(predict_run(folder, TASKS, rows_of(path)))
    with pytest.raises(DataError, match="the model needs 7 steps to forecast from, got 3"):
        list(predict_run(folder, TASKS, rows_of(write_sales(tmp_path / "short.csv", days=10, blank=7))))
    gap = rows_of(write_sales(tmp_path / "gap.csv", blank=7))
    gap[40]["sales"] = float("nan")
    few = list(predict_run(folder, TASKS, gap))
    assert [answer.get("missing") for answer in few] == [1, None]
    for row in gap[40:55]:
        row["sales"] = float("nan")
    with pytest.raises(
        DataError, match="15 of 123 values are missing, more than 10%, the first at 2024-02-10"
    ) as caught:
        list(predict_run(folder, TASKS, gap))
    assert caught.value.line == 41
    with pytest.raises(DataError, match="the model needs the column 'offer'"):
        list(predict_run(folder, TASKS, [{k: v for k, v in row.items() if k != "offer"} for row in rows_of(path)]))
    with pytest.raises(DataError, match="needs the columns offer, day"):
        list(predict_run(folder, TASKS, ["1 2 3 4"]))


def test_a_damaged_series_file_is_refused(run: tuple[RunFolder, Path, list[str]], tmp_path: Path) -> None:
    folder, _, _ = run
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.path.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    damaged = (copy / "series.json").read_text(encoding="utf-8").replace('"horizon": 7', '"horizon": 8')
    (copy / "series.json").write_text(damaged, encoding="utf-8")
    with pytest.raises(BundleError, match="checksum"):
        list(predict_run(RunFolder.open(copy), TASKS, [{"sales": 1}]))


@pytest.mark.parametrize("encoder", ["lstm", "rnn", "cnn", "mlp"])
@pytest.mark.parametrize("decoder", ["direct", "recurrent"])
def test_every_encoder_and_decoder_opens(tmp_path: Path, encoder: str, decoder: str) -> None:
    path = write_sales(tmp_path / "sales.csv", days=80)
    job = plan(path, tmp_path / "store", f"model.encoder={encoder}", f"model.decoder={decoder}").job
    loss = job.loss(job.model, job.batches(0)[0], next(job.model.parameters()).device)
    loss.total.backward()
    assert loss.items == len(job.batches(0)[0]) * 7
    assert {"mae", "mse", "smape", "mase", "pinball", "coverage", "mae_in_units"} <= set(job.validate())


def test_numbers_alone_are_a_series(tmp_path: Path) -> None:
    """A text of numbers, and times as numbers, whose season is found in the values."""
    path = tmp_path / "spots.csv"
    values = [round(50 + 30 * np.sin(2 * np.pi * t / 9) + 0.01 * t, 3) for t in range(120)]
    path.write_text("year,spots\n" + "".join(f"{1800 + t},{v}\n" for t, v in enumerate(values)), encoding="utf-8")
    said: list[str] = []
    made = plan_run(
        {"data": {"path": str(path)}}, [*SMALL, "training.epochs=1"], TASKS, tmp_path / "store", say=said.append
    )
    assert any("season of 9 steps, found in the train part" in note for note in said)
    folder = train_run(made, tmp_path / "out", say=said.append, with_baselines=False)
    answer = next(predict_run(folder, TASKS, [" ".join(map(str, values))]))
    rows = [{"year": 1800 + t, "spots": v} for t, v in enumerate(values)]
    from_rows = next(predict_run(folder, TASKS, rows))
    assert answer["mean"] == pytest.approx(from_rows["mean"], rel=1e-5)
    assert from_rows["time"] == [1920.0 + n for n in range(9)]
    with pytest.raises(DataError, match="expected numbers separated by blanks or commas"):
        next(predict_run(folder, TASKS, ["no numbers"]))
    with pytest.raises(DataError, match="expected numbers separated by blanks or commas"):
        next(predict_run(folder, TASKS, ["1 2 nan"]))


def test_batches_depend_on_seed_and_epoch_alone(tmp_path: Path) -> None:
    path = write_sales(tmp_path / "sales.csv", days=80)
    one, two = (plan(path, tmp_path / name).job for name in ("a", "b"))
    for epoch in (0, 3):
        assert all(np.array_equal(*pair) for pair in zip(one.batches(epoch), two.batches(epoch), strict=True))
    assert not np.array_equal(one.batches(0)[0], one.batches(1)[0])
    rows = np.concatenate(one.batches(0))
    assert sorted(rows.tolist()) == list(range(len(rows)))


def test_missing_values_are_said_or_refused(tmp_path: Path) -> None:
    path = write_sales(tmp_path / "sales.csv", days=80)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[10] = lines[10].rpartition(",")[0] + ","
    del lines[20]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said: list[str] = []
    plan(path, tmp_path / "a", said=said)
    assert any(note.startswith("2 of 160 values are missing") for note in said)
    with pytest.raises(DataError, match="2 of 80 values are missing, the first") as caught:
        plan(path, tmp_path / "b", "model.missing=error")
    assert caught.value.line == 11
    del lines[25:35]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="12 of 80 values are missing, more than 10%"):
        plan(path, tmp_path / "c")
    plan(path, tmp_path / "d", "model.missing=interpolate", said=said)
    assert any(note.startswith("12 of 160 values are missing") for note in said)


@pytest.mark.parametrize(
    ("override", "error", "words"),
    [
        ("model.encoder=lstn", ConfigError, "did you mean 'lstm'"),
        ("model.quantiles=[0.9,0.5,0.1]", ConfigError, "rising numbers"),
        ("model.quantiles=[0.1,0.9]", ConfigError, "odd number of quantiles with 0.5 in the middle"),
        ("model.split=[60,50,50]", ConfigError, "asks for 160 steps, series 'shop 0' has 130"),
        ("model.split=[0,5,5]", ConfigError, "the first at least 1"),
        ("model.input_length=500", DataError, "no series has a train part of 500 \\+ 7 steps"),
        ('model.known_ahead=["ofer"]', DataError, "did you mean 'offer'"),
        ("model.horizn=3", ConfigError, "did you mean 'horizon'"),
    ],
)
def test_wrong_settings_are_named(
    run: tuple[RunFolder, Path, list[str]], tmp_path: Path, override: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        plan(run[1], tmp_path / "store", override)


def test_a_table_without_numbers_is_no_forecast(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("a,b\nx,y\nz,w\n", encoding="utf-8")
    table = read_table(path, ReadOptions(), tmp_path / "store")
    with pytest.raises(DataError, match="cannot serve the task 'forecast'"):
        plan_run({"task": "forecast", "data": {"path": str(path)}}, [], TASKS, tmp_path, say=print, table=table)


def test_scores_in_the_datas_own_units_stand_beside_the_scaled_ones(tmp_path: Path) -> None:
    """Of one series both are the same errors, one of them divided by the deviation of the train split."""
    path = write_sales(tmp_path / "sales.csv", shops=1, days=90)
    job = plan(path, tmp_path / "store").job
    assert isinstance(job, ForecastJob)
    (scaling,) = job.data.store.scaling
    scores = job.evaluate("test").metrics
    assert scores["mae_in_units"].value == pytest.approx(scaling.size * scores["mae"].value)
    assert scores["rmse_in_units"].value == pytest.approx(scaling.size * scores["mse"].value ** 0.5)
    plain = plan(path, tmp_path / "plain", "model.standardised=false").job.evaluate("test").metrics
    assert "mae_in_units" not in plain
    assert plain["mae"].value == pytest.approx(scores["mae_in_units"].value)


def test_the_band_is_calibrated_and_the_first_lines_say_what_it_held(
    run: tuple[RunFolder, Path, list[str]], tmp_path: Path
) -> None:
    folder, path, said = run
    metrics = folder.read_json("metrics.json")
    held = f"The 80% band held {100 * metrics['test']['coverage']['value']:.1f}% of what came."
    page = folder.read_text("report.html")
    assert held in page[: page.index("</header>")]
    assert any("calibrated (conformal)" in text for text in said)
    # What calibrates a band holds its share by construction, and more where there are few windows.
    assert 0.75 < metrics["validation"]["coverage"]["value"] < 1.0
    assert any("not calibrated" in text for text in plan(path, tmp_path / "s", validation_fraction=0.0).job.notes)


def test_one_series_too_short_does_not_keep_the_others_from_an_answer(
    run: tuple[RunFolder, Path, list[str]], tmp_path: Path
) -> None:
    folder, path, _ = run
    rows = rows_of(path)
    short = [row for row in rows if row["shop"] == "shop 0"][:5]
    rest = [row for row in rows if row["shop"] == "shop 1"]
    answers = list(predict_run(folder, TASKS, [*short, *blank_rows(rest, 7)]))
    assert [answer["series"] for answer in answers] == ["shop 0", "shop 1"]
    assert "needs 7 steps to forecast from, got 5; give more history" in answers[0]["error"]
    assert len(answers[1]["mean"]) == 7
    with pytest.raises(DataError, match="needs 7 steps"):
        list(predict_run(folder, TASKS, short))


def test_a_new_series_with_a_short_history_is_forecast_and_it_is_said(
    run: tuple[RunFolder, Path, list[str]], tmp_path: Path
) -> None:
    folder, _, _ = run
    days = 16
    rows = [{**row, "shop": "new"} for row in rows_of(write_sales(tmp_path / "n.csv", shops=1, days=days, blank=7))]
    (answer,) = predict_run(folder, TASKS, rows)
    assert answer["short_by"] == 21 - (days - 7)
    assert "missing" not in answer
    assert answer["mean"] == pytest.approx(sales(0, days)[-7:], rel=0.35)
    (whole,) = predict_run(
        folder, TASKS, [{**row, "shop": "new"} for row in rows_of(write_sales(tmp_path / "w.csv", shops=1, blank=7))]
    )
    assert "short_by" not in whole


def blank_rows(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The rows with the last values unknown, whose offers are known."""
    return [*rows[:-count], *({**row, "sales": float("nan")} for row in rows[-count:])]
