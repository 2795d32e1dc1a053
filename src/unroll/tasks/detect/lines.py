"""Records out of lines: delimited cells or JSON objects, a block of lines at a time.

A line that cannot be read is a problem with its number, and nothing else is lost.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from unroll.bundle import DataConfig
from unroll.data.series.ids import id_columns, joined_values, name_of
from unroll.data.table.kinds import MISSING
from unroll.data.table.numbers import PLAIN, to_float64
from unroll.errors import DataError, nearest
from unroll.tasks.detect.session import number_of
from unroll.tasks.detect.settings import Saved
from unroll.tasks.detect.times import Times, plain_number, times_of
from unroll.tasks.reading import read_columns

_DELIMITERS = (",", ";", "\t", "|")
#: A longer line is none of a stream of numbers.
_LONGEST = 1 << 20


class Taken(NamedTuple):
    """One record.

    Attributes:
        line: its number, from 1.
        series: the name of its stream; empty where there is no such column.
        text: its time as written; empty where there is none.
        time: microseconds since 1970, or as a number; None where there is none.
        values: of the channels, NaN where one is missing.
        note: what is odd about it and does not keep it from being a record.
    """

    line: int
    series: str
    text: str
    time: float | None
    values: Sequence[float]
    note: str = ""


class Problem(NamedTuple):
    """A line that is no record, and why."""

    line: int
    text: str


class _Headless(Exception):
    """The names of the columns leave one out that every record needs: no line that follows can be read."""


class Lines:
    """Reads lines as a run was told to read its file.

    The first line decides: a JSON object, the names of the columns, or values in the order of the training file's
    columns.

    Args:
        saved: columns of the run.
        data: how its file was read.
        name: what errors call where the lines come from.
    """

    def __init__(self, saved: Saved, data: DataConfig, name: str) -> None:
        self._saved = saved
        self._name = name
        kinds = read_columns(data)
        self._encoding = data.encoding
        self._delimiter = data.delimiter
        self._times = Times(saved, data)
        notations = [kinds[name].notation if name in kinds else None for name in saved.channels]
        self._notations = [None if given in (None, PLAIN) else given for given in notations]
        self._count = 0
        self._layout: _Layout | None = None
        self._json = False
        self._header: list[str] = []

    def block(self, lines: Sequence[bytes]) -> Iterator[Taken | Problem]:
        """The records and problems of the next lines, in order.

        Raises:
            DataError: the first line names the channels and not the column of times or of series.
        """
        rows: list[tuple[int, list[str]]] = []
        found: list[Taken | Problem] = []
        for raw in lines:
            self._count += 1
            line = self._count
            try:
                if len(raw) > _LONGEST:
                    raise DataError(f"expected a record, got a line of {len(raw):,} bytes")
                text = raw.decode(self._encoding).rstrip("\r\n")
                if not text.strip():
                    continue
                if self._layout is None and not self._json:
                    text = text.removeprefix("\ufeff")
                    if self._first(text):
                        continue
                if self._json:
                    found.append(self._object(line, text))
                    continue
                cells = self._cells(text)
                if cells is not None:
                    rows.append((line, cells))
            except UnicodeDecodeError as error:
                found.append(Problem(line, f"expected {self._encoding}, got byte {raw[error.start]:#04x}"))
            except _Headless as error:
                raise DataError(str(error), self._name, line) from None
            except DataError as error:
                found.append(Problem(line, str(error)))
        return iter(sorted([*found, *self._rows(rows, self._layout)], key=lambda item: item.line))

    def _first(self, text: str) -> bool:
        """Settle how lines are written; whether the first one holds the names of the columns."""
        saved = self._saved
        if text.lstrip().startswith("{"):
            self._json = True
            return False
        tried = (self._delimiter,) if self._delimiter else _DELIMITERS
        for delimiter in tried:
            cells = [cell.strip() for cell in _split(text, delimiter)]
            if set(saved.channels) <= set(cells):
                self._layout = _Layout.of(saved, cells, delimiter)
                self._header = cells
                return True
        for delimiter in tried:
            cells = [cell.strip() for cell in _split(text, delimiter)]
            if set(cells) & set(saved.columns) and not any(map(_begins_number, cells)):
                # The names of other columns: what stands below them is not what the model was trained on.
                absent = next(name for name in saved.channels if name not in cells)
                raise _Headless(
                    f"expected the column '{absent}', which the model was trained with, got {', '.join(cells[:12])}"
                    f"{nearest(absent, cells)}"
                )
        each = (list(saved.columns), [name for name in saved.columns if name not in saved.labels])
        fitting = [
            _Layout.of(saved, columns, delimiter)
            for columns in each
            for delimiter in tried
            if len(_split(text, delimiter)) == len(columns)
        ]
        if fitting:
            # Commas may stand inside the numbers of a line as often as something else stands between them.
            self._layout = next((layout for layout in fitting if self._reads(text, layout)), fitting[0])
            return False
        raise DataError(
            f"expected the names of the columns, or values for {', '.join(saved.columns)}, got {text[:60]!r}"
        )

    def _reads(self, text: str, layout: _Layout) -> bool:
        """Whether a line is a record, cut so."""
        found = self._rows([(self._count, _split(text, layout.delimiter))], layout)
        return all(isinstance(item, Taken) for item in found)

    def _cells(self, text: str) -> list[str] | None:
        layout = self._layout
        if layout is None:
            return None
        cells = _split(text, layout.delimiter) if '"' in text else text.split(layout.delimiter)
        if len(cells) != layout.width:
            raise DataError(f"expected {layout.width} cells, got {len(cells)}: {text[:60]!r}")
        if self._header and cells[layout.channels[0]].strip() == self._header[layout.channels[0]]:
            raise DataError("the names of the columns again")
        return cells

    def _rows(self, rows: Sequence[tuple[int, list[str]]], layout: _Layout | None) -> Iterator[Taken | Problem]:
        """Records of delimited lines; times and numbers of odd notations are read a column at a time."""
        if layout is None or not rows:
            return
        parts = [[cells[at].strip() for _, cells in rows] for at in layout.time]
        texts = [" ".join(own) for own in zip(*parts, strict=True)] if parts else [""] * len(rows)
        times: Sequence[float | None] = self._times.of_texts(*parts) if parts else [None] * len(rows)
        odd = {
            place: _numbers([cells[at] for _, cells in rows], notation)
            for place, (at, notation) in enumerate(zip(layout.channels, self._notations, strict=True))
            if notation is not None
        }
        for number, (line, cells) in enumerate(rows):
            time = times[number]
            if layout.time and time is None:
                text = (
                    "the time is missing"
                    if not texts[number].strip()
                    else f"expected a time, got {texts[number][:40]!r}"
                )
                yield Problem(line, f"column '{self._saved.time}': {text}")
                continue
            try:
                values = [
                    _known(odd[place][number]) if place in odd else plain_number(cells[at])
                    for place, at in enumerate(layout.channels)
                ]
            except ValueError:
                yield Problem(line, self._wrong(cells, layout, {place: own[number] for place, own in odd.items()}))
                continue
            series = joined_values(cells[at].strip() for at in layout.series)
            # A value that is none and whose cell is not empty is worth a look.
            odd_ones = any(value != value for value in values)
            note = self._endless([cells[at] for at in layout.channels]) if odd_ones else ""
            yield Taken(line, series, texts[number], time, values, note)

    def _wrong(self, cells: Sequence[str], layout: _Layout, odd: Mapping[int, float | None]) -> str:
        for place, (name, at) in enumerate(zip(self._saved.channels, layout.channels, strict=True)):
            try:
                _known(odd[place]) if place in odd else plain_number(cells[at])
            except ValueError:
                return f"column '{name}': expected a number, got {cells[at][:40]!r}"
        return "expected numbers"

    def _endless(self, cells: Sequence[str]) -> str:
        """What is said of numbers without an end among the cells of the channels: they count as missing."""
        found = [name for name, cell in zip(self._saved.channels, cells, strict=True) if _is_endless(cell)]
        return f"no finite number in {', '.join(map(repr, found))}: it counts as missing" if found else ""

    def _object(self, line: int, text: str) -> Taken:
        saved = self._saved
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise DataError(f"expected a JSON object, as in the first line, got {text[:60]!r}")
        absent = [name for name in saved.channels if name not in record]
        if absent:
            raise DataError(f"expected a value for '{absent[0]}', got a record with {', '.join(map(str, record))}")
        values = [number_of(record[name], name) for name in saved.channels]
        time, shown = (None, "") if saved.time is None else self._times.of_record(record)
        series = name_of(record, saved.series)
        return Taken(line, series, shown, time, values, self._endless([str(record[name]) for name in saved.channels]))


class _Layout(NamedTuple):
    """Where in a line the columns are."""

    delimiter: str
    width: int
    time: tuple[int, ...]
    series: tuple[int, ...]
    channels: tuple[int, ...]

    @classmethod
    def of(cls, saved: Saved, columns: Sequence[str], delimiter: str) -> _Layout:
        ids = id_columns(saved.series, columns)
        for name in (*times_of(saved), *ids):
            if name not in columns:
                raise _Headless(
                    f"expected the column '{name}', which the model was trained with, got {', '.join(columns[:12])};"
                    " send it too, or train without it"
                )
        return cls(
            delimiter,
            len(columns),
            tuple(columns.index(name) for name in times_of(saved)),
            tuple(columns.index(name) for name in ids),
            tuple(columns.index(name) for name in saved.channels),
        )


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DataError(f"{error}: {text[:60]!r}") from None


def _is_endless(cell: str) -> bool:
    try:
        return math.isinf(float(cell))
    except ValueError:
        return False


def _known(value: float | None) -> float:
    if value is None:
        raise ValueError
    return value


def _begins_number(cell: str) -> bool:
    """Whether a cell is a number or a time, not a name."""
    return not cell or cell.lstrip("+-.")[:1].isdigit() or cell.lower() in MISSING


def _numbers(cells: Sequence[str], notation: str) -> list[float | None]:
    """Numbers of a notation of their own; None where one is none."""
    found: list[float | None] = []
    for cell in cells:
        values, bad = to_float64(pa.array([cell]), notation)
        found.append(None if bad is not None else float(values[0]))
    return found
