"""Running text: whole files with their line breaks, as a language model reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data.readers.lines import numbered_lines
from unroll.data.table.table import Table
from unroll.data.text.tokenizers import Tokenizer

#: About how many characters are tokenized at once; a block ends with a line.
_BLOCK = 1 << 20

_START = re.compile(r"\*\*\* ?START OF (THE|THIS) PROJECT GUTENBERG EBOOK")
_END = re.compile(r"\*\*\* ?END OF (THE|THIS) PROJECT GUTENBERG EBOOK|End of (the )?Project Gutenberg")


class Frame(NamedTuple):
    """The licence text that Project Gutenberg puts around a book: characters before and after it."""

    before: int
    after: int


def is_running_text(table: Table) -> bool:
    """Whether a table was read from plain text files, so that the files themselves can be read as running text."""
    return table.format == "text" and all(path.is_file() for path in table.paths)


def read_text(path: Path, encoding: str = "utf-8") -> str:
    r"""The text of a plain or gzipped file, every line break (``\r\n`` or ``\n``) as ``\n``.

    Raises:
        DataError: wrong encoding, a NUL, or a file that cannot be read; with file and line.
    """
    return "".join(line.removesuffix("\r") + "\n" for _, line in numbered_lines(path, encoding))


def find_frame(text: str) -> Frame | None:
    """Project Gutenberg's frame around a book; None if there is none."""
    start, end = _START.search(text), _END.search(text)
    if start is None or end is None or end.start() < start.end():
        return None
    body = text.find("\n", start.end()) + 1
    return Frame(body, len(text) - end.start())


def blocks(text: str) -> Iterator[str]:
    """A text in pieces of about a million characters that end with a line."""
    at = 0
    while at < len(text):
        end = text.find("\n", at + _BLOCK)
        end = len(text) if end < 0 else end + 1
        yield text[at:end]
        at = end


def encode_text(tokenizer: Tokenizer, text: str) -> np.ndarray:
    """The ids of a long text, (N,) int32, tokenized block by block."""
    return np.concatenate([np.zeros(0, dtype=np.int32), *(tokenizer.encode(block) for block in blocks(text))])
