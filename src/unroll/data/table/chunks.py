"""Columns on disk: cells in any order without loading the rest, and as text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BLOCK = 4096


class Chunks:
    """A column on disk in chunks, with rows taken in any order without loading the rest."""

    def __init__(self, data: Any) -> None:
        self.chunks: list[Any] = [chunk for chunk in data.chunks if len(chunk)]
        self.starts: list[int] = [0]
        for chunk in self.chunks:
            self.starts.append(self.starts[-1] + len(chunk))

    def __len__(self) -> int:
        return self.starts[-1]

    def value(self, row: int) -> Any:
        """The Arrow scalar of one row, from 0."""
        index = bisect_right(self.starts, row) - 1
        return self.chunks[index][row - self.starts[index]]

    def blocks(self, rows: np.ndarray | None, size: int = 1 << 16) -> Iterator[Any]:
        """Yield Arrow arrays of at most `size` rows that together hold these rows (all rows if None), in order."""
        if rows is None:
            for chunk in self.chunks:
                for at in range(0, len(chunk), size):
                    yield chunk.slice(at, size)
            return
        starts = np.asarray(self.starts)
        for at in range(0, len(rows), size):
            wanted = rows[at : at + size]
            owner = np.searchsorted(starts, wanted, side="right") - 1
            if len(wanted) and (owner == owner[0]).all():
                yield self.chunks[owner[0]].take(pa.array(wanted - starts[owner[0]]))
                continue
            order = np.argsort(owner, kind="stable")
            pieces = [
                self.chunks[index].take(pa.array(wanted[order[owner[order] == index]] - starts[index]))
                for index in np.unique(owner)
            ]
            yield pa.concat_arrays(pieces).take(pa.array(np.argsort(order, kind="stable")))


class Texts(Sequence[str]):
    """The cells of one column as text, decoded when they are asked for."""

    def __init__(self, chunks: Chunks, rows: np.ndarray | None) -> None:
        self._chunks = chunks
        self._rows = rows

    def __len__(self) -> int:
        return len(self._chunks) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            rows = np.arange(len(self._chunks)) if self._rows is None else self._rows
            return Texts(self._chunks, rows[index])
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return as_text(self._chunks.value(int(position if self._rows is None else self._rows[position])).as_py())

    def __iter__(self) -> Iterator[str]:
        for block in self._chunks.blocks(self._rows, _BLOCK):
            yield from map(as_text, block.to_pylist())


def as_text(value: Any) -> str:
    """A cell as the text a reader would write: nothing for a missing one, no ``.0`` for a whole number, the items of a
    list with spaces between them.

    >>> as_text(2.0), as_text(["New", "York"])
    ('2', 'New York')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(map(as_text, value))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)


def text_block(block: pa.Array) -> pa.Array:
    """An Arrow array of any cells but series as an array of text; the items of a list are joined by spaces."""
    if pa.types.is_large_string(block.type) or pa.types.is_string(block.type):
        return block
    if pa.types.is_large_list(block.type):
        return pc.binary_join(block, pa.scalar(" ", pa.large_string()))
    return pc.cast(block, pa.large_string())
