"""fastText's files: labels as words that begin with ``__label__``, and the text, one row per line."""

from __future__ import annotations

from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field

_MARK = "__label__"


class FastTextReader:
    """Reads fastText's files."""

    name = "fasttext"
    suffixes = (".fasttext", ".ft")
    summary = f"fastText: words that begin with `{_MARK}` are the labels of a line, the others its text"

    def recognises(self, file: Input) -> bool:
        """Every line begins or ends with a label."""
        lines = [line.strip() for _, line in file.lines if line.strip()]
        return bool(lines) and all(
            line.startswith(_MARK) or line.rpartition(" ")[2].startswith(_MARK) for line in lines
        )

    def open(self, file: Input, first: Source | None) -> LineSource:
        """The columns are always the same."""
        return LineSource(file, [Field("labels", "list"), Field("text")], f"labels are the words with {_MARK}", _cells)


def _cells(line: str) -> tuple[list[str], str]:
    """The labels and the text of a line.

    >>> _cells("__label__joy __label__love what a day")
    (['joy', 'love'], 'what a day')
    """
    words = line.split()
    labels = [word.removeprefix(_MARK) for word in words if word.startswith(_MARK)]
    if not labels or not all(labels):
        raise ValueError(f"expected a word such as {_MARK}NAME, got {line[:40]!r}")
    return labels, " ".join(word for word in words if not word.startswith(_MARK))
