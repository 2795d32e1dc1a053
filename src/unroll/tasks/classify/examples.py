"""Rows of a table as a classifier's inputs: texts as steps of features, or numeric sequences.

Shapes: T time, B batch, I features of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from unroll.data.batches import pad_series, pad_tokens
from unroll.data.series.gaps import mended
from unroll.data.table.chunks import as_text
from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.data.text.features import StepFeatures, Steps
from unroll.errors import DataError
from unroll.tasks.classify.settings import Saved
from unroll.tasks.transfer import RunTokens

#: Features of texts that are kept in memory after their first use, in all; 256 MB. What does not fit is made anew
#: every epoch.
_KEPT = 64_000_000

#: Share of a row's values that may be missing.
MOST_FILLED = 0.5

#: What stands between two text columns of one row: a line break, which no word contains.
_BETWEEN = "\n"


class Examples(Protocol):
    """Rows as inputs of a model."""

    def sizes(self) -> np.ndarray:
        """(rows,) how long every row is, for batches of like length; in steps or something that grows with them."""

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """What the model's `forward` takes for these rows."""

    def show(self, row: int) -> str:
        """The row in words, for a person."""


def text_batch(texts: Sequence[Steps]) -> tuple[Tensor, Tensor, Tensor]:
    """What `FeatureEmbedding` takes: all features one after the other, features per step, steps per row."""
    ids = np.concatenate([text.ids for text in texts]) if texts else np.empty(0)
    counts = np.concatenate([text.counts for text in texts]) if texts else np.empty(0)
    steps = [len(text.counts) for text in texts]
    return (
        torch.from_numpy(ids.astype(np.int64)),
        torch.from_numpy(counts.astype(np.int64)),
        torch.tensor(steps, dtype=torch.int64),
    )


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


class TextExamples:
    """Text columns of a table as steps of features.

    Args:
        table: the data.
        columns: the text columns; several are joined.
        features: the vocabulary.
        whole: whether a text is one step with all its features.
    """

    def __init__(self, table: Table, columns: Sequence[str], features: StepFeatures, *, whole: bool = False) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._encode = features.encode_whole if whole else features.encode
        self._texts = Joined(table, columns)
        self._kept: dict[int, Steps] = {}
        self._room = _KEPT

    def sizes(self) -> np.ndarray:
        """Characters of every row."""
        total = np.zeros(len(self._table), dtype=np.int64)
        for column in self._columns:
            total += self._table.lengths(column)
        return total

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """Features, features per step, steps per row."""
        return text_batch([self._steps(int(row)) for row in rows])

    def show(self, row: int) -> str:
        """The text."""
        text: str = self._texts[row]
        return text

    def _steps(self, row: int) -> Steps:
        known = self._kept.get(row)
        if known is not None:
            return known
        steps = self._encode(self._texts[row])
        if len(steps.ids) <= self._room:
            self._room -= len(steps.ids)
            self._kept[row] = steps
        return steps


class TokenExamples:
    """Text columns of a table as tokens.

    Args:
        table: the data.
        columns: the text columns; several are joined.
        encode: from a text to its tokens, (T,).
    """

    def __init__(self, table: Table, columns: Sequence[str], encode: Callable[[str], np.ndarray]) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._encode = encode
        self._texts = Joined(table, columns)
        self._kept: dict[int, np.ndarray] = {}
        self._room = _KEPT

    def sizes(self) -> np.ndarray:
        """Characters of every row."""
        lengths = np.stack([self._table.lengths(column) for column in self._columns])
        total: np.ndarray = lengths.sum(axis=0, dtype=np.int64)
        return total

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """ids (B, T) and lengths (B,)."""
        return pad_tokens([self._tokens(int(row)) for row in rows])

    def show(self, row: int) -> str:
        """The text."""
        text: str = self._texts[row]
        return text

    def _tokens(self, row: int) -> np.ndarray:
        known = self._kept.get(row)
        if known is not None:
            return known
        tokens = self._encode(self._texts[row])
        if len(tokens) <= self._room:
            self._room -= len(tokens)
            self._kept[row] = tokens
        return tokens


class BothExamples:
    """The same rows in several forms, whose tensors stand one after the other in a batch.

    Args:
        forms: the forms; rows are sized and shown as by the first.
    """

    def __init__(self, forms: Sequence[Examples]) -> None:
        self._forms = tuple(forms)

    def sizes(self) -> np.ndarray:
        """As the first form."""
        return self._forms[0].sizes()

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """The tensors of every form."""
        return tuple(tensor for form in self._forms for tensor in form.batch(rows))

    def show(self, row: int) -> str:
        """As the first form."""
        return self._forms[0].show(row)


class Gaps(NamedTuple):
    """Values that are missing in a table of series.

    Attributes:
        rows: how many rows lack some.
        filled: how many values are missing in all.
        total: of so many.
        place: file and line of the first such row.
    """

    rows: int
    filled: int
    total: int
    place: tuple[Path, int]


