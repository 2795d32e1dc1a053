from __future__ import annotations

import io

import numpy as np
import pytest

from unroll.cli.records import records_of_lines
from unroll.data import ReadOptions, read_table
from unroll.errors import DataError
from unroll.tasks.records import records_of_table


def read(content: bytes, encoding: str = "utf-8"):
    return list(records_of_lines(io.BytesIO(content), encoding))


def test_lines_are_texts_and_none_is_left_out():
    assert read("\ufeff좋아요\r\n\n  spaces kept \nlast".encode()) == ["좋아요", "", "  spaces kept ", "last"]


def test_lines_are_columns_if_the_first_is_an_object():
    assert read(b'{"text": "a"}\n{"text": "b"}\n') == [{"text": "a"}, {"text": "b"}]


@pytest.mark.parametrize("first", ["{not json", "[1, 2]", '"quoted"', "3"])
def test_what_only_looks_like_json_is_text(first):
    assert read(f"{first}\n".encode()) == [first]


def test_the_encoding_is_the_readers():
    assert read("좋아요\n".encode("cp949"), "cp949") == ["좋아요"]


@pytest.mark.parametrize(
    ("content", "line"), [(b"good\n\xb1\xb2\n", 2), (b'{"text": "a"}\nplain\n', 2), (b'{"text": "a"}\n\n', 2)]
)
def test_a_wrong_line_is_named(content, line):
    with pytest.raises(DataError, match=rf"^standard input:{line}: expected"):
        read(content)


def test_rows_of_a_table_are_columns(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("text,size\n" + "좋아요,1.5\n나빠요,2\n" * 700, encoding="utf-8")
    table = read_table(file, ReadOptions(), tmp_path / "store")
    as_numbers = list(records_of_table(table, {"size"}))
    assert as_numbers == [{"text": "좋아요", "size": 1.5}, {"text": "나빠요", "size": 2.0}] * 700
    as_written = list(records_of_table(table))
    assert as_written == [{"text": "좋아요", "size": "1.5"}, {"text": "나빠요", "size": "2"}] * 700


def test_a_table_of_one_text_column_is_texts(tmp_path):
    file = tmp_path / "x.txt"
    file.write_text("하나\n둘, 셋\n", encoding="utf-8")
    table = read_table(file, ReadOptions(), tmp_path / "store")
    assert list(records_of_table(table)) == ["하나", "둘, 셋"]


def test_a_series_cell_is_steps_of_values(tmp_path):
    table = read_table("digits", ReadOptions(), tmp_path / "store")
    record = next(records_of_table(table))
    assert np.shape(record["image"]) == (8, 8)
