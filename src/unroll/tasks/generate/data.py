"""The text of a language model: its tokens, and the passages that are scored.

Shapes: N tokens of a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import BPETokenizer, CharacterTokenizer, Table, Tokenizer, WordTokenizer
from unroll.data.text.corpus import blocks, encode_text
from unroll.tasks.generate.settings import GenerateSettings
from unroll.tasks.running_text import Texts, read_splits

#: Characters and words that come more rarely than this are spelled in bytes, so that the model learns what spelling is.
_RARE = {"character": 3, "jamo": 3, "word": 2}
#: Tokens before a passage that are read and not scored.
WARM = 200


class Passage(NamedTuple):
    """A text to score: the tokens before it, which are read and not scored, its own, and how many characters those
    are."""

    context: np.ndarray
    tokens: np.ndarray
    characters: int


@dataclass(frozen=True)
class GenerateData:
    """A text in splits, as tokens.

    Attributes:
        path: the first file, for errors.
        tokenizer: learnt from the train split.
        train: (N,) its ids.
        held: the passages of the other splits, by name; those without tokens are left out.
        training: settings that suit a language model.
        notes: what was decided, in words.
    """

    path: Path
    tokenizer: Tokenizer
    train: np.ndarray
    held: Mapping[str, Passage]
    training: Mapping[str, Any]
    notes: tuple[str, ...]


def prepare(table: Table, config: RunConfig, settings: GenerateSettings) -> GenerateData:
    """Cut the text and learn its tokens.

    Raises:
        DataError: there is too little text to train on.
    """
    texts = read_splits(table, config.data, seed=config.seed, frame=settings.frame)
    tokenizer = train_tokenizer(texts.train, settings)
    train = encode_text(tokenizer, texts.train)
    training = {"learning_rate": 4e-3, "epochs": 5, "batch_size": 32, "weight_decay": 0.01, "patience": 0}
    notes = (*texts.notes, f"{tokenizer.size} {settings.tokens} tokens, {len(train):,} of them to train on")
    return GenerateData(table.paths[0], tokenizer, train, _held_out(texts, tokenizer, train), training, notes)


def _held_out(texts: Texts, tokenizer: Tokenizer, train: np.ndarray) -> dict[str, Passage]:
    held: dict[str, Passage] = {}
    before = train
    for name, text in (("validation", texts.validation), ("test", texts.test)):
        passage = whole_passage(tokenizer, text)
        if texts.joined:
            # Where the splits are cut from one text, what stands before a split is its context.
            passage = Passage(before[-WARM:], encode_text(tokenizer, text), max(1, len(text)))
        if len(passage.tokens):
            held[name] = passage
            before = np.concatenate([before[-WARM:], passage.tokens])
    return held


def whole_passage(tokenizer: Tokenizer, text: str) -> Passage:
    """A text of its own: its first token, which nothing comes before, is read and not scored."""
    tokens = encode_text(tokenizer, text)
    characters = len(text) - len(tokenizer.decode(tokens[:1].tolist()))
    return Passage(tokens[:1], tokens[1:], max(1, characters))


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
