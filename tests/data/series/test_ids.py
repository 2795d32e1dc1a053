"""Columns that name series together, rows that are series, and times that numbers and words are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.helpers import read, write
from unroll.bundle import DataConfig
from unroll.data import Table, series_from_table
from unroll.data.series.ids import find_ids, id_texts, name_of, names_all
from unroll.data.series.moments import is_counted, moments
from unroll.data.series.when import time_column
from unroll.data.series.wide import step_times, wide_of
from unroll.errors import DataError
from unroll.tasks.forecast.columns import find_columns

DAYS = [f"2024-01-{day:02}" for day in range(1, 21)]


def table_of(tmp_path: Path, head: str, *rows: str) -> Table:
    return read(write(tmp_path / "a.csv", "\n".join((head, *rows)) + "\n"), tmp_path)


def crossed(stores: int, items: int) -> list[str]:
    return [f"{d},{s},{i},{s * 10 + i + n}" for n, d in enumerate(DAYS) for s in range(stores) for i in range(items)]


def test_the_fewest_columns_are_found_for_which_no_time_comes_twice(tmp_path: Path) -> None:
    pair = table_of(tmp_path, "day,store,item,sold", *crossed(2, 3))
    assert find_ids(pair, pair.times("day"), {"day", "sold"}) == "store,item"
    one = table_of(tmp_path, "day,store,item,sold", *crossed(4, 1))
    assert find_ids(one, one.times("day"), {"day", "sold"}) == "store"
    three = table_of(
        tmp_path,
        "day,a_id,b_id,c_id,sold",
        *(f"{d},{a},{b},{c},1" for d in DAYS for a in (0, 1) for b in (0, 1) for c in (0, 1)),
    )
    assert find_ids(three, three.times("day"), {"day"}) == "a_id,b_id,c_id"


def test_a_measure_or_a_remark_is_no_name_of_a_series(tmp_path: Path) -> None:
    # Two rows of one time differ in their remark and in their count by chance; most pairs are not there.
    rows = [f"{day},{('rain', 'fog', 'snow')[n % 3]},{n % 9}" for n, day in enumerate(DAYS)]
    table = table_of(tmp_path, "day,remark,count", *rows, f"{DAYS[3]},fog,8")
    assert find_ids(table, table.times("day"), {"day"}) is None
    twice = table_of(tmp_path, "day,store,sold", *(f"{day},1,{n}" for n, day in enumerate(DAYS)), f"{DAYS[3]},1,7")
    assert find_ids(twice, twice.times("day"), {"day", "sold"}) is None


def test_series_of_several_columns_are_taken_out_and_named_by_their_values(tmp_path: Path) -> None:
    table = table_of(tmp_path, "day,store,item,sold", *crossed(2, 2))
    found = series_from_table(table, time="day", series="store, item", target="sold")
    assert [series.name for series in found] == ["0/0", "0/1", "1/0", "1/1"]
    assert found[3].values.tolist() == [11.0 + n for n in range(20)]
    assert id_texts(table, "store,item")[1] == "0/1"
    assert name_of({"store": 1, "item": "x"}, "store,item") == "1/x"
    with pytest.raises(DataError, match="no column 'shop'"):
        series_from_table(table, time="day", series="shop,item", target="sold")


WORLD = [
    f"{name},{name[:3]},{what}," + ",".join(str(n + k) for k in range(12))
    for n, name in enumerate(("Chile", "Peru"))
    for what in ("births", "deaths")
]


def test_rows_are_named_by_few_columns_and_their_steps_keep_their_years(tmp_path: Path) -> None:
    years = ",".join(f"{year} [YR{year}]" for year in range(2000, 2012))
    table = table_of(tmp_path, f"Country,Code,Indicator,{years}", *WORLD)
    wide = wide_of(table)
    assert wide is not None
    assert (wide.series, wide.steps[0]) == ("Country,Indicator", "2000 [YR2000]")
    series = series_from_table(table)[2]
    assert (series.name, series.times.tolist()) == ("Peru/births", [float(year) for year in range(2000, 2012)])
    assert series.values.tolist() == [float(1 + k) for k in range(12)]
    # Named once, they stay so, whatever a later file holds.
    one = table_of(tmp_path, f"Country,Code,Indicator,{years}", WORLD[0])
    assert series_from_table(one, series="Country,Indicator")[0].name == "Chile/births"


def test_examples_of_classes_are_no_series(tmp_path: Path) -> None:
    steps = ",".join(f"x{n}" for n in range(10))
    values = ",".join("1.5" for _ in range(10))
    for head, before, after in (
        (f"id,{steps},kind", "r{n},", ",{n}"),
        (f"id,label,{steps}", "r{n},{n},", ""),
    ):
        table = table_of(tmp_path, head, *((before + values + after).format(n=n) for n in range(6)))
        assert wide_of(table) is None
        assert wide_of(table, "id") is not None


def test_names_of_steps_are_times() -> None:
    assert step_times(["1/30/20", "1/31/20"]).astype("datetime64[D]").astype(str).tolist() == [
        "2020-01-30",
        "2020-01-31",
    ]  # type: ignore[union-attr]
    assert step_times(["2020 년", "2021년"]).tolist() == [2020.0, 2021.0]  # type: ignore[union-attr]
    assert step_times(["d_1", "d_2"]) is None
    assert step_times(["2020", "2020"]) is None


def test_days_of_spreadsheets_and_counted_steps_are_times(tmp_path: Path) -> None:
    hours = table_of(tmp_path, "Date,kW", *(f"{45292 + n / 24:.6f},{n}" for n in range(48)))
    expected = np.datetime64("2024-01-01T00:00", "us") + np.arange(48) * np.timedelta64(1, "h")
    assert np.array_equal(moments(hours, "Date"), expected)
    # What is called a step, or lies in no century of spreadsheets, is a number.
    steps = table_of(tmp_path, "step,kW", *(f"{45292 + n},{n}" for n in range(9)))
    assert moments(steps, "step").tolist() == [45292.0 + n for n in range(9)]
    early = table_of(tmp_path, "Date,kW", *(f"{1950 + n},{n}" for n in range(9)))
    assert moments(early, "Date").tolist() == [1950.0 + n for n in range(9)]
    weeks = table_of(tmp_path, "week,item,sold", *(f"week {n},{i},{n}" for i in "ab" for n in range(1, 9)))
    assert moments(weeks, "week").tolist() == [*range(1, 9)] * 2
    assert not is_counted(table_of(tmp_path, "V1,V2", *(f"H{n},{n}" for n in range(1, 9))), "V1")


def test_intervals_and_names_of_zones_are_read(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        "when,at,load",
        *(f"{n + 13}.02.2024 00:00 - {n + 14}.02.2024 00:00,2024-02-{n + 13} 06:30:00 UTC,{n}" for n in range(5)),
    )
    assert str(table.times("when")[1]) == "2024-02-14T00:00:00.000000"
    assert str(table.times("at")[1]) == "2024-02-14T06:30:00.000000"


def test_long_numbers_that_differ_in_their_last_digits_are_several_series(tmp_path: Path) -> None:
    rows = [f"{day},{123456789012345678 + store},{store}{n}" for store in range(3) for n, day in enumerate(DAYS)]
    table = table_of(tmp_path, "day,store,sold", *rows)
    assert not names_all(table, "store")
    columns = find_columns(table, DataConfig(path=str(table.paths[0])))
    assert columns is not None
    assert columns.series == "store"


@pytest.mark.parametrize(
    ("head", "cells", "last"),
    [
        # Years with weeks and with quarters, days of spreadsheets, and seconds since 1970 under names of their own.
        ("week", [f"2020{at}" for at in range(40, 54)] + ["202101", "202102"], "2021-01-11"),
        ("quarter", [f"{year}.{quarter}" for year in range(2018, 2024) for quarter in range(1, 5)], "2023-10-01"),
        ("Datum", [f"{45292 + at}" for at in range(30)], "2024-01-30"),
        ("수집", [f"{1704067200 + 3600 * at}" for at in range(30)], "2024-01-02T05"),
        # The last hour of a day is its 24th.
        ("when", [f"202401{1 + at // 24:02}{at % 24 + 1:02}" for at in range(72)], "2024-01-04T00"),
    ],
)
def test_numbers_that_are_times_move_evenly(tmp_path: Path, head: str, cells: list[str], last: str) -> None:
    table = table_of(tmp_path, f"{head},load", *(f"{cell},{n % 7}.5" for n, cell in enumerate(cells)))
    assert time_column(table, ()) == head
    assert moments(table, head)[-1] == np.datetime64(last)


def test_numbers_that_rise_as_they_like_are_no_times(tmp_path: Path) -> None:
    rows = (f"{1_700_000_000 + n * n * n},{n % 7}.5" for n in range(40))
    assert time_column(table_of(tmp_path, "counter,load", *rows), ()) is None
