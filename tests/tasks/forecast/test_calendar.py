"""Steps in the calendar of the user: zones, offsets, clock changes; and steps that are rows."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from unroll.data import ReadOptions, TimeSeries, read_table
from unroll.data.doctor.examine import examine
from unroll.data.series.clock import in_calendar, offset_text, to_instants, to_wall, zones_of
from unroll.errors import ConfigError, DataError
from unroll.tasks.forecast.columns import Columns, Reading, load_series
from unroll.tasks.forecast.shaping import extended

COLUMNS = Columns("when", None, "v", (), False)


def load(path: Path, stamps: Iterable[str], reading: Reading | None = None) -> TimeSeries:
    path.mkdir(parents=True, exist_ok=True)
    file = path / "a.csv"
    file.write_text("when,v\n" + "".join(f"{stamp},{number % 7}.5\n" for number, stamp in enumerate(stamps)))
    (series,) = load_series(read_table(file, ReadOptions(), path / "store"), COLUMNS, reading)
    return series


def ahead(series: TimeSeries, steps: int) -> list[str]:
    """The times of the steps after the last row, as a prediction prints them."""
    longer = extended(series, steps)
    return longer.clock.text(longer.times[-steps:])


def wall_days(first: dt.datetime, count: int, **step: int) -> list[dt.datetime]:
    """Times of a zone's wall clock, so many days or hours apart on it."""
    zone = first.tzinfo
    return [(first.replace(tzinfo=None) + dt.timedelta(**step) * n).replace(tzinfo=zone) for n in range(count)]


@pytest.mark.parametrize(
    "zone", ["Asia/Seoul", "Asia/Kolkata", "Asia/Kathmandu", "America/Caracas", "Pacific/Kiritimati"]
)
def test_days_of_a_fixed_offset_go_on_at_midnight(zone: str, tmp_path: Path) -> None:
    days = wall_days(dt.datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)), 60, days=1)
    series = load(tmp_path, [day.isoformat() for day in days])
    assert series.frequency is not None
    assert series.frequency.label == "1 day"
    assert ahead(series, 2) == [
        day.isoformat() for day in wall_days(dt.datetime(2024, 3, 1, tzinfo=ZoneInfo(zone)), 2, days=1)
    ]


@pytest.mark.parametrize("zone", ["Asia/Seoul", "Asia/Kolkata", "Pacific/Auckland"])
def test_months_and_working_days_are_those_of_the_wall_clock(zone: str, tmp_path: Path) -> None:
    months = [dt.datetime(2019 + n // 12, n % 12 + 1, 1, tzinfo=ZoneInfo(zone)) for n in range(40)]
    series = load(tmp_path / "months", [month.isoformat() for month in months])
    assert series.frequency is not None
    assert series.frequency.label == "1 month"
    assert ahead(series, 1) == [dt.datetime(2022, 5, 1, tzinfo=ZoneInfo(zone)).isoformat()]
    days = [day for day in wall_days(dt.datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)), 60, days=1) if day.weekday() < 5]
    series = load(tmp_path / "days", [day.isoformat() for day in days])
    assert series.frequency is not None
    assert series.frequency.label == "1 business day"
    assert [dt.datetime.fromisoformat(text).weekday() for text in ahead(series, 6)] == [4, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", dt.datetime(2024, 3, 31)),
        ("Europe/Berlin", dt.datetime(2024, 10, 27)),
        ("America/New_York", dt.datetime(2024, 11, 3)),
        ("Australia/Sydney", dt.datetime(2024, 4, 7)),
        ("Australia/Lord_Howe", dt.datetime(2024, 10, 6)),
    ],
)
def test_clock_changes_lose_and_repeat_nothing(zone: str, change: dt.datetime, tmp_path: Path) -> None:
    local = ZoneInfo(zone)
    days = wall_days((change - dt.timedelta(days=30)).replace(tzinfo=local), 60, days=1)
    series = load(tmp_path / "days", [day.isoformat() for day in days])
    assert not np.isnan(series.values).any()
    assert ahead(series, 1) == [wall_days(days[-1], 2, days=1)[1].isoformat()]
    first = (change - dt.timedelta(days=9)).replace(tzinfo=local).astimezone(dt.UTC)
    hours = [(first + dt.timedelta(hours=n)).astimezone(local) for n in range(20 * 24)]
    series = load(tmp_path / "hours", [hour.isoformat() for hour in hours])
    assert len(series.values) == len(hours)
    assert not np.isnan(series.values).any()
    assert series.frequency is not None
    assert series.frequency.label == "1 hour"
    expected = (hours[-1].astimezone(dt.UTC) + dt.timedelta(hours=1)).astimezone(local)
    assert ahead(series, 1) == [expected.isoformat()]
    # What the calendar's day is to the model is what the wall clock shows.
    assert series.clock.text(series.times)[100][:16] == hours[100].isoformat()[:16]
    # The same without offsets, the zone named: the hour that stands twice is read in order.
    series = load(tmp_path / "named", [hour.isoformat()[:19] for hour in hours], Reading(zone=zone))
    assert len(series.values) == len(hours)
    assert ahead(series, 1) == [expected.isoformat()]
    if zone != "Australia/Lord_Howe":
        back = hours[0].utcoffset() > hours[-1].utcoffset()  # type: ignore[operator]
        if back:
            with pytest.raises(DataError, match="stands a second time"):
                load(tmp_path / "unnamed", [hour.isoformat()[:19] for hour in hours])


