"""Files in which every line that is not blank is a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError


class LineSource:
    """A file of such lines ready to be read.

    Args:
        file: the file.
        fields: the columns.
        said: how it was understood, without the file's name.
        cells: from a line to a cell per column, none for a line that is no row; a ValueError says what is wrong with
            the line.
        empty: the error where there are no rows.
        shared: a size that further files of the data set take over.
    """

    marked = False

    def __init__(
        self,
        file: Input,
        fields: Sequence[Field],
        said: str,
        cells: Callable[[str], Sequence[Any]],
        *,
        empty: str = "no rows of data",
        shared: int | None = None,
    ) -> None:
        self.fields = tuple(fields)
        self.said = f"{file.path.name}: {said}, {encoding_of(file.path, file.options.encoding)}"
        self.empty = empty
        self.shared = shared
        self._file = file
        self._cells = cells
        self._blank = 0

    def rows(self) -> Iterator[Row]:
        """Every line that is not blank.

        Raises:
            DataError: what `cells` says of a line, wrong encoding, or a file that cannot be read; with its line.
        """
        self._blank = 0
        for number, line in numbered_lines(self._file.path, self._file.options.encoding):
            text = line.removesuffix("\r")
            if not text.strip():
                self._blank += 1
                continue
            try:
                cells = self._cells(text)
            except ValueError as error:
                raise DataError(str(error), self._file.path, number) from error
            if cells:
                yield Row(cells, number)

    def left(self) -> list[str]:
        """Blank lines."""
        return blank_note(self._blank)


def blank_note(blank: int) -> list[str]:
    """How many blank lines were left out, in words; nothing where there are none."""
    return [f"{blank} blank line{'s' if blank > 1 else ''} left out"] if blank else []
