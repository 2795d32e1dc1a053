"""Rows in memory, whatever they come as, are one and the same table; and what is Arrow already is not copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from unroll.data import Kind
from unroll.data.frames import frames_of, table_of
from unroll.errors import DataError

TEXTS, LABELS = ["정말 좋아요", "a dull story", "great", ""], ["pos", "neg", "pos", "neg"]
COLUMNS = {"text": TEXTS, "label": LABELS}


def polars_frame() -> Any:
    return pytest.importorskip("polars").DataFrame(COLUMNS)


def dataset() -> Any:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    return datasets.Dataset.from_dict({"text": TEXTS, "label": [1, 0, 1, 0]}, features=features)


SORTS = {
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas of categories": lambda: pd.DataFrame(COLUMNS).astype({"label": "category"}),
    "polars": polars_frame,
    "polars of categories": lambda: polars_frame().cast({"label": pytest.importorskip("polars").Categorical}),
    "polars of an enum": lambda: polars_frame().cast({"label": pytest.importorskip("polars").Enum(["neg", "pos"])}),
    "pyarrow": lambda: pa.table(COLUMNS),
    "record batch": lambda: pa.RecordBatch.from_pydict(COLUMNS),
    "dict of columns": lambda: COLUMNS,
    "dict of arrays": lambda: {"text": np.array(TEXTS), "label": np.array(LABELS, dtype=object)},
    "list of dicts": lambda: [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)],
    "texts and labels": lambda: (TEXTS, LABELS),
    "dataset": dataset,
}


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_gives_the_same_rows(sort: str, tmp_path: Path) -> None:
    table = table_of(frames_of(SORTS[sort]()), tmp_path)
    assert table.columns == ("text", "label")
    assert list(table.texts("text")) == TEXTS
    assert list(table.texts("label")) == LABELS
    assert table.in_memory
    assert table.place(2)[1] == 3
    assert str(table.paths[0]).startswith("<")
    assert not list(tmp_path.iterdir()), "no file on the way"


def test_arrays_are_series_and_keep_their_values(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for shape in [(4, 5, 3), (4, 5, 1), (4, 5)]:
        x = draw.normal(size=shape).astype(np.float32)
        table = table_of(frames_of((x, LABELS), target="y"), tmp_path)
        assert table.kinds == {"series": Kind.SERIES, "y": Kind.TEXT}
        for row in range(4):
            np.testing.assert_array_equal(table.series("series", row), x[row].reshape(5, -1))
    ragged = [draw.normal(size=(steps, 2)) for steps in (3, 1, 6)]
    table = table_of(frames_of(ragged), tmp_path)
    for row, values in enumerate(ragged):
        np.testing.assert_array_equal(table.series("series", row), values.astype(np.float32))
    alone = table_of(frames_of(np.arange(6.0)), tmp_path)
    assert alone.numbers("value").tolist() == [0, 1, 2, 3, 4, 5]


def test_lists_of_tokens_and_tags_are_lists(tmp_path: Path) -> None:
    table = table_of(frames_of(([["Anna", "lives"], ["서울"]], [["B", "O"], ["B"]])), tmp_path)
    assert table.columns == ("tokens", "tags")
    assert table.labels("tokens") == [("Anna", "lives"), ("서울",)]


def test_an_index_of_times_is_a_column_and_one_that_counts_is_not(tmp_path: Path) -> None:
    series = pd.Series([1.0, 2.0], index=pd.to_datetime(["2024-01-01", "2024-01-02"]), name="y")
    table = table_of(frames_of(series), tmp_path)
    assert table.kinds == {"index": Kind.TIME, "y": Kind.NUMBER}
    assert table_of(frames_of(pd.DataFrame(COLUMNS).iloc[::-1]), tmp_path).columns == ("text", "label")


def test_the_splits_of_a_dict_of_datasets_are_parts(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    parts = datasets.DatasetDict({"test": dataset(), "train": dataset()})
    table = table_of(frames_of(parts), tmp_path)
    assert table.parts is not None
    assert table.parts.tolist() == [0] * 4 + [2] * 4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "expected a path, a frame of pandas, polars or pyarrow"),
        ([], "no rows of data"),
        ([b"ab"], "expected a list of dicts, of texts"),
        ((TEXTS, LABELS[:2]), "as many labels as inputs, got 2 for 4"),
        ({"a": [1, 2], "b": [1]}, "cannot be read"),
        (np.zeros((2, 3, 4, 5)), "got one of 4 dimensions"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "one and the same F"),
    ],
)
def test_what_is_no_data_is_refused(data: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        frames_of(data)


def test_texts_that_are_arrow_already_are_not_copied(tmp_path: Path) -> None:
    rows = 200_000
    columns = pa.table(
        {"text": pa.array([f"a review of some length, number {n}" for n in range(rows)], pa.large_string())}
    )
    before = pa.total_allocated_bytes()
    table = table_of(frames_of(columns), tmp_path)
    # What is new is where a row is from: a file, a line and a part, 13 bytes in all.
    assert pa.total_allocated_bytes() - before < 16 * rows
    assert table.texts("text")[rows - 1].endswith(f"number {rows - 1}")
    assert len(table) == rows


DAYS = pd.date_range("2023-01-01", periods=6)
INDEXES = {
    "days": (DAYS, "index", "2023-01-01"),
    "months": (pd.period_range("2010-01", periods=6, freq="M"), "index", "2010-01-01"),
    "quarters": (pd.period_range("1980Q1", periods=6, freq="Q", name="q"), "q", "1980-01-01"),
    "texts": (DAYS.strftime("%Y-%m-%d"), "index", "2023-01-01"),
    "stores": (pd.MultiIndex.from_product([["a", "b"], DAYS[:3]], names=["store", "day"]), "day", "2023-01-01"),
    "levels": (pd.MultiIndex.from_product([["a", "b"], DAYS[:3]]), "level_1", "2023-01-01"),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_an_index_that_says_something_is_a_column(tmp_path: Path, kind: str) -> None:
    index, name, first = INDEXES[kind]
    table = table_of(frames_of(pd.DataFrame({"sold": range(6)}, index=index)), tmp_path)
    assert table.times(name)[0] == np.datetime64(first)
    assert list(table.texts("store" if kind == "stores" else "sold"))[:1] == (["a"] if kind == "stores" else ["0"])


def test_years_that_count_are_kept_and_rows_that_are_left_are_not(tmp_path: Path) -> None:
    years = pd.DataFrame({"sold": range(3)}, index=pd.RangeIndex(1990, 1993, name="year"))
    assert table_of(frames_of(years), tmp_path / "a").columns == ("year", "sold")
    left = pd.DataFrame({"sold": range(3)}, index=[1, 5, 7])
    assert table_of(frames_of(left), tmp_path / "b").columns == ("sold",)


def test_a_column_of_periods_is_one_of_times(tmp_path: Path) -> None:
    frame = pd.DataFrame({"month": pd.period_range("2010-01", periods=3, freq="M"), "sold": range(3)})
    assert table_of(frames_of(frame), tmp_path).times("month")[2] == np.datetime64("2010-03-01")


def test_two_columns_of_one_name_are_an_error() -> None:
    with pytest.raises(DataError, match="two columns are called 'y'"):
        frames_of(pd.DataFrame(np.zeros((2, 2)), columns=["y", "y"]))


def test_a_list_of_numbers_is_a_series(tmp_path: Path) -> None:
    assert table_of(frames_of([1.5, 2.5, 4.0]), tmp_path).numbers("value").tolist() == [1.5, 2.5, 4.0]


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"text": ["a b", 3, None, 1.5], "label": ["x", 1, True, float("nan")]}, dtype=object),
        {"text": ["a b", 3, None, 1.5], "label": ["x", 1, True, None]},
        [{"text": "a b", "label": "x"}, {"text": 3, "label": 1}, {"label": True}, {"text": 1.5}],
    ],
    ids=["frame", "columns", "rows"],
)
def test_texts_among_numbers_are_texts(data: object, tmp_path: Path) -> None:
    table = table_of(frames_of(data), tmp_path)
    assert list(table.texts("text")) == ["a b", "3", "", "1.5"]
    assert list(table.texts("label")) == ["x", "1", "true", ""]


def test_bins_are_words(tmp_path: Path) -> None:
    table = table_of(frames_of(pd.DataFrame({"label": pd.cut([0, 1, 2, 3], 2)})), tmp_path)
    assert list(table.texts("label")) == ["(-0.003, 1.5]"] * 2 + ["(1.5, 3.0]"] * 2


def test_pairs_in_a_list_are_texts_and_labels(tmp_path: Path) -> None:
    table = table_of(frames_of(list(zip(TEXTS, LABELS, strict=True)), target="kind"), tmp_path)
    assert table.columns == ("text", "kind")
    assert (list(table.texts("text")), list(table.texts("kind"))) == (TEXTS, LABELS)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), "two columns are called 'text'; rename or drop one"),
        ([{"text": "a"}, None], "expected a list of dicts, got NoneType as row 1; take it out"),
        (pd.DataFrame({"text": [object()]}), "the columns cannot be read"),
        ({"text": ["\ud800a"]}, "a text holds a lone surrogate ('\\ud800'), which is half a character"),
        (pd.DataFrame({"text": [1j]}), "the columns cannot be read (Unsupported numpy type 15"),
    ],
)
def test_what_cannot_be_a_table_is_said(data: object, says: str) -> None:
    with pytest.raises(DataError) as caught:
        frames_of(data)
    assert says in str(caught.value)


def test_names_of_several_levels_are_one_name(tmp_path: Path) -> None:
    columns = pd.MultiIndex.from_tuples([("Close", "ACME"), ("Close", "MEGA"), ("Volume", "ACME")])
    frame = pd.DataFrame([[1.0, 2.0, 3.0]] * 3, columns=columns, index=pd.Index(DAYS[:3], name="Date"))
    (found,) = frames_of(frame)
    assert found.columns.column_names == ["Date", "Close ACME", "Close MEGA", "Volume ACME"]
    assert table_of([found], tmp_path).kinds["Date"] is Kind.TIME


def test_an_index_may_be_a_column_of_a_dict(tmp_path: Path) -> None:
    table = table_of(frames_of({"day": DAYS, "y": np.arange(6.0)}), tmp_path)
    assert table.kinds == {"day": Kind.TIME, "y": Kind.NUMBER}
    assert len(table) == 6


def test_columns_with_one_index_are_put_side_by_side() -> None:
    early, late = (pd.Series([1.0, 2.0], index=pd.to_datetime(DAYS[at : at + 2])) for at in (0, 1))
    (found,) = frames_of({"a": early, "b": late})
    assert found.columns.column_names == ["index", "a", "b"]
    assert found.columns.column("b").to_pylist() == [None, 1.0, 2.0]


def test_arrays_with_names_are_columns(tmp_path: Path) -> None:
    rows = [("2024-01-01", 1.5), ("2024-01-02", 2.5)]
    table = table_of(frames_of(np.array(rows, dtype=[("ds", "U10"), ("y", "f8")])), tmp_path / "a")
    assert (table.kinds["ds"], table.kinds["y"]) == (Kind.TIME, Kind.NUMBER)
    records = np.rec.fromarrays([np.array(["2024-01-01"], "datetime64[D]"), np.array([2.0])], names="ds,y")
    assert table_of(frames_of(records), tmp_path / "b").kinds["ds"] is Kind.TIME


def test_whole_numbers_of_64_bits_keep_their_last_digit(tmp_path: Path) -> None:
    large = np.array([2**63 + 1, 2**63 + 2], dtype="uint64")
    table = table_of(frames_of(pd.DataFrame({"id": large, "n": np.array([1, 2], dtype="uint64")})), tmp_path)
    assert list(table.texts("id")) == [str(2**63 + 1), str(2**63 + 2)]
    assert table.numbers("n").tolist() == [1.0, 2.0]
