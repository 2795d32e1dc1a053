"""What a reader is: one kind of file, how it is known, and how it becomes rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from unroll.data.readers.jsonparse import JsonDocument
from unroll.data.readers.lines import blocks, sample_lines
from unroll.data.table.kinds import ReadOptions
from unroll.data.table.writer import Batch, Field, Row


class Input:
    """A file that is to be read.

    Args:
        path: the file, plain or gzipped.
        options: what the user has fixed.
        scratch: a folder for what has to be unpacked; it may not exist yet.
    """

    def __init__(self, path: Path, options: ReadOptions, scratch: Path) -> None:
        self.path = path
        self.options = options
        self.scratch = scratch

    @cached_property
    def head(self) -> bytes:
        """The first bytes, unpacked, at most a mebibyte.

        Raises:
            DataError: the file cannot be read.
        """
        return next(blocks(self.path), b"")

    @property
    def opening(self) -> bytes:
        """The first bytes behind a byte order mark and white space.

        Raises:
            DataError: the file cannot be read.
        """
        return self.head.lstrip(b"\xef\xbb\xbf \t\r\n")

    @cached_property
    def lines(self) -> list[tuple[int, str]]:
        r"""The first lines with their numbers, decoded; a ``\r`` at their ends is kept.

        Raises:
            DataError: they are not of the encoding, or the file cannot be read.
        """
        return sample_lines(self.path, self.options.encoding)

    @property
    def document(self) -> JsonDocument:
        """The JSON value that the whole file is, parsed once, with its lines asked for from the start.

        Raises:
            DataError: no JSON, with its line, or a file over the limit.
        """
        self._document.rewind()
        return self._document

    @cached_property
    def _document(self) -> JsonDocument:
        return JsonDocument(self.path, self.options.encoding)


class Source(Protocol):
    """One opened file: its columns are settled, its rows are still to come.

    Attributes:
        fields: the columns.
        marked: whether rows come with the lines of their items and with what is wrong with them.
        said: how the file was understood, for the notes of the table.
        empty: the error where there are no rows.
    """

    @property
    def fields(self) -> Sequence[Field]: ...
    @property
    def marked(self) -> bool: ...
    @property
    def said(self) -> str: ...
    @property
    def empty(self) -> str: ...

    def rows(self) -> Iterator[Row | Batch]:
        """Every row in the order of the file.

        Raises:
            DataError: what is wrong with the file, with its line.
        """
        ...

    def left(self) -> list[str]:
        """What was left out or filled in, in words; known when all rows have been taken."""
        ...


class Reader(Protocol):
    """A kind of file. A new one is a class with these, in a file of its own, and a line in `registry.READERS`.

    Attributes:
        name: the word that `--format` takes.
        suffixes: of file names that promise this kind, in small letters with their dot.
        summary: what is read and how, for the docs.
    """

    @property
    def name(self) -> str: ...
    @property
    def suffixes(self) -> tuple[str, ...]: ...
    @property
    def summary(self) -> str: ...

    def recognises(self, file: Input) -> bool:
        """Whether the content can be nothing else, whatever the file is called."""
        ...

    def open(self, file: Input, first: Source | None) -> Source:
        """Settle the columns of a file.

        Args:
            file: the file.
            first: the first file of the data set, whose columns this one must have; None if this is the first.

        Raises:
            DataError: it cannot be read as this kind, or its columns are others than those of the first file.
        """
        ...


def left_out(*counted: tuple[int, str]) -> list[str]:
    """What `Source.left` says of how many of what were left out, where there were any.

    >>> left_out((1200, "lines without an answer"), (0, "lines of personas"))
    ['1,200 lines without an answer left out']
    """
    return [f"{count:,} {what} left out" for count, what in counted if count]
