"""The rows of a text that has gaps to fill, its tokens, and the records that ask for one.

Shapes: N tokens of a row, V vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import BPETokenizer, CharacterTokenizer, Kind, Table, Tokenizer, WordTokenizer
from unroll.data.text.corpus import blocks
from unroll.errors import DataError
from unroll.ids import FIRST_ID, UNKNOWN_ID
from unroll.report import words
from unroll.tasks.base import Record
from unroll.tasks.fill.settings import FillSettings, Tokens
from unroll.tasks.running_text import read_splits

#: How often a token must come in the training text to be known.
_RARE = {"word": 2, "character": 1}
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


def whole_rows(texts: Sequence[str]) -> list[str]:
    """Splits of one text that follow each other, moved so that each begins with a row of its own: what stands before
    the first border goes to the split before. A split without a border is left as it is."""
    moved = list(texts)
    wrapped = any(_BLANK_LINE.search(text) for text in texts)
    for later in range(1, len(moved)):
        if moved[later - 1].endswith("\n") and not wrapped:
            continue
        border = _BLANK_LINE.search(moved[later]) if wrapped else re.search("\n", moved[later])
        if border is not None:
            moved[later - 1] += moved[later][: border.end()]
            moved[later] = moved[later][border.end() :]
    return moved


def cut_rows(tokenizer: Tokenizer, text: str, window: int) -> list[np.ndarray]:
    """The rows of a text as ids; what is longer than the window is cut into windows."""
    rows = []
    for row in paragraphs(text):
        tokens = tokenizer.encode(row)
        rows += [tokens[at : at + window] for at in range(0, len(tokens), window)]
    return rows


class Pieces(NamedTuple):
    """The tokens of a vocabulary as texts.

    Attributes:
        texts: (V,) what each stands for, without white space; empty for what is no text.
        fillers: (V,) bool: which of them may fill a gap: whole words, characters or pieces with a letter or a digit.
        spaced: (V,) bool: which begin with a space.
    """

    texts: tuple[str, ...]
    fillers: np.ndarray
    spaced: np.ndarray


def read_pieces(tokenizer: Tokenizer) -> Pieces:
    """The tokens of a vocabulary as texts."""
    texts = ["", "", *(tokenizer.decode([number]) for number in range(2, tokenizer.size))]
    # A piece of bytes that are not a whole character decodes to U+FFFD: it cannot be shown.
    fillers = [any(map(str.isalnum, text)) and "\ufffd" not in text for text in texts]
    return Pieces(
        tuple(text.strip() for text in texts), np.array(fillers), np.array([text.startswith(" ") for text in texts])
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
    gaps = list(_GAP.finditer(text))
    if len(gaps) != 1:
        raise DataError(f"a text needs exactly one gap, written ___, got {len(gaps)} in {text[:60]!r}")
    left, right = text[: gaps[0].start()], text[gaps[0].end() :]
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


class Rows(NamedTuple):
    """Rows of a text and the gaps that are asked for in them.

    Attributes:
        ids: (N,) each.
        gaps: positions in each row, rising.
    """

    ids: list[np.ndarray]
    gaps: list[np.ndarray]

    def truth(self) -> np.ndarray:
        """(M,) the tokens in all gaps, those of the first row first; -1 for an unknown one, which nothing meets."""
        ids = np.concatenate([row[own] for row, own in zip(self.ids, self.gaps, strict=True)]).astype(np.int64)
        return np.where(ids < FIRST_ID, -1, ids)


def rows_of(tokenizer: Tokenizer, pieces: Pieces, text: str, settings: FillSettings) -> Rows:
    """The rows of a text, with every word a gap, the unknown ones included."""
    ids = cut_rows(tokenizer, text, settings.window)
    return Rows(ids, [gaps_of(row, pieces.fillers, settings.tokens) for row in ids])


def gaps_of(row: np.ndarray, fillers: np.ndarray, tokens: Tokens) -> np.ndarray:
    """The positions of a row that are gaps in a score: its words, the unknown ones included."""
    unknown = (row < FIRST_ID) & (tokens != "bpe")
    return np.flatnonzero(fillers[row] | unknown)


@dataclass(frozen=True)
class FillData:
    """A text in splits, as rows of tokens.

    Attributes:
        tokenizer: learnt from the train split.
        pieces: its tokens as texts.
        rows: of "train", "validation" and "test".
        training: settings that suit a model of the missing word.
        notes: what was decided, in words.
    """

    tokenizer: Tokenizer
    pieces: Pieces
    rows: Mapping[str, Rows]
    training: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" have gaps to score."""
        return tuple(name for name in ("validation", "test") if any(map(len, self.rows[name].gaps)))

    @property
    def train(self) -> np.ndarray:
        """The rows of the train split that are not empty, rising."""
        return np.flatnonzero([len(row) > 0 for row in self.rows["train"].ids])


def prepare(table: Table, config: RunConfig, settings: FillSettings) -> FillData:
    """Cut the text into splits and rows, and learn its tokens.

    Raises:
        DataError: there is too little text to learn from.
    """
    texts = read_splits(table, config.data, seed=config.seed, frame=settings.frame)
    split = [texts.train, texts.validation, texts.test]
    split = whole_rows(split) if texts.joined else split
    tokenizer = train_tokenizer(split[0], settings)
    pieces = read_pieces(tokenizer)
    if not pieces.fillers.any():
        raise DataError(
            f"no {settings.tokens} of the training text comes at least {_RARE.get(settings.tokens, 1)} times,"
            " so there is nothing to fill a gap with; give more text, or --set model.tokens=character",
            table.paths[0],
        )
    names = ("train", "validation", "test")
    rows = {name: rows_of(tokenizer, pieces, text, settings) for name, text in zip(names, split, strict=True)}
    train = [row for row in rows["train"].ids if len(row)]
    total, known = sum(map(len, train)), sum(int((row >= FIRST_ID).sum()) for row in train)
    sides = "both sides" if settings.bidirectional else "the left side only"
    compared = "; beside it the same model with the left side only" if settings.compared else ""
    notes = (
        *texts.notes,
        f"{tokenizer.size:,} {settings.tokens} tokens, {int(pieces.fillers.sum()):,} of them may fill a gap",
        f"{len(train):,} rows with {total:,} tokens to train on; {total - known:,} are too rare to be known",
        f"{settings.num_layers} {words.model_name(settings.encoder)} layer(s) of {settings.hidden_size}, reading"
        f" {sides}{compared}",
    )
    training = {"learning_rate": 3e-3, "epochs": 8, "batch_size": 32, "weight_decay": 0.01, "patience": 3}
    return FillData(tokenizer, pieces, rows, training, notes)


def train_tokenizer(text: str, settings: FillSettings) -> Tokenizer:
    """Learn the tokens of the training text. Rare words stay unknown: a word that is spelled has no gap of its own."""
    if settings.tokens == "bpe":
        return BPETokenizer.train(blocks(text), size=settings.vocabulary)
    kind = WordTokenizer if settings.tokens == "word" else CharacterTokenizer
    return kind.train(blocks(text), max_size=settings.vocabulary, min_count=_RARE[settings.tokens])
