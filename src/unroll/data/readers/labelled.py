"""Folders of one text file per class: a row per line, its class the file's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError


class LabelledSource:
    """One file of one class ready to be read."""

    fields = (Field("text"), Field("label"))
    marked = False
    empty = "the file of this class is empty; fill it or take it out of the folder"

    def __init__(self, path: Path, encoding: str, labels: Mapping[Path, str]) -> None:
        self._path = path
        self._encoding = encoding
        self._labels = labels
        self._blank = 0

    @property
    def said(self) -> str:
        """The classes."""
        listed = ", ".join(sorted(set(self._labels.values()))[:12])
        return f"one file per class, one row per line: {listed}, {self._encoding.upper()}"

    def rows(self) -> Iterator[Row]:
        """Every line that is not blank.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        self._blank = 0
        label = self._labels[self._path]
        for number, line in numbered_lines(self._path, self._encoding):
            text = line.removesuffix("\r")
            if text.strip():
                yield Row([text, label], number)
            else:
                self._blank += 1

    def left(self) -> list[str]:
        """Blank lines."""
        return [f"{self._blank} blank line{'s' if self._blank > 1 else ''} left out"] if self._blank else []


class LabelledReader:
    """Reads the files of such a folder; it is chosen by the folder, not by a file.

    Args:
        labels: the class of every file.
    """

    name = "text"
    suffixes: tuple[str, ...] = ()
    summary = "one text file per class"

    def __init__(self, labels: Mapping[Path, str]) -> None:
        self._labels = labels

    def recognises(self, file: Input) -> bool:
        """Never: a file alone does not tell its class."""
        return False

    def open(self, file: Input, first: Source | None) -> LabelledSource:
        """The columns are always the same."""
        if file.path not in self._labels:
            raise DataError("expected a folder of one text file per class, as the first", file.path)
        return LabelledSource(file.path, file.options.encoding, self._labels)
