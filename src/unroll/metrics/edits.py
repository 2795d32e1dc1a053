"""Word and letter error rates, and which words were taken for which.

Source: Levenshtein 1966, "Binary codes capable of correcting deletions, insertions, and reversals"; the error rate is
(substitutions + deletions + insertions) / words of the reference, so that it can be above 1.

Shapes: N units of the reference, M of the hypothesis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Edits(NamedTuple):
    """How a hypothesis differs from its reference.

    Attributes:
        substitutions: units taken for others.
        deletions: units that are missing.
        insertions: units too many.
        units: N.
    """

    substitutions: int
    deletions: int
    insertions: int
    units: int

    @property
    def errors(self) -> int:
        """All three."""
        return self.substitutions + self.deletions + self.insertions


class Pair(NamedTuple):
    """A unit of the reference and what stands for it; one of the two is empty where it is missing or too much."""

    reference: str
    hypothesis: str


def align_units(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Pair]:
    """An alignment with the fewest errors; of several, the one with the most substitutions near the end.

    Example:
        >>> [tuple(pair) for pair in align_units("one two three".split(), "one too".split())]
        [('one', 'one'), ('two', ''), ('three', 'too')]
    """
    rows, columns = len(reference), len(hypothesis)
    numbers = {unit: number for number, unit in enumerate(dict.fromkeys([*reference, *hypothesis]))}
    said = np.array([numbers[unit] for unit in hypothesis], dtype=np.int64)
    # A row of the table follows from the one above without a loop: what comes from the left is a running minimum.
    at = np.arange(columns + 1)
    cost = np.empty((rows + 1, columns + 1), np.int32)
    cost[0] = at
    for row, unit in enumerate(reference, start=1):
        above = cost[row - 1]
        best = above + 1
        best[1:] = np.minimum(best[1:], above[:-1] + (said != numbers[unit]))
        cost[row] = np.minimum.accumulate(best - at) + at
    pairs: list[Pair] = []
    row, column = rows, columns
    while row or column:
        here = cost[row, column]
        if row and column and here == cost[row - 1, column - 1] + (reference[row - 1] != hypothesis[column - 1]):
            row, column = row - 1, column - 1
            pairs.append(Pair(reference[row], hypothesis[column]))
        elif row and here == cost[row - 1, column] + 1:
            row -= 1
            pairs.append(Pair(reference[row], ""))
        else:
            column -= 1
            pairs.append(Pair("", hypothesis[column]))
    return pairs[::-1]


def count_edits(pairs: Sequence[Pair]) -> Edits:
    """The errors of an alignment.

    Example:
        >>> count_edits(align_units("abc", "axcd"))
        Edits(substitutions=1, deletions=0, insertions=1, units=3)
    """
    wrong = [pair for pair in pairs if pair.reference != pair.hypothesis]
    insertions = sum(not pair.reference for pair in wrong)
    deletions = sum(not pair.hypothesis for pair in wrong)
    units = sum(bool(pair.reference) for pair in pairs)
    return Edits(len(wrong) - insertions - deletions, deletions, insertions, units)