class SeriesExamples:
    """Numeric sequences: one column that holds a series per row, or many number columns read as the steps of one
    sequence.

    Args:
        table: the data.
        columns: the series column, or the number columns in the order of time.
        gaps: whether values may be missing; they are filled by `mended`.
    """

    def __init__(self, table: Table, columns: Sequence[str], *, gaps: bool = True) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._gaps = gaps
        self._series = len(self._columns) == 1 and table.kinds[self._columns[0]] is Kind.SERIES
        self._wide: np.ndarray | None = None
        if not self._series:
            self._wide = np.stack([table.numbers(column) for column in self._columns], axis=1).astype(np.float32)

    @property
    def features(self) -> int:
        """I."""
        return int(self.row(0).shape[1])

    def row(self, row: int) -> np.ndarray:
        """(T, I) float32.

        Raises:
            DataError: too many values are missing, or some where none may be, with file and line.
        """
        values = self._given(row)
        whole = mended(values)
        if whole is None or whole.filled > MOST_FILLED * whole.values.size or (whole.filled and not self._gaps):
            step = int(np.isnan(values).any(axis=1).argmax())
            known = "at every step, as all rows of training had" if not self._gaps else "at half of its steps at least"
            raise DataError(
                f"a sequence must have a number {known}, step {step + 1} has none; fill the gap or remove the row",
                *self._table.place(row),
            )
        return whole.values

    def _given(self, row: int) -> np.ndarray:
        return self._table.series(self._columns[0], row) if self._wide is None else self._wide[row][:, None]

    def gaps(self) -> Gaps:
        """The values that are missing within the rows and are filled.

        Raises:
            DataError: too many of a row are missing, with file and line.
        """
        rows, filled, total, first = 0, 0, 0, 0
        for row in range(len(self._table)):
            values = self._given(row)
            total += values.size
            if not np.isnan(values).any():
                continue
            self.row(row)
            whole = mended(values)
            if whole is not None and whole.filled:
                first = row if rows == 0 else first
                rows, filled = rows + 1, filled + whole.filled
        return Gaps(rows, filled, total, self._table.place(first))

    def sizes(self) -> np.ndarray:
        """Steps of every row."""
        if self._wide is not None:
            return np.full(len(self._table), self._wide.shape[1], dtype=np.int64)
        return self._table.lengths(self._columns[0])

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """x (B, T, I) and lengths (B,)."""
        return pad_series([self.row(int(row)) for row in rows])

    def show(self, row: int) -> str:
        """Steps, features, first and last values."""
        values = self.row(row)
        ends = (
            ", ".join(f"{value:.3g}" for value in values[:3, 0]),
            ", ".join(f"{value:.3g}" for value in values[-2:, 0]),
        )
        return f"{len(values)} steps of {values.shape[1]} values; first column {ends[0]}, ..., {ends[1]}"

    def statistics(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (I,) over all steps of these rows, float64, one row in memory at a time."""
        count, total, squares = 0, np.zeros(self.features), np.zeros(self.features)
        for row in rows:
            values = self.row(int(row)).astype(np.float64)
            count += len(values)
            # Shifted by the first row's mean, so that a large offset does not swallow the deviation.
            if count == len(values):
                shift = values.mean(axis=0) if len(values) else np.zeros(self.features)
            total += (values - shift).sum(axis=0)
            squares += ((values - shift) ** 2).sum(axis=0)
        if count == 0:
            return np.zeros(self.features), np.ones(self.features)
        mean = total / count
        return mean + shift, np.sqrt(np.maximum(squares / count - mean**2, 0.0))


class TextForms(NamedTuple):
    """The forms in which a network reads a text, in the order of its inputs; None for those that it does not read.

    Attributes:
        tokens: from a text to the tokens of the run that the network started from.
        features: the vocabulary of words or characters.
        grams: the vocabulary of the linear model.
    """

    tokens: RunTokens | None = None
    features: StepFeatures | None = None
    grams: StepFeatures | None = None


def open_examples(table: Table, saved: Saved, forms: TextForms) -> Examples:
    """The rows of a table as a network takes them: numbers, or a text in one form or several."""
    if saved.series:
        return SeriesExamples(table, saved.inputs, gaps=saved.gaps)
    found: list[TokenExamples | TextExamples] = []
    if forms.tokens is not None:
        found.append(TokenExamples(table, saved.inputs, forms.tokens))
    if forms.features is not None:
        found.append(TextExamples(table, saved.inputs, forms.features))
    if forms.grams is not None:
        found.append(TextExamples(table, saved.inputs, forms.grams, whole=True))
    return found[0] if len(found) == 1 else BothExamples(found)


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
        if cell is None:
            raise DataError(f"a record must have the column {column!r}, got {', '.join(map(repr, record)) or 'none'}")
        cells.append(as_text(cell))
    return _BETWEEN.join(cells)


def record_series(
    record: str | Mapping[str, Any], columns: Sequence[str], features: int, *, gaps: bool = False
) -> np.ndarray:
    """The sequence of one record to predict for, (T, I) float32.

    Args:
        record: columns by name: one that holds a list of steps (numbers, or lists of I numbers), or one number per
            column. A text is
            numbers with commas or white space between them, one after the other in time.
        columns: the columns the model was trained on.
        features: I.
        gaps: whether values may be missing (None, NaN, "?"); they are filled by `mended`.

    Raises:
        DataError: a column is missing, a value is no number, or I is another.
    """
    if isinstance(record, str):
        cells: Any = record.replace("?", "nan").replace(",", " ").split()
    elif len(columns) == 1:
        cells = record.get(columns[0])
    else:
        cells = [record.get(column) for column in columns]
    try:
        values = np.asarray(cells, dtype=np.float32)
    except (TypeError, ValueError):
        values = np.empty(0, dtype=np.float32)
    if values.ndim == 1 and values.size and values.size % features == 0:
        values = values.reshape(-1, features)
    whole = mended(values) if gaps and values.ndim == 2 and np.isnan(values).any() else None
    if whole is not None and whole.filled <= MOST_FILLED * whole.values.size:
        values = whole.values
    if values.ndim != 2 or values.shape[1] != features or not np.isfinite(values).all():
        raise DataError(
            f"a record must hold steps of {features} numbers in {', '.join(columns)}; got {str(record)[:60]!r}"
        )
    return values
