"""What a column holds, how a file is to be read, and the limits that hold before memory is taken."""

from __future__ import annotations

from enum import Enum
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
#: Cells that stand for "no value" in a column of numbers, in lower case. Text columns keep them as they are.
MISSING = ("", "na", "n/a", "nan", "null", "none", "#n/a")


class Kind(Enum):
    """What the cells of a column hold.

    TEXT: any text, also class names. NUMBER: decimal numbers, missing ones allowed. TIME: dates or times of one
    notation. LABELS: several
    labels in one cell. SERIES: an array (T, I) float32 in every row.
    """

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    LABELS = "labels"
    SERIES = "series"


class ReadOptions(NamedTuple):
    """How a file is to be read. What is None is guessed, and the guess is said in `Table.notes`.

    Attributes:
        format: "csv", "tsv", "text" (one row per line), "jsonl", "json", "parquet" or "ts"; None goes by the file
            name, then by the content.
        encoding: the text encoding, such as "utf-8" (with or without byte order mark), "cp949" or "latin-1".
        delimiter: the one character between the cells of a csv or tsv file.
        header: whether the first line holds the column names.
    """

    format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    header: bool | None = None
