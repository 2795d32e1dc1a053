"""Time series out of tables, their frequency, their gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.helpers import read, write
from unroll.data import TimeSeries, on_grid, series_from_table
from unroll.data.series.frequency import frequency_of, steps_between
from unroll.errors import DataError


def times(start: str, count: int, unit: str, size: int = 1) -> np.ndarray:
    return (np.datetime64(start, unit) + size * np.arange(count)).astype("datetime64[us]")


@pytest.mark.parametrize(
    ("values", "label", "season"),
    [
        (times("2020-01-01T00", 50, "h"), "1 hour", 24),
        (times("2020-01-01", 50, "D"), "1 day", 7),
        (times("2020-01-01", 50, "W"), "1 week", 52),
        (times("2020-01", 50, "M"), "1 month", 12),
        (times("2020-01", 50, "M", 3), "3 months", 4),
        (times("1700", 50, "Y"), "1 year", 1),
        (times("2020-02", 50, "M") - np.timedelta64(1, "D"), "1 month", 12),
        (times("2020-01-01T00:00", 50, "m", 15), "15 minutes", 96),
        (times("2020-01-01T00:00", 50, "m", 20), "20 minutes", 72),
        (times("2020-01-01T00:00:00", 50, "s", 7), "7 seconds", 1),
        (np.busday_offset("2020-01-06", np.arange(50)).astype("datetime64[us]"), "1 business day", 5),
        (np.arange(1700.0, 1750.0), "step 1", 1),
        (np.arange(50) * 0.1, "step 0.1", 1),
    ],
)
def test_frequency_and_grid(values: np.ndarray, label: str, season: int) -> None:
    found = frequency_of(values)
    assert found is not None
    assert (found.label, found.season) == (label, season)
    steps = steps_between(values, found)
    assert steps is not None
    assert (steps == 1).all()
    grid = found.grid(values[0], len(values))
    assert grid.dtype == values.dtype
    if values.dtype.kind == "f":
        np.testing.assert_allclose(grid, values, atol=1e-9)
    else:
        np.testing.assert_array_equal(grid, values)
    holes = np.delete(values, [3, 4, 20])
    assert frequency_of(holes) == found
    steps = steps_between(holes, found)
    assert steps is not None
    assert sorted(steps)[-3:] == [1, 2, 3]


def test_no_usual_step() -> None:
    assert frequency_of(times("2020-01-01", 2, "D")) is None
    assert frequency_of(np.cumsum(np.arange(1.0, 30.0) ** 2)) is None


LONG = (
    "shop,when,sold,price\na,2024-01-02,3,1.5\na,2024-01-01,2,1.0\nb,2024-01-01,7,2\na,2024-01-04,5,\nb,2024-01-02,,2\n"
)


def test_long_form(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", LONG), tmp_path)
    first, second = series_from_table(table, time="when", series="shop", target="sold", covariates=["price"])
    assert (first.name, second.name) == ("a", "b")
    np.testing.assert_array_equal(first.values, [2, 3, 5])
    np.testing.assert_array_equal(first.covariates, [[1.0], [1.5], [np.nan]])
    np.testing.assert_array_equal(first.times, np.array(["2024-01-01", "2024-01-02", "2024-01-04"], "datetime64[us]"))
    assert [table.place(row)[1] for row in first.rows] == [3, 2, 5]
    np.testing.assert_array_equal(second.values, [7, np.nan])


def test_one_column_per_variable(tmp_path: Path) -> None:
    text = "date,x,y\n" + "".join(f"2024-01-01 {h:02d}:00,{h},{h * h}\n" for h in range(24))
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    (only,) = series_from_table(table, time="date", target="y", covariates=["x"])
    assert only.name == "y"
    assert only.frequency is not None
    assert only.frequency.label == "1 hour"
    np.testing.assert_array_equal(only.covariates[:, 0], np.arange(24))
    assert [series.name for series in series_from_table(table, time="date")] == ["x", "y"]


def test_one_row_per_series(tmp_path: Path) -> None:
    text = '"V1",' + ",".join(f'"V{i}"' for i in range(2, 12)) + "\n"
    text += '"H1",' + ",".join(f'"{i}"' for i in range(10)) + "\n" + '"H2",1,,3' + "," * 7 + "\n"
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    for found in (series_from_table(table), series_from_table(table, series="V1")):
        assert [series.name for series in found] == ["H1", "H2"]
        np.testing.assert_array_equal(found[0].values, np.arange(10.0))
        np.testing.assert_array_equal(found[1].values, [1, np.nan, 3])
        assert table.place(found[1].rows[2])[1] == 3


def test_a_table_without_times_is_in_order(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "date,x\nfirst,5\nsecond,6\nthird,4\n"), tmp_path)
    (only,) = series_from_table(table, target="x")
    np.testing.assert_array_equal(only.values, [5, 6, 4])
    np.testing.assert_array_equal(only.times, [0, 1, 2])


def test_bad_series_are_errors_with_their_line(tmp_path: Path) -> None:
    twice = read(write(tmp_path / "a.csv", LONG + "b,2024-01-02,9,2\n"), tmp_path)
    with pytest.raises(
        DataError, match=r"a\.csv:7: column 'when': time 2024-01-02 stands a second time, first in line 6 in series 'b'"
    ):
        series_from_table(twice, time="when", series="shop", target="sold")
    with pytest.raises(
        DataError,
        match=r"a\.csv:\d: column 'when': time 2024-01-01 stands a second time, .* name the column of series ids",
    ):
        series_from_table(twice, time="when", target="sold")
    with pytest.raises(DataError, match=r"a\.csv:2: column 'shop' must hold numbers, got 'a'"):
        series_from_table(twice, time="when", series="shop", target="sold", covariates=["shop"])
    missing = read(write(tmp_path / "b.csv", "when,x\n2024-01-01,1\n,2\n2024-01-03,3\n"), tmp_path)
    with pytest.raises(DataError, match=r"b\.csv:3: column 'when': the time is missing"):
        series_from_table(missing, time="when", target="x")
    text = read(write(tmp_path / "c.csv", "when,x\n2024-01-01,one\n2024-01-02,two\n"), tmp_path)
    with pytest.raises(DataError, match="no column of numbers to forecast"):
        series_from_table(text, time="when")


def series(values: np.ndarray) -> TimeSeries:
    count = len(values)
    return TimeSeries(
        "s", values, np.arange(count, dtype=float), np.ones((count, 1)), ("c",), frequency_of(values), np.arange(count)
    )


def test_on_grid_fills_gaps_with_nan() -> None:
    whole = times("2024-01-31", 12, "D")
    filled = on_grid(series(np.delete(whole, [2, 3, 7])))
    np.testing.assert_array_equal(filled.times, whole)
    np.testing.assert_array_equal(filled.values, [0, 1, np.nan, np.nan, 2, 3, 4, np.nan, 5, 6, 7, 8])
    assert filled.rows.tolist() == [0, 1, -1, -1, 2, 3, 4, -1, 5, 6, 7, 8]
    np.testing.assert_array_equal(np.isnan(filled.covariates[:, 0]), filled.rows < 0)
    months = times("2024-01", 12, "M")
    np.testing.assert_array_equal(on_grid(series(np.delete(months, 5))).times, months)


def test_on_grid_refuses_what_it_cannot_do() -> None:
    values = times("2024-01-01T00", 30, "h")
    values[12] += np.timedelta64(5, "m")
    with pytest.raises(DataError, match="has times between its steps of 1 hour"):
        on_grid(series(values))
    values = times("2024-01-01T00", 30, "h")
    values[-1] += np.timedelta64(24 * 3650, "h")
    with pytest.raises(DataError, match="would grow from 30 to"):
        on_grid(series(values))
