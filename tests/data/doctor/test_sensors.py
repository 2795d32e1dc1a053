"""Numbers that stand for no value, and sensors that stick."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from data.helpers import read, write
from unroll.data import Finding, examine
from unroll.data.doctor.standing import stand_ins
from unroll.data.table.kinds import Column, Kind

WAVE = [f"{20 + 5 * math.sin(n / 3):.3f}" for n in range(80)]


def sensor(folder: Path, cells: dict[int, str], **options: object) -> object:
    rows = "".join(f"2024-01-01 {n // 60:02}:{n % 60:02},{cells.get(n, WAVE[n])}\n" for n in range(80))
    return read(write(folder / "a.csv", "time,v\n" + rows), folder, **options)


@pytest.mark.parametrize("mark", ["-200", "-9999", "9999", "-99.9", "999"])
def test_a_number_far_from_all_else_is_asked_about(tmp_path: Path, mark: str) -> None:
    table = sensor(tmp_path, {5: mark, 40: mark, 41: mark})
    (found,) = stand_ins(table)  # type: ignore[arg-type]
    assert (found.value, found.rows, found.row) == (float(mark), 3, 5)
    assert f"--set data.missing={mark}" in found.words()
    marked = sensor(tmp_path, {5: mark, 40: mark, 41: mark}, missing=(float(mark),))
    values = marked.numbers("v")  # type: ignore[attr-defined]
    assert np.flatnonzero(np.isnan(values)).tolist() == [5, 40, 41]
    assert stand_ins(marked) == []  # type: ignore[arg-type]
    # What a column held is kept with a run, and read so again.
    words = marked.details("v").words()  # type: ignore[attr-defined]
    assert words == f"number, none is {mark}"
    again = sensor(tmp_path, {7: mark}, columns={"v": Column.read(words)})
    assert np.isnan(again.numbers("v")).sum() == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "cells",
    [
        {n: "0" if n % 9 == 4 else str(500 + n % 7) for n in range(80)},
        {5: "-200"},
        {5: "31", 6: "31"},
        {n: str(20 + n) for n in range(80)},
    ],
)
def test_zeros_single_peaks_and_near_values_are_not(tmp_path: Path, cells: dict[int, str]) -> None:
    assert stand_ins(sensor(tmp_path, cells)) == []  # type: ignore[arg-type]


def test_words_of_columns_come_back() -> None:
    for column in (
        Column(Kind.NUMBER, missing=(-200.0, 0.1)),
        Column(Kind.NUMBER, notation="1 234,5", missing=(-9999.0,)),
        Column(Kind.LABELS, separator=","),
    ):
        assert Column.read(column.words()) == column


def stuck(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if "keeps the value" in finding.text]


def test_a_sensor_that_sticks_is_said(tmp_path: Path) -> None:
    table = sensor(tmp_path, dict.fromkeys(range(30, 50), "21.5"))
    (found,) = stuck(examine(table, time="time"))  # type: ignore[arg-type]
    assert found.text.startswith("column 'v' keeps the value 21.5 for 20 rows, elsewhere for 1 at most")
    assert found.line == 32
    nights = sensor(tmp_path, {n: "0" for n in range(80) if n % 20 < 13})
    assert stuck(examine(nights, time="time")) == []  # type: ignore[arg-type]
