"""What is read at prediction is what was read in training, and what users see speaks of their own data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.helpers import write
from unroll.bundle import DataConfig, RunConfig
from unroll.errors import ConfigError
from unroll.tasks import TASKS
from unroll.tasks.pipeline import open_table
from unroll.tasks.reading import held_columns, read_options
from unroll.tasks.recognition import recognise
from unroll.tasks.records import records_of_table, single_records


def test_the_columns_of_a_run_are_read_again(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{day:02};{day % 3:02};{day},5\n" for day in range(1, 29))
    data = DataConfig(path=str(write(tmp_path / "a.csv", "day;store;sold\n" + rows)))
    held = held_columns(open_table(data, tmp_path / "store"))
    assert held == {"day": "time year-month-day", "store": "number", "sold": "number 1234,5"}
    later = data.model_copy(
        update={"path": str(write(tmp_path / "b.csv", "day;store;sold\n2024-02-01;007;3\n")), "columns": held}
    )
    table = open_table(later, tmp_path / "later")
    assert held_columns(table) == held
    assert list(records_of_table(table)) == [{"day": "2024-02-01", "store": "007", "sold": "3"}]
    assert next(iter(records_of_table(table, ["sold"])))["sold"] == 3.0


def test_a_mapping_is_a_record_unless_all_its_values_are_columns() -> None:
    record = {"tokens": ["Anna", "sings"], "id": 5}
    assert list(single_records(record) or ()) == [record]
    assert list(single_records({}) or ()) == [{}]
    assert single_records({"text": ["a", "b"], "id": [5, 6]}) is None


def test_what_no_column_holds_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.columns: 'colour' is not a valid Kind"):
        read_options(DataConfig(path="a.csv", columns={"x": "colour"}))


def test_one_line_of_text_is_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "one.txt", "a fine film\n")
    data = DataConfig(path=str(path), target="label", inputs=("text",))
    assert list(records_of_table(open_table(data, tmp_path / "store"))) == ["a fine film"]


def test_check_draws_the_split_that_training_draws(tmp_path: Path) -> None:
    lines = "".join(f"text number {row},{'abcdefghij'[row % 10]}\n" for row in range(120))
    data = DataConfig(path=str(write(tmp_path / "a.csv", "text,label\n" + lines + "the only one,z\n")))
    table = open_table(data, tmp_path / "store")
    task, guess = recognise(table, data, TASKS, None)

    config = RunConfig(task="classify", data=guess.data)
    split = task.split(table, config)
    assert split is not None
    assert 120 in split.train
    prepared = task.prepare(table, config, task.Settings())
    for drawn, used in zip(split, prepared.split, strict=True):
        np.testing.assert_array_equal(drawn, used)


def test_columns_that_were_named_are_used_whatever_they_hold(tmp_path: Path) -> None:
    lines = "".join(f"id{row:05}q,text number {row},{row % 2}\n" for row in range(40))
    data = DataConfig(path=str(write(tmp_path / "a.csv", "key,body,label\n" + lines)))
    table = open_table(data, tmp_path / "store")
    assert recognise(table, data, TASKS, None)[1].data.inputs == ("body",)
    named = data.model_copy(update={"inputs": ("key", "body")})
    assert recognise(table, named, TASKS, None)[1].data.inputs == ("key", "body")
