"""The parts of the forecast task: columns, seasons, splits and windows."""

import datetime as dt
import decimal
import json
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.bundle import DataConfig
from unroll.data import ReadOptions, Table, TimeSeries, read_table
from unroll.data.series.frequency import frequency_of
from unroll.errors import ConfigError, DataError
from unroll.tasks import TASKS
from unroll.tasks.forecast.columns import Bounds, as_cell, find_columns, load_series, plain, split_series
from unroll.tasks.forecast.season import default_horizon, default_input_length, detect_season, find_rhythm
from unroll.tasks.forecast.shaping import check_missing, extended
from unroll.tasks.forecast.windows import (
    Scaling,
    SeriesStore,
    Windows,
    calendar_cycles,
    calendar_features,
    fit_scaling,
    split_windows,
)
from unroll.tasks.recognition import recognise

NAN = float("nan")


def table_of(text: str, where: Path, **files: Path) -> Table:
    where.mkdir(parents=True, exist_ok=True)
    path = where / "data.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path, ReadOptions(), where / "store", **files)


def days(values: list[object], start: str = "2024-01-01") -> str:
    dates = np.datetime64(start) + np.arange(len(values))
    return "day,sales\n" + "".join(f"{date},{value}\n" for date, value in zip(dates, values, strict=True))


def config(table: Table, **named: object) -> DataConfig:
    return DataConfig.model_validate({"path": str(table.paths[0]), **named})


