"""Lines cut into cells by delimiters and quotes; a record may span lines if its cells are quoted."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from unroll.data.table.kinds import MAX_RECORD_CHARACTERS

#: The delimiter "one or more spaces or tabs".
BLANKS = "blanks"
_BLANKS = re.compile(r"[ \t]+")


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
        if not quoted or '"' not in line or delimiter == BLANKS:
            line = line.removesuffix("\r")
            if not line:
                yield Record([], number)
            elif delimiter is None:
                yield Record([line], number)
            elif delimiter == BLANKS:
                yield Record(_BLANKS.split(line.strip(" \t")), number)
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
