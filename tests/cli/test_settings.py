from __future__ import annotations

import json

import pytest

from unroll.cli.options import character
from unroll.cli.settings import free_folder, named_data, run_name
from unroll.errors import ConfigError


def test_the_data_is_called_by_the_line_or_by_the_file(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"data": {"path": "old.csv"}}))
    assert named_data("new.csv", file) == "new.csv"
    assert named_data(None, file) == "old.csv"
    assert named_data(None, None) == ""
    file.write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json"):
        named_data(None, file)


def test_a_tab_can_be_written_as_a_word():
    assert [character(given) for given in ("tab", "\\t", ";", None)] == ["\t", "\t", ";", None]


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
