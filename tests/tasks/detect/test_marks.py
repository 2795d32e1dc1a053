"""What a column of labels says, in numbers and in words."""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from data.helpers import read, write
from unroll.bundle import DataConfig
from unroll.errors import DataError
from unroll.tasks.detect.columns import find_columns, streams_of
from unroll.tasks.detect.marks import holds_marks, is_label, marks_of

CELLS = {
    "numbers": ("0", "1"),
    "floats": ("0.0", "1.0"),
    "signs": ("1", "-1"),
    "truth": ("False", "TRUE"),
    "answers": ("no", "Yes"),
    "words": ("Normal", "anomaly"),
    "Korean": ("정상", "이상"),
}


@pytest.mark.parametrize("kind", CELLS)
def test_marks_of_every_kind(tmp_path: Path, kind: str) -> None:
    cells = [CELLS[kind][n % 4 == 3] for n in range(12)]
    table = read(
        write(tmp_path / "a.csv", "is_anomaly,v\n" + "".join(f"{c},{n}.5\n" for n, c in enumerate(cells))), tmp_path
    )
    assert is_label(table, "is_anomaly")
    assert holds_marks(table, "is_anomaly")
    assert marks_of(table, "is_anomaly").tolist() == [n % 4 == 3 for n in range(12)]


@pytest.mark.parametrize(
    ("name", "cells", "label"),
    [
        ("status", ("normal", "attack"), True),
        ("status", ("on", "off"), False),
        ("running", ("yes", "no"), False),
        ("label", ("0",) * 9 + ("1",), True),
        ("label", ("0", "1"), False),
        ("class", ("0",) * 9 + ("1",), False),
        ("anomaly", ("0", "1", "2"), False),
    ],
)
def test_what_says_where_anomalies_are(tmp_path: Path, name: str, cells: tuple[str, ...], label: bool) -> None:
    rows = "".join(f"{cells[n % len(cells)]},{n}\n" for n in range(30))
    assert is_label(read(write(tmp_path / "a.csv", f"{name},v\n{rows}"), tmp_path), name) is label


def test_another_word_is_an_error_with_its_line(tmp_path: Path) -> None:
    rows = "".join(f"{('normal', 'odd')[n == 7]},{n}\n" for n in range(30))
    table = read(write(tmp_path / "a.csv", f"state,v\n{rows}"), tmp_path)
    with pytest.raises(DataError, match=r"a\.csv:9: column 'state': expected 0 or 1, .*normal or anomaly.*got 'odd'"):
        marks_of(table, "state")
    number = read(write(tmp_path / "b.csv", "anomaly,v\n0,1\n2,3\n"), tmp_path)
    with pytest.raises(DataError, match=r"b\.csv:3: column 'anomaly': expected 0 or 1, .*got 2;"):
        marks_of(number, "anomaly")


def test_streams_of_several_machines_are_told_apart(tmp_path: Path) -> None:
    rows = "".join(
        f"2024-01-{day:02},{machine},{day}.{machine},{int(day == 9)}\n" for day in range(1, 29) for machine in (1, 2)
    )
    table = read(write(tmp_path / "a.csv", f"time,machine_id,v,anomaly\n{rows}"), tmp_path)
    columns = find_columns(table, DataConfig(path="a"))
    assert columns is not None
    assert (columns.series, columns.channels, columns.labels) == ("machine_id", ("v",), ("anomaly",))
    assert [(stream.name, int(stream.labels.sum())) for stream in streams_of(table, columns)] == [("1", 1), ("2", 1)]


def test_too_few_records_are_said_with_the_share_that_is_enough(tmp_path: Path) -> None:
    rows = "".join(f"{at},{at % 7}\n" for at in range(300))
    with pytest.raises(DataError, match=r"hold 45 of 300 records, .*; --set model.probation=0.2 takes 20 % of them"):
        unroll.train(write(tmp_path / "a.csv", f"t,v\n{rows}"), task="detect", epochs=1, progress=False)
    with pytest.raises(DataError, match=r"hold 12 of 82 records, .* give more"):
        unroll.train(write(tmp_path / "b.csv", f"t,v\n{rows[:400]}"), task="detect", epochs=1, progress=False)