def test_utc_can_be_put_into_a_zone_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    stamps = [f"2024-01-{day:02}T15:00:00Z" for day in range(1, 31)]
    assert ahead(load(tmp_path / "a", stamps, Reading(zone="Asia/Seoul")), 1) == ["2024-02-01T00:00:00+09:00"]
    assert ahead(load(tmp_path / "b", stamps, Reading(zone="-03:30")), 1) == ["2024-01-31T11:30:00-03:30"]
    assert ahead(load(tmp_path / "c", stamps), 1) == ["2024-01-31T15:00:00+00:00"]
    with pytest.raises(ConfigError, match=r"data\.zone: expected a zone .*did you mean 'Asia/Seoul'"):
        load(tmp_path / "d", stamps, Reading(zone="Asia/Seol"))


def test_the_clock_of_python_agrees() -> None:
    """Against zoneinfo, over the hours of two years in zones of many kinds."""
    hours = np.datetime64("2023-01-01T00", "us") + np.arange(0, 17_000, 7) * np.timedelta64(3600, "s")
    for zone in ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Seoul"):
        local = [
            dt.datetime.fromisoformat(str(hour)).replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)) for hour in hours
        ]
        wall = to_wall(hours, zone)
        assert wall.tolist() == [time.replace(tzinfo=None) for time in local]
        later = np.array([time.fold == 1 for time in local])
        np.testing.assert_array_equal(to_instants(wall, zone, later=later), hours)
        offsets = np.array([int(time.utcoffset().total_seconds()) // 60 for time in local])  # type: ignore[union-attr]
        if len(np.unique(offsets)) > 1:
            assert zone in zones_of(hours, offsets)
            _, clock = in_calendar(hours, offsets, zone=None, likely=None)
            assert clock.absolute
            assert clock.text(hours[:3])[0].endswith(offset_text(int(offsets[0])))


def closed(days: Iterable[dt.date], holidays: set[tuple[int, int]]) -> list[dt.date]:
    return [day for day in days if (day.month, day.day) not in holidays]


DAYS = [dt.date(2020, 1, 2) + dt.timedelta(days=n) for n in range(900)]


@pytest.mark.parametrize(
    ("weekdays", "holidays"),
    [
        ({0, 1, 2, 3, 4}, {(1, 1), (5, 1), (12, 24), (12, 25), (12, 31)}),
        ({0, 1, 2, 3, 4}, {(2, 10), (2, 11), (2, 12), (9, 20), (9, 21), (9, 22), (10, 3)}),
        ({0, 1, 2, 3, 4, 5}, set()),
        ({6, 0, 1, 2, 3}, {(4, 21), (4, 22), (5, 1)}),
        ({1, 3, 5}, {(1, 1)}),
        ({1, 2, 3, 4, 5, 6}, {(7, 15)}),
    ],
)
def test_days_that_are_closed_are_not_missing(
    weekdays: set[int], holidays: set[tuple[int, int]], tmp_path: Path
) -> None:
    days = closed((day for day in DAYS if day.weekday() in weekdays), holidays)
    series = load(tmp_path, [day.isoformat() for day in days])
    assert series.frequency is not None
    if holidays or weekdays != {0, 1, 2, 3, 4}:
        assert series.frequency.unit == "row"
    assert len(series.values) == len(days)
    assert not np.isnan(series.values).any()
    following = [dt.date.fromisoformat(text[:10]) for text in ahead(series, 12)]
    wanted = [days[-1] + dt.timedelta(days=n) for n in range(1, 40)]
    assert following == [day for day in wanted if day.weekday() in weekdays][:12]


def test_shifts_and_trading_hours_are_rows(tmp_path: Path) -> None:
    shifts = [f"{day}T{hour:02}:00:00" for day in DAYS[:200] if day.weekday() != 6 for hour in (6, 14, 22)]
    series = load(tmp_path / "shifts", shifts)
    assert series.frequency is not None
    assert (series.frequency.unit, series.frequency.season, len(series.frequency.slots)) == ("row", 3, 18)
    assert len(series.values) == len(shifts)
    assert ahead(series, 2)[0] > shifts[-1]
    assert {text[11:13] for text in ahead(series, 18)} == {"06", "14", "22"}
    assert 6 not in {dt.date.fromisoformat(text[:10]).weekday() for text in ahead(series, 18)}
    trading = [
        f"{day}T{minutes // 60:02}:{minutes % 60:02}:00+09:00"
        for day in closed((day for day in DAYS[:200] if day.weekday() < 5), {(2, 10), (3, 1), (5, 5)})
        for minutes in range(9 * 60, 15 * 60 + 31, 30)
    ]
    series = load(tmp_path / "trading", trading)
    assert series.frequency is not None
    assert (series.frequency.unit, series.frequency.season) == ("row", 14)
    assert [text[11:16] for text in ahead(series, 2)] == ["09:00", "09:30"]
    assert ahead(series, 1)[0].endswith("+09:00")


def test_events_are_rows_and_equal_steps_with_lost_values_are_not(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    moments = np.datetime64("2024-01-01T00:00:00") + np.cumsum(draw.integers(100, 90_000, 200)).astype("timedelta64[s]")
    series = load(tmp_path / "events", [str(moment) for moment in moments])
    assert series.frequency is not None
    assert (series.frequency.unit, series.frequency.slots, len(series.values)) == ("row", (), 200)
    assert ahead(series, 1)[0] > str(moments[-1])
    # A day lost out of a daily series, an hour out of an hourly one, a month of working days: missing, as ever.
    days = [str(day) for day in DAYS[:300]]
    assert np.isnan(load(tmp_path / "a", days[:100] + days[101:]).values).sum() == 1
    hours = [f"{day}T{hour:02}:00:00" for day in DAYS[:60] for hour in range(24)]
    assert np.isnan(load(tmp_path / "b", hours[:100] + hours[101:]).values).sum() == 1
    working = [str(day) for day in DAYS[:600] if day.weekday() < 5]
    assert np.isnan(load(tmp_path / "c", working[:100] + working[130:]).values).sum() == 30
    # What the settings say goes before what is found.
    assert not np.isnan(load(tmp_path / "d", days[:100] + days[101:], Reading(steps="rows")).values).any()
    with pytest.raises(DataError, match="no usual step"):
        load(tmp_path / "e", [str(moment) for moment in moments], Reading(steps="time"))


def test_check_sees_what_training_sees(tmp_path: Path) -> None:
    """No gaps between trading days or over a change of clocks; a lost day stays one."""
    prices = [str(day) for day in closed((day for day in DAYS if day.weekday() < 5), {(1, 1), (5, 1), (12, 25)})]
    berlin = [
        day.isoformat() for day in wall_days(dt.datetime(2024, 3, 1, tzinfo=ZoneInfo("Europe/Berlin")), 60, days=1)
    ]
    cases = {"prices": (prices, []), "clocks": (berlin, []), "lost": (berlin[:20] + berlin[21:], ["1 gap"])}
    for name, (stamps, expected) in cases.items():
        file = tmp_path / f"{name}.csv"
        file.write_text("when,v\n" + "".join(f"{stamp},{number % 7}.5\n" for number, stamp in enumerate(stamps)))
        found = examine(read_table(file, ReadOptions(), tmp_path / name), target="v", time="when")
        gaps = [finding.text for finding in found if "gap" in finding.text or "between" in finding.text]
        assert len(gaps) == len(expected), gaps
        assert all(text.startswith(start) for text, start in zip(gaps, expected, strict=True))


def last_working_day(year: int, month: int) -> dt.date:
    day = dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)
    while day.weekday() > 4:
        day -= dt.timedelta(days=1)
    return day


def test_months_by_their_last_working_day_and_by_a_day_that_not_all_have(tmp_path: Path) -> None:
    ends = [last_working_day(2018 + n // 12, n % 12 + 1) for n in range(62)]
    series = load(tmp_path / "ends", [str(day) for day in ends[:60]])
    assert series.frequency is not None
    assert (series.frequency.label, series.frequency.season) == ("1 month, on its last working day", 12)
    assert [text[:10] for text in ahead(series, 2)] == [str(day) for day in ends[60:]]
    lost = load(tmp_path / "lost", [str(day) for day in [*ends[:20], *ends[21:60]]])
    assert np.flatnonzero(np.isnan(lost.values)).tolist() == [20]
    assert str(lost.times[20])[:10] == str(ends[20])
    first = [dt.date(2018 + n // 12, n % 12 + 1, 1) for n in range(41)]
    days = [
        min(day + dt.timedelta(days=29), following - dt.timedelta(days=1))
        for day, following in itertools.pairwise(first)
    ]
    series = load(tmp_path / "thirtieth", [str(day) for day in days[:35]])
    assert series.frequency is not None
    assert series.frequency.label == "1 month"
    assert [text[:10] for text in ahead(series, 5)] == [str(day) for day in days[35:]]
    weeks = [str(day) for day in DAYS if day.weekday() == 4]
    assert np.isnan(load(tmp_path / "weeks", weeks[:20] + weeks[21:]).values).sum() == 1
