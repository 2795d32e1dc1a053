"""Folders of texts, a class each: every file is a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import read, write
from unroll.errors import DataError


def test_a_folder_of_texts_for_each_class(tmp_path: Path) -> None:
    for name, text in (
        ("neg/0_3.txt", "dull\n\nand long\n"),
        ("neg/1_1.txt", "bad"),
        ("pos/0_9.txt", "좋아요\r\n정말"),
    ):
        write(tmp_path / "films" / name, text)
    write(tmp_path / "films" / "README.md", "about")
    table = read(tmp_path / "films", tmp_path)
    assert list(table.texts("text")) == ["dull\n\nand long", "bad", "좋아요\n정말"]
    assert list(table.texts("label")) == ["neg", "neg", "pos"]
    assert table.notes[0] == "one text per file, its class the folder: neg, pos, UTF-8"
    assert table.place(1)[0].name == "1_1.txt"


def test_parts_that_hold_such_folders(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            for number in range(3):
                write(tmp_path / "films" / part / label / f"{number}.txt", f"{label} {part} {number}")
    table = read(tmp_path / "films", tmp_path)
    assert len(table) == 12
    assert list(table.texts("label")).count("pos") == 6
    assert "parts by files: 6 for train, 6 for test" in table.notes


def test_an_empty_text_is_named(tmp_path: Path) -> None:
    write(tmp_path / "films" / "neg" / "0.txt", "")
    write(tmp_path / "films" / "pos" / "0.txt", "fine")
    with pytest.raises(DataError, match=r"0\.txt: the file is empty; fill it or take it out of the folder"):
        read(tmp_path / "films", tmp_path)


@pytest.mark.parametrize("name", ["ch{}.txt", "Chapter {}.txt", "{:03}.txt", "vol-{}.txt.gz"])
def test_pieces_of_a_text_are_no_classes(tmp_path: Path, name: str) -> None:
    for number in (1, 2, 10):
        write(tmp_path / "book" / name.format(number), f"This is number {number}.\n")
    table = read(tmp_path / "book", tmp_path)
    assert len(table.columns) == 1
    assert list(table.texts(table.columns[0])) == [f"This is number {number}." for number in (1, 2, 10)]


def test_other_names_are_classes(tmp_path: Path) -> None:
    for name in ("topic1", "topic2"):
        write(tmp_path / "kinds" / f"{name}.txt", "a\nb\n")
    assert list(read(tmp_path / "kinds", tmp_path).texts("label")) == ["topic1", "topic1", "topic2", "topic2"]
