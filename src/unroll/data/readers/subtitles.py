"""Subtitles, SubRip, WebVTT and SAMI: a row for each, without its times and its markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row

_TIMES = re.compile(r"(?:\d{1,2}:)?\d{1,2}:\d{2}[,.]\d{1,3}\s*-->\s*(?:\d{1,2}:)?\d{1,2}:\d{2}[,.]\d{1,3}")
_SYNC = re.compile(r"(?i)<sync\s+start\s*=")
_MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")
#: Subtitles by which a file is known.
_LEAST = 3


class SubtitlesSource:
    """A file of subtitles ready to be read.

    Args:
        file: the file.
    """

    fields = (Field("text"),)
    marked = False
    empty = "no subtitles"

    def __init__(self, file: Input) -> None:
        self.said = f"{file.path.name}: subtitles, without times, {encoding_of(file.path, file.options.encoding)}"
        self._file = file

    def rows(self) -> Iterator[Row]:
        """The text of every subtitle that has one; its lines are one.

        Raises:
            DataError: wrong encoding, or a file that cannot be read.
        """
        said: list[str] = []
        start = 0
        for number, raw in numbered_lines(self._file.path, self._file.options.encoding):
            line = raw.strip()
            if _TIMES.match(line) or _SYNC.match(line):
                # The line before times is the number of what follows.
                if said and said[-1].isdecimal() and _TIMES.match(line):
                    said.pop()
                yield from _row(said, start)
                said, start = [], number
                line = "" if _TIMES.match(line) else line
            text = html.unescape(_MARKUP.sub(" ", line)).replace("\xa0", " ").strip()
            if text and start:
                said.append(text)
        yield from _row(said, start)

    def left(self) -> list[str]:
        """Nothing but times and markup."""
        return []


def _row(said: list[str], line: int) -> Iterator[Row]:
    text = " ".join(" ".join(said).split())
    if text:
        yield Row([text], line)


class SubtitlesReader:
    """Reads subtitles."""

    name = "subtitles"
    suffixes = (".srt", ".vtt", ".smi")
    summary = "subtitles (SubRip, WebVTT, SAMI): a row for each, without times and markup"

    def recognises(self, file: Input) -> bool:
        """Lines of times."""
        lines = [line.strip() for _, line in file.lines if line.strip()]
        times = sum(_TIMES.match(line) is not None or _SYNC.match(line) is not None for line in lines)
        return times >= max(_LEAST, len(lines) // 10)

    def open(self, file: Input, first: Source | None) -> SubtitlesSource:
        """The column is always the same."""
        return SubtitlesSource(file)
