"""The rows of a text that has gaps to fill, and the records that ask for one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from unroll.data import Kind, Table, Tokenizer
from unroll.errors import DataError
from unroll.ids import FIRST_ID, UNKNOWN_ID
from unroll.tasks.base import Record

#: What a token may be.
Tokens = Literal["word", "character", "bpe"]
#: What stands for the missing word in a record: three underscores or more.
_GAP = re.compile("_{3,}")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def paragraphs(text: str) -> Iterator[str]:
    """The rows of a text: its paragraphs if it has empty lines (their line breaks are spaces), else its lines."""
    wrapped = _BLANK_LINE.search(text) is not None
    for piece in _BLANK_LINE.split(text) if wrapped else text.split("\n"):
        row = " ".join(line.strip() for line in piece.split("\n") if line.strip()) if wrapped else piece.strip()
        if row:
            yield row


def whole_rows(parts: Sequence[str]) -> list[str]:
    """Parts of one text that follow each other, moved so that each begins with a row of its own: what stands before
    the first border goes to the part before. A part without a border is left as it is."""
    found = list(parts)
    wrapped = any(_BLANK_LINE.search(part) for part in parts)
    for later in range(1, len(found)):
        if found[later - 1].endswith("\n") and not wrapped:
            continue
        border = _BLANK_LINE.search(found[later]) if wrapped else re.search("\n", found[later])
        if border is not None:
            found[later - 1] += found[later][: border.end()]
            found[later] = found[later][border.end() :]
    return found


def cut_rows(tokenizer: Tokenizer, text: str, window: int) -> list[np.ndarray]:
    """The rows of a text as numbers; what is longer than the window is cut into windows."""
    rows = []
    for row in paragraphs(text):
        tokens = tokenizer.encode(row)
        rows += [tokens[at : at + window] for at in range(0, len(tokens), window)]
    return rows


class Pieces(NamedTuple):
    """The tokens of a vocabulary as texts.

    Attributes:
        texts: (V,) what each stands for, without white space; empty for what is no text.
        answers: (V,) bool: which of them may fill a gap: whole words, characters or pieces with a letter or a digit.
        spaced: (V,) bool: which begin with a space.
    """

    texts: tuple[str, ...]
    answers: np.ndarray
    spaced: np.ndarray


def read_pieces(tokenizer: Tokenizer) -> Pieces:
    """The tokens of a vocabulary as texts."""
    texts = [*[""] * FIRST_ID, *(tokenizer.decode([token]) for token in range(FIRST_ID, tokenizer.size))]
    # A piece of bytes that are not a whole character decodes to U+FFFD: it cannot be shown.
    answers = [any(map(str.isalnum, text)) and "\ufffd" not in text for text in texts]
    return Pieces(
        tuple(text.strip() for text in texts), np.array(answers), np.array([text.startswith(" ") for text in texts])
    )


class Gap(NamedTuple):
    """A record as tokens.

    Attributes:
        row: (N,) with 1, unknown, in the gap.
        at: where the gap is.
        left, right: the texts around it, as they are given.
    """

    row: np.ndarray
    at: int
    left: str
    right: str


def read_gap(tokenizer: Tokenizer, record: Record, column: str, *, tokens: Tokens) -> Gap:
    """The tokens around the one gap of a record.

    Between words a space is understood, before a byte pair it is part of the piece, between characters it is a
    character: so it is taken off on both sides of the gap, on its left, or not at all.

    Args:
        tokenizer: of the model.
        record: a text, or columns with the text in `column` or in "text".
        column: where the text is.
        tokens: what a token is.

    Raises:
        DataError: there is no text, or not exactly one gap in it.
    """
    text = record if isinstance(record, str) else record.get(column, record.get("text"))
    if not isinstance(text, str):
        raise DataError(f"a record needs a text in '{column}', got {sorted(map(str, record))}")
    found = list(_GAP.finditer(text))
    if len(found) != 1:
        raise DataError(f"a text needs exactly one gap, written ___, got {len(found)} in {text[:60]!r}")
    left, right = text[: found[0].start()], text[found[0].end() :]
    before = tokenizer.encode(left if tokens == "character" else left.removesuffix(" "))
    after = tokenizer.encode(right.removeprefix(" ") if tokens == "word" else right)
    return Gap(np.concatenate([before, np.full(1, UNKNOWN_ID, dtype=np.int32), after]), len(before), left, right)


def gaps_in_text(table: Table, column: str | None) -> Iterator[tuple[int, str]]:
    """Rows of a table whose text already holds what stands for a gap."""
    names = [column] if column is not None else [n for n in table.columns if table.kinds[n] is Kind.TEXT]
    for name in names:
        for row, text in enumerate(table.texts(name)):
            if _GAP.search(text):
                yield row, text