def series_of(values: object, **changes: object) -> TimeSeries:
    array = np.asarray(values, dtype=np.float64)
    times = np.datetime64("2024-01-01", "us") + np.arange(len(array)) * np.timedelta64(1, "D")
    made = TimeSeries(
        "x", times, array, np.empty((len(array), 0)), (), frequency_of(times), np.arange(len(array), dtype=np.int64)
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def store_of(series: list[TimeSeries], where: Path, **options: object) -> SeriesStore:
    given: dict[str, object] = {"ahead": (), "cycles": (), "mask": False, **options}
    return SeriesStore(series, None, where, [Scaling(0.0, 1.0)] * len(series), **given)  # type: ignore[arg-type]


class TestColumns:
    def test_dates_and_one_column_of_numbers(self, tmp_path: Path) -> None:
        table = table_of(days([1, 2, 3, 4]), tmp_path)
        columns = find_columns(table, config(table))
        assert columns is not None
        assert (columns.time, columns.series, columns.target, columns.wide) == ("day", None, None, False)

    def test_a_column_of_names_makes_series_where_times_repeat(self, tmp_path: Path) -> None:
        text = "shop,day,sales\n" + "".join(f"{s},2024-01-{d:02},{d}\n" for s in "ab" for d in range(1, 6))
        table = table_of(text, tmp_path)
        columns = find_columns(table, config(table, target="sales"))
        assert columns is not None
        assert (columns.time, columns.series) == ("day", "shop")
        assert [item.name for item in load_series(table, columns)] == ["a", "b"]

    def test_years_as_numbers_are_a_time(self, tmp_path: Path) -> None:
        table = table_of("year,spots\n" + "".join(f"{1900 + y},{y % 7}\n" for y in range(9)), tmp_path)
        columns = find_columns(table, config(table))
        assert columns is not None
        assert columns.time == "year"

    def test_features_without_a_time_are_not_guessed(self, tmp_path: Path) -> None:
        table = table_of("a,b\n1,2\n3,4\n2,2\n", tmp_path)
        assert find_columns(table, config(table)) is None

    def test_rows_go_on_in_a_further_file(self, tmp_path: Path) -> None:
        header = "name," + ",".join(f"v{i}" for i in range(1, 11))
        rows = "\n".join(f"s{s}," + ",".join(str(10 * s + i) for i in range(10)) for s in range(3))
        further = tmp_path / "test.csv"
        further.write_text("name,v1,v2\ns0,100,101\ns1,102,103\ns2,104,105\n", encoding="utf-8")
        table = table_of(f"{header}\n{rows}\n", tmp_path, test=further)
        assert any("first 3 of 11 columns" in note for note in table.notes)
        columns = find_columns(table, config(table))
        assert columns is not None
        assert columns.wide
        series = load_series(table, columns)
        assert [len(item.values) for item in series] == [12, 12, 12]
        assert series[1].values[-2:].tolist() == [102, 103]
        bounds = split_series(
            table, series, rows=None, fold=None, validation_fraction=0.2, test_fraction=0.1, horizon=2
        )
        assert bounds == [Bounds(8, 10, 12)] * 3

    @pytest.mark.parametrize(
        ("days_at", "line", "words"),
        [
            ((1, 2, 3, 3, 4), 5, "a second time"),
            ((1, 5, 6, 20, 22), 3, "no usual step"),
        ],
    )
    def test_wrong_times_are_named_with_their_line(
        self, tmp_path: Path, days_at: tuple[int, ...], line: int, words: str
    ) -> None:
        table = table_of("day,x\n" + "".join(f"2024-01-{d:02},{d}\n" for d in days_at), tmp_path)
        columns = find_columns(table, config(table, time="day", target="x"))
        assert columns is not None
        with pytest.raises(DataError, match=words) as caught:
            load_series(table, columns)
        assert caught.value.line == line

    def test_a_time_between_the_steps_is_named_with_its_line(self, tmp_path: Path) -> None:
        hours = ["00:00", "01:00", "02:00", "02:30", "03:30", "04:30"]
        table = table_of("at,x\n" + "".join(f"2024-01-01 {h},1\n" for h in hours), tmp_path)
        columns = find_columns(table, config(table))
        assert columns is not None
        with pytest.raises(DataError, match="moves in steps of 1 hour, and here by 1800 seconds") as caught:
            load_series(table, columns)
        assert caught.value.line == 5

    def test_a_missing_value_is_an_error_if_so_asked(self, tmp_path: Path) -> None:
        table = table_of("day,x\n2024-01-01,1\n2024-01-02,2\n2024-01-04,4\n2024-01-05,5\n", tmp_path)
        columns = find_columns(table, config(table))
        assert columns is not None
        series = load_series(table, columns)
        assert np.isnan(series[0].values[2])
        check_missing(table, series, "interpolate")
        with pytest.raises(DataError, match="1 of 5 values are missing, the first at 2024-01-03") as caught:
            check_missing(table, series, "error")
        assert caught.value.line == 3


def test_records_may_hold_moments_and_numbers_of_other_types() -> None:
    zone = dt.timezone(dt.timedelta(hours=9))
    row = {
        "at": dt.datetime(2024, 3, 1, 9, tzinfo=zone),
        "day": dt.date(2024, 3, 1),
        "id": np.int64(123456789012345678),
        "sum": decimal.Decimal("1.50"),
    }
    read = json.loads(json.dumps(plain(row), default=as_cell))
    assert read == {"at": "2024-03-01 09:00:00+09:00", "day": "2024-03-01", "id": 123456789012345678, "sum": "1.50"}


class TestRhythm:
    @pytest.mark.parametrize("season", [4, 7, 11])
    def test_a_season_is_found_in_noise_and_trend(self, season: int) -> None:
        draw = np.random.default_rng(season)
        t = np.arange(20 * season)
        assert detect_season(0.05 * t + np.sin(2 * np.pi * t / season) + 0.3 * draw.normal(size=len(t))) == season

    def test_of_a_day_and_a_week_of_days_the_day_is_the_season(self) -> None:
        """The week correlates a little more, because it is a whole number of days."""
        t = np.arange(28 * 20)
        values = np.sin(2 * np.pi * t / 4) + 0.6 * np.sin(2 * np.pi * t / 28)
        assert detect_season(values) == 4

    @pytest.mark.parametrize("values", [np.random.default_rng(0).normal(size=300), np.full(50, 3.0), np.arange(60.0)])
    def test_no_season_is_found_where_there_is_none(self, values: np.ndarray) -> None:
        assert detect_season(values) == 1

    def test_the_calendar_goes_before_the_data_and_the_user_before_the_calendar(self) -> None:
        series = [series_of(np.sin(np.arange(100) * 2 * np.pi / 10))]
        assert find_rhythm(series, [100], None).season == 7
        assert find_rhythm(series, [100], 10).season == 10

    def test_series_of_different_steps_do_not_fit_one_model(self) -> None:
        weekly = np.datetime64("2024-01-01", "us") + np.arange(20) * np.timedelta64(7, "D")
        other = series_of(np.arange(20.0), times=weekly, frequency=frequency_of(weekly))
        with pytest.raises(DataError, match="1 day, 1 week"):
            find_rhythm([series_of(np.arange(20.0)), other], [20, 20], None)

    def test_input_length_is_a_week_of_hours_and_never_most_of_a_short_series(self) -> None:
        assert default_input_length(24, 24, [9_000]) == 168
        assert default_input_length(12, 12, [900]) == 36
        assert default_input_length(12, 12, [40]) == 14


class TestSplit:
    def test_by_rows_and_by_fraction(self, tmp_path: Path) -> None:
        table = table_of(days(list(range(50))), tmp_path)
        series = [series_of(np.arange(50.0))]
        given = {"fold": None, "validation_fraction": 0.2, "test_fraction": 0.1, "horizon": 3}
        assert split_series(table, series, rows=(30, 5, 10), **given) == [Bounds(30, 35, 45)]  # type: ignore[arg-type]
        assert split_series(table, series, rows=None, **given) == [Bounds(35, 45, 50)]  # type: ignore[arg-type]
        given["horizon"] = 8
        assert split_series(table, series, rows=None, **given) == [Bounds(32, 42, 50)]  # type: ignore[arg-type]

    # A fifth of the 51 and of the 48 steps that are known then: 10 and 9.6, rounded.
    @pytest.mark.parametrize(("fold", "ends"), [(1, (38, 48, 51)), (2, (35, 45, 48)), (17, (0, 0, 3)), (18, (0, 0, 0))])
    def test_a_fold_tests_one_horizon_and_nothing_after_it(
        self, tmp_path: Path, fold: int, ends: tuple[int, int, int]
    ) -> None:
        table = table_of(days(list(range(51))), tmp_path)
        given = {"rows": None, "validation_fraction": 0.2, "test_fraction": 0.5, "horizon": 3}
        assert split_series(table, [series_of(np.arange(51.0))], fold=fold, **given) == [Bounds(*ends)]  # type: ignore[arg-type]

    def test_more_rows_than_there_are(self, tmp_path: Path) -> None:
        table = table_of(days(list(range(50))), tmp_path)
        with pytest.raises(ConfigError, match="asks for 60 steps, series 'x' has 50"):
            split_series(
                table,
                [series_of(np.arange(50.0))],
                rows=(30, 20, 10),
                fold=None,
                validation_fraction=0,
                test_fraction=0,
                horizon=1,
            )


class TestWindows:
    def test_windows_are_all_that_fit(self) -> None:
        begins, ends, past, horizon = [0, 5, 30], [20, 9, 33], 4, 3
        windows = split_windows(begins, ends, past, horizon)
        expected = [
            (s, o) for s in range(3) for o in range(40) if o >= past and o >= begins[s] and o + horizon <= ends[s]
        ]
        assert list(zip(*(part.tolist() for part in windows.all()), strict=True)) == expected

    def test_too_many_windows_become_every_so_many_steps(self) -> None:
        windows = split_windows([0], [1_000], 10, 5, most=100)
        _, origins = windows.all()
        assert windows.stride == 10
        assert len(windows) <= 100
        assert set(np.diff(origins)) == {10}

    def test_no_window_at_all(self) -> None:
        assert len(Windows(np.array([5]), np.array([4]))) == 0

    def test_gather_is_a_slice(self, tmp_path: Path) -> None:
        draw = np.random.default_rng(0)
        series = [series_of(draw.normal(size=20)), series_of(draw.normal(size=15))]
        batch = store_of(series, tmp_path).gather(np.array([1, 0]), np.array([8, 12]), 5, 3)
        assert batch.window.past[0].numpy() == pytest.approx(series[1].values[3:8], abs=1e-6)
        assert batch.truth[1].numpy() == pytest.approx(series[0].values[12:15], abs=1e-6)
        assert batch.known.all()

    @pytest.mark.parametrize("seed", range(5))
    def test_nothing_at_or_after_the_origin_reaches_the_past(self, tmp_path: Path, seed: int) -> None:
        """Also not across a gap: a straight line over one that is still open would need what comes after it."""
        draw = np.random.default_rng(seed)
        values = draw.normal(size=40)
        values[draw.integers(1, 40, 15)] = NAN
        other = np.r_[values[:25], draw.normal(size=15)]
        at = np.array([25])
        one, two = (
            store_of([series_of(own)], tmp_path, mask=True).gather(np.array([0]), at, 12, 6).window
            for own in (values, other)
        )
        assert np.array_equal(one.past, two.past)
        assert np.array_equal(one.seen, two.seen)

    def test_a_gap_is_bridged_when_closed_and_held_when_open(self, tmp_path: Path) -> None:
        store = store_of([series_of([1.0, NAN, NAN, 4.0, 5.0])], tmp_path)
        assert store.history(0, 5).tolist() == [1, 2, 3, 4, 5]
        assert store.history(0, 3).tolist() == [1, 1, 1]
        batch = store.gather(np.array([0]), np.array([2]), 2, 3)
        assert batch.window.past.tolist() == [[1, 1]]
        assert batch.known.tolist() == [[False, True, True]]

    def test_covariates_go_where_they_may_be_known(self, tmp_path: Path) -> None:
        covariates = np.stack([np.arange(10.0), 100 + np.arange(10.0)], axis=1)
        covariates[4, 1] = NAN
        series = series_of(np.arange(10.0), covariates=covariates, covariate_names=("plan", "seen"))
        store = store_of([series], tmp_path, ahead=(0,), covariate_scaling=np.array([[1.0, 2.0], [100.0, 1.0]]))
        window = store.gather(np.array([0]), np.array([6]), 3, 2).window
        assert window.known[0, :, 0].tolist() == [1, 1.5, 2, 2.5, 3]
        assert window.seen[0, :, 0].tolist() == [3, 3, 5]
        assert store.missing_covariates == 1

    @pytest.mark.parametrize(
        ("kind", "values", "expected"),
        [
            ("standard", [1.0, 3.0, NAN], Scaling(2.0, 1.0)),
            ("mean", [-2.0, 4.0], Scaling(0.0, 3.0)),
            ("none", [5.0], Scaling(0.0, 1.0)),
            ("standard", [7.0, 7.0], Scaling(7.0, 1.0)),
            ("mean", [0.0, 0.0], Scaling(0.0, 1.0)),
        ],
    )
    def test_scaling(self, kind: str, values: list[float], expected: Scaling) -> None:
        assert fit_scaling(kind, np.array(values)) == expected


class TestCalendar:
    def test_cycles_that_the_train_part_shows_twice(self) -> None:
        series = series_of(np.zeros(1_000))
        assert calendar_cycles([series], [1_000]) == ("week", "year")
        assert calendar_cycles([series], [400]) == ("week",)
        assert calendar_cycles([series], [10]) == ()

    def test_places_in_the_cycles(self) -> None:
        # A Monday at noon: half of the day, half a day into the week.
        found = calendar_features(np.array(["2024-01-01T12:00"], "datetime64[us]"), ("day", "week", "year"))[0]
        year = 2 * np.pi * 0.5 / 365.25
        week = 2 * np.pi * 0.5 / 7
        expected = [0, -1, np.sin(week), np.cos(week), np.sin(year), np.cos(year)]
        assert found == pytest.approx(expected, abs=1e-6)

    def test_extended_goes_on_in_the_same_steps(self) -> None:
        longer = extended(series_of([1.0, 2.0, 3.0, NAN]), 3)
        assert len(longer.values) == 6
        assert np.isnan(longer.values[3:]).all()
        assert longer.times[-1] == np.datetime64("2024-01-06")
        assert extended(longer, 2) is longer


def hourly(tmp_path: Path, rows: str) -> Table:
    file = tmp_path / "a.csv"
    file.write_text(rows)
    return read_table(file, ReadOptions(), tmp_path / "store")


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("Date,Time,x", "{0:%d/%m/%Y},{0:%H.%M.%S},{1}"),
        ("x,day,hour", "{1},{0:%Y-%m-%d},{0:%H}"),
        ("Year,Month,Day,Hour,x", "{0.year},{0.month},{0.day},{0.hour},{1}"),
        ("ts,x", "{2},{1}"),
        ("Unnamed: 0,timestamp,x", "{1},{2}000,{1}"),
    ],
)
def test_times_in_pieces_and_in_seconds_are_times(tmp_path: Path, head: str, row: str) -> None:
    first = dt.datetime(2023, 12, 20, tzinfo=dt.UTC)
    moments = [first + dt.timedelta(hours=at) for at in range(400)]
    lines = [row.format(moment, at, int(moment.timestamp())) for at, moment in enumerate(moments)]
    table = hourly(tmp_path, "\n".join([head, *lines]) + "\n")
    columns = find_columns(table, DataConfig(path=str(tmp_path)))
    assert columns is not None
    (series,) = load_series(table, columns)
    assert series.name == "x"
    assert series.times.tolist() == [moment.replace(tzinfo=None) for moment in moments]
    assert series.values.tolist() == list(range(400))


