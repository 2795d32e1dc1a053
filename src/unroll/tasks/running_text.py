"""The text of a language model: its parts, and its tokens.

Shapes: N tokens of a text.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import BPETokenizer, CharacterTokenizer, Kind, Table, Tokenizer, WordTokenizer, split_rows
from unroll.data.text.corpus import blocks, find_frame, is_running_text, read_text
from unroll.errors import DataError
from unroll.tasks.generate.settings import GenerateSettings

#: Characters and words that come more rarely than this are spelled in bytes, so that the model learns what spelling is.
_RARE = {"character": 3, "jamo": 3, "word": 2}


class Part(NamedTuple):
    """A part of the text: what stands before it and is read but not scored, its tokens, and its characters."""

    context: np.ndarray
    tokens: np.ndarray
    characters: int


class Texts(NamedTuple):
    """The three parts of a text, what stands before validation and test, and what was found out on the way."""

    train: str
    validation: str
    test: str
    joined: bool
    notes: list[str]


def read_parts(table: Table, config: DataConfig, *, seed: int, frame: str) -> Texts:
    """Cut a text into parts by position, or take them as the files say.

    Raises:
        DataError: there is too little text to train on.
    """
    notes: list[str] = []
    if is_running_text(table):
        pieces: list[list[str]] = [[], [], []]
        owner = _parts_of_files(table)
        for path in table.paths:
            text = read_text(path, config.encoding)
            found = find_frame(text)
            if found is not None:
                what = "left out" if frame == "drop" else "kept; leave it out with --set model.frame=drop"
                notes.append(f"{path.name}: {found.before + found.after} characters of Project Gutenberg's own, {what}")
                if frame == "drop":
                    text = text[found.before : len(text) - found.after]
            pieces[owner.get(path, 0)].append(text)
        texts = ["".join(piece) for piece in pieces]
    else:
        column = text_column(table, config)
        if column is None:
            raise DataError(f"generate needs text, got the columns {', '.join(table.columns)}", table.paths[0])
        split = split_rows(
            table,
            seed=seed,
            validation_fraction=config.validation_fraction,
            test_fraction=config.test_fraction,
            column=config.split_column,
        )
        texts = ["".join(line + "\n" for line in table.texts(column, rows)) for rows in split]
        return Texts(texts[0], texts[1], texts[2], False, notes)
    joined = not texts[1] and not texts[2]
    if joined:
        whole = texts[0]
        test = len(whole) - round(config.test_fraction * len(whole))
        validation = test - round(config.validation_fraction * len(whole))
        texts = [whole[:validation], whole[validation:test], whole[test:]]
        notes.append(f"parts by position: {', '.join(f'{len(text):,}' for text in texts)} characters")
    if len(texts[0]) < 2:
        raise DataError("no text is left for training; lower the fractions", table.paths[0])
    return Texts(texts[0], texts[1], texts[2], joined, notes)


def _parts_of_files(table: Table) -> dict[Path, int]:
    """The part that each file belongs to, where the files say so."""
    if table.parts is None:
        return {}
    return {table.place(row)[0]: max(0, int(part)) for row, part in enumerate(table.parts)}


def text_column(table: Table, config: DataConfig) -> str | None:
    """The column of text: the one that was named, or the one with the longest texts."""
    if config.inputs:
        return config.inputs[0] if config.inputs[0] in table.columns else None
    texts = [name for name in table.columns if table.kinds[name] is Kind.TEXT]
    return max(texts, key=lambda name: float(table.lengths(name).mean()), default=None)


def train_tokenizer(text: str, settings: GenerateSettings) -> Tokenizer:
    """Learn the tokens of the training text."""
    if settings.tokens == "bpe":
        return BPETokenizer.train(blocks(text), size=settings.vocabulary)
    if settings.tokens == "word":
        return WordTokenizer.train(blocks(text), max_size=settings.vocabulary, min_count=_RARE["word"], spell=True)
    jamo = settings.tokens == "jamo"
    return CharacterTokenizer.train(
        blocks(text), max_size=settings.vocabulary, min_count=_RARE["character"], jamo=jamo, spell=True
    )
