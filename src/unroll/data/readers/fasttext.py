"""fastText's files: labels as words that begin with ``__label__``, and the text, one row per line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_MARK = "__label__"


class FastTextSource:
    """A file ready to be read: columns text and labels."""

    fields = (Field("labels", "list"), Field("text"))
    marked = False
    empty = "no rows of data"

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        self._encoding = encoding
        self._blank = 0

    @property
    def said(self) -> str:
        """That the labels stand in the lines."""
        return f"{self._path.name}: labels are the words with {_MARK}, {self._encoding.upper()}"

    def rows(self) -> Iterator[Row]:
        """Every line that is not blank.

        Raises:
            DataError: a line without a label, wrong encoding, or a file that cannot be read; with its line.
        """
        self._blank = 0
        for number, line in numbered_lines(self._path, self._encoding):
            words = line.split()
            labels = [word.removeprefix(_MARK) for word in words if word.startswith(_MARK)]
            if not words:
                self._blank += 1
            elif not all(labels) or not labels:
                raise DataError(f"expected a word such as {_MARK}NAME, got {line[:40]!r}", self._path, number)
            else:
                yield Row([labels, " ".join(word for word in words if not word.startswith(_MARK))], number)

    def left(self) -> list[str]:
        """Blank lines."""
        return [f"{self._blank} blank line{'s' if self._blank > 1 else ''} left out"] if self._blank else []


class FastTextReader:
    """Reads fastText's files."""

    name = "fasttext"
    suffixes = (".fasttext", ".ft")
    summary = f"fastText: words that begin with `{_MARK}` are the labels of a line, the others its text"

    def recognises(self, file: Input) -> bool:
        """Every line begins with a label."""
        lines = [line for _, line in file.lines if line.strip()]
        return bool(lines) and all(line.lstrip().startswith(_MARK) for line in lines)

    def open(self, file: Input, first: Source | None) -> FastTextSource:
        """The columns are always the same."""
        return FastTextSource(file.path, file.options.encoding)
