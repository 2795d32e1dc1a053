"""Rows in memory are read in the shapes in which their files would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.helpers import read
from unroll.data import Table
from unroll.data.frames import frames_of, table_of
from unroll.errors import DataError


def made(data: object, folder: Path) -> Table:
    return table_of(frames_of(data), folder / "store")


ENTITIES: dict[str, list[Any]] = {
    "objects": [{"text": "Ana left", "entities": [{"start": 0, "end": 3, "label": "PER"}]}] * 3,
    "triples": [{"text": "Ana left", "label": [[0, 3, "PER"]]}] * 3,
    "spacy": [("Ana left", {"entities": [(0, 3, "PER")]})] * 3,
}


@pytest.mark.parametrize("form", ENTITIES)
def test_entities_become_tags(tmp_path: Path, form: str) -> None:
    table = made(ENTITIES[form], tmp_path)
    assert [table.labels(name) for name in table.columns] == [[("Ana", "left")] * 3, [("B-PER", "O")] * 3]


def test_an_entity_that_does_not_fit_names_its_row(tmp_path: Path) -> None:
    rows = [*ENTITIES["triples"], {"text": "Ana", "label": [[0, 9, "PER"]]}]
    with pytest.raises(DataError, match="row 3: an entity PER at 0 to 9 is not in its text of 3 characters"):
        made(rows, tmp_path)
    with pytest.raises(DataError, match=r"expected a text with its entities as in the rows above, got .* as row 50"):
        made(ENTITIES["triples"] * 16 + ENTITIES["triples"][:2] + [{"text": "x"}], tmp_path)


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_words_are_gathered_to_sentences(tmp_path: Path, missing: object) -> None:
    frame = pd.DataFrame(
        {
            "Sentence #": ["Sentence: 1", missing, "Sentence: 2"],
            "Word": ["Ana", "left", "Stop"],
            "POS": ["NNP", "VBD", "VB"],
            "Tag": ["B-per", "O", "O"],
        }
    )
    table = made(frame, tmp_path)
    assert table.columns == ("tokens", "POS", "tags")
    assert [table.labels(name) for name in table.columns] == [
        [("Ana", "left"), ("Stop",)],
        [("NNP", "VBD"), ("VB",)],
        [("B-per", "O"), ("O",)],
    ]


def test_numbers_of_labels_are_labels_and_numbers_of_tags_are_not(tmp_path: Path) -> None:
    table = made({"text": ["a", "b"], "labels": [[1, 22], []]}, tmp_path)
    assert table.labels("labels") == [("1", "22"), ()]
    table = made({"tokens": [["a"], ["b"]], "labels": [[1], [0]]}, tmp_path)
    assert table.kinds["labels"].value == "series"
    table = made({"text": ["a", "b"], "wave": [[1, 22], [3]]}, tmp_path)
    assert table.kinds["wave"].value == "series"


def test_objects_are_columns_in_frames_and_in_parquet(tmp_path: Path) -> None:
    data = pa.table(
        {
            "translation": [{"en": "a house", "de": "ein Haus"}, {"en": "I", "de": None}],
            "labels": [[3, 4], [5]],
            "deep": [{"a": {"b": 1}}, None],
        }
    )
    pq.write_table(data, tmp_path / "a.parquet")
    for table in (made(data, tmp_path), read(tmp_path / "a.parquet", tmp_path)):
        assert table.columns == ("translation.en", "translation.de", "labels", "deep.a.b")
        assert list(table.texts("translation.de")) == ["ein Haus", ""]
        assert table.labels("labels") == [("3", "4"), ("5",)]


def test_pictures_stay_in_one_piece(tmp_path: Path) -> None:
    data = pa.table({"image": [{"bytes": b"x", "path": "a.png"}], "text": ["a"]})
    assert made(data, tmp_path).columns == ("image", "text")
