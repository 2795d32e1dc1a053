"""Recordings as LJSpeech lists them."""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from data.audio.sounds import spoken, write_wav
from data.helpers import write
from unroll.data import ReadOptions, read_table
from unroll.errors import DataError

LINES = ["LJ001-0001|Printing, in the only sense|Printing, in the only sense", "LJ001-0002|in 1455, it|in fourteen, it"]


def listed(folder: Path, lines: list[str], place: str = "wavs") -> Path:
    (folder / place).mkdir(parents=True, exist_ok=True)
    for name in ("LJ001-0001", "LJ001-0002"):
        write_wav(folder / place / f"{name}.wav", spoken("ab"))
    return write(folder / "metadata.csv", "\n".join(lines) + "\n")


@pytest.mark.parametrize("place", ["wavs", ""])
@pytest.mark.parametrize("lines", [LINES, [line.rpartition("|")[0] for line in LINES]], ids=["three", "two"])
def test_names_and_texts_are_told_by_the_recordings(tmp_path: Path, lines: list[str], place: str) -> None:
    path = listed(tmp_path, lines, place)
    table = read_table(path, ReadOptions(), tmp_path / "store")
    assert table.format == "ljspeech"
    assert list(table.texts("audio")) == ["LJ001-0001.wav", "LJ001-0002.wav"]
    assert list(table.texts("text")) == [line.rpartition("|")[2] for line in lines]
    assert unroll.check(path).reason.startswith("task transcribe")


def test_without_the_recordings_it_is_a_table(tmp_path: Path) -> None:
    path = write(tmp_path / "metadata.csv", "\n".join(LINES) + "\n")
    assert read_table(path, ReadOptions(), tmp_path / "store").format == "csv"


def test_a_line_without_a_bar_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = listed(tmp_path, [*LINES, "LJ001-0003 no bar"])
    with pytest.raises(DataError, match=r"metadata.csv:3: expected the name of a recording, a bar and what is spoken"):
        read_table(path, ReadOptions(format="ljspeech"), tmp_path / "store")


def test_a_long_text_before_a_bar_names_no_recording(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", "\n".join(f"{'a good day ' * 40}{n}|{'ab'[n % 2]}" for n in range(12)) + "\n")
    assert read_table(path, ReadOptions(), tmp_path / "store").format == "csv"
