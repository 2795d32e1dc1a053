"""Columns that say which part a row belongs to are obeyed and never inputs; those of folds are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import unroll
from data.helpers import read, write
from unroll.data.table.partcolumns import told_parts, without_parts

Cell = Callable[[int], object]


def texts(path: Path, head: str, cell: Cell) -> Path:
    rows = (f"river note {at} north,{'ab'[at % 2]},{cell(at)}\n" for at in range(60))
    return write(path, f"text,label,{head}\n" + "".join(rows))


@pytest.mark.parametrize(
    ("head", "cell"),
    [
        ("split", lambda at: "train" if at < 40 else "test"),
        ("Set", lambda at: "Training" if at < 40 else "Testing"),
        ("구분", lambda at: "학습" if at < 40 else "평가"),
        ("is_test", lambda at: int(at >= 40)),
        ("isTest", lambda at: at >= 40),
        ("is_train", lambda at: at < 40),
        ("test_flag", lambda at: "Y" if at >= 40 else "N"),
        ("is_train,is_test", lambda at: f"{int(at < 40)},{int(at >= 40)}"),
    ],
)
def test_the_part_that_a_column_says_is_that_of_the_row(tmp_path: Path, head: str, cell: Cell) -> None:
    table = told_parts(read(texts(tmp_path / "a.csv", head, cell), tmp_path), ())
    assert table.columns == ("text", "label")
    assert table.parts is not None
    assert np.array_equal(table.parts, np.where(np.arange(60) < 40, 0, 2))
    assert table.notes[-1].endswith("says which part a row belongs to (40 train, 20 test) and is no input")


def test_parts_of_a_competition_with_two_boards(tmp_path: Path) -> None:
    words = ("Training", "Training", "PublicTest", "PrivateTest")
    table = told_parts(read(texts(tmp_path / "a.csv", "Usage", lambda at: words[at % 4]), tmp_path), ())
    assert table.parts is not None
    assert table.parts[:4].tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("head", ["fold", "kfold", "cv_fold", "Fold_ID", "split"])
def test_folds_are_no_input(tmp_path: Path, head: str) -> None:
    table = told_parts(read(texts(tmp_path / "a.csv", head, lambda at: at % 5), tmp_path), ())
    assert (table.columns, table.parts) == (("text", "label"), None)
    assert table.notes[-1].startswith(f"'{head}' numbers folds or parts and is no input")


@pytest.mark.parametrize(
    ("head", "cell"),
    [
        ("is_valid", lambda at: int(at >= 40)),
        ("test", lambda at: at % 5),
        ("phase", lambda at: ("dev", "test")[at % 2]),
        ("split", lambda at: ("banana", "train")[at % 2]),
        ("fold", lambda at: at / 7),
    ],
)
def test_other_columns_stay(tmp_path: Path, head: str, cell: Cell) -> None:
    table = read(texts(tmp_path / "a.csv", head, cell), tmp_path)
    assert told_parts(table, ()) is table


def test_a_column_that_was_named_keeps_its_meaning(tmp_path: Path) -> None:
    table = read(texts(tmp_path / "a.csv", "is_test", lambda at: int(at >= 40)), tmp_path)
    assert told_parts(table, ("is_test",)) is table


def test_what_trained_is_forecast_and_no_part(tmp_path: Path) -> None:
    rows = [f"2024-{at // 28 + 1:02}-{at % 28 + 1:02},{10 + at % 7},{int(at >= 70)}" for at in range(84)]
    path = write(tmp_path / "a.csv", "date,sales,is_test\n" + "\n".join(rows) + "\n")
    model = unroll.train(path, epochs=1, horizon=7, hidden_size=4, out=tmp_path / "run", progress=False)
    for given in (path, write(tmp_path / "b.csv", "date,sales,is_test\n" + "\n".join(rows[50:70]) + "\n")):
        assert [answer["series"] for answer in model.predict(given)] == ["sales"]
    assert without_parts(read(path, tmp_path), ("is_test",)).columns == ("date", "sales", "is_test")
    with pytest.raises(unroll.DataError, match="no column 'sales': a forecast goes on from the values so far"):
        model.predict(write(tmp_path / "c.csv", "id,date\n1,2024-04-01\n2,2024-04-02\n"))
