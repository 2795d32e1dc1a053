"""Several labels in a cell: which notations are recognised, and where a comma stands in the name of one class."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import read, write
from unroll.data import Kind, Table
from unroll.data.readers.listcells import holds_lists, list_items, words_and_tags

NOTATIONS = {
    ",": "joy,love|fear|love|fear,joy",
    ", ": "joy, love|fear|love|fear, joy",
    " , ": "joy , love|fear|love|fear , joy",
    ";": "joy;love|fear|love|fear;joy",
    "; ": "joy; love|fear|love|fear; joy",
    "words": "deep joy, true love|fear|true love|fear, deep joy",
}


def made(folder: Path, cells: list[str], name: str = "label", times: int = 10) -> Table:
    body = "".join(f"a text of {n} words\t{cell}\n" for n in range(times) for cell in cells)
    return read(write(folder / "a.tsv", f"text\t{name}\n{body}"), folder)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_labels_with_and_without_blanks(tmp_path: Path, notation: str) -> None:
    cells = NOTATIONS[notation].split("|")
    table = made(tmp_path, cells)
    assert table.kinds["label"] is Kind.LABELS
    joy, love = ("deep joy", "true love") if notation == "words" else ("joy", "love")
    assert table.labels("label")[:4] == [(joy, love), ("fear",), (love,), ("fear", joy)]


def test_bars_with_blanks_and_the_name_decide(tmp_path: Path) -> None:
    cells = ["Sci Fi|Drama", "Drama", "Comedy | Drama"]
    assert made(tmp_path, cells, "genres").labels("genres")[:3] == [
        ("Sci Fi", "Drama"),
        ("Drama",),
        ("Comedy", "Drama"),
    ]
    assert made(tmp_path, cells, "remark").kinds["remark"] is Kind.TEXT
    # Without blanks no name is needed.
    assert made(tmp_path, ["a|b", "b"], "remark").kinds["remark"] is Kind.LABELS


@pytest.mark.parametrize(
    "cells",
    [
        ["Paris, France", "Rome, Italy", "Oslo, Norway"],
        ["Paris, France", "Lyon, France", "Rome, Italy"],
        ["a first, rather long sentence", "a second, rather long sentence"],
        ["joy, ", "love"],
    ],
)
def test_a_comma_in_the_name_of_a_class(tmp_path: Path, cells: list[str]) -> None:
    assert made(tmp_path, cells).kinds["label"] is Kind.TEXT


def test_many_different_cells_are_texts(tmp_path: Path) -> None:
    assert made(tmp_path, [f"w{n}, v{n}" for n in range(30)], times=1).kinds["label"] is Kind.TEXT


def test_lists_in_cells(tmp_path: Path) -> None:
    rows = ['"[\'joy\', ""it\'s""]"', "['a b' 'c']", "[]"]
    text = "text,labels\n" + "".join(f"one {n},{row}\n" for n, row in enumerate(rows))
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    assert table.labels("labels") == [("joy", "it's"), ("a b", "c"), ()]
    numbers = read(write(tmp_path / "b.csv", 'text,labels\none,"[1, 22]"\ntwo,[3]\n'), tmp_path)
    assert numbers.labels("labels") == [("1", "22"), ("3",)]


def test_what_is_no_list_in_cells() -> None:
    assert [list_items(cell) for cell in ("[sic]", "[1, 'a']", "['a'", "{'a'}", "[['a']]", "a [b]")] == [None] * 6
    assert not holds_lists("notes", ["[1, 2]", "[3]"])
    assert not holds_lists("labels", ["['a']", "b"])
    assert not holds_lists("labels", ["", ""])
    assert words_and_tags([["I am O", "O"], ["You", "O"]]) == {}
    assert words_and_tags([["Ana left", "B-PER O"], ["Rui", "B-PER O"]]) == {}
    assert words_and_tags([["Ana left", "O O"], ["It rains", "O O"]]) == {}


@pytest.mark.parametrize("tags", ["B-PER O B-LOC", "B-PER,O,B-LOC", "B-PER, O, B-LOC", "['B-PER', 'O', 'B-LOC']"])
@pytest.mark.parametrize("head", ["text\ttags\n", "문장\t개체\n", "id\ttext\tnote\n", ""])
def test_as_many_tags_of_entities_as_words(tmp_path: Path, tags: str, head: str) -> None:
    row = f"{{}}\tAna left, Oslo\t{tags}\n" if "id" in head else f"Ana left, Oslo\t{tags}\n"
    table = read(write(tmp_path / "a.tsv", head + "".join(row.format(n) for n in range(30))), tmp_path)
    assert set(table.labels(table.columns[-1])) == {("B-PER", "O", "B-LOC")}
    assert set(table.labels(table.columns[-2])) == {("Ana", "left,", "Oslo")}


def test_a_cell_that_is_no_list_among_lists_is_told_with_its_line(tmp_path: Path) -> None:
    from unroll.errors import DataError

    text = "text,labels\n" + "one,['a']\n" * 300 + "two,b\n"
    with pytest.raises(DataError, match=r"a\.csv:302: column 'labels' must hold lists such as \['a', 'b'\], got 'b'"):
        read(write(tmp_path / "a.csv", text), tmp_path)
