"""Hours and half hours that are counted through the days on which clocks change."""

from __future__ import annotations

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import unroll
from data.helpers import read, write
from unroll.data import series_from_table
from unroll.errors import DataError


def counted(path: Path, zone: str, begin: datetime.datetime, minutes: int, head: str) -> Path:
    """Ten days in which the steps of each day are counted from 1."""
    clock = ZoneInfo(zone)
    moment = begin.replace(tzinfo=clock).astimezone(datetime.UTC)
    end = (begin + datetime.timedelta(days=10)).replace(tzinfo=clock).astimezone(datetime.UTC)
    lines, day, number = [head], None, 0
    while moment < end:
        local = moment.astimezone(clock).date()
        day, number = local, (number + 1 if local == day else 1)
        lines.append(f"{local},{number},{len(lines)}")
        moment += datetime.timedelta(minutes=minutes)
    return write(path, "\n".join(lines) + "\n")


PERIODS = "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND"


@pytest.mark.parametrize("month", [3, 10])
def test_half_hours_of_a_day_of_46_or_50_are_those_of_the_zone(tmp_path: Path, month: int) -> None:
    path = counted(tmp_path / "a.csv", "Europe/London", datetime.datetime(2024, month, 24), 30, PERIODS)
    table = read(path, tmp_path)
    (series,) = series_from_table(table, time="SETTLEMENT_DATE", zone="Europe/London")
    assert set(np.diff(series.times).astype("timedelta64[m]").astype(int)) == {30}
    assert series.values.tolist() == list(range(1, len(table) + 1))
    day, number = ("2024-03-31", 46) if month == 3 else ("2024-10-27", 50)
    with pytest.raises(DataError, match=f"{day} has {number} half hours.*--set data.zone=Europe/London"):
        series_from_table(table, time="SETTLEMENT_DATE")
    (error,) = unroll.check(path).errors
    assert "data.zone=Europe/London" in f"{error.text} {error.advice}"
    assert not unroll.check(path, settings={"data.zone": "Europe/London"}).errors


def test_an_hour_that_is_the_25th_is_counted(tmp_path: Path) -> None:
    path = counted(tmp_path / "a.csv", "Europe/Madrid", datetime.datetime(2024, 10, 24), 60, "Fecha_date,Hour,price")
    (series,) = series_from_table(read(path, tmp_path), time="Fecha_date", zone="Europe/Madrid")
    assert set(np.diff(series.times).astype("timedelta64[m]").astype(int)) == {60}
    with pytest.raises(DataError, match="2024-10-27 has 25 hours"):
        series_from_table(read(path, tmp_path), time="Fecha_date")


def test_a_day_that_is_cut_changes_no_clock(tmp_path: Path) -> None:
    lines = counted(tmp_path / "a.csv", "Europe/London", datetime.datetime(2024, 5, 1), 30, PERIODS).read_text()
    path = write(tmp_path / "b.csv", "\n".join(lines.splitlines()[:-2]) + "\n")
    assert len(series_from_table(read(path, tmp_path), time="SETTLEMENT_DATE")[0].values) == 478
