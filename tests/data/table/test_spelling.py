"""Times as people and programs spell them: words around dates, signs between their parts, zones by name, periods."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.helpers import read, write
from unroll.data import Kind
from unroll.data.table.spelling import plain_spelling
from unroll.data.table.times import guess_notations, parse_offsets, parse_times, to_datetime64


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("2024년 3월 1일 (금)", "2024-03-01"),
        ("24년 3월 1일", "2024-03-01"),
        ("2024년 3월 1일 오후 3:05", "2024-03-01T15:05"),
        ("2024년 03월 01일 09시", "2024-03-01T09:00"),
        ("2024년 3월 1일 9시 5분", "2024-03-01T09:05"),
        ("2024-03-01 오전 12시", "2024-03-01T00:00"),
        ("2024. 3. 1. 오후 12:05:07", "2024-03-01T12:05:07"),
        ("2024. 3. 1 9:05", "2024-03-01T09:05"),
        ("2024-03-01 금요일", "2024-03-01"),
        ("2024.03.01(금)", "2024-03-01"),
        ("2024-03-01 Fri", "2024-03-01"),
        ("Fri 03/31/2024", "2024-03-31"),
        ("2024年3月1日 9時", "2024-03-01T09:00"),
        ("1. März 2024", "2024-03-01"),
        ("1 mars 2024", "2024-03-01"),
        ("31.03.2024, 09:05", "2024-03-31T09:05"),
        ("31.03.2024 09:05 Uhr", "2024-03-31T09:05"),
        ("31.03.2024 09.05", "2024-03-31T09:05"),
        ("31.03.2024 09:05:07.250", "2024-03-31T09:05:07.250"),
        ("2024-03-01 09:05:07,250", "2024-03-01T09:05:07.250"),
        ("31/03/2024 09h05", "2024-03-31T09:05"),
        ("03/31/2024, 12:05:00 AM", "2024-03-31T00:05"),
        ("03/31/2024 12 AM", "2024-03-31T00:00"),
        ("2024-03-01_09:05:07", "2024-03-01T09:05:07"),
        ("2024-03-01-09-05", "2024-03-01T09:05"),
        ("2024-03-01-09", "2024-03-01T09:00"),
        ("20240301:09", "2024-03-01T09:00"),
        ("Fri Mar  1 09:05:07 2024", "2024-03-01T09:05:07"),
        # The end of a day as its last time.
        ("2024-02-29 24:00", "2024-03-01T00:00"),
        ("31.12.2023 24:00:00", "2024-01-01T00:00"),
        # A span is the time at which it begins, as pandas writes weeks.
        ("2024-03-04/2024-03-10", "2024-03-04"),
        ("2024-03-04 ~ 2024-03-10", "2024-03-04"),
        # Quarters, halves, weeks and years.
        ("3Q2024", "2024-07-01"),
        ("3Q24", "2024-07-01"),
        ("Q3'98", "1998-07-01"),
        ("2024q3", "2024-07-01"),
        ("2024년 3분기", "2024-07-01"),
        ("2024.3/4", "2024-07-01"),
        ("2024H2", "2024-07-01"),
        ("H1 2024", "2024-01-01"),
        ("2H24", "2024-07-01"),
        ("2024-S2", "2024-07-01"),
        ("2024년 하반기", "2024-07-01"),
        ("2024년 5주", "2024-01-29"),
        ("2024w5", "2024-01-29"),
        ("W05 2024", "2024-01-29"),
        ("KW 05/2024", "2024-01-29"),
        ("2024-W05-3", "2024-01-31"),
        ("2024년", "2024-01-01"),
    ],
)
def test_spellings(cell: str, time: str) -> None:
    # Beside others of their column they are read one by one, in long columns together.
    for cells in ([cell], [cell] * 40):
        (notation, *_) = guess_notations(pa.array(cells))
        found = to_datetime64(parse_times(pa.array(cells), notation))
        assert (found == np.datetime64(time)).all(), (notation, found[0])


@pytest.mark.parametrize(
    ("cell", "utc", "minutes"),
    [
        ("2024-03-01 09:00 KST", "2024-03-01T00:00", 540),
        ("2024-03-01 09:00 UTC+9", "2024-03-01T00:00", 540),
        ("2024-03-01T09:00:00+09", "2024-03-01T00:00", 540),
        ("2024-03-01T09:00:00+09:00[Asia/Seoul]", "2024-03-01T00:00", 540),
        ("2024-03-01 09:00:00 +0900", "2024-03-01T00:00", 540),
        ("31/03/2024 09:00 +0530", "2024-03-31T03:30", 330),
        ("31.03.2024 09:00 CEST", "2024-03-31T07:00", 120),
        ("31/03/2024 09:00:00 (CEST) - 31/03/2024 10:00:00 (CEST)", "2024-03-31T07:00", 120),
        ("Fri Mar 1 2024 09:00:00 GMT+0900", "2024-03-01T00:00", 540),
        ("Fri, 01 Mar 2024 09:00:00 +0000", "2024-03-01T09:00", 0),
        ("01/Mar/2024:09:00:00 -0500", "2024-03-01T14:00", -300),
        ("20240301T090000Z", "2024-03-01T09:00", 0),
    ],
)
def test_zones_behind_any_time(cell: str, utc: str, minutes: int) -> None:
    (notation, *_) = guess_notations(pa.array([cell]))
    assert to_datetime64(parse_times(pa.array([cell]), notation))[0] == np.datetime64(utc)
    assert parse_offsets(pa.array([cell]))[0] == minutes


@pytest.mark.parametrize(
    "cell",
    [
        *("2024-02-30 (금)", "1Q", "Q5 2024", "2024H3", "2024W54", "AB-1Q24", "model 3 Mon", "2024-03-01 09:00 CST"),
        *("2024-03-01 25:00", "2024-13-01 09:00 KST", "3 of Mar", "12시", "2024년 13월 1일 3시"),
    ],
)
def test_what_is_no_time(cell: str) -> None:
    assert guess_notations(pa.array([cell])) == []


def test_a_name_of_a_zone_that_changes_with_the_season(tmp_path: Path) -> None:
    berlin = [datetime.datetime(2024, 3, 30) + datetime.timedelta(hours=at) for at in range(48)]
    change = datetime.datetime(2024, 3, 31, 2)
    cells = [
        f"{at:%d.%m.%Y %H:%M} CET" if at < change else f"{at + datetime.timedelta(hours=1):%d.%m.%Y %H:%M} CEST"
        for at in berlin
    ]
    table = read(write(tmp_path / "a.csv", "t\n" + "\n".join(cells) + "\n"), tmp_path)
    assert table.kinds["t"] is Kind.TIME
    assert set(np.diff(table.times("t"))) == {np.timedelta64(1, "h")}
    offsets = table.offsets("t")
    assert offsets is not None
    assert (offsets[0], offsets[-1]) == (60, 120)


def test_a_few_cells_and_many_are_spelled_alike() -> None:
    cells = ["2024년 3월 1일", "1Q24", "9Q24", None, "words 3", "31.03.2024, 09:05"]
    few = plain_spelling(pa.array(cells)).to_pylist()
    assert plain_spelling(pa.array(cells * 20)).to_pylist() == few * 20
    assert few == ["2024-3-1", "2024Q1", "9Q24", None, "words 3", "31.03.2024 09:05"]
