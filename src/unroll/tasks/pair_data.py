"""Pairs of texts: what is wrong with them, their tokens, and the batches they train in.

Shapes: S source tokens, T target tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from pydantic import BaseModel

from unroll.bundle import RunFolder
from unroll.data import (
    BPETokenizer,
    CharacterTokenizer,
    Table,
    Tokenizer,
    WordTokenizer,
    bucketed_batches,
    tokenizer_from_json,
)
from unroll.data.readers.parallel import sides_beside
from unroll.errors import DataError
from unroll.report.words import model_name
from unroll.tasks.pair_settings import PairSettings

#: The files of a run folder that hold the two vocabularies; the second is there if there are two.
SOURCE_FILE, TARGET_FILE = "tokenizer.json", "target_tokenizer.json"
#: Begins every text of byte-pair pieces, so that a word is the same pieces at the start of a text and inside it.
_SPACE = " "
#: From this share of the letters on that both sides have in common, they share a vocabulary.
_COMMON = 0.5
#: Texts of a side whose letters are compared.
_LOOKED_AT = 2_000
#: Pieces of a vocabulary for the square root of the words of the text, at least and at most so many.
_PIECES, _FEWEST, _MOST = 5.0, 500, 8_000


class Vocabularies(NamedTuple):
    """The tokens of both sides; one and the same object if they share them."""

    source: Tokenizer
    target: Tokenizer

    @property
    def shared(self) -> bool:
        """Whether both sides have the same tokens."""
        return self.source is self.target

    @property
    def sizes(self) -> tuple[int, int]:
        """How many tokens each side has."""
        return self.source.size, self.target.size

    def read(self, text: str) -> np.ndarray:
        """The tokens of a source text, (S,)."""
        return _encode(self.source, text)

    def wanted(self, text: str) -> np.ndarray:
        """The tokens of a target text, (T,)."""
        return _encode(self.target, text)

    def save(self, folder: RunFolder) -> None:
        """Write them to a run folder."""
        folder.write_text(SOURCE_FILE, self.source.to_json())
        if not self.shared:
            folder.write_text(TARGET_FILE, self.target.to_json())

    @classmethod
    def load(cls, folder: RunFolder) -> Vocabularies:
        """Read them from a run folder."""
        source = tokenizer_from_json(folder.read_text(SOURCE_FILE))
        shared = not folder.has(TARGET_FILE)
        return cls(source, source if shared else tokenizer_from_json(folder.read_text(TARGET_FILE)))


def _encode(tokenizer: Tokenizer, text: str) -> np.ndarray:
    return tokenizer.encode(_SPACE + text if isinstance(tokenizer, BPETokenizer) and text else text)


class Pairs(NamedTuple):
    """Texts beside each other.

    Attributes:
        sources: what is read.
        targets: what is written.
    """

    sources: Sequence[str]
    targets: Sequence[str]

    def of(self, rows: np.ndarray) -> Pairs:
        """Those of some rows."""
        return Pairs([self.sources[row] for row in rows], [self.targets[row] for row in rows])


def empty_rows(pairs: Pairs) -> list[int]:
    """The rows of which a side is blank."""
    both = zip(pairs.sources, pairs.targets, strict=True)
    return [row for row, (source, target) in enumerate(both) if not source.strip() or not target.strip()]


def filled_rows(table: Table, pairs: Pairs, option: str, *, owner: np.ndarray | None = None) -> np.ndarray:
    """The numbers of the pairs that have two sides.

    Args:
        table: where the pairs stand.
        pairs: all of them.
        option: "stop" or "drop", for pairs with an empty side.
        owner: for each pair its row; None if every row is one pair.

    Raises:
        DataError: a side is empty and `option` is "stop", or there is no other row.
    """
    empty = empty_rows(pairs)
    if empty and option == "stop":
        raise DataError(
            f"a side of this pair is empty; {len(empty):,} such, all listed by `unroll check`; fill them, or"
            " --set model.empty=drop leaves them out",
            *table.place(empty[0] if owner is None else int(owner[empty[0]])),
        )
    kept = np.setdiff1d(np.arange(len(pairs.sources)), empty)
    if not len(kept):
        raise DataError("every pair has an empty side; name the columns with --target and data.inputs", table.paths[0])
    return kept


def _learn_both(pairs: Pairs, settings: PairSettings) -> Vocabularies:
    """Learn the tokens of the train part."""
    shared = _share_letters(pairs) if settings.shared is None else settings.shared
    words = sum(len(text.split()) for side in pairs for text in side)
    size = settings.vocabulary or round(min(max(_PIECES * math.sqrt(words), _FEWEST), _MOST))
    if shared:
        one = _learn([*pairs.sources, *pairs.targets], settings.tokens, size)
        return Vocabularies(one, one)
    return Vocabularies(*(_learn(side, settings.tokens, size) for side in pairs))


def _learn(texts: Iterable[str], tokens: str, size: int) -> Tokenizer:
    if tokens == "bpe":
        return BPETokenizer.train((_SPACE + text for text in texts), size=size)
    if tokens == "word":
        return WordTokenizer.train(texts, max_size=size, min_count=2, spell=True)
    return CharacterTokenizer.train(texts, max_size=size, jamo=tokens == "jamo", spell=True)


def _share_letters(pairs: Pairs) -> bool:
    """Whether most letters of either side are letters of the other."""
    letters = [{letter for text in side[:_LOOKED_AT] for letter in text.lower() if letter.isalpha()} for side in pairs]
    return len(letters[0] & letters[1]) >= _COMMON * max(1, *map(len, letters))


class Encoded(NamedTuple):
    """The tokens of pairs: (S,) and (T,) ids of each."""

    sources: Sequence[np.ndarray]
    targets: Sequence[np.ndarray]

    def lengths(self) -> np.ndarray:
        """(rows, 2): tokens of both sides."""
        return np.array([[len(s), len(t)] for s, t in zip(self.sources, self.targets, strict=True)]).reshape(-1, 2)

    def of(self, rows: np.ndarray) -> Encoded:
        """Those of some rows."""
        return Encoded([self.sources[row] for row in rows], [self.targets[row] for row in rows])

    def batches(self, rows: np.ndarray, batch_size: int, *, seed: int, epoch: int) -> list[np.ndarray]:
        """Rows in batches of like length: the source's, and among equals the target's."""
        lengths = self.lengths()[rows]
        # A row of many columns sorts by the first; one number for both sorts by source, then by target.
        mixed = lengths[:, 0] * (int(lengths[:, 1].max(initial=0)) + 1) + lengths[:, 1]
        return [rows[group] for group in bucketed_batches(mixed, batch_size, seed=seed, epoch=epoch)]


def encode_pairs(pairs: Pairs, vocabularies: Vocabularies) -> Encoded:
    """The tokens of every pair."""
    return Encoded(
        [vocabularies.read(text) for text in pairs.sources],
        [vocabularies.wanted(text) for text in pairs.targets],
    )


def further_files(table: Table, columns: Iterable[str]) -> tuple[Path, ...]:
    """The files of parallel text beside those that the table names, which a run depends on as well."""
    if table.format != "parallel" or table.in_memory:
        return ()
    beside: Mapping[Path, Mapping[str, Path]] = {path: sides_beside(path) for path in table.paths}
    files = {files[column] for files in beside.values() for column in columns if column in files}
    return tuple(sorted(files - set(table.paths)))


S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True)
class PairData(Generic[S]):
    """The data of a task that reads one text and writes another.

    Attributes:
        saved: what the run folder keeps of it, such as columns.
        pairs: all of them.
        encoded: their tokens.
        rows: the numbers of the pairs of "train", "validation" and "test", rising.
        vocabularies: learnt from the train split.
        sources: files that the result depends on beside those of the table.
        training: settings that suit these data.
        notes: what was decided, in words.
    """

    saved: S
    pairs: Pairs
    encoded: Encoded
    rows: Mapping[str, np.ndarray]
    vocabularies: Vocabularies
    sources: tuple[Path, ...]
    training: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" hold pairs."""
        return tuple(name for name in ("validation", "test") if len(self.rows[name]))


