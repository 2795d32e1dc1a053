"""What a column holds, how a file is to be read, and the limits that hold before memory is taken."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

#: A longer line is refused: it is a binary file or one huge JSON value, and it would be held in memory whole.
MAX_LINE_BYTES = 64 * 2**20
#: A quoted cell may hold line breaks, but not more than this: an unclosed quote would swallow the rest of the file.
MAX_RECORD_CHARACTERS = 16 * 2**20
#: A JSON document cannot be streamed; a larger one belongs into JSONL.
MAX_JSON_BYTES = 512 * 2**20
#: Wide tables of time series have thousands of columns; more than this is a file without line breaks where they should
#: be.
MAX_COLUMNS = 100_000
#: Cells that stand for "no value" in a column of numbers, in lower case, as people, statistical offices, databases and
#: spreadsheets write them. Text columns keep them as they are.
MISSING = (
    *("", "na", "n/a", "n.a.", "nan", "-nan", "null", "none", "nil", "<na>", "nat", "missing", "unavailable"),
    *("-", "--", "\u2013"),
    *(".", "..", "...", "?", "\\n", "#n/a", "#na", "#n/v", "#div/0!", "#value!", "#ref!", "#num!", "#null!"),
    "#name?",
)
#: Cells that are numbers without an end, in lower case: an error where they are used, but no text.
INFINITE = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")


#: What stands before the numbers that stand for no value, where a column is told in words.
_NONE = ", none is "


class Kind(Enum):
    """What the cells of a column hold.

    TEXT: any text, also class names. NUMBER: decimal numbers, missing ones allowed. TIME: dates or times of one
    notation. LABELS: several texts in one cell, such as labels or the tokens of a sentence. SERIES: an array (T, I)
    float32 in every row.
    """

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    LABELS = "labels"
    SERIES = "series"


class Column(NamedTuple):
    """What is known of a column after reading.

    Attributes:
        kind: what its cells hold.
        notation: for TIME, the notation of its times; for NUMBER, that of its numbers, None for plain ones. Two with
            "|" between them both fit.
        separator: for LABELS, what stands between the labels; None if the cells were lists in their file.
        channels: for SERIES, the size I of every step.
        missing: for NUMBER, numbers that stand for no value.
    """

    kind: Kind
    notation: str | None = None
    separator: str | None = None
    channels: int | None = None
    missing: tuple[float, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether the cells are lists of texts, not texts that are cut at a separator."""
        return self.kind is Kind.LABELS and self.separator is None

    def words(self) -> str:
        """All of it as one text, for a config.

        >>> column = Column(Kind.LABELS, separator=",")
        >>> column.words(), Column.read(column.words()) == column
        ('labels ,', True)
        """
        detail = self.notation or self.separator or ("" if self.channels is None else str(self.channels))
        words = f"{self.kind.value} {detail}".rstrip() if detail.strip() else self.kind.value
        return words + (
            _NONE + ",".join(repr(value).removesuffix(".0") for value in self.missing) if self.missing else ""
        )

    @classmethod
    def read(cls, words: str) -> Column:
        """What `words` gave.

        Raises:
            ValueError: it is something else.
        """
        words, _, numbers = words.partition(_NONE)
        missing = tuple(float(number) for number in numbers.split(",")) if numbers else ()
        name, _, detail = words.partition(" ")
        kind = Kind(name)
        if kind is Kind.LABELS:
            return cls(kind, separator=detail or None)
        if kind is Kind.SERIES:
            return cls(kind, channels=int(detail))
        return cls(kind, notation=detail or None, missing=missing)


class Problem(NamedTuple):
    """One thing that is wrong with a row, written down by the reader so that all of them can be listed at once.

    Attributes:
        kind: a word that options and summaries go by, such as "columns" or "empty".
        line: of the file, from 1.
        text: what was expected and what came.
    """

    kind: str
    line: int
    text: str


class ReadOptions(NamedTuple):
    """How a file is to be read. What is None is guessed, and the guess is said in `Table.notes`.

    Attributes:
        format: the name of a reader (`unroll.data.readers.registry.READERS`); None goes by the content, then by the
            file name.
        encoding: the text encoding, such as "utf-8" (with or without byte order mark), "cp949" or "latin-1".
        delimiter: the one character between the cells of a csv or tsv file.
        header: whether the first line holds the column names.
        decimal: the decimal mark of numbers, "." or ",".
        day_first: whether 03/04/2020 is the third of April.
        missing: numbers that stand for no value, in every column of numbers.
        columns: what columns held when a model was trained on them: they are read so again, whatever they look like.
        files: whether the files of a folder are "classes", named by their files, or all of them "rows" of one table.
    """

    format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    header: bool | None = None
    decimal: str | None = None
    day_first: bool | None = None
    missing: tuple[float, ...] = ()
    columns: Mapping[str, Column] = MappingProxyType({})
    files: str | None = None
