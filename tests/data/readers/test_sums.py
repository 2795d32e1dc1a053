"""Rows below a table that sum it up are left out, and said; what only looks like them stays."""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from data.helpers import read, rows, write
from unroll.data import Kind

MONTHS = [(f"2020-{at:02}", 10 * at, at) for at in range(1, 13)]
HEAD = "month,north,south\n" + "".join(f"{month},{a},{b}\n" for month, a, b in MONTHS)


@pytest.mark.parametrize(
    "word", ["Total", "Grand Total", "TOTAL:", "Summe", "합계", "총계", "Average", "평균", "Total (kWh)"]
)
@pytest.mark.parametrize("end", ["", "\n", ",,\n,,\n"])
def test_a_sum_below_a_table_is_left_out(tmp_path: Path, word: str, end: str) -> None:
    table = read(write(tmp_path / "a.csv", f"{HEAD}{word},780,78\n{end}"), tmp_path)
    assert (len(table), table.kinds["month"]) == (12, Kind.TIME)
    assert f"1 row that sums up the table left out: '{word}' in line 14" in table.notes


def test_several_figures_below_a_table_are_left_out(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", f"{HEAD}\nMin,10,1\nMax,120,12\nTotal,780,78\n"), tmp_path)
    assert len(table) == 12
    assert any(note.startswith("3 rows that sum up the table left out: 'Min' in line 15,") for note in table.notes)


def test_a_sum_beside_empty_cells_is_left_out(tmp_path: Path) -> None:
    text = "id,x,label\n" + "".join(f"p{at},{at},{'ab'[at % 2]}\n" for at in range(20)) + "Total,190,\n"
    assert len(read(write(tmp_path / "a.csv", text), tmp_path)) == 20


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "Total,780,78\n2021-01,5,6\n",
        "city,x,y\n"
        + "".join(f"{name},{at},2\n" for at, name in enumerate(["Ulm", "Bonn", "Kiel", "Köln"]))
        + "Total,28,16\n",
        "store,day,sold\n" + "".join(f"{name},{day},1\n" for name in ("1", "2", "Total") for day in range(5)),
        "text,n\n" + "".join(f"river {at},{at}\n" for at in range(12)) + "Total,66\n",
        HEAD + "Total,about,78\n",
    ],
)
def test_what_may_be_a_row_stays(tmp_path: Path, text: str) -> None:
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    assert len(table) == text.count("\n") - 1
    assert rows(table)[-1][0] == text.splitlines()[-1].split(",")[0]


def test_a_sum_that_would_be_a_class_is_an_error_with_its_line(tmp_path: Path) -> None:
    text = "label,text\n" + "".join(f"{'ab'[at % 2]},river note {at} north\n" for at in range(40)) + "합계,40건\n"
    (error,) = unroll.check(write(tmp_path / "a.csv", text)).errors
    assert (error.line, "'label': the last row, '합계', sums up the others" in error.text) == (42, True)


@pytest.mark.parametrize("word", ["ALL", "", "전체", "Total"])
def test_a_series_beside_its_parts_is_said(tmp_path: Path, word: str) -> None:
    text = "date,store,sales\n" + "".join(
        f"2024-{day // 28 + 1:02}-{day % 28 + 1:02},{name},{value + day}\n"
        for day in range(60)
        for name, value in (("A", 5), ("B", 7), (word, 12))
    )
    notes = unroll.check(write(tmp_path / "a.csv", text)).notes
    shown = f"'{word}'" if word else "the one without a name"
    assert any(note.startswith(f"called as sums of the other series: {shown}, first in line 4;") for note in notes)


def test_a_column_that_sums_others_up_is_said(tmp_path: Path) -> None:
    text = "month,north,south,Total\n" + "".join(f"{month},{a},{b},{a + b}\n" for month, a, b in MONTHS)
    assert any("'Total' holds the sums" in note for note in unroll.check(write(tmp_path / "a.csv", text)).notes)


@pytest.mark.parametrize("head", ["x,label", "x,y,class", "id,x,y,label"])
def test_few_numbers_beside_classes_are_no_steps_of_time(tmp_path: Path, head: str) -> None:
    cells = {"id": "p{0}", "x": "{0}.5", "y": "{1}.25", "label": "{2}", "class": "{2}"}
    line = ",".join(cells[name] for name in head.split(",")) + "\n"
    text = head + "\n" + "".join(line.format(at, at * 7 % 11, "ab"[at % 2]) for at in range(60))
    (error,) = unroll.check(write(tmp_path / "a.csv", text)).errors
    assert "holds 2 classes beside" in error.text
