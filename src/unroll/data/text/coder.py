"""Many texts at once as steps of features: every different step is worked out once and has a number.

Shapes: N features of all steps, S steps of all texts.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.kept import Numbers, Ragged
from unroll.data.text.features import WORD, StepFeatures
from unroll.data.text.split import split_words
from unroll.ids import UNKNOWN_ID

#: Steps that are known again when they come again, and letters of a word among them at most: most words of a text
#: have been met before.
_REMEMBERED, _LETTERS = 100_000, 64


class StepCoder:
    """Numbers for the steps of texts, and the features of those.

    A word is looked up as it is written, so that a text is a list of words and a look-up for each. Rows of numbers are
    a tenth of the size of rows of features.

    Args:
        features: the vocabulary.
        folder: where the features of steps are kept; None for memory.
    """

    def __init__(self, features: StepFeatures, folder: Path | None = None) -> None:
        self._features = features
        self._folder = folder
        self._by_word = features.unit == WORD and not features.pairs
        self._clear()

    def numbers(self, texts: Iterable[str]) -> Ragged:
        """The number of every step, int32 (S,), and how many each text has.

        In memory a number is of use until the next call, which may forget the steps if they have become many.

        Raises:
            DataError: the disk is nearly full.
        """
        if self._folder is None and self._known.total > 2 * _REMEMBERED:
            self._clear()
        found: list[int] = []
        lengths: list[int] = []
        number = self._known.__getitem__
        for text in texts:
            steps = split_words(unicodedata.normalize("NFC", text)) if self._by_word else self._features.steps(text)
            before = len(found)
            found.extend(map(number, steps))
            lengths.append(len(found) - before)
        new = self._known.new
        if new:
            counts = np.fromiter(map(len, new), np.int64, len(new))
            start = self._ids.append(np.fromiter(itertools.chain.from_iterable(new), np.int32, int(counts.sum())))
            self._ends.append(start + counts.cumsum())
            new.clear()
        return Ragged(np.array(found, np.int32), np.array(lengths, np.int64))

    def features(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ids (N,) int64, the features of some steps (S,), one step after the other, and counts (S,) int64 of each."""
        ends = self._ends.all
        starts = ends[numbers]
        counts = ends[numbers + 1] - starts
        return self._ids.ranges(starts, counts).astype(np.int64), counts

    def _clear(self) -> None:
        self._known = _Known(self._features.of_word if self._by_word else _itself)
        self._ids = Numbers(np.int32, self._folder)
        #: Where the features of every step end, after a first 0.
        self._ends = Numbers(np.int64, self._folder)
        self._ends.append(np.zeros(1, np.int64))


class _Known(dict[Any, int]):
    """The numbers of steps; one that is new gets the next, and its features wait in `new`."""

    def __init__(self, features_of: Callable[[Any], tuple[int, ...]]) -> None:
        super().__init__()
        self._features_of = features_of
        self.new: list[tuple[int, ...]] = []
        self.total = 0

    def __missing__(self, step: Any) -> int:
        number = self.total
        self.total += 1
        self.new.append(self._features_of(step) or (UNKNOWN_ID,))
        if len(self) < _REMEMBERED and len(step) <= _LETTERS:
            self[step] = number
        return number


def _itself(step: tuple[int, ...]) -> tuple[int, ...]:
    return step
