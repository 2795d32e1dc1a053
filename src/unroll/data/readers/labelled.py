"""Folders of one text file per class: a row per line, its class the file's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field
from unroll.errors import DataError


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

    def open(self, file: Input, first: Source | None) -> LineSource:
        """The columns are always the same."""
        label = self._labels.get(file.path)
        if label is None:
            raise DataError("expected a folder of one text file per class, as the first", file.path)
        listed = ", ".join(sorted(set(self._labels.values()))[:12])
        return LineSource(
            file,
            [Field("text"), Field("label")],
            f"one file per class, one row per line: {listed}",
            lambda line: [line, label],
            empty="the file of this class is empty; fill it or take it out of the folder",
        )
