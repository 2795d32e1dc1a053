"""Folders of one text file per class, a row per line, or of a folder of texts per class, a row per file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_FIELDS = (Field("text"), Field("label"))


class DocumentSource:
    """A file that is one row, with the class of its folder.

    Args:
        file: the file.
        label: its class.
        listed: the classes of the data set, in words.
    """

    fields = _FIELDS
    marked = False
    empty = "the file is empty; fill it or take it out of the folder"

    def __init__(self, file: Input, label: str, listed: str) -> None:
        self.said = (
            f"one text per file, its class the folder: {listed}, {encoding_of(file.path, file.options.encoding)}"
        )
        self._file = file
        self._label = label

    def rows(self) -> Iterator[Row]:
        """The one row; none where there is no text."""
        lines = numbered_lines(self._file.path, self._file.options.encoding)
        text = "\n".join(line.removesuffix("\r") for _, line in lines).strip()
        if text:
            yield Row([text, self._label], 1)

    def left(self) -> list[str]:
        """Nothing."""
        return []


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

    def open(self, file: Input, first: Source | None) -> LineSource | DocumentSource:
        """The columns are always the same."""
        label = self._labels.get(file.path)
        if label is None:
            raise DataError("expected a folder of one text file per class, as the first", file.path)
        listed = ", ".join(sorted(set(self._labels.values()))[:12])
        if label == file.path.parent.name:
            return DocumentSource(file, label, listed)
        return LineSource(
            file,
            _FIELDS,
            f"one file per class, one row per line: {listed}",
            lambda line: [line, label],
            empty="the file of this class is empty; fill it or take it out of the folder",
        )
