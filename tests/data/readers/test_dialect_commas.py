"""Commas that stand inside numbers part no cells, with names above them or without."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import read, rows, write


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("values", ["{0},5", "{0},5{1}2{0},25"])
def test_a_comma_inside_numbers_is_no_delimiter(tmp_path: Path, mark: str, values: str) -> None:
    cells = [values.format(at, mark) for at in range(10, 30)]
    text = "".join(f"{at:02}.01.2024 10:00{mark}{cell}\n" for at, cell in enumerate(cells, start=1))
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    assert rows(table)[0] == ("01.01.2024 10:00", *cells[0].split(mark))
    assert table.numbers("column2")[0] == 10.5


def test_a_semicolon_inside_texts_is_no_delimiter(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "".join(f"river, note; {at} north,b\n" for at in range(20))), tmp_path)
    assert len(table.columns) == 3
