"""The times of records, read as training read those of its file."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from unroll.bundle import DataConfig
from unroll.data import Kind
from unroll.data.series.pieces import add_cells, first_days
from unroll.data.table.kinds import MISSING
from unroll.data.table.times import parse_times
from unroll.errors import DataError
from unroll.tasks.detect.settings import Saved
from unroll.tasks.reading import read_columns

_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_UTC = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Times:
    """Reads the time of records, which several columns may say together.

    Args:
        saved: columns of the run.
        data: how its file was read.
    """

    def __init__(self, saved: Saved, data: DataConfig) -> None:
        kinds = read_columns(data)
        own = None if saved.time is None else kinds.get(saved.time)
        self._saved = saved
        self._numeric = own is not None and own.kind is Kind.NUMBER
        self._read = _times_reader(None if own is None else own.notation, numeric=self._numeric)

    def of_texts(self, texts: Sequence[str], *further: Sequence[str]) -> Sequence[float | None]:
        """Microseconds since 1970, or numbers as they are; None where a cell is no time.

        Args:
            texts: (N,) cells of the column of times.
            further: (N,) cells of each column that goes on where it ends.
        """
        times = self._read(texts)
        return self._completed(times, further) if further else times

    def of_record(self, record: Mapping[str, Any]) -> tuple[float, str]:
        """The time of one record by name, and as it is shown.

        Raises:
            DataError: it is missing, or is none.
        """
        names = times_of(self._saved)
        given = [record.get(name) for name in names]
        for name, cell in zip(names, given, strict=True):
            if cell is None:
                raise DataError(f"'{name}': the time is missing")
        shown = " ".join(map(str, given))
        texts = [str(cell).strip() for cell in given]
        # Who writes a record in Python may write its time in ISO 8601, however the file has it.
        if isinstance(given[0], str):
            (time,) = self._read(texts[:1])
            time = _iso_times(texts[:1])[0] if time is None else time
        else:
            time = time_of(given[0], names[0])
        if time is not None and given[1:]:
            time = self._completed([time], [[text] for text in texts[1:]])[0]
        if time is None:
            raise DataError(f"'{names[0]}': expected a time as in training or in ISO 8601, got {shown[:40]!r}")
        return time, shown

    def _completed(self, times: Sequence[float | None], further: Sequence[Sequence[str]]) -> list[float | None]:
        """Times with what further columns say of them."""
        if self._numeric:
            moments = first_days(np.array([math.nan if time is None else time for time in times]))
        else:
            moments = np.array(["NaT" if time is None else int(time) for time in times], "datetime64[us]")
        for form, cells in zip(self._saved.further.values(), further, strict=True):
            moments = add_cells(moments, cells, form)
        return [None if np.isnat(moment) else int(moment.astype(np.int64)) for moment in moments]


def times_of(saved: Saved) -> tuple[str, ...]:
    """The columns that say the time of a record."""
    return () if saved.time is None else (saved.time, *saved.further)


def time_of(cell: object, name: str) -> float:
    """A time as microseconds since 1970, or a number as it is.

    Raises:
        DataError: it is something else.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, np.datetime64):
        return int(cell.astype("datetime64[us]").astype(np.int64))
    try:
        moment = cell if isinstance(cell, datetime.datetime) else datetime.datetime.fromisoformat(str(cell).strip())
    except ValueError:
        raise DataError(f"'{name}': expected a time in ISO 8601, got {cell!r}") from None
    return microseconds(moment)


def microseconds(moment: datetime.datetime) -> int:
    """A datetime as microseconds since 1970, in UTC where it names a zone."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=None if moment.tzinfo is None else datetime.UTC)
    return int((moment - epoch) // datetime.timedelta(microseconds=1))


def plain_number(cell: str) -> float:
    """A plain number; NaN where it is missing or infinite.

    Raises:
        ValueError: it is none.
    """
    try:
        value = float(cell)
    except ValueError:
        if cell.strip().lower() in MISSING:
            return math.nan
        raise
    # float() also takes digits joined by underscores, which no file means.
    if "_" in cell:
        raise ValueError(cell)
    return value if value - value == 0.0 else math.nan


def _times_reader(notation: str | None, *, numeric: bool) -> Callable[[Sequence[str]], Sequence[float | None]]:
    if numeric:
        return _plain_times
    if notation is None:
        return _iso_times
    if notation in ("year-month-day", "year-month-day with zone"):
        return lambda texts: _spelled_times(texts, notation)
    return lambda texts: _noted_times(texts, notation)


def _plain_times(texts: Sequence[str]) -> list[float | None]:
    found: list[float | None] = []
    for text in texts:
        try:
            value = plain_number(text)
        except ValueError:
            value = math.nan
        found.append(None if value != value else value)
    return found


def _iso_times(texts: Sequence[str]) -> list[float | None]:
    found: list[float | None] = []
    read = datetime.datetime.fromisoformat
    for text in texts:
        try:
            moment = read(text)
        except ValueError:
            found.append(None)
            continue
        away = moment - (_EPOCH if moment.tzinfo is None else _EPOCH_UTC)
        found.append((away.days * 86_400 + away.seconds) * 1_000_000 + away.microseconds)
    return found


def _spelled_times(texts: Sequence[str], notation: str) -> list[float | None]:
    """As ISO 8601 where they are, which is fast, and the others in whatever spelling of the notation."""
    found = _iso_times(texts)
    return [_noted_times([text], notation)[0] if own is None else own for own, text in zip(found, texts, strict=True)]


def _noted_times(texts: Sequence[str], notation: str) -> list[float | None]:
    moments: Any = parse_times(pa.array(list(texts), pa.string()), notation)
    taken = np.asarray(moments.to_numpy(zero_copy_only=False), dtype="datetime64[us]")
    return [None if np.isnat(moment) else int(moment.astype(np.int64)) for moment in taken]
