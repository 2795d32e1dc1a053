"""Captions of pictures in the forms in which sets of them come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.helpers import write
from unroll.data import ReadOptions, Table, read_table
from unroll.errors import DataError

COCO = {
    "info": {},
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}, {"id": 9, "file_name": "c.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 8, "caption": " A dog. "},
        {"id": 2, "image_id": 7, "caption": "Two cats"},
        {"id": 3, "image_id": 99, "caption": "Nobody's"},
        {"id": 4, "image_id": 7, "caption": ""},
    ],
}
KARPATHY = {
    "images": [
        {"filename": "a.jpg", "filepath": "val2014", "split": "restval", "sentences": [{"raw": "A dog ."}]},
        {"filename": "b.jpg", "split": "val", "sentences": [{"raw": "Cats"}, {"tokens": ["two", "cats"]}]},
        {"filename": "c.jpg", "split": "test", "sentences": [{"raw": "한 마리"}]},
    ]
}


def read(path: Path, store: Path) -> Table:
    return read_table(path, ReadOptions(), store)


def test_the_text_file_of_flickr_with_its_commas(tmp_path: Path) -> None:
    text = 'image,caption\na.jpg,A dog runs .\na.jpg,"Two, ""big"" dogs"\n\nb.png,one, two\n'
    table = read(write(tmp_path / "captions.txt", text), tmp_path / "store")
    assert table.format == "captions"
    assert list(table.texts("image")) == ["a.jpg", "a.jpg", "b.png"]
    assert list(table.texts("caption")) == ["A dog runs .", 'Two, "big" dogs', "one, two"]
    assert [table.place(row)[1] for row in range(3)] == [2, 3, 5]


def test_the_older_form_with_numbers(tmp_path: Path) -> None:
    table = read(write(tmp_path / "Flickr8k.token.txt", "a.jpg#0\tA dog .\na.jpg#1\tDogs, two\n"), tmp_path / "store")
    assert list(table.texts("caption")) == ["A dog .", "Dogs, two"]


def test_a_line_without_a_caption_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "captions.txt", "image,caption\na.jpg,A dog\nb.jpg\n")
    with pytest.raises(DataError, match=r"captions.txt:3: expected the name of a picture, a comma"):
        read(path, tmp_path / "store")


def test_coco_with_what_is_wrong_in_it(tmp_path: Path) -> None:
    path = write(tmp_path / "captions_train.json", json.dumps(COCO, indent=1))
    table = read(path, tmp_path / "store")
    assert table.format == "coco"
    assert list(table.texts("image")) == ["b.jpg", "a.jpg", "", "a.jpg"]
    assert list(table.texts("caption")) == ["A dog.", "Two cats", "Nobody's", ""]
    assert [[problem.kind for problem in table.problems(row)] for row in range(4)] == [[], [], ["image"], ["caption"]]
    lines = path.read_text(encoding="utf-8").splitlines()
    assert "Two cats" in lines[table.place(1)[1] - 1]
    assert "1 pictures without a caption left out" in table.notes


def test_the_splits_of_karpathy(tmp_path: Path) -> None:
    table = read(write(tmp_path / "dataset.json", json.dumps(KARPATHY)), tmp_path / "store")
    assert table.format == "karpathy"
    assert list(table.texts("image")) == ["val2014/a.jpg", "b.jpg", "b.jpg", "c.jpg"]
    assert list(table.texts("caption")) == ["A dog .", "Cats", "two cats", "한 마리"]
    assert table.parts is not None
    assert table.parts.tolist() == [0, 1, 1, 2]


def test_pictures_beside_a_table_are_not_taken_for_data(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write(folder / "captions.csv", "image,caption\na.jpg,A dog\n")
    for name in ("a.jpg", "b.jpg", "images/c.png"):
        write(folder / name, "")
    table = read(folder, tmp_path / "store")
    assert list(table.texts("image")) == ["a.jpg"]
    assert not any("left out" in note for note in table.notes)
