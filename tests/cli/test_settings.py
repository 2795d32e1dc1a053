from __future__ import annotations

import json

import pytest

from unroll.cli.options import data_values
from unroll.cli.settings import config_values, free_folder, run_name
from unroll.errors import ConfigError


def test_options_go_over_the_file_and_leave_the_rest(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"task": "classify", "seed": 3, "data": {"path": "old.csv", "target": "y"}}))
    values = config_values("new.csv", file, {"seed": 7, "model.hidden_size": 5, "training.epochs": None})
    assert values == {
        "task": "classify",
        "seed": 7,
        "data": {"path": "new.csv", "target": "y"},
        "model": {"hidden_size": 5},
    }


def test_the_file_alone_says_where_the_data_is(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"data": {"path": "old.csv"}}))
    assert config_values(None, file, {})["data"]["path"] == "old.csv"


@pytest.mark.parametrize("content", ["[]", '{"data": 3}', "{", "\x00"])
def test_a_file_that_is_no_config_is_an_error(content, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"config\.json"):
        config_values("x.csv", file, {})


def test_no_header_is_an_answer_and_its_absence_is_none():
    given = data_values(None, None, None, None, None, "tab", True, None, None)
    assert given["data.header"] is False
    assert given["data.delimiter"] == "\t"
    assert data_values(None, None, None, None, None, None, False, None, None)["data.header"] is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("x/reviews.csv", "reviews"),
        ("ETTh1.csv.gz", "ETTh1"),
        ("영화 평.tsv", "영화-평"),
        ("hub:owner/set", "set"),
        ("folder/", "folder"),
        ("a&b;rm -rf.csv", "a-b-rm--rf"),
        ("..", "run"),
        ("v1.5.csv", "v1.5"),
    ],
)
def test_a_run_is_named_after_its_data(data, name):
    assert run_name(data) == name


def test_a_new_run_gets_a_new_folder(tmp_path):
    assert free_folder(tmp_path, "x").name == "x-1"
    (tmp_path / "x-1").mkdir()
    (tmp_path / "x-2").mkdir()
    assert free_folder(tmp_path, "x").name == "x-3"
