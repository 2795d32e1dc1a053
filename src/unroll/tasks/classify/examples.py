"""Rows of a table as a classifier's inputs: texts in one form or several, or numeric sequences.

Shapes: T time, B batch, I features of one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from unroll.data.batches import pad_series
from unroll.data.series.gaps import mended
from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.data.text.features import StepFeatures
from unroll.errors import DataError
from unroll.tasks.classify.settings import Saved
from unroll.tasks.classify.texts import Stepwise, TextExamples, TextForm, Tokens, Whole
from unroll.tasks.transfer import RunTokens

#: Share of a row's values that may be missing.
MOST_FILLED = 0.5


class Examples(Protocol):
    """Rows as inputs of a model."""

    def sizes(self) -> np.ndarray:
        """(rows,) how long every row is, for batches of like length; in steps or something that grows with them."""

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """What the model's `forward` takes for these rows."""

    def show(self, row: int) -> str:
        """The row in words, for a person."""


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

    def open(self, folder: Path | None = None) -> list[TextForm]:
        """Those that there are.

        Args:
            folder: where what they keep of texts lies; None for memory.
        """
        tokens = [] if self.tokens is None else [Tokens(self.tokens)]
        features = [] if self.features is None else [Stepwise(self.features, folder)]
        return [*tokens, *features, *([] if self.grams is None else [Whole(self.grams)])]


def open_examples(table: Table, saved: Saved, forms: TextForms) -> Examples:
    """The rows of a table as a network takes them: numbers, or a text in one form or several."""
    if saved.series:
        return SeriesExamples(table, saved.inputs, gaps=saved.gaps)
    found = [TextExamples(table, saved.inputs, form) for form in forms.open(table.store)]
    return found[0] if len(found) == 1 else BothExamples(found)


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
