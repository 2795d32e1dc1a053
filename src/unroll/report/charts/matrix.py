"""Counts of pairs, such as true and predicted classes: a table whose cells are shaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple


class Cell(NamedTuple):
    """One cell: its text, how dark it is (0 to 1), and whether it lies on the diagonal."""

    text: str
    shade: float
    diagonal: bool


@dataclass(frozen=True)
class Matrix:
    """A matrix of counts, shaded by the share that each has of its row.

    Drawn as an HTML table: names of any length and script fit, and a reader can search and copy them.

    Attributes:
        title: what is counted.
        rows: what the rows are, such as "true".
        columns: what the columns are, such as "predicted".
        names: of both.
        counts: one row for each name, one count for each name in it.
    """

    title: str
    rows: str
    columns: str
    names: Sequence[str]
    counts: Sequence[Sequence[int]]

    kind: ClassVar[str] = "matrix"

    def lines(self) -> Iterator[tuple[str, list[Cell]]]:
        """Return each row's name and cells.

        Example:
            >>> matrix = Matrix("t", "true", "predicted", ["a", "b"], [[3, 1], [0, 0]])
            >>> next(matrix.lines())
            ('a', [Cell(text='3', shade=0.75, diagonal=True), Cell(text='1', shade=0.25, diagonal=False)])
        """
        for row, (name, counts) in enumerate(zip(self.names, self.counts, strict=True)):
            total = max(1, sum(counts))
            yield (
                name,
                [
                    Cell(str(count) if count else "", round(count / total, 3), row == column)
                    for column, count in enumerate(counts)
                ],
            )
