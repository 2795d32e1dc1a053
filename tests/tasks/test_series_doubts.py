"""Rows that are steps of series, and numbers that would be words, are asked about."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import unroll

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
SERIES = [(n, "ab"[n % 2], np.sin(np.arange(30) * (0.2 + n % 2 / 5) + n)) for n in range(20)]


def wrong(path: Path) -> str:
    return next(iter(unroll.check(path).errors)).text


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["value", "two channels"])
def test_the_steps_of_series_are_not_classified_one_by_one(tmp_path: Path, kind: str) -> None:
    more, head = ("", "value") if kind == "value" else (",{0:.1f}", "x,y")
    rows = (
        f"{n},{at},{value:.3f}{more.format(value)},{word}" for n, word, own in SERIES for at, value in enumerate(own)
    )
    path = write(tmp_path / "long.csv", f"id,time,{head},label", *rows)
    assert "the rows of one 'id' are the steps of one series, in the order of 'time' (20 series" in wrong(path)
    assert not unroll.check(path, settings={"data.inputs": head.split(",")}).errors


def test_rows_of_groups_without_an_order_are_rows(tmp_path: Path) -> None:
    draw = np.random.default_rng(0).normal(size=(600, 2))
    rows = (
        f"{n},{x:.3f},{y:.3f},{'ab'[n % 2]}"
        for (n, _), (x, y) in zip(itertools.product(range(20), range(30)), draw, strict=True)
    )
    assert not unroll.check(write(tmp_path / "rows.csv", "farm,x,y,label", *rows)).errors


def test_numbers_in_cells_are_no_words(tmp_path: Path) -> None:
    rows = (f'"{" ".join(f"{value:.3f}" for value in own)}",{word}' for _, word, own in SERIES)
    assert "'signal' holds 30 numbers in a cell" in wrong(write(tmp_path / "cells.csv", "signal,class", *rows))


def test_lines_of_numbers_are_no_prose(tmp_path: Path) -> None:
    draw = np.random.default_rng(0).normal(size=(3600, 3))
    rows = (
        f"{n // 60},{'ab'[n // 60 % 2]},{4910596232600 + n},{x:.4f},{y:.4f},{z:.4f};"
        for n, (x, y, z) in enumerate(draw)
    )
    assert "most of the text are numbers ('0,a," in wrong(write(tmp_path / "raw.txt", *rows))


def test_numbers_beside_series_are_not_forecast(tmp_path: Path) -> None:
    head = "@problemName x\n@timeStamps false\n@univariate true\n@targetLabel true\n@data"
    rows = (",".join(f"{value:.3f}" for value in own) + f":{n}.5" for n, _, own in SERIES)
    assert "a number in 'target' stands beside every series" in wrong(write(tmp_path / "x.ts", head, *rows))


def test_files_without_times_do_not_go_on_from_one_to_the_next(tmp_path: Path) -> None:
    for n, word, own in SERIES[:6]:
        write(tmp_path / word / f"{n}.csv", "x,y", *(f"{v:.3f},{2 * v:.3f}" for v in own))
    assert "6 files without times" in wrong(tmp_path)


@pytest.mark.parametrize(
    ("time", "names", "words"),
    [
        (
            "Year",
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
            "the months of a year",
        ),
        ("year", [f"{month:02}" for month in range(1, 13)], "the months of a year"),
        ("연도", [f"{month}월" for month in range(1, 13)], "the months of a year"),
        ("Date", [f"H{hour}" for hour in range(1, 25)], "the hours of a day"),
        ("date", [f"{hour:02}:00" for hour in range(24)], "the hours of a day"),
    ],
)
def test_steps_side_by_side_are_asked_about(tmp_path: Path, time: str, names: list[str], words: str) -> None:
    days = words.endswith("day")
    begins = [str(np.datetime64("2023-01-01") + at) if days else str(1950 + at) for at in range(60)]
    draw = np.random.default_rng(0).normal(size=(60, len(names))).round(2).astype(str)
    rows = (",".join([begin, *cells]) for begin, cells in zip(begins, draw, strict=True))
    path = write(tmp_path / "wide.csv", ",".join([time, *names]), *rows)
    assert f"called as {words}" in wrong(path)
    assert not unroll.check(path, time=time).errors


@pytest.mark.parametrize("name", ["store_{}", "{}"])
def test_columns_with_numbers_in_their_names_are_series(tmp_path: Path, name: str) -> None:
    names = [name.format(number) for number in range(1, 25)]
    rows = (f"{np.datetime64('2023-01-01') + at}," + ",".join(["1.5", "2"] * 12) for at in range(60))
    assert not unroll.check(write(tmp_path / "wide.csv", ",".join(["date", *names]), *rows)).errors
