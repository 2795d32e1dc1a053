"""Times whose parts stand in columns of their own are read together, and never as names of series."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from data.helpers import read, write
from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.data.series.moments import further, moments
from unroll.tasks.forecast.columns import find_columns

HOURS = [datetime.datetime(2024, 3, 20) + datetime.timedelta(hours=at) for at in range(72)]
#: The last hour of a day as the 24th of the day before.
ENDS = [at - datetime.timedelta(days=at.hour == 0) for at in HOURS]
MONTHS = [datetime.datetime(2020 + at // 12, at % 12 + 1, 1) for at in range(48)]
QUARTERS = MONTHS[::3]
WEEKS = [datetime.datetime(2019, 12, 2) + datetime.timedelta(weeks=at) for at in range(60)]
DAYS = [datetime.datetime(2023, 12, 1) + datetime.timedelta(days=at) for at in range(80)]


def half(at: datetime.datetime) -> str:
    return f"{'오전' if at.hour < 12 else '오후'} {(at.hour - 1) % 12 + 1}:00"


def table_of(tmp_path: Path, head: str, cells: list[str]) -> Table:
    rows = "".join(f"{cell},{50 + at % 7}.5\n" for at, cell in enumerate(cells))
    return read(write(tmp_path / "a.csv", f"{head},load\n{rows}"), tmp_path)


@pytest.mark.parametrize(
    ("head", "cells", "times"),
    [
        ("Date,Time", [f"{at:%m/%d/%Y,%I:%M:%S %p}" for at in HOURS], HOURS),
        ("Date,Hour", [f"{at:%Y-%m-%d},{int(f'{at:%I}')} {at:%p}" for at in HOURS], HOURS),
        ("날짜,시각", [f"{at:%Y-%m-%d},{half(at)}" for at in HOURS], HOURS),
        ("날짜,시간", [f"{end:%Y-%m-%d},{at.hour or 24}시" for at, end in zip(HOURS, ENDS, strict=True)], HOURS),
        ("날짜,시간", [f"{end:%Y-%m-%d},{at.hour or 24}" for at, end in zip(HOURS, ENDS, strict=True)], HOURS),
        ("날짜,시간대", [f"{at:%Y-%m-%d},{at.hour:02}시-{(at.hour + 1) % 24:02}시" for at in HOURS], HOURS),
        ("Date,Time", [f"{at:%Y-%m-%d},{at.hour:02}:00-{(at.hour + 1) % 24:02}:00" for at in HOURS], HOURS),
        ("Date,Time", [f"{at:%Y-%m-%d,%H%M}" for at in HOURS], HOURS),
        ("Date,TIME", [f"{at:%Y%m%d,%H%M%S}" for at in HOURS], HOURS),
        ("Date,Hour", [f"{at:%Y-%m-%d},H{at:%H}" for at in HOURS], HOURS),
        ("YEAR,MO,DY,HR", [f"{at.year},{at.month},{at.day},{at.hour}" for at in HOURS], HOURS),
        ("year,month,day,hour,minute", [f"{at:%Y,%m,%d,%H,%M}" for at in HOURS], HOURS),
        ("SETTLEMENT_DATE,SETTLEMENT_PERIOD", [f"{at:%d-%b-%Y},{2 * at.hour + 1}" for at in HOURS], HOURS),
        ("Year,Month", [f"{at:%Y,%B}" for at in MONTHS], MONTHS),
        ("year,month", [f"{at:%Y,%b}" for at in MONTHS], MONTHS),
        ("연도,월", [f"{at.year}년,{at.month}월" for at in MONTHS], MONTHS),
        ("Year,Period", [f"{at.year},M{at.month:02}" for at in MONTHS], MONTHS),
        ("Year,Quarter", [f"{at.year},{at.month // 3 + 1}" for at in QUARTERS], QUARTERS),
        ("Year,Quarter", [f"{at.year},Q{at.month // 3 + 1}" for at in QUARTERS], QUARTERS),
        ("연도,분기", [f"{at.year},{at.month // 3 + 1}분기" for at in QUARTERS], QUARTERS),
        ("year,week", [f"{at.isocalendar()[0]},{at.isocalendar()[1]}" for at in WEEKS], WEEKS),
        ("Year,Week", [f"{at.isocalendar()[0]},W{at.isocalendar()[1]:02}" for at in WEEKS], WEEKS),
        ("YEAR,DOY", [f"{at.year},{int(f'{at:%j}')}" for at in DAYS], DAYS),
    ],
)
def test_parts_of_a_time_are_read_together(
    tmp_path: Path, head: str, cells: list[str], times: list[datetime.datetime]
) -> None:
    table = table_of(tmp_path, head, cells)
    first, *others = head.split(",")
    np.testing.assert_array_equal(moments(table, first), np.array(times, "datetime64[us]"))
    assert further(table, first) == tuple(others)
    columns = find_columns(table, DataConfig(path=str(table.paths[0])))
    assert columns is not None
    assert (columns.time, columns.series) == (first, None)


@pytest.mark.parametrize("name", ["time", "시간", "duration"])
def test_how_long_something_took_is_no_time_of_day(tmp_path: Path, name: str) -> None:
    table = table_of(tmp_path, f"date,{name}", [f"{at:%Y-%m-%d},{20 + at.day}" for at in DAYS])
    np.testing.assert_array_equal(moments(table, "date"), np.array(DAYS, "datetime64[us]"))
    assert further(table, "date") == ()


def test_a_part_that_cannot_be_read_names_no_series(tmp_path: Path) -> None:
    table = table_of(tmp_path, "Date,Time", [f"{at:%Y-%m-%d},{at:%H:%M}+09:00" for at in HOURS])
    columns = find_columns(table, DataConfig(path=str(table.paths[0])))
    assert columns is not None
    assert columns.series is None


def test_months_say_more_than_quarters(tmp_path: Path) -> None:
    table = table_of(tmp_path, "year,quarter,month", [f"{at.year},{at.month // 4 + 1},{at.month}" for at in MONTHS])
    assert further(table, "year") == ("month",)
