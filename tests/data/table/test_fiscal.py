"""Fiscal years, seasons and years with a share: which years and months they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import unroll
from data.helpers import read, write
from unroll.data import Kind, series_from_table
from unroll.data.table.times import guess_notations, parse_times, settle, to_datetime64


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("FY2019", "2019-01"),
        ("FY 19", "2019-01"),
        ("FY'98", "1998-01"),
        ("2019FY", "2019-01"),
        ("2019/20", "2019-01"),
        ("1999-2000", "1999-01"),
        ("1999/00", "1999-01"),
        ("2019–20", "2019-01"),
        ("FY2019/20", "2019-01"),
        ("FY2019 Q2", "2019-04"),
        ("FY24Q3", "2024-07"),
        ("Q1 FY19", "2019-01"),
        ("4Q FY2019", "2019-10"),
        ("FY19 H2", "2019-07"),
    ],
)
def test_a_fiscal_period_is_called_as_that_of_the_calendar(cell: str, time: str) -> None:
    cells = pa.array([cell])
    (notation,) = guess_notations(cells)
    assert to_datetime64(parse_times(cells, notation)).astype("datetime64[M]").astype(str).tolist() == [time]


def test_years_that_follow_each_other_are_no_months() -> None:
    seasons = pa.array([f"{year}-{(year + 1) % 100:02}" for year in range(2001, 2011)])
    months = pa.array([f"2001-{month:02}" for month in range(1, 11)])
    assert settle(guess_notations(seasons), seasons) == "year/next year"
    assert guess_notations(months) == ["year-month"]
    assert settle(guess_notations(pa.array(["2001-02"])), pa.array(["2001-02"])) == "year-month"
    assert guess_notations(pa.array(["2019/25"])) == []


@pytest.mark.parametrize("form", [lambda y: f"FY{y}", lambda y: f"{y}/{(y + 1) % 100:02}", lambda y: f"{y}-{y + 1}"])
def test_a_column_of_fiscal_years_is_one_of_times(tmp_path: Path, form: Callable[[int], str]) -> None:
    text = "year,revenue\n" + "".join(f"{form(year)},{year % 7}\n" for year in range(1980, 2020))
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    assert table.kinds["year"] is Kind.TIME
    (series,) = series_from_table(table, time="year")
    assert series.frequency is not None
    assert series.frequency.label == "1 year"


@pytest.mark.parametrize("digits", [2, 4, 10])
@pytest.mark.parametrize(("step", "shift"), [(1, 0.0), (3, 0.0), (1, 0.5)])
def test_years_with_a_share_are_months(tmp_path: Path, digits: int, step: int, shift: float) -> None:
    shares = [round(1959 + (at * step + shift) / 12, digits) for at in range(60)]
    text = '"","time","value"\n' + "".join(f'"{at}",{share},{at % 12}\n' for at, share in enumerate(shares, 1))
    (series,) = series_from_table(read(write(tmp_path / "a.csv", text), tmp_path), time="time", target="value")
    assert series.times.astype("datetime64[M]").tolist()[:2] == [
        np.datetime64("1959-01").item(),
        (np.datetime64("1959-01") + step).item(),
    ]
    assert series.frequency is not None
    assert series.frequency.season == 12 // step
    notes = unroll.check(tmp_path / "a.csv").notes
    assert any(note.startswith("'time' holds years with the share that has passed") for note in notes)


def test_plain_years_and_other_shares_stay_numbers(tmp_path: Path) -> None:
    for name, form in (("a", "{}"), ("b", "{}.35")):
        text = "time,value\n" + "".join(f"{form.format(year)},{year % 7}\n" for year in range(1950, 1990))
        (series,) = series_from_table(read(write(tmp_path / f"{name}.csv", text), tmp_path / name), time="time")
        assert series.times.dtype.kind == "f"
