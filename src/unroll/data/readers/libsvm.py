"""libsvm's files: a class or number, then index:value of what is not zero, one row per line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PAIR = re.compile(rf"(\d+):({_NUMBER})")
_LINE = re.compile(rf"{_NUMBER}(?:\s+\d+:{_NUMBER})*\s*(?:#.*)?")
#: A larger index would be a sequence that no recurrent network reads; the file is of words, not of steps.
_MAX_INDEX = 100_000


class LibsvmSource:
    """A file ready to be read: columns label and series, which has one value per index.

    Args:
        path: the file.
        encoding: its encoding.
        size: the largest index of the first file of the data set.
    """

    fields = (Field("label"), Field("series", "series", 1))
    marked = False
    empty = "no rows of data"

    def __init__(self, path: Path, encoding: str, size: int) -> None:
        self.size = size
        self._path = path
        self._encoding = encoding

    @property
    def said(self) -> str:
        """How many values a row has."""
        return f"{self._path.name}: libsvm, {self.size} values per row, those that are not written are 0"

    def rows(self) -> Iterator[Row]:
        """Every line that is not blank.

        Raises:
            DataError: a line that is not of the form, indices that do not rise, or one beyond those of the first file.
        """
        for number, label, indices, values in _lines(self._path, self._encoding):
            if indices and indices[-1] > self.size:
                raise DataError(
                    f"index {indices[-1]} is beyond those of the first file, which end at {self.size}",
                    self._path,
                    number,
                )
            row = np.zeros(self.size, dtype=np.float32)
            with np.errstate(over="ignore"):
                row[np.asarray(indices, dtype=np.int64) - 1] = values
            if not np.isfinite(row).all():
                raise DataError("a value is beyond what a float32 holds", self._path, number)
            yield Row([label, row], number)

    def left(self) -> list[str]:
        """Nothing."""
        return []


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str, list[int], list[float]]]:
    for number, line in numbered_lines(path, encoding):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not _LINE.fullmatch(text):
            raise DataError(f"expected LABEL INDEX:VALUE ..., got {text[:40]!r}", path, number)
        pairs = _PAIR.findall(text.partition("#")[0])
        indices = [int(index) for index, _ in pairs]
        if any(later <= earlier for earlier, later in zip([0, *indices], indices, strict=False)):
            raise DataError("indices must rise from 1", path, number)
        if indices and indices[-1] > _MAX_INDEX:
            raise DataError(f"an index of {indices[-1]}; at most {_MAX_INDEX} can be read as steps", path, number)
        yield number, text.split()[0], indices, [float(value) for _, value in pairs]


class LibsvmReader:
    """Reads libsvm's files."""

    name = "libsvm"
    suffixes = (".libsvm", ".svm", ".svmlight")
    summary = "libsvm and SVMlight: `LABEL INDEX:VALUE ...`, read as a label and a series of one value per index"

    def recognises(self, file: Input) -> bool:
        """Every line has the form, and some line a pair."""
        lines = [line.strip() for _, line in file.lines if line.strip() and not line.lstrip().startswith("#")]
        return (
            bool(lines)
            and all(_LINE.fullmatch(line) for line in lines)
            and any(_PAIR.search(line) is not None for line in lines)
        )

    def open(self, file: Input, first: Source | None) -> LibsvmSource:
        """Find the largest index of the first file."""
        if isinstance(first, LibsvmSource):
            return LibsvmSource(file.path, file.options.encoding, first.size)
        size = max((indices[-1] for _, _, indices, _ in _lines(file.path, file.options.encoding) if indices), default=0)
        if size == 0:
            raise DataError("no row has a pair of index and value", file.path)
        return LibsvmSource(file.path, file.options.encoding, size)
