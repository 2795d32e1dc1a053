"""Rows of whole numbers that are made once and kept in a file, which is mapped: they take room on the disk, and of
memory only what nobody else needs.

Shapes: N numbers of all rows, R rows.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unroll.errors import DataError

#: Numbers that the first map of a file has room for; it doubles when they are reached.
_FIRST = 1 << 16
#: Bytes that are left free on a disk.
_KEEP_FREE = 256 * 2**20


class Ragged(NamedTuple):
    """Rows of unequal length.

    Attributes:
        values: (N,) the numbers of all rows, one row after the other.
        lengths: (R,) int64.
    """

    values: np.ndarray
    lengths: np.ndarray


class Numbers:
    """Whole numbers, appended and read in ranges.

    Args:
        dtype: of the numbers.
        folder: where they are kept, in a file without a name that goes with this object; None for memory.
    """

    def __init__(self, dtype: npt.DTypeLike, folder: Path | None = None) -> None:
        self._folder = folder
        self._room = np.empty(0, dtype)
        self._count = 0
        # Named by nobody, it is gone when the process ends, however it ends.
        self._file = None if folder is None else tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed below
        if self._file is not None:
            weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._count

    @property
    def all(self) -> np.ndarray:
        """All numbers, not copied; what is appended later is not in it."""
        return self._room[: self._count]

    def append(self, values: np.ndarray) -> int:
        """Add numbers at the end; where the first of them stands.

        Raises:
            DataError: the disk is nearly full.
        """
        start, end = self._count, self._count + len(values)
        if end > len(self._room):
            self._grow(max(end, 2 * len(self._room), _FIRST))
        if self._file is None:
            self._room[start:end] = values
        else:
            # Not through the map: on a full disk that ends the process, and this is an error.
            self._file.seek(start * self._room.itemsize)
            self._file.write(np.ascontiguousarray(values, self._room.dtype).data)
            self._file.flush()
        self._count = end
        return start

    def ranges(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The numbers of some ranges, one range after the other.

        Args:
            starts: (R,) where each begins.
            lengths: (R,) how long each is.
        """
        ends = lengths.cumsum()
        index = np.arange(int(ends[-1]) if len(ends) else 0)
        index += np.repeat(starts - (ends - lengths), lengths)
        found: np.ndarray = self._room[index]
        return found

    def _grow(self, room: int) -> None:
        size = room * self._room.itemsize
        if self._file is None or self._folder is None:
            grown = np.empty(room, self._room.dtype)
            grown[: self._count] = self.all
            self._room = grown
            return
        if shutil.disk_usage(self._folder).free < _KEEP_FREE + size:
            raise DataError(
                "the disk is nearly full: what training reads of the data is kept there; free space, or name a"
                " folder with more room in TMPDIR",
                self._folder,
            )
        # What was not written yet takes no room.
        self._file.truncate(size)
        mapped = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ)
        self._room = np.frombuffer(mapped, self._room.dtype)


class KeptRows:
    """Rows that are made when they are first asked for, and kept.

    Args:
        rows: how many there are.
        make: makes some of them, in the order of their numbers given.
        folder: where they are kept; None for memory.
    """

    def __init__(self, rows: int, make: Callable[[np.ndarray], Ragged], folder: Path | None) -> None:
        self._make = make
        self._numbers = Numbers(np.int32, folder)
        self._starts = np.full(rows, -1, np.int64)
        self._lengths = np.zeros(rows, np.int32)

    def of(self, rows: np.ndarray) -> Ragged:
        """Some rows, in the order of their numbers given.

        Raises:
            DataError: the disk is nearly full.
        """
        new = rows[self._starts[rows] < 0]
        if len(new):
            made = self._make(new)
            self._starts[new] = self._numbers.append(made.values) + made.lengths.cumsum() - made.lengths
            self._lengths[new] = made.lengths
            if len(new) == len(rows):
                return made
        lengths = self._lengths[rows].astype(np.int64)
        return Ragged(self._numbers.ranges(self._starts[rows], lengths), lengths)
