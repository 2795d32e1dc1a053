"""Texts as a classifier reads them: as steps of features, as one step of all features, or as the tokens of another run.

Shapes: T time, B batch, N features of all steps, S steps of all texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from unroll.data.batches import pad_tokens
from unroll.data.kept import KeptRows, Ragged
from unroll.data.table.chunks import as_text
from unroll.data.table.table import Table
from unroll.data.text.coder import StepCoder
from unroll.data.text.features import StepFeatures
from unroll.errors import DataError

#: What stands between two text columns of one row: a line break, which no word contains.
_BETWEEN = "\n"


class Joined(Sequence[str]):
    """The texts of several columns, each row's joined, decoded when asked for.

    Args:
        table: the data.
        columns: the text columns, in order.
        rows: row numbers; None for all.
    """

    def __init__(self, table: Table, columns: Sequence[str], rows: np.ndarray | None = None) -> None:
        self._columns = [table.texts(column, rows) for column in columns]

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return _BETWEEN.join(column[index] for column in self._columns)

    def __iter__(self) -> Iterator[str]:
        return (_BETWEEN.join(cells) for cells in zip(*self._columns, strict=True))


class TextForm(Protocol):
    """A form in which a network reads texts."""

    def encode(self, texts: Iterable[str]) -> Ragged:
        """What is kept of texts: whole numbers, int32, of each."""

    def batch(self, rows: Ragged) -> tuple[Tensor, ...]:
        """What the network takes for texts of which this was kept."""


class Stepwise:
    """Steps of features, as `FeatureEmbedding` takes them: features (N,), how many each step has (S,), how many steps
    each text has (B,), int64.

    What is kept of a text is the number of every step.

    Args:
        features: the vocabulary.
        folder: where the features of steps are kept; None for memory.
    """

    def __init__(self, features: StepFeatures, folder: Path | None = None) -> None:
        self._coder = StepCoder(features, folder)

    def encode(self, texts: Iterable[str]) -> Ragged:
        """The number of every step."""
        return self._coder.numbers(texts)

    def batch(self, rows: Ragged) -> tuple[Tensor, ...]:
        """Features, features per step, steps per row."""
        ids, counts = self._coder.features(rows.values)
        return torch.from_numpy(ids), torch.from_numpy(counts), torch.from_numpy(rows.lengths)


class Whole:
    """Every text as one step with all its features, as `GramScores` takes them.

    Args:
        features: the vocabulary.
    """

    def __init__(self, features: StepFeatures) -> None:
        self._features = features

    def encode(self, texts: Iterable[str]) -> Ragged:
        """The features of every text."""
        return _ragged([self._features.encode_whole(text).ids for text in texts])

    def batch(self, rows: Ragged) -> tuple[Tensor, ...]:
        """Features, features per step, one step for each row."""
        ids, ones = rows.values.astype(np.int64), np.ones(len(rows.lengths), np.int64)
        return torch.from_numpy(ids), torch.from_numpy(rows.lengths), torch.from_numpy(ones)


class Tokens:
    """The tokens of another run.

    Args:
        tokens: from a text to its tokens, (T,) int32.
    """

    def __init__(self, tokens: Callable[[str], np.ndarray]) -> None:
        self._tokens = tokens

    def encode(self, texts: Iterable[str]) -> Ragged:
        """The tokens of every text."""
        return _ragged([self._tokens(text) for text in texts])

    def batch(self, rows: Ragged) -> tuple[Tensor, ...]:
        """ids (B, T) and lengths (B,)."""
        return pad_tokens(np.split(rows.values, rows.lengths.cumsum())[:-1])


class TextExamples:
    """Text columns of a table; every text is encoded once, when it is first asked for.

    Args:
        table: the data.
        columns: the text columns; several are joined.
        form: in which they are read.
    """

    def __init__(self, table: Table, columns: Sequence[str], form: TextForm) -> None:
        self._texts = Joined(table, columns)
        self._form = form
        self._kept = KeptRows(len(table), self._encode, table.store)
        self._sizes = np.zeros(len(table), np.int32)
        for column in columns:
            self._sizes += table.lengths(column).astype(np.int32)

    def sizes(self) -> np.ndarray:
        """Characters of every row."""
        return self._sizes

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """As the form."""
        return self._form.batch(self._kept.of(rows))

    def show(self, row: int) -> str:
        """The text."""
        text: str = self._texts[row]
        return text

    def _encode(self, rows: np.ndarray) -> Ragged:
        return self._form.encode(self._texts[row] for row in rows.tolist())


def record_text(record: str | Mapping[str, Any], columns: Sequence[str]) -> str:
    """The text of one record to predict for.

    Raises:
        DataError: a text column is missing, or its cell is no text.
    """
    if isinstance(record, str):
        return record
    cells = []
    for column in columns:
        cell = record.get(column)
        if cell is None and column in record:
            raise DataError(f"a record has nothing in {column!r}; give a text, or an empty one")
        if cell is None:
            raise DataError(f"a record must have the column {column!r}, got {', '.join(map(repr, record)) or 'none'}")
        cells.append(as_text(cell))
    return _BETWEEN.join(cells)


def _ragged(rows: Sequence[np.ndarray]) -> Ragged:
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return Ragged(np.concatenate([np.empty(0, np.int32), *rows]), lengths)
