"""Clock changes in times without a zone are told from repeated and missing rows, and the zone is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.helpers import read, write
from unroll.data import examine, series_from_table
from unroll.data.series.changes import days_advice, zone_advice
from unroll.errors import DataError


def wall(zone: str, start: str, hours: int, step: str = "h") -> np.ndarray:
    """What the clock of a zone shows, written without the zone."""
    moments = pd.date_range(start, periods=hours, freq=step, tz="UTC").tz_convert(zone).tz_localize(None)
    return moments.to_numpy().astype("datetime64[us]")


@pytest.mark.parametrize(
    ("zone", "start", "step"),
    [
        ("Europe/Berlin", "2023-10-20", "h"),
        ("Europe/London", "2023-03-20", "h"),
        ("America/New_York", "2023-11-01", "15min"),
        ("Australia/Sydney", "2024-04-01", "30min"),
        ("America/Los_Angeles", "2024-03-01", "h"),
    ],
)
def test_the_zone_is_named(zone: str, start: str, step: str) -> None:
    told = zone_advice(np.sort(wall(zone, start, 1500, step)))
    assert told is not None
    assert told.partition("those of ")[2].startswith(zone.partition("/")[0])
    assert "--set data.zone=" in told


def test_rows_that_are_repeated_or_lack_elsewhere_are_no_clock_changes() -> None:
    hours = wall("UTC", "2023-06-01", 300)
    assert zone_advice(hours) is None
    assert zone_advice(np.sort(np.append(hours, hours[50]))) is None
    assert zone_advice(np.delete(hours, 50)) is None
    days = wall("UTC", "2023-03-01", 60, "D")
    assert zone_advice(np.sort(np.append(days, days[25]))) is None
    changed = np.sort(wall("Europe/Berlin", "2023-10-20", 300))
    assert zone_advice(np.sort(np.append(changed, changed[5]))) is None, "one repeated row is none of the clock's"


def test_check_and_training_say_so(tmp_path: Path) -> None:
    rows = [
        f"{str(time).replace('T', ' ')[:19]},{at % 24}\n"
        for at, time in enumerate(wall("Europe/Berlin", "2023-10-20", 400))
    ]
    table = read(write(tmp_path / "a.csv", "when,load\n" + "".join(rows)), tmp_path)
    found = next(f for f in examine(table, time="when") if f.level == "error")
    assert found.text == "1 time stands a second time, first 2023-10-29 02:00"
    assert "--set data.zone=Europe/Berlin" in found.advice
    with pytest.raises(DataError, match=r"a.csv:\d+: .*stands a second time.*--set data.zone=Europe/Berlin"):
        series_from_table(table, time="when", target="load")
    assert not [f for f in examine(table, time="when", zone="Europe/Berlin") if f.level != "note"]
    assert len(series_from_table(table, time="when", target="load", zone="Europe/Berlin")[0].values) == 400


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_days_of_23_hours_in_utc_name_the_zone(zone: str) -> None:
    days = pd.date_range("2024-01-01", periods=300, tz=zone).tz_convert("UTC").tz_localize(None)
    told = days_advice(days.to_numpy().astype("datetime64[us]"))
    assert told is not None
    assert told.startswith(f"these are days of {zone.partition('/')[0]}")
    assert days_advice(np.arange("2024-01-01", "2024-06-01", dtype="datetime64[D]").astype("datetime64[us]")) is None


def test_seconds_since_1970_are_utc_where_a_zone_is_named(tmp_path: Path) -> None:
    hours = pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin")
    text = "ts,load\n" + "".join(f"{int(at.timestamp())},{n}.5\n" for n, at in enumerate(hours))
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    (series,) = series_from_table(table, time="ts", target="load", zone="Europe/Berlin")
    assert series.clock.text(series.times) == [at.isoformat() for at in hours]
    assert not [found for found in examine(table, time="ts", zone="Europe/Berlin") if found.level != "note"]
