"""Shares of one thing in another, such as how much each written word looked at each word that was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Heat:
    """A map of shares: the darker a cell, the larger its share of the row.

    Drawn as an HTML table: names of any length and script fit, and a reader can search and copy them.

    Attributes:
        title: what is shown.
        rows: what the rows are, such as "written".
        columns: what the columns are, such as "read".
        row_names: one for each row.
        column_names: one for each column.
        shares: for each row a number from 0 to 1 for each column.
    """

    title: str
    rows: str
    columns: str
    row_names: Sequence[str]
    column_names: Sequence[str]
    shares: Sequence[Sequence[float]]

    kind: ClassVar[str] = "heat"

    def lines(self) -> Iterator[tuple[str, list[float]]]:
        """Return each row's name and how dark its cells are.

        Example:
            >>> next(Heat("t", "written", "read", ["cat"], ["die", "Katze"], [[0.0625, 0.93751]]).lines())
            ('cat', [0.062, 0.938])
        """
        for name, shares in zip(self.row_names, self.shares, strict=True):
            yield name, [round(min(max(float(share), 0.0), 1.0), 3) for share in shares]