class Fitted(NamedTuple):
    """What is learnt from the train split.

    Attributes:
        vocabularies: of both sides.
        encoded: the tokens of all pairs.
        train: the numbers of the pairs that are short enough to train.
        notes: what was decided, in words.
    """

    vocabularies: Vocabularies
    encoded: Encoded
    train: np.ndarray
    notes: tuple[str, ...]


def fit_tokens(table: Table, pairs: Pairs, train: np.ndarray, settings: PairSettings) -> Fitted:
    """Learn the tokens of the train split, and leave out what is too long to train.

    Args:
        table: where the pairs stand.
        pairs: all of them.
        train: the numbers of those of the train split.
        settings: of the run.

    Raises:
        DataError: none is left for training.
    """
    if not len(train):
        raise DataError("no pair is left for training; lower the fractions", table.paths[0])
    vocabularies = _learn_both(pairs.of(train), settings)
    encoded = encode_pairs(pairs, vocabularies)
    fits = encoded.lengths()[train].max(axis=1) <= settings.longest
    notes = []
    if not fits.any():
        raise DataError(f"no text has at most {settings.longest} tokens; raise model.longest", table.paths[0])
    if not fits.all():
        notes.append(f"{(~fits).sum():,} pairs with a text of more than {settings.longest} tokens do not train")
        train = train[fits]
    read, written = encoded.lengths()[train].mean(axis=0)
    sizes = " and ".join(map(str, vocabularies.sizes[: 1 if vocabularies.shared else 2]))
    feeding = ", input feeding" if settings.input_feeding else ""
    notes += [
        f"{sizes} {settings.tokens} tokens{', shared by both sides' if vocabularies.shared else ''}",
        f"{len(train):,} pairs to train on, of {read:.1f} and {written:.1f} tokens",
        f"{settings.num_layers} {model_name(settings.encoder)} layer(s) of {settings.hidden_size} on each side,"
        f" {settings.attention} attention{feeding}",
    ]
    return Fitted(vocabularies, encoded, train, tuple(notes))
