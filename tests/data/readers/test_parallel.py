"""Parallel text: which files belong together, and what is said where they do not."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import unroll
from data.helpers import read, rows, write
from unroll.data.readers.parallel import language_of
from unroll.errors import DataError


def pair(folder: Path, stem: str, count: int = 3) -> Path:
    folder.mkdir(exist_ok=True)
    write(folder / f"{stem}.de", "".join(f"Satz {n}\n" for n in range(count)))
    write(folder / f"{stem}.en", "".join(f"sentence {n}\n" for n in range(count)))
    return folder


def test_a_folder_has_parts_and_a_column_for_each_language(tmp_path: Path) -> None:
    folder = pair(pair(tmp_path / "d", "train"), "val", 2)
    write(folder / "README.md", "about")
    write(folder / "train.fr", "phrase 0\nphrase 1\nphrase 2\n")
    write(folder / "val.fr", "phrase 0\nphrase 1\n")
    packed = folder / "train.de"
    (folder / "train.de.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    table = read(folder, tmp_path)
    assert table.format == "parallel"
    assert table.columns == ("de", "en", "fr")
    assert rows(table)[3] == ("Satz 0", "sentence 0", "phrase 0")
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 0, 1, 1]
    assert table.place(4) == (folder / "val.de", 2)
    assert "left out: README.md" in table.notes


def test_what_names_share_names_a_pair_and_further_ones(tmp_path: Path) -> None:
    folder = pair(pair(tmp_path / "d", "news.test"), "books", 2)
    table = read(folder / "books", tmp_path, test=folder / "news.test")
    assert len(table) == 5
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 2, 2, 2]
    assert len(read(folder / "books.en", tmp_path / "b", format="parallel")) == 2
    # One file by its own name is a text.
    assert read(folder / "books.en", tmp_path / "c").format == "text"


def test_files_of_different_length_are_refused_with_both_counts(tmp_path: Path) -> None:
    folder = pair(tmp_path / "d", "train")
    write(folder / "train.en", "one\ntwo\n")
    with pytest.raises(
        DataError,
        match=r"train.en:2: parallel files must have as many lines, but this one has 2 and"
        r" train.de 3; find the line",
    ):
        read(folder, tmp_path)


def test_lines_blank_on_every_side_are_left_out_aloud_and_on_one_side_kept(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    write(folder / "a.ko", "가\n\n\n나\n\n")
    write(folder / "a.en", "a\n\n\r\n\n")
    table = read(folder, tmp_path)
    assert rows(table) == [("a", "가"), ("", "나")]
    assert "3 blank lines left out" in table.notes
    assert table.place(1)[1] == 4


def test_a_part_without_a_language_of_the_first_is_refused(tmp_path: Path) -> None:
    folder = pair(pair(tmp_path / "d", "train"), "val")
    (folder / "val.de").rename(folder / "val.fr")
    with pytest.raises(DataError, match="expected a file for 'de' beside it"):
        read(folder, tmp_path)
    write(tmp_path / "alone.de", "Satz\n")
    with pytest.raises(DataError, match="expected parallel files beside it"):
        read(tmp_path / "alone.de", tmp_path, format="parallel")


def test_classes_stay_classes(tmp_path: Path) -> None:
    """Files of one name with endings that are no languages hold a class each."""
    write(tmp_path / "d" / "polarity.pos", "good\n")
    write(tmp_path / "d" / "polarity.neg", "bad\n")
    assert read(tmp_path / "d", tmp_path).columns == ("text", "label")


@pytest.mark.parametrize(
    ("name", "language"),
    [("train.de", "de"), ("a.b.en.gz", "en"), ("val.pt-BR", "pt-BR"), ("x.zh_Hans", "zh_Hans"), ("x.pos", None),
     ("x.txt", None), ("de", None)],
)  # fmt: skip
def test_a_language_is_an_ending(name: str, language: str | None) -> None:
    assert language_of(Path(name)) == language


@pytest.mark.parametrize(
    "names",
    [
        ("train.src", "train.tgt", "valid.src", "valid.tgt"),
        ("src-train.txt", "tgt-train.txt", "src-val.txt", "tgt-val.txt"),
        ("train.de.txt", "train.en.txt", "val.de.txt", "val.en.txt"),
        ("train_de.txt", "train_en.txt", "val_de.txt", "val_en.txt"),
    ],
)
def test_sides_are_named_in_several_ways(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        lines = 20 if "train" in name else 4
        side = "ein" if "src" in name or "de" in name else "one"
        write(tmp_path / "set" / name, "".join(f"{side} {n}\n" for n in range(lines)))
    table = read(tmp_path / "set", tmp_path)
    first, second = table.columns
    assert {first, second} in ({"src", "tgt"}, {"de", "en"})
    assert (table.texts(first)[3], table.texts(second)[3]) == ("ein 3", "one 3")
    assert table.parts is not None
    assert np.bincount(table.parts).tolist() == [20, 4]


def test_texts_of_two_languages_with_as_many_lines_are_asked_about(tmp_path: Path) -> None:
    for name, word in (("de", "ein"), ("en", "one")):
        write(tmp_path / "set" / f"{name}.txt", "".join(f"{word} {n} more\n" for n in range(20)))
    found = unroll.check(str(tmp_path / "set"))
    assert "name them train.de and train.en to translate, or --task classify learns" in found.errors[0].text
    assert not unroll.check(str(tmp_path / "set"), task="classify").errors
    write(tmp_path / "set" / "en.txt", "".join(f"one {n} more\n" for n in range(25)))
    assert unroll.check(str(tmp_path / "set")).reason.startswith("task classify")


def test_line_breaks_of_unicode_are_none_of_files(tmp_path: Path) -> None:
    write(tmp_path / "set" / "train.de", "".join(f"ein\u2028{n}\x0b\x85\x0c.\r\n" for n in range(9)))
    write(tmp_path / "set" / "train.en", "".join(f"one {n}\n" for n in range(9)) + "\n")
    table = read(tmp_path / "set", tmp_path)
    assert len(table) == 9
    assert table.texts("de")[8] == "ein\u20288\x0b\x85\x0c."
