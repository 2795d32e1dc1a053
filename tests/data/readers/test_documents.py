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


def test_what_stands_beside_the_folders_of_parts_is_left_out_and_said(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            write(tmp_path / "films" / part / label / "0_3.txt", f"{label} {part}")
        write(tmp_path / "films" / part / f"urls_{part}.txt", "http://films\n")
        write(tmp_path / "films" / part / "bow.feat", "9 0:9\n")
    write(tmp_path / "films" / "train" / "unsup" / "0_0.txt", "neither")
    write(tmp_path / "films" / "films.vocab", "the\nand\n")
    table = read(tmp_path / "films", tmp_path)
    assert list(table.texts("label")) == ["neg", "pos", "neg", "pos"]
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 2, 2]
    left = "test/bow.feat, test/urls_test.txt, train/bow.feat, train/unsup, train/urls_train.txt"
    assert f"left out: films.vocab, {left}" in table.notes


@pytest.mark.parametrize("below", ["", "data/"])
@pytest.mark.parametrize("shard", ["{}-{:05}-of-00002", "{}-{:05}-of-00002-1e2d3a4b5c6d7e8f", "{}_{}"])
def test_a_part_may_be_cut_into_numbered_files(tmp_path: Path, below: str, shard: str) -> None:
    for part in ("train", "test"):
        for number in range(2):
            write(tmp_path / "set" / f"{below}{shard.format(part, number)}.csv", f"text,label\n{part} {number} a,x\n")
    write(tmp_path / "set" / "README.md", "about")
    table = read(tmp_path / "set", tmp_path)
    assert list(table.texts("text")) == ["train 0 a", "train 1 a", "test 0 a", "test 1 a"]
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 2, 2]


def test_tables_beside_parts_in_folders_below_are_said(tmp_path: Path) -> None:
    for name in ("train", "test", "submission"):
        write(tmp_path / "set" / "data" / f"{name}.csv", "text,label\na b c,x\n")
    table = read(tmp_path / "set", tmp_path)
    assert len(table) == 2
    assert "left out: data/submission.csv" in table.notes


def test_texts_and_labels_in_two_files(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        write(tmp_path / "set" / f"{part}_text.txt", f"{part} so good\n{part} so bad\n")
        write(tmp_path / "set" / f"{part}_labels.txt", "1\n0\n")
    write(tmp_path / "set" / "mapping.txt", "0\tbad\n1\tgood\n")
    table = read(tmp_path / "set", tmp_path)
    assert table.columns == ("text", "labels")
    assert list(table.texts("labels")) == ["1", "0"] * 3
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 1, 1, 2, 2]
    write(tmp_path / "plain" / "texts.txt", "so good\nso bad\n")
    write(tmp_path / "plain" / "labels.txt", "1\n")
    with pytest.raises(
        DataError, match=r"labels\.txt:1: parallel files must have as many lines, but this one has 1 and"
    ):
        read(tmp_path / "plain", tmp_path / "other")


def test_captions_and_tagged_words_are_no_texts_of_a_class(tmp_path: Path) -> None:
    write(tmp_path / "pictures" / "token.txt", "a.jpg#0\tA dog .\na.jpg#1\tA hat .\n")
    write(tmp_path / "pictures" / "trainImages.txt", "a.jpg\n")
    with pytest.raises(
        DataError, match=r"token\.txt is no list of the texts of one class: it is read as 'captions'; name"
    ):
        read(tmp_path / "pictures", tmp_path)
    for name in ("news", "web"):
        write(tmp_path / "tagged" / f"{name}.txt", "Ana B-PER\nleft O\n\nAna B-PER\nleft O\n")
    table = read(tmp_path / "tagged", tmp_path / "other")
    assert (table.columns, len(table)) == (("tokens", "tags"), 4)


def test_what_datasets_saved_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "saved" / "dataset_dict.json", '{"splits": ["train"]}')
    write(tmp_path / "saved" / "train" / "data-00000-of-00001.arrow", "")
    with pytest.raises(
        DataError, match=r"what `datasets` saved to disk \(Arrow\), .*load it with datasets.load_from_disk"
    ):
        read(tmp_path / "saved", tmp_path)
