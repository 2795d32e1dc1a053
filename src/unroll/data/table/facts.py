"""What a column of text holds, found out while it is written."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.kinds import INFINITE, MISSING, Column, Kind
from unroll.data.table.numbers import NUMBERS, PLAIN, NumberFacts
from unroll.data.table.times import EITHER, are_steps, guess_notations, parse_times, settle

#: Characters that separate several labels in one cell, in the order in which they are looked for.
LABEL_SEPARATORS = (",", ";", "|")
_MAX_LABELS = 500
_HEAD = 500
_MAX_LABEL_LENGTH = 40
#: How columns of labels are called: there, blanks may stand beside separators and in labels.
_LABEL_NAMES = frozenset(
    """
    label labels class classes target category categories tag tags topic topics genre genres emotion emotions intent
    intents keyword keywords theme themes aspect aspects 라벨 레이블 분류 범주 카테고리 감정 장르 주제 태그 의도 키워드
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)
#: Words of such a label, and different cells of such a column, at most.
_MAX_LABEL_WORDS, _MAX_CELLS = 4, 2_000
#: The length of the longest cell that stands for no value, or for one without an end.
_LONGEST_MARK = max(map(len, (*MISSING, *INFINITE)))
#: Cells by which the order of day and month is told.
_DATED = 5000


def names_labels(column: str) -> bool:
    """Whether a column is called after the labels that it holds, as `labels` and `annotation.genres` are."""
    return column.strip().rpartition(".")[2].casefold() in _LABEL_NAMES


class TextFacts:
    """What a column of text may still be, narrowed down batch by batch.

    The first cells alone settle nearly every column.

    Args:
        decimal: the decimal mark of its numbers, if it is known.
        day_first: whether the day stands before the month, if it is known.
        name: of the column.
    """

    def __init__(self, decimal: str | None = None, day_first: bool | None = None, name: str = "") -> None:
        self.numbers = NumberFacts(decimal)
        self.seen = False
        self.notations: list[str] | None = None
        self.separators = list(LABEL_SEPARATORS)
        self.labels: dict[str, set[str]] = {separator: set() for separator in LABEL_SEPARATORS}
        self.several: set[str] = set()
        self._day_first = day_first
        self._dated: list[pa.Array] = []
        self._commas = False
        self._cells: set[str] | None = set() if names_labels(name) else None

    def look(self, cells: pa.Array) -> None:
        """Narrow down by more cells."""
        head = pc.utf8_lower(pc.utf8_slice_codeunits(cells, 0, _LONGEST_MARK + 1))
        present = cells.filter(pc.invert(pc.is_in(head, value_set=pa.array([*MISSING, *INFINITE, None], cells.type))))
        if len(present) == 0:
            return
        self.seen = True
        start = present.slice(0, _HEAD)
        self.numbers.look(present, _HEAD)
        self._look_at_times(present, start)
        if PLAIN not in self.numbers.names and not self.notations:
            self._commas = self._commas or pc.any(pc.match_substring_regex(present, "^[^,]*$")).as_py()
            self.separators = [
                separator for separator in self.separators if self._may_separate(separator, start, present)
            ]
            if self._cells is not None:
                self._cells.update(pc.unique(present).slice(0, _MAX_CELLS + 1).to_pylist())
                self._cells = self._cells if len(self._cells) <= _MAX_CELLS else None

    def _look_at_times(self, present: pa.Array, start: pa.Array) -> None:
        if self.notations is None:
            self.notations = guess_notations(start)
            if self._day_first is not None:
                dotted = ("day.month.yr",) if any(name.startswith("yr.") for name in self.notations) else ()
                first = ("month/", "month-", "yr/", "yr-", "yr.")
                others = first if self._day_first else ("day/", "day-", *dotted)
                self.notations = [name for name in self.notations if not name.startswith(others)]
                # A day that is not first stands behind a month, and only where none can be, behind one behind a year.
                if any(name.startswith(("month/", "month-")) for name in self.notations):
                    self.notations = [name for name in self.notations if not name.startswith("yr")]
        self.notations = [name for name in self.notations if parse_times(present, name).null_count == 0]
        if (
            (len(self.notations) > 1 or PLAIN in self.numbers.names)
            and self.notations
            and sum(map(len, self._dated)) < _DATED
        ):
            self._dated.append(present.slice(0, _DATED))

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

    def _are_labels(self, separator: str, rows: int) -> bool:
        return separator in self.several and 2 * len(self.labels[separator]) <= rows

    def _are_numbered_labels(self, rows: int) -> bool:
        """Whether numbers with commas are labels that are numbers: some rows have one, and none begins with a zero."""
        labels = self.labels[","]
        if any(NUMBERS[name].thousands == "," for name in self.numbers.names):
            return False
        plain = all(label.isdigit() and (label == "0" or not label.startswith("0")) for label in labels)
        return "," in self.separators and self._commas and plain and self._are_labels(",", rows) and "0" not in labels

    def _are_spaced_labels(self, separator: str, rows: int) -> bool:
        """Whether cells are labels with blanks beside separators or in labels, such as `joy, love` and `Sci Fi|Drama`.

        A comma may as well stand in the name of one class, such as `Paris, France`; labels come in several company.
        """
        cells = [[part.strip() for part in cell.split(separator)] for cell in self._cells or ()]
        met = Counter(itertools.chain.from_iterable(set(parts) for parts in cells))
        joined = {part for parts in cells if len(parts) > 1 for part in parts}
        short = all(0 < len(part) <= _MAX_LABEL_LENGTH and len(part.split()) <= _MAX_LABEL_WORDS for part in met)
        if not joined or not short or 2 * len(met) > rows or len(met) > _MAX_LABELS:
            return False
        return separator != "," or 2 * sum(met[part] > 1 for part in joined) >= len(joined)

    def column(self, rows: int, decimals: Sequence[str], known: Column | None = None) -> Column:
        """What the column holds.

        Args:
            rows: of the table.
            decimals: the decimal marks that columns of the file are sure of.
            known: what it held when a model was trained on it, which it holds again, whatever it looks like.
        """
        if known is not None:
            return self._again(known, decimals)
        if self.notations and self._dated:
            self.notations = [name for name in self.notations if are_steps(name, pa.concat_arrays(self._dated))]
        if self.seen and self.notations:
            return Column(Kind.TIME, notation=self._time())
        number = self.numbers.notation(decimals) if self.seen else None
        if number is not None and not self._are_numbered_labels(rows):
            return Column(Kind.NUMBER, notation=None if number == PLAIN else number)
        for separator in self.separators:
            if self._are_labels(separator, rows):
                return Column(Kind.LABELS, separator=separator)
        for separator in reversed(LABEL_SEPARATORS):
            if self._are_spaced_labels(separator, rows):
                return Column(Kind.LABELS, separator=separator)
        return Column(Kind.TEXT)

    def _time(self) -> str:
        fitting = self.notations or []
        return settle(fitting, pa.concat_arrays(self._dated)) if len(fitting) > 1 else fitting[0]

    def _again(self, known: Column, decimals: Sequence[str]) -> Column:
        """The same kind; in another notation only if that of the training data does not fit."""
        if known.kind is Kind.TIME and self.notations and known.notation not in self.notations:
            return known._replace(notation=self._time())
        if known.kind is Kind.NUMBER and (known.notation or PLAIN) not in self.numbers.names:
            notation = self.numbers.notation(decimals)
            if notation is not None and EITHER not in notation:
                return known._replace(notation=None if notation == PLAIN else notation)
        return known
