"""What a column of text holds, found out while it is written."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.kinds import MISSING, Column, Kind
from unroll.data.table.numbers import to_float64
from unroll.data.table.times import guess_notations, parse_times

#: Characters that separate several labels in one cell, in the order in which they are looked for.
LABEL_SEPARATORS = (",", ";", "|")
_MAX_LABELS = 500
_HEAD = 500
_MAX_LABEL_LENGTH = 40


class TextFacts:
    """What a column of text may still be, narrowed down batch by batch.

    The first cells alone settle nearly every column.
    """

    def __init__(self) -> None:
        self.number = True
        self.seen = False
        self.notations: list[str] | None = None
        self.separators = list(LABEL_SEPARATORS)
        self.labels: dict[str, set[str]] = {separator: set() for separator in LABEL_SEPARATORS}
        self.several: set[str] = set()

    def look(self, cells: pa.Array) -> None:
        head = pc.utf8_lower(pc.utf8_slice_codeunits(cells, 0, 5))
        present = cells.filter(pc.invert(pc.is_in(head, value_set=pa.array([*MISSING, None], cells.type))))
        if len(present) == 0:
            return
        self.seen = True
        start = present.slice(0, _HEAD)
        if self.number:
            self.number = to_float64(start)[1] is None and (
                len(start) == len(present) or to_float64(present)[1] is None
            )
        if self.notations is None:
            self.notations = guess_notations(start)
        self.notations = [name for name in self.notations if parse_times(present, name).null_count == 0]
        if not self.number and not self.notations:
            self.separators = [
                separator for separator in self.separators if self._may_separate(separator, start, present)
            ]

    def _may_separate(self, separator: str, start: pa.Array, cells: pa.Array) -> bool:
        """Whether every cell may be labels without white space between separators, few in all."""
        label = rf"[^\s\{separator}]{{1,{_MAX_LABEL_LENGTH}}}"
        pattern = rf"^{label}(\{separator}{label})*$"
        if not all(pc.all(pc.match_substring_regex(some, pattern)).as_py() for some in (start, cells)):
            return False
        if pc.any(pc.match_substring(cells, separator)).as_py():
            self.several.add(separator)
        found = pc.unique(pc.list_flatten(pc.split_pattern(cells, separator)))
        self.labels[separator].update(found.slice(0, _MAX_LABELS + 1).to_pylist())
        return len(self.labels[separator]) <= _MAX_LABELS

    def column(self, rows: int) -> Column:
        if self.seen and self.notations:
            return Column(Kind.TIME, notation=self.notations[0])
        if self.seen and self.number:
            return Column(Kind.NUMBER)
        for separator in self.separators:
            if separator in self.several and 2 * len(self.labels[separator]) <= rows:
                return Column(Kind.LABELS, separator=separator)
        return Column(Kind.TEXT)
