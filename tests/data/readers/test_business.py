"""Files of offices, meters and monitoring: read as what they are, or asked about, never taken for something else."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

import unroll
from data.helpers import read, write
from unroll.bundle import DataConfig
from unroll.data import Kind
from unroll.tasks import TASKS
from unroll.tasks.pipeline import open_table
from unroll.tasks.recognition import recognise

BEGIN = datetime.datetime(2022, 1, 3)
HOURS = [BEGIN + datetime.timedelta(hours=at) for at in range(120)]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def guessed(path: Path, text: str) -> tuple[str, str]:
    data = DataConfig(path=str(write(path, text)))
    task, guess = recognise(open_table(data, path.parent / "store"), data, TASKS, None)
    return task.name, guess.reason


def wrong(path: Path, text: str, **given: str) -> str:
    (error, *_) = unroll.check(write(path, text), **given).errors
    return f"{error.text}; {error.advice}"


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("03JAN2022", "2022-01-03T00:00"),
        ("03JAN2022:05:30:00", "2022-01-03T05:30"),
        ("3jan22", "2022-01-03T00:00"),
        ("JAN22", "2022-01-01T00:00"),
        ("2022m1", "2022-01-01T00:00"),
        (" 2022-01-03T05:30:00+00:00 ", "2022-01-03T05:30"),
        ("2022/01/03 2:30:10 오후 GMT+9", "2022-01-03T05:30"),
    ],
)
def test_times_of_sas_and_stata_and_behind_blanks_are_read(tmp_path: Path, cell: str, time: str) -> None:
    table = read(write(tmp_path / "a.csv", f"date,value\n{cell},1\n{cell},2\n"), tmp_path)
    assert table.kinds["date"] is Kind.TIME
    assert table.times("date")[0].astype("datetime64[m]") == np.datetime64(time, "m")


def test_a_sensor_that_is_unavailable_has_no_value(tmp_path: Path) -> None:
    rows = (f"{at:%Y-%m-%dT%H:%M:%S.000Z},{'unavailable' if at.hour == 7 else at.hour}\n" for at in HOURS)
    table = read(write(tmp_path / "a.csv", "last_changed,state\n" + "".join(rows)), tmp_path)
    assert np.isnan(table.numbers("state")).sum() == 5


def test_years_and_months_of_power_bi_are_times(tmp_path: Path) -> None:
    rows = (f"{2015 + at // 12},{MONTHS[at % 12]},{at % 7}.5\n" for at in range(72))
    task, reason = guessed(tmp_path / "a.csv", "Date[Year],Date[Month],Sum of Sales\n" + "".join(rows))
    assert (task, "over 'Date[Year]' and 'Date[Month]'" in reason) == ("forecast", True)


def test_hours_that_end_in_numbers_name_the_time_of_stations(tmp_path: Path) -> None:
    rows = (
        f"{at:%Y%m%d}{at.hour + 1:02},{name},{at.hour},{at.day % 5}\n" for at in HOURS for name in ("중구", "종로구")
    )
    task, reason = guessed(tmp_path / "a.csv", "측정일시,측정소명,미세먼지,초미세먼지\n" + "".join(rows))
    assert (task, "over '측정일시', a series for each '측정소명'" in reason) == ("forecast", True)


def test_drawn_tables_and_line_protocol_are_no_prose(tmp_path: Path) -> None:
    rule = "-" * 30 + "\n"
    drawn = rule + "|Datum     |Menge|WRG|\n" + rule + "".join(f"|{at:%d.%m.%Y}|{at.hour:5}|EUR|\n" for at in HOURS)
    assert "a table that is drawn with bars and rules" in wrong(tmp_path / "sap.txt", drawn + rule)
    lines = "".join(f"weather,location=us temperature={at.hour} {1704067200 + at.hour}000000000\n" for at in HOURS)
    assert "InfluxDB's line protocol" in wrong(tmp_path / "lp.txt", lines)


@pytest.mark.parametrize("steps", [1, 6])
def test_rows_with_names_of_their_own_are_no_steps_of_time(tmp_path: Path, steps: int) -> None:
    names = ",".join(f"V{at}" for at in range(1, steps + 2))
    rows = (f"Y{at}," + ",".join(str(10 * (at * 3 % 7 + step)) for step in range(steps)) + "\n" for at in range(40))
    path = tmp_path / "a.csv"
    said = wrong(path, f"{names}\n" + "".join(rows))
    assert "every row has a name of its own in 'V1' ('Y0'), which is read as no time" in said
    assert ("--series V1 takes each row for a series of 6 steps" in said) is (steps == 6)
    if steps == 6:
        assert "every row is one series, named by 'V1'" in unroll.check(path, series="V1").reason


def test_one_class_in_all_rows_keeps_no_series_from_being_one(tmp_path: Path) -> None:
    head = "Series,Category,Starting Month," + ",".join(map(str, range(1, 21))) + "\n"
    rows = (f"N {at},MICRO,{at % 12 + 1}," + ",".join(str(at + s % 5) for s in range(20)) + "\n" for at in range(40))
    task, reason = guessed(tmp_path / "m3.csv", head + "".join(rows))
    assert (task, "named by 'Series'" in reason) == ("forecast", True)


def test_rows_of_a_competition_without_answers_are_no_test_part(tmp_path: Path) -> None:
    write(tmp_path / "kag" / "train.csv", "date,store,sales\n" + "2022-01-01,1,5\n" * 9)
    write(tmp_path / "kag" / "test.csv", "id,date,store\n" + "1,2022-02-01,1\n" * 9)
    with pytest.raises(unroll.DataError, match=r"train on train\.csv by itself, and give test\.csv to `unroll predict"):
        unroll.check(tmp_path / "kag")


@pytest.mark.parametrize("name", ["OPR_HR", "DELIVERY_HOUR", "HE"])
def test_hours_of_delivery_name_no_series(tmp_path: Path, name: str) -> None:
    rows = (f"{at:%Y-%m-%d},{at.hour + 1},{at.hour * 3 % 7}.5\n" for at in HOURS)
    _, reason = guessed(tmp_path / "a.csv", f"OPR_DATE,{name},MW\n" + "".join(rows))
    assert f"over 'OPR_DATE' and '{name}'" in reason


def test_a_day_that_is_counted_is_no_channel(tmp_path: Path) -> None:
    task, reason = guessed(tmp_path / "a.csv", "Nth day,Users\n" + "".join(f"{at:04},{at % 7}\n" for at in range(90)))
    assert (task, "over 'Nth day'" in reason) == ("forecast", True)


def test_signs_of_accounts_before_numbers_are_asked_about(tmp_path: Path) -> None:
    rows = (f"{2015 + at // 12}-{at % 12 + 1:02},{'△' * (at % 3 == 1)}{at % 9}.{at % 7}\n" for at in range(90))
    assert "('△1.1')" in wrong(tmp_path / "a.csv", "월,증감률\n" + "".join(rows))
