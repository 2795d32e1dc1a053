"""Running text: line breaks, Project Gutenberg's frame, and tokens in blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.helpers import read, write
from unroll.data import BPETokenizer, CharacterTokenizer, WordTokenizer
from unroll.data.text import corpus
from unroll.errors import DataError

BOOK = (
    "The Project Gutenberg EBook of A\n\n*** START OF THIS PROJECT GUTENBERG EBOOK A ***\n\nOne.\n\nTwo.\n\n"
    "*** END OF THIS PROJECT GUTENBERG EBOOK A ***\n\nLicence\n"
)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_line_breaks_and_blank_lines_are_kept(tmp_path: Path, end: str, name: str) -> None:
    path = write(tmp_path / name, "\ufeff" + end.join(["첫 줄", "", "  third", ""]))
    assert corpus.read_text(path) == "첫 줄\n\n  third\n"
    assert corpus.is_running_text(read(path, tmp_path))


def test_wrong_encodings_and_nul_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.txt:2: byte 6 .* is not utf-8"):
        corpus.read_text(write(tmp_path / "a.txt", "first\n한글\n", "cp949"))
    with pytest.raises(DataError, match=r"b\.txt:2: NUL byte"):
        corpus.read_text(write(tmp_path / "b.txt", "first\nx\0y\n"))
    assert corpus.read_text(write(tmp_path / "c.txt", "x" * 2_000_000)) == "x" * 2_000_000 + "\n"


def test_tables_are_no_running_text(tmp_path: Path) -> None:
    assert not corpus.is_running_text(read(write(tmp_path / "a.csv", "text,label\na,b\nc,d\n"), tmp_path))


def test_the_frame_of_a_book_is_found() -> None:
    frame = corpus.find_frame(BOOK)
    assert frame is not None
    assert BOOK[frame.before : len(BOOK) - frame.after] == "\nOne.\n\nTwo.\n\n"
    assert corpus.find_frame("One.\n") is None
    assert corpus.find_frame(BOOK.replace("START", "BEGIN")) is None


@pytest.mark.parametrize("kind", ["character", "jamo", "word", "bpe"])
def test_blocks_of_lines_decode_to_the_whole_text(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(corpus, "_BLOCK", 20)
    text = 'He said: "가나다 (라)" ...\n\n  indented,\ttab \n' * 8 + "no end"
    pieces = list(corpus.blocks(text))
    assert len(pieces) > 3
    assert "".join(pieces) == text
    makers = {
        "character": lambda: CharacterTokenizer.train([text], spell=True),
        "jamo": lambda: CharacterTokenizer.train([text], jamo=True, spell=True),
        "word": lambda: WordTokenizer.train([text], spell=True),
        "bpe": lambda: BPETokenizer.train([text], size=300),
    }
    tokenizer = makers[kind]()
    ids = corpus.encode_text(tokenizer, text)
    assert ids.dtype == np.int32
    assert tokenizer.decode(ids.tolist()) == text
    assert corpus.encode_text(tokenizer, "").tolist() == []
