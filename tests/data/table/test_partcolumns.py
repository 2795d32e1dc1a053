"""Columns that say the part of a row are found by name and content, and followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import read, write
from unroll.data import split_rows
from unroll.data.table.partcolumns import fold_column, part_column
from unroll.errors import DataError


def table(tmp_path: Path, name: str, *cells: str) -> Path:
    rows = "".join(f"note {row} of the day,{cells[row % len(cells)]}\n" for row in range(24))
    return write(tmp_path / "a.csv", f"text,{name}\n{rows}")


@pytest.mark.parametrize(
    ("name", "cells", "sizes"),
    [
        ("split", ("train", "train", "dev", "test"), (12, 6, 6)),
        ("Usage", ("Training", "PublicTest", "PrivateTest"), (8, 8, 8)),
        ("구분", ("학습", "학습", "검증", "평가"), (12, 6, 6)),
        ("is_test", ("0", "0", "0", "1"), (18, 0, 6)),
        ("isTrain", ("True", "True", "False"), (16, 0, 8)),
        ("is_valid", ("no", "yes"), (12, 12, 0)),
    ],
)
def test_words_and_marks_are_followed(
    tmp_path: Path, name: str, cells: tuple[str, ...], sizes: tuple[int, ...]
) -> None:
    found = read(table(tmp_path, name, *cells), tmp_path)
    assert part_column(found, found.columns) == name
    split = split_rows(found, seed=0, validation_fraction=0, test_fraction=0, column=name)
    assert tuple(map(len, split)) == sizes


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("test", ("0", "1")),
        ("구분", ("날씨", "학습")),
        ("split", ("train",)),
        ("label", ("train", "test")),
        ("is_open", ("0", "1")),
    ],
)
def test_other_columns_are_left_alone(tmp_path: Path, name: str, cells: tuple[str, ...]) -> None:
    found = read(table(tmp_path, name, *cells), tmp_path)
    assert part_column(found, found.columns) is None
    assert fold_column(found, found.columns) is None


@pytest.mark.parametrize("name", ["fold", "kfold", "cv_fold", "partition"])
def test_numbers_of_folds_are_known(tmp_path: Path, name: str) -> None:
    found = read(table(tmp_path, name, "0", "1", "2"), tmp_path)
    assert (part_column(found, found.columns), fold_column(found, found.columns)) == (None, name)


def test_a_cell_that_says_no_part_is_told_of_with_its_line(tmp_path: Path) -> None:
    found = read(table(tmp_path, "is_test", "0", "1", "2"), tmp_path)
    with pytest.raises(DataError, match=r"a\.csv:4: column 'is_test' must hold 0 and 1, or true and false, got '2'"):
        split_rows(found, seed=0, validation_fraction=0, test_fraction=0, column="is_test")
