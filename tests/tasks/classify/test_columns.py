"""Which column holds the classes and which the inputs, in tables like those that people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.data.frames import frames_of, table_of
from unroll.tasks.classify.columns import find_columns
from unroll.tasks.classify.task import ClassifyTask

WORDS = ["river", "stone", "cloud", "amber", "field", "north", "paper"]
TEXTS = [f"{WORDS[n % 7]} {WORDS[n * 3 % 5]} words of {n}" for n in range(40)]


def made(folder: Path, **columns: Any) -> Table:
    return table_of(frames_of(columns), folder / "store")


def cycle(*values: object) -> list[object]:
    return [values[n % len(values)] for n in range(40)]


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ({"text": TEXTS, "airline_sentiment": cycle("good", "bad"), "retweet_count": cycle(0, 1)}, "airline_sentiment"),
        ({"text": TEXTS, "gold_label": cycle("a", "b"), "annotator_labels": cycle(["a"], ["b"])}, "gold_label"),
        ({"flag": cycle(0, 1), "mark": cycle("*", ""), "text": TEXTS}, "flag"),
        ({"text": TEXTS, "mood": cycle("a", "b", "c"), "always": cycle(["x"])}, "mood"),
        ({"text": TEXTS, "Class Index": cycle(1, 2), "code": cycle(3, 4, 5, 6, 7)}, "Class Index"),
    ],
)
def test_the_column_of_classes(tmp_path: Path, columns: dict[str, Any], target: str) -> None:
    found = find_columns(made(tmp_path, **columns), DataConfig(path="x"))
    assert found is not None
    assert (found.target, found.inputs) == (target, ("text",))


def test_other_columns_that_may_hold_classes_are_named(tmp_path: Path) -> None:
    table = made(tmp_path, comments=TEXTS, bias=cycle("a", "b"), hate=cycle("x", "y", "z"))
    guess = ClassifyTask().guess(table, DataConfig(path="x"))
    assert guess is not None
    assert guess.data.target == "bias"
    assert "'hate' may hold classes as well; name the one that is meant with --target" in guess.notes
    named = ClassifyTask().guess(table, DataConfig(path="x", target="hate"))
    assert named is not None
    assert not named.notes


def test_texts_are_read_rather_than_numbers_beside_them(tmp_path: Path) -> None:
    numbers = [[n % 3, 1] for n in range(40)]
    table = made(tmp_path, title=TEXTS, category=cycle("a", "b"), marks=numbers)
    found = find_columns(table, DataConfig(path="x"))
    assert found is not None
    assert found.inputs == ("title",)
    alone = find_columns(
        made(tmp_path / "b", name=cycle("x", "y"), category=cycle("a", "b"), marks=numbers), DataConfig(path="x")
    )
    assert alone is not None
    assert (alone.inputs, alone.series) == (("marks",), True)


def test_answers_and_tags_are_no_inputs_and_objects_neither(tmp_path: Path) -> None:
    table = made(
        tmp_path,
        instruction=TEXTS,
        response=[f"{text} indeed" for text in TEXTS],
        raw=[[{"a": n}] for n in range(40)],
        intent=cycle("go", "stop"),
    )
    found = find_columns(table, DataConfig(path="x"))
    assert found is not None
    assert found.inputs == ("instruction",)
    assert set(found.left) == {("response", "it answers what is classified"), ("raw", "lists or objects")}
    tokens = [text.split() for text in TEXTS]
    table = made(
        tmp_path / "b",
        tokens=tokens,
        tags=[["O"] * len(own) for own in tokens[:39]] + [["B-X"] * len(tokens[39])],
        intent=cycle("go", "stop"),
    )
    found = find_columns(table, DataConfig(path="x", target="intent"))
    assert found is not None
    assert (found.inputs, found.left) == (("tokens",), (("tags", "the tags of 'tokens'"),))