def test_prices_over_days_are_forecast_and_not_watched(tmp_path: Path) -> None:
    rows = "".join(f"{dt.date(2022, 1, 1) + dt.timedelta(at)},{at % 9}.5,{at % 7}.25{at}\n" for at in range(90))
    table = hourly(tmp_path, "date,open,close\n" + rows)
    for inputs in ((), ("open",)):
        data = DataConfig(path=str(tmp_path), target="close", inputs=inputs)
        task, guess = recognise(table, data, TASKS, None)
        assert task.name == "forecast", guess.reason


def test_a_word_below_the_table_is_an_error_and_no_step(tmp_path: Path) -> None:
    rows = "".join(f"{dt.date(2022, 1, 1) + dt.timedelta(at)},{at % 9}.5\n" for at in range(60))
    file = tmp_path / "a.csv"
    file.write_text("date,sold\n" + rows + "Provisional,300\n")
    for task in (None, "forecast"):
        with pytest.raises(
            DataError, match=r"a\.csv:62: column 'date' holds times but for 1 cell, the first 'Provisional'"
        ):
            unroll.train(file, task=task, epochs=1, hidden_size=8)
    assert [str(finding.level) for finding in unroll.check(file).errors] == ["error"]


def test_two_years_of_weeks_are_no_error(tmp_path: Path) -> None:
    assert default_horizon(52, [120, 120, 90]) == 24
    assert default_horizon(52, [520]) == 52
