"""Numbers and dates in the notations that people use; two readings that both fit are an error that shows both."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.helpers import read, write
from unroll.data import Kind, ReadOptions, Table, read_table
from unroll.data.table.kinds import Column
from unroll.data.table.times import guess_notations, parse_times, to_datetime64
from unroll.errors import DataError


def column(tmp_path: Path, cells: list[str], **options: object) -> Table:
    text = "x\tname\n" + "".join(f"{cell}\trow {at}\n" for at, cell in enumerate(cells))
    return read(write(tmp_path / "a.tsv", text), tmp_path, **options)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["20,5", "3,0"], [20.5, 3]),
        (["1.234,50", "12,1"], [1234.5, 12.1]),
        (["0,123", "0,5"], [0.123, 0.5]),
        (["1,234,567", "12"], [1234567, 12]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["1 234,5", "7,25"], [1234.5, 7.25]),
        (["1\u202f234,5", "1\u00a0000 000"], [1234.5, 1000000]),
        (["1'234.50", "9"], [1234.5, 9]),
        (["€ 1.234,50", "€ -2,5"], [1234.5, -2.5]),
        (["12,50 €", "3 €"], [12.5, 3]),
        (["$1,234.50", "-$2.25"], [1234.5, -2.25]),
        (["USD 12", "USD 7.5"], [12, 7.5]),
        (["45%", "3.5 %"], [45, 3.5]),
        (["12,5 %", "3 %"], [12.5, 3]),
        (["(1,234.50)", "2.00"], [-1234.5, 2]),
        (["\u22123,5", "2,5"], [-3.5, 2.5]),
        (["1,5", "NA"], [1.5, np.nan]),
        (["1.234", "5.678"], [1.234, 5.678]),
        (["1e5", "-2.5E-3"], [1e5, -2.5e-3]),
    ],
)
def test_notations_of_numbers(tmp_path: Path, cells: list[str], values: list[float]) -> None:
    table = column(tmp_path, cells * 10)
    assert table.kinds["x"] is Kind.NUMBER
    np.testing.assert_allclose(table.numbers("x")[: len(values)], values)


@pytest.mark.parametrize(
    "cells", [["a", "1"], ["12 apples", "3 pears"], ["AB 12", "AB 13"], ["1.2.3", "1.2.4"], ["5 %", "5"]]
)
def test_what_is_no_number(tmp_path: Path, cells: list[str]) -> None:
    assert column(tmp_path, cells * 10).kinds["x"] is not Kind.NUMBER


def test_groups_or_decimals_are_a_question_that_an_option_or_the_file_answers(tmp_path: Path) -> None:
    cells = [f"{at},{at + 100}" for at in range(1, 40)]
    with pytest.raises(DataError, match=r"a\.tsv:2: column 'x': '1,101' is 1101 .* or 1\.101 .*data\.decimal"):
        column(tmp_path, cells).numbers("x")
    assert column(tmp_path, cells, decimal=",").numbers("x")[0] == 1.101
    assert column(tmp_path, cells, decimal=".").numbers("x")[0] == 1101
    for other, value in (("2,5", 1.101), ("2.5", 1101)):
        text = "x\ty\n" + "".join(f"{cell}\t{other}\n" for cell in cells)
        assert read(write(tmp_path / "b.tsv", text), tmp_path).numbers("x")[0] == value


def test_dots_are_groups_where_the_file_writes_decimal_commas(tmp_path: Path) -> None:
    text = "x\ty\n" + "".join(f"{at}.{at + 100}\t2,5\n" for at in range(1, 30))
    assert read(write(tmp_path / "a.tsv", text), tmp_path).numbers("x")[0] == 1101


def test_labels_that_are_numbers_stay_labels(tmp_path: Path) -> None:
    assert column(tmp_path, ["1,2", "3", "2,5"] * 10).labels("x")[:2] == [("1", "2"), ("3",)]


MONTHS = [datetime.date(2015 + at // 12, at % 12 + 1, 1) for at in range(30)]
DAYS = [datetime.date(2023, 1, 1) + datetime.timedelta(at) for at in range(30)]


@pytest.mark.parametrize(
    "form",
    [
        "%d-%m-%Y",
        "%m-%d-%Y",
        "%d/%m/%y",
        "%m/%d/%Y %I:%M %p",
        "%d.%m.%Y %H:%M:%S",
        "%d-%b-%Y",
        "%B %d, %Y",
        "%b. %d %Y",
    ],
)
def test_notations_of_days(tmp_path: Path, form: str) -> None:
    table = column(tmp_path, [day.strftime(form) for day in DAYS])
    np.testing.assert_array_equal(table.times("x"), np.array(DAYS, "datetime64[us]"))


@pytest.mark.parametrize(
    "form", ["%b %Y", "%B %Y", "%b-%Y", "%Y %b", "%m/%Y", "%Y/%m", "%YM%m", "%d/%m/%Y", "%m/%d/%Y"]
)
def test_notations_of_months(tmp_path: Path, form: str) -> None:
    table = column(tmp_path, [day.strftime(form) for day in MONTHS])
    np.testing.assert_array_equal(table.times("x"), np.array(MONTHS, "datetime64[us]"))


@pytest.mark.parametrize("form", ["{}Q{}", "{}-Q{}", "{} Q{}"])
def test_quarters(tmp_path: Path, form: str) -> None:
    table = column(tmp_path, [form.format(2005 + at // 4, at % 4 + 1) for at in range(12)])
    assert table.times("x")[5] == np.datetime64("2006-04-01")


def test_afternoons(tmp_path: Path) -> None:
    table = column(tmp_path, ["1/31/2020 12:05 am", "1/31/2020 11:30 PM", "1/31/2020 12:00 p.m."])
    assert [str(time)[11:16] for time in table.times("x")] == ["00:05", "23:30", "12:00"]


def test_day_or_month_first_is_a_question_that_an_option_answers(tmp_path: Path) -> None:
    cells = [day.strftime("%d/%m/%Y") for day in MONTHS[:6]]
    with pytest.raises(DataError, match=r"'01/02/2015' is 2015-01-02 \(month/day/year\) or 2015-02-01 .*day_first"):
        column(tmp_path, cells).times("x")
    assert column(tmp_path, cells, day_first=True).times("x")[1] == np.datetime64("2015-02-01")
    assert column(tmp_path, cells, day_first=False).times("x")[1] == np.datetime64("2015-01-02")


def test_a_column_is_read_again_as_it_was(tmp_path: Path) -> None:
    held = {
        "x": Column(Kind.NUMBER, notation="1.234,5"),
        "y": Column(Kind.TEXT),
        "z": Column(Kind.LABELS, separator=","),
        "t": Column(Kind.TIME, notation="day/month/year"),
    }
    assert {name: Column.read(kept.words()) for name, kept in held.items()} == held
    path = write(tmp_path / "a.tsv", "x\ty\tz\tt\n1.234\t007\ta\t01/02/2020\n")
    table = read_table(path, ReadOptions(columns=held), tmp_path / "store")
    assert table.numbers("x").tolist() == [1234]
    assert (table.kinds["y"], table.texts("y")[0]) == (Kind.TEXT, "007")
    assert table.labels("z") == [("a",)]
    assert table.times("t")[0] == np.datetime64("2020-02-01")


@pytest.mark.parametrize("wrong", ["Mey 2018", "Ma 2018", "2018", "May", "May 20x8", ""])
def test_a_month_that_is_misspelt_is_no_time_and_no_crash(tmp_path: Path, wrong: str) -> None:
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    cells = [f"{month} {year}" for year in (2018, 2019) for month in months]
    cells[4] = wrong
    file = tmp_path / "monthly.csv"
    file.write_text("when,load\n" + "".join(f"{cell},{n}.5\n" for n, cell in enumerate(cells)), encoding="utf-8")
    table = read_table(file, ReadOptions(), tmp_path / "store")
    assert table.kinds["when"] in (Kind.TEXT, *([Kind.TIME] if not wrong else []))
    assert len(table) == 24


@pytest.mark.parametrize("form", ["%y/%m/%d", "%y-%m-%d %H:%M", "%y.%m.%d"])
def test_a_year_of_two_digits_may_stand_first(tmp_path: Path, form: str) -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(at) for at in range(60)]
    table = column(tmp_path, [day.strftime(form) for day in days])
    np.testing.assert_array_equal(table.times("x"), np.array(days, "datetime64[us]"))


def test_where_years_may_stand_at_either_end_the_option_decides(tmp_path: Path) -> None:
    cells = [f"24/01/{day:02}" for day in range(1, 29)]
    with pytest.raises(DataError, match=r"'24/01/01' is .*--set data.day_first=true or --set data.day_first=false"):
        column(tmp_path, cells).times("x")
    path = tmp_path / "a.tsv"
    for first, last in ((True, "2028-01-24"), (False, "2024-01-28")):
        table = read(path, tmp_path / str(first), day_first=first)
        assert str(table.times("x").max())[:10] == last
    years = column(tmp_path, [f"01/01/{year}" for year in range(10, 22)])
    with pytest.raises(DataError, match="'01/01/10' is 2010-01-01"):
        years.times("x")
    assert str(read(path, tmp_path / "no", day_first=False).times("x").max())[:10] == "2021-01-01"


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("2024013123", "2024-01-31T23"),
        ("202401312359", "2024-01-31T23:59"),
        ("20240131 23:59:58", "2024-01-31T23:59:58"),
        ("20240131T235958", "2024-01-31T23:59:58"),
        ("2024-01-31T23:59:58.123456789", "2024-01-31T23:59:58.123456"),
        ("2024. 1. 31.", "2024-01-31"),
        ("2024-01-31 오후 11:59:58", "2024-01-31T23:59:58"),
        ("2024-01-31 오전 12:05", "2024-01-31T00:05"),
        ("2024-Jan-31", "2024-01-31"),
    ],
)
def test_other_notations(cell: str, time: str) -> None:
    (notation, *_) = guess_notations(pa.array([cell]))
    assert to_datetime64(parse_times(pa.array([cell]), notation))[0] == np.datetime64(time)


@pytest.mark.parametrize("cell", ["2024013124", "202413312359", "20240231T000000", "2024. 13. 1."])
def test_digits_that_are_no_times(cell: str) -> None:
    assert guess_notations(pa.array([cell])) == []
