"""CSV, TSV and plain text: records with the line they start at. A record may span lines if its cells are quoted."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from unroll.data.readers.dialect import Dialect, guess_dialect
from unroll.data.readers.lines import numbered_lines, sample_lines
from unroll.data.table.kinds import MAX_RECORD_CHARACTERS, ReadOptions
from unroll.errors import DataError


class QuoteError(ValueError):
    """Quotes that do not pair up.

    Args:
        message: what is wrong.
        line: the line of the quote.
        open_at_end: whether the text ended inside a quoted cell.
    """

    def __init__(self, message: str, line: int, *, open_at_end: bool) -> None:
        super().__init__(message)
        self.line = line
        self.open_at_end = open_at_end


class Record(NamedTuple):
    """The cells of one row and the line, from 1, at which it starts."""

    cells: list[str]
    line: int


def records(lines: Iterable[tuple[int, str]], delimiter: str | None, quoted: bool) -> Iterator[Record]:
    r"""Split numbered lines into records, as Python's csv module would in strict mode.

    Blank lines come out with no cells.

    Args:
        lines: (number, text without ``\n``); a ``\r`` at the end of a record is dropped.
        delimiter: the character between cells; None if a line is one cell.
        quoted: whether a cell that starts with ``"`` is quoted.

    Raises:
        QuoteError: a quoted cell does not end, or text follows its closing quote.
    """
    source = iter(lines)
    for number, line in source:
        if not quoted or '"' not in line:
            line = line.removesuffix("\r")
            if not line:
                yield Record([], number)
            elif delimiter is None:
                yield Record([line], number)
            else:
                yield Record(line.split(delimiter), number)
        else:
            yield Record(_quoted_cells(line, number, source, delimiter), number)


def _quoted_cells(line: str, number: int, source: Iterator[tuple[int, str]], delimiter: str | None) -> list[str]:
    if delimiter is not None:
        try:
            # The csv module knows neither lines nor limits of our own, but it is fast on a record that ends where its
            # line does.
            return next(csv.reader((line,), delimiter=delimiter, strict=True))
        except csv.Error:
            pass
    cells: list[str] = []
    at = 0
    while True:
        if not line.startswith('"', at):
            end = -1 if delimiter is None else line.find(delimiter, at)
            if end < 0:
                cells.append(line[at:].removesuffix("\r"))
                return cells
            cells.append(line[at:end])
            at = end + 1
            continue
        parts: list[str] = []
        size = 0
        opened = number
        at += 1
        while True:
            end = line.find('"', at)
            if end < 0:
                parts.append(line[at:] + "\n")
                size += len(parts[-1])
                if size > MAX_RECORD_CHARACTERS:
                    raise QuoteError(
                        f"a quoted cell of more than {MAX_RECORD_CHARACTERS} characters", opened, open_at_end=True
                    )
                following = next(source, None)
                if following is None:
                    raise QuoteError("a quoted cell that does not end before the file does", opened, open_at_end=True)
                number, line = following
                at = 0
            elif line.startswith('"', end + 1):
                parts.append(line[at : end + 1])
                at = end + 2
            else:
                parts.append(line[at:end])
                at = end + 1
                break
        cells.append("".join(parts))
        if at == len(line) or line[at:] == "\r":
            return cells
        if delimiter is None or line[at] != delimiter:
            raise QuoteError(
                f"text after the closing quote of a cell ({line[at : at + 20]!r})", number, open_at_end=False
            )
        at += 1


class Delimited(NamedTuple):
    """A delimited file ready to be read.

    Attributes:
        path: the file.
        columns: names of the columns.
        dialect: how it is written.
        encoding: its encoding.
        one_column: whether every line is one cell.
    """

    path: Path
    columns: tuple[str, ...]
    dialect: Dialect
    encoding: str

    def rows(self) -> Iterator[Record]:
        """Yield the rows, every one with as many cells as there are columns; blank lines come out with no cells.

        Raises:
            DataError: a ragged row or a broken quote, with its line.
        """
        width = len(self.columns)
        skip = self.dialect.header
        try:
            for record in records(
                numbered_lines(self.path, self.encoding), self.dialect.delimiter, self.dialect.quoted
            ):
                if not record.cells:
                    yield record
                elif skip:
                    skip = False
                elif len(record.cells) == width:
                    yield record
                else:
                    raise DataError(self._ragged(record), self.path, record.line)
        except QuoteError as error:
            raise DataError(
                f"{error}; double every quote inside a quoted cell, or close it", self.path, error.line
            ) from error

    def _ragged(self, record: Record) -> str:
        of = "the header" if self.dialect.header else "the first row"
        hint = (
            "quote cells that hold the delimiter" if len(record.cells) > len(self.columns) else "fill the missing cells"
        )
        return (
            f"expected {len(self.columns)} cells as in {of}, got {len(record.cells)} ({self.dialect.words()}); "
            f"{hint}, or name the delimiter"
        )


def open_delimited(path: Path, form: str, options: ReadOptions) -> Delimited:
    """Look at the start of a file and settle how it is written.

    Args:
        path: the file.
        form: "csv", "tsv" or "text".
        options: what the user has fixed.

    Raises:
        DataError: the file is empty, or the options make no sense.
    """
    if options.delimiter is not None and len(options.delimiter) != 1:
        raise DataError(f"the delimiter must be one character, got {options.delimiter!r}", path)
    sample = [(number, line) for number, line in sample_lines(path, options.encoding) if line.strip("\r")]
    if not sample:
        raise DataError("the file is empty; expected at least one row", path)
    lines = [line for _, line in sample]
    if any("\r" in line.removesuffix("\r") for line in lines[:1]) and len(lines) == 1:
        raise DataError("lines end in carriage returns only (old Mac); convert them to line feeds", path, 1)
    dialect = guess_dialect(lines, form, options.delimiter, options.header)
    try:
        first = next(records(iter(sample), dialect.delimiter, dialect.quoted)).cells
    except QuoteError as error:
        raise DataError(f"{error}; double every quote inside a quoted cell, or close it", path, error.line) from error
    if dialect.header:
        columns = tuple(cell.strip() or f"column{index}" for index, cell in enumerate(first, 1))
    else:
        columns = tuple(f"column{index}" for index in range(1, len(first) + 1))
    return Delimited(path, columns, dialect, options.encoding)
