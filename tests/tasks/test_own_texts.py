"""Texts as people have them: what is recognised of a file or a folder, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import write
from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.tasks import TASKS
from unroll.tasks.base import Guess
from unroll.tasks.pipeline import open_table
from unroll.tasks.recognition import recognise

COUNT = range(30)
WORDS = ("river", "stone", "cloud", "amber", "field", "north", "paper", "glass")


def text(row: int) -> str:
    return f"{WORDS[row % 8]} {WORDS[row * 3 % 8]} note {row} {WORDS[(row + 5) % 8]}"


def look(path: Path, tmp_path: Path) -> tuple[str, Guess, Table]:
    data = DataConfig(path=str(path))
    table = open_table(data, tmp_path / "store")
    task, guess = recognise(table, data, TASKS, None)
    return task.name, guess, table


@pytest.mark.parametrize(
    ("column", "cells", "taken", "said"),
    [
        ("split", ("train", "train", "test"), "split", "the parts are those in 'split'"),
        ("is_test", ("0", "0", "1"), "is_test", "the parts are those in 'is_test'"),
        ("set", ("train", "dev", "test"), "set", "the parts are those in 'set'"),
        ("kfold", ("0", "1", "2"), None, "'kfold' numbers parts or folds; it is neither read nor followed"),
    ],
)
@pytest.mark.parametrize("names", ["text,label", "en,fr"])
def test_columns_of_parts_are_followed_or_said(
    tmp_path: Path, names: str, column: str, cells: tuple[str, ...], taken: str | None, said: str
) -> None:
    second = ("good", "good", "bad", "bad") if names == "text,label" else tuple(f"le mot {n}" for n in COUNT)
    rows = "".join(f"{text(n)},{second[n % len(second)]},{cells[n % len(cells)]}\n" for n in COUNT)
    task, guess, _ = look(write(tmp_path / "a.csv", f"{names},{column}\n{rows}"), tmp_path)
    assert task == ("classify" if names == "text,label" else "translate")
    assert guess.data.split_column == taken
    assert said in "; ".join(guess.notes)
    assert column not in guess.data.inputs


def test_a_column_of_parts_is_no_class(tmp_path: Path) -> None:
    rows = "".join(f"{text(n)},{('train', 'train', 'test')[n % 3]}\n" for n in COUNT)
    task, guess, _ = look(write(tmp_path / "a.csv", f"text,set\n{rows}"), tmp_path)
    assert (task, guess.data.target) == ("generate", None)


@pytest.mark.parametrize("answer", ["answer_text", "text", "answer"])
def test_places_of_answers_beside_them_are_no_classes(tmp_path: Path, answer: str) -> None:
    cities = ("Oslo", "Rome", "Paris")
    rows = "".join(
        f"Ana was born in {cities[n % 3]} in {1900 + n}.,Where was Ana born {n}?,{cities[n % 3]},16\n" for n in COUNT
    )
    task, guess, _ = look(write(tmp_path / "a.csv", f"context,question,{answer},answer_start\n{rows}"), tmp_path)
    assert (task, guess.data.target, guess.data.inputs) == ("answer", answer, ("context", "question"))
