"""Numbers that stand for no value: -200 or -9999, again and again, far from all else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.errors import DataError

#: How often such a number is met at least, and columns and rows that are looked at.
_LEAST, _COLUMNS, _ROWS = 2, 60, 100_000
#: How far it lies from all else, in ranges of all else: of nines and of what devices are known to write, and of others.
_KNOWN, _OTHER, _OFTEN = 0.25, 2.0, 5
_DEVICES = frozenset((-200.0, -999.25, -888.0, -777.0, -32768.0))


class StandIn(NamedTuple):
    """A number that seems to stand for no value.

    Attributes:
        column: where it stands.
        value: the number.
        rows: how many rows hold it.
        row: the first of them.
        least: the smallest of the other numbers.
        most: the largest of them.
    """

    column: str
    value: float
    rows: int
    row: int
    least: float
    most: float

    @property
    def seen(self) -> str:
        """What is seen."""
        far = f"far from all else ({self.least:g} to {self.most:g})"
        return f"column '{self.column}' holds {self.value:g} in {self.rows:,} rows, {far}"

    @property
    def advice(self) -> str:
        """The option that decides."""
        return f"if it stands for no value, say so with --set data.missing={self.value:g}"

    def words(self) -> str:
        """Both in a sentence."""
        return f"{self.seen}: {self.advice}"


def stand_ins(table: Table) -> list[StandIn]:
    """The columns of numbers in which one number lies far from all others and comes again and again."""
    found = []
    for name in [name for name, kind in table.kinds.items() if kind is Kind.NUMBER][:_COLUMNS]:
        try:
            values = table.numbers(name, np.arange(min(len(table), _ROWS)))
        except DataError:
            continue
        own = _stand_in(values)
        if own is not None:
            value, least, most = own
            same = values == value
            found.append(StandIn(name, value, int(same.sum()), int(same.argmax()), least, most))
    return found


def _stand_in(values: np.ndarray) -> tuple[float, float, float] | None:
    """The number, and the least and the largest of the others."""
    known, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(known) < 3:
        return None
    for value, count, others in ((known[0], counts[0], known[1:]), (known[-1], counts[-1], known[:-1])):
        least, most = float(others[0]), float(others[-1])
        away = min(abs(value - least), abs(value - most))
        likely = _is_nines(float(value)) or float(value) in _DEVICES
        far = away > (_KNOWN if likely else _OTHER) * (most - least)
        if value != 0 and far and count >= (_LEAST if likely else _OFTEN) and most > least:
            return float(value), least, most
    return None


def _is_nines(value: float) -> bool:
    """Whether a number is written in nines alone, two at least, as what no device measures."""
    digits = f"{abs(value):g}".replace(".", "")
    return len(digits) > 1 and set(digits) == {"9"}
