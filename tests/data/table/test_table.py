"""Random access, kinds, numbers, times and labels of a stored table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.helpers import read, write
from unroll.data import Kind, Table
from unroll.data.table.times import NOTATIONS
from unroll.data.table.writer import Field, Row, Writer
from unroll.errors import DataError


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.data.table.writer._BATCH_ROWS", 7)


def numbered(tmp_path: Path, count: int) -> Table:
    lines = "".join(f"{i},가{i % 10},{i / 4}\n" for i in range(count))
    return read(write(tmp_path / "a.csv", "id,text,value\n" + lines), tmp_path)


@pytest.mark.usefixtures("small_batches")
def test_rows_are_read_in_any_order_over_batches(tmp_path: Path) -> None:
    table = numbered(tmp_path, 100)
    generator = np.random.default_rng(0)
    for _ in range(10):
        wanted = generator.integers(0, 100, generator.integers(0, 60))
        assert list(table.texts("text", wanted)) == [f"가{i % 10}" for i in wanted]
        np.testing.assert_array_equal(table.numbers("value", wanted), wanted / 4)
    texts = table.texts("text", np.array([99, 0, 50]))
    assert (texts[0], texts[-1], len(texts), list(texts[1:])) == ("가9", "가0", 3, ["가0", "가0"])
    with pytest.raises(IndexError):
        texts[3]
    np.testing.assert_array_equal(table.lengths("text"), np.full(100, 2))
    assert [table.place(row)[1] for row in (0, 6, 7, 99)] == [2, 8, 9, 101]


@pytest.mark.usefixtures("small_batches")
def test_kinds_are_settled_by_all_rows(tmp_path: Path) -> None:
    lines = [f"{i},2024-01-{i % 28 + 1:02d},a|b,{i}" for i in range(50)] + [
        "x,soon,a b and more words than labels have,3"
    ]
    table = read(write(tmp_path / "a.csv", "\n".join(["n,when,tags,m", *lines])), tmp_path)
    assert list(table.kinds.values()) == [Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.NUMBER]
    table = read(write(tmp_path / "a.csv", "\n".join(["n,when,tags,m", *lines[:-1]])), tmp_path)
    assert list(table.kinds.values()) == [Kind.NUMBER, Kind.TIME, Kind.LABELS, Kind.NUMBER]
    assert table.labels("tags", np.array([3])) == [("a", "b")]


def test_text_in_a_numeric_column_names_the_line(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "x,y\n1,2\n,NA\n3,4\nthree,5\n"), tmp_path)
    np.testing.assert_array_equal(table.numbers("y"), [2, np.nan, 4, 5])
    with pytest.raises(DataError, match=r"a\.csv:5: column 'x' must hold numbers, got 'three'"):
        table.numbers("x")
    np.testing.assert_array_equal(table.numbers("x", np.array([2, 1])), [3, np.nan])


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "1_000", "0x10", "١", "--1", "+", "e5", "1e"])
def test_what_is_no_number(tmp_path: Path, cell: str) -> None:
    table = read(write(tmp_path / "a.tsv", f"x\ty\n1\t2\n{cell}\t3\n"), tmp_path)
    with pytest.raises(DataError, match=r"a\.tsv:3: column 'x' must hold numbers"):
        table.numbers("x")


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["{!r}", " {!r} ", "+{!r}", "{:.17e}"]))
def test_numbers_are_those_of_python(value: float, form: str) -> None:
    import pyarrow as pa

    from unroll.data.table.numbers import to_float64

    text = form.format(abs(value) if form[0] == "+" else value)
    values, bad = to_float64(pa.array([text], pa.large_string()))
    assert bad is None
    assert values[0] == float(text)


def test_no_such_column_names_the_nearest(tmp_path: Path) -> None:
    table = numbered(tmp_path, 3)
    for call in (table.texts, table.numbers, table.times, table.lengths):
        with pytest.raises(
            DataError, match=r"no column 'valeu' \(did you mean 'value'\?\); the columns are id, text, value"
        ):
            call("valeu")
    with pytest.raises(DataError, match="column 'text' holds text, not series"):
        table.series("text", 0)
    with pytest.raises(DataError, match=r"a\.csv:2: column 'text' must hold dates or times .* starts with '가0'"):
        table.times("text")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2024-01-31", "2024-02-29"], ["2024-01-31", "2024-02-29"]),
        (["2024-01-31 10:00", "2024-02-29 11:30"], ["2024-01-31T10:00", "2024-02-29T11:30"]),
        (["2024-01-31T10:00:01.25", "2024-02-29 11:30:00"], ["2024-01-31T10:00:01.25", "2024-02-29T11:30"]),
        (["2024-01-31 10:00:00+09:00", "2024-01-31T10:00:00Z"], ["2024-01-31T01:00", "2024-01-31T10:00"]),
        (["1949-01", "1949-12"], ["1949-01-01", "1949-12-01"]),
        (["19580329", "19580405"], ["1958-03-29", "1958-04-05"]),
        (["2024/1/31", "2024/12/01"], ["2024-01-31", "2024-12-01"]),
        (["2024/1/31 9:05", "2024/12/01 10:00"], ["2024-01-31T09:05", "2024-12-01T10:00"]),
        (["2024.1.31", "2024.12.01."], ["2024-01-31", "2024-12-01"]),
        (["1/31/2024", "12/1/2024"], ["2024-01-31", "2024-12-01"]),
        (["31/1/2024", "1/12/2024"], ["2024-01-31", "2024-12-01"]),
        (["31.01.2024", "1.12.2024"], ["2024-01-31", "2024-12-01"]),
        (["Jan 1 2000", "Feb 29, 2000"], ["2000-01-01", "2000-02-29"]),
        (["1 Jan 2000", "29 Feb 2000"], ["2000-01-01", "2000-02-29"]),
        (["2024년 1월 31일", "2024년 2월"], ["2024-01-31", "2024-02-01"]),
    ],
)
def test_notations_of_time(tmp_path: Path, cells: list[str], expected: list[str]) -> None:
    table = read(write(tmp_path / "a.tsv", "when\tx\n" + "".join(f"{cell}\t1\n" for cell in cells)), tmp_path)
    assert table.kinds["when"] is Kind.TIME
    np.testing.assert_array_equal(table.times("when"), np.array(expected, "datetime64[us]"))


@pytest.mark.parametrize("cell", ["2024-02-30", "2024-13-01", "2024-1", "12:00", "2024-01-01 25:00"])
def test_what_is_no_time(tmp_path: Path, cell: str) -> None:
    table = read(write(tmp_path / "a.tsv", f"when\tx\n2024-01-01\t1\n{cell}\t1\n"), tmp_path)
    assert table.kinds["when"] is Kind.TEXT


def test_notations_have_names() -> None:
    assert len(set(NOTATIONS)) == len(NOTATIONS)


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with Writer(tmp_path / "s", [Field("a")], tmp_path) as writer:
            writer.begin(tmp_path)
            writer.add(Row(["x"], 1))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list((tmp_path / "s").iterdir()) == []


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.data.table.writer._KEEP_FREE", 2**80)
    with pytest.raises(DataError, match="the disk is nearly full after 0 rows"):
        numbered(tmp_path, 3)


def test_sentences_with_commas_are_no_labels(tmp_path: Path) -> None:
    text = "text\tlabel\n" + "안녕, 반가워\tx\nhello, world\ty\n" * 20
    assert read(write(tmp_path / "a.tsv", text), tmp_path).kinds["text"] is Kind.TEXT
    text = "text\tlabel\n" + "안녕\t기쁨,놀람\n음\t슬픔\n" * 5
    table = read(write(tmp_path / "a.tsv", text), tmp_path)
    assert table.kinds["label"] is Kind.LABELS
    assert table.labels("label")[:2] == [("기쁨", "놀람"), ("슬픔",)]
