"""libsvm's files: a class or number, then index:value of what is not zero, one row per line."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field
from unroll.errors import DataError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PAIR = re.compile(rf"(\d+):({_NUMBER})(?=\s|$)", re.ASCII)
_LINE = re.compile(rf"{_NUMBER}(?:\s+\d+:{_NUMBER})*\s*(?:#.*)?", re.ASCII)
#: A larger index would be a sequence that no recurrent network reads; the file is of words, not of steps.
_MAX_INDEX = 100_000


class LibsvmReader:
    """Reads libsvm's files."""

    name = "libsvm"
    suffixes = (".libsvm", ".svm", ".svmlight")
    summary = "libsvm and SVMlight: `LABEL INDEX:VALUE ...`, read as a label and a series of one value per index"

    def recognises(self, file: Input) -> bool:
        """Every line has the form, and some line a pair."""
        lines = [line.strip() for _, line in file.lines if line.strip()]
        return (
            bool(lines)
            and all(_LINE.fullmatch(line) for line in lines)
            and any(_PAIR.search(line) is not None for line in lines)
        )

    def open(self, file: Input, first: Source | None) -> LineSource:
        """A row has one value per index of the first file."""
        size = first.shared if isinstance(first, LineSource) and first.shared is not None else _largest(file)
        said = f"libsvm, {size} values per row, those that are not written are 0"
        fields = [Field("label"), Field("series", "series", 1)]
        return LineSource(file, fields, said, partial(_cells, size=size), shared=size)


def _largest(file: Input) -> int:
    """The largest index of a file."""
    largest = 0
    for _, line in numbered_lines(file.path, file.options.encoding):
        pairs = _PAIR.findall(line.partition("#")[0])
        # Thousands of digits are no index, and Python does not even read them.
        largest = max(largest, int(pairs[-1][0][:9]) if pairs else 0)
    if not 0 < largest <= _MAX_INDEX:
        raise DataError(f"the largest index is {largest}; expected 1 to {_MAX_INDEX}, the steps of a series", file.path)
    return largest


def _cells(line: str, size: int) -> tuple[str, np.ndarray]:
    """The label of a line, and its values."""
    if not _LINE.fullmatch(line.strip()):
        raise ValueError(f"expected LABEL INDEX:VALUE ..., got {line[:40]!r}")
    row = np.zeros(size, dtype=np.float32)
    before = 0
    for index, value in _PAIR.findall(line.partition("#")[0]):
        at = int(index[:9])
        if not before < at <= size:
            raise ValueError(f"indices must rise from 1 to {size}, the largest of the first file; got {index[:9]}")
        with np.errstate(over="ignore"):
            row[at - 1] = float(value)
        before = at
    if not np.isfinite(row).all():
        raise ValueError("a value is too large for float32")
    return line.split()[0], row
