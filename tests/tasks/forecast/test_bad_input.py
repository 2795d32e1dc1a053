"""Series with something wrong: check lists it with file and line, and training stops where it would be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.data import ReadOptions, read_table
from unroll.errors import DataError
from unroll.tasks.detect.task import DetectTask
from unroll.tasks.forecast.task import ForecastTask
from unroll.tasks.pipeline import plan_run

TASKS = {"forecast": ForecastTask(), "detect": DetectTask()}
HOURS = 600
Rows = list[list[str]]


def rows() -> Rows:
    """An hour a row."""
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(HOURS) * np.timedelta64(3600, "s")
    noise = np.random.default_rng(0).normal(size=HOURS)
    values = 20 + 5 * np.sin(2 * np.pi * np.arange(HOURS) / 24) + noise
    return [[str(time), f"{value:.2f}"] for time, value in zip(times, values, strict=True)]


def write(folder: Path, change: Callable[[Rows], object]) -> Path:
    found = rows()
    change(found)
    path = folder / "a.csv"
    path.write_text("time,value\n" + "".join(",".join(row) + "\n" for row in found), encoding="utf-8")
    return path


def cells(column: int, *places: int, text: str) -> Callable[[Rows], object]:
    def change(found: Rows) -> None:
        for place in places:
            found[place][column] = text

    return change


def zoned(found: Rows) -> None:
    for row in found[300:]:
        row[0] += "Z"


def training_stops(path: Path, store: Path, task: str = "forecast", *overrides: str) -> DataError:
    with pytest.raises(DataError) as caught:
        plan_run({"task": task, "data": {"path": str(path)}}, overrides, TASKS, store, say=lambda text: None)
    return caught.value


def errors(found: unroll.results.Check) -> list[tuple[int | None, str]]:
    return [(finding.line, finding.text) for finding in found.errors]


@pytest.mark.parametrize("task", ["forecast", "detect"])
@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (cells(1, 100, text="inf"), 102, "must hold numbers, got 'inf'; correct the cell"),
        (cells(1, 100, 300, text="1e999"), 102, "got '1e999' and 1 more such cell; correct them"),
        (cells(0, 100, text="soon"), 102, "holds times but for 1 cell, the first 'soon'"),
        (cells(0, 100, 101, text="2024-02-30T00:00:00"), 102, "but for 2 cells, the first '2024-02-30T00:00:00'"),
        (
            zoned,
            302,
            "holds times in two notations: 300 cells such as '2024-01-13T12:00:00Z', the others as '2024-01-01",
        ),
    ],
)
def test_cells_that_falsify_are_listed_and_refused(
    change: Callable[[Rows], object], line: int, words: str, task: str, tmp_path: Path
) -> None:
    path = write(tmp_path, change)
    ((at, text),) = errors(unroll.check(path, task=task))
    assert at == line
    assert words in text
    error = training_stops(path, tmp_path / "store", task)
    assert error.line == line
    assert words in str(error)


def test_check_knows_what_training_admits(tmp_path: Path) -> None:
    path = write(tmp_path, lambda found: found.__delitem__(slice(200, 420)))
    ((line, text),) = errors(unroll.check(path, task="forecast"))
    assert line == 201
    assert "220 of 600 values are missing, more than 10%" in text
    assert "--set model.missing=interpolate" in text
    assert str(training_stops(path, tmp_path / "store")).endswith(text)
    assert not errors(unroll.check(path, task="forecast", settings=["model.missing=interpolate"]))


def test_a_horizon_longer_than_the_series_is_an_error_of_check_too(tmp_path: Path) -> None:
    path = write(tmp_path, lambda found: None)
    long = ["model.horizon=200"]
    ((_, text),) = errors(unroll.check(path, task="forecast", settings=long))
    assert "a horizon of 200 steps needs more than 600 of them" in text
    assert "the longest series has 600" in text
    assert "no series has a train part" in str(training_stops(path, tmp_path / "store", "forecast", *long))
    assert not errors(unroll.check(path, task="forecast", settings=["model.horizon=100"]))


def test_a_gap_longer_than_the_window_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, cells(1, *range(200, 235), text=""))
    said: list[str] = []
    config = {"task": "forecast", "data": {"path": str(path)}}
    for name, length in (("a", 35), ("b", 36)):
        plan_run(config, [f"model.input_length={length}"], TASKS, tmp_path / name, say=said.append)
    assert [text for text in said if text.startswith("the longest gap")] == [
        "the longest gap has 35 steps: within and behind it a window of 35 sees no value that was measured"
        " (--set model.input_length=N)"
    ]


def test_a_time_between_the_steps_of_a_full_calendar_is_wrong(tmp_path: Path) -> None:
    """Where every hour of the week is there, a row at 20 past is no event."""
    path = write(tmp_path, lambda found: found.insert(300, ["2024-01-13T11:20:34", "20"]))
    ((line, text),) = errors(unroll.check(path, task="forecast"))
    assert line == 302
    assert "moves in steps of 1 hour, and here by 1234 seconds (the first of 2)" in text
    assert training_stops(path, tmp_path / "store").line == 302


def warned(path: Path, task: str = "forecast") -> list[tuple[int | None, str]]:
    found = unroll.check(path, task=task)
    assert not found.errors
    return [(finding.line, finding.text) for finding in found.warnings]


def test_times_without_steps_are_said(tmp_path: Path) -> None:
    moved = np.random.default_rng(1).integers(0, 1500, HOURS).astype("m8[s]")

    def change(found: Rows) -> None:
        for row, by in zip(found, moved, strict=True):
            row[0] = str(np.datetime64(row[0]) + by)

    path = write(tmp_path, change)
    assert (2, "times come in no usual step: every row counts as a step, whatever time passes to the next") in warned(
        path
    )
    # A detector takes records as they come.
    assert not warned(path, "detect")


def test_times_of_several_zones_are_counted(tmp_path: Path) -> None:
    def change(found: Rows) -> None:
        for place, row in enumerate(found):
            row[0] += "+01:00" if place % 2 else "+05:00"

    texts = warned(write(tmp_path, change))
    assert (
        3,
        "times of several zones: +01:00 (300 rows), +05:00 (300 rows); days are those of the clock in +01:00",
    ) in (texts)


@pytest.mark.parametrize("task", ["forecast", "detect"])
def test_a_counter_that_began_anew_is_asked_about(task: str, tmp_path: Path) -> None:
    counted = np.cumsum(np.abs(np.random.default_rng(2).normal(size=HOURS)) + 1)

    def change(found: Rows) -> None:
        for place, row in enumerate(found):
            row[1] = f"{counted[place] - (counted[349] if place >= 350 else 0):.2f}"

    ((line, text),) = warned(write(tmp_path, change), task)
    assert line == 352
    assert "rises from row to row and falls 1 time" in text


def test_what_goes_up_and_down_or_by_the_calendar_is_no_counter(tmp_path: Path) -> None:
    days = np.datetime64("2021-01-01") + np.arange(1200)
    of_year = (days - days.astype("datetime64[Y]")).astype(int)
    walk = np.cumsum(np.random.default_rng(3).normal(0.5, 1.0, 1200))
    lines = [f"{day},{number},{value:.2f}" for day, number, value in zip(days, of_year, walk, strict=True)]
    (tmp_path / "b.csv").write_text("\n".join(["day,of_year,walk", *lines, ""]), encoding="utf-8")
    found = unroll.check(tmp_path / "b.csv", task="forecast")
    assert not [finding.text for finding in found.warnings if "counter" in finding.text]


def test_each_way_of_writing_a_time_is_found_beside_the_other(tmp_path: Path) -> None:
    """Two orders of day and month, too; and words among dates are no second notation."""
    from unroll.data.doctor.nearly import two_notations

    mixed = [f"{day:02}/03/2024" for day in range(13, 29)] + [f"03/{day:02}/2024" for day in range(13, 29)]
    words = [f"{day:02}/03/2024" for day in range(13, 29)] + [f"after day {day}" for day in range(16)]
    lines = [f"{one},{other}" for one, other in zip(mixed, words, strict=True)]
    (tmp_path / "c.csv").write_text("\n".join(["a,b", *lines, ""]), encoding="utf-8")
    table = read_table(tmp_path / "c.csv", ReadOptions(), tmp_path / "store")
    assert [(found.column, found.cells) for found in two_notations(table)] == [("a", 16)]
