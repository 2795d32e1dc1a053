"""A few rows of a series keep the calendar that the model was trained on, whatever they look like by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import unroll
from unroll.bundle import DataConfig
from unroll.data import ReadOptions, TimeSeries, read_table
from unroll.data.series.frequency import frequency_of
from unroll.errors import DataError
from unroll.tasks.forecast.columns import Reading, find_columns, load_series
from unroll.tasks.forecast.shaping import begun_earlier, extended

#: Of each kind of steps enough to go on before and behind a few of them.
STEPS = {
    "business days": pd.bdate_range("2023-11-01", periods=60),
    "firsts of months": pd.date_range("2019-01-01", periods=60, freq="MS"),
    "ends of months": pd.date_range("2019-01-01", periods=60, freq="ME"),
    "quarters": pd.date_range("2010-01-01", periods=60, freq="QS"),
    "years": pd.date_range("1950-01-01", periods=60, freq="YS"),
    "first working days": pd.date_range("2019-01-01", periods=60, freq="BMS"),
    "last working days": pd.date_range("2019-01-01", periods=60, freq="BME"),
    "days": pd.date_range("2024-02-01", periods=60),
    "hours": pd.date_range("2024-02-28", periods=60, freq="h"),
    "weeks": pd.date_range("2024-01-03", periods=60, freq="7D"),
}


@pytest.mark.parametrize("kind", STEPS)
def test_steps_go_on_before_and_behind_a_few(kind: str) -> None:
    times = STEPS[kind].to_numpy().astype("datetime64[us]")
    few = slice(24, 29)
    nothing = np.empty((5, 0))
    rows = np.arange(5, dtype=np.int64)
    series = TimeSeries("x", times[few], np.arange(5.0), nothing, (), frequency_of(times), rows)
    longer = extended(begun_earlier(series, 20), 12)
    assert longer.times.tolist() == times[4:41].tolist()
    assert np.flatnonzero(~np.isnan(longer.values)).tolist() == list(range(20, 25))


def load(tmp_path: Path, times: pd.DatetimeIndex, reading: Reading) -> TimeSeries:
    file = tmp_path / "a.csv"
    file.write_text("at,x\n" + "".join(f"{time},{at}\n" for at, time in enumerate(times)))
    table = read_table(file, ReadOptions(), tmp_path / "store")
    columns = find_columns(table, DataConfig(path=str(file)))
    assert columns is not None
    return load_series(table, columns, reading, future=True)[0]


@pytest.mark.parametrize(
    ("kind", "few"),
    [
        # Monday to Friday look like days, whole months like days or weeks apart, and every second hour like two hours.
        ("business days", slice(3, 8)),
        ("first working days", slice(12, 15)),
        ("days", [3, 4, 6, 8, 10, 12]),
        ("hours", slice(0, 5)),
    ],
)
def test_a_few_rows_have_the_step_of_the_run(tmp_path: Path, kind: str, few: object) -> None:
    step = frequency_of(STEPS[kind].to_numpy().astype("datetime64[us]"))
    series = load(tmp_path, STEPS[kind][few], Reading(steps="time", step=step))
    assert series.frequency == step


@pytest.mark.parametrize(
    ("trained", "asked", "words"),
    [
        ("days", "weeks", "moves in steps of 1 week, and the model was trained on steps of 1 day"),
        ("days", "hours", "moves in steps of 1 hour, and the model was trained on steps of 1 day"),
        ("days", "firsts of months", "moves in steps of 1 month, and"),
        ("business days", "days", "moves in steps of 1 day, and the model was trained on steps of 1 business day"),
        ("firsts of months", "quarters", "moves in steps of 3 months, and"),
        ("firsts of months", "days", "moves in steps of 1 day, and"),
    ],
)
def test_other_steps_than_those_of_the_run_are_refused(tmp_path: Path, trained: str, asked: str, words: str) -> None:
    step = frequency_of(STEPS[trained].to_numpy().astype("datetime64[us]"))
    with pytest.raises(DataError, match=words) as caught:
        load(tmp_path, STEPS[asked], Reading(steps="time", step=step))
    assert caught.value.line == 2


def test_a_week_of_business_days_is_forecast_on_business_days() -> None:
    frame = pd.DataFrame({"day": STEPS["business days"], "price": np.arange(60) % 5 + 1.5})
    settings = {"model.input_length": 10, "training.batch_size": 8}
    model = unroll.train(frame, target="price", epochs=1, hidden_size=2, horizon=3, settings=settings, progress=False)
    # 2023-11-06 is a Monday.
    (found,) = model.predict(frame[3:8])
    assert found.time == ["2023-11-13T00:00:00", "2023-11-14T00:00:00", "2023-11-15T00:00:00"]
