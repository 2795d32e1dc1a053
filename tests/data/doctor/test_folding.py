"""What many columns share is one line."""

from __future__ import annotations

from pathlib import Path

from data.helpers import read, write
from unroll.data import Finding, examine
from unroll.data.doctor.folding import folded


def test_two_hundred_columns_with_gaps_are_one_line(tmp_path: Path) -> None:
    names = [f"s{n}" for n in range(200)]
    rows = [
        [f"2024-01-{day:02}", *("" if (n + day) % 13 == 0 else f"{n}.{day}" for n in range(200))]
        for day in range(1, 29)
    ]
    text = "\n".join(",".join(row) for row in (["day", *names], *rows)) + "\n"
    findings = examine(read(write(tmp_path / "a.csv", text), tmp_path), time="day")
    warnings = [finding for finding in findings if finding.level == "warning"]
    assert len(warnings) == 1
    assert warnings[0].text.startswith(
        "column 's0': 2 values missing of 28; the like in 199 more columns: 's1', 's2', "
    )
    assert warnings[0].line == 14


def test_what_differs_in_more_than_the_column_stays() -> None:
    few = [Finding("warning", f"column 'a{n}': {n} values missing of 9") for n in range(3)]
    assert folded(few) == few
    mixed = [
        *(Finding("warning", f"column 'a{n}': {n} values missing of 9") for n in range(5)),
        *(Finding("note", f"column 'a{n}': {n} values missing of 9") for n in range(2)),
        Finding("warning", "column 'a1' is empty"),
    ]
    found = folded(mixed)
    assert [finding.level for finding in found] == ["warning", "note", "note", "warning"]
    assert found[0].text == "column 'a0': 0 values missing of 9; the like in 4 more columns: 'a1', 'a2', 'a3', 'a4'"
